"""Vitamin C in haemodialysis with RLS; off unless a site switches it on (clinical amendments section 4)."""

from __future__ import annotations

from cards.chart import Chart, Listing
from cards.finding import Finding, quiet, unknown
from cards.levels import confirmed_only, fires, level, meets, without_drugs
from cards.rules import Rules
from cards.scope import haemodialysis, is_child, is_esrd, kidney_failure, overload, probable_overload

NAME = "dialysis_vitamins"

_OXALATE = ("oxalate", "primary-hyperoxaluria", "kidney-stone", "malabsorption", "bariatric")
_AGAINST = (*_OXALATE, "kidney-transplant", "g6pd-deficiency")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Fires only for an adult on haemodialysis in whom nothing speaks against vitamin C."""
    if not rules.is_on("esrd_vitc"):
        return (quiet(NAME, "switched_off"),)
    early = confirmed_only(NAME, chart)
    if early:
        return (early,)
    if is_child(chart) or not is_esrd(chart):
        return (quiet(NAME, "not_for"),)
    if not haemodialysis(chart):
        known = chart.knows("procedures")
        return (quiet(NAME, "not_for") if known else unknown(NAME, "dialysis_unknown", ()),)
    return (_on_haemodialysis(chart, rules),)


def _on_haemodialysis(chart: Chart, rules: Rules) -> Finding:
    if chart.diagnosed(*_AGAINST) or _had_bariatric_surgery(chart) or overload(chart) or probable_overload(chart):
        return quiet(NAME, "unsafe")
    if chart.active_drugs("vitc"):
        return quiet(NAME, "taken")
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    ferritin = level(chart, rules, "ferritin", "fresh_days", "vitc.ferritin").result
    if ferritin is None:
        return unknown(NAME, "ferritin_unknown", ())
    if meets(ferritin, rules.limit("vitc.ferritin")):
        return quiet(NAME, "ferritin_high", ferritin=ferritin)
    lists_read = chart.knows("procedures", "conditions")
    return without_drugs(NAME, chart) or (
        fires(
            NAME,
            "ESRD-VITC",
            chart,
            rules,
            {"ferritin": ferritin},
            evidence=(*haemodialysis(chart), *kidney_failure(chart)),
        )
        if lists_read
        else unknown(NAME, "dialysis_unknown", ())
    )


def _had_bariatric_surgery(chart: Chart) -> bool:
    return any("bariatric-procedure" in each.concepts for each in chart.procedures)
