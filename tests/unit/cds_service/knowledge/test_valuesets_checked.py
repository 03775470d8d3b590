"""A missing, unreadable or invalid knowledge file stops the start."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from cards.knowledge.rules import BadKnowledge
from cards.knowledge.valuesets import valueset_names
from cds_service.knowledge.catalogue import VALUE_SETS
from cds_service.knowledge.code_formats import code_fault
from cds_service.knowledge.load import national_rules, rules_of
from cds_service.knowledge.valuesets import table_faults, valueset_faults

_CARDS = Path(str(files("cards")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the shipped knowledge files."""
    shutil.copytree(_CARDS, tmp_path / "cards", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "cards"


def faults(folder: Path) -> tuple[str, ...]:
    with pytest.raises(BadKnowledge) as raised:
        rules_of(folder)
    return raised.value.faults


def change(file: Path, found: str, put: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert found in text, found
    file.write_text(text.replace(found, put, 1), encoding="utf-8")


def test_the_shipped_files_have_no_fault(folder: Path) -> None:
    assert valueset_faults() == () and table_faults() == ()
    assert rules_of(folder) == national_rules()


def test_the_catalogue_lists_every_file() -> None:
    assert frozenset(valueset_names()) == VALUE_SETS


def test_the_catalogue_lists_every_value_set_in_the_code() -> None:
    """Laboratory sets and measures; tests/unit/cards/knowledge compares those of diagnoses with the code."""
    code = "\n".join(file.read_text(encoding="utf-8") for file in _CARDS.rglob("*.py"))
    named = set(re.findall(r'"((?:lab|measure)-[a-z0-9-]+)"', code))
    assert named <= VALUE_SETS


@pytest.mark.parametrize(
    ("name", "found", "put", "says"),
    [
        ("lab-magnesium", "19123-9", "19123-8", "http://loinc.org 19123-8: its check digit is wrong"),
        ("rls", "32914008", "32914018", "http://snomed.info/sct 32914018: its check digit is wrong"),
        ("rls", "G25.81", "G25.8l", "icd-10-cm G25.8l: no code of its system; allowed: three signs"),
        ("drug-da", '"code": "746741"', '"code": "74674x"', "rxnorm 74674x: no code of its system"),
        ("rls", '"id": "rls"', '"id": "rsl"', "id: found 'rsl'; allowed: rls"),
        ("rls", '"compose"', '"composed"', "not a usable ValueSet"),
        ("rls", "{", "", "cannot be read as JSON"),
        ("rls", "http://snomed.info/sct", "http://snomed.example", "a code system that no rule here knows"),
        ("pregnant", '"value": "Z34"', '"value": "z34"', "Z34".lower() + " and below: no code of its system"),
    ],
)
def test_a_faulty_value_set_is_refused(folder: Path, name: str, found: str, put: str, says: str) -> None:
    change(folder / "valuesets" / f"{name}.json", found, put)
    named = faults(folder)
    assert any(fault.startswith(f"cards/valuesets/{name}.json: ") and says in fault for fault in named), named


@pytest.mark.parametrize("name", ["lab-magnesium", "esrd", "order-ferritin", "drug-da"])
def test_a_missing_value_set_is_refused(folder: Path, name: str) -> None:
    (folder / "valuesets" / f"{name}.json").unlink()
    (fault,) = faults(folder)
    assert fault == f"cards/valuesets/{name}.json: not there, although rules name it; put back the file of the release"


def test_an_unused_value_set_is_refused(folder: Path) -> None:
    shutil.copy(folder / "valuesets" / "rls.json", folder / "valuesets" / "rsl.json")
    (fault,) = faults(folder)
    assert fault.startswith("cards/valuesets/rsl.json: no rule names it; remove it")


@pytest.mark.parametrize(
    "name",
    [
        "knowledge/citations.toml",
        "knowledge/definitions.toml",
        "labs/analytes.toml",
        "presenting/orderables.toml",
        "wording/reasons.toml",
        "wording/wording.toml",
        "drugs/ingredients.toml",
        "drugs/names.toml",
    ],
)
def test_a_missing_file_is_named_with_the_next_step(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"cards/{name}: cannot be read (No such file or directory); put back the file of the release" in faults(
        folder
    )


def test_a_missing_decisions_folder_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "decisions")
    assert faults(folder)[0].startswith("cards/decisions: cannot be read")


def test_text_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "knowledge" / "citations.toml").write_bytes(b"\xff\xfe")
    (folder / "wording" / "wording.toml").write_bytes(b"\xff\xfe")
    named = faults(folder)
    assert "cards/wording/wording.toml: not TOML" in named[0] and "another encoding" in named[1]


def test_every_fault_is_named_at_once(folder: Path) -> None:
    (folder / "valuesets" / "lab-magnesium.json").unlink()
    change(folder / "valuesets" / "rls.json", "G25.81", "G25.8l")
    change(folder / "decisions" / "folate.toml", 'value = "3"', "value = 3")
    assert len(faults(folder)) == 3


@pytest.mark.parametrize(
    ("found", "put", "says"),
    [
        ('uses = ["b6.ul"', 'uses = ["b6.al"', "uses: b6.al is no threshold or switch of any file"),
        ("next_review = 2027-11-25\n", "", "next_review: found nothing"),
    ],
)
def test_a_decision_names_what_it_uses_and_when_it_is_reviewed(folder: Path, found: str, put: str, says: str) -> None:
    change(folder / "decisions" / "b6_order.toml", found, put)
    assert any(says in fault for fault in faults(folder))


def test_a_limit_of_its_own_is_not_used_from_elsewhere(folder: Path) -> None:
    change(folder / "decisions" / "b6.toml", "uses = [", 'uses = ["b6.ul", ')
    assert faults(folder) == ("cards/decisions/b6.toml: uses: b6.ul is defined in this file itself; remove it",)


@pytest.mark.parametrize(
    ("system", "code", "is_one"),
    [
        ("http://loinc.org", "2276-4", True), ("http://loinc.org", "2276-5", False),
        ("http://loinc.org", "2276", False),
        ("http://snomed.info/sct", "1052284009", True), ("http://snomed.info/sct", "1052284008", False),
        ("http://hl7.org/fhir/sid/icd-10-cm", "E83.110", True), ("http://hl7.org/fhir/sid/icd-10-cm", "E8-3", False),
        ("http://hl7.org/fhir/sid/icd-10", "G25.8", True), ("http://hl7.org/fhir/sid/icd-10", "G25.8A", False),
        ("http://hl7.org/fhir/sid/icd-9-cm", "333.94", True), ("http://hl7.org/fhir/sid/icd-9-cm", "33.94", False),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "24947", True),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "0", False),
        ("http://www.whocc.no/atc", "B03AA07", True), ("http://www.whocc.no/atc", "B03A7", False),
        ("http://www.ama-assn.org/go/cpt", "99195", True), ("http://www.ama-assn.org/go/cpt", "9919", False),
        ("urn:x", "1", False),
    ],
)  # fmt: skip
def test_format_and_check_digit_of_a_code_are_checked(system: str, code: str, is_one: bool) -> None:
    assert (code_fault(system, code) == "") is is_one


def test_an_unused_unit_is_refused(folder: Path) -> None:
    change(folder / "decisions" / "folate_order.toml", 'unit = "mg"', 'unit = "mgs"')
    assert any('thresholds."folate.dose".unit: found mgs; allowed: d, mo, a, mg' in fault for fault in faults(folder))
