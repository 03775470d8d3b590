"""Severe RLS although iron is replete; off unless a site switches it on (clinical rationale 3)."""

from __future__ import annotations

from cards.decisions.iron.replete import may_be_otherwise
from cards.decisions.iron.studies import current_iron_studies
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import confirmed_only, without_drugs
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred, render_caution
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, quiet, unknown
from cards.facts.results import Measure
from cards.knowledge.limits import is_recent, misses
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import may_be_pregnant
from cards.patient.status import is_child, is_esrd
from cards.wording.phrases import NOTHING, say

NAME = "rx_review"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card for a high severity score with replete iron and no active gabapentinoid."""
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
        return (unknown(NAME, "labs_cut") if not chart.knows("labs") else quiet(NAME, "no_score"),)
    if misses(score.value, rules.limit("irls.severe")):
        return (quiet(NAME, "not_severe"),)
    return (_severe(chart, rules, score),)


def _score(chart: Chart, rules: Rules) -> Measure | None:
    """Return the newest International RLS score in its window; a site's local code brings it into the chart."""
    window = rules.limit("irls.days")
    fresh = (each for each in chart.measures if each.kind == "irls" and is_recent(each.when, window, chart.today))
    return max(fresh, key=lambda each: each.when.order, default=None)


def _severe(chart: Chart, rules: Rules, score: Measure) -> Finding:
    studies = current_iron_studies(chart, rules)
    ferritin, tsat = studies.ferritin, studies.tsat
    if ferritin is None or tsat is None:
        return unknown(NAME, "labs_cut") if not chart.knows("labs") else quiet(NAME, "iron_unknown")
    replete = studies.ferritin_misses("ferritin.mid") and not studies.tsat_meets("tsat.low")
    if not replete or may_be_otherwise(studies):
        return quiet(NAME, "not_replete", ferritin=ferritin, tsat=tsat)
    if chart.active_drugs("gabapentinoid"):
        return quiet(NAME, "taken")
    if gabapentinoid_is_barred(chart):
        return quiet(NAME, "barred")
    facts: dict[str, Fact] = {"irls": say(rules, NAME, "score", points=score.value), "ferritin": ferritin, "tsat": tsat}
    facts |= {"irls_when": score.when}
    said: dict[str, Fact] = {**facts, "caution": render_caution(chart, rules)}
    said |= {"pregnant": say(rules, NAME, "or_pregnancy") if may_be_pregnant(chart) else NOTHING}
    return without_drugs(NAME, chart) or fires(NAME, "RX-REVIEW", chart, rules, said, why=tuple(facts))
