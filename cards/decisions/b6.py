"""Vitamin B6 on patient-view: too much of it, or too little (product.md section 4, clinical amendments section 4)."""

from __future__ import annotations

from cards.chart import Chart, LabResult, Listing
from cards.finding import Fact, Finding, Outcome, quiet, unknown
from cards.levels import confirmed_only, fires, level, meets, numbered, without_drugs, without_level
from cards.pyridoxine import daily_mg, is_needed, pyridoxine_limit
from cards.quantity import Quantity
from cards.rules import Rules
from cards.scope import pregnancy

NAME = "b6"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Too high a dose fires without any result; a level, high or low, needs one."""
    found = confirmed_only(NAME, chart) or _high_dose(chart, rules)
    return (found or _with_the_dose(chart, _by_level(chart, rules)),)


def _with_the_dose(chart: Chart, by_level: Finding) -> Finding:
    """A quiet level is no answer while the dose is open: the drugs were not read, or a dose in them could not be."""
    if by_level.outcome is not Outcome.QUIET or is_needed(chart):
        return by_level
    drugs = chart.active_drugs("b6")
    if any(drug.daily is None or drug.daily.mg.get("pyridoxine") is None for drug in drugs):
        return unknown(NAME, "dose_unknown", ())
    return without_drugs(NAME, chart) or by_level


def _high_dose(chart: Chart, rules: Rules) -> Finding | None:
    dose, limit = daily_mg(chart.active_drugs("b6")), pyridoxine_limit(chart, rules)
    if dose <= limit.value or is_needed(chart):
        return None
    shown: dict[str, Fact] = {"dose": Quantity(dose, "mg a day")}
    measured = level(chart, rules, "plp", "vitamin_days", "plp.high").result
    shown |= {"plp": measured} if measured else {}
    return _high(chart, rules, {"found": shown["dose"], "limit": limit}, shown)


def _by_level(chart: Chart, rules: Rules) -> Finding:
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    reading = level(chart, rules, "plp", "vitamin_days", "plp.low", "plp.high")
    plp = reading.result
    if plp is None:
        return without_level(NAME, chart, reading)
    if meets(plp, rules.limit("plp.high")):
        return _high(chart, rules, {"found": plp, "limit": rules.limit("plp.high")}, {"plp": plp})
    if meets(plp, rules.limit("plp.low")):
        return _low(chart, rules, plp)
    return quiet(NAME, "enough", plp=plp)


def _high(chart: Chart, rules: Rules, compared: dict[str, Fact], shown: dict[str, Fact]) -> Finding:
    shown |= numbered("drug", chart.active_drugs("b6"))
    texts = (
        ("neuropathy", bool(chart.diagnosed("neuropathy"))),
        ("needed", is_needed(chart)),
        ("eu", rules.switch("b6.preset") == "EU"),
    )
    blocks = tuple(name for name, applies in texts if applies)
    return fires(NAME, "B6-HIGH", chart, rules, {**shown, **compared}, why=tuple(shown), texts=blocks)


def _low(chart: Chart, rules: Rules, plp: LabResult) -> Finding:
    if pregnancy(chart).is_pregnant:
        return quiet(NAME, "pregnant", plp=plp)
    inflamed = _inflamed(chart, rules, plp)
    if inflamed:
        return quiet(NAME, "inflamed", plp=plp, crp=inflamed)
    facts: dict[str, Fact] = {"plp": plp, **numbered("drug", chart.active_drugs("b6"))}
    return fires(NAME, "B6-LOW", chart, rules, facts)


def _inflamed(chart: Chart, rules: Rules, plp: LabResult) -> LabResult | None:
    """A CRP near the level that is high enough to lower it by itself."""
    days, limit = rules.limit("crp_window").days, rules.limit("plp.crp")
    near = (crp for crp in chart.results("crp") if crp.when.pairs_within(plp.when, days))
    return next((crp for crp in near if meets(crp, limit)), None)
