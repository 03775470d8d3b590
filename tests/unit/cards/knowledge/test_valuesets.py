"""The value sets are valid FHIR, their codes well formed and sourced, and a code is found in every spelling."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from fhir.resources.R4B.valueset import ValueSet as FhirValueSet

from cards.knowledge.code_systems import CPT, ICD_10_CM, ICD_10_GM, ICD_SYSTEMS, LOINC, SNOMED, UCUM
from cards.knowledge.rules import BadKnowledge
from cards.knowledge.valuesets import (
    EXTENSIONS,
    ConceptIndex,
    Member,
    ValueSet,
    lab_codes,
    load_valueset,
    valueset_from,
    valueset_names,
)
from cards.reading.diagnoses import diagnosis_index
from tests.builders.faults import assert_none, faults

NAMES = [name for name in valueset_names() if not name.startswith("drug-")]

#: Every concept that readers and decisions speak of.
CONTRACT = [
    *("rls", "rls-in-pregnancy", "rls-by-text-only-code", "plmd", "akathisia", "parkinsonism", "pregnant"),
    *("lactation", "esrd", "dialysis-dependence", "ckd-stage-5", "ckd", "kidney-transplant", "overload"),
    *("hereditary-overload", "probable-overload", "ambiguous-iron-disorder", "polycythaemia-vera"),
    *("overload-prone", "iron-deficiency", "b12-deficiency", "folate-deficiency", "b6-deficiency"),
    *("b6-excess", "vitamin-d-deficiency", "hypercalcaemia", "hypomagnesaemia", "hypermagnesaemia"),
    *("hypophosphataemia", "neuropathy", "malabsorption", "bariatric", "inflammatory-bowel", "oxalate"),
    *("primary-hyperoxaluria", "homocystinuria", "g6pd-deficiency", "sepsis", "hyperparathyroidism"),
    *("prolactin-disorder", "heart-failure", "liver-disease", "alcohol-disorder", "active-cancer", "copd"),
    *("sleep-apnoea", "chemotherapy", "anaemia-of-pregnancy", "anaemia-in-ckd", "menorrhagia"),
    *("blood-donor", "granulomatous-disease", "prediabetes", "osteoporosis"),
    *("anaphylaxis-or-transfusion-reaction", "iron-adverse-reaction", "acute-kidney-injury", "opioid-use"),
    *(
        "pyridoxine-dependent-epilepsy",
        "symptoms-only",
        "dialysis-procedure",
        "haemodialysis-procedure",
        "peritoneal-dialysis-procedure",
    ),
    *("therapeutic-phlebotomy", "bariatric-procedure", "transfusion", "lab-ferritin", "lab-iron"),
    *("lab-tibc", "lab-uibc", "lab-transferrin", "lab-tsat", "lab-b12", "lab-mma", "lab-homocysteine"),
    *("lab-folate", "lab-folate-rbc", "lab-vitd", "lab-vitd3", "lab-vitd2", "lab-magnesium", "lab-plp"),
    *("lab-crp", "lab-haemoglobin", "lab-mcv", "lab-egfr", "lab-calcium", "lab-calcium-corrected"),
    *("lab-calcium-ionised", "lab-albumin", "lab-phosphate", "measure-body-weight"),
    *("measure-gestational-age", "measure-due-date", "measure-pregnancy-status", "order-ferritin"),
    *("order-iron-panel", "order-iron", "order-tibc", "order-transferrin", "order-tsat", "order-b12"),
    *("order-mma", "order-folate", "order-vitd", "order-magnesium", "order-phosphate", "order-calcium"),
    *("order-crp", "order-egfr", "order-plp", "order-pth"),
]


def _members(values: ValueSet) -> list[tuple[tuple[str, str], Member]]:
    return [*values.codes.items(), *values.categories.items()]


def test_every_concept_that_is_spoken_of_has_a_value_set_with_codes() -> None:
    def has_codes(name: str) -> None:
        assert _members(load_valueset(name))

    assert_none(faults(has_codes, CONTRACT))


def is_valid_fhir_named_like_its_file(name: str) -> None:
    content = json.loads((files("cards") / "valuesets" / f"{name}.json").read_text(encoding="utf-8"))
    valid = FhirValueSet.model_validate(content)
    assert valid.id == name
    assert valid.url == f"https://rls-cds.example.org/ValueSet/{name}"


def every_code_has_a_display_and_a_source(name: str) -> None:
    bare = [code for code, member in _members(load_valueset(name)) if not (member.display and member.source)]
    assert bare == []


def what_is_known_from_memory_alone_is_marked_unverified(name: str) -> None:
    unmarked = [
        code
        for code, member in _members(load_valueset(name))
        if member.source == "from memory" and not member.unverified
    ]
    assert unmarked == []


def _mod_10(code: str) -> bool:
    """LOINC's check digit: every second digit from the right doubled, digits summed, up to the next ten."""
    digits, check = code.split("-")
    doubled = [int(d) * 2 if i % 2 == 0 else int(d) for i, d in enumerate(reversed(digits))]
    return (-sum(sum(divmod(d, 10)) for d in doubled)) % 10 == int(check)


_TIMES = (
    *("0123456789", "1234067895", "2340178956", "3401289567", "4012395678"),
    *("5987604321", "6598710432", "7659821043", "8765932104", "9876543210"),
)
_PERMUTE = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def _verhoeff(code: str) -> bool:
    """SNOMED's check digit."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_TIMES[check][int(_PERMUTE[place % 8][int(digit)])])
    return check == 0


def test_check_digits_are_told_right_from_wrong() -> None:
    assert _mod_10("2276-4")
    assert not _mod_10("2276-5")
    assert _verhoeff("32914008")
    assert not _verhoeff("32914009")


def check_digits_of_loinc_and_snomed_codes_are_right(name: str) -> None:
    codes = [code for code, _ in _members(load_valueset(name))]
    wrong = [code for system, code in codes if system == LOINC and not _mod_10(code)]
    wrong += [code for system, code in codes if system == SNOMED and not _verhoeff(code)]
    assert wrong == []


@pytest.mark.parametrize(
    "check",
    [
        is_valid_fhir_named_like_its_file,
        every_code_has_a_display_and_a_source,
        what_is_known_from_memory_alone_is_marked_unverified,
        check_digits_of_loinc_and_snomed_codes_are_right,
    ],
    ids=lambda check: check.__name__,
)
def test_each_file_of_a_value_set_is_right(check: Callable[[str], None]) -> None:
    assert_none(faults(check, NAMES))


def test_the_unverified_codes_can_be_listed() -> None:
    listed = {(name, code) for name in NAMES for _, code in load_valueset(name).unverified()}
    assert ("rls", "N04") in listed
    assert ("therapeutic-phlebotomy", "99195") in listed
    assert ("order-ferritin", "82728") in listed
    assert ("rls", "G25.81") not in listed
    assert ("overload", "60737008") not in listed


def test_codes_the_amendments_verified_are_not_marked() -> None:
    for name, code in [("sepsis", "91302008"), ("polycythaemia-vera", "109992005"), ("kidney-transplant", "737295003")]:
        assert not load_valueset(name).codes[SNOMED, code].unverified


def test_a_name_without_a_file_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_valueset("no-such-concept")


# ------------------------------------------------------------------ laboratory codes


#: Codes that records of the field taught, and creatinine (data amendments 3; clinical amendments 2, section 1).
_ADDED = {
    *("70969-1", "50210-4", "50384-7", "94677-2"),
    *("93846-4", "30313-1", "20509-6", "55782-7"),
    *("2160-0", "14682-9"),
}


def _accepted(shared: Path) -> list[str]:
    rows = csv.DictReader((shared / "spec" / "codes.csv").read_text(encoding="utf-8").splitlines())
    never = {"Folate RBC", "sTfR", "Retic Hb"}
    total_b6 = {"2900-9", "39786-9"}
    return [
        row["code"]
        for row in rows
        if row["system"] == "LOINC" and "reject" not in row["use"] and row["concept"] not in never
        if row["code"] not in total_b6
    ]


def test_the_codes_asked_for_are_those_the_clinical_page_accepts_and_in_its_order(shared: Path) -> None:
    assert lab_codes()[0] == "29463-7"
    assert [code for code in lab_codes()[1:] if code not in _ADDED] == [
        code for code in _accepted(shared) if code not in _ADDED
    ]
    assert set(lab_codes()) >= _ADDED


def test_no_rejected_code_is_asked_for_or_read() -> None:
    rejected = {code for _, code in load_valueset("lab-rejected").codes}
    read = {
        code
        for name in NAMES
        if name.startswith("lab-") and name != "lab-rejected"
        for _, code in load_valueset(name).codes
    }
    assert not rejected & {*lab_codes(), *read}


def test_whole_blood_ferritin_has_low_priority_and_the_unit_less_code_needs_a_unit() -> None:
    codes = load_valueset("lab-ferritin").codes
    assert codes[LOINC, "24373-3"].use == "low-priority"
    assert codes[LOINC, "35209-6"].use == "only-with-unit"
    assert codes[LOINC, "2276-4"].use == "accept"


# ------------------------------------------------------------------ the index


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (ICD_10_CM, "G25.81", "rls"),
        ("urn:oid:2.16.840.1.113883.6.90", "G2581", "rls"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "33394", "rls"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "333.99", "rls-by-text-only-code"),
        ("http://hl7.org/fhir/sid/icd-10", "G25.8", "rls-by-text-only-code"),
        (ICD_10_GM, "G25.81", "rls"),
        (ICD_10_GM, "G25.80", "plmd"),
        (SNOMED, "1052284009", "rls"),
        (SNOMED, "1052284009", "pregnant"),
        (SNOMED, "1052284009", "rls-in-pregnancy"),
        ("http://id.who.int/icd/release/11/mms", "7A80", "rls"),
        ("http://hl7.org/fhir/sid/icpc-2", "N04", "rls"),
        ("http://hl7.org/fhir/sid/icpc-1", "N04", "rls"),
        ("http://hl7.org/fhir/sid/icd-10", "G25.81", "rls"),
        ("http://hl7.org/fhir/sid/icd-10-es", "G25.81", "rls"),
        (SNOMED, "399170009", "overload"),
        (SNOMED, "399170009", "hereditary-overload"),
        (SNOMED, "13645005", "copd"),
        (SNOMED, "78275009", "sleep-apnoea"),
        (SNOMED, "734434007", "pyridoxine-dependent-epilepsy"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "V45.11", "dialysis-dependence"),
        (ICD_10_CM, "G20", "parkinsonism"),
        (ICD_10_CM, "G20.A1", "parkinsonism"),
        (ICD_10_CM, "A40.9", "sepsis"),
        (ICD_10_CM, "Z34.82", "pregnant"),
        (ICD_10_CM, "O26.892", "pregnant"),
        (ICD_10_CM, "O9A.212", "pregnant"),
        (ICD_10_CM, "O99.353", "pregnant"),
        (ICD_10_CM, "O99.354", "pregnant"),
        (ICD_10_CM, "O99.355", "puerperal"),
        (ICD_10_CM, "O80", "puerperal"),
        (ICD_10_CM, "O90.81", "puerperal"),
        (ICD_10_CM, "Z3A.12", "gestation-week"),
        (ICD_10_CM, "E83.119", "overload"),
        ("http://hl7.org/fhir/sid/icd-10", "E83.1", "overload"),
        ("http://hl7.org/fhir/sid/icd-10-am", "E83.1", "overload"),
        (ICD_10_GM, "E83.1", "overload"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "275.02", "overload"),
        (ICD_10_CM, "E83.19", "probable-overload"),
        (ICD_10_CM, "E80.1", "probable-overload"),
        (ICD_10_CM, "E83.10", "ambiguous-iron-disorder"),
        (SNOMED, "30913008", "ambiguous-iron-disorder"),
        (ICD_10_CM, "Z91.151", "dialysis-dependence"),
        (ICD_10_CM, "Z91.158", "dialysis-dependence"),
        (ICD_10_CM, "E72.530", "primary-hyperoxaluria"),
        (ICD_10_CM, "N18.3", "ckd"),
        (ICD_10_CM, "N18.30", "iron-indication"),
        (ICD_10_CM, "D46.B", "overload-prone"),
        (ICD_10_CM, "D57.1", "overload-prone"),
        (ICD_10_CM, "O99.011", "iron-deficiency"),
        (ICD_10_CM, "E11.42", "neuropathy"),
        (ICD_10_CM, "C50.911", "active-cancer"),
        (ICD_10_CM, "T80.51XA", "anaphylaxis-or-transfusion-reaction"),
    ],
)
def test_a_code_is_in_its_concept(system: str, code: str, concept: str) -> None:
    assert concept in diagnosis_index().concepts_of(system, code)


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (ICD_10_CM, "G25.8", "rls"),
        (ICD_10_CM, "G25.71", "rls"),
        (ICD_10_CM, "O99.352", "rls"),
        (ICD_10_CM, "O99.355", "pregnant"),
        (ICD_10_CM, "O90.81", "pregnant"),
        (ICD_10_CM, "O24.430", "pregnant"),
        (ICD_10_CM, "Z33.2", "pregnant"),
        (ICD_10_CM, "Z39.1", "pregnant"),
        (ICD_10_CM, "Z39.2", "pregnant"),
        (ICD_10_CM, "Z3A.12", "pregnant"),
        (ICD_10_CM, "E83.1", "overload"),
        (ICD_10_CM, "E83.19", "overload"),
        (ICD_10_CM, "E83.10", "overload"),
        (SNOMED, "30913008", "overload"),
        (ICD_10_CM, "E83.111", "hereditary-overload"),
        (SNOMED, "60737008", "hereditary-overload"),
        (ICD_10_CM, "D57.3", "overload-prone"),
        (ICD_10_CM, "D56.3", "overload-prone"),
        (ICD_10_CM, "N18.5", "esrd"),
        (ICD_10_CM, "E66.01", "neuropathy"),
        (ICD_10_CM, "C44.91", "active-cancer"),
        (ICD_10_CM, "G20ABCDEF", "parkinsonism"),
        ("http://example.org/local", "G25.81", "rls"),
        ("", "G25.81", "rls"),
    ],
)
def test_a_code_is_not_in_a_concept_that_it_only_resembles(system: str, code: str, concept: str) -> None:
    assert concept not in diagnosis_index().concepts_of(system, code)


@pytest.mark.parametrize("malformed", [None, 7, ["G25.81"], {"code": "G25.81"}, True])
def test_what_is_no_text_is_in_no_concept(malformed: object) -> None:
    assert diagnosis_index().concepts_of(ICD_10_CM, malformed) == frozenset()
    assert diagnosis_index().concepts_of(malformed, "G25.81") == frozenset()


def _site(**changes: object) -> dict[str, object]:
    concept = [{"code": "RLS1", "display": "Restless legs (local)"}]
    include = [{"system": "http://example.org/problems", "concept": concept}]
    return {"id": "rls", "title": "t", "url": "u", "compose": {"include": include}} | changes


def test_a_site_adds_codes_of_its_own_to_a_concept() -> None:
    index = ConceptIndex([load_valueset("rls"), valueset_from(_site(), "site.json")])
    assert index.concepts_of("http://example.org/problems", "RLS1") == {"rls"}
    assert index.concepts_of(ICD_10_CM, "G25.81") == {"rls"}


@pytest.mark.parametrize(
    "changes",
    [
        {"compose": {}},
        {"compose": {"include": [{"concept": [{"code": "1"}]}]}},
        {"compose": {"include": ["x"]}},
        {"compose": {"include": [{"system": "s", "filter": [{"property": "code", "op": "regex", "value": "G.*"}]}]}},
        {"compose": None},
    ],
)
def test_a_file_that_is_no_usable_value_set_is_named_in_the_message(changes: dict[str, object]) -> None:
    with pytest.raises(BadKnowledge, match=r"site\.json"):
        valueset_from(_site(**changes), "site.json")


def test_only_an_icd_code_tells_what_it_lies_below_and_only_where_a_prefix_is_given() -> None:
    categories = [system for name in NAMES for system, _ in load_valueset(name).categories]
    assert set(categories) <= ICD_SYSTEMS | {SNOMED}
    assert "iron-deficiency" not in diagnosis_index().concepts_of(ICD_10_CM, "D50.99")
    assert "heart-failure" in diagnosis_index().concepts_of(SNOMED, "84114007")
    assert diagnosis_index().concepts_of(SNOMED, "841140071") == frozenset()


DIAGNOSES = [name for name in NAMES if not name.startswith(("lab-", "measure-", "order-"))]
#: Value sets of diagnoses without a SNOMED code, each with the reason.
WITHOUT_SNOMED = {
    "akathisia": "no source was found for its concept",
    "b6-excess": "no source was found for its concept",
    "blood-donor": "no source was found for its concept",
    "rls-by-text-only-code": "names the residual categories of ICD, which SNOMED CT has no counterpart of",
}


@pytest.mark.parametrize("name", DIAGNOSES)
def test_every_set_of_diagnoses_and_procedures_has_a_snomed_code(name: str) -> None:
    codes = [code for system, code in load_valueset(name).codes if system == SNOMED]
    assert bool(codes) is (name not in WITHOUT_SNOMED)


def test_a_root_is_found_by_its_own_code_and_listed_for_a_terminology_server() -> None:
    held = load_valueset("copd")
    assert (SNOMED, "13645005") in held.roots() and (SNOMED, "13645005") in held.codes
    assert all(system == SNOMED for system, _ in held.roots())
    assert load_valueset("lab-ferritin").roots() == ()


def test_what_lies_below_a_root_and_is_taken_out_is_in_no_set() -> None:
    """Skin cancers other than melanoma are no active cancer (the ICD categories leave them out as well)."""
    index = diagnosis_index()
    assert "active-cancer" in index.concepts_of(SNOMED, "363346000")
    assert "active-cancer" not in index.concepts_of(SNOMED, "254701007")
    assert "active-cancer" in index.excluded_from(SNOMED, "254701007")


def test_the_weeks_of_a_gestation_code_are_those_its_name_says() -> None:
    for (_, code), member in load_valueset("gestation-week").codes.items():
        assert f"{member.weeks} week" in member.display, code
    assert {member.weeks for member in load_valueset("gestation-week").codes.values()} >= set(range(1, 43))


def test_an_unverified_code_is_known_as_such() -> None:
    index = ConceptIndex([load_valueset("therapeutic-phlebotomy"), load_valueset("rls")])
    assert index.is_unverified(CPT, "99195", "therapeutic-phlebotomy")
    assert not index.is_unverified(SNOMED, "32914008", "rls")
    assert index.concepts_of(UCUM, "99195") == frozenset()


def test_all_that_a_file_says_is_kept() -> None:
    """Codes, categories, what is taken out of both, and the remarks beside each."""
    local = "http://example.org/problems"
    remarks = [
        {"url": f"{EXTENSIONS}code-source", "valueString": "the site's list"},
        {"url": f"{EXTENSIONS}code-note", "valueString": "old name"},
        {"url": f"{EXTENSIONS}code-display", "valueString": "Movement disorders"},
        {"url": f"{EXTENSIONS}code-use", "valueCode": "low-priority"},
        {"url": f"{EXTENSIONS}code-unverified", "valueBoolean": True},
    ]
    below = {"property": "concept", "op": "is-a"}
    include = [
        {"system": local, "concept": [{"code": "A", "display": "Restless legs", "extension": remarks}, {"code": "B"}]},
        {"system": ICD_10_CM, "filter": [below | {"value": "G25"}], "extension": remarks},
        {"system": ICD_10_CM, "filter": [below | {"value": "G47"}]},
    ]
    exclude = [
        {"system": local, "concept": [{"code": "B"}]},
        {"system": ICD_10_CM, "filter": [below | {"value": "G25.7"}]},
    ]
    found = valueset_from(_site(title="Restless", compose={"include": include, "exclude": exclude}), "site.json")
    assert (found.name, found.title, found.url) == ("rls", "Restless", "u")
    assert found.codes == {
        (local, "A"): Member("Restless legs", "the site's list", True, "old name", "low-priority"),
        (local, "B"): Member("", ""),
    }
    assert found.categories == {
        (ICD_10_CM, "G25"): Member("Movement disorders", "the site's list", True, "old name", "low-priority"),
        (ICD_10_CM, "G47"): Member("", ""),
    }
    assert (found.excluded, found.excluded_categories) == ({(local, "B")}, {(ICD_10_CM, "G25.7")})
    index = ConceptIndex([found])
    assert index.concepts_of(local, "A") == index.concepts_of(ICD_10_CM, "G25.81") == {"rls"}
    assert index.concepts_of(local, "B") == index.concepts_of(ICD_10_CM, "G25.71") == frozenset()
