"""Context lines for iron cards, one for each circumstance (clinical amendments 4)."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.finding import Fact
from cards.knowledge.definitions import defined
from cards.knowledge.limits import is_recent, meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.status import is_esrd, is_on_haemodialysis

_BY_DIAGNOSIS = (
    ("context_heart_failure", ("heart-failure",)),
    ("context_transplant", ("kidney-transplant",)),
    ("context_malabsorption", ("malabsorption", "bariatric", "inflammatory-bowel")),
    ("context_reads_high", ("liver-disease", "alcohol-disorder", "active-cancer")),
    ("context_donor", ("blood-donor",)),
    ("context_breastfeeding", ("lactation",)),
    ("context_overload_prone", ("overload-prone",)),
    ("context_ambiguous_iron", ("ambiguous-iron-disorder",)),
)


def context_lines(chart: Chart, rules: Rules) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """Return the names of the text blocks that apply, and the facts they print."""
    lines = [line for line, concepts in _BY_DIAGNOSIS if chart.diagnosed(*concepts)]
    facts: dict[str, Fact] = {}
    if chart.diagnosed("ckd", "ckd-stage-5") and not is_esrd(chart):
        lines.append("context_ckd")
    if _on_peritoneal_dialysis(chart):
        lines.append("context_peritoneal")
    if chart.diagnosed("acute-kidney-injury") and chart.diagnosed("dialysis-dependence") and not is_esrd(chart):
        lines.append("context_aki")
    if _transfused(chart, rules.limit("transfusion_days")):
        lines.append("context_transfusion")
    if _takes_biotin(chart, rules):
        lines.append("context_biotin")
    high = _high_haemoglobin(chart, rules)
    if high:
        facts["high_haemoglobin"] = high
        lines.append("context_high_haemoglobin")
    if chart.results_withheld:
        lines.append("withheld")
    return tuple(lines), facts


def _on_peritoneal_dialysis(chart: Chart) -> bool:
    """Return whether end-stage disease is treated by peritoneal dialysis (last 90 days), not haemodialysis."""
    named = any(
        "peritoneal-dialysis-procedure" in procedure.concepts
        and procedure.when
        and is_recent(procedure.when, defined("dialysis.days"), chart.today)
        for procedure in chart.procedures
    )
    return named and is_esrd(chart) and not is_on_haemodialysis(chart)


def _transfused(chart: Chart, window: Threshold) -> bool:
    return any(
        "transfusion" in procedure.concepts and procedure.when and is_recent(procedure.when, window, chart.today)
        for procedure in chart.procedures
    )


def _takes_biotin(chart: Chart, rules: Rules) -> bool:
    doses = [drug.daily.mg.get("biotin") for drug in chart.active_drugs("biotin") if drug.daily]
    return any(meets(dose, rules.limit("biotin_mg")) for dose in doses)


def _high_haemoglobin(chart: Chart, rules: Rules) -> Fact | None:
    """Return the newest haemoglobin if it is too high.

    Where the sex is not known the lower limit holds (clinical rationale 7.5, case 11).
    """
    limit = rules.limit("hb.high_men" if chart.person.sex == "male" else "hb.high_women")
    newest = chart.results("haemoglobin")[:1]
    for result in newest:
        if is_recent(result.when, rules.limit("hb_high_days"), chart.today) and meets(result, limit):
            return result
    return None
