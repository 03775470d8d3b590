"""Iron status on patient-view: one card, the first row that holds, then stop (clinical amendments 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cards.decisions.iron.dialysis import render_without_iron, taken
from cards.decisions.iron.inflammation import crp_near, raising_crp
from cards.decisions.iron.newer_lower import without_ferritin, without_tsat
from cards.decisions.iron.other_definitions import OtherDefinitions, other_definitions, render_other_definitions
from cards.decisions.iron.recheck import (
    infusion_decides,
    newest_ferritin,
    planned_decides,
    recheck_decides,
    recheck_on,
)
from cards.decisions.iron.routes import (
    before_oral,
    earlier_reaction,
    low_iron_options,
    oral_iron_works,
    route_facts,
    start_unknown,
    sucrose_facts,
)
from cards.decisions.iron.rows import (
    NAME,
    STUDIES,
    awaited,
    pair,
    panel,
    recheck,
    row_fires,
    tsat_first,
)
from cards.decisions.iron.stops import high_tsat_row, overload_row, polycythaemia_row
from cards.decisions.iron.studies import IronStudies, current_iron_studies, suspected
from cards.decisions.iron.treatment import render_due, usual_child_dose
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import with_evidence
from cards.decisions.shared.side_tests import side_tests
from cards.facts.chart import Chart, Listing, references
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Text, quiet, unknown
from cards.knowledge.rules import Rules
from cards.labs.latest import Kind
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd
from cards.patient.weight import body_weight
from cards.quantity import to_one_place
from cards.wording.phrases import NOTHING, phrase, printed, say

Row = Callable[[IronStudies], Finding | None]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return the first row of the iron table that holds; unknown where laboratory results could not be read."""
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return (unknown(NAME, "labs_unknown", ("labs",)),)
    studies = current_iron_studies(chart, rules)
    found = next(finding for row in _ROWS if (finding := row(studies)) is not None)
    return (_asks_for_the_newer(studies, found) or found,)


#: The cards, and the reasons for none, by which iron is not low; `_BY_FERRITIN` whatever the saturation.
_NOT_LOW = frozenset({"IRON-INFLAM", "IRON-MID", "IRON-REPLETE-ONTX", "replete", "child_quiet", "esrd_quiet"})
_BY_FERRITIN = frozenset(
    {"IRON-FUNC", "IRON-TEST-TSAT", "func_off", "high_quiet", "pregnant_quiet", "suspected_enough"}
)


def _asks_for_the_newer(studies: IronStudies, found: Finding) -> Finding | None:
    """Return the request for the test where iron is called not low by a result that a newer one may put out of date.

    The newer one may not be used, and may be low: that is no reason for silence.
    """
    answered = found.card or found.because
    by_ferritin = without_ferritin(studies) if answered in _NOT_LOW | _BY_FERRITIN else None
    if by_ferritin:
        return _test(by_ferritin)
    by_tsat = without_tsat(studies) if answered in _NOT_LOW else None
    return _ask_for_tsat(by_tsat, "tsat_rule_newer") if by_tsat else None


# ------------------------------------------------------------------ the rows, in the order of the table


def _conflict(studies: IronStudies) -> Finding | None:
    results = studies.conflict
    if not results:
        return None
    first, second = results[0], results[1]
    facts: dict[str, Fact] = {
        "conflict_analyte": say(studies.rules, NAME, f"conflict_of_{first.analyte}"),
        "conflict_date": first.when,
        "conflict_first": first.quantity,
        "conflict_second": second.quantity,
        "first": first,
        "second": second,
    }
    found = row_fires(studies, "IRON-CONFLICT", Indicator.INFO, facts, why=("first", "second"))
    return replace(found, suggestions=(OrderTests(STUDIES),), evidence=references(results))


def _recheck(studies: IronStudies) -> Finding | None:
    if not recheck_decides(studies) or _may_hold_a_later_ferritin(studies):
        return None
    treatment, newest = studies.treatment, newest_ferritin(studies)
    facts: dict[str, Fact] = {**studies.facts, **treatment.facts}
    if newest and newest is not studies.ferritin:
        facts["newest"] = newest
    due, manner = recheck_on(studies), "oral"
    if treatment.last_iv and infusion_decides(studies):
        manner, facts["last_iv"] = "infused", treatment.last_iv
    elif treatment.planned_day and planned_decides(studies):
        manner, facts["planned"] = "planned", treatment.planned_day
    when = render_due(due, studies.chart.today)
    facts |= {
        "recheck": due,
        "recheck_when": when,
        "recheck_summary": say(
            studies.rules,
            NAME,
            f"recheck_{manner}_summary",
            recheck_when=when,
            planned=treatment.planned_day or NOTHING,
        ),
        "recheck_advice": say(studies.rules, NAME, f"recheck_{manner}_advice"),
        "recheck_rule": say(studies.rules, NAME, f"recheck_{manner}_rule"),
    }
    order = OrderTests(STUDIES, due=max(due, studies.chart.today))
    return row_fires(studies, "IRON-RECHECK", Indicator.INFO, facts, suggestions=(order,))


def _may_hold_a_later_ferritin(studies: IronStudies) -> bool:
    """Return whether a list of results that was cut may hold a fresh ferritin it does not show (contract section 5)."""
    return studies.ferritin is None and not studies.chart.is_exhaustive("labs", "ferritin")


def _test(studies: IronStudies) -> Finding | None:
    if studies.ferritin:
        return None
    chart = studies.chart
    if _may_hold_a_later_ferritin(studies):
        return unknown(NAME, "labs_cut", ("labs",))
    ordered = awaited(studies)
    if ordered and not studies.high_ferritin:
        return quiet(NAME, "order_awaited", awaited=ordered)
    facts: dict[str, Fact] = {**studies.facts, **studies.treatment.facts, "window": printed(studies.window)}
    until = "until_results_pregnant" if pregnancy(chart).is_pregnant else "until_results"
    facts["until_results"] = say(studies.rules, NAME, until)
    texts: list[str] = []
    reading = studies.ferritin_reading
    if reading.kind is Kind.STALE and reading.others:
        facts["stale"], texts = reading.others[0], [*texts, "stale"]
    if reading.kind is Kind.CENSORED and reading.others:
        facts["censored"], texts = reading.others[0], [*texts, "censored"]
    if studies.high_ferritin:
        texts.append("advice_unusable_ferritin")
    facts["last_ferritin"] = _last_ferritin(studies)
    found = row_fires(studies, "IRON-TEST", Indicator.INFO, facts, texts=tuple(texts))
    return replace(found, suggestions=(OrderTests(STUDIES), *side_tests(chart, studies.rules)))


def _last_ferritin(studies: IronStudies) -> Text:
    """Return value and day of the last ferritin, too old or censored; nothing beside a newer one that may be high."""
    last = newest_ferritin(studies)
    if last is None or studies.high_ferritin:
        return NOTHING
    return say(studies.rules, NAME, "last_ferritin", value=last.quantity, day=last.when)


def _tsat_only_above(studies: IronStudies) -> Finding | None:
    """Return the request for a saturation that is reported only as above a number: it may be at the stop."""
    return None if studies.tsat_may_be_at_stop is None else _ask_for_tsat(studies, "tsat_rule_above")


def _only_suspected(studies: IronStudies) -> Finding | None:
    """Return the finding in suspected RLS, where of the rows below only a low ferritin is shown, as info."""
    if not suspected(studies.chart):
        return None
    chart = studies.chart
    adult = not is_child(chart) and not is_esrd(chart)
    if adult and studies.ferritin_meets("ferritin.low") and not studies.treatment.is_active:
        found = _low(studies)
        return replace(found, indicator=Indicator.INFO, texts=("advice_suspected", *found.texts)) if found else None
    return quiet(NAME, "suspected_enough")


def _kidney(studies: IronStudies) -> Finding | None:
    chart = studies.chart
    if not is_esrd(chart):
        return None
    if is_child(chart):
        return quiet(NAME, "esrd_quiet", **pair(studies))
    if studies.tsat is None:
        return _ask_for_tsat(studies, "tsat_rule")
    facts = {**studies.facts, **studies.treatment.facts}
    if studies.ferritin_meets("esrd.ferritin") and studies.tsat_meets("esrd.tsat"):
        if studies.treatment.iv_counts:
            return _on_treatment_card(studies)
        active = numbered("drug", taken(studies))
        facts |= {**sucrose_facts(studies), "without_iron": render_without_iron(studies), **active}
        return row_fires(studies, "IRON-ESRD", Indicator.INFO, facts)
    if studies.ferritin_meets("esrd.discord_ferritin") or studies.tsat_meets("esrd.tsat"):
        return row_fires(studies, "IRON-ESRD-DISCORD", Indicator.INFO, facts)
    return quiet(NAME, "esrd_quiet", **pair(studies))


def _child(studies: IronStudies) -> Finding | None:
    if not is_child(studies.chart):
        return None
    facts = {**studies.facts, **studies.treatment.facts}
    if studies.ferritin_meets("child.ferritin"):
        if studies.treatment.is_recent:
            return _on_treatment_card(studies)
        first = tsat_first(studies)
        advice = "advice_child_first" if first else "advice_child"
        texts = (*first, *start_unknown(studies), advice, "household_child")
        facts["plan"] = say(studies.rules, NAME, "plan_child_first" if first else "plan_child")
        facts["low_summary"] = _low_summary(studies, "low_summary_child")
        facts |= {"by_weight": NOTHING} if first else _by_weight(studies)
        offers = panel(studies) if first else recheck(studies)
        return row_fires(studies, "IRON-CHILD", Indicator.WARNING, facts, texts=texts, suggestions=offers)
    if studies.tsat_meets("tsat.low"):
        return row_fires(studies, "IRON-CHILD-TSAT", Indicator.INFO, facts)
    if studies.ferritin_meets("ferritin.high") and studies.treatment.is_active:
        return row_fires(
            studies,
            "IRON-HIGH-FERR",
            Indicator.WARNING,
            {**facts, **studies.facts_at_stop, **_of_high_ferritin(studies)},
            suggestions=recheck(studies),
        )
    return quiet(NAME, "child_quiet", **pair(studies))


def _by_weight(studies: IronStudies) -> dict[str, Fact]:
    """Return the usual dose of a child for the body weight on record, and the weight; nothing to say without one."""
    weight = body_weight(studies.chart, studies.rules)
    if weight is None:
        return {"by_weight": NOTHING}
    kg = to_one_place(weight.value)
    return {
        "weight": phrase("iron.weight", kg=kg, day=weight.when),
        "by_weight": say(studies.rules, NAME, "child_dose", kg=kg, mg=usual_child_dose(weight.value)),
    }


def _high_ferritin(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_meets("ferritin.high"):
        return None
    facts = {**studies.facts_at_stop, **studies.treatment.facts, **_of_high_ferritin(studies)}
    if studies.treatment.is_active:
        return row_fires(studies, "IRON-HIGH-FERR", Indicator.WARNING, facts, suggestions=recheck(studies))
    if studies.ferritin_meets("ferritin.very_high"):
        return row_fires(studies, "IRON-HIGH-FERR", Indicator.INFO, facts)
    return quiet(NAME, "high_quiet", **pair(studies))


def _of_high_ferritin(studies: IronStudies) -> dict[str, Fact]:
    """Return what a ferritin above the stop means for the iron that is given, or that none is called for."""
    treatment = studies.treatment
    infused = "infused" if treatment.iv_counts else "planned" if treatment.planned else "none"
    manner = "oral" if treatment.oral else infused
    return {
        "high_summary": say(studies.rules, NAME, f"high_{manner}"),
        "high_advice": say(studies.rules, NAME, f"high_{manner}_advice"),
    }


def _on_treatment(studies: IronStudies) -> Finding | None:
    low = studies.ferritin_meets("ferritin.mid") or studies.tsat_meets("tsat.low")
    recent = studies.treatment.is_recent
    return _on_treatment_card(studies) if low and recent else None


def _on_treatment_card(studies: IronStudies) -> Finding:
    treatment = studies.treatment
    facts = {**studies.facts, **treatment.facts, "recheck": treatment.recheck_on, "therapy_short": treatment.rendered}
    facts["go_on"] = _go_on(studies)
    return row_fires(studies, "IRON-ONTX", Indicator.INFO, facts, suggestions=recheck(studies))


def _go_on(studies: IronStudies) -> Text:
    # Dialysis iron runs by the nephrology protocol (clinical rationale 1.2): its next dose is not forbidden (ours).
    infused = "go_on_dialysis" if is_esrd(studies.chart) else "go_on_infused"
    return say(studies.rules, NAME, "go_on_oral" if studies.treatment.oral else infused)


def _low(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_meets("ferritin.low"):
        return None
    first = tsat_first(studies)
    confirm, home = (() if first else ("advice_confirm",)), (() if first else ("household",))
    texts = (*first, *confirm, *low_iron_options(studies), *home)
    plan = "first" if first else "pregnant" if pregnancy(studies.chart).is_pregnant else "adult"
    facts = {**studies.facts, **studies.treatment.facts, "plan": say(studies.rules, NAME, f"plan_{plan}")}
    facts |= route_facts(studies)
    own = "low_summary_suspected" if suspected(studies.chart) else "low_summary"
    facts["low_summary"] = _low_summary(studies, own)
    offers = panel(studies) if first else recheck(studies)
    return row_fires(studies, "IRON-LOW", Indicator.WARNING, facts, texts=texts, suggestions=offers)


def _low_summary(studies: IronStudies, own: str) -> Text:
    """Return what a low ferritin calls for next: the saturation where it is not known, else what the row says."""
    key = own
    if studies.tsat_comes_first:
        goes_on = bool(studies.treatment.oral) or pregnancy(studies.chart).is_pregnant
        taken = goes_on and not suspected(studies.chart)  # prenatal iron or the iron that is taken may go on
        key = f"{own}_first_taken" if taken else f"{own}_first"
    return say(studies.rules, NAME, key, ferritin=studies.facts["ferritin"])


def _pregnant(studies: IronStudies) -> Finding | None:
    return quiet(NAME, "pregnant_quiet", **pair(studies)) if pregnancy(studies.chart).is_pregnant else None


def _rising_on_oral(studies: IronStudies) -> Finding | None:
    """Return the finding on oral iron that works: ferritin between the limits and surely above the one before it."""
    before, ferritin = before_oral(studies), studies.ferritin
    if before is None or ferritin is None or not oral_iron_works(studies):
        return None
    treatment, day = studies.treatment, recheck_on(studies)
    facts: dict[str, Fact] = {**studies.facts, **treatment.facts, "recheck": day, "therapy_short": treatment.rendered}
    facts |= {"before": before, "go_on": _go_on(studies)}
    offers = () if awaited(studies) else (OrderTests(STUDIES, due=day),)
    return row_fires(studies, "IRON-ONTX", Indicator.INFO, facts, texts=("advice_rising",), suggestions=offers)


def _mid_low_tsat(studies: IronStudies) -> Finding | None:
    if not (studies.ferritin_is_mid and studies.tsat_meets("tsat.low")):
        return None
    texts, facts = _between(studies, "mid_low")
    crp = next(iter(crp_near(studies)), None)
    texts, facts = (*texts, "advice_crp_known" if crp else "advice_crp_if"), {**facts, **({"crp": crp} if crp else {})}
    return row_fires(studies, "IRON-MID-LOWTSAT", Indicator.WARNING, facts, texts=texts, suggestions=recheck(studies))


def _between(studies: IronStudies, band: str) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """Return texts and facts for a ferritin between the limits, where only an infusion helps.

    Where just the site's own limit calls it not low, oral iron is an option as well.
    """
    facts: dict[str, Fact] = {**studies.facts, **studies.treatment.facts, **route_facts(studies)}
    stopped = bool(facts["barred"]) and not studies.is_low_elsewhere
    untold = bool(studies.treatment.oral) and before_oral(studies) is None
    way = "site" if studies.is_low_elsewhere else "stopped" if stopped else "on_oral" if untold else "iv"
    decide = NOTHING if stopped else say(studies.rules, NAME, "decide")
    return (f"advice_{band}_{way}",), {
        **facts,
        "decide": decide,
        "route": say(studies.rules, NAME, f"route_{band}_{way}", **facts),
    }


def _functional(studies: IronStudies) -> Finding | None:
    if not (studies.ferritin_is_replete and studies.tsat_meets("tsat.low")):
        return None
    shown_as = studies.rules.switch("tsat_low_without_ferritin_cap")
    if shown_as == "off":
        return quiet(NAME, "func_off", **pair(studies))
    crp = next(iter(crp_near(studies)), None)
    other = other_definitions(studies)
    step = say(studies.rules, NAME, "func_ask" if crp else "func_measure")
    facts = {**studies.facts, **({"crp": crp} if crp else {}), **studies.treatment.facts, "func_step": step}
    facts |= {"func_summary": _whose_definition(studies, other), "func_advice": _by_definition(studies, other)}
    kidney = () if other or not studies.chart.diagnosed("ckd", "ckd-stage-5") else ("deficiency_in_ckd",)
    reaction = earlier_reaction(studies) if other.heart else {}  # only there is an infusion named
    texts = ("advice_crp_known" if crp else "advice_measure_crp", *kidney, *(f"earlier_{name}" for name in reaction))
    facts |= reaction
    suggest = () if crp else (OrderTests(("crp",)),)
    found = row_fires(studies, "IRON-FUNC", Indicator(shown_as), facts, texts=texts, suggestions=suggest)
    source = "esc-hf-2021" if other.heart else "kdigo-2026" if other.kidney else ""
    return with_evidence(replace(found, source=source), (*other.heart, *other.kidney))


def _whose_definition(studies: IronStudies, other: OtherDefinitions) -> Text:
    whose = "both" if other.heart and other.kidney else "heart" if other.heart else "kidney" if other.kidney else ""
    return say(studies.rules, NAME, f"func_by_{whose}" if whose else "func_contested")


def _by_definition(studies: IronStudies, other: OtherDefinitions) -> Text:
    """Return what heart failure and kidney disease call for; without them, that guidelines disagree."""
    return render_other_definitions(studies, other) if other else say(studies.rules, NAME, "func_general")


def _tsat_missing(studies: IronStudies) -> Finding | None:
    return None if studies.tsat is not None else _ask_for_tsat(studies, "tsat_rule")


def _ask_for_tsat(studies: IronStudies, rule: str) -> Finding:
    """Return the request for a saturation, with the key of the text that says why the answer depends on it."""
    facts = {**studies.facts, **studies.treatment.facts, "tsat_rule": say(studies.rules, NAME, rule)}
    return row_fires(studies, "IRON-TEST-TSAT", Indicator.INFO, facts, suggestions=(OrderTests(("iron-panel",)),))


def _inflammation(studies: IronStudies) -> Finding | None:
    crp = raising_crp(studies)
    if crp is None:
        return None
    facts = {**studies.facts, "crp": crp, **studies.treatment.facts}
    return row_fires(studies, "IRON-INFLAM", Indicator.INFO, facts)


def _mid(studies: IronStudies) -> Finding | None:
    if not studies.ferritin_is_mid:
        return None
    texts, facts = _between(studies, "mid")
    return row_fires(studies, "IRON-MID", Indicator.INFO, facts, texts=texts)


def _replete_on_treatment(studies: IronStudies) -> Finding | None:
    if not studies.treatment.is_active:
        return None
    return row_fires(studies, "IRON-REPLETE-ONTX", Indicator.INFO, {**studies.facts, **studies.treatment.facts})


def _replete(studies: IronStudies) -> Finding:
    return quiet(NAME, "replete", **pair(studies))


_ROWS: tuple[Row, ...] = (
    overload_row,
    polycythaemia_row,
    high_tsat_row,
    _conflict,
    _recheck,
    _test,
    _tsat_only_above,
    _only_suspected,
    _kidney,
    _child,
    _high_ferritin,
    _on_treatment,
    _low,
    _pregnant,
    _rising_on_oral,
    _mid_low_tsat,
    _functional,
    _tsat_missing,
    _inflammation,
    _mid,
    _replete_on_treatment,
    _replete,
)
