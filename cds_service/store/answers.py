"""Record the answers to calls: their cards, the suggestions of these, and one audit event each."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert

from cds_service.store.audit import AuditEntry
from cds_service.store.databases.statement import Statement
from cds_service.store.expectations import record_expectations
from cds_service.store.keys.encryption import FieldCipher, Pseudonym
from cds_service.store.records import Answer, Candidate, IssuedCard
from cds_service.store.schema import card_issued, suggestion_issued

_INSERT_CARD = Statement(lambda _: insert(card_issued))
_INSERT_SUGGESTION = Statement(lambda _: insert(suggestion_issued))


def record_answers(connection: Connection, cipher: FieldCipher, batch: Iterable[Answer]) -> list[AuditEntry]:
    """Insert the cards and suggestions of answers and what they ask for, and return their audit events."""
    cards, suggestions, entries, patients = [], [], [], []
    for answer in batch:
        patient = patient_hash(cipher, answer.client, answer.patient_id)
        cards += _card_rows(cipher, answer, patient)
        suggestions += [
            {"suggestion_uuid": uuid, "card_uuid": card.uuid, "position": position}
            for card in answer.cards
            for position, uuid in enumerate(card.suggestions)
        ]
        entries.append(_audit_entry(answer, patient))
        patients.append((patient, answer))
    _INSERT_CARD.run(connection, *cards)
    _INSERT_SUGGESTION.run(connection, *suggestions)
    record_expectations(connection, cipher, patients)
    return entries


def patient_hash(cipher: FieldCipher, client: str, patient_id: str) -> Pseudonym:
    """Return the pseudonym of a patient; the same id at another client gives another pseudonym."""
    return cipher.pseudonym("patient", client, patient_id)


def inputs_digest(cipher: FieldCipher, patient: Pseudonym, card: IssuedCard | Candidate) -> str:
    """Return a digest of the facts behind a card.

    It is keyed, since a plain digest of a ferritin could be reversed by trying all ferritins.
    """
    return cipher.pseudonym("inputs", patient, card.card, *sorted(card.inputs))


def user_hash(cipher: FieldCipher, client: str, user: str | None) -> str | None:
    """Return the pseudonym of a user of a client, None for nobody in particular."""
    return None if user is None else cipher.pseudonym("user", client, user)


def basis_digest(cipher: FieldCipher, patient: Pseudonym, about: str, facts: Iterable[str]) -> str:
    """Return a keyed digest of facts about the patient that an override rests on."""
    return cipher.pseudonym(about, patient, *facts)


def _card_rows(cipher: FieldCipher, answer: Answer, patient: Pseudonym) -> list[dict[str, object]]:
    if not answer.cards:
        return []
    of_answer = {
        "client": answer.client,
        "service": answer.service,
        "hook": answer.hook,
        "hook_instance": answer.hook_instance,
        "patient_hash": patient,
        "issued_at": answer.issued_at,
        "symptoms_digest": basis_digest(cipher, patient, "symptoms", answer.basis.symptoms),
        "diagnosis_digest": basis_digest(cipher, patient, "diagnosis", answer.basis.diagnosis),
    }
    user = user_hash(cipher, answer.client, answer.shown_to)
    return [of_answer | _card_row(cipher, answer, card, patient, user) for card in answer.cards]


def _card_row(
    cipher: FieldCipher, answer: Answer, card: IssuedCard, patient: Pseudonym, user: str | None
) -> dict[str, object]:
    return {
        "card_uuid": card.uuid,
        "card": card.card,
        "mode": card.arm or answer.mode,
        "rule_version": card.rule_version,
        "indicator": card.indicator.value,
        "inputs_digest": inputs_digest(cipher, patient, card),
        "suppressed": card.suppressed,
        "user_closed": _encrypted(cipher, answer.user, f"user:{card.uuid}"),
        "location_closed": _encrypted(cipher, answer.location, f"location:{card.uuid}"),
        "shown_to": None if card.suppressed or card.arm else user,
        "due": card.due.isoformat() if card.due else None,
        "doses_closed": cipher.encrypt(_doses(card), f"doses:{card.uuid}") if card.doses else None,
    }


def _doses(card: IssuedCard) -> list[tuple[str, str | None]]:
    return [(name, None if mg is None else str(mg)) for name, mg in card.doses]


def _encrypted(cipher: FieldCipher, content: str | None, context: str) -> bytes | None:
    return None if content is None else cipher.encrypt(content, context)


def _audit_entry(answer: Answer, patient: Pseudonym) -> AuditEntry:
    detail = {
        "user": answer.user,
        "location": answer.location,
        "hook": answer.hook,
        "hookInstance": answer.hook_instance,
        "status": answer.status,
        "mode": answer.mode,
        "queries": answer.queries,
        "server": answer.server,
        "host": answer.host,
        "cards": [{"uuid": card.uuid, "card": card.card, "suppressed": card.suppressed} for card in answer.cards],
    }
    return AuditEntry(answer.issued_at, "decision", answer.client, answer.service, patient, detail)
