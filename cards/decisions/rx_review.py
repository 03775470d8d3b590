"""Severe RLS although iron is replete; off unless a site switches it on (clinical page 3, last paragraph)."""

from __future__ import annotations

from cards.chart import Chart, Listing, Measure
from cards.finding import Fact, Finding, quiet, unknown
from cards.iron.studies import ferritin_limits, read_iron_studies
from cards.levels import confirmed_only, fires, without_drugs
from cards.quantity import Quantity
from cards.rules import Rules
from cards.scope import is_child, is_esrd

NAME = "rx_review"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Fires where a recent severity score is high, ferritin and TSAT are replete, and no gabapentinoid is active."""
    if not rules.is_on("rx_review"):
        return (quiet(NAME, "switched_off"),)
    early = confirmed_only(NAME, chart)
    if early:
        return (early,)
    if is_child(chart) or is_esrd(chart):
        return (quiet(NAME, "not_for"),)
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return (unknown(NAME, "labs_unknown", ("labs",)),)
    score = _score(chart, rules)
    if score is None:
        return (unknown(NAME, "labs_cut", ()) if not chart.knows("labs") else quiet(NAME, "no_score"),)
    if score.value < rules.limit("irls.severe").value:
        return (quiet(NAME, "not_severe"),)
    return (_severe(chart, rules, score),)


def _score(chart: Chart, rules: Rules) -> Measure | None:
    """The newest total of the International RLS scale in its window; it reaches the chart by a site's local code."""
    days = rules.limit("irls.days").days
    fresh = (each for each in chart.measures if each.kind == "irls" and each.when.within_days(days, chart.today))
    return max(fresh, key=lambda each: each.when.order, default=None)


def _severe(chart: Chart, rules: Rules, score: Measure) -> Finding:
    studies = read_iron_studies(
        chart, rules, window=rules.limit("fresh_days").days, extra_limits=ferritin_limits(chart)
    )
    ferritin, tsat = studies.ferritin, studies.tsat
    if ferritin is None or tsat is None:
        return unknown(NAME, "labs_cut", ()) if not chart.knows("labs") else quiet(NAME, "iron_unknown")
    replete = studies.ferritin_above("ferritin.mid") and not studies.tsat_below("tsat.low") and not studies.blocking
    if not replete:
        return quiet(NAME, "not_replete", ferritin=ferritin, tsat=tsat)
    if chart.active_drugs("gabapentinoid"):
        return quiet(NAME, "taken")
    facts: dict[str, Fact] = {"irls": Quantity(score.value, "of 40"), "ferritin": ferritin, "tsat": tsat}
    card = fires(NAME, "RX-REVIEW", chart, rules, {**facts, "irls_when": score.when}, texts=("gabapentinoids",))
    return without_drugs(NAME, chart) or card
