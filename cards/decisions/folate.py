"""Serum folate on patient-view: never treated alone while B12 is low or unknown (clinical pages 2 and 6.1)."""

from __future__ import annotations

from cards.chart import Chart, LabResult
from cards.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.levels import fires, labs_first, level, may_be_treated, meets, numbered, without_level
from cards.rules import Rules
from cards.scope import pregnancy
from cards.wording import fill

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
    shown = tuple(facts)
    step = _first_step(rules, b12)
    words = rules.decisions[NAME].texts[step]
    facts |= {"first_step": fill(words, facts, rules)}
    needs_b12: tuple[Suggestion, ...] = () if b12 else (OrderTests(("b12",)),)
    texts = (
        ("advice_b12_first", step != "first_enough"),
        ("b12_unknown", b12 is None),
        ("nice", b12 is not None and rules.switch("b12.preset") == "NICE"),
        ("dose_limit", not (pregnancy(chart).is_pregnant or chart.diagnosed("lactation"))),
        ("treated", bool(chart.active_drugs("folate"))),
    )
    said = tuple(name for name, applies in texts if applies)
    return fires(NAME, card, chart, rules, facts, indicator=indicator, why=shown, texts=said, suggestions=needs_b12)


def _first_step(rules: Rules, b12: LabResult | None) -> str:
    """What vitamin B12 asks for before folate, as a key of the texts."""
    nice = rules.switch("b12.preset") == "NICE"
    low, border = ("b12.def_nice", "b12.border_nice") if nice else ("b12.def", "b12.border")
    if b12 is None:
        return "first_unknown"
    if meets(b12, rules.limit(low)):
        return "first_low"
    return "first_border" if meets(b12, rules.limit(border)) else "first_enough"
