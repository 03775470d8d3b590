"""Whether the patient is pregnant today, and how far (clinical page 4.3 and its amendments)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from cards.chart import Chart, Diagnosis, Measure
from cards.definitions import whole

_WEEKS = re.compile(r"Z3A(\d\d)$")


@dataclass(frozen=True, slots=True)
class Pregnancy:
    """`days`: completed days of gestation today, `None` where not known. `facts`: the entries that say so."""

    is_pregnant: bool = False
    days: int | None = None
    facts: tuple[Diagnosis | Measure, ...] = ()

    @property
    def trimester_known(self) -> bool:
        return self.days is not None

    @property
    def is_first_trimester(self) -> bool:
        """Surely before 14 weeks 0 days."""
        return self.days is not None and self.days < whole("pregnancy.first_trimester")

    @property
    def may_be_first_trimester(self) -> bool:
        """Pregnant, and before 14 weeks or of unknown duration."""
        return self.is_pregnant and (self.days is None or self.days < whole("pregnancy.first_trimester"))


def pregnancy(chart: Chart) -> Pregnancy:
    """The pregnancy under way. Said of a man, or of anyone over 60, it is a data error and ignored."""
    if chart.person.sex == "male" or (chart.age is not None and chart.age > whole("pregnancy.oldest")):
        return Pregnancy()
    said = tuple(entry for entry in _entries(chart) if _is_of_this_pregnancy(entry, chart))
    if not said:
        return Pregnancy()
    for days, fact in _gestation(chart):
        if 0 <= days <= whole("pregnancy.longest"):
            return Pregnancy(True, days, (*said, fact))
    return Pregnancy(True, None, said)


def _entries(chart: Chart) -> Iterator[Diagnosis]:
    """Diagnoses of pregnancy, and those of delivery and puerperium for the 42 days that they stand for it."""
    yield from chart.diagnosed("pregnant")
    since = chart.today - timedelta(days=whole("pregnancy.puerperium"))
    for entry in chart.diagnosed("puerperal"):
        said = _day_of(entry)
        if "pregnant" not in entry.concepts and said and said >= since:
            yield entry


def _is_of_this_pregnancy(entry: Diagnosis, chart: Chart) -> bool:
    """Not older than a pregnancy lasts, and not said before a due date that is more than 21 days past."""
    said = _day_of(entry)
    due = _due_date(chart)
    past = due is not None and due.day is not None and (chart.today - due.day).days > whole("pregnancy.overdue")
    if past and (said is None or due is None or due.day is None or said <= due.day):
        return False
    return said is None or (chart.today - said).days <= whole("pregnancy.longest")


def _day_of(entry: Diagnosis) -> date | None:
    """The latest day on which the entry may have been made."""
    said = entry.recorded or entry.onset
    return said.last if said else None


def _due_date(chart: Chart) -> Measure | None:
    return next(_measures(chart, "due-date"), None)


def _measures(chart: Chart, kind: str) -> Iterator[Measure]:
    """Measures of one kind, newest first."""
    yield from sorted((each for each in chart.measures if each.kind == kind), key=lambda each: each.when.order)[::-1]


def _gestation(chart: Chart) -> Iterator[tuple[int, Diagnosis | Measure]]:
    """Completed days of gestation today by each source: stated age, due date, Z3A code; the better source first."""
    for measure in _measures(chart, "gestational-age"):
        yield int(measure.value * 7) + (chart.today - measure.when.last).days, measure
    due = _due_date(chart)
    if due and due.day:
        yield whole("pregnancy.term") - (due.day - chart.today).days, due
    for entry in chart.diagnosed("gestation-week"):
        said, weeks = _day_of(entry), _WEEKS.search(entry.code)
        if said and weeks:
            yield int(weeks.group(1)) * 7 + (chart.today - said).days, entry
