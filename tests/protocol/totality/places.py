"""Where a hook request holds a date, a number or a string: one call for each member of each type of resource.

The calls are shipped ones, with members added that are read and that no fixture has (`MEMBERS`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import draft_names, load_patients
from tests.builders.service import SIGN, TODAY, VIEW
from tests.builders.versions import VERSIONS, convert
from tests.protocol.totality.odd_values import Raw

Body = dict[str, Any]
_MOST_OF_A_KIND = 6

PATIENTS = load_patients(TODAY)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ].*)?)?)?")
_PERIOD = {"start": "2026-01-01", "end": "2026-06-01"}
_QUANTITY = {"value": 1, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
_DOSAGE = {
    "sequence": 1,
    "timing": {
        "event": ["2026-06-01"],
        "repeat": {
            "boundsPeriod": _PERIOD, "frequency": 1, "frequencyMax": 2, "period": 1, "periodMax": 2, "periodUnit": "d",
            "count": 1, "duration": 1,
        },
    },
    "doseAndRate": [{"doseQuantity": _QUANTITY}],
    "maxDosePerPeriod": {"numerator": _QUANTITY, "denominator": _QUANTITY},
}  # fmt: skip
_RANGED = {
    "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00:00"]}},
    "doseRange": {"low": _QUANTITY, "high": _QUANTITY},
}
_SUPPLY = {
    "validityPeriod": _PERIOD,
    "numberOfRepeatsAllowed": 1,
    "quantity": _QUANTITY,
    "expectedSupplyDuration": {"value": 30, "unit": "d"},
}
_GIVEN = {"effectiveDateTime": "2026-06-01", "effectivePeriod": _PERIOD, "effectiveTimePeriod": _PERIOD}
#: Members that are read and that a shipped resource may lack, each with a value of the right kind.
MEMBERS: dict[str, Body] = {
    "Patient": {"birthDate": "1970-01-01", "deceasedDateTime": "2026-01-01"},
    "Condition": {
        "onsetDateTime": "2020-01-01", "onsetPeriod": _PERIOD, "recordedDate": "2020-01-01",
        "assertedDate": "2020-01-01", "dateRecorded": "2020-01-01", "abatementDateTime": "2026-12-01",
        "abatementPeriod": {"end": "2026-12-01"}, "abatementAge": _QUANTITY,
    },
    "Observation": {
        "effectiveDateTime": "2026-06-01", "effectivePeriod": _PERIOD, "effectiveInstant": "2026-06-01T10:00:00Z",
        "issued": "2026-06-01T10:00:00Z", "valueQuantity": _QUANTITY, "valueInteger": 38, "valueDecimal": 38.5,
        "valueString": "38 ng/mL", "valueDateTime": "2026-09-01", "meta": {"lastUpdated": "2026-06-01T10:00:00Z"},
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]}, "valueQuantity": _QUANTITY}
        ],
    },
    "MedicationRequest": {
        "authoredOn": "2026-06-01", "dateWritten": "2026-06-01", "dateEnded": "2026-06-20", "dispenseRequest": _SUPPLY,
        "dosageInstruction": [_DOSAGE, _RANGED], "effectivePeriod": _PERIOD,
    },
    "MedicationStatement": {**_GIVEN, "dosage": [_DOSAGE], "dateAsserted": "2026-06-01"},
    "MedicationAdministration": {
        **_GIVEN, "effectiveTimeDateTime": "2026-06-01", "occurenceDateTime": "2026-06-01", "occurencePeriod": _PERIOD,
        "dosage": _DOSAGE,
    },
    "Procedure": {
        "performedDateTime": "2026-06-01", "performedPeriod": _PERIOD, "occurrenceDateTime": "2026-06-01",
        "occurrencePeriod": _PERIOD,
    },
    "ServiceRequest": {
        "authoredOn": "2026-06-01", "authored": "2026-06-01", "orderedOn": "2026-06-01",
        "event": [{"dateTime": "2026-06-01"}],
    },
    "AllergyIntolerance": {"recordedDate": "2020-01-01", "criticality": "high"},
}  # fmt: skip
#: In which shipped call a type stands that no fixture has: as another one.
_STANDS_IN = {"MedicationStatement": "MedicationRequest", "MedicationAdministration": "MedicationRequest"}


@dataclass(frozen=True)
class Place:
    """One scalar of one call: the hook's path, the body, and the way down to it.

    `name` is Type.member.member, of an Observation with its code.
    """

    name: str
    path: str
    body: Body
    way: tuple[str | int, ...]

    @property
    def value(self) -> Any:
        return _down(self.body, self.way)

    def holding(self, value: Any) -> Body:
        """The body with another value there."""
        changed = copy.deepcopy(self.body)
        _down(changed, self.way[:-1])[self.way[-1]] = value
        return changed

    def without(self) -> Body:
        """The body without this member."""
        changed = copy.deepcopy(self.body)
        del _down(changed, self.way[:-1])[self.way[-1]]
        return changed


def _down(value: Any, way: tuple[str | int, ...]) -> Any:
    for step in way:
        value = value[step]
    return value


def places(kind: str, each: int = 3) -> tuple[Place, ...]:
    """Places of a kind (date, number, string): of each member of each type at most so many, on as many calls."""
    return tuple(place for found in _all_places()[kind].values() for place in found[:each])


@cache
def _all_places() -> dict[str, dict[str, list[Place]]]:
    found: dict[str, dict[str, list[Place]]] = {kind: {} for kind in ("date", "number", "string", "other")}
    for path, body in _bodies():
        named = {name: Place(name, path, body, way) for name, way in reversed(list(_scalars(body, (), "call")))}
        for name, place in named.items():
            held = found[kind_of(place.value)].setdefault(name, [])
            if len(held) < _MOST_OF_A_KIND:
                held.append(place)
    return found


def _bodies() -> Iterator[tuple[str, Body]]:
    """Patients with a drug and a test to be signed and without, as shipped and with each member added in turn."""
    names = draft_names()
    for number, (patient, hook) in enumerate(product(PATIENTS[::6], ("order-sign", "patient-view"))):
        drafts = [names[number % len(names)], names[-1 - number % len(names)]] if hook == "order-sign" else []
        body = hook_request("generic", hook, patient, today=TODAY, drafts=drafts, fhir_server="")
        path = SIGN if drafts else VIEW
        yield path, convert(copy.deepcopy(body), VERSIONS[number // 2 % len(VERSIONS)])
        for kind, members in MEMBERS.items():
            for name, value in members.items():
                yield path, _enriched(body, kind, name, value, number)


def _enriched(body: Body, kind: str, name: str, value: Any, number: int) -> Body:
    """The body with a member put into one resource of a type, in place of others that say the same."""
    changed = copy.deepcopy(body)
    fitting = [each for each in resources(changed) if each["resourceType"] == _STANDS_IN.get(kind, kind)]
    if fitting:
        resource = fitting[number % len(fitting)]
        for other in MEMBERS[kind].keys() - {"birthDate", "dosageInstruction", "dispenseRequest"}:
            if other[:5] == name[:5]:
                resource.pop(other, None)
        resource |= {"resourceType": kind, name: copy.deepcopy(value)}
    return changed


def kind_of(value: Any) -> str:
    """Date, number or string; `other` for what is none of them."""
    if isinstance(value, bool) or value is None:
        return "other"
    if isinstance(value, int | float | Raw):
        return "number"
    return "date" if _DATE.fullmatch(value) else "string"


def _scalars(value: Any, way: tuple[str | int, ...], name: str) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Name and way of every scalar inside; a resource begins a name of its own."""
    if isinstance(value, dict):
        kind = value.get("resourceType")
        name = _named(value) if isinstance(kind, str) and kind != "Bundle" else name
        for key, inner in value.items():
            yield from _scalars(inner, (*way, key), f"{name}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _scalars(inner, (*way, number), name)
    else:
        yield name, way


def _named(resource: Body) -> str:
    """The type, of an Observation with its code."""
    if resource["resourceType"] != "Observation":
        return str(resource["resourceType"])
    return f"Observation[{resource['code']['coding'][0]['code']}]"


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every scalar inside."""
    for _, way in _scalars(value, (), ""):
        if way:
            yield _down(value, way[:-1]), way[-1]


def resources(value: Any) -> Iterator[Body]:
    """Every FHIR resource inside but Bundles, in order."""
    if isinstance(value, dict):
        if isinstance(value.get("resourceType"), str) and value["resourceType"] != "Bundle":
            yield value
        for inner in value.values():
            yield from resources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from resources(inner)
