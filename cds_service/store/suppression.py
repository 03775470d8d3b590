"""Which cards stay silent: product page, section 6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from cards.finding import Indicator
from cds_service.store.answers import inputs_digest, patient_hash
from cds_service.store.schema import AnyRow, card_issued, feedback_event
from cds_service.store.seal import Seal
from cds_service.store.values import Candidate, SuppressionPolicy

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
    .where(feedback_event.c.outcome == "overridden")
)


def suppressed(
    connection: Connection,
    seal: Seal,
    client: str,
    patient_id: str,
    candidates: Iterable[Candidate],
    now: datetime,
    policy: SuppressionPolicy,
) -> frozenset[Candidate]:
    """Of these, the ones overridden for this patient of this client with the same inputs, not long ago, at this
    indicator or a higher one. A critical card is never among them."""
    asked = [candidate for candidate in candidates if candidate.indicator is not Indicator.CRITICAL]
    if not asked:
        return frozenset()
    patient = patient_hash(seal, client, patient_id)
    days = {reason_hash(seal, code): count for code, count in policy.by_reason.items()}
    overrides = [row for row in _overrides(connection, client, patient, asked) if _lasts(row, now, policy, days)]
    return frozenset(
        candidate
        for candidate in asked
        if any(_is_about(row, candidate, inputs_digest(seal, patient, candidate)) for row in overrides)
    )


def reason_hash(seal: Seal, code: str) -> str:
    """Stands for a reason code, which is the client's text; empty for a dismissal without a reason."""
    return seal.pseudonym("reason", code) if code else ""


def _overrides(connection: Connection, client: str, patient: str, asked: list[Candidate]) -> Iterable[AnyRow]:
    return connection.execute(
        _OVERRIDES.where(
            card_issued.c.client == client,
            card_issued.c.patient_hash == patient,
            card_issued.c.card.in_({candidate.card for candidate in asked}),
        )
    ).all()


def _lasts(
    row: AnyRow,
    now: datetime,
    policy: SuppressionPolicy,
    days: Mapping[str, int],
) -> bool:
    """A client's clock may run ahead; the override counts from when it came at the latest."""
    since: datetime = min(row.outcome_at, row.received_at)
    return now < since + timedelta(days=days.get(row.reason_hash, policy.days))


def _is_about(row: AnyRow, candidate: Candidate, digest: str) -> bool:
    is_no_higher = bool(_RANK[candidate.indicator.value] <= _RANK[row.indicator])
    return is_no_higher and (row.card, row.inputs_digest) == (candidate.card, digest)
