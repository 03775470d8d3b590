"""Keeping what was answered: the cards, their suggestions, and one audit event."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from cds_service.store.audit import AuditEntry, append
from cds_service.store.schema import card_issued, suggestion_issued
from cds_service.store.seal import Seal
from cds_service.store.values import Answer, Candidate, IssuedCard


def record_answer(connection: Connection, seal: Seal, answer: Answer) -> None:
    patient = patient_hash(seal, answer.client, answer.patient_id)
    if answer.cards:
        connection.execute(insert(card_issued), [_card_row(seal, answer, card, patient) for card in answer.cards])
    suggestions = [
        {"suggestion_uuid": uuid, "card_uuid": card.uuid, "position": position}
        for card in answer.cards
        for position, uuid in enumerate(card.suggestions)
    ]
    if suggestions:
        connection.execute(insert(suggestion_issued), suggestions)
    append(connection, seal, _decision(answer, patient))


def patient_hash(seal: Seal, client: str, patient_id: str) -> str:
    """Stands for the patient; the same id at another client is somebody else."""
    return seal.pseudonym("patient", client, patient_id)


def inputs_digest(seal: Seal, patient: str, card: IssuedCard | Candidate) -> str:
    """Keyed, since a plain digest of a ferritin could be undone by trying all ferritins."""
    return seal.pseudonym("inputs", patient, card.card, *sorted(card.inputs))


def _card_row(seal: Seal, answer: Answer, card: IssuedCard, patient: str) -> dict[str, object]:
    return {
        "card_uuid": card.uuid,
        "client": answer.client,
        "service": answer.service,
        "hook": answer.hook,
        "hook_instance": answer.hook_instance,
        "card": card.card,
        "rule_version": card.rule_version,
        "indicator": card.indicator.value,
        "patient_hash": patient,
        "inputs_digest": inputs_digest(seal, patient, card),
        "mode": answer.mode,
        "suppressed": card.suppressed,
        "user_closed": _closed(seal, answer.user, f"user:{card.uuid}"),
        "location_closed": _closed(seal, answer.location, f"location:{card.uuid}"),
        "issued_at": answer.issued_at,
    }


def _closed(seal: Seal, content: str | None, where: str) -> bytes | None:
    return None if content is None else seal.close(content, where)


def _decision(answer: Answer, patient: str) -> AuditEntry:
    detail = {
        "user": answer.user,
        "location": answer.location,
        "hook": answer.hook,
        "hookInstance": answer.hook_instance,
        "status": answer.status,
        "mode": answer.mode,
        "queries": answer.queries,
        "cards": [{"uuid": card.uuid, "card": card.card, "suppressed": card.suppressed} for card in answer.cards],
    }
    return AuditEntry(answer.issued_at, "decision", answer.client, answer.service, patient, detail)
