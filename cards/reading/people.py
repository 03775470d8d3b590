"""The patient, out of a Patient resource."""

from __future__ import annotations

from datetime import tzinfo

from cards.dates import names_no_day, parse_known
from cards.facts.chart import Person
from cards.fhir.json_values import Json, code_of_status, first, text

_SEXES = frozenset({"female", "male", "other"})


def read_person(resource: Json, zone: tzinfo) -> Person:
    """Read who the patient is; what is missing is not known. A birth date may be a year or a month.

    A birth in the years 1 or 9999 is not known, and a death then did not happen: programs write these for "not set".
    """
    patient = first(resource)
    sex = code_of_status(patient.get("gender"))
    return Person(
        birth=parse_known(patient.get("birthDate"), zone),
        sex=sex if sex in _SEXES else "unknown",
        deceased=_is_true(patient.get("deceasedBoolean")) or _has_died(patient.get("deceasedDateTime")),
    )


def _has_died(day: Json) -> bool:
    """A day of death, one that cannot be read too."""
    return bool(text(day)) and not names_no_day(day)


def _is_true(value: Json) -> bool:
    return value is True or text(value).lower() == "true"
