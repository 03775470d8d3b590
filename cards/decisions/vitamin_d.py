"""25-OH vitamin D on patient-view: low, high, or toxic with a high calcium (clinical pages 2 and 6.1)."""

from __future__ import annotations

from cards.chart import Chart, Drug, LabResult
from cards.finding import Fact, Finding, Indicator, OrderTests, Suggestion, quiet
from cards.levels import fires, labs_first, level, meets, numbered, without_level
from cards.rules import Rules, Threshold
from cards.wording import fill

NAME = "vitamin_d"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """At most one card."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    low = _low_limit(rules)
    reading = level(chart, rules, "vitd", "vitamin_days", "vitd.def", low.name, "vitd.high")
    vitd = reading.result
    if vitd is None:
        return (without_level(NAME, chart, reading),)
    if meets(vitd, rules.limit("vitd.high")):
        return (_high(chart, rules, vitd),)
    if meets(vitd, low):
        return (_low(chart, rules, vitd, low),)
    return (quiet(NAME, "enough", vitd=vitd),)


def _low_limit(rules: Rules) -> Threshold:
    return rules.limit("vitd.insufficient" if rules.is_on("vitd.insufficiency_cards") else "vitd.def")


def _high(chart: Chart, rules: Rules, vitd: LabResult) -> Finding:
    calcium = level(chart, rules, "calcium", "mineral_days", "ca_hi").result
    toxic = meets(vitd, rules.limit("vitd.tox")) and meets(calcium, rules.limit("ca_hi"))
    missing = f"none usable within {rules.limit('mineral_days').days} days"
    facts: dict[str, Fact] = {"vitd": vitd, **({"calcium": calcium} if calcium else {"calcium_missing": missing})}
    facts |= numbered("drug", chart.active_drugs("vitd", "vitd-active"))
    why = tuple(facts)
    facts |= {"next_step": fill(rules.decisions[NAME].texts["known" if calcium else "check"], facts, rules)}
    to_order: tuple[Suggestion, ...] = (OrderTests(("calcium", "egfr")),) if toxic or calcium is None else ()
    return fires(
        NAME,
        "VITD-TOX" if toxic else "VITD-HIGH",
        chart,
        rules,
        facts,
        indicator=Indicator.CRITICAL if toxic else Indicator.WARNING,
        why=why,
        texts=_other_causes(chart),
        suggestions=to_order,
    )


def _low(chart: Chart, rules: Rules, vitd: LabResult, limit: Threshold) -> Finding:
    treated = _treatment(chart)
    if treated:
        return quiet(NAME, "treated", vitd=vitd, drug=treated[0])
    surely_deficient = meets(vitd, rules.limit("vitd.def"))
    facts: dict[str, Fact] = {"vitd": vitd, "limit": rules.limit("vitd.def") if surely_deficient else limit}
    calcium = level(chart, rules, "calcium", "mineral_days", "ca_hi").result
    is_high = meets(calcium, rules.limit("ca_hi"))
    facts |= {"calcium": calcium} if calcium else {}
    facts |= {"next_step": fill(rules.decisions[NAME].texts["hold" if is_high else "treat"], facts, rules)}
    said = (("advice_calcium", is_high), ("insufficient", not surely_deficient))
    texts = (*(name for name, applies in said if applies), *_other_causes(chart))
    why = ("vitd", *(("calcium",) if calcium else ()))
    return fires(NAME, "VITD-LOW", chart, rules, facts, why=why, texts=texts)


def _treatment(chart: Chart) -> tuple[Drug, ...]:
    """Vitamin D under way; its active forms only where the deficiency itself is coded (amendments, section 4)."""
    active_forms = chart.active_drugs("vitd-active")
    if chart.diagnosed("vitamin-d-deficiency"):
        return (*chart.active_drugs("vitd"), *active_forms)
    stored = (drug for drug in active_forms if "calcifediol" in drug.product.ingredient_names())
    return (*chart.active_drugs("vitd"), *stored)


def _other_causes(chart: Chart) -> tuple[str, ...]:
    """What raises calcium by itself, so that vitamin D needs more care."""
    found = (("advice_granulomatous", "granulomatous-disease"), ("advice_parathyroid", "hyperparathyroidism"))
    return tuple(text for text, concept in found if chart.diagnosed(concept))
