"""25-OH vitamin D on patient-view: low, high, or toxic with a high calcium (clinical rationale 2 and 6.1)."""

from __future__ import annotations

from cards.decisions.iron.replete import review_if_replete
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import (
    as_suspected,
    at_the_limit,
    coded_unanswered,
    contradicted,
    level,
    numbered,
    recheck_day,
    render_coded,
    unread,
    without_labs,
    without_level,
)
from cards.decisions.shared.vitamin_d_doses import render_vitamin_d, render_vitamin_d_dose
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.wording.phrases import NOTHING, listed_in_short, phrase, printed, say

NAME = "vitamin_d"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return at most one card."""
    return (as_suspected(without_labs(NAME, chart) or _by_level(chart, rules), chart, "VITD-HIGH"),)


def _by_level(chart: Chart, rules: Rules) -> Finding:
    low = _low_limit(rules)
    reading = level(chart, rules, "vitd", "vitamin_days", "vitd.def", low.name, "vitd.high")
    high, vitd = reading.beyond(rules.limit("vitd.high")), reading.bounds
    if high:
        return _high(chart, rules, high, contradicted(reading, high))
    if vitd is None:
        return without_level(NAME, chart, reading)
    if meets(vitd, low) or at_the_limit(reading, low):
        return _low(chart, rules, vitd, low)
    if reading.censored:
        return without_level(NAME, chart, reading)
    return quiet(NAME, "enough", vitd=vitd)


def _low_limit(rules: Rules) -> Threshold:
    return rules.limit("vitd.insufficient" if rules.is_on("vitd.insufficiency_cards") else "vitd.def")


def _high(chart: Chart, rules: Rules, vitd: LabResult, beside: dict[str, Fact]) -> Finding:
    minerals = level(chart, rules, "calcium", "mineral_days", "ca_hi")
    calcium = minerals.beyond(rules.limit("ca_hi")) or minerals.result
    toxic = meets(vitd, rules.limit("vitd.tox")) and meets(calcium, rules.limit("ca_hi"))
    missing = phrase("results.none_within", window=rules.limit("mineral_days"))
    facts: dict[str, Fact] = {"vitd": vitd, **({"calcium": calcium} if calcium else {"calcium_missing": missing})}
    unused = numbered("unusable", unread(minerals))
    facts |= {**unused, **beside, **contradicted(minerals, calcium)}
    taken = chart.active_drugs("vitd", "vitd-active")
    facts |= numbered("drug", taken)
    facts |= numbered("dose", dict.fromkeys(render_vitamin_d(drug) for drug in taken if render_vitamin_d_dose(drug)))
    why = tuple(facts)
    named = listed_in_short(map(printed, taken))
    facts |= {"taken": say(rules, NAME, "taken", names=named) if taken else NOTHING}
    facts |= {"next_step": say(rules, NAME, "known" if calcium and not unused else "check", **facts)}
    tests = ("calcium", "egfr", "phosphate", "pth") if toxic else ("calcium", "egfr")
    check = (OrderTests(tests),) if toxic or unused or calcium is None else ()
    review, said = ((), {}) if toxic else review_if_replete(chart, rules)
    to_order: tuple[Suggestion, ...] = (*check, OrderTests(("vitd",), due=recheck_day(chart)))
    return fires(
        NAME,
        "VITD-TOX" if toxic else "VITD-HIGH",
        chart,
        rules,
        {**facts, **said},
        indicator=Indicator.CRITICAL if toxic else Indicator.WARNING,
        why=why,
        texts=(*_other_causes(chart), *review),
        suggestions=to_order,
    )


def _low(chart: Chart, rules: Rules, vitd: LabResult, limit: Threshold) -> Finding:
    treated = _treatment(chart)
    if treated:
        return quiet(NAME, "treated", vitd=vitd, drug=treated[0])
    deficient = rules.limit("vitd.def")
    surely_deficient = meets(vitd, deficient) or at_the_limit(
        level(chart, rules, "vitd", "vitamin_days", "vitd.def"), deficient
    )
    facts: dict[str, Fact] = {"vitd": vitd, "limit": deficient if surely_deficient else limit}
    # As long as an order of vitamin D would be held for a high calcium, treating is not advised either.
    measured = level(chart, rules, "calcium", "ca_days_order", "ca_hi")
    high = measured.beyond(rules.limit("ca_hi"))
    is_high = high is not None
    recent = level(chart, rules, "calcium", "mineral_days", "ca_hi")
    coded = () if is_high else coded_unanswered(chart, "hypercalcaemia", recent)
    calcium = high or recent.result
    beside = {**numbered("unusable", () if high else unread(measured)), **contradicted(measured, high)}
    facts |= {**({"calcium": calcium} if calcium else {}), **beside}
    facts |= {"problem": render_coded(NAME, coded, rules)} if coded else {}
    step = "hold" if is_high else "measure" if coded else "treat"
    facts |= {"next_step": say(rules, NAME, step, **facts)}
    said = (("advice_calcium", is_high), ("advice_coded", bool(coded)), ("insufficient", not surely_deficient))
    review, line = review_if_replete(chart, rules)
    texts = (*(name for name, applies in said if applies), *_other_causes(chart), *review)
    why = ("vitd", *(("calcium",) if calcium else ()), *beside, *(("problem",) if coded else ()))
    return fires(
        NAME,
        "VITD-LOW",
        chart,
        rules,
        {**facts, **line},
        why=why,
        texts=texts,
        evidence=coded,
        suggestions=(OrderTests(("calcium",)),) if coded else (),
    )


def _treatment(chart: Chart) -> tuple[Drug, ...]:
    """Return the vitamin D being taken; active forms only where the deficiency is coded (clinical amendments 4)."""
    active_forms = chart.active_drugs("vitd-active")
    if chart.diagnosed("vitamin-d-deficiency"):
        return (*chart.active_drugs("vitd"), *active_forms)
    stored = (drug for drug in active_forms if "calcifediol" in drug.product.ingredient_names())
    return (*chart.active_drugs("vitd"), *stored)


def _other_causes(chart: Chart) -> tuple[str, ...]:
    """Return the texts on what raises calcium by itself, so that vitamin D needs more care."""
    found = (("advice_granulomatous", "granulomatous-disease"), ("advice_parathyroid", "hyperparathyroidism"))
    return tuple(text for text, concept in found if chart.diagnosed(concept))
