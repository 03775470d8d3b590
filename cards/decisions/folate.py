"""Serum folate on patient-view: never treated alone while B12 is low or unknown (clinical rationale 2 and 6.1)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.shared.b12_risks import b12_bands
from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import (
    at_the_limit,
    contradicted,
    labs_first,
    level,
    may_be_treated,
    numbered,
    recheck_day,
    without_level,
)
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, Text, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.quantity import in_print
from cards.wording.phrases import phrase, say

NAME = "folate"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card for a low or borderline folate; red-cell folate is another analyte and never read here."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    reading = level(chart, rules, "folate", "vitamin_days", "folate.def", "folate.border")
    border = rules.limit("folate.border")
    folate, low = reading.counted(border), at_the_limit(reading, border)
    if folate is None or (reading.censored and not (meets(folate, border) or low)):
        return (without_level(NAME, chart, reading),)
    if meets(folate, rules.limit("folate.def")):
        indicator = Indicator.INFO if may_be_treated(chart, "folate") else Indicator.WARNING
        return (_card("FOL-LOW", indicator, chart, rules, folate),)
    if low or meets(folate, border):
        return (_card("FOL-BORDER", Indicator.INFO, chart, rules, folate),)
    return (quiet(NAME, "enough", folate=folate),)


def _card(card: str, indicator: Indicator, chart: Chart, rules: Rules, folate: LabResult) -> Finding:
    low, border = b12_bands(rules)
    measured = level(chart, rules, "b12", "vitamin_days", low, border)
    b12 = measured.counted(rules.limit(border))
    missing = phrase("results.none_within", window=rules.limit("vitamin_days"))
    facts: dict[str, Fact] = {"folate": folate, **({"b12": b12} if b12 else {"b12_missing": missing})}
    facts |= contradicted(level(chart, rules, "folate", "vitamin_days", "folate.def", "folate.border"), folate)
    facts |= contradicted(measured, b12)
    taken = chart.active_drugs("folate")
    facts |= numbered("drug", taken)
    shown = tuple(facts)
    pregnant = pregnancy(chart).is_pregnant
    step = "pregnant" if pregnant else _first_step(rules, b12)
    hidden = step not in ("enough", "pregnant")
    on_folate = "_on_folate" if taken and step != "pregnant" else ""
    facts |= {"first_step": say(rules, NAME, f"first_{step}{on_folate}", on_folate=_on_folate(rules, taken), **facts)}
    facts |= {"folate_step": say(rules, NAME, "step_on_folate" if taken else "step")}
    again = (OrderTests(("folate",), due=recheck_day(chart)),) if card == "FOL-LOW" else ()
    offers: tuple[Suggestion, ...] = (*(() if b12 else (OrderTests(("b12",)),)), *again)
    texts = (
        ("advice_censored", card == "FOL-BORDER" and folate.quantity.is_censored),
        ("advice_folate_now", pregnant),
        ("advice_b12_first", hidden and not taken),
        ("advice_b12_now", hidden and bool(taken)),
        ("nice", b12 is not None and rules.switch("b12.preset") == "NICE"),
        ("dose_limit", hidden and not chart.diagnosed("lactation")),
    )
    said = tuple(name for name, applies in texts if applies)
    return fires(NAME, card, chart, rules, facts, indicator=indicator, why=shown, texts=said, suggestions=offers)


def _first_step(rules: Rules, b12: LabResult | None) -> str:
    """Return what is known of vitamin B12, which decides on the first step: the end of the key of a text."""
    low, border = b12_bands(rules)
    if b12 is None:
        return "unknown"
    if meets(b12, rules.limit(low)):
        return "low"
    return "border" if meets(b12, rules.limit(border)) else "enough"


def _on_folate(rules: Rules, taken: tuple[Drug, ...]) -> Text:
    """Return that folic acid is taken, with the dose of all products together where each was read."""
    doses = [daily_mg_of_class(drug, "folate") for drug in taken]
    read = [dose for dose in doses if dose is not None]
    if not read or len(read) < len(doses):
        return say(rules, NAME, "on_folate")
    return say(rules, NAME, "on_folate_of", mg=in_print(sum(read, Decimal(0))))
