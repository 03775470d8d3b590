"""Vitamin B12 on patient-view: low, borderline, or never measured on metformin (clinical pages 2 and 6.1)."""

from __future__ import annotations

from datetime import timedelta

from cards.b12_risks import Risk, b12_risks
from cards.chart import Chart, LabResult, Listing
from cards.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.levels import (
    fires,
    labs_first,
    level,
    may_be_treated,
    meets,
    numbered,
    taken_for,
    without_drugs,
    without_level,
)
from cards.readings import Kind, Reading
from cards.rules import Rules
from cards.scope import is_esrd, kidney_failure, pregnancy

NAME = "b12"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """At most one card: low, borderline, or a test that is due."""
    early = labs_first(NAME, chart)
    if early:
        return (early,)
    risks = b12_risks(chart, rules)
    low, border = _bands(rules, risks)
    reading = level(chart, rules, "b12", "vitamin_days", low, border)
    if reading.result is None:
        return (_not_measured(chart, rules, reading),)
    return (_judged(chart, rules, reading.result, risks, low, border),)


_NOT_MEASURED = (Kind.NONE, Kind.STALE, Kind.UNREADABLE)


def _bands(rules: Rules, risks: tuple[Risk, ...]) -> tuple[str, str]:
    """The limit below which B12 is low, and the one up to which it is borderline, by name."""
    if rules.switch("b12.preset") == "NICE":
        return "b12.def_nice", "b12.border_nice"
    return "b12.def", "b12.border_risk" if risks else "b12.border"


def _judged(chart: Chart, rules: Rules, b12: LabResult, risks: tuple[Risk, ...], low: str, border: str) -> Finding:
    if meets(b12, rules.limit(low)):
        return _low(chart, rules, b12, None, risks)
    if not meets(b12, rules.limit(border)):
        return _above(chart, rules, b12, border)
    mma = level(chart, rules, "mma", "vitamin_days", "mma.high").result
    if mma is None:
        return _border(chart, rules, b12, None, risks)
    if not meets(mma, rules.limit("mma.high")):
        return quiet(NAME, "mma_normal", b12=b12, mma=mma)
    if _kidney_explains(chart, rules):
        return _border(chart, rules, b12, mma, risks)
    return _low(chart, rules, b12, mma, risks)


def _above(chart: Chart, rules: Rules, b12: LabResult, border: str) -> Finding:
    """Enough, unless an unread list may hold the risk that makes it borderline."""
    open_risk = border == "b12.border" and not chart.knows("medications", "procedures")
    if open_risk and meets(b12, rules.limit("b12.border_risk")):
        return unknown(NAME, "risk_unknown", ())
    return quiet(NAME, "enough", b12=b12)


def _egfr(chart: Chart, rules: Rules) -> LabResult | None:
    return level(chart, rules, "egfr", "egfr_days", "egfr_mma").result


def _kidney_explains(chart: Chart, rules: Rules) -> bool:
    """A low eGFR alone raises methylmalonic acid; an eGFR that is not known does not speak against the result."""
    egfr = _egfr(chart, rules)
    if egfr is None:
        return is_esrd(chart) or bool(chart.diagnosed("ckd-stage-5"))
    return not meets(egfr, rules.limit("egfr_mma"))


def _low(chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]) -> Finding:
    pregnant = pregnancy(chart).is_pregnant
    treated = may_be_treated(chart, "b12")
    because = " with high methylmalonic acid" if mma else ""
    shown = _shown(chart, rules, b12, mma, risks)
    return fires(
        NAME,
        "B12-LOW",
        chart,
        rules,
        {**shown, "confirmed": because},
        indicator=Indicator.INFO if pregnant or treated else Indicator.WARNING,
        why=tuple(shown),
        texts=_texts(chart, rules),
        evidence=(fact for risk in risks for fact in risk.facts),
    )


def _border(chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]) -> Finding:
    """Methylmalonic acid is the next step; where it was high in kidney disease it has been done and does not decide."""
    shown = _shown(chart, rules, b12, mma, risks)
    next_step = rules.decisions[NAME].texts["kidney_step" if mma else "mma_step"]
    return fires(
        NAME,
        "B12-BORDER",
        chart,
        rules,
        {**shown, "next_step": next_step},
        why=tuple(shown),
        texts=("advice_mma_kidney" if mma else "advice_mma", *_texts(chart, rules)),
        evidence=(*(fact for risk in risks for fact in risk.facts), *(kidney_failure(chart) if mma else ())),
        suggestions=() if mma else (OrderTests(("mma",)),),
    )


def _shown(
    chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]
) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"b12": b12}
    if mma:
        egfr = _egfr(chart, rules)
        facts |= {"mma": mma, **({"egfr": egfr} if egfr else {})}
    facts |= numbered("drug", chart.active_drugs("b12"))
    return facts | numbered("risk", (risk.shown for risk in risks))


def _texts(chart: Chart, rules: Rules) -> tuple[str, ...]:
    texts = (
        ("advice_neurology", bool(chart.diagnosed("neuropathy"))),
        ("pregnant", pregnancy(chart).is_pregnant),
        ("treated", bool(chart.active_drugs("b12"))),
        ("nice", rules.switch("b12.preset") == "NICE"),
    )
    return tuple(name for name, applies in texts if applies)


def _not_measured(chart: Chart, rules: Rules, reading: Reading) -> Finding:
    """Long metformin treatment and no usable B12 in the window (clinical page 2: for metformin only)."""
    taken = {taken_for(drug, rules.limit("metformin_days"), chart): drug for drug in chart.active_drugs("metformin")}
    if True not in taken or reading.kind not in _NOT_MEASURED:
        return _no_test(chart, reading, start_is_open=None in taken)
    if chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut", ())
    if _is_ordered(chart, rules):
        return quiet(NAME, "order_awaited")
    facts: dict[str, Fact] = {"b12_missing": f"none usable within {rules.limit('vitamin_days').days} days"}
    facts |= numbered("unusable", reading.unusable[:1])
    return fires(NAME, "B12-TEST", chart, rules, facts | {"drug": taken[True]}, suggestions=(OrderTests(("b12",)),))


def _no_test(chart: Chart, reading: Reading, *, start_is_open: bool) -> Finding:
    if reading.kind not in _NOT_MEASURED:
        return without_level(NAME, chart, reading)
    if start_is_open:
        return unknown(NAME, "start_unknown", ())
    return without_drugs(NAME, chart) or without_level(NAME, chart, reading)


def _is_ordered(chart: Chart, rules: Rules) -> bool:
    since = chart.today - timedelta(days=rules.limit("test_order_days").days)
    placed = (order for order in chart.lab_orders if order.active and "b12" in order.tests)
    return any(order.when is not None and order.when.first >= since for order in placed)
