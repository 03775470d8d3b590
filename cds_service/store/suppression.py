"""Which cards are silent because they are no news (contract section 6).

The table is that of clinical amendments 2, section 6: what happened to the same card for the same patient, for how many
days that silences it and for whom, and what brings it back at once. Whatever is not known, as in rows of older
programs, silences nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, literal, or_, select

from cards.facts.finding import Indicator
from cards.knowledge.repetition import ReasonRule
from cds_service.store.answers import basis_digest, inputs_digest, patient_hash, user_hash
from cds_service.store.databases.statement import Statement, spread, spread_values
from cds_service.store.keys.encryption import FieldCipher, Pseudonym
from cds_service.store.records import Candidate, Silence, SilencePolicy
from cds_service.store.schema import AnyRow, card_issued, feedback_event

_RANK = {str(indicator): rank for rank, indicator in enumerate(Indicator)}
_NO_REASON = ""


@cache
def _shown(cards: int) -> Statement:
    """Return the query for what was answered by anybody, and what this user was shown last, of so many cards.

    However often a chart is opened, these are few rows.
    """
    return Statement(lambda _: _select_shown(cards))


def _select_shown(cards: int) -> Select[*tuple[Any, ...]]:
    issued, answered = card_issued.c, feedback_event.c
    #: The live cards of a patient that were not silent, among those that are asked about.
    live = (
        issued.client == bindparam("client"),
        issued.patient_hash == bindparam("patient"),
        issued.card.in_(spread("card", cards)),
        issued.suppressed.is_(False),
        # What came late was shown to nobody in particular; whoever answers it has seen it all the same.
        issued.mode.in_([literal("live"), literal("late")]),
    )
    latest = (
        select(issued.card, func.max(issued.issued_at).label("at"))
        .where(*live, issued.shown_to == bindparam("user"))
        .group_by(issued.card)
        .subquery()
    )
    return (
        select(
            issued.card_uuid,
            issued.card,
            issued.inputs_digest,
            issued.indicator,
            issued.issued_at,
            issued.shown_to,
            issued.symptoms_digest,
            issued.diagnosis_digest,
            issued.due,
            issued.doses_closed,
            answered.outcome,
            answered.outcome_at,
            answered.received_at,
            answered.reason_hash,
        )
        .outerjoin(feedback_event, answered.card_uuid == issued.card_uuid)
        .outerjoin(latest, latest.c.card == issued.card)
        .where(
            *live,
            or_(
                answered.outcome.is_not(None),
                and_(issued.shown_to == bindparam("user"), issued.issued_at == latest.c.at),
            ),
        )
    )


def suppressed(
    connection: Connection,
    cipher: FieldCipher,
    client: str,
    patient_id: str,
    candidates: Iterable[Candidate],
    now: datetime,
    policy: SilencePolicy,
) -> Mapping[Candidate, Silence]:
    """Return the candidates that are silent today, and why. A critical card never is."""
    eligible = [candidate for candidate in candidates if _may_be_silent(candidate, policy)]
    if not eligible:
        return {}
    patient = patient_hash(cipher, client, patient_id)
    cards = sorted({candidate.card for candidate in eligible})
    user = user_hash(cipher, client, policy.user)
    asked_of = {"client": client, "patient": patient, "user": user, **spread_values("card", cards)}
    rows = _shown(len(cards)).rows(connection, asked_of)
    if not rows:
        return {}
    asked = _Asked(cipher, patient, user, now, policy)
    found = {each: asked.silence(each, [row for row in rows if row.card == each.card]) for each in eligible}
    return {candidate: silence for candidate, silence in found.items() if silence}


def reason_hash(cipher: FieldCipher, code: str) -> str:
    """Return the pseudonym of a reason code, which is client text; empty if no reason was given."""
    return cipher.pseudonym("reason", code) if code else _NO_REASON


def _may_be_silent(candidate: Candidate, policy: SilencePolicy) -> bool:
    if candidate.indicator is Indicator.CRITICAL:
        return False
    if not policy.is_order_hook:
        return True
    never = policy.rules.never_on_orders | (policy.rules.never_for_a_child if policy.is_child else frozenset())
    return candidate.card not in never


@dataclass
class _Asked:
    """One question: who asks about which patient, on what day."""

    cipher: FieldCipher
    patient: Pseudonym
    user: str | None
    now: datetime
    policy: SilencePolicy

    def silence(self, candidate: Candidate, rows: Sequence[AnyRow]) -> Silence | None:
        """Return the longest silence of a card, None where it is to be shown."""
        digest = inputs_digest(self.cipher, self.patient, candidate)
        if self.policy.is_order_hook:
            found = [self._overridden_order(row, candidate, digest) for row in rows]
        else:
            found = [self._answered(row, candidate, digest) for row in rows]
            found += [self._shown(rows, candidate, digest)] if self.policy.counts_shown else []
        active = [silence for silence in found if silence and self.today < silence.until]
        return max(active, key=lambda silence: silence.until, default=None)

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(self.policy.zone).date()

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.policy.zone).date()

    def _shown(self, rows: Sequence[AnyRow], candidate: Candidate, digest: str) -> Silence | None:
        """Return the silence of a card that this user was shown and did not answer.

        The latest showing counts: what was shown before it may have changed and changed back, which is news. An answer
        on that day, be it to an earlier showing, takes its place; so does one to a card of that day whose client has a
        clock that runs behind.
        """
        own = [row for row in rows if self._is_own(row)]
        last = max((row.issued_at for row in own), default=None)
        same = [row for row in own if row.issued_at == last and _is_same(row, candidate, digest)]
        if last is None or not same:
            return None
        day = self._day(last)
        if any(row.outcome is not None and self._answered_on(row) >= day for row in own):
            return None
        has_come_due = any(row.due is not None and day < date.fromisoformat(row.due) <= self.today for row in same)
        if day >= self.today or has_come_due:
            return None
        days = self.policy.rules.days_shown(candidate.card, candidate.indicator.value)
        return Silence("shown", day, day + timedelta(days=days))

    def _answered(self, row: AnyRow, candidate: Candidate, digest: str) -> Silence | None:
        if row.outcome is None:
            return None
        day, rules = self._answered_on(row), self.policy.rules
        if row.outcome == "accepted":
            same = _is_same(row, candidate, digest)
            return Silence("accepted", day, day + timedelta(days=rules.accepted), True) if same else None
        rule = self._rule(row, candidate)
        if not (rule.is_for_everybody or self._is_own(row)) or not self._holds(rule, row, candidate, digest):
            return None
        until = day + timedelta(days=rule.days)
        return Silence("overridden" if row.reason_hash else "dismissed", day, until, rule.is_for_everybody)

    def _answered_on(self, row: AnyRow) -> date:
        """Return the day of an answer: by its client's clock, but not before the card and not after it arrived."""
        return self._day(max(row.issued_at, min(row.outcome_at, row.received_at)))

    def _is_own(self, row: AnyRow) -> bool:
        return row.shown_to is not None and row.shown_to == self.user

    def _rule(self, row: AnyRow, candidate: Candidate) -> ReasonRule:
        """Return what an override of this card means by its reason; one that does not count on it is none."""
        rules = self.policy.rules
        named = self._codes.get(row.reason_hash, None)
        own = rules.reasons.get(named) if named else None
        if not row.reason_hash or (own and not own.counts_on(candidate.card)):
            days = rules.site_reasons.get(_NO_REASON, rules.dismissed.get(candidate.indicator.value, 0))
            return ReasonRule(days, is_for_everybody=False)
        rule = own or ReasonRule(rules.overridden, is_for_everybody=True)
        days = rules.site_reasons.get(named, rule.days) if named else rule.days
        return ReasonRule(days, rule.is_for_everybody, rule.until, rule.cards)

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        """Return the reason codes that have days of their own, by their hash."""
        rules = self.policy.rules
        return {reason_hash(self.cipher, code): code for code in (*rules.reasons, *rules.site_reasons) if code}

    def _holds(self, rule: ReasonRule, row: AnyRow, candidate: Candidate, digest: str) -> bool:
        """Return whether nothing has happened that brings the card back at once."""
        if rule.until == "diagnosis":
            return _is_no_higher(row, candidate) and bool(row.diagnosis_digest == self._diagnosis)
        same = _is_same(row, candidate, digest)
        return same and (rule.until == "facts" or bool(row.symptoms_digest == self._symptoms))

    @cached_property
    def _diagnosis(self) -> str:
        return basis_digest(self.cipher, self.patient, "diagnosis", self.policy.basis.diagnosis)

    @cached_property
    def _symptoms(self) -> str:
        return basis_digest(self.cipher, self.patient, "symptoms", self.policy.basis.symptoms)

    def _overridden_order(self, row: AnyRow, candidate: Candidate, digest: str) -> Silence | None:
        """Return the silence of an order card that this user overrode with a reason, at this dose or a higher one."""
        if row.outcome != "overridden" or not row.reason_hash or not self._is_own(row):
            return None
        named, rules = self._codes.get(row.reason_hash), self.policy.rules
        if named in rules.reasons or not _is_same(row, candidate, digest) or not self._is_no_more(row, candidate):
            return None
        days = min(rules.orders, rules.site_reasons.get(named or _NO_REASON, rules.orders) if named else rules.orders)
        day = self._answered_on(row)
        return Silence("overridden", day, day + timedelta(days=days))

    def _is_no_more(self, row: AnyRow, candidate: Candidate) -> bool:
        """Return whether no draft brings more than it did then; a dose that is not known may be more."""
        if not candidate.doses:
            return row.doses_closed is None
        if row.doses_closed is None:
            return False
        then = self.cipher.decrypt(row.doses_closed, f"doses:{row.card_uuid}")
        before = [(name, None if mg is None else Decimal(mg)) for name, mg in then] if isinstance(then, list) else []
        if len(before) != len(candidate.doses):
            return False
        return all(
            name == earlier and mg is not None and most is not None and mg <= most
            for (name, mg), (earlier, most) in zip(candidate.doses, before, strict=True)
        )


def _is_same(row: AnyRow, candidate: Candidate, digest: str) -> bool:
    return bool(row.inputs_digest == digest) and _is_no_higher(row, candidate)


def _is_no_higher(row: AnyRow, candidate: Candidate) -> bool:
    return bool(_RANK[candidate.indicator] <= _RANK[row.indicator])
