"""`rls-cds valuesets expand`: pages, servers of three makes, faults, a kill in the middle, and what a site gains."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cards.fhir.local_codes import local_key
from cds_service.cli import main
from cds_service.config.load import load_settings
from cds_service.fhir.terminology import PAGE, NotExpanded, TerminologyServer, server_fault
from cds_service.knowledge.expansions import read_expansion, rooted_sets
from cds_service.knowledge.load import load_knowledge
from cds_service.offline.expand import work_file
from tests.builders.command_line import runner
from tests.fakes import terminology_server as fake
from tests.fakes.terminology_server import SNOMED, descendants, terminology_server

_MAIN = "from cds_service.cli import main; main()"
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
SETS = rooted_sets()


def run(*arguments: str, **environ: str) -> Result:
    return runner().invoke(main, ["valuesets", *arguments], catch_exceptions=False, env=environ)


def expand(server: fake.TerminologyServer, out: Path, *more: str, **environ: str) -> Result:
    return run("expand", "--server", server.base, "--out", str(out), *more, **environ)


@pytest.mark.parametrize("shape", [fake.ontoserver, fake.hapi, fake.snowstorm, fake.all_at_once])
def test_every_set_is_asked_for_and_read_to_its_end(shape: fake.Shape, tmp_path: Path) -> None:
    """One set is longer than a page."""
    out = tmp_path / "expansions.ndjson"
    with terminology_server(shape=shape, many={"copd": PAGE + 7}) as server:
        result = expand(server, out)
        assert result.exit_code == 0, result.stderr
        assert {each.name for each in server.asked} == set(SETS)
        offsets = [each.offset for each in server.asked if each.name == "copd"]
    found, faults = read_expansion(out)
    assert (faults, set(found.sets), found.missing()) == ((), set(SETS), ())
    below = {code for root in SETS["copd"] for code in descendants(root, PAGE + 7)}
    assert found.sets["copd"].codes >= below | set(SETS["copd"])
    assert len(offsets) > 1 or shape is fake.all_at_once
    assert offsets == sorted(set(offsets))
    assert not work_file(out).exists()


def test_a_server_that_refuses_pages_is_asked_for_everything(tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    with terminology_server(shape=fake.hapi_in_memory, many={"copd": PAGE + 7}) as server:
        result = expand(server, out)
        assert result.exit_code == 0, result.stderr
        assert [each.count == PAGE for each in server.asked if each.name == "copd"] == [True, False]
    found, faults = read_expansion(out)
    assert (faults, found.missing()) == ((), ())
    assert found.sets["copd"].codes >= {code for root in SETS["copd"] for code in descendants(root, PAGE + 7)}


def test_our_own_remarks_are_not_sent(tmp_path: Path) -> None:
    """What is sent is public: the SNOMED codes of a set, and nothing of a patient or a site."""
    with terminology_server() as server:
        expand(server, tmp_path / "x", TERMINOLOGY_SERVER_TOKEN="abc.def")
        sent = server.asked
    assert {each.headers["Authorization"] for each in sent} == {"Bearer abc.def"}
    assert "extension" not in json.dumps([each.valueset for each in sent])
    assert {part["system"] for each in sent for part in each.valueset["compose"]["include"]} == {SNOMED}


def test_what_is_no_token_is_not_sent(tmp_path: Path) -> None:
    with terminology_server() as server:
        result = expand(server, tmp_path / "x", TERMINOLOGY_SERVER_TOKEN="abc\r\nX: y")
        assert (result.exit_code, server.asked) == (1, [])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (fake.outcome(422, "too-costly", "The expansion has too many codes"), "too-costly, The expansion has too many"),
        (fake.outcome(404, "not-found", "SNOMED CT is not loaded"), "not-found, SNOMED CT is not loaded"),
        (fake.outcome(200, "exception", "HAPI-0831"), "something else than an expansion: exception, HAPI-0831"),
        (fake.plainly(200, {"resourceType": "ValueSet"}), "something else than an expansion"),
        (fake.plainly(200, b"<html>"), "something else than an expansion"),
        (fake.plainly(500), "the server failed (status 500)"),
        (fake.plainly(400), "the server refused it (status 400)"),
        (fake.same_page, "sends the same page whatever the offset"),
        (fake.plainly(200, {"resourceType": "ValueSet", "expansion": {"contains": [{"system": SNOMED, "code": "1x"}]}}),
         "is no SNOMED code"),
    ],
)  # fmt: skip
def test_a_set_that_fails_is_named_and_the_others_are_written(shape: fake.Shape, said: str, tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    with terminology_server(shapes={"copd": shape}, many={"copd": PAGE + 7}) as server:
        result = expand(server, out)
    assert result.exit_code == 1
    assert result.stderr.startswith("copd: ") and said in result.stderr
    found, faults = read_expansion(out)
    assert (faults, found.missing()) == ((), ("copd",))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (fake.plainly(401), "asks for a sign-in (status 401)"),
        (fake.plainly(403, {"resourceType": "OperationOutcome"}), "asks for a sign-in (status 403)"),
        (fake.plainly(404), "no ValueSet/$expand there"),
        (fake.plainly(302), "the server redirects"),
    ],
)
def test_a_server_that_answers_nobody_is_asked_once(shape: fake.Shape, said: str, tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    with terminology_server(shape=shape) as server:
        result = expand(server, out)
        assert len(server.asked) == 1
    assert result.exit_code == 1 and said in result.stderr
    assert not out.exists()


def test_a_busy_server_is_asked_again_after_a_while() -> None:
    waited: list[float] = []
    answers = iter([(503, None), (429, None), (200, None)])

    def busy(codes: list[str], offset: int, count: int, valueset: dict[str, Any]) -> tuple[int, Any]:
        status, _ = next(answers)
        return fake.ontoserver(codes, offset, count, valueset) if status == 200 else (status, None)

    with terminology_server(shape=busy) as server:
        asked = TerminologyServer(server.base, sleep=waited.append)
        valueset = {"url": "x/copd", "compose": {"include": [{"system": SNOMED, "concept": [{"code": "13645005"}]}]}}
        (page,) = asked.pages(valueset, SNOMED)
        asked.close()
    assert (page.codes, waited) == (("13645005",), [1.0, 2.0])


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with terminology_server() as server:
        base = server.base
    asked = TerminologyServer(base, sleep=lambda _: None)
    with pytest.raises(NotExpanded, match="cannot be reached") as raised:
        list(asked.pages({"url": "x/copd"}, SNOMED))
    asked.close()
    assert raised.value.is_final


@pytest.mark.parametrize(
    ("url", "allow_http", "is_allowed"),
    [
        ("https://tx.example.org/fhir", False, True),
        ("http://localhost:8080/fhir", False, True),
        ("http://127.0.0.1:8080/fhir", False, True),
        ("http://tx.example.org/fhir", False, False),
        ("http://tx.example.org/fhir", True, True),
        ("https://user@tx.example.org/fhir", False, False),
        ("https://tx.example.org/fhir?x=1", False, False),
        ("ftp://tx.example.org/fhir", False, False),
        ("tx.example.org", False, False),
    ],
)
def test_only_a_plain_address_is_asked_and_clear_text_only_on_this_machine(
    url: str, allow_http: bool, is_allowed: bool
) -> None:
    assert (server_fault(url, allow_http=allow_http) == "") is is_allowed
    if not is_allowed and "http://" not in url:
        assert run("expand", "--server", url).exit_code == 2


def test_the_address_policy_of_the_service_holds_here(tmp_path: Path) -> None:
    """A name that is no loopback name must not lead to this machine (reliability SSRF-5)."""
    with terminology_server() as server:
        port = server.base.split(":")[2].partition("/")[0]
        asked = TerminologyServer(f"http://0.0.0.0:{port}/fhir", sleep=lambda _: None)
        with pytest.raises(NotExpanded, match="may not be reached"):
            list(asked.pages({"url": "x/copd"}, SNOMED))
        asked.close()
        assert server.asked == []


# ------------------------------------------------------------------ a kill in the middle


def test_a_run_that_is_killed_goes_on_with_the_next_page(tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    order = list(SETS)
    big = order[3]
    with terminology_server(many={big: 2 * PAGE}, gate=threading.Event(), gate_from=4) as server:
        command = [sys.executable, "-c", _MAIN, "valuesets", "expand", "--server", server.base, "--out", str(out)]
        with subprocess.Popen(command, env={**os.environ}, stderr=subprocess.PIPE) as process:
            is_reached = server.reached.wait(60)
            process.send_signal(signal.SIGKILL)
        assert is_reached, "the second page of the fourth set was never asked for"
        assert not out.exists() and work_file(out).exists()
        with work_file(out).open("a") as file:
            file.write('{"page": "' + big)  # a line that was cut off
        before = len(server.asked)
        assert server.gate is not None
        server.gate.set()
        result = expand(server, out)
        later = [(each.name, each.offset) for each in server.asked[before:]]
    assert result.exit_code == 0, result.stderr
    assert "(3 of them from an earlier run)" in result.stdout
    assert later[0] == (big, PAGE)
    assert [name for name, _ in later if name in order[:3]] == []
    found, faults = read_expansion(out)
    assert (faults, found.missing()) == ((), ())
    assert found.sets[big].codes >= {code for root in SETS[big] for code in descendants(root, 2 * PAGE)}


def test_what_another_server_said_is_not_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    work_file(out).write_text(
        '{"format": "rls-cds expansion 1", "server": "https://other.example/fhir"}\n'
        '{"page": "copd", "entries": 500, "codes": ["13645005"]}\n'
    )
    with terminology_server() as server:
        assert expand(server, out).exit_code == 0
        assert [each.offset for each in server.asked if each.name == "copd"] == [0]


def test_a_new_run_replaces_the_file_at_its_end_alone(tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    with terminology_server() as server:
        assert expand(server, out).exit_code == 0
        first = out.read_text()
        server.shape = fake.plainly(401)
        assert expand(server, out).exit_code == 1
        assert out.read_text() == first
        server.shape, server.below = fake.ontoserver, 5
        assert expand(server, out).exit_code == 0
        assert out.read_text() != first


# ------------------------------------------------------------------ what a site gains


def expanded(tmp_path: Path, **how: Any) -> Path:
    out = tmp_path / "expansions.ndjson"
    with terminology_server(**how) as server:
        expand(server, out)
    return out


def settings_of(tmp_path: Path, expansions: Path) -> Path:
    path = tmp_path / "rls-cds.toml"
    path.write_text(f'[site]\nexpansions = "{expansions.name}"\n')
    return path


def test_a_code_below_a_root_counts_once_the_settings_name_the_file(tmp_path: Path) -> None:
    settings = load_settings(settings_of(tmp_path, expanded(tmp_path)), {}, for_server=False)
    site = load_knowledge(settings, today=NOW.date()).sites["open"]
    below = descendants("399187006", 1)[0]
    assert site.diagnosis_codes[local_key(SNOMED, below)] == {"overload", "hereditary-overload"}
    dialysis = descendants("302497006", 1)[0]
    assert "haemodialysis-procedure" in site.procedure_codes[local_key(SNOMED, dialysis)]
    assert site.expanded == len(site.diagnosis_codes) + len(site.procedure_codes)


def test_the_own_codes_of_a_site_keep_their_meaning_beside_it(tmp_path: Path) -> None:
    out = expanded(tmp_path)
    (tmp_path / "codes.toml").write_text('[diagnoses."urn:oid:1.2.3"]\n"D1" = "rls"\n')
    path = tmp_path / "rls-cds.toml"
    path.write_text(f'[site]\nexpansions = "{out.name}"\nlocal_codes = "codes.toml"\n')
    site = load_knowledge(load_settings(path, {}, for_server=False), today=NOW.date()).sites["open"]
    assert site.diagnosis_codes["urn:oid:1.2.3", "D1"] == {"rls"}
    result = runner().invoke(main, ["check-config", str(path)], catch_exceptions=False)
    assert "open: 1 local codes" in result.stdout


def test_check_config_says_how_old_the_file_is_and_what_it_lacks(tmp_path: Path) -> None:
    out = expanded(tmp_path, shapes={"copd": fake.plainly(500)})
    result = runner().invoke(main, ["check-config", str(settings_of(tmp_path, out))], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"expansions: {len(SETS) - 1} value sets" in result.stdout and " 0 days old, from http://" in result.stdout
    assert "value sets without an expansion: copd" in result.stdout
    assert "Warning: the expansion file lacks copd" in result.stdout
    found, _ = read_expansion(out)
    assert [each for each in found.warnings(date(2028, 1, 1)) if "days old" in each]
    (tmp_path / "empty.toml").write_text("")
    result = runner().invoke(main, ["check-config", str(tmp_path / "empty.toml")], catch_exceptions=False)
    assert "expansions: none; below its SNOMED roots a code counts only where our lists name it" in result.stdout


def test_a_set_expanded_from_other_roots_than_todays_is_lacking(tmp_path: Path) -> None:
    out = expanded(tmp_path)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for line in lines:
        line.update({"roots": ["13645005"]} if line.get("set") == "copd" else {})
    out.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found, faults = read_expansion(out)
    assert (faults, found.missing()) == ((), ("copd",))


HEADER = '{"format": "rls-cds expansion 1", "server": "https://tx.example.org"}\n'
AT = '"at": "2026-06-15T12:00:00+00:00"'


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "no expansion file"),
        ("[site]\n", "no expansion file"),
        ('{"format": "rls-cds expansion 9", "server": "x"}\n', "no expansion file"),
        (HEADER + "{}\n", ":2: no line of a value set"),
        (HEADER + '{"page": "copd", "entries": 1, "codes": []}\n', ":2: no line of a value set"),
        (HEADER + f'{{"set": "nonsense", {AT}, "roots": [], "codes": []}}\n', "is called 'nonsense'"),
        (HEADER + '{"set": "copd", "at": "2026-06-15", "roots": [], "codes": []}\n', "a time without a zone"),
        (HEADER + f'{{"set": "copd", {AT}, "roots": [], "codes": ["13645006"]}}\n', "check digit is wrong"),
        (HEADER + f'{{"set": "copd", {AT}, "roots": [], "codes": "13645005"}}\n', "no list of texts"),
        (HEADER + '{"set": "copd"}\n', ":2: 'at'"),
    ],
)
def test_a_file_that_is_no_expansion_stops_the_start_and_says_why(content: str, fault: str, tmp_path: Path) -> None:
    out = tmp_path / "expansions.ndjson"
    out.write_text(content)
    result = runner().invoke(main, ["check-config", str(settings_of(tmp_path, out))], catch_exceptions=False)
    assert result.exit_code == 1
    assert "expansions.ndjson" in result.stderr and fault in result.stderr


def test_the_list_counts_the_codes_and_roots_of_every_set() -> None:
    result = run()
    assert result.exit_code == 0 and result.stdout == run("list").stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("overload "))
    assert line.split()[2] == "2"
