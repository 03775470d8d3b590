"""Suppression of cards that were overridden (contract section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from cards.facts.finding import Indicator
from cds_service.store.answers import inputs_digest, patient_hash
from cds_service.store.encryption import FieldCipher
from cds_service.store.records import Candidate, SuppressionPolicy
from cds_service.store.schema import AnyRow, card_issued, feedback_event

_RANK = {indicator.value: rank for rank, indicator in enumerate(Indicator)}
_OVERRIDES = (
    select(
        card_issued.c.card,
        card_issued.c.inputs_digest,
        card_issued.c.indicator,
        feedback_event.c.outcome_at,
        feedback_event.c.received_at,
        feedback_event.c.reason_hash,
    )
    .join(feedback_event, feedback_event.c.card_uuid == card_issued.c.card_uuid)
    .where(
        feedback_event.c.outcome == "overridden",
        card_issued.c.client == bindparam("client"),
        card_issued.c.patient_hash == bindparam("patient"),
        card_issued.c.card.in_(bindparam("cards", expanding=True)),
    )
)


def suppressed(
    connection: Connection,
    cipher: FieldCipher,
    client: str,
    patient_id: str,
    candidates: Iterable[Candidate],
    now: datetime,
    policy: SuppressionPolicy,
) -> frozenset[Candidate]:
    """Return the candidates to suppress.

    A candidate is suppressed if the card was recently overridden for this patient of this client with the same inputs
    and the same or a higher indicator. A critical card never is.
    """
    eligible = [candidate for candidate in candidates if candidate.indicator is not Indicator.CRITICAL]
    if not eligible:
        return frozenset()
    patient = patient_hash(cipher, client, patient_id)
    days = {reason_hash(cipher, code): count for code, count in policy.by_reason.items()}
    overrides = [row for row in _overrides(connection, client, patient, eligible) if _is_active(row, now, policy, days)]
    return frozenset(
        candidate
        for candidate in eligible
        if any(_applies_to(row, candidate, inputs_digest(cipher, patient, candidate)) for row in overrides)
    )


def reason_hash(cipher: FieldCipher, code: str) -> str:
    """Return the pseudonym of a reason code, which is client text; empty if no reason was given."""
    return cipher.pseudonym("reason", code) if code else ""


def _overrides(connection: Connection, client: str, patient: str, candidates: list[Candidate]) -> Iterable[AnyRow]:
    cards = sorted({candidate.card for candidate in candidates})
    return connection.execute(_OVERRIDES, {"client": client, "patient": patient, "cards": cards}).all()


def _is_active(
    row: AnyRow,
    now: datetime,
    policy: SuppressionPolicy,
    days: Mapping[str, int],
) -> bool:
    """Return whether an override still applies; it counts from its arrival if the client's clock runs ahead."""
    since: datetime = min(row.outcome_at, row.received_at)
    return now < since + timedelta(days=days.get(row.reason_hash, policy.days))


def _applies_to(row: AnyRow, candidate: Candidate, digest: str) -> bool:
    is_no_higher = bool(_RANK[candidate.indicator.value] <= _RANK[row.indicator])
    return is_no_higher and (row.card, row.inputs_digest) == (candidate.card, digest)
