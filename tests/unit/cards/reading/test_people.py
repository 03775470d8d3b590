"""Who the patient is."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from cards.facts.chart import Person
from cards.reading.people import read_person
from tests.unit.cards.fhir.test_shapes import ANY_JSON, ANY_OBJECT

ZONE = ZoneInfo("America/New_York")


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", **elements}


@pytest.mark.parametrize(
    ("gender", "sex"),
    [
        ("female", "female"),
        ("male", "male"),
        ("other", "other"),
        ("Female", "female"),
        ("unknown", "unknown"),
        ("f", "unknown"),
        (None, "unknown"),
        (1, "unknown"),
    ],
)
def test_the_sex_is_one_of_four_words(gender: object, sex: str) -> None:
    assert read_person(patient(gender=gender), ZONE).sex == sex


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        *(("1980-06-15", 46), ("1980-06-16", 45), ("1980-06", 45), ("1980-05", 46), ("1980", 45)),
        *(("", None), (None, None)),
        *((text, None) for text in ("0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31", "0000-00-00")),
    ],
)
def test_a_birth_date_of_any_precision_gives_the_youngest_age(birth: object, age: int | None) -> None:
    assert read_person(patient(birthDate=birth), ZONE).age_on(date(2026, 6, 15)) == age


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedBoolean": "true"}, True),
        ({"deceasedDateTime": "2026-01-01"}, True),
        ({"deceasedDateTime": "in spring"}, True),
        ({"deceasedDateTime": None}, False),
        ({"deceasedDateTime": "0001-01-01T00:00:00Z"}, False),
        ({"deceasedDateTime": "9999-12-31"}, False),
        ({"deceasedDateTime": "9999-12-31", "deceasedBoolean": True}, True),
    ],
)
def test_death_is_read_from_either_element(elements: dict[str, Any], deceased: bool) -> None:
    assert read_person(patient(**elements), ZONE).deceased is deceased


def test_no_patient_is_nobody_we_know() -> None:
    assert read_person(None, ZONE) == Person()


@pytest.mark.slow
@given(ANY_JSON, ANY_OBJECT)
def test_no_json_makes_it_fail(value: Any, elements: dict[str, Any]) -> None:
    read_person(value, ZONE)
    read_person(patient(birthDate=value, gender=value, deceasedBoolean=value, deceasedDateTime=value), ZONE)
