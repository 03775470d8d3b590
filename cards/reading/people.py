"""The patient, out of a Patient resource."""

from __future__ import annotations

from datetime import tzinfo

from cards.chart import Person
from cards.moment import parse_moment
from cards.reading.shapes import Json, code_of_status, first, text

_SEXES = frozenset({"female", "male", "other"})


def read_person(resource: Json, zone: tzinfo) -> Person:
    """Who the patient is; what is missing or cannot be read is not known. A birth date may be a year or a month."""
    patient = first(resource)
    sex = code_of_status(patient.get("gender"))
    return Person(
        birth=parse_moment(patient.get("birthDate"), zone),
        sex=sex if sex in _SEXES else "unknown",
        deceased=_is_true(patient.get("deceasedBoolean")) or bool(text(patient.get("deceasedDateTime"))),
    )


def _is_true(value: Json) -> bool:
    return value is True or text(value).lower() == "true"
