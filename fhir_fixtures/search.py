"""FHIR search parameters: the members they read and how values match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]


class SearchValueError(Exception):
    """A malformed search value; the message is the name of the parameter only."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: its type (`token`, `date`, `reference`, `string`) and the members it reads."""

    kind: str
    members: tuple[str, ...]


def _p(kind: str, *members: str) -> Parameter:
    return Parameter(kind, members)


_CODE, _STATUS = _p("token", "code"), _p("token", "status")
_CLINICAL = {
    "clinical-status": _p("token", "clinicalStatus"),
    "verification-status": _p("token", "verificationStatus"),
}
_OF_ALL = {"_id": _p("token", "id"), "identifier": _p("token", "identifier")}
_OF_PATIENT = {"patient": _p("reference", "subject", "patient"), "encounter": _p("reference", "encounter")}
_SUBJECT = {"subject": _p("reference", "subject")}
_EFFECTIVE = ("effectiveDateTime", "effectivePeriod", "effectiveInstant")

#: Search parameters by resource type.
PARAMETERS: dict[str, dict[str, Parameter]] = {
    "Patient": {
        "name": _p("string", "name.family", "name.given", "name.text"),
        "family": _p("string", "name.family"),
        "given": _p("string", "name.given"),
        "birthdate": _p("date", "birthDate"),
        "gender": _p("token", "gender"),
    },
    "Condition": _SUBJECT | _CLINICAL | {
        "code": _CODE, "category": _p("token", "category"), "onset-date": _p("date", "onsetDateTime", "onsetPeriod"),
        "recorded-date": _p("date", "recordedDate"),
    },
    "Observation": _SUBJECT | {
        "code": _CODE, "status": _STATUS, "category": _p("token", "category"), "date": _p("date", *_EFFECTIVE),
    },
    "MedicationRequest": _SUBJECT | {
        "code": _p("token", "medicationCodeableConcept"), "status": _STATUS, "intent": _p("token", "intent"),
        "category": _p("token", "category"), "authoredon": _p("date", "authoredOn"),
        "medication": _p("reference", "medicationReference"),
    },
    **{
        kind: _SUBJECT | {"code": _p("token", "medicationCodeableConcept"), "status": _STATUS}
        for kind in ("MedicationStatement", "MedicationDispense", "MedicationAdministration")
    },
    "Medication": {"code": _CODE, "status": _STATUS},
    "AllergyIntolerance": _CLINICAL | {
        "code": _CODE, "category": _p("token", "category"), "criticality": _p("token", "criticality"),
        "date": _p("date", "recordedDate"),
    },
    "Procedure": _SUBJECT | {
        "code": _CODE, "status": _STATUS, "category": _p("token", "category"),
        "date": _p("date", "performedDateTime", "performedPeriod"),
    },
    "ServiceRequest": _SUBJECT | {
        "code": _CODE, "status": _STATUS, "intent": _p("token", "intent"), "category": _p("token", "category"),
        "authored": _p("date", "authoredOn"), "occurrence": _p("date", "occurrenceDateTime", "occurrencePeriod"),
    },
    "Encounter": _SUBJECT | {"status": _STATUS, "class": _p("token", "class"), "date": _p("date", "period")},
    "Practitioner": {"name": _p("string", "name.family", "name.given")},
}  # fmt: skip


def parameters_of(kind: str) -> dict[str, Parameter]:
    """Return every search parameter of a resource type."""
    shared = _OF_ALL if kind in ("Patient", "Practitioner", "Medication") else _OF_ALL | _OF_PATIENT
    return shared | PARAMETERS[kind]


def values_at(resource: Resource, members: tuple[str, ...]) -> Iterator[Any]:
    """Yield every value at the dotted member paths, flattening lists."""
    for path in members:
        found: list[Any] = [resource]
        for name in path.split("."):
            found = [value for holder in found if isinstance(holder, dict) for value in _listed(holder.get(name))]
        yield from found


def matches(resource: Resource, name: str, parameter: Parameter, written: str) -> bool:
    """Return whether any of the comma-separated values of a parameter matches. Raises SearchValueError."""
    holds = _COMPARE[parameter.kind]
    wanted = [value for value in written.split(",") if value]
    if not wanted:
        raise SearchValueError(name)
    found = list(values_at(resource, parameter.members))
    try:
        return any(holds(value, one) for one in wanted for value in found)
    except (ValueError, OverflowError) as fault:
        raise SearchValueError(name) from fault


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _token_matches(value: Any, wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    if isinstance(value, str):
        return value == code  # a plain code has one system, implied by the member
    for coding in value.get("coding", [value]):
        if code and code not in (coding.get("code"), coding.get("value")):
            continue
        if not bar or coding.get("system", "") == system:
            return True
    return False


def _reference_matches(value: Any, wanted: str) -> bool:
    reference = str(value.get("reference", ""))
    return reference == wanted or reference.rpartition("/")[2] == wanted.rpartition("/")[2] != ""


def _string_matches(value: Any, wanted: str) -> bool:
    return any(word.startswith(wanted.casefold()) for word in (str(value).casefold(), *str(value).casefold().split()))


def _date_matches(value: Any, wanted: str) -> bool:
    prefix = wanted[:2] if wanted[:2] in _PREFIXES else ""
    low, high = span(wanted[len(prefix) :])
    first, last = span(value)
    return _PREFIXES[prefix or "eq"](first, last, low, high)


_Span = tuple[datetime, datetime]
_COMPARE: dict[str, Callable[[Any, str], bool]] = {
    "token": _token_matches,
    "reference": _reference_matches,
    "string": _string_matches,
    "date": _date_matches,
}
_PREFIXES: dict[str, Callable[[datetime, datetime, datetime, datetime], bool]] = {
    "eq": lambda first, last, low, high: low <= first and last <= high,
    "ne": lambda first, last, low, high: not (low <= first and last <= high),
    "gt": lambda first, last, low, high: last > high,
    "lt": lambda first, last, low, high: first < low,
    "ge": lambda first, last, low, high: last > low,
    "le": lambda first, last, low, high: first < high,
    "sa": lambda first, last, low, high: first >= high,
    "eb": lambda first, last, low, high: last <= low,
}


def span(written: Any) -> _Span:
    """Return the half-open interval of a FHIR date, dateTime or Period, in UTC unless given. Raises ValueError."""
    if isinstance(written, dict):
        start = span(written["start"])[0] if "start" in written else datetime.min.replace(tzinfo=UTC)
        return start, span(written["end"])[1] if "end" in written else datetime.max.replace(tzinfo=UTC)
    if "T" in written:
        second = datetime.fromisoformat(written)
        second = second if second.tzinfo else second.replace(tzinfo=UTC)
        return second, second + timedelta(seconds=1)
    parts = [int(part) for part in written.split("-")]
    year, month, day = [*parts, 1, 1][: max(3, len(parts))]
    first = datetime(year, month, day, tzinfo=UTC)
    return first, _end(first, len(parts))


def _end(first: datetime, parts: int) -> datetime:
    if parts == 3:
        return first + timedelta(days=1)
    if parts == 2:
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.replace(year=first.year + 1)


def count_records(found: Iterable[Resource]) -> int:
    """Return how many records these are; one that came twice counts once."""
    return len({(each.get("resourceType"), each.get("id")) for each in found})
