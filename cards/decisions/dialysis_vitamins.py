"""Vitamin C in haemodialysis with RLS (clinical amendments 4; clinical amendments 2, section 5)."""

from __future__ import annotations

from cards.decisions.iron.studies import ferritin_limits, read_iron_studies
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import confirmed_only, level, without_drugs
from cards.decisions.shared.severe_rls import too_much_in_dialysis
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, quiet, unknown
from cards.facts.results import UnusableResult
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.labs.saturation import may_meet
from cards.patient.status import haemodialysis, is_child, is_esrd, kidney_failure, overload, probable_overload
from cards.wording.phrases import NOTHING, say

NAME = "dialysis_vitamins"

_OXALATE = ("oxalate", "primary-hyperoxaluria", "kidney-stone", "malabsorption", "bariatric", "inflammatory-bowel")
_AGAINST = (*_OXALATE, "kidney-transplant", "g6pd-deficiency")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card only for an adult on haemodialysis in whom nothing speaks against vitamin C."""
    if not rules.is_on("esrd_vitc"):
        return (quiet(NAME, "switched_off"),)
    early = confirmed_only(NAME, chart)
    if early:
        return (early,)
    if is_child(chart) or not is_esrd(chart):
        return (quiet(NAME, "not_for"),)
    if not haemodialysis(chart):
        known = chart.knows("procedures")
        return (quiet(NAME, "not_for") if known else unknown(NAME, "dialysis_unknown"),)
    return (_on_haemodialysis(chart, rules),)


def _on_haemodialysis(chart: Chart, rules: Rules) -> Finding:
    if chart.diagnosed(*_AGAINST) or _had_bariatric_surgery(chart) or overload(chart) or probable_overload(chart):
        return quiet(NAME, "unsafe")
    if chart.active_drugs("vitc"):
        return quiet(NAME, "taken")
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    stop = rules.limit("vitc.ferritin")
    reading = level(chart, rules, "ferritin", "fresh_days", stop.name)
    ferritin = reading.result
    if ferritin is None:
        return unknown(NAME, "ferritin_unknown")
    if meets(ferritin, stop):
        return quiet(NAME, "ferritin_high", ferritin=ferritin)
    # A newer one that may not be used and would be too high stops advice on an older, lower one (data amendments 3).
    perhaps_high = next((each for each in reading.unusable if may_meet(each, stop)), None)
    if perhaps_high:
        return quiet(NAME, "perhaps_high", result=perhaps_high)
    blocking = read_iron_studies(chart, rules, window="fresh_days", limits=ferritin_limits(chart)).blocking
    if isinstance(blocking, UnusableResult):
        return quiet(NAME, "perhaps_high", result=blocking)
    if blocking:
        return quiet(NAME, "tsat_high", tsat=blocking)
    tsat = level(chart, rules, "tsat", "tsat.block_days", "tsat.high").bounds
    if tsat is not None and not misses(tsat, rules.limit("tsat.high")):
        return quiet(NAME, "tsat_high", tsat=tsat)
    too_much = too_much_in_dialysis(chart, rules)
    said: dict[str, Fact] = {"too_much": too_much.rendered} if too_much else {}
    said |= {
        "option": say(
            rules, NAME, "option_after" if too_much else "option", taken=too_much.in_short if too_much else NOTHING
        )
    }
    lists_read = chart.knows("procedures", "conditions")
    return without_drugs(NAME, chart) or (
        fires(
            NAME,
            "ESRD-VITC",
            chart,
            rules,
            {"ferritin": ferritin, **said},
            why=("ferritin",),
            texts=("advice_too_much",) if too_much else (),
            evidence=(*haemodialysis(chart), *kidney_failure(chart)),
        )
        if lists_read
        else unknown(NAME, "dialysis_unknown")
    )


def _had_bariatric_surgery(chart: Chart) -> bool:
    return any("bariatric-procedure" in each.concepts for each in chart.procedures)
