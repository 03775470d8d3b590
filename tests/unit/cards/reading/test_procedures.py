"""Which procedures count, and when they were."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from cards.facts.chart import Procedure
from cards.knowledge.valuesets import load_valueset
from cards.reading.procedures import PROCEDURES, read_procedures
from tests.unit.cards.fhir.test_shapes import ANY_OBJECT

TODAY = date(2026, 6, 15)
ZONE = ZoneInfo("America/New_York")
HAEMODIALYSIS = {"coding": [{"system": "http://snomed.info/sct", "code": "302497006"}]}


def procedure(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": "1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "code": HAEMODIALYSIS,
        "performedDateTime": "2026-06-01",
        **elements,
    }


def read(*resources: Any) -> tuple[Procedure, ...]:
    return read_procedures(resources, patient_id="p", today=TODAY, zone=ZONE)


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({}, True),
        ({"status": "in-progress"}, True),
        ({"status": "preparation"}, False),
        ({"status": "not-done"}, False),
        ({"status": "stopped"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": None}, False),
        ({"notDone": True}, False),
        ({"notPerformed": True}, False),
        ({"subject": {"reference": "Patient/other"}}, False),
        ({"resourceType": "ServiceRequest"}, False),
        ({"code": {"coding": [{"system": "http://snomed.info/sct", "code": "80146002"}]}}, False),
        ({"code": {"text": "haemodialysis"}}, True),
        (
            {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "999999991", "display": "Hämodialyse"}]}},
            True,
        ),
        ({"code": {"text": "Insertion of haemodialysis catheter"}}, False),
        ({"code": {"text": "Dialysis education"}}, False),
        ({"code": {"text": "Appendectomy"}}, False),
    ],
)
def test_only_what_was_done_or_is_under_way_counts(elements: dict[str, Any], counts: bool) -> None:
    assert bool(read(procedure(**elements))) is counts


@pytest.mark.parametrize(
    ("elements", "when"),
    [
        ({}, "2026-06-01"),
        ({"performedDateTime": None, "performedPeriod": {"start": "2026-05-01", "end": "2026-05-02"}}, "2026-05-02"),
        ({"performedDateTime": None, "occurrenceDateTime": "2026-04-01"}, "2026-04-01"),
        ({"performedDateTime": None, "performedPeriod": {"start": "2020-01-01"}}, "2020-01-01"),
        (
            {"status": "in-progress", "performedDateTime": None, "performedPeriod": {"start": "2020-01-01"}},
            "2026-06-15",
        ),
        (
            {
                "status": "in-progress",
                "performedDateTime": None,
                "performedPeriod": {"start": "2020-01-01", "end": "9999-12-31T23:59:59Z"},
            },
            "2026-06-15",
        ),
        ({"performedDateTime": None, "performedPeriod": {"start": "2026-05-01", "end": "9999-12-31"}}, "2026-05-01"),
        ({"performedDateTime": "9999-12-31"}, None),
        ({"performedDateTime": "0001-01-01"}, None),
        ({"performedDateTime": None, "performedString": "last year"}, None),
    ],
)
def test_when_a_procedure_was(elements: dict[str, Any], when: str | None) -> None:
    (found,) = read(procedure(**elements))
    assert (found.when.text if found.when else None) == when


def test_a_year_that_has_not_ended_is_cut_at_today() -> None:
    (found,) = read(procedure(performedDateTime="2026"))
    assert found.when is not None
    assert (found.when.first, found.when.last) == (date(2026, 1, 1), TODAY)


def test_a_procedure_in_words_is_dialysis_of_an_unstated_kind() -> None:
    (found,) = read(procedure(code={"text": "Haemodialysis session"}))
    assert found.concepts == {"dialysis-procedure"}


@pytest.mark.parametrize(
    ("words", "concept"),
    [
        ("Therapeutic phlebotomy", "therapeutic-phlebotomy"),
        ("Aderlass 500 ml", "therapeutic-phlebotomy"),
        ("Saignée thérapeutique", "therapeutic-phlebotomy"),
        ("Laparoscopic Roux-en-Y gastric bypass", "bariatric-procedure"),
        ("Magenbypass-Operation", "bariatric-procedure"),
    ],
)
def test_a_procedure_in_words_counts_where_it_makes_an_answer_more_careful(words: str, concept: str) -> None:
    (found,) = read(procedure(code={"text": words}))
    assert found.concepts == {concept}


def test_a_code_of_the_assessment_for_an_operation_is_none() -> None:
    assessed = {"system": "http://snomed.info/sct", "code": "707206008", "display": "Assessment for bariatric surgery"}
    assert read(procedure(code={"coding": [assessed]})) == ()


@pytest.mark.parametrize(
    "words",
    ["Phlebotomy for blood test", "No therapeutic phlebotomy", "Coronary artery bypass", "Venesection clinic"],
)
def test_a_procedure_in_words_near_one_of_these_is_none(words: str) -> None:
    assert read(procedure(code={"text": words})) == ()


def test_haemodialysis_is_dialysis_too() -> None:
    (found,) = read(procedure())
    assert found.concepts == {"dialysis-procedure", "haemodialysis-procedure"}
    assert found.reference == "Procedure/1"


@pytest.mark.parametrize("name", PROCEDURES)
def test_every_code_of_a_procedure_is_recognised(name: str) -> None:
    for system, code in load_valueset(name).codes:
        (found,) = read(procedure(code={"coding": [{"system": system, "code": code}]}))
        assert name in found.concepts


@pytest.mark.slow
@given(ANY_OBJECT)
def test_no_json_makes_the_reader_fail(elements: dict[str, Any]) -> None:
    read(procedure() | elements, elements, None, procedure(performedPeriod=elements, performedDateTime=elements))
