"""Whether cards are followed, by what later charts show, and compared with patients whose cards were held out.

Beside that stands the comparison with shadow mode, in which nobody was shown anything: of the time before, or of other
clients. Nobody was assigned to it by chance, so that it may differ for other reasons.

A card that asks for something opens an expectation with the first showing; a later call of the same patient closes it.
The EHR need not send feedback for that. Counted is the first time for each patient and card; what was asked less than
90 days ago is not over. Known is a patient whose chart came again after the 90 days, whether they followed or not: who
followed is seen at once and who did not only then, so that to count whoever is seen would count patients who never come
again if they followed, and else not. The others are not known and count neither way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Literal

from cards.presenting.expectations import MISSED_AFTER
from cds_service.monitoring.evidence import CONFIGURATION, SHARE
from cds_service.monitoring.intervals import Interval, difference, wilson
from cds_service.store import AnswerCount, DwellTime, FollowUpCount, Store, VersionDay

SOON, LATE = 30, MISSED_AFTER
#: A difference beyond so many standard errors is a reason to stop before the planned end (Haybittle and Peto): looking
#: at it every month hardly changes the 5 % of the final look.
STOPPING_Z = 3.0
#: The ends of an expectation that a call after the ninety days has told.
_KNOWN = ("confirmed", "missed")
#: A client that was shown so many cards and answered none sends no feedback.
SENDS_NO_FEEDBACK_FROM = 20


@dataclass(frozen=True, slots=True)
class Arm:
    """What became of what one card asked for in one arm.

    asked         patients
    known         of them, those asked at least 90 days ago with a chart that could tell after the 90 days
    soon, late    of these, those who followed within 30 and within 90 days
    open          asked at least 90 days ago and not known: no such chart came
    days          the median time to action of those known who followed within 90 days, None without any
    """

    asked: int = 0
    known: int = 0
    soon: int = 0
    late: int = 0
    open: int = 0
    days: float | None = None

    @property
    def share_open(self) -> float | None:
        """Return the share, of those asked at least 90 days ago, of whom it is not known."""
        return self.open / (self.open + self.known) if self.open + self.known else None

    @property
    def share_soon(self) -> Interval | None:
        """Return the share that followed within 30 days."""
        return wilson(self.soon, self.known)

    @property
    def share_late(self) -> Interval | None:
        """Return the share that followed within 90 days."""
        return wilson(self.late, self.known)


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """Live and shadow of one card, which are not randomised: `how` says what lies between them.

    Where any client has both, those clients alone are compared: before and after they went live.
    """

    how: Literal["before and after", "between clients"]
    live: Arm
    shadow: Arm

    @property
    def difference(self) -> Interval | None:
        """Return how much more often the card was followed live than in shadow, within 90 days."""
        return difference((self.live.late, self.live.known), (self.shadow.late, self.shadow.known))


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One card of one client and version; an empty client or version stands for all.

    shown, answered   live cards, and those with any feedback
    repeats           shown again on the same facts
    dwell             the median of the seconds until it was answered, by the EHR's clock; None where it sends none
    arms              by name: live, shadow, holdout
    compared          live and holdout, only patients first asked while the share that is held out was the same
    beside_shadow     live compared with shadow, None where one of them has no patient
    """

    client: str
    card: str
    rule_version: str
    shown: int
    answered: int
    accepted: int
    overridden: int
    repeats: int
    dwell: float | None
    arms: dict[str, Arm]
    beside_shadow: ShadowComparison | None = None
    compared: Mapping[str, Arm] = field(default_factory=dict)

    @property
    def live(self) -> Arm:
        """Return the patients to whom the card was shown."""
        return self.arms.get("live", Arm())

    @property
    def held_out(self) -> Arm:
        """Return the patients from whom it was held back, of those who are compared."""
        return self.compared.get("holdout", Arm())

    @property
    def beside_held_out(self) -> Arm:
        """Return the patients to whom it was shown, of those who are compared."""
        return self.compared.get("live", Arm())

    @property
    def unanswered(self) -> int:
        """Return how many cards nobody answered."""
        return self.shown - self.answered

    @property
    def needed_to_alert(self) -> float | None:
        """Return how many cards were shown for one that was followed within 90 days, None without any."""
        rate = self.live.share_late
        if rate is None or not self.live.late or not self.live.asked:
            return None
        return (self.shown / self.live.asked) / rate.value

    @property
    def effect(self) -> Interval | None:
        """Return how much more often the card was followed where it was shown, within 90 days."""
        return self._difference()

    @property
    def may_stop(self) -> bool:
        """Return whether the difference lies beyond the stopping line, in either direction."""
        wide = self._difference(STOPPING_Z)
        return wide is not None and wide.excludes_zero()

    def _difference(self, *z: float) -> Interval | None:
        shown, held = self.beside_held_out, self.held_out
        return difference((shown.late, shown.known), (held.late, held.known), *z)


@dataclass(frozen=True, slots=True)
class ChangeMark:
    """Something that changed on a day: a version of a rule, a release, the settings of the site, the hold-out share."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """All cards of a period: over all clients and versions, by client, and by version; and what changed meanwhile."""

    since: datetime
    until: datetime
    cards: tuple[FollowUp, ...] = ()
    by_client: tuple[FollowUp, ...] = ()
    by_version: tuple[FollowUp, ...] = ()
    marks: tuple[ChangeMark, ...] = ()
    without_feedback: tuple[str, ...] = ()
    compared_since: date | None = None


def report(store: Store, since: datetime, until: datetime) -> Report:
    """Gather what became of the cards of a period. Raises `StoreError`."""
    notes, first_day = _notes(store, until), since.astimezone(UTC).date()
    versions = _versions(store.versions_by_day(datetime.combine(first_day, time(), UTC), until))
    compared = _same_share(notes.get(SHARE, []), until)
    counts = store.follow_up(since, until, until - timedelta(days=LATE), compared)
    answers, times = store.answers_by_card(since, until), store.dwell_times(since, until)
    whole = _grouped(counts, answers, times, client=False, version=False)
    return Report(
        since,
        until,
        cards=whole,
        by_client=_grouped(counts, answers, times, client=True, version=False),
        by_version=_grouped(counts, answers, times, client=False, version=True),
        marks=(*_changes_of(versions, first_day), *_changes_of(notes, first_day)),
        without_feedback=_without_feedback(answers),
        compared_since=compared[0].date() if compared else None,
    )


def _grouped(
    counts: tuple[FollowUpCount, ...],
    answers: tuple[AnswerCount, ...],
    times: tuple[DwellTime, ...],
    *,
    client: bool,
    version: bool,
) -> tuple[FollowUp, ...]:
    def key(each: FollowUpCount | AnswerCount) -> tuple[str, str, str]:
        return each.card, each.client if client else "", each.rule_version if version else ""

    keys = sorted({*map(key, counts), *map(key, answers)})
    return tuple(
        _follow_up(
            each,
            [count for count in counts if key(count) == each],
            [answer for answer in answers if key(answer) == each],
            [time.seconds for time in times if time.card == each[0] and each[1] in ("", time.client)],
        )
        for each in keys
    )


def _follow_up(
    key: tuple[str, str, str], counts: list[FollowUpCount], answers: list[AnswerCount], seconds: list[float]
) -> FollowUp:
    card, client, version = key
    arms, alike = _arms(counts), [each for each in counts if each.is_compared]
    return FollowUp(
        client=client,
        card=card,
        rule_version=version,
        shown=sum(each.shown for each in answers),
        answered=sum(each.answered for each in answers),
        accepted=sum(each.accepted for each in answers),
        overridden=sum(each.overridden for each in answers),
        repeats=sum(each.repeats for each in answers),
        dwell=median(seconds) if seconds else None,
        arms=arms,
        beside_shadow=_beside_shadow(counts),
        compared=_arms(alike),
    )


def _arms(counts: list[FollowUpCount]) -> dict[str, Arm]:
    return {arm: _arm([each for each in counts if each.arm == arm]) for arm in sorted({each.arm for each in counts})}


def _beside_shadow(counts: list[FollowUpCount]) -> ShadowComparison | None:
    live, shadow = ([each for each in counts if each.arm == arm] for arm in ("live", "shadow"))
    both = {each.client for each in live} & {each.client for each in shadow}
    if both:
        compared = [_arm(each for each in arm if each.client in both) for arm in (live, shadow)]
        return ShadowComparison("before and after", *compared)
    return ShadowComparison("between clients", _arm(live), _arm(shadow)) if live and shadow else None


def _arm(counts: Iterable[FollowUpCount]) -> Arm:
    counts = tuple(counts)
    over = [each for each in counts if each.is_mature]
    known = [each for each in over if each.state in _KNOWN]
    days = [each.days for each in known if each.days is not None and each.days <= LATE for _ in range(each.patients)]
    return Arm(
        asked=sum(each.patients for each in counts),
        known=sum(each.patients for each in known),
        soon=sum(each.patients for each in known if each.days is not None and each.days <= SOON),
        late=len(days),
        open=sum(each.patients for each in over if each.state not in _KNOWN),
        days=median(days) if days else None,
    )


#: The values of one thing, each with the day on which it began to hold, oldest first.
_Runs = list[tuple[date, str]]


def _versions(issued: Iterable[VersionDay]) -> dict[str, _Runs]:
    """Return from which day on which version of each card was issued."""
    return _held((f"{each.card} version", each.day, each.rule_version) for each in issued)


def _notes(store: Store, until: datetime) -> dict[str, _Runs]:
    """Return from which day on which release, settings and hold-out share held, as far back as that is kept."""
    noted = store.evidence(date.min, until.date() + timedelta(days=1), client="")
    told = ((each.kind.rpartition(" "), each.day) for each in noted if each.subject == CONFIGURATION)
    return _held((what, day, value) for (what, _, value), day in told)


def _held(told: Iterable[tuple[str, date, str]]) -> dict[str, _Runs]:
    """Return the values of each thing from what was told of it on single days."""
    by_day: dict[str, dict[date, set[str]]] = {}
    for what, day, value in told:
        by_day.setdefault(what, {}).setdefault(day, set()).add(value)
    return {what: _runs(days) for what, days in by_day.items()}


def _runs(days: Mapping[date, set[str]]) -> _Runs:
    """Return what began to hold on each day, beside or instead of what held on the day before.

    While workers are replaced, old and new stand side by side for some days, which is one change; a return to the old
    is another, on the first day without the new.
    """
    runs: _Runs = []
    before: set[str] = set()
    for day in sorted(days):
        begun = days[day] - before
        if not begun and runs[-1][1] not in days[day]:
            begun = days[day]
        runs += [(day, value) for value in sorted(begun)]
        before = days[day]
    return runs


def _changes_of(held: Mapping[str, _Runs], first_day: date) -> list[ChangeMark]:
    """Return the changes from a day on; what held at first, before it or later, is none."""
    marks = [ChangeMark(day, f"{what} {value}".strip()) for what, runs in held.items() for day, value in runs[1:]]
    return sorted((each for each in marks if each.day >= first_day), key=lambda mark: (mark.day, mark.what))


def _same_share(runs: _Runs, until: datetime) -> tuple[datetime, datetime] | None:
    """Return from when until when the last hold-out share was set, without the days on which it changed."""
    ends = until
    for number, (day, share) in reversed(list(enumerate(runs))):
        begins = datetime.combine(day, time(), UTC)
        if share != "0":
            return begins + timedelta(days=bool(number)), ends
        ends = begins
    return None


def _without_feedback(answers: Iterable[AnswerCount]) -> tuple[str, ...]:
    shown: dict[str, int] = {}
    answered: dict[str, int] = {}
    for each in answers:
        shown[each.client] = shown.get(each.client, 0) + each.shown
        answered[each.client] = answered.get(each.client, 0) + each.answered
    return tuple(sorted(name for name in shown if shown[name] >= SENDS_NO_FEEDBACK_FROM and not answered[name]))
