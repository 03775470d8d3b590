"""Statistics for operators: cards and calls by day, what became of the cards, and what charts held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, distinct, exists, func, literal, select, type_coerce
from sqlalchemy.types import String

from cds_service.store.databases.database import insert_into
from cds_service.store.keys.encryption import FieldCipher
from cds_service.store.records import (
    AnswerCount,
    CallCount,
    CardCount,
    DwellTime,
    EvidenceCount,
    FollowUpCount,
    OutcomeCount,
    ReasonCount,
    VersionDay,
)
from cds_service.store.schema import (
    AnyRow,
    audit_event,
    card_issued,
    evidence_count,
    expectation,
    feedback_event,
    utc_text,
)

_DAY = func.substr(type_coerce(card_issued.c.issued_at, String), 1, 10)
#: The most answers of which the time is read, the latest first.
_MOST_TIMES = 5000
#: How long before a period the version before it is looked for: cards are kept for years.
_YEAR = timedelta(days=366)
_CALL_DAY = func.substr(type_coerce(audit_event.c.recorded, String), 1, 10)


def cards_by_day(connection: Connection, since: datetime, until: datetime) -> tuple[CardCount, ...]:
    """Count the issued cards by day, client, topic code, mode and suppression, and the patients of a day and card."""
    card, way = (card_issued.c.client, card_issued.c.card), (card_issued.c.mode, card_issued.c.suppressed)

    def counted(number: ColumnElement[int], *kind: ColumnElement[Any]) -> Sequence[Any]:
        return connection.execute(
            select(_DAY.label("day"), *kind, number.label("number"))
            .where(card_issued.c.issued_at >= since, card_issued.c.issued_at < until)
            .group_by(_DAY, *kind)
            .order_by(_DAY, *kind)
        ).all()

    cards = counted(func.count(), *card, *way)
    patients = counted(func.count(distinct(card_issued.c.patient_hash)), *card)
    of_day = {(each.day, each.client, each.card): each.number for each in patients}
    return tuple(
        CardCount(
            date.fromisoformat(each.day),
            each.client,
            each.card,
            each.mode,
            bool(each.suppressed),
            each.number,
            of_day[each.day, each.client, each.card],
        )
        for each in cards
    )


def calls_by_day(connection: Connection, since: datetime, until: datetime) -> tuple[CallCount, ...]:
    """Count the answered calls by day, client and service."""
    kind = (audit_event.c.client, audit_event.c.service)
    counted = (
        select(
            _CALL_DAY.label("day"),
            *kind,
            func.count().label("calls"),
            func.count(distinct(audit_event.c.patient_hash)).label("patients"),
        )
        .where(
            audit_event.c.seq >= _first_since(connection, since),
            audit_event.c.recorded >= since,
            audit_event.c.recorded < until,
            audit_event.c.kind == "decision",
        )
        .group_by(_CALL_DAY, *kind)
        .order_by(_CALL_DAY, *kind)
    )
    return tuple(
        CallCount(date.fromisoformat(row.day), row.client, row.service, row.calls, row.patients)
        for row in connection.execute(counted)
    )


def _first_since(connection: Connection, since: datetime) -> int:
    """Return a row number at or before the first row of that time.

    Row numbers follow the time, so a binary search finds it without an index on the time; an hour is allowed for
    clocks that were set back.
    """
    bounds = connection.execute(select(func.min(audit_event.c.seq), func.max(audit_event.c.seq))).one()
    if bounds[0] is None:
        return 0
    low, high = bounds
    mark = utc_text(since - timedelta(hours=1))
    while low < high:
        middle = (low + high) // 2
        next_row = select(audit_event.c.seq, type_coerce(audit_event.c.recorded, String).label("at"))
        found = connection.execute(next_row.where(audit_event.c.seq >= middle).order_by(audit_event.c.seq).limit(1))
        if found.one().at < mark:
            low = middle + 1
        else:
            high = middle
    return int(low)


def outcomes_by_card(connection: Connection, since: datetime, until: datetime) -> tuple[OutcomeCount, ...]:
    """Count the live cards shown, accepted and overridden, by topic code."""

    def cards_with(outcome: str) -> ColumnElement[int]:
        return func.count(distinct(case((feedback_event.c.outcome == outcome, card_issued.c.card_uuid))))

    counted = (
        select(
            card_issued.c.card,
            func.count(distinct(card_issued.c.card_uuid)),
            cards_with("accepted"),
            cards_with("overridden"),
        )
        .outerjoin(feedback_event, feedback_event.c.card_uuid == card_issued.c.card_uuid)
        .where(
            card_issued.c.issued_at >= since,
            card_issued.c.issued_at < until,
            card_issued.c.mode == "live",
            card_issued.c.suppressed.is_(False),
        )
        .group_by(card_issued.c.card)
        .order_by(card_issued.c.card)
    )
    return tuple(OutcomeCount(*row) for row in connection.execute(counted))


def follow_up(
    connection: Connection,
    since: datetime,
    until: datetime,
    mature: datetime,
    compared: tuple[datetime, datetime] | None = None,
) -> tuple[FollowUpCount, ...]:
    """Count what became of what cards asked for, the first time for each patient and card in each arm.

    What was asked before `mature` is called so; in shadow it must have been over, too, when the client went live with
    that card, since from then on it is no longer how often things happen without it. Live is `compared` with held
    out only for patients who were asked first of all in that time, be it by showing or by holding back: what was shown
    to everybody before a share was held out belongs to neither arm, nor does who has been in both.
    """
    is_live = expectation.c.arm == "live"
    began = select(expectation.c.client, expectation.c.card, func.min(expectation.c.asked_at).label("at"))
    live_from = {
        (row.client, row.card): row.at
        for row in connection.execute(began.where(is_live).group_by(expectation.c.client, expectation.c.card))
    }
    whose = (expectation.c.client, expectation.c.patient_hash, expectation.c.card, expectation.c.arm)
    first = (
        select(*whose, func.min(expectation.c.asked_at).label("asked_at"))
        .where(expectation.c.asked_at >= since, expectation.c.asked_at < until)
        .group_by(*whose)
        .subquery()
    )
    is_mature = case((expectation.c.asked_at < mature, 1), else_=0)
    day_in_shadow = case(
        (expectation.c.arm == "shadow", func.substr(type_coerce(expectation.c.asked_at, String), 1, 10))
    )
    kind = (
        expectation.c.client,
        expectation.c.card,
        expectation.c.rule_version,
        expectation.c.arm,
        expectation.c.state,
        is_mature.label("mature"),
        day_in_shadow.label("day_in_shadow"),
        expectation.c.days,
        _is_compared(compared).label("compared"),
    )

    def is_over(row: AnyRow) -> bool:
        went_live = live_from.get((row.client, row.card)) if row.day_in_shadow else None
        if went_live is None:
            return bool(row.mature)
        return bool(row.mature) and date.fromisoformat(row.day_in_shadow) + (until - mature) <= went_live.date()

    same = [first.c[column.name] == column for column in (*whose, expectation.c.asked_at)]
    counted = select(*kind, func.count().label("patients")).join(first, and_(*same)).group_by(*kind).order_by(*kind)
    return tuple(
        FollowUpCount(
            row.client,
            row.card,
            row.rule_version,
            row.arm,
            row.state,
            is_over(row),
            row.days,
            row.patients,
            bool(row.compared),
        )
        for row in connection.execute(counted)
    )


def _is_compared(period: tuple[datetime, datetime] | None) -> ColumnElement[int]:
    if period is None:
        return literal(0)
    earlier, arms = expectation.alias(), ("live", "holdout")
    asked_before = exists().where(
        earlier.c.patient_hash == expectation.c.patient_hash,
        earlier.c.client == expectation.c.client,
        earlier.c.card == expectation.c.card,
        earlier.c.arm.in_(arms),
        earlier.c.asked_at < expectation.c.asked_at,
    )
    begins, ends = period
    is_asked = and_(expectation.c.asked_at >= begins, expectation.c.asked_at < ends)
    return case((and_(expectation.c.arm.in_(arms), is_asked, ~asked_before), 1), else_=0)


def answers_by_card(connection: Connection, since: datetime, until: datetime) -> tuple[AnswerCount, ...]:
    """Count the live cards shown and answered, by client, card and version."""

    def cards_with(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(distinct(case((condition, card_issued.c.card_uuid))))

    kind = (card_issued.c.client, card_issued.c.card, card_issued.c.rule_version)
    seen = card_issued.c.patient_hash + card_issued.c.inputs_digest
    counted = (
        select(
            *kind,
            func.count(distinct(card_issued.c.card_uuid)).label("shown"),
            cards_with(feedback_event.c.outcome.is_not(None)).label("answered"),
            cards_with(feedback_event.c.outcome == "accepted").label("accepted"),
            cards_with(feedback_event.c.outcome == "overridden").label("overridden"),
            func.count(distinct(seen)).label("told"),
        )
        .outerjoin(feedback_event, feedback_event.c.card_uuid == card_issued.c.card_uuid)
        .where(
            card_issued.c.issued_at >= since,
            card_issued.c.issued_at < until,
            card_issued.c.mode == "live",
            card_issued.c.suppressed.is_(False),
        )
        .group_by(*kind)
        .order_by(*kind)
    )
    return tuple(
        AnswerCount(
            row.client,
            row.card,
            row.rule_version,
            row.shown,
            row.answered,
            row.accepted,
            row.overridden,
            row.shown - row.told,
        )
        for row in connection.execute(counted)
    )


def versions_by_day(connection: Connection, since: datetime, until: datetime) -> tuple[VersionDay, ...]:
    """Return the versions of each card by day of the period, and those of its last day in the year before it."""
    kind = (card_issued.c.card, card_issued.c.rule_version)
    within = (
        select(*kind, _DAY.label("day"))
        .where(card_issued.c.issued_at >= since, card_issued.c.issued_at < until)
        .group_by(*kind, _DAY)
    )
    before = (
        select(*kind, func.max(_DAY).label("day"))
        .where(card_issued.c.issued_at >= since - _YEAR, card_issued.c.issued_at < since)
        .group_by(*kind)
    )
    earlier = connection.execute(before).all()
    last_day: dict[str, str] = {}
    for row in earlier:
        last_day[row.card] = max(row.day, last_day.get(row.card, row.day))
    rows = [row for row in earlier if row.day == last_day[row.card]]
    rows += connection.execute(within.order_by(_DAY, *kind))
    return tuple(VersionDay(date.fromisoformat(row.day), row.card, row.rule_version) for row in rows)


def dwell_times(connection: Connection, since: datetime, until: datetime) -> tuple[DwellTime, ...]:
    """Return how long after its issue each card was answered, by the clock of the client; the latest answers."""
    times = (
        select(card_issued.c.client, card_issued.c.card, card_issued.c.issued_at, feedback_event.c.outcome_at)
        .join(card_issued, card_issued.c.card_uuid == feedback_event.c.card_uuid)
        .where(feedback_event.c.received_at >= since, feedback_event.c.received_at < until)
        .order_by(feedback_event.c.received_at.desc())
        .limit(_MOST_TIMES)
    )
    found = (
        DwellTime(row.client, row.card, (row.outcome_at - row.issued_at).total_seconds())
        for row in connection.execute(times)
    )
    return tuple(each for each in found if each.seconds > 0)


def reasons_by_card(
    connection: Connection, cipher: FieldCipher, since: datetime, until: datetime
) -> tuple[ReasonCount, ...]:
    """Count the override reasons by card.

    The reason is encrypted and its hash is not, so events are counted by hash and one event of each group is decrypted.
    """
    alike = (
        select(card_issued.c.card, func.count().label("events"), func.min(feedback_event.c.idem_key).label("one"))
        .join(card_issued, card_issued.c.card_uuid == feedback_event.c.card_uuid)
        .where(
            feedback_event.c.outcome == "overridden",
            feedback_event.c.received_at >= since,
            feedback_event.c.received_at < until,
        )
        .group_by(card_issued.c.card, feedback_event.c.reason_hash)
        .subquery()
    )
    encrypted = select(alike.c.card, alike.c.events, feedback_event.c.idem_key, feedback_event.c.detail_closed)
    counts: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(encrypted.join(feedback_event, feedback_event.c.idem_key == alike.c.one)):
        counts[row.card, _code(cipher.decrypt(row.detail_closed, f"feedback:{row.idem_key}"))] += row.events
    return tuple(ReasonCount(card, code, events) for (card, code), events in sorted(counts.items()))


def _code(detail: object) -> str:
    reason = detail.get("reason") if isinstance(detail, dict) else None
    return str(reason["code"]) if reason else ""


_EVIDENCE_KEY = ("client", "day", "subject", "kind")


def add_evidence(connection: Connection, counts: Iterable[EvidenceCount]) -> None:
    """Add to the counts; in one order, so that two workers do not wait for each other crosswise."""
    insert = insert_into(connection.dialect.name, evidence_count)
    more = insert.on_conflict_do_update(
        index_elements=_EVIDENCE_KEY, set_={"number": evidence_count.c.number + insert.excluded.number}
    )
    rows = sorted((each.client, each.day.isoformat(), each.subject, each.kind, each.number) for each in counts)
    if rows:
        connection.execute(more, [dict(zip((*_EVIDENCE_KEY, "number"), row, strict=True)) for row in rows])


def read_evidence(
    connection: Connection, since: date, until: date, client: str | None = None
) -> tuple[EvidenceCount, ...]:
    """Return the counts of the days from `since` up to, but not including, `until`, of all clients or of one."""
    found = select(evidence_count).where(
        evidence_count.c.day >= since.isoformat(), evidence_count.c.day < until.isoformat()
    )
    if client is not None:
        found = found.where(evidence_count.c.client == client)
    return tuple(
        EvidenceCount(date.fromisoformat(row.day), row.client, row.subject, row.kind, row.number)
        for row in connection.execute(found.order_by(*(evidence_count.c[name] for name in _EVIDENCE_KEY)))
    )
