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


#: How records write 1 May 2020 where it has one meaning.
_ONE_MEANING = (
    *("2020-05-01", " 2020-05-01 ", "20200501", "2020/05/01", "2020-5-1", "2020/5/1", "2020.05.01", "2020-05-01Z"),
    *("2020-05-01+02:00", "2020-05-01T00:00:00", "01.05.2020", "1.5.2020", "1. 5. 2020", 20200501, ["2020-05-01"]),
)
_UNREADABLE = (
    *(
        "05/01/2020",
        "5/1/20",
        "01-05-2020",
        "1. Mai 2020",
        "May 2020",
        "13.13.2020",
        "2020-13-01",
        "01.05.20",
        "unknown",
    ),
    *("20201301", "31.02.2020", "2020/31/12", "1/2020", 205, True, {"value": "2020-05-01"}),
)


@pytest.mark.parametrize("birth", _ONE_MEANING)
def test_a_birth_date_of_one_meaning_is_read(birth: object) -> None:
    person = read_person(patient(birthDate=birth), ZONE)
    assert person.age_on(date(2026, 4, 30)) == 5
    assert person.age_on(date(2026, 5, 1)) == 6
    assert not person.birth_is_unreadable


@pytest.mark.parametrize(
    ("birth", "read"),
    [("2026-06-16", True), ("2026-06-17", False), ("2075-03-02", False), ("2027", False), ("2026", True)],
)
def test_a_birth_date_that_lies_ahead_cannot_be_read(birth: str, read: bool) -> None:
    person = read_person(patient(birthDate=birth), ZONE, today=date(2026, 6, 15))
    assert (person.birth is not None, person.birth_is_unreadable) == (read, not read)


@pytest.mark.parametrize("birth", _UNREADABLE)
def test_any_other_birth_date_that_is_there_is_unreadable(birth: object) -> None:
    assert read_person(patient(birthDate=birth), ZONE) == Person(birth_is_unreadable=True)


@pytest.mark.parametrize(
    "birth",
    [
        *(None, "", "  ", [], {}, "0001-01-01", "01.01.0001", "00010101", "0000-00-00", "00000000", "9999-12-31"),
        *("31.12.9999", "9999/12/31"),
    ],
)
def test_a_birth_date_that_is_not_set_is_absent(birth: object) -> None:
    assert read_person(patient(birthDate=birth), ZONE) == Person()


_NOT_GIVEN = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
}


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({"_deceasedDateTime": _NOT_GIVEN}, True),
        ({"deceasedDateTime": None, "_deceasedDateTime": _NOT_GIVEN}, True),
        ({"deceasedDateTime": "", "_deceasedDateTime": [_NOT_GIVEN]}, True),
        ({"_deceasedDateTime": {"id": "a", "extension": [{"url": "http://example.org/note"}]}}, True),
        ({"deceasedDateTime": "2026-01-01", "_deceasedDateTime": {"id": "a"}}, True),
        ({"_deceasedDateTime": {"id": "a"}}, False),
        ({"_deceasedDateTime": None}, False),
        ({"_deceasedDateTime": {"extension": []}}, False),
        ({"deceasedDateTime": "9999-12-31", "_deceasedDateTime": _NOT_GIVEN}, False),
        ({"_deceasedBoolean": _NOT_GIVEN}, False),
        ({"_birthDate": _NOT_GIVEN}, False),
    ],
)
def test_a_day_of_death_of_which_only_an_extension_speaks_is_a_death(elements: dict[str, Any], deceased: bool) -> None:
    assert read_person(patient(**elements), ZONE) == Person(deceased=deceased)


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
