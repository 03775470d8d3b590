"""Quality measures of iron care, patient by patient, read off the chart that the decisions see.

A measure answers yes or no for whoever belongs to its population, and nothing can be said (None) where a list that
would hold the answer was not read to its end, or holds only results that cannot be used.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cards.decisions.iron.treatment import IronTreatment, iron_treatment
from cards.facts.chart import Chart
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.labs.latest import Kind, Reading, read
from cards.patient.pregnancy import pregnancy
from cards.patient.status import (
    Rls,
    is_child,
    is_esrd,
    overload,
    polycythaemia,
    probable_overload,
    rls_status,
)
from cards.quantity import plain
from cards.site.choices import as_the_site_counts
from cards.site.units import in_site_units

_LIMIT = re.compile(r"\{([\w.]+)\}")
#: Classes of drugs that may bring augmentation.
DOPAMINERGIC = ("da", "levodopa", "ergot")
_OTHER_NEEDS = ("ckd", "heart-failure")

#: In the population: whether in the numerator too, or None where that cannot be told.
Answer = bool | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure in words; `better` is higher or lower."""

    id: str
    title: str
    population: str
    numerator: str
    better: str
    reference: str
    url: str
    certainty: str
    note: str

    def with_limits(self, rules: Rules) -> Measure:
        """Return the measure with its numbers as they stand in these rules."""
        words = (_filled(each, rules) for each in (self.population, self.numerator, self.note))
        population, numerator, note = words
        return Measure(
            self.id, self.title, population, numerator, self.better, self.reference, self.url, self.certainty, note
        )


@cache
def measures() -> Mapping[str, Measure]:
    """Return every measure by its id."""
    text = (files("cds_service") / "offline" / "screening" / "measures.toml").read_text(encoding="utf-8")
    return {name: Measure(name, **entry) for name, entry in tomllib.loads(text).items()}


def _filled(words: str, rules: Rules) -> str:
    def printed(found: re.Match[str]) -> str:
        limit = rules.limit(found[1])
        return plain(limit.value) if limit.unit == "d" else f"{plain(limit.value)} {limit.unit}"

    return _LIMIT.sub(printed, words)


def measured(chart: Chart, rules: Rules) -> dict[str, Answer]:
    """Return the answers of the measures to whose population the patient belongs."""
    dated = rules.on(chart.today)
    counted = in_site_units(as_the_site_counts(chart, dated), dated)
    if is_child(counted) or counted.age is None or rls_status(counted) is not Rls.YES:
        return {}
    care = Care(counted, dated)
    return {name: found[0] for name, ask in _QUESTIONS.items() if (found := ask(care))}


class Care:
    """What the measures ask of one chart, read once."""

    def __init__(self, chart: Chart, rules: Rules) -> None:
        self.chart, self.rules = chart, rules
        limits = [rules.limit("ferritin.low"), rules.limit("ferritin.mid")]
        self.ferritin: Reading = read(chart, "ferritin", window=rules.limit("fresh_days"), limits=limits)
        self.treatment: IronTreatment = iron_treatment(chart, rules)

    def on_the_side(self, name: str) -> Answer:
        """Return whether the newest ferritin lies on the side of a limit, or None where that cannot be told."""
        known = self.ferritin.bounds
        if known is None:
            return None
        limit = self.rules.limit(name)
        return True if meets(known, limit) else False if misses(known, limit) else None

    @property
    def has_ferritin(self) -> Answer:
        if self.ferritin.kind in (Kind.USABLE, Kind.CONFLICT, Kind.CENSORED):
            return True
        return None if self.ferritin.unusable or not self.chart.knows("labs") else False


#: A tuple of the answer for whoever belongs to the population, an empty one for others.
_Found = tuple[Answer] | tuple[()]


def _assessed(care: Care) -> _Found:
    return (care.has_ferritin,)


def _low_without_iron(care: Care) -> _Found:
    chart = care.chart
    if care.on_the_side("ferritin.low") is not True:
        return ()
    if overload(chart) or probable_overload(chart) or polycythaemia(chart) or is_esrd(chart):
        return ()
    if care.treatment.is_active:
        return (False,)
    return (True if chart.knows("medications") else None,)


def _without_need(care: Care) -> _Found:
    treatment, chart = care.treatment, care.chart
    if not treatment.is_active:
        return ()
    drugs = (*treatment.oral, *((treatment.last_iv,) if treatment.last_iv and treatment.iv_counts else ()))
    if any(drug.reasons.name_another_indication or drug.reasons.in_words for drug in drugs):
        return (False,)
    if chart.diagnosed(*_OTHER_NEEDS) or pregnancy(chart).is_pregnant:
        return (False,)
    known = care.ferritin.bounds
    if known is None or treatment.may_be_in_washout(known.when):
        return (None,)
    needed = care.on_the_side("ferritin.mid")
    return (None if needed is None else not needed,)


def _without_recheck(care: Care) -> _Found:
    treatment, chart = care.treatment, care.chart
    if not treatment.oral or not treatment.oral_is_due or treatment.start is None:
        return ()
    drawn = care.rules.limit("oral_recheck_drawn")
    start = treatment.start.first
    if any(not misses(each.when.days_since(start), drawn) for each in chart.results("ferritin")):
        return (False,)
    return (None if care.ferritin.unusable or not chart.knows("labs") else True,)


def _dopaminergic(care: Care) -> _Found:
    chart = care.chart
    if not chart.active_drugs(*DOPAMINERGIC) or chart.diagnosed("parkinsonism"):
        return ()
    known = care.has_ferritin
    return (None if known is None else not known,)


_QUESTIONS: Mapping[str, Callable[[Care], _Found]] = {
    "iron-stores-assessed": _assessed,
    "low-ferritin-without-iron": _low_without_iron,
    "iron-without-need": _without_need,
    "oral-iron-without-recheck": _without_recheck,
    "dopaminergic-without-ferritin": _dopaminergic,
}
