"""Shared parts of the decisions on vitamins, minerals and related drugs: scope, levels, findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from cards.dates import days_after
from cards.facts.chart import Chart, Diagnosis, Listing
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Outcome, Text, quiet, unknown
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import whole
from cards.knowledge.limits import compare
from cards.knowledge.rules import Rules, Threshold
from cards.labs.latest import Kind, Reading, read
from cards.patient.status import Rls, rls_status
from cards.wording.phrases import phrase, say


def confirmed_only(name: str, chart: Chart) -> Finding | None:
    """Return a finding without card for suspected RLS, or None if the decision may go on (clinical rationale 0.2).

    A list cut short may hide a confirmed entry: the answer is then unknown, else quiet.
    """
    if rls_status(chart) is not Rls.SUSPECTED:
        return None
    if chart.is_exhaustive("conditions", "rls"):
        return quiet(name, "suspected")
    return unknown(name, "suspected", not_checked=("conditions",))


def as_suspected(finding: Finding, chart: Chart, card: str, *, of_other_cards: tuple[str, ...] = ()) -> Finding:
    """Return the finding as it stands where RLS is only suspected: `card` alone, as information.

    What may explain the symptoms matters most while the diagnosis is open (clinical amendments 2, section 3). A level
    that is critical stays so.

    of_other_cards  reasons for an unknown answer that cannot hide this card
    """
    if rls_status(chart) is not Rls.SUSPECTED:
        return finding
    critical = finding.indicator is Indicator.CRITICAL
    if finding.outcome is Outcome.FIRES and (critical or finding.card == card):
        indicator = finding.indicator if critical else Indicator.INFO
        return replace(finding, indicator=indicator, texts=("advice_suspected", *finding.texts))
    other = finding.outcome is Outcome.FIRES or finding.because in of_other_cards
    return (other and confirmed_only(finding.decision, chart)) or finding


def labs_first(name: str, chart: Chart) -> Finding | None:
    """Return why a question about a result is not asked: RLS is only suspected, or no result could be read."""
    return without_labs(name, chart) or confirmed_only(name, chart)


def without_labs(name: str, chart: Chart) -> Finding | None:
    """Return an unknown finding where no laboratory results could be read, else None."""
    return unknown(name, "labs_unknown", ("labs",)) if chart.listing("labs") is Listing.NOT_KNOWN else None


def level(chart: Chart, rules: Rules, analyte: str, days: str, *limits: str) -> Reading:
    """Return the newest result of the window that the threshold `days` names, compared at these limits."""
    return chart.once(_level, rules, analyte, days, *limits)


def _level(chart: Chart, rules: Rules, analyte: str, days: str, *limits: str) -> Reading:
    return read(chart, analyte, window=rules.limit(days), limits=[rules.limit(name) for name in limits])


def contradicted(reading: Reading, counted: LabResult | None) -> dict[str, Fact]:
    """Return the other results of the time of the one that counts, as facts that name them beside it.

    Nothing where they say the same.
    """
    others = reading.contradicting(counted)
    if not others:
        return {}
    return {**numbered(f"{others[0].analyte}_beside", others), "contradiction": phrase("results.stricter_counts")}


def coded_unanswered(chart: Chart, concept: str, reading: Reading) -> tuple[Diagnosis, ...]:
    """Return the diagnoses of a high level that no usable result of the reading answers (ours).

    A result answers those that were not surely recorded after it, unless a newer one may not be used.
    """
    result = None if unread(reading) else reading.result
    dated = ((each, each.recorded or each.onset) for each in chart.diagnosed(concept))
    return tuple(each for each, day in dated if result is None or (day and day.first > result.when.last))


def render_coded(name: str, coded: Iterable[Diagnosis], rules: Rules) -> Text:
    """Return the problem with the day on which it was last recorded, where one is known."""
    days = [day for each in coded if (day := each.recorded or each.onset)]
    last = max(days, key=lambda day: day.order, default=None)
    return say(rules, name, "coded_on", day=last) if last else say(rules, name, "coded")


def at_the_limit(reading: Reading, limit: Threshold) -> bool:
    """Return whether the newest result is only reported as at or below that very limit: it is told as one below it."""
    known = reading.censored.quantity if reading.censored else None
    return known == replace(limit.quantity, comparator="<=")


def recheck_day(chart: Chart) -> date:
    """Return the day for which a card offers to order the same test again."""
    return days_after(chart.today, whole("level.recheck_days"))


#: Reasons that say that there is no value at all.
_NO_VALUE = frozenset({"no-value", "cancelled", "not-reported-yet"})


def unread(*readings: Reading) -> tuple[UnusableResult, ...]:
    """Return the newest result of each reading that is there and may not be used, if it may be the newest of all."""
    found = (next((each for each in reading.unusable if each.why not in _NO_VALUE), None) for reading in readings)
    return tuple(each for each in found if each)


def value_unread(name: str, *unusable: UnusableResult) -> Finding | None:
    """Return an unknown finding where a safety value is there and may not be used, else None (data amendments 1)."""
    return unknown(name, "value_unread", unread=unusable) if unusable else None


def without_level(name: str, chart: Chart, reading: Reading) -> Finding:
    """Return the finding where there is no usable result.

    It is unknown where a result may exist beyond a cut list, or exists and cannot be compared.
    """
    if chart.listing("labs") is Listing.CUT:
        return unknown(name, "labs_cut", not_checked=("labs",))
    if reading.kind in (Kind.NONE, Kind.STALE):
        return quiet(name, "no_level")
    return unknown(name, "level_undecided")


def without_drugs(name: str, chart: Chart) -> Finding | None:
    """Return an unknown finding where the drug may stand in the unread part of the list, else None."""
    return None if chart.knows("medications") else unknown(name, "drugs_unknown", not_checked=("medications",))


def taken_for(drug: Drug, limit: Threshold, chart: Chart) -> bool | None:
    """Return whether a drug was begun as long ago as the limit says, or None where its start leaves that open."""
    return None if drug.start is None else compare(drug.start.days_before(chart.today), limit)


def may_be_treated(chart: Chart, drug_class: str) -> bool:
    """Return whether a drug of the class is or may be active: an unread list never makes a card more urgent."""
    return bool(chart.active_drugs(drug_class)) or not chart.knows("medications")


def one_per_product(drugs: Iterable[Drug]) -> tuple[Drug, ...]:
    """Return one drug per product name, the first of each."""
    kept: dict[str, Drug] = {}
    for drug in drugs:
        kept.setdefault(drug.product.name, drug)
    return tuple(kept.values())


def numbered(name: str, facts: Iterable[Fact]) -> dict[str, Fact]:
    """Return several facts under one label: `risk`, `risk1`, `risk2`."""
    return {f"{name}{number or ''}": fact for number, fact in enumerate(facts)}
