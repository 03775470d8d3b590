"""Serum folate on patient-view: never treated alone while B12 is low or unknown (clinical rationale 2 and 6.1)."""

from __future__ import annotations

from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import labs_first, level, may_be_treated, numbered, recheck_day, without_level
from cards.facts.chart import Chart, LabResult
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.wording.phrases import phrase, say

NAME = "folate"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card for a low or borderline folate; red-cell folate is another analyte and never read here."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    reading = level(chart, rules, "folate", "vitamin_days", "folate.def", "folate.border")
    folate = reading.bounds
    if folate is None or (reading.censored and not meets(folate, rules.limit("folate.border"))):
        return (without_level(NAME, chart, reading),)
    if meets(folate, rules.limit("folate.def")):
        indicator = Indicator.INFO if may_be_treated(chart, "folate") else Indicator.WARNING
        return (_card("FOL-LOW", indicator, chart, rules, folate),)
    if meets(folate, rules.limit("folate.border")):
        return (_card("FOL-BORDER", Indicator.INFO, chart, rules, folate),)
    return (quiet(NAME, "enough", folate=folate),)


def _card(card: str, indicator: Indicator, chart: Chart, rules: Rules, folate: LabResult) -> Finding:
    b12 = level(chart, rules, "b12", "vitamin_days").result
    missing = phrase("results.none_within", window=rules.limit("vitamin_days"))
    facts: dict[str, Fact] = {"folate": folate, **({"b12": b12} if b12 else {"b12_missing": missing})}
    facts |= numbered("drug", chart.active_drugs("folate"))
    shown = tuple(facts)
    pregnant = pregnancy(chart).is_pregnant
    step = "first_pregnant" if pregnant else _first_step(rules, b12)
    facts |= {"first_step": say(rules, NAME, step, **facts)}
    again = (OrderTests(("folate",), due=recheck_day(chart)),) if card == "FOL-LOW" else ()
    offers: tuple[Suggestion, ...] = (*(() if b12 else (OrderTests(("b12",)),)), *again)
    texts = (
        ("advice_censored", card == "FOL-BORDER" and folate.quantity.is_censored),
        ("advice_folate_now", pregnant),
        ("advice_b12_first", step not in ("first_enough", "first_pregnant")),
        ("nice", b12 is not None and rules.switch("b12.preset") == "NICE"),
        ("dose_limit", not (pregnant or chart.diagnosed("lactation"))),
        ("treated", bool(chart.active_drugs("folate"))),
    )
    said = tuple(name for name, applies in texts if applies)
    return fires(NAME, card, chart, rules, facts, indicator=indicator, why=shown, texts=said, suggestions=offers)


def _first_step(rules: Rules, b12: LabResult | None) -> str:
    """Return what vitamin B12 requires before folate is given, as a key of the texts."""
    nice = rules.switch("b12.preset") == "NICE"
    low, border = ("b12.def_nice", "b12.border_nice") if nice else ("b12.def", "b12.border")
    if b12 is None:
        return "first_unknown"
    if meets(b12, rules.limit(low)):
        return "first_low"
    return "first_border" if meets(b12, rules.limit(border)) else "first_enough"
