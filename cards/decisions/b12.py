"""Vitamin B12 on patient-view: low, borderline, or never measured on metformin (clinical rationale 2 and 6.1)."""

from __future__ import annotations

from cards.decisions.iron.replete import review_if_replete
from cards.decisions.shared.b12_risks import Risk, b12_bands, b12_risks
from cards.decisions.shared.firing import fires
from cards.decisions.shared.kidney import Kidney, read_kidney
from cards.decisions.shared.levels import (
    as_suspected,
    contradicted,
    level,
    may_be_treated,
    numbered,
    recheck_day,
    taken_for,
    without_drugs,
    without_labs,
    without_level,
)
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.labs.latest import Kind, Reading
from cards.patient.awaited import awaited_orders
from cards.patient.pregnancy import pregnancy
from cards.wording.phrases import NOTHING, phrase, say

NAME = "b12"


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return at most one card: low, borderline, or a test that is due."""
    found = without_labs(NAME, chart) or _by_level(chart, rules)
    return (as_suspected(found, chart, "B12-LOW", of_other_cards=("start_unknown", "drugs_unknown")),)


def _by_level(chart: Chart, rules: Rules) -> Finding:
    risks = b12_risks(chart, rules)
    low, border = b12_bands(rules, at_risk=bool(risks))
    reading = level(chart, rules, "b12", "vitamin_days", low, border)
    b12 = reading.counted(rules.limit(border))
    if b12 is None or (reading.censored and not meets(b12, rules.limit(border))):
        return _not_measured(chart, rules, reading)
    return _judged(chart, rules, b12, risks, low, border)


_NOT_MEASURED = (Kind.NONE, Kind.STALE, Kind.UNREADABLE)


def _judged(chart: Chart, rules: Rules, b12: LabResult, risks: tuple[Risk, ...], low: str, border: str) -> Finding:
    if meets(b12, rules.limit(low)):
        return _low(chart, rules, b12, None, risks)
    if not meets(b12, rules.limit(border)):
        return _above(chart, rules, b12, border)
    acid = level(chart, rules, "mma", "vitamin_days", "mma.high")
    mma = acid.beyond(rules.limit("mma.high")) or acid.result
    if mma is None:
        return _border(chart, rules, b12, None, risks)
    if not meets(mma, rules.limit("mma.high")):
        return quiet(NAME, "mma_normal", b12=b12, mma=mma)
    if _kidney_explains(chart, rules):
        return _border(chart, rules, b12, mma, risks)
    return _low(chart, rules, b12, mma, risks)


def _above(chart: Chart, rules: Rules, b12: LabResult, border: str) -> Finding:
    """Return quiet, or unknown if an unread list may hold the risk that makes the value borderline."""
    unread = tuple(name for name in ("conditions", "medications", "procedures") if not chart.knows(name))
    if border == "b12.border" and unread and meets(b12, rules.limit("b12.border_risk")):
        return unknown(NAME, "risk_unknown", not_checked=unread)
    return quiet(NAME, "enough", b12=b12)


def _kidney(chart: Chart, rules: Rules) -> Kidney:
    return read_kidney(chart, rules, "egfr_days")


def _kidney_explains(chart: Chart, rules: Rules) -> bool:
    """Return whether weak kidneys alone may raise methylmalonic acid.

    A kidney function that is not known does not speak against the result.
    """
    return _kidney(chart, rules).may_explain(rules.limit("egfr_mma"))


def _low(chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]) -> Finding:
    pregnant = pregnancy(chart).is_pregnant
    treated = may_be_treated(chart, "b12")
    because = say(rules, NAME, "with_high_mma") if mma else NOTHING
    taken = "verdict_treated" if chart.active_drugs("b12") else "verdict"
    in_pregnancy = "verdict_pregnant_mma" if mma else "verdict_pregnant"
    verdict = say(rules, NAME, in_pregnancy if pregnant else taken)
    shown = _shown(chart, rules, b12, mma, risks)
    review, said = review_if_replete(chart, rules)
    return fires(
        NAME,
        "B12-LOW",
        chart,
        rules,
        {**shown, "confirmed": because, "verdict": verdict, **said},
        indicator=Indicator.INFO if pregnant or treated else Indicator.WARNING,
        why=tuple(shown),
        texts=(*_texts(chart, rules), *review),
        evidence=(fact for risk in risks for fact in risk.facts),
        suggestions=(OrderTests(("b12",), due=recheck_day(chart)),),
    )


def _border(chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]) -> Finding:
    """Return the card of a borderline B12; the next step is methylmalonic acid.

    If that was high in kidney disease, it has been measured and does not decide.
    """
    shown = _shown(chart, rules, b12, mma, risks)
    next_step = say(rules, NAME, "kidney_step" if mma else "mma_step")
    review, said = review_if_replete(chart, rules)
    return fires(
        NAME,
        "B12-BORDER",
        chart,
        rules,
        {**shown, "next_step": next_step, **said},
        why=tuple(shown),
        texts=("advice_mma_kidney" if mma else "advice_mma", *_only_below(b12), *_texts(chart, rules), *review),
        evidence=(*(fact for risk in risks for fact in risk.facts), *(_kidney(chart, rules).evidence if mma else ())),
        suggestions=() if mma else (OrderTests(("mma",)),),
    )


def _shown(
    chart: Chart, rules: Rules, b12: LabResult, mma: LabResult | None, risks: tuple[Risk, ...]
) -> dict[str, Fact]:
    measured = level(chart, rules, "b12", "vitamin_days", *b12_bands(rules, at_risk=bool(risks)))
    facts: dict[str, Fact] = {"b12": b12, **contradicted(measured, b12)}
    if mma:
        beside = contradicted(level(chart, rules, "mma", "vitamin_days", "mma.high"), mma)
        facts |= {"mma": mma, **beside, **_kidney(chart, rules).facts}
    facts |= numbered("drug", chart.active_drugs("b12"))
    return facts | numbered("risk", (risk.shown for risk in risks))


def _only_below(b12: LabResult) -> tuple[str, ...]:
    return ("advice_censored",) if b12.quantity.is_censored else ()


def _texts(chart: Chart, rules: Rules) -> tuple[str, ...]:
    texts = (
        ("advice_neurology", bool(chart.diagnosed("neuropathy"))),
        ("advice_pregnant", pregnancy(chart).is_pregnant),
        ("advice_treated", bool(chart.active_drugs("b12"))),
        ("nice", rules.switch("b12.preset") == "NICE"),
    )
    return tuple(name for name, applies in texts if applies)


def _not_measured(chart: Chart, rules: Rules, reading: Reading) -> Finding:
    """Return the test card: long on metformin without a usable B12, or neuropathy and B12 never measured or not usable.

    Clinical rationale 2; clinical amendments 2, section 5.
    """
    taken = {taken_for(drug, rules.limit("metformin_days"), chart): drug for drug in chart.active_drugs("metformin")}
    never_known = reading.kind is Kind.NONE or bool(reading.unusable)
    neuropathy = chart.diagnosed("neuropathy") if never_known else ()
    if (True not in taken and not neuropathy) or reading.kind not in _NOT_MEASURED:
        return _no_test(chart, reading, start_is_open=None in taken)
    if chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut")
    if _is_ordered(chart, rules):
        return quiet(NAME, "order_awaited")
    facts: dict[str, Fact] = {"b12_missing": phrase("results.none_within", window=rules.limit("vitamin_days"))}
    facts |= numbered("unusable", reading.unusable[:1])
    facts |= {"drug": taken[True]} if True in taken else {"problem": say(rules, NAME, "neuropathy_named")}
    because = "test_metformin" if True in taken else "test_neuropathy"
    told = "test_neuropathy_unusable" if True not in taken and reading.unusable else because
    review, said = review_if_replete(chart, rules)
    return fires(
        NAME,
        "B12-TEST",
        chart,
        rules,
        {**facts, "because": say(rules, NAME, told), "lowered_by": say(rules, NAME, f"{because}_advice"), **said},
        why=tuple(facts),
        texts=review,
        evidence=() if True in taken else neuropathy,
        suggestions=(OrderTests(("b12",)),),
    )


def _no_test(chart: Chart, reading: Reading, *, start_is_open: bool) -> Finding:
    if reading.kind not in _NOT_MEASURED:
        return without_level(NAME, chart, reading)
    if start_is_open:
        return unknown(NAME, "start_unknown")
    return without_drugs(NAME, chart) or without_level(NAME, chart, reading)


def _is_ordered(chart: Chart, rules: Rules) -> bool:
    return any("b12" in order.tests for order in awaited_orders(chart, rules))
