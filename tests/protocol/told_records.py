"""Records told in a few words (tests/protocol/told/*.toml), as a hook request and as a file for `rls-cds evaluate`.

Every record is that of a woman born on 1975-03-02, Patient/p, whose RLS is confirmed, asked on 2026-06-15.
One row of a table is one record:

id, title       the title says the behaviour
awaits          true: not built yet; the row is expected to fail until it is, and this line then goes
rls             false: the record has no diagnosis of RLS of its own
patient         further members of the Patient
results         Observations: `test` (a name of TESTS) or `code` (LOINC) or `coding`; `value` with `unit`, or `words`
                for a result in words; `day` (default 2026-05-20, "" for none), `status` (default final), `with`
                (FHIR members that are added to the Observation or replace its own)
resources       any other FHIR resources; `subject` and, for a Condition, `clinicalStatus` are added where absent
draft           a MedicationRequest of status draft: `words` or `coding`, `take` (tablets, or `{value, unit}`),
                `times` a `period` of days, or `with`
patient-view,   what is answered: `cards` that must stand (CODE:indicator), `never` (CODE, CODE:indicator, or * for any
order-sign      card), `says` (words in the card of a code) and `never_says`
"""

from __future__ import annotations

import json
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service.cli.evaluate import evaluate_command
from tests.builders.command_line import runner

Resource = dict[str, Any]

TOLD_ON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOOKS = ("patient-view", "order-sign")
_TABLES = Path(__file__).parent / "told"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
#: The LOINC code by which a record names a test.
TESTS = {
    "ferritin": "2276-4",
    "tsat": "2502-3",
    "iron": "2498-4",
    "tibc": "2500-7",
    "uibc": "2501-5",
    "transferrin": "3034-6",
    "calcium": "17861-6",
    "phosphate": "2777-1",
    "magnesium": "19123-9",
    "creatinine": "2160-0",
    "egfr": "33914-3",
    "haemoglobin": "718-7",
    "b12": "2132-9",
    "folate": "2284-8",
    "vitd": "1989-3",
}
#: Where each resource type is sent; a key that a service does not ask for is left out.
_KEYS = {
    "Condition": "conditions",
    "Observation": "labs",
    "DiagnosticReport": "labs",
    "Specimen": "labs",
    "MedicationRequest": "medications",
    "MedicationStatement": "medications",
    "MedicationDispense": "medications",
    "MedicationAdministration": "medications",
    "Medication": "medications",
    "AllergyIntolerance": "allergies",
    "Procedure": "procedures",
    "ServiceRequest": "orders",
}
_LISTS = ("conditions", "labs", "medications", "allergies", "procedures", "orders")
_NOT_ASKED: Mapping[str, frozenset[str]] = {"patient-view": frozenset(), "order-sign": frozenset()}


@dataclass(frozen=True, slots=True)
class Expected:
    """What one hook answers to a record."""

    cards: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def faults(self, cards: list[Resource]) -> list[str]:
        """Return how the cards of an answer differ from what is expected."""
        named = {named_card(card) for card in cards}
        codes = {each.split(":")[0] for each in named}
        found = [f"no {each} among {sorted(named)}" for each in self.cards if each not in named]
        found += [
            f"{each} among {sorted(named)}" for each in self.never if each in named | codes or (each == "*" and named)
        ]
        text = {card["source"]["topic"]["code"]: card["summary"] + "\n" + card.get("detail", "") for card in cards}
        for code, wanted in self.says.items():
            found += [
                f"{code} does not say {each!r}: {text.get(code)}" for each in wanted if each not in text.get(code, "")
            ]
        for code, banned in self.never_says.items():
            found += [f"{code} says {each!r}: {text[code]}" for each in banned if each in text.get(code, "")]
        return found


@dataclass(frozen=True, slots=True)
class ToldRecord:
    """One record with what each hook must answer."""

    id: str
    title: str
    patient: Resource
    resources: tuple[Resource, ...]
    draft: Resource | None
    expected: Mapping[str, Expected]
    awaits: bool = False


def named_card(card: Resource) -> str:
    return f"{card['source']['topic']['code']}:{card['indicator']}"


def told_records() -> tuple[ToldRecord, ...]:
    """Return the records of every table, in order."""
    return tuple(record for path in sorted(_TABLES.glob("*.toml")) for record in _records(path))


def _records(path: Path) -> Iterator[ToldRecord]:
    for row in tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)["case"]:
        yield told(row)


def told(row: Mapping[str, Any]) -> ToldRecord:
    """Return the record of one row."""
    rls = [_condition_of_rls()] if row.get("rls", True) else []
    observations = [_observation(each, number) for number, each in enumerate(row.get("results", ()), 1)]
    others = [_completed(dict(each), number) for number, each in enumerate(row.get("resources", ()), 1)]
    return ToldRecord(
        id=row["id"],
        title=row["title"],
        patient={"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1975-03-02"}
        | dict(row.get("patient", {})),
        resources=(*rls, *observations, *others),
        draft=_draft(row["draft"]) if "draft" in row else None,
        expected={hook: _expected(row[hook]) for hook in HOOKS if hook in row},
        awaits=row.get("awaits", False),
    )


def as_request(record: ToldRecord, hook: str) -> Resource:
    """Return the hook request of a client that prefetches every list completely."""
    context: Resource = {"userId": "Practitioner/clinician", "patientId": "p"}
    if hook != "patient-view":
        entries = [{"resource": record.draft}] if record.draft else []
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    prefetch: Resource = {"patient": record.patient}
    for key in _LISTS:
        if key not in _NOT_ASKED[hook]:
            held = [each for each in record.resources if _KEYS.get(each["resourceType"]) == key]
            prefetch[key] = _searchset(held)
    instance = str(uuid.uuid5(uuid.NAMESPACE_URL, f"told/{record.id}/{hook}"))
    return {"hook": hook, "hookInstance": instance, "context": context, "prefetch": prefetch}


def as_file(record: ToldRecord) -> Resource:
    """Return the record as one Bundle, as it lies in a file for `rls-cds evaluate`."""
    drafts = [record.draft] if record.draft else []
    entries = [{"resource": each} for each in (record.patient, *record.resources, *drafts)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def asked_of_the_service(client: FlaskClient, record: ToldRecord, hook: str) -> list[Resource]:
    """Return the cards that the service answers with."""
    body = written(as_request(record, hook))
    answer = client.post(f"/cds-services/rls-{hook}", data=body, content_type="application/json")
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["cards"])


def asked_of_evaluate(folder: Path, record: ToldRecord, hook: str) -> list[Resource]:
    """Return the cards of `rls-cds evaluate`."""
    path = folder / f"{record.id}.json"
    path.write_text(written(as_file(record)), encoding="utf-8")
    arguments = [str(path), "--hook", hook, "--as-of", TOLD_ON.date().isoformat(), "--json"]
    result = runner().invoke(evaluate_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return [card for line in result.stdout.splitlines() for card in json.loads(line)["cards"]]


def written(content: Resource) -> str:
    """Return the JSON of a record; its numbers keep the digits of the table."""
    numbers: list[str] = []

    def keep(value: object) -> str:
        if not isinstance(value, Decimal):
            raise TypeError(f"{value!r} stands in no record")
        numbers.append(f"{value:f}")
        return f"decimal number {len(numbers) - 1} of the record"

    text = json.dumps(content, default=keep, ensure_ascii=False)
    for place, digits in enumerate(numbers):
        text = text.replace(f'"decimal number {place} of the record"', digits)
    return text


def _searchset(held: list[Resource]) -> Resource:
    entries = [{"resource": each, "search": {"mode": "match"}} for each in held]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(held), "entry": entries}


def _condition_of_rls() -> Resource:
    return {
        "resourceType": "Condition",
        "id": "rls",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]},
        "subject": {"reference": "Patient/p"},
        "recordedDate": "2025-01-10",
    }


def _observation(row: Mapping[str, Any], number: int) -> Resource:
    coding = row.get("coding") or {"system": LOINC, "code": row.get("code") or TESTS[row["test"]]}
    made: Resource = {
        "resourceType": "Observation",
        "id": f"result-{number}",
        "status": row.get("status", "final"),
        "code": {"coding": [dict(coding)]},
        "subject": {"reference": "Patient/p"},
    }
    day = row.get("day", "2026-05-20")
    if day:
        made["effectiveDateTime"] = day
    if "words" in row:
        made["valueString"] = row["words"]
    elif "value" in row:
        made["valueQuantity"] = {"value": row["value"], **({"unit": row["unit"]} if "unit" in row else {})}
    return made | dict(row.get("with", {}))


def _completed(resource: Resource, number: int) -> Resource:
    kind = resource["resourceType"]
    resource.setdefault("id", f"{kind.lower()}-{number}")
    if kind == "AllergyIntolerance":
        resource.setdefault("patient", {"reference": "Patient/p"})
    elif kind != "Medication":
        resource.setdefault("subject", {"reference": "Patient/p"})
    if kind == "Condition":
        resource.setdefault("clinicalStatus", {"coding": [{"code": "active"}]})
    return resource


def _draft(row: Mapping[str, Any]) -> Resource:
    named = {"text": row["words"]} if "words" in row else {}
    coded = {"coding": [dict(row["coding"])]} if "coding" in row else {}
    made: Resource = {
        "resourceType": "MedicationRequest",
        "id": "draft",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {**named, **coded},
    }
    if "take" in row:
        take = row["take"]
        quantity = dict(take) if isinstance(take, Mapping) else {"value": take, "unit": "tablet"}
        repeat = {"frequency": row.get("times", 1), "period": row.get("period", 1), "periodUnit": "d"}
        made["dosageInstruction"] = [{"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": quantity}]}]
    return made | dict(row.get("with", {}))


def _expected(row: Mapping[str, Any]) -> Expected:
    return Expected(
        cards=tuple(row.get("cards", ())),
        never=tuple(row.get("never", ())),
        says={code: tuple(words) for code, words in row.get("says", {}).items()},
        never_says={code: tuple(words) for code, words in row.get("never_says", {}).items()},
    )
