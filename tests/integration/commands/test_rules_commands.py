"""`rls-cds check-config` and `rls-cds rules`."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

from cards.knowledge.valuesets import valueset_names
from cards.presenting.export.plan_definition import plan_definition, with_limits
from cards.presenting.orders import orderables
from cards.wording.render import render_limits
from cds_service.cli import main
from cds_service.config.settings import Settings
from cds_service.knowledge.checks import unverified_codes
from cds_service.knowledge.load import load_knowledge, national_rules
from tests.builders.command_line import runner
from tests.builders.knowledge import exported

_ROOT = Path(__file__).resolve().parents[3]
RULES = national_rules()


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Write a settings file with the example files of a site beside it."""
    for name in ("site-overrides", "site-codes"):
        shutil.copy(_ROOT / "deploy" / f"{name}.example.toml", tmp_path / f"{name}.toml")
    file = tmp_path / "rls-cds.toml"
    file.write_text('[site]\noverrides = "site-overrides.toml"\nlocal_codes = "site-codes.toml"\n', encoding="utf-8")
    return file


def run(*arguments: str) -> tuple[int, str]:
    result = runner().invoke(main, arguments)
    return result.exit_code, result.stdout + result.stderr


def test_the_example_files_are_fine(configuration: Path) -> None:
    code, said = run("check-config", str(configuration))
    assert code == 0, said
    assert "ferritin.low: at or below 50 ng/mL (this site; nationally 75 ng/mL)" in said
    assert f"{len(unverified_codes())} codes in use await verification" in said
    assert said.endswith("The configuration is fine.\n")


def test_every_fault_of_every_file_is_named_at_once(configuration: Path) -> None:
    site = configuration.parent / "site-overrides.toml"
    site.write_text(site.read_text().replace('replaces = "75"', 'replaces = "70"'), encoding="utf-8")
    codes = configuration.parent / "site-codes.toml"
    codes.write_text(codes.read_text().replace('"tsat"', '"tast"'), encoding="utf-8")
    configuration.write_text("max_cards = 99\n" + configuration.read_text(), encoding="utf-8")
    code, said = run("check-config", str(configuration))
    assert code == 1
    assert [line.split(":")[1].strip() for line in said.splitlines() if line.startswith("Fault")] == [
        "rls-cds.toml",
        "site-overrides.toml",
        "site-codes.toml",
    ]
    assert "3 to correct." in said


def test_a_clients_code_map_is_checked_although_the_client_is_faulty(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[laboratory."urn:x"]\n"1" = "nothing"\n', encoding="utf-8")
    file = tmp_path / "rls-cds.toml"
    file.write_text('[clients.general]\nlocal_codes = "own.toml"\n', encoding="utf-8")
    code, said = run("check-config", str(file))
    assert code == 1
    assert "clients.general.issuer" in said and 'own.toml: laboratory."urn:x".1' in said


@pytest.mark.parametrize("text", ["port = ", None], ids=["no TOML", "no file"])
def test_an_unreadable_file_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "rls-cds.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    code, said = run("check-config", str(file))
    assert (code, said.count("Fault:")) == (1, 1)


# --- rules ------------------------------------------------------------------------------------------------------


def test_the_table_names_every_decision_limit_switch_card_and_unverified_code() -> None:
    code, said = run("rules")
    assert code == 0
    cards = [card for decision in RULES.decisions.values() for card in decision.cards]
    for name in (*RULES.decisions, *RULES.thresholds, *RULES.switches, *cards):
        assert name in said, name
    assert all(f"{system} {number}" in said for _, system, number in unverified_codes())
    assert "No limit or choice of a site's own." in said


def test_the_table_marks_the_sites_own_values(configuration: Path) -> None:
    code, said = run("rules", "--config", str(configuration))
    assert code == 0
    assert "at or below 50 ng/mL (this site; nationally 75 ng/mL)" in said
    assert "Local neurology and haematology follow the lower NICE limit" in said
    assert "warning (this site; nationally info)" in said


def test_faulty_settings_list_no_rules(tmp_path: Path) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text("max_cards = 99\n", encoding="utf-8")
    code, said = run("rules", "--config", str(file))
    assert code == 1 and "max_cards" in said


def _with_a_client(configuration: Path) -> Path:
    """Write production settings without secrets, as a clinical informaticist has them."""
    file = configuration.with_name("production.toml")
    client = 'issuer = "https://ehr.example.org"\njwks_url = "https://ehr.example.org/keys"\n'
    text = configuration.read_text(encoding="utf-8")
    file.write_text(f"{text}\n[clients.general]\nprofile = 'epic'\n{client}", encoding="utf-8")
    return file


def test_the_sites_rules_are_listed_and_files_answered_without_its_secrets(configuration: Path) -> None:
    file = str(_with_a_client(configuration))
    request = str(_ROOT / "fhir_fixtures" / "requests" / "epic-patient-view.json")
    code, said = run("rules", "--config", file)
    assert code == 0 and "at or below 50 ng/mL" in said
    code, said = run("evaluate", request, "--config", file)
    assert code == 0, said
    code, said = run("check-config", file)
    assert code == 1 and "found neither of them; allowed: both, the same for all workers and replicas" in said


def test_an_invalid_secret_is_a_fault_even_if_none_is_needed(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLS_CDS_PSEUDONYM_KEY", "too short")
    code, said = run("rules", "--config", str(_with_a_client(configuration)))
    assert code == 1 and "RLS_CDS_PSEUDONYM_KEY: found ***" in said


def test_the_overrides_of_the_environment_count(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLS_CDS_SITE_OVERRIDES", str(configuration.with_name("site-overrides.toml")))
    monkeypatch.setenv("RLS_CDS_HOST", "0.0.0.0")  # as in a container: nobody is served here
    code, said = run("rules")
    assert code == 0 and "at or below 50 ng/mL" in said
    monkeypatch.setenv("RLS_CDS_SITE_OVERRIDES", "nowhere.toml")
    code, said = run("rules")
    assert code == 1 and "RLS_CDS_SITE_OVERRIDES: found 'nowhere.toml'" in said


@pytest.mark.parametrize(
    ("name", "what", "setting"),
    [
        ("site-overrides.toml", "a file of overrides", "overrides"),
        ("site-codes.toml", "a map of local codes", "local_codes"),
    ],
)
def test_a_site_file_is_not_taken_for_settings(configuration: Path, name: str, what: str, setting: str) -> None:
    code, said = run("check-config", str(configuration.with_name(name)))
    assert code == 1
    assert said == (
        f"Fault: {name}: found {what}; allowed: a settings file such as deploy/rls-cds.example.toml; "
        f"name it in your settings file, {setting} = '{name}' below [site], and check that one\n1 to correct.\n"
    )


def test_an_unknown_setting_names_the_example_file(tmp_path: Path) -> None:
    file = tmp_path / "rls-cds.toml"
    file.write_text("colour_of_the_card = 1\n", encoding="utf-8")
    code, said = run("check-config", str(file))
    assert code == 1 and "look for its name in deploy/rls-cds.example.toml (docs/reference/settings.md)" in said


def test_markdown_tables_are_well_formed() -> None:
    code, said = run("rules", "--format", "markdown")
    assert code == 0
    for block in said.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, rows[:1]


# --- FHIR -------------------------------------------------------------------------------------------------------


def test_the_bundle_holds_every_decision_test_and_value_set() -> None:
    code, said = run("rules", "--format", "fhir")
    assert code == 0
    kinds = Counter(entry["resource"]["resourceType"] for entry in json.loads(said)["entry"])
    assert kinds == {
        "PlanDefinition": len(RULES.decisions),
        "Library": 1,
        "ActivityDefinition": len(orderables()),
        "CodeSystem": 1,
        "StructureDefinition": 11,
        "ValueSet": len(valueset_names()),
    }


def test_the_transaction_and_the_package_go_to_a_file_or_the_output(tmp_path: Path) -> None:
    code, said = run("rules", "--format", "fhir-transaction")
    assert code == 0 and json.loads(said)["type"] == "transaction"
    file = tmp_path / "rls-cds.tgz"
    code, said = run("rules", "--format", "fhir-package", "--out", str(file))
    assert (code, said) == (0, "")
    with tarfile.open(file) as tar:
        manifest = json.loads(tar.extractfile("package/package.json").read())  # type: ignore[union-attr]
    assert manifest["version"] == version("rls-cds")
    assert runner().invoke(main, ["rules", "--format", "fhir-package"]).stdout_bytes == file.read_bytes()


def test_no_archive_is_written_to_a_terminal() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from cds_service.cli import main; main()", "rules", "--format", "fhir-package"]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2 and "name a file with --out" in done.stderr


def plan(name: str) -> dict[str, object]:
    return next(each for each in exported() if each["id"] == name)


@pytest.mark.parametrize("decision", RULES.decisions.values(), ids=RULES.decisions)
def test_a_plan_carries_limits_sources_cards_and_orders(decision: object) -> None:
    from cards.knowledge.rules import DecisionText

    assert isinstance(decision, DecisionText)
    found = plan(f"rls-cds-{decision.name.replace('_', '-')}")
    text = json.dumps(found)
    assert all(f'"valueString": "{name}"' in text for name in (*decision.thresholds, *decision.switches))
    assert all(f'"id": "{card}"' in text for card in decision.cards)
    assert all(f"ActivityDefinition/order-{test}" in text for test in decision.orders)
    cited = {RULES.citations[name].url for card in decision.cards.values() for name in card.citations}
    assert cited - {""} <= {entry.get("url") for entry in found["relatedArtifact"]}  # type: ignore[attr-defined]
    assert not any(entry.get("url") == "" for entry in found["relatedArtifact"])  # type: ignore[attr-defined]


def test_a_site_value_is_exported_with_the_national_one(configuration: Path) -> None:
    paths = {name: str(configuration.parent / f"{file}.toml")
             for name, file in (("overrides", "site-overrides"), ("local_codes", "site-codes"))}  # fmt: skip
    rules = load_knowledge(Settings(site=paths), today=date(2026, 11, 25)).rules
    text = json.dumps(plan_definition(rules.decisions["iron_status"], rules, "1.0"))
    assert '"url": "national", "valueQuantity": {"value": 75' in text
    assert "Local neurology" in text


def test_patient_facts_remain_placeholders() -> None:
    assert with_limits("Ferritin {ferritin}: at or below {limit_ferritin_low}", render_limits(RULES)) == (
        "Ferritin [ferritin]: at or below 75 ng/mL"
    )


# --- evaluate with the rules of a site --------------------------------------------------------------------------


def test_a_file_is_answered_by_the_rules_and_codes_of_the_site(configuration: Path) -> None:
    site, system = configuration.parent / "site-codes.toml", "urn:oid:2.16.840.1.113883.19.5.1"
    assert system in site.read_text()
    ferritin = {
        "resourceType": "Observation", "id": "f", "status": "final", "effectiveDateTime": "2026-05-20",
        "code": {"coding": [{"system": system, "code": "LAB68"}]}, "valueQuantity": {"value": 60, "unit": "ng/mL"},
        "subject": {"reference": "Patient/p"},
    }  # fmt: skip
    tsat = {**ferritin, "id": "t", "code": {"coding": [{"system": system, "code": "LAB70"}]},
            "valueQuantity": {"value": 25, "unit": "%"}}  # fmt: skip
    person = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1970-01-01"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in (person, ferritin, tsat)]}
    file = configuration.parent / "patient.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    asked = ("evaluate", str(file), "--as-of", "2026-06-15", "--assume-rls")
    assert "IRON-TEST" in run(*asked)[1]
    code, said = run(*asked, "--config", str(configuration))
    assert code == 0 and "IRON-MID" in said
    assert "This site's own limit since 2026-05-01: 50 ng/mL in place of 75 ng/mL" in said
    assert run(*asked, "--config", str(configuration), "--client", "nobody")[0] == 2
