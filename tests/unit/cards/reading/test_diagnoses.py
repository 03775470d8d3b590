"""What a Condition says of a patient, by its code, its words, its statuses, its end and its category."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from cards.dates import months_before
from cards.facts.chart import Certainty, Chart, Diagnosis
from cards.reading.diagnoses import diagnosis_concepts, names_rls_in_text, read_diagnoses
from cards.reading.rls_words import names_rls
from cards.site.choices import as_the_site_counts
from cds_service.knowledge.load import national_rules
from tests.unit.cards.fhir.test_shapes import ANY_OBJECT

TODAY = date(2026, 6, 15)
ZONE = ZoneInfo("America/New_York")
CM = "http://hl7.org/fhir/sid/icd-10-cm"
WHO = "http://hl7.org/fhir/sid/icd-10"
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
SNOMED = "http://snomed.info/sct"
RULES = national_rules()
RLS = {"coding": [{"system": CM, "code": "G25.81"}]}
HAEMOCHROMATOSIS = {"coding": [{"system": CM, "code": "E83.110"}]}


def condition(code: Any = RLS, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "1",
        "subject": {"reference": "Patient/p"},
        "code": code,
        **elements,
    }


def read(*resources: Any, **options: Any) -> tuple[Diagnosis, ...]:
    return read_diagnoses(resources, patient_id="p", today=TODAY, zone=ZONE, **options)


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": code}]}


def answer(*resources: Any) -> str:
    """yes, suspected or no, as the table of clinical page 0.2 names them."""
    chart = as_the_site_counts(Chart(TODAY, diagnoses=read(*resources)), RULES)
    counted = chart.diagnosed("rls")
    if not counted:
        return "no"
    return "yes" if any(each.certainty is Certainty.CONFIRMED for each in counted) else "suspected"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, "yes"),
        ({"clinicalStatus": status("active")}, "yes"),
        ({"clinicalStatus": status("recurrence")}, "yes"),
        ({"clinicalStatus": status("relapse")}, "yes"),
        ({"clinicalStatus": "active"}, "yes"),
        ({"clinicalStatus": {"text": "Active"}}, "yes"),
        ({"clinicalStatus": status("inactive")}, "no"),
        ({"clinicalStatus": status("remission")}, "no"),
        ({"clinicalStatus": status("resolved")}, "no"),
        ({"clinicalStatus": "resolved"}, "no"),
        ({"verificationStatus": status("confirmed")}, "yes"),
        ({"verificationStatus": "confirmed"}, "yes"),
        ({"verificationStatus": status("provisional")}, "suspected"),
        ({"verificationStatus": status("differential")}, "suspected"),
        ({"verificationStatus": status("unconfirmed")}, "suspected"),
        ({"verificationStatus": "unknown"}, "suspected"),
        ({"verificationStatus": status("refuted")}, "no"),
        ({"verificationStatus": status("entered-in-error")}, "no"),
        ({"verificationStatus": "entered-in-error", "clinicalStatus": "active"}, "no"),
        ({"verificationStatus": {"coding": [{"code": "local"}, {"code": "confirmed"}]}}, "yes"),
        ({"clinicalStatus": status("active"), "verificationStatus": status("refuted")}, "no"),
        ({"abatementDateTime": "2026-01-01"}, "no"),
        ({"abatementDateTime": "2026-01-01", "clinicalStatus": status("active")}, "no"),
        ({"abatementDateTime": "2026-12-01"}, "yes"),
        ({"abatementPeriod": {"end": "2025-01-01"}}, "no"),
        ({"abatementDateTime": "9999-12-31T23:59:59-12:00"}, "yes"),
        ({"abatementDateTime": "0001-01-01T00:00:00Z"}, "yes"),
        ({"abatementDateTime": "0001-01-01", "clinicalStatus": status("resolved")}, "no"),
        ({"abatementDateTime": "0001-01-01", "abatementString": "after the iron"}, "no"),
        ({"abatementDateTime": "9999-99-99T"}, "no"),
        ({"abatementPeriod": {"start": "2025-01-01", "end": "9999-12-31"}}, "yes"),
        ({"abatementPeriod": {"start": "0001-01-01", "end": "0001-01-01"}}, "yes"),
        ({"abatementPeriod": {"start": "2025-01-01"}}, "no"),
        ({"abatementPeriod": {}}, "yes"),
        ({"abatementString": "after the iron"}, "no"),
        ({"abatementAge": {"value": 40}}, "no"),
        ({"abatementBoolean": True}, "no"),
        ({"abatementBoolean": False}, "yes"),
        ({"category": [{"coding": [{"code": "problem-list-item"}]}]}, "yes"),
        ({"category": {"coding": [{"code": "problem"}]}}, "yes"),
        ({"category": [{"coding": [{"code": "family-history"}]}]}, "no"),
        ({"category": [{"text": "Family history"}]}, "no"),
        ({"category": [{"coding": [{"system": SNOMED, "code": "57177007"}]}]}, "no"),
        ({"category": [{"coding": [{"code": "health-concern"}]}]}, "no"),
        ({"category": [{"coding": [{"code": "health-concern"}]}, {"coding": [{"code": "problem-list-item"}]}]}, "yes"),
        ({"subject": {"reference": "Patient/other"}}, "no"),
        ({"subject": None, "patient": {"reference": "Patient/p"}}, "yes"),
        ({"subject": None}, "yes"),
        ({"resourceType": "FamilyMemberHistory"}, "no"),
    ],
)
def test_rls_by_its_statuses_its_end_and_its_category(elements: dict[str, Any], expected: str) -> None:
    assert answer(condition(**elements)) == expected


def coded(system: str, code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (coded(CM, "G2581"), "yes"),
        (coded("urn:oid:2.16.840.1.113883.6.90", "G25.81"), "yes"),
        (coded(GM, "G25.81"), "yes"),
        (coded(GM, "G25.80"), "no"),
        (coded(SNOMED, "32914008"), "yes"),
        (coded(SNOMED, "1052284009"), "yes"),
        (coded("http://hl7.org/fhir/sid/icd-9-cm", "33394"), "yes"),
        (coded("http://hl7.org/fhir/sid/icd-9-cm", "33399"), "no"),
        (coded("http://hl7.org/fhir/sid/icd-9-cm", "33399", "Restless legs syndrome"), "yes"),
        (coded(WHO, "G25.8"), "no"),
        (coded(WHO, "G25.8", "Restless legs syndrome"), "yes"),
        (coded(WHO, "G25.8", "Restless-Legs-Syndrom"), "yes"),
        (coded(WHO, "G25.8", "RLS"), "yes"),
        (coded(WHO, "G25.8", "syndrome des jambes sans repos"), "yes"),
        (coded("http://hl7.org/fhir/sid/icd-10-am", "G25.8", "Restless legs"), "yes"),
        (coded(WHO, "G25.8", "Orthostatic tremor"), "no"),
        (coded(WHO, "G25.8", "Family history of restless legs"), "no"),
        (coded(WHO, "G25.8", "Restless legs?"), "no"),
        (coded(CM, "G25.71"), "no"),
        (coded(CM, "G47.61"), "no"),
        (coded(CM, "O99.353"), "no"),
        ({"coding": [{"system": SNOMED, "code": "32914008"}, {"system": CM, "code": "G25.71"}]}, "yes"),
        ({"coding": [{"system": CM, "code": "G25.89", "display": "Restless legs syndrome"}]}, "no"),
        ({"coding": [{"system": "http://local", "code": "77", "display": "Restless legs"}]}, "no"),
        ({"text": "Restless legs syndrome"}, "suspected"),
        ({"text": "RESTLESS  LEGS"}, "suspected"),
        ({"text": "Willis-Ekbom disease"}, "suspected"),
        ({"text": "Ekbom's syndrome"}, "suspected"),
        ({"text": "restless legs, unresolved"}, "suspected"),
        ("Restless legs syndrome", "suspected"),
        ({"coding": [{"system": "http://local", "code": "77"}], "text": "Restless legs"}, "suspected"),
        ({"coding": [{"system": CM, "code": "R25.2"}], "text": "Restless legs"}, "no"),
        ({"text": "RLS"}, "no"),
        ({"text": "Restlessness"}, "no"),
        (None, "no"),
        ({"text": 7}, "no"),
    ],
)
def test_rls_by_code_and_by_words(code: Any, expected: str) -> None:
    assert answer(condition(code)) == expected


#: Denied, doubted, over or of somebody else in the words of the clinical page.
_SAID_OTHERWISE = (
    "Family history of restless legs",
    "FH: restless legs",
    "FHx restless legs syndrome",
    "Rule out restless legs",
    "r/o restless legs syndrome",
    "restless legs ruled out",
    "No restless legs",
    "not restless legs syndrome",
    "Restless legs syndrome excluded",
    "restless legs unlikely",
    "Mother has restless legs",
    "Denies restless legs",
    "No history of restless legs",
    "History of restless legs",
    "h/o restless legs",
    "Possible restless legs syndrome",
    "possibly Willis-Ekbom disease",
    "Restless legs syndrome?",
    "? restless legs",
    "Screen for restless legs",
    "Screening for restless legs syndrome",
    "Negative for restless legs",
    "Restless legs, resolved",
    "no evidence of restless legs",
)
#: Denied: the denial leads to the name.
_DENIED = (
    "never had restless legs",
    "without restless legs",
    "insomnia without restless legs syndrome",
    "doesn't have restless legs",
    "doesn’t have restless legs (RLS)",
    "does not have restless legs syndrome",
    "has not had restless legs",
    "hasnt got restless legs",
    "no current restless legs",
    "no known restless legs",
    "no complaints of restless legs",
    "not suffering from restless legs",
    "never diagnosed with restless legs",
    "w/o restless legs",
    "lacks restless legs",
    "isn't restless legs",
    "restless legs: no",
    "restless legs absent",
    "restless legs not present",
    "restless legs - negative",
)
#: Had once, as `history of` and `resolved`.
_OVER = (
    "no longer has restless legs",
    "previous restless legs",
    "previously had restless legs",
    "prior restless legs syndrome",
    "past restless legs",
    "former restless legs",
    "restless legs in the past",
    "restless legs, in remission",
)
#: Said of somebody else in the family.
_OF_A_RELATIVE = (
    "mother affected by restless legs",
    "mother suffers from restless legs",
    "mother and sister have restless legs",
    "mother's restless legs",
    "father: RLS (restless legs)",
    "father: restless legs",
    "Brother - restless legs",
    "restless legs in family",
    "restless legs runs in the family",
    "restless legs syndrome, in her mother",
    "restless legs (mother)",
    "restless legs - sister",
    "Fam hx restless legs",
    "family: restless legs",
    "family members with restless legs",
    "grandmother diagnosed with restless legs",
    "wife has restless legs",
    "Family history positive for restless legs",
)


@pytest.mark.parametrize("words", [*_SAID_OTHERWISE, *_DENIED, *_OVER, *_OF_A_RELATIVE])
def test_words_that_deny_doubt_or_speak_of_another_are_no_rls(words: str) -> None:
    assert not names_rls(words)
    assert answer(condition({"text": words})) == "no"


@pytest.mark.parametrize(
    "words",
    [
        "restless legs without augmentation",
        "RLS without augmentation; restless legs syndrome",
        "restless legs, never treated",
        "no relief of restless legs",
        "no improvement in restless legs",
        "not sleeping because of restless legs",
        "restless legs not controlled",
        "restless legs, not on iron",
        "restless legs - no relief with iron",
        "restless legs: no relief",
        "never had treatment for restless legs",
        "never treated for restless legs",
        "familial restless legs syndrome",
        "mother reports restless legs",
        "per mother: restless legs",
        "according to mother, restless legs",
        "previously diagnosed restless legs",
        "previous iron for restless legs",
        "past medical history: restless legs",
        "prior treatment of restless legs",
        "restless legs, no family doctor",
        "seen in family practice for restless legs",
        "restless legs in family practice patient",
        "cannot sleep without medication for restless legs",
        "restless legs with insomnia",
        "restless legs, unresolved",
        "restless legs not responding",
        "without sleep due to restless legs",
        "without sleep, restless legs",
        "not only restless legs",
        "restless legs no longer controlled",
        "restless legs and periodic limb movements",
    ],
)
def test_a_denial_of_something_else_leaves_restless_legs_named(words: str) -> None:
    assert names_rls(words)
    assert answer(condition({"text": words})) == "suspected"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Family history: restless legs", "no"),
        ("Family history of restless legs syndrome", "no"),
        ("FH: RLS", "no"),
        ("FHx of restless legs in mother; mother has RLS", "no"),
        ("Mother has restless legs", "no"),
        ("Father: RLS (restless legs)", "no"),
        ("Restless legs in family", "no"),
        # of the patient too, or not in so many words
        ("Restless legs syndrome", "yes"),
        ("Restless legs syndrome, positive family history", "yes"),
        ("RLS; family history of RLS", "yes"),
        ("Family history positive, patient has RLS", "yes"),
        ("Familial restless legs", "yes"),
        ("Restless legs (mother)", "yes"),
        ("Mother reports restless legs", "yes"),
        ("History of restless legs", "yes"),
        ("", "yes"),
    ],
)
@pytest.mark.parametrize(("system", "code"), [(SNOMED, "32914008"), (CM, "G25.81")])
def test_a_code_counts_unless_the_words_beside_it_are_of_a_relative(
    words: str, expected: str, system: str, code: str
) -> None:
    assert answer(condition(coded(system, code, words))) == expected


def test_the_rls_and_the_pregnancy_of_a_relative_are_neither() -> None:
    assert read(condition(coded(SNOMED, "1052284009", "Mother had restless legs in pregnancy"))) == ()


def test_another_code_beside_that_of_a_relatives_rls_stays() -> None:
    both = {"coding": [*RLS["coding"], {"system": CM, "code": "D50.9"}], "text": "Family history of restless legs"}
    assert [each.concepts for each in read(condition(both))] == [{"iron-deficiency", "iron-indication"}]


def test_words_with_a_code_that_is_provisional_are_suspected() -> None:
    code = coded(WHO, "G25.8", "Restless legs")
    assert answer(condition(code, verificationStatus=status("provisional"))) == "suspected"


ENCOUNTER = [{"coding": [{"code": "encounter-diagnosis"}]}]
PROBLEM = [{"coding": [{"code": "problem-list-item"}]}]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"recordedDate": "2024-06-14"}, "suspected"),
        ({"recordedDate": "2024-06-15"}, "yes"),
        ({"recordedDate": "2024-06-16"}, "yes"),
        ({"assertedDate": "2019-01-01"}, "suspected"),
        ({"onsetDateTime": "2019"}, "suspected"),
        ({"recordedDate": "2024"}, "yes"),
        ({"recordedDate": "2023"}, "suspected"),
        ({}, "yes"),
    ],
)
def test_an_encounter_diagnosis_older_than_24_months_is_suspected(elements: dict[str, Any], expected: str) -> None:
    assert answer(condition(category=ENCOUNTER, **elements)) == expected


def test_the_problem_list_confirms_an_old_encounter_diagnosis() -> None:
    old = condition(category=ENCOUNTER, recordedDate="2020-01-01")
    assert answer(old, condition(category=PROBLEM, recordedDate="2020-01-01")) == "yes"
    assert answer(old, condition()) == "yes"
    assert answer(old, condition(category=PROBLEM, clinicalStatus="resolved")) == "suspected"


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 6, 15), 24, date(2024, 6, 15)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 31), 2, date(2025, 11, 30)),
        (date(2026, 1, 1), 1, date(2025, 12, 1)),
    ],
)
def test_months_before(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


# ------------------------------------------------------------------ other diagnoses


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": status("resolved")}, True),
        ({"clinicalStatus": status("inactive")}, True),
        ({"abatementDateTime": "2020-01-01"}, True),
        ({"verificationStatus": status("provisional")}, True),
        ({"verificationStatus": status("refuted")}, False),
        ({"verificationStatus": status("entered-in-error"), "clinicalStatus": status("resolved")}, False),
    ],
)
def test_hereditary_haemochromatosis_stays_whatever_its_status_unless_cleared(
    elements: dict[str, Any], counts: bool
) -> None:
    (found,) = read(condition(HAEMOCHROMATOSIS, **elements))
    assert (found.counts, "overload" in found.concepts) == (counts, True)


_NEVER_OVER = [
    (CM, "E83.110", {"overload", "hereditary-overload"}),
    (WHO, "E83.1", {"overload", "hereditary-overload"}),
    (SNOMED, "35400008", {"overload", "hereditary-overload"}),
    (CM, "E83.19", {"probable-overload"}),
    (CM, "E80.1", {"probable-overload"}),
    (GM, "E80.1", {"probable-overload"}),
    (CM, "D45", {"polycythaemia-vera"}),
    (WHO, "D45", {"polycythaemia-vera"}),
    (GM, "D45", {"polycythaemia-vera"}),
    (SNOMED, "109992005", {"polycythaemia-vera"}),
]
_OVER: list[dict[str, Any]] = [
    {"clinicalStatus": status("inactive")},
    {"clinicalStatus": status("remission")},
    {"clinicalStatus": status("resolved")},
    {"clinicalStatus": "resolved"},
    {"abatementDateTime": "2020-01-01"},
    {"abatementString": "after the iron"},
]


@pytest.mark.parametrize("over", _OVER, ids=str)
@pytest.mark.parametrize(("system", "code", "concepts"), _NEVER_OVER)
def test_iron_that_is_high_or_low_by_its_treatment_is_never_over(
    system: str, code: str, concepts: set[str], over: dict[str, Any]
) -> None:
    """As the German mark "state after" never ends it (data amendments 2)."""
    (found,) = read(condition(coded(system, code), **over))
    assert (found.counts, found.concepts) == (True, concepts)
    for cleared in ("refuted", "entered-in-error"):
        (taken_back,) = read(condition(coded(system, code), **over, verificationStatus=status(cleared)))
        assert not taken_back.counts and taken_back.cleared


@pytest.mark.parametrize("over", _OVER, ids=str)
@pytest.mark.parametrize("code", ["E83.111", "G25.81", "J44.9", "D50.9", "A41.9", "N20.0"])
def test_what_may_end_is_over(code: str, over: dict[str, Any]) -> None:
    found = read(condition(coded(CM, code), **over))
    assert found and not any(each.counts for each in found)


def test_overload_by_transfusion_is_over_when_it_is_resolved() -> None:
    transfused = coded(CM, "E83.111")
    assert read(condition(transfused))[0].counts
    assert not read(condition(transfused, clinicalStatus="resolved"))[0].counts


def test_what_else_a_resolved_entry_says_does_not_stay_with_the_haemochromatosis() -> None:
    both = {"coding": [*HAEMOCHROMATOSIS["coding"], {"system": CM, "code": "D50.9"}]}
    assert read(condition(both, clinicalStatus="resolved"))[0].concepts == {"overload", "hereditary-overload"}
    assert "iron-deficiency" in read(condition(both))[0].concepts


@pytest.mark.parametrize(
    ("system", "concepts"),
    [
        (WHO, {"overload", "hereditary-overload"}),
        ("http://hl7.org/fhir/sid/icd-10-am", {"overload", "hereditary-overload"}),
        (GM, {"overload", "hereditary-overload"}),
        (CM, {"ambiguous-iron-disorder"}),
    ],
)
def test_e83_1_means_what_its_classification_means(system: str, concepts: set[str]) -> None:
    assert diagnosis_concepts(coded(system, "E83.1")) == concepts


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("https://smt.esante.gouv.fr/terminologie-cim-10", "E83.1", "overload"),
        ("urn:oid:2.16.578.1.12.4.1.1.7110", "E831", "overload"),
        ("urn:oid:2.16.578.1.12.4.1.1.7170", "N04", "rls"),
        ("urn:oid:1.2.246.537.6.1", "N18.5", "ckd-stage-5"),
        ("urn:oid:1.2.208.176.2.4", "DE831A", "overload"),
        ("urn:oid:1.2.208.176.2.4", "DZ992", "dialysis-dependence"),
        ("urn:oid:1.2.208.176.2.4", "DD459", "polycythaemia-vera"),
        ("urn:oid:1.2.752.116.1.1.1", "E83.1A", "overload"),
        ("urn:oid:1.2.752.116.1.1.1", "Z33.9", "pregnant"),
        (WHO, "O85.9", "sepsis"), (WHO, "R57.2", "sepsis"), (GM, "R57.2", "sepsis"), (WHO, "A32.7", "sepsis"),
        (CM, "A32.7", "sepsis"), (CM, "T81.44XA", "sepsis"), (WHO, "Z49.1", "dialysis-dependence"),
        (GM, "Z49.1", "dialysis-dependence"), (GM, "Z49.2", "dialysis-dependence"),
    ],
)  # fmt: skip
def test_a_code_counts_under_its_national_address_and_wherever_the_disease_is_listed(
    system: str, code: str, concept: str
) -> None:
    (found,) = read(condition(coded(system, code)))
    assert concept in found.concepts and found.counts


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (WHO, "Z49.0"), (CM, "Z49.01"), (CM, "T81.44XS"), (CM, "R57.2"), (WHO, "T81.4"), (WHO, "Z33.1"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", "E83.1"), ("urn:oid:1.2.208.176.2.4", "ALCA00"),
    ],
)  # fmt: skip
def test_a_code_near_it_is_none(system: str, code: str) -> None:
    assert not {"dialysis-dependence", "sepsis", "overload"} & diagnosis_concepts(coded(system, code))


def test_a_stone_is_of_oxalate_only_where_the_text_says_so() -> None:
    assert diagnosis_concepts(coded(CM, "N20.0")) == {"kidney-stone"}
    assert diagnosis_concepts(coded(CM, "N20.0", "Calcium oxalate stone")) == {"kidney-stone", "oxalate"}


def test_a_provisional_diagnosis_other_than_rls_counts_and_is_suspected() -> None:
    (found,) = read(condition(coded(CM, "A41.9"), verificationStatus=status("provisional")))
    assert found.counts
    assert found.certainty is Certainty.SUSPECTED


def test_a_health_concern_counts_for_everything_but_rls() -> None:
    concern = [{"coding": [{"code": "health-concern"}]}]
    both = {"coding": [{"system": SNOMED, "code": "1052284009"}]}
    assert read(condition(both, category=concern))[0].concepts == {"pregnant"}
    assert read(condition({"text": "Restless legs"}, category=concern)) == ()


def test_the_facts_of_a_diagnosis_are_kept() -> None:
    (found,) = read(
        condition(
            coded(CM, "g25.81<>"),
            onsetPeriod={"start": "2020-05", "end": "2021"},
            recordedDate="2021-02-03T23:30:00-08:00",
            abatementDateTime="2025-01-01",
            category=ENCOUNTER,
        )
    )
    assert found.reference == "Condition/1"
    assert found.code == f"{CM}|G2581"
    assert found.onset is not None
    assert found.onset.text == "2020-05"
    assert found.recorded is not None
    assert found.recorded.text == "2021-02-04"
    assert not found.counts
    assert found.from_encounter
    assert not found.unverified


def test_a_diagnosis_known_only_by_an_unverified_code_says_so() -> None:
    assert read(condition(coded("http://hl7.org/fhir/sid/icpc-2", "N04")))[0].unverified
    verified = {
        "coding": [{"system": "http://hl7.org/fhir/sid/icpc-2", "code": "N04"}, {"system": CM, "code": "G25.81"}]
    }
    assert not read(condition(verified))[0].unverified


def test_reasons_of_orders_are_read_in_every_shape() -> None:
    for shape in (RLS, [RLS], {"concept": RLS}, [{"concept": RLS}]):
        assert diagnosis_concepts(shape) == {"rls"}
    assert names_rls_in_text([{"text": "Restless legs"}, RLS])
    assert names_rls_in_text({"concept": {"text": "Restless legs"}})
    assert not names_rls_in_text([{"text": "Restless legs, resolved"}, RLS])


@pytest.mark.slow
@given(ANY_OBJECT, ANY_OBJECT)
@settings(max_examples=200)
def test_no_json_makes_the_reader_fail(code: dict[str, Any], elements: dict[str, Any]) -> None:
    read(condition(code) | elements, {"resourceType": "Condition"} | elements, elements, code, None, 7, "x")
    read(condition(RLS, clinicalStatus=code, verificationStatus=elements, category=[code], abatementPeriod=elements))


# ------------------------------------------------------------------ real records


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for inner in value.values():
            yield from _resources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _resources(inner)


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        yield from _resources(json.loads(path.read_text(encoding="utf-8")))
    for line in (folder / "quirks.jsonl").read_text(encoding="utf-8").splitlines():
        yield from _resources(json.loads(line))


@pytest.mark.slow
def test_no_real_record_holds_rls_and_all_of_them_can_be_read(shared: Path) -> None:
    conditions, found = 0, set()
    for resource in _records(shared / "data"):
        if resource["resourceType"] == "Condition":
            conditions += 1
            theirs = {**resource, "subject": None, "patient": None}
            found |= {name for each in read(theirs) for name in each.concepts}
    assert conditions > 1000
    assert not found & {"rls", "rls-in-pregnancy"}
    assert {"iron-deficiency", "ckd"} <= found


@pytest.mark.slow
def test_errors_without_a_clinical_status_do_not_count(shared: Path) -> None:
    """One vendor's sandbox marks most of its problems as errors and then sends no clinicalStatus."""
    errors = [
        resource
        for resource in _records(shared / "data")
        if resource["resourceType"] == "Condition"
        if "entered-in-error" in json.dumps(resource.get("verificationStatus"))
    ]
    assert len(errors) > 500
    assert not [each for resource in errors for each in read({**resource, "subject": None}) if each.counts]


def test_rls_as_the_reason_of_a_pain_reliever_is_a_reason_and_no_diagnosis(shared: Path) -> None:
    drug = json.loads((shared / "data/hl7-r4-examples/MedicationRequest-medrx0310.json").read_text(encoding="utf-8"))
    assert read(drug) == ()
    assert "32914008" in json.dumps(drug)
