"""Whether iron deficiency calls for a search for its cause (clinical amendments, section 2, last row)."""

from __future__ import annotations

from cards.anaemia import anaemia
from cards.chart import Chart, LabResult, Listing, references
from cards.finding import Fact, Finding, Indicator, Outcome, quiet, unknown
from cards.iron.studies import read_iron_studies, suspected
from cards.person_in_words import person_in_words
from cards.rules import Rules
from cards.scope import is_child, is_esrd, overload, polycythaemia, pregnancy, probable_overload

NAME = "iron_cause"
_LIMITS = {"severe_def": False, "absolute_def": False, "absolute_def_anaemia": False}
_HINTS = (("advice_menses", ("menorrhagia",)), ("advice_donation", ("blood-donor",)))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Fires beside the iron status card, never beside contradicting or missing ferritin."""
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return (unknown(NAME, "labs_unknown", ("labs",)),)
    not_asked = _not_asked(chart)
    if not_asked:
        return (quiet(NAME, not_asked),)
    ferritin = _ferritin(chart, rules)
    if ferritin is None and chart.listing("labs") is Listing.CUT:
        return (unknown(NAME, "labs_cut", ("labs",)),)
    if ferritin is None:
        return (quiet(NAME, "no_ferritin"),)
    low_haemoglobin = anaemia(chart, rules, ferritin)
    deficient = ferritin.quantity.surely_below(rules.limit("absolute_def").quantity)
    deficient_with_anaemia = ferritin.quantity.surely_below(rules.limit("absolute_def_anaemia").quantity)
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
    """The ferritin of the status table: fresh, in one of its bands, not contradicted."""
    on_iron = read_iron_studies(chart, rules, window=rules.limit("fresh_days").days, extra_limits=_status_limits())
    window = rules.limit("fresh_days_on_iron" if on_iron.treatment.oral else "fresh_days").days
    studies = read_iron_studies(chart, rules, window=window, extra_limits=_status_limits())
    return None if studies.conflict else studies.ferritin


def _status_limits() -> dict[str, bool]:
    return {"ferritin.low": True, "ferritin.mid": True, "ferritin.high": True}


def _fires(chart: Chart, rules: Rules, ferritin: LabResult, low_haemoglobin: LabResult | None) -> Finding:
    facts: dict[str, Fact] = {
        "person": person_in_words(chart, rules.limit("cause_age_women").days),
        "ferritin": ferritin,
        "anaemia_summary": " with anaemia" if low_haemoglobin else "",
        "referral": "" if pregnancy(chart).is_pregnant else rules.decisions[NAME].texts["referral"],
        **({"haemoglobin": low_haemoglobin} if low_haemoglobin else {}),
    }
    return Finding(
        decision=NAME,
        outcome=Outcome.FIRES,
        because="fires",
        card="IRON-CAUSE",
        indicator=_indicator(chart, rules, ferritin, low_haemoglobin),
        facts=facts,
        why=tuple(name for name in ("person", "ferritin", "haemoglobin") if name in facts),
        texts=_advice(chart),
        evidence=references([fact for fact in (ferritin, low_haemoglobin) if fact]),
    )


def _advice(chart: Chart) -> tuple[str, ...]:
    """What to ask this patient, and which causes the chart already points at."""
    asked = "advice_ask_a_man" if chart.person.sex == "male" else "advice_ask"
    hints = [text for text, concepts in _HINTS if chart.diagnosed(*concepts)]
    drugs = ("advice_bleeding_drugs",) if chart.active_drugs("nsaid", "anticoagulant") else ()
    pregnant = ("advice_pregnant",) if pregnancy(chart).is_pregnant else ()
    doubt = ("advice_suspected",) if suspected(chart) else ()
    return (*doubt, asked, *pregnant, *hints, *drugs)


def _indicator(chart: Chart, rules: Rules, ferritin: LabResult, low_haemoglobin: LabResult | None) -> Indicator:
    """Warning with anaemia, in men, in women from 50, or below 15; info otherwise, in pregnancy, in suspected RLS.

    From 50 the sex does not matter, so that it need not be known.
    """
    if pregnancy(chart).is_pregnant or suspected(chart):
        return Indicator.INFO
    older = (chart.age or 0) >= rules.limit("cause_age_women").days
    severe = ferritin.quantity.surely_below(rules.limit("severe_def").quantity)
    urgent = low_haemoglobin or chart.person.sex == "male" or older or severe
    return Indicator.WARNING if urgent else Indicator.INFO
