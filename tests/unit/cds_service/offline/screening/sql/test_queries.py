"""What the SQL says of rows of the views: one row for every patient, and the counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cards.knowledge.code_systems import LOINC, RXNORM
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.sql.queries import counts_sql, patients_sql
from tests.builders.sql_tables import in_tables

_RULES = known_by(Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC))).question.rules
_TODAY = date(2026, 6, 30)
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
Json = dict[str, Any]

_PATIENT: Json = {"id": "p", "birth_date": "1970-01-01"}
_RLS: Json = {
    "patient": "p",
    "system": _ICD,
    "code": "G25.81",
    "clinical_status": "active",
    "verification": "confirmed",
}
_FERRITIN: Json = {
    "patient": "p", "system": LOINC, "code": "2276-4", "status": "final", "taken": "2026-05-01T08:00:00Z", "value": 40,
    "unit": "ng/mL",
}  # fmt: skip
_IRON: Json = {"patient": "p", "system": RXNORM, "code": "310325", "status": "active"}
_PRAMIPEXOLE: Json = {"patient": "p", "system": RXNORM, "code": "859040", "status": "active"}


def answered(
    *,
    patient: Json = _PATIENT,
    conditions: list[Json] | None = None,
    labs: list[Json] | None = None,
    drugs: list[Json] | None = None,
) -> Json:
    """Return the row of one patient."""
    rows = {
        "rls_patient": [patient],
        "rls_condition": [_RLS] if conditions is None else conditions,
        "rls_lab": labs or [],
        "rls_medication": drugs or [],
    }
    with in_tables(rows) as database:
        found = database.sql(patients_sql(_RULES, _TODAY))
        return dict(zip(found.columns, *found.fetchall(), strict=True))


@pytest.mark.parametrize(
    ("change", "rls"),
    [
        ({}, 1),
        ({"verification": None, "clinical_status": None}, 1),
        ({"verification": "refuted"}, 0),
        ({"verification": "entered-in-error"}, 0),
        ({"clinical_status": "resolved"}, 0),
        ({"system": "http://snomed.info/sct"}, 0),
        ({"system": "http://snomed.info/sct", "code": "32914008"}, 1),
        ({"code": "E66.9"}, 0),
    ],
)
def test_who_has_restless_legs_syndrome(change: Json, rls: int) -> None:
    assert answered(conditions=[_RLS | change])["rls"] == rls


@pytest.mark.parametrize(("birth", "adult"), [("2008-06-30", 1), ("2008-07-01", 0), (None, None), ("1950", 1)])
def test_who_is_an_adult(birth: str | None, adult: int | None) -> None:
    assert answered(patient=_PATIENT | {"birth_date": birth})["adult"] == adult


@pytest.mark.parametrize(
    ("change", "assessed", "low"),
    [
        ({}, 1, 1),
        ({"value": 75}, 1, 1),
        ({"value": 75.1}, 1, 0),
        ({"unit": "ug/L"}, 1, 1),
        ({"unit": "pmol/L"}, 0, None),
        ({"status": "preliminary"}, 0, None),
        ({"comparator": "<"}, 0, None),
        ({"value": None}, 0, None),
        ({"taken": "2025-06-30"}, 1, 1),
        ({"taken": "2025-06-29T23:00:00Z"}, 0, None),
        ({"taken": "2026-07-01"}, 0, None),
        ({"code": "2498-4"}, 0, None),
    ],
)
def test_whose_ferritin_counts(change: Json, assessed: int, low: int | None) -> None:
    row = answered(labs=[_FERRITIN | change])
    assert (row["assessed"], row["low"]) == (assessed, low)


def test_the_newest_ferritin_counts_and_of_one_time_the_higher() -> None:
    older = _FERRITIN | {"taken": "2026-01-01", "value": 300}
    assert answered(labs=[older, _FERRITIN, _FERRITIN | {"value": 90}])["ferritin"] == 90


@pytest.mark.parametrize(
    ("drugs", "without_iron"), [([], 1), ([_IRON], 0), ([_IRON | {"status": "stopped"}], 1), ([_PRAMIPEXOLE], 1)]
)
def test_who_has_a_low_ferritin_without_iron(drugs: list[Json], without_iron: int) -> None:
    assert answered(labs=[_FERRITIN], drugs=drugs)["low_without_iron"] == without_iron


def test_iron_overload_takes_out_of_the_measure() -> None:
    overload = _RLS | {"code": "E83.110"}
    assert answered(conditions=[_RLS, overload], labs=[_FERRITIN])["low_without_iron"] is None


@pytest.mark.parametrize(
    ("labs", "conditions", "told"),
    [([], [_RLS], 1), ([_FERRITIN], [_RLS], 0), ([], [_RLS, _RLS | {"code": "G20"}], None)],
)
def test_who_takes_a_dopaminergic_drug_without_ferritin(
    labs: list[Json], conditions: list[Json], told: int | None
) -> None:
    assert answered(labs=labs, conditions=conditions, drugs=[_PRAMIPEXOLE])["not_assessed_on_da"] == told


def test_the_counts_are_the_sums_of_the_rows() -> None:
    rows = {
        "rls_patient": [_PATIENT | {"id": name} for name in "abc"],
        "rls_condition": [_RLS | {"patient": name} for name in "ab"],
        "rls_lab": [_FERRITIN | {"patient": "a"}],
    }
    with in_tables(rows) as database:
        found = database.sql(counts_sql(_RULES, _TODAY))
        counts = dict(zip(found.columns, *found.fetchall(), strict=True))
    assert (counts["patients"], counts["rls"], counts["assessed"], counts["of_assessed"]) == (3, 2, 1, 2)
    assert (counts["low_without_iron"], counts["of_low_without_iron"]) == (1, 1)


def test_the_limits_are_those_of_the_rules() -> None:
    assert "n.ferritin <= 75 " in patients_sql(_RULES, _TODAY)
    changed = known_by(Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC), changes=("ferritin.low=50",))).question.what_if
    assert changed is not None and "n.ferritin <= 50 " in patients_sql(changed, _TODAY)


def test_on_a_leap_day_an_adult_was_born_by_the_end_of_february() -> None:
    assert "p.birth_date <= '2010-02-28'" in patients_sql(_RULES, date(2028, 2, 29))
