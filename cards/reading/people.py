"""The patient, out of a Patient resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, tzinfo

from cards.dates import lies_in_future, names_no_day, parse_known
from cards.facts.chart import Person
from cards.fhir.json_values import Json, code_of_status, first, items, objects, text

_SEXES = frozenset({"female", "male", "other"})
#: Other ways to write a day that have one meaning: the year first, or the day first with dots between, as German and
#: Nordic records write it. Day and month between slashes or hyphens mean another day in another country.
_DAYS = (
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
    re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"),
    re.compile(r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\s?(?:Z|[+-]\d{2}:?\d{2})", re.IGNORECASE),
)


def read_person(resource: Json, zone: tzinfo, *, today: date = date.max) -> Person:
    """Read who the patient is; what is missing is not known. A birth date may be a year or a month.

    A birth that lies ahead tells no age, as one that cannot be read. A birth in the years 1 or 9999 is not known, and a
    death then did not happen: programs write these for "not set".
    """
    patient = first(resource)
    sex = code_of_status(patient.get("gender"))
    born = _iso(patient.get("birthDate"))
    birth = parse_known(born, zone)
    if birth and lies_in_future(birth, today):
        birth = None
    return Person(
        birth=birth,
        sex=sex if sex in _SEXES else "unknown",
        deceased=_is_true(patient.get("deceasedBoolean")) or _has_died(patient),
        birth_is_unreadable=birth is None and bool(born) and not names_no_day(born),
    )


def _iso(value: Json) -> str:
    """A birth date as FHIR writes it, where it has one meaning; as it was sent, where it has not; empty for none."""
    sent = next(iter(items(value)), None)
    written = str(sent) if type(sent) is int else sent.strip() if isinstance(sent, str) else "?" if sent else ""
    for form in _DAYS:
        if found := form.fullmatch(written):
            return f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}"
    return written


def _has_died(patient: Mapping[str, Json]) -> bool:
    """A day of death, one that cannot be read, or one that only an extension speaks of (data amendments 4)."""
    day = text(patient.get("deceasedDateTime"))
    if day:
        return not names_no_day(day)
    return any(objects(each.get("extension")) for each in objects(patient.get("_deceasedDateTime")))


def _is_true(value: Json) -> bool:
    return value is True or text(value).lower() == "true"
