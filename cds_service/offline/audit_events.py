"""Convert audit rows to FHIR R4 AuditEvents; those of reading the EHR's server meet IHE's Basic Audit Log Patterns.

A decision becomes one event for the call, which names no profile, and one for each read or search that the FHIR server
answered: PatientRead or PatientQuery of BALP. A row that lacks what these demand (written before the server and the
machine were recorded) gives the same event without a profile. The patient appears as a keyed hash only, and in a query
as the placeholder of its template.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cds_service.store.records import AuditRow

if TYPE_CHECKING:
    from fhir.resources.R4B.auditevent import AuditEvent

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_SYSTEM = "https://rls-cds.example.org/identifier"

#: The agents, as DICOM names them; in a read BALP takes the server for the source, in a search the client.
_SOURCE = ("110153", "Source Role ID")
_DESTINATION = ("110152", "Destination Role ID")

#: The kinds of rows, each with its restful interaction and audit event action.
_KINDS: Mapping[str, tuple[str, str]] = {
    "decision": ("operation", "E"),
    "feedback": ("create", "C"),
    "export": ("read", "R"),
    "rekey": ("update", "U"),
}

#: What an address is (FHIR network-type).
_MACHINE, _URI = "1", "5"

_ODD_BLANK = re.compile(r"[^ \r\n\t\S]")

Json = dict[str, Any]


def audit_lines(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield the events as NDJSON lines with their line ends, oldest first."""
    for row in rows:
        for event in audit_events(row):
            yield event.model_dump_json() + "\n"


def audit_events(row: AuditRow) -> Iterator[AuditEvent]:
    """Yield the events of one row: the call or export itself, then what it read."""
    from fhir.resources.R4B.auditevent import AuditEvent

    yield AuditEvent.model_validate(_event(row))
    for number, query in enumerate(_words(row.detail.get("queries")), 1):
        yield AuditEvent.model_validate(_access_event(row, number, query))


def _event(row: AuditRow) -> Json:
    interaction, action = _KINDS[row.kind]
    failed = isinstance(status := row.detail.get("status"), int) and status >= 400
    return {
        **_frame(row, f"{row.number}", interaction, action, "4" if failed else "0"),
        "agent": [_client(row), _ourselves(row, _DESTINATION, requestor=False), *_user(row)],
        "entity": [*_patient(row), *_call(row), _chain(row)],
    }


def _access_event(row: AuditRow, number: int, query: str) -> Json:
    """Build the event of a read or search that was answered: this service is the client, the EHR's FHIR server answers.

    A query without parameters is a read by id.
    """
    is_read = "?" not in query
    profile, interaction, action = ("PatientRead", "read", "R") if is_read else ("PatientQuery", "search", "E")
    named = {"meta": {"profile": [f"{_BALP}/StructureDefinition/IHE.BasicAudit.{profile}"]}}
    ours, theirs = (_DESTINATION, _SOURCE) if is_read else (_SOURCE, _DESTINATION)
    return {
        **_frame(row, f"{row.number}-{number}", interaction, action, "0"),
        **(named if _word(row, "host") and _word(row, "server") and row.patient_hash else {}),
        "agent": [_ourselves(row, ours, requestor=not row.detail.get("user")), _fhir_server(row, theirs), *_user(row)],
        "entity": [*_patient(row), *_call(row), *(_read(row) if is_read else _searched(query))],
    }


def _read(row: AuditRow) -> Iterator[Json]:
    """Yield what was read: the patient's own record, under the same hash."""
    for patient in _patient(row):
        yield {
            "what": patient["what"],
            "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object"),
            "role": _coding(f"{_TERMINOLOGY}/object-role", "4", "Domain Resource"),
        }


def _searched(query: str) -> Iterator[Json]:
    yield {
        "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_TERMINOLOGY}/object-role", "24", "Query"),
        "query": b64encode(query.encode()).decode(),
    }


def _frame(row: AuditRow, number: str, interaction: str, action: str, outcome: str) -> Json:
    return {
        "resourceType": "AuditEvent",
        "id": f"rls-cds-{number}",
        "type": _coding(f"{_TERMINOLOGY}/audit-event-type", "rest", "Restful Operation"),
        "subtype": [_coding("http://hl7.org/fhir/restful-interaction", interaction, interaction)],
        "action": action,
        "recorded": row.recorded.isoformat(),
        "outcome": outcome,
        "source": {
            "observer": {"display": "rls-cds"},
            "type": [_coding(f"{_TERMINOLOGY}/security-source-type", "4", "Application Server")],
        },
    }


def _client(row: AuditRow) -> Json:
    who = row.client or str(row.detail.get("actor") or "unknown")
    return {
        "type": {"coding": [_coding(_DCM, *_SOURCE)]},
        "who": {"identifier": {"system": f"{_SYSTEM}/client", "value": who}},
        "requestor": not row.detail.get("user"),
    }


def _ourselves(row: AuditRow, role: tuple[str, str], *, requestor: bool) -> Json:
    host = _word(row, "host")
    return {
        "type": {"coding": [_coding(_DCM, *role)]},
        "who": {"display": "rls-cds"},
        "requestor": requestor,
        **({"network": {"address": host, "type": _MACHINE}} if host else {}),
    }


def _fhir_server(row: AuditRow, role: tuple[str, str]) -> Json:
    base = _word(row, "server")
    return {
        "type": {"coding": [_coding(_DCM, *role)]},
        "who": {"identifier": {"system": f"{_SYSTEM}/client", "value": row.client}},
        "requestor": False,
        **({"network": {"address": base, "type": _URI}} if base else {}),
    }


def _user(row: AuditRow) -> Iterator[Json]:
    """Yield `context.userId`, whose authenticity rests on the EHR."""
    if user := row.detail.get("user"):
        yield {
            "type": {"coding": [_coding(f"{_TERMINOLOGY}/v3-ParticipationType", "IRCP", "information recipient")]},
            "who": {"identifier": {"system": f"{_SYSTEM}/user", "value": _as_fhir_allows(str(user))}},
            "requestor": True,
        }


def _patient(row: AuditRow) -> Iterator[Json]:
    if row.patient_hash:
        identifier = {"system": f"{_SYSTEM}/patient-hash", "value": row.patient_hash}
        yield {
            "what": {"type": "Patient", "identifier": identifier},
            "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "1", "Person"),
            "role": _coding(f"{_TERMINOLOGY}/object-role", "1", "Patient"),
        }


def _call(row: AuditRow) -> Iterator[Json]:
    """Yield the hookInstance of the call, which no FHIR server was told: it is no X-Request-Id."""
    if instance := row.detail.get("hookInstance"):
        yield {
            "what": {"identifier": {"system": f"{_SYSTEM}/hook-instance", "value": str(instance)}},
            "type": _coding(f"{_TERMINOLOGY}/audit-entity-type", "4", "Other"),
            "name": "hookInstance",
        }


def _chain(row: AuditRow) -> Json:
    """Build the entity that names the audit row, its service and its cards."""
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


def _as_fhir_allows(text: str) -> str:
    """The text of another system, its odd blanks replaced: a FHIR string has none but spaces, tabs and line ends."""
    return _ODD_BLANK.sub("\ufffd", text)


def _word(row: AuditRow, name: str) -> str:
    return str(row.detail.get(name) or "")


def _words(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}
