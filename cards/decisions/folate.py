"""Serum folate on patient-view: never treated alone while B12 is low or unknown (clinical pages 2 and 6.1)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.levels import fires, labs_first, level, may_be_treated, meets, numbered, without_level
from cards.rules import Rules
from cards.scope import pregnancy

NAME = "folate"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Low, borderline, or quiet; red-cell folate is another analyte and never read here."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    reading = level(chart, rules, "folate", "vitamin_days", "folate.def", "folate.border")
    folate = reading.result
    if folate is None:
        return (without_level(NAME, chart, reading),)
    if meets(folate, rules.limit("folate.def")):
        indicator = Indicator.INFO if may_be_treated(chart, "folate") else Indicator.WARNING
        return (_card("FOL-LOW", indicator, chart, rules, folate),)
    if meets(folate, rules.limit("folate.border")):
        return (_card("FOL-BORDER", Indicator.INFO, chart, rules, folate),)
    return (quiet(NAME, "enough", folate=folate),)


def _card(card: str, indicator: Indicator, chart: Chart, rules: Rules, folate: LabResult) -> Finding:
    b12 = level(chart, rules, "b12", "vitamin_days").result
    missing = f"none usable within {rules.limit('vitamin_days').days} days"
    facts: dict[str, Fact] = {"folate": folate, **({"b12": b12} if b12 else {"b12_missing": missing})}
    facts |= numbered("drug", chart.active_drugs("folate"))
    needs_b12: tuple[Suggestion, ...] = () if b12 else (OrderTests(("b12",)),)
    texts = (
        ("b12_unknown", b12 is None),
        ("dose_limit", not (pregnancy(chart).is_pregnant or chart.diagnosed("lactation"))),
        ("treated", bool(chart.active_drugs("folate"))),
    )
    shown = tuple(name for name, applies in texts if applies)
    return fires(NAME, card, chart, rules, facts, indicator=indicator, texts=shown, suggestions=needs_b12)
