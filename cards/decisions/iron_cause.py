"""Search for the cause of an iron deficiency (clinical amendments 2, last row)."""

from __future__ import annotations

from cards.decisions.iron.studies import ADULT_LIMITS, read_iron_studies, suspected
from cards.decisions.iron.treatment import iron_treatment
from cards.decisions.shared.firing import fires
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet, unknown
from cards.facts.results import LabResult
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.patient.anaemia import anaemia, haemoglobin_near
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd, overload, polycythaemia, probable_overload
from cards.wording.phrases import NOTHING, say

NAME = "iron_cause"
_HINTS = (
    ("advice_menses", ("menorrhagia",)),
    ("advice_donation", ("blood-donor",)),
    ("advice_bypass", ("bariatric",)),
    ("advice_bowel", ("inflammatory-bowel",)),
    ("advice_coeliac", ("coeliac",)),
)


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card beside the iron status card, but none where ferritin is contradicted or missing."""
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return (unknown(NAME, "labs_unknown", ("labs",)),)
    not_asked = _not_asked(chart)
    if not_asked:
        return (quiet(NAME, not_asked),)
    ferritin = _ferritin(chart, rules)
    if ferritin is None and chart.listing("labs") is Listing.CUT:
        return (unknown(NAME, "labs_cut"),)
    if ferritin is None:
        return (quiet(NAME, "no_ferritin"),)
    low_haemoglobin = anaemia(chart, rules, ferritin)
    deficient = meets(ferritin, rules.limit("absolute_def"))
    deficient_with_anaemia = meets(ferritin, rules.limit("absolute_def_anaemia"))
    if deficient or (low_haemoglobin and deficient_with_anaemia):
        return (_fires(chart, rules, ferritin, low_haemoglobin),)
    return (quiet(NAME, "not_low", ferritin=ferritin),)


def _not_asked(chart: Chart) -> str:
    if overload(chart) or probable_overload(chart) or polycythaemia(chart):
        return "overload"
    if is_esrd(chart):
        return "esrd"
    return "child" if is_child(chart) else ""


def _ferritin(chart: Chart, rules: Rules) -> LabResult | None:
    """Return the ferritin of the status table: fresh, in one of its bands, not contradicted."""
    window = "fresh_days_on_iron" if iron_treatment(chart, rules).oral else "fresh_days"
    studies = read_iron_studies(chart, rules, window=window, limits=ADULT_LIMITS)
    return None if studies.conflict else studies.ferritin


def _fires(chart: Chart, rules: Rules, ferritin: LabResult, low_haemoglobin: LabResult | None) -> Finding:
    near = haemoglobin_near(chart, rules, ferritin)
    facts: dict[str, Fact] = {
        "ferritin": ferritin,
        "anaemia_summary": _haemoglobin(rules, low_haemoglobin, near),
        "cause_step": say(rules, NAME, "look" if near else "check_and_look"),
        "tests": say(rules, NAME, "tests" if near else "tests_with_haemoglobin"),
        "referral": NOTHING
        if pregnancy(chart).is_pregnant or _is_younger_woman(chart, rules)
        else say(rules, NAME, "referral"),
        **({"haemoglobin": near} if near else {}),
    }
    return fires(
        NAME,
        "IRON-CAUSE",
        chart,
        rules,
        facts,
        indicator=_indicator(chart, rules, ferritin, low_haemoglobin),
        why=tuple(name for name in ("ferritin", "haemoglobin") if name in facts),
        texts=_advice(chart, rules),
    )


def _haemoglobin(rules: Rules, low: LabResult | None, near: LabResult | None) -> Text:
    """Return the haemoglobin that is read with the ferritin, and whether it is low."""
    if low:
        return say(rules, NAME, "with_anaemia", haemoglobin=low.quantity)
    return say(rules, NAME, "with_haemoglobin", haemoglobin=near.quantity) if near else NOTHING


def _is_younger_woman(chart: Chart, rules: Rules) -> bool:
    return chart.person.sex == "female" and misses(chart.age, rules.limit("cause_age_women"))


def _advice(chart: Chart, rules: Rules) -> tuple[str, ...]:
    """Return what to ask this patient, and which causes the chart already points at."""
    asked = "advice_ask_a_man" if chart.person.sex == "male" else "advice_ask"
    if _is_younger_woman(chart, rules) and not pregnancy(chart).is_pregnant:
        asked = "advice_ask_a_younger_woman"
    done = any("bariatric-procedure" in each.concepts for each in chart.procedures)
    hints = [text for text, concepts in _HINTS if chart.diagnosed(*concepts) or (text == "advice_bypass" and done)]
    drugs = ("advice_bleeding_drugs",) if chart.active_drugs("nsaid", "anticoagulant") else ()
    pregnant = ("advice_pregnant",) if pregnancy(chart).is_pregnant else ()
    doubt = ("advice_suspected",) if suspected(chart) else ()
    return (*doubt, asked, *pregnant, *hints, *drugs)


def _indicator(chart: Chart, rules: Rules, ferritin: LabResult, low_haemoglobin: LabResult | None) -> Indicator:
    """Return a warning with anaemia, in men, in women from 50, or below 15; else info.

    In pregnancy and in suspected RLS it is info. From 50 the sex does not matter, so that it need not be known.
    """
    if pregnancy(chart).is_pregnant or suspected(chart):
        return Indicator.INFO
    older = meets(chart.age, rules.limit("cause_age_women"))
    severe = meets(ferritin, rules.limit("severe_def"))
    urgent = low_haemoglobin or chart.person.sex == "male" or older or severe
    return Indicator.WARNING if urgent else Indicator.INFO
