"""Pregnancy today, and its duration (clinical rationale 4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache

from cards.facts.chart import Chart, Diagnosis
from cards.facts.results import Measure
from cards.knowledge.code_systems import plain_code
from cards.knowledge.definitions import defined, whole
from cards.knowledge.limits import meets, misses
from cards.knowledge.valuesets import load_valueset
from cards.values import frozen


@frozen
class Pregnancy:
    """A pregnancy; `days` of gestation completed today, None where not known."""

    is_pregnant: bool = False
    days: int | None = None

    @property
    def may_be_first_trimester(self) -> bool:
        """Return whether the patient is pregnant, before 14 weeks or for an unknown time."""
        return self.is_pregnant and not misses(self.days, defined("pregnancy.first_trimester"))


def pregnancy(chart: Chart) -> Pregnancy:
    """Return the pregnancy under way.

    A pregnancy recorded for a man, or for anyone over 60, is a data error and ignored.
    """
    return chart.once(_pregnancy)


def _pregnancy(chart: Chart) -> Pregnancy:
    if not may_be_pregnant(chart):
        return Pregnancy()
    if not any(_is_of_this_pregnancy(entry, chart) for entry in _entries(chart)):
        return Pregnancy()
    for days in _gestation(chart):
        if days >= 0 and meets(days, defined("pregnancy.longest")):
            return Pregnancy(True, days)
    return Pregnancy(True)


def may_be_pregnant(chart: Chart) -> bool:
    """Return whether a pregnancy is possible: no man, and not beyond the age up to which one is believed."""
    return chart.person.sex != "male" and not misses(chart.age, defined("pregnancy.oldest"))


def _entries(chart: Chart) -> Iterator[Diagnosis]:
    """Yield diagnoses of pregnancy, and those of delivery and puerperium for the 42 days in which they stand for it."""
    yield from chart.diagnosed("pregnant")
    for entry in chart.diagnosed("puerperal"):
        said = _day_of(entry)
        recent = said is not None and meets((chart.today - said).days, defined("pregnancy.puerperium"))
        if "pregnant" not in entry.concepts and recent:
            yield entry


def _is_of_this_pregnancy(entry: Diagnosis, chart: Chart) -> bool:
    """Return whether an entry is no older than a pregnancy lasts and not made before a due date 21 days past."""
    said = _day_of(entry)
    measure = _due_date(chart)
    due = measure.day if measure else None
    past = due is not None and misses((chart.today - due).days, defined("pregnancy.overdue"))
    if past and (said is None or due is None or said <= due):
        return False
    return said is None or meets((chart.today - said).days, defined("pregnancy.longest"))


def _day_of(entry: Diagnosis) -> date | None:
    """Return the latest day on which the entry may have been made."""
    said = entry.recorded or entry.onset
    return said.last if said else None


def _due_date(chart: Chart) -> Measure | None:
    return next(_measures(chart, "due-date"), None)


def _measures(chart: Chart, kind: str) -> Iterator[Measure]:
    """Yield the measures of one kind, newest first."""
    yield from sorted((each for each in chart.measures if each.kind == kind), key=lambda each: each.when.order)[::-1]


def _gestation(chart: Chart) -> Iterator[int]:
    """Yield the completed days of gestation today by each source, the better source first.

    The sources are a stated gestational age, a due date and a code of the completed weeks, in this order.
    """
    for measure in _measures(chart, "gestational-age"):
        yield int(measure.value * 7) + (chart.today - measure.when.last).days
    due = _due_date(chart)
    if due and due.day:
        yield whole("pregnancy.term") - (due.day - chart.today).days
    for entry in chart.diagnosed("gestation-week"):
        said, weeks = _day_of(entry), _weeks_by_code().get(entry.code)
        if said and weeks:
            yield weeks * 7 + (chart.today - said).days


@cache
def _weeks_by_code() -> Mapping[str, int]:
    """Return the weeks that each code of gestation means, by system|code as `Diagnosis.code` has it."""
    members = load_valueset("gestation-week").codes.items()
    return {f"{system}|{plain_code(system, code)}": member.weeks for (system, code), member in members}
