"""Audit rows as FHIR R4 AuditEvents in the shape of IHE's Basic Audit Log Patterns (BALP), one JSON per line.

A decision becomes one event for the call, and one PatientQuery event for each search it read from the FHIR
server. The patient appears as the keyed hash only, and in a query as the placeholder of its template.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cds_service.store.values import AuditRow

if TYPE_CHECKING:
    from fhir.resources.R4B.auditevent import AuditEvent

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_SYSTEM = "https://rls-cds.example.org/identifier"

#: kind of row: restful interaction, audit event action
_KINDS: Mapping[str, tuple[str, str]] = {
    "decision": ("operation", "E"),
    "feedback": ("create", "C"),
    "export": ("read", "R"),
}

Json = dict[str, Any]


def audit_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """NDJSON, each line with its end, oldest event first."""
    for row in rows:
        for event in audit_events(row):
            yield event.model_dump_json() + "\n"


def audit_events(row: AuditRow) -> Iterator[AuditEvent]:
    from fhir.resources.R4B.auditevent import AuditEvent

    yield AuditEvent.model_validate(_event(row))
    for query in _words(row.detail.get("queries")):
        yield AuditEvent.model_validate(_query_event(row, query))


def _event(row: AuditRow) -> Json:
    interaction, action = _KINDS[row.kind]
    return {
        **_frame(row, f"{row.number}", interaction, action),
        "agent": [_client(row), _ourselves("110152", "Destination Role ID"), *_user(row)],
        "entity": [*_patient(row), *_call(row), _chain(row)],
    }


def _query_event(row: AuditRow, query: str) -> Json:
    """We are the client here, and the EHR's FHIR server answers."""
    asked = {
        "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_TERMINOLOGY}/object-role", "24", "Query"),
        "query": b64encode(query.encode()).decode(),
    }
    server = {
        "type": {"coding": [_coding(_DCM, "110152", "Destination Role ID")]},
        "who": {"identifier": {"system": f"{_SYSTEM}/client", "value": row.client}},
        "requestor": False,
    }
    return {
        **_frame(row, f"{row.number}-{_place(row, query)}", "search", "E"),
        "meta": {"profile": [f"{_BALP}/StructureDefinition/IHE.BasicAudit.PatientQuery"]},
        "agent": [_ourselves("110153", "Source Role ID"), server, *_user(row)],
        "entity": [*_patient(row), *_call(row), asked],
    }


def _place(row: AuditRow, query: str) -> int:
    return _words(row.detail.get("queries")).index(query) + 1


def _frame(row: AuditRow, number: str, interaction: str, action: str) -> Json:
    failed = isinstance(status := row.detail.get("status"), int) and status >= 400
    return {
        "resourceType": "AuditEvent",
        "id": f"rls-cds-{number}",
        "type": _coding(f"{_TERMINOLOGY}/audit-event-type", "rest", "Restful Operation"),
        "subtype": [_coding("http://hl7.org/fhir/restful-interaction", interaction, interaction)],
        "action": action,
        "recorded": row.recorded.isoformat(),
        "outcome": "4" if failed else "0",
        "source": {
            "observer": {"display": "rls-cds"},
            "type": [_coding(f"{_TERMINOLOGY}/security-source-type", "4", "Application Server")],
        },
    }


def _client(row: AuditRow) -> Json:
    who = row.client or str(row.detail.get("actor") or "unknown")
    return {
        "type": {"coding": [_coding(_DCM, "110153", "Source Role ID")]},
        "who": {"identifier": {"system": f"{_SYSTEM}/client", "value": who}},
        "requestor": "user" not in row.detail or not row.detail["user"],
    }


def _ourselves(code: str, display: str) -> Json:
    return {
        "type": {"coding": [_coding(_DCM, code, display)]},
        "who": {"display": "rls-cds"},
        "requestor": False,
    }


def _user(row: AuditRow) -> Iterator[Json]:
    """`context.userId`, which the user's own system vouches for."""
    if user := row.detail.get("user"):
        yield {
            "type": {"coding": [_coding(f"{_TERMINOLOGY}/v3-ParticipationType", "IRCP", "information recipient")]},
            "who": {"identifier": {"system": f"{_SYSTEM}/user", "value": str(user)}},
            "requestor": True,
        }


def _patient(row: AuditRow) -> Iterator[Json]:
    if row.patient_hash:
        yield {
            "what": {"identifier": {"system": f"{_SYSTEM}/patient-hash", "value": row.patient_hash}},
            "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "1", "Person"),
            "role": _coding(f"{_TERMINOLOGY}/object-role", "1", "Patient"),
        }


def _call(row: AuditRow) -> Iterator[Json]:
    if instance := row.detail.get("hookInstance"):
        yield {
            "what": {"identifier": {"system": f"{_SYSTEM}/hook-instance", "value": str(instance)}},
            "type": _coding(f"{_BALP}/CodeSystem/BasicAuditEntityType", "XrequestId", "X-Request-Id"),
        }


def _chain(row: AuditRow) -> Json:
    """Which row of the chain this is, and the service it was about."""
    detail = [{"type": "service", "valueString": row.service}] if row.service else []
    detail += [{"type": "card", "valueString": name} for name in _cards(row)]
    return {
        "what": {"identifier": {"system": f"{_SYSTEM}/audit-row", "value": str(row.number)}},
        "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object"),
        **({"detail": detail} if detail else {}),
    }


def _cards(row: AuditRow) -> Iterator[str]:
    for key in ("cards", "events"):
        listed = row.detail.get(key)
        for each in listed if isinstance(listed, list) else []:
            yield f"{each.get('card')} {each.get('uuid') or each.get('outcome')}"


def _words(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}
