"""Draft iron orders: at most one card about their fit, and dose, interactions and duplicates beside it.

Order of the rows: clinical amendments 3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from cards.decisions.iron.boxed import boxed, boxed_names
from cards.decisions.iron.contraindications import FERRIC_CARBOXYMALTOSE, against_infusions
from cards.decisions.iron.dose import dose, with_a_dose_if_given, without_a_dose
from cards.decisions.iron.duplicates import asks_to_wait, duplicate, with_plan
from cards.decisions.iron.inflammation import crp_near, high_crp
from cards.decisions.iron.interactions import interactions
from cards.decisions.iron.orders import IronOrder, iron_order, iron_order_fires, unusable_texts
from cards.decisions.iron.other_definitions import other_definitions, render_other_definitions
from cards.decisions.iron.overload import overload_facts, polycythaemia_facts, render_overload, render_polycythaemia
from cards.decisions.iron.recheck import recheck_is_due, recheck_on
from cards.decisions.iron.routes import earlier_reaction, oral_iron_works
from cards.decisions.iron.studies import IronStudies
from cards.decisions.iron.treatment import render_due
from cards.decisions.shared.judged import judged_drafts
from cards.decisions.shared.orders import scope_of, with_evidence
from cards.facts.chart import Chart, Listing
from cards.facts.finding import (
    Fact,
    Finding,
    Indicator,
    OrderTests,
    Outcome,
    RemoveDraft,
    Suggestion,
    Text,
    quiet,
    unknown,
)
from cards.facts.results import UnusableResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd, kidney_failure, overload, polycythaemia, probable_overload
from cards.patient.unread import open_questions
from cards.wording.phrases import NOTHING, as_a_beginning, phrase, printed, say, sentences

NAME = "iron_order"
_STUDIES = OrderTests(("ferritin", "iron-panel"))
_PANEL = OrderTests(("iron-panel",))

#: Cards after which dose, interactions and duplicates are not judged.
_STOPS = ("OS-IRON-OVL", "OS-IRON-TSAT45")

#: Cards that advise against iron for what the iron studies or the blood show.
_AGAINST = frozenset({"OS-IRON-PV", "OS-IRON-F300", "OS-IRON-ESRD-HOLD", "OS-IRON-REPLETE", "OS-IRON-CHILD-NOTLOW"})

#: Cards that ask for something else before iron is given: an adult's usual dose beside them would advise to start.
_BEFORE_IRON = frozenset({"OS-IRON-NOLABS", "OS-IRON-NOTSAT", "OS-IRON-FUNC", "OS-IRON-ORAL-MID"})

#: What a card on missing iron studies shows.
_SHOWN_WITHOUT_LABS = frozenset({"ferritin", "ferritin_missing", "tsat", "tsat_missing", "last_iv"})

Row = Callable[[IronOrder], Finding | None]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one finding on the fit of each iron draft, and what stands beside it."""
    drafts = judged_drafts(NAME, chart.drafts, rules)
    if not drafts:
        return (quiet(NAME, "no_iron_draft"),)
    findings: list[Finding] = []
    for draft in drafts:
        in_scope = scope_of(chart, draft)
        order = iron_order(chart, rules, draft)
        if in_scope is None:
            findings.append(unknown(NAME, "out_of_scope", ("conditions",)))
        elif in_scope:
            findings.extend(_judge(order))
        else:
            findings.extend(_safety_for_all(order))
    fired = [each for each in findings if each.outcome is Outcome.FIRES]
    against = any(each.card in _AGAINST for each in fired)
    waits = any(each.card in _BEFORE_IRON or asks_to_wait(each) for each in fired) and not is_child(chart)
    planned = (with_plan(each, rules, is_advised_against=against) for each in findings)
    if against:
        return tuple(without_a_dose(each, rules) for each in planned)
    return tuple(with_a_dose_if_given(each, rules) if waits else each for each in planned)


def _judge(order: IronOrder) -> list[Finding]:
    if order.chart.listing("labs") is Listing.NOT_KNOWN:
        stop = _overload(order)
        return [*([stop] if stop else []), unknown(NAME, "labs_unknown", ("labs",))]
    fit = next(finding for row in _ROWS if (finding := row(order)) is not None)
    if fit.card in _STOPS or order.is_binder:
        return [fit, *_open_stops(order, fit)]
    if order.is_low_dose_supplement:
        return [fit, dose(order), *_open_stops(order, fit)]
    return [fit, *(beside(order) for beside in (dose, interactions, duplicate)), *_open_stops(order, fit)]


def _open_stops(order: IronOrder, fit: Finding) -> list[Finding]:
    """Return an unknown finding where a graver stop than the one that fired may stand in what was not read."""
    if fit.outcome is not Outcome.FIRES or (fit.card == "OS-IRON-OVL" and fit.indicator is Indicator.CRITICAL):
        return []
    return [unknown(NAME, "stops_open")] if open_questions(order.chart) else []


def _safety_for_all(order: IronOrder) -> list[Finding]:
    """Return the findings without RLS: quiet, unless the site extends the two stops to everyone.

    A list that may hold a stop and was not read to its end then leaves the question open, as it does with RLS.
    """
    if order.rules.switch("iron_safety_scope") != "all":
        return [quiet(NAME, "out_of_scope")]
    stop = _overload(order) or _high_tsat(order)
    if stop and stop.card == "OS-IRON-OVL" and stop.indicator is Indicator.CRITICAL:
        return [stop]
    unread = _may_hold_a_stop(order.chart)
    still = [unknown(NAME, "stops_open_for_all", not_checked=unread)] if unread else []
    return [*([stop] if stop else []), *still] or [quiet(NAME, "out_of_scope")]


def _may_hold_a_stop(chart: Chart) -> tuple[str, ...]:
    """Return the lists in which iron overload, a chelator or a high saturation may stand unread."""
    read = {
        "conditions": chart.is_exhaustive("conditions", "overload", "probable-overload"),
        "labs": chart.is_exhaustive("labs", "ferritin", "tsat"),
        "medications": chart.knows("medications"),
    }
    return tuple(name for name, whole in read.items() if not whole)


# ------------------------------------------------------------------ the rows


def _overload(order: IronOrder) -> Finding | None:
    certain, probable = overload(order.chart), probable_overload(order.chart)
    if not (certain or probable):
        return None
    softer = not certain or order.is_low_dose
    texts = (
        *(("advice_probable_overload",) if not certain else ()),
        *(("advice_low_dose_overload",) if order.is_low_dose else ()),
    )
    facts = {**overload_facts(order.chart)}
    summary = "overload_certain" if not softer else "overload_low_dose" if certain else "overload_probable"
    found = iron_order_fires(
        NAME,
        order,
        "OS-IRON-OVL",
        Indicator.WARNING if softer else Indicator.CRITICAL,
        {
            **facts,
            "overload_summary": say(order.rules, NAME, summary, overload=render_overload(order.chart)),
            "overload_step": say(order.rules, NAME, "overload_weigh" if softer else "overload_remove"),
            **_boxed_fact(order),
        },
        texts=(*texts, *_boxed_line(order)),
        why=tuple(facts),
        suggestions=_remove(order, recommended=True),
        safety_without_labs=True,
    )
    return with_evidence(found, certain or probable)


def _polycythaemia(order: IronOrder) -> Finding | None:
    causes = polycythaemia(order.chart)
    if not causes or order.is_low_dose:
        return None
    facts = polycythaemia_facts(order.chart)
    shown = {**facts, "pv_summary": render_polycythaemia(order.chart), **_boxed_fact(order)}
    line = _boxed_line(order)
    found = iron_order_fires(NAME, order, "OS-IRON-PV", Indicator.WARNING, shown, why=tuple(facts), texts=line)
    return with_evidence(found, causes)


def _high_tsat(order: IronOrder) -> Finding | None:
    tsat = order.studies.blocking
    if tsat is None:
        return None
    unusable = isinstance(tsat, UnusableResult)
    indicator = _high_tsat_indicator(order, unusable=unusable)
    shown = order.studies.facts_at_stop if indicator is Indicator.CRITICAL else order.studies.facts
    facts: dict[str, Fact] = {**shown, "tsat": tsat}
    facts.pop("tsat_missing", None)
    goes_on = indicator is Indicator.INFO
    why = tuple(facts)
    stays = indicator is Indicator.CRITICAL
    manner = "go_on" if goes_on else "stop" if stays else "hold"
    words = "tsat_unusable" if unusable else "tsat_and_ferritin_high" if stays else "tsat_high"
    advice = say(order.rules, NAME, f"tsat_{manner}_advice")
    if stays and not is_esrd(order.chart):  # on dialysis another ferritin withholds iron
        advice = sentences((advice, say(order.rules, NAME, "both_must_fall")))
    facts |= {
        "stop_summary": say(order.rules, NAME, words, result=tsat, tsat_step=say(order.rules, NAME, f"tsat_{manner}")),
        "tsat_advice": advice,
        **_boxed_fact(order),
    }
    texts = (*(("advice_unusable",) if unusable else ()), *_boxed_line(order))
    remove = () if goes_on else _remove(order, recommended=not unusable)
    return iron_order_fires(
        NAME, order, "OS-IRON-TSAT45", indicator, facts, texts=texts, why=why, suggestions=(*remove, _STUDIES)
    )


def _high_tsat_indicator(order: IronOrder, *, unusable: bool) -> Indicator:
    """Return how grave a high saturation is; one that may not be used warns at most."""
    if order.studies.ferritin_meets("ferritin.high") and not unusable:
        return Indicator.CRITICAL
    low = order.studies.ferritin_meets("ferritin.low")
    probably_post_dose = low and order.studies.tsat_may_be_post_dose
    renews = order.is_renewal and not order.is_iv and bool(order.studies.treatment.oral)  # not one that has ended
    goes_on = renews and probably_post_dose and not open_questions(order.chart)
    return Indicator.INFO if goes_on else Indicator.WARNING


def _boxed_line(order: IronOrder) -> tuple[str, ...]:
    kinds = {"": (), FERRIC_CARBOXYMALTOSE: ("boxed_line_phosphate",)}
    return kinds.get(boxed(order), ("boxed_line",))


def _boxed_fact(order: IronOrder) -> dict[str, Fact]:
    """Return the product whose boxed warning stands on a card that stops the order."""
    found = boxed_names(order)
    return {"boxed": as_a_beginning(found[0])} if found else {}


def _low_dose(order: IronOrder) -> Finding | None:
    return quiet(NAME, "low_dose") if order.is_low_dose else None


def _kidney(order: IronOrder) -> Finding | None:
    if not is_esrd(order.chart):
        return None
    studies = order.studies
    high_ferritin = studies.ferritin_meets("esrd.hold_ferritin")
    tsat = studies.tsat
    unusable = None if tsat and studies.tsat_meets("esrd.hold_tsat") else _unusable_in_esrd(studies)
    if high_ferritin or studies.tsat_meets("esrd.hold_tsat") or unusable:
        found_unusable = unusable if unusable and not high_ferritin else None
        words = _hold_words(order, high_ferritin, found_unusable)
        facts = studies.facts_at_stop if high_ferritin else studies.facts
        if found_unusable:
            facts = {**facts, "unusable": found_unusable}
        found = iron_order_fires(
            NAME,
            order,
            "OS-IRON-ESRD-HOLD",
            Indicator.WARNING,
            {**facts, "hold_summary": words, "hold_advice": _advice_of(order, "hold")},
            texts=("advice_unusable",) if found_unusable else (),
            why=tuple(facts),
            suggestions=_remove(order),
        )
        return with_evidence(found, kidney_failure(order.chart))
    if order.is_binder:
        return quiet(NAME, "binder")
    if order.states_another_indication:
        return quiet(NAME, "esrd_other_indication")
    if order.ferritin is None or tsat is None:
        return quiet(NAME, "other_problem") if order.another_problem_than_kidney else _no_labs_card(order)
    return quiet(NAME, "esrd_in_range", ferritin=order.ferritin, tsat=tsat)


def _unusable_in_esrd(studies: IronStudies) -> UnusableResult | None:
    return studies.high_ferritin or studies.unusable_tsat_meets("esrd.hold_tsat")


def _hold_words(order: IronOrder, by_ferritin: bool, unusable: UnusableResult | None) -> Text:
    if unusable:
        return say(order.rules, NAME, "hold_unusable", result=unusable)
    name = "ferritin" if by_ferritin else "tsat"
    return say(order.rules, NAME, f"hold_{name}", result=order.studies.facts_at_stop[name])


def _high_ferritin(order: IronOrder) -> Finding | None:
    studies = order.studies
    ferritin = studies.facts_at_stop["ferritin"] if studies.ferritin_meets("ferritin.high") else studies.high_ferritin
    if ferritin is None:
        return None
    indicator = _softened(order)
    facts: dict[str, Fact] = {**studies.facts_at_stop, "ferritin": ferritin}
    facts.pop("ferritin_missing", None)
    unusable = isinstance(ferritin, UnusableResult)
    what = say(order.rules, NAME, "high_binder" if order.is_binder else "high_iron")
    words = "ferritin_unusable" if unusable else "ferritin_high"
    shown = {
        **facts,
        "stop_summary": say(order.rules, NAME, words, result=ferritin, high_summary=what),
        "high_advice": _advice_of(order, "high_for_another" if order.another_problem else "high"),
    }
    return iron_order_fires(
        NAME,
        order,
        "OS-IRON-F300",
        indicator,
        shown,
        texts=("advice_unusable",) if unusable else (),
        why=tuple(facts),
        suggestions=_remove(order),
    )


def _advice_of(order: IronOrder, row: str) -> Text:
    """Return the advice of a row on high stores: of iron as treatment, or of a phosphate binder that brings iron."""
    return say(order.rules, NAME, "binder_advice" if order.is_binder else f"{row}_advice")


def _softened(order: IronOrder) -> Indicator:
    """Return a warning, or info where another indication is on the problem list."""
    return Indicator.INFO if order.another_problem else Indicator.WARNING


def _binder(order: IronOrder) -> Finding | None:
    return quiet(NAME, "binder") if order.is_binder else None


def _other_indication(order: IronOrder) -> Finding | None:
    return quiet(NAME, "other_indication") if order.states_another_indication else None


def _no_labs(order: IronOrder) -> Finding | None:
    if order.ferritin is not None:
        return None
    if order.studies.enough_ferritin:
        return _no_labs_card(order)
    if order.another_problem:
        return quiet(NAME, "other_problem")
    prophylaxis = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    small = meets(prophylaxis, order.rules.limit("fe.pregnancy_prophylaxis"))
    if pregnancy(order.chart).is_pregnant and small and not order.is_iv:
        return quiet(NAME, "prophylaxis")
    return _no_labs_card(order)


def _no_labs_card(order: IronOrder) -> Finding:
    """Return the warning that iron studies are missing: ferritin, or in dialysis the saturation beside a ferritin."""
    lacking = "ferritin" if order.ferritin is None else "tsat"
    if not order.chart.is_exhaustive("labs", lacking):
        return unknown(NAME, "labs_cut")
    recheck = _recheck_of_protocol(order)
    words = "washout" if recheck else lacking
    texts, facts = unusable_texts(order)
    tests = OrderTests(_STUDIES.tests, due=recheck) if recheck else _STUDIES if lacking == "ferritin" else _PANEL
    ordered = _are_ordered(order, tests)
    shown: dict[str, Fact] = {**order.studies.facts, **facts, "window": printed(order.studies.window)}
    why = tuple(name for name in shown if name in _SHOWN_WITHOUT_LABS)
    when = render_due(recheck, order.chart.today) if recheck else NOTHING
    shown |= {
        "missing_summary": say(order.rules, NAME, f"missing_{words}_summary", **shown),
        "missing_advice": say(order.rules, NAME, f"missing_{words}_advice", recheck_when=when),
        "not_empiric": say(order.rules, NAME, "not_empiric") if words == "ferritin" else NOTHING,
        "missing_rule": say(order.rules, NAME, "missing_rule_dialysis" if is_esrd(order.chart) else "missing_rule"),
    }
    return iron_order_fires(
        NAME,
        order,
        "OS-IRON-NOLABS",
        Indicator.WARNING,
        shown,
        texts=(*texts, *(("advice_ordered_tests",) if ordered and not recheck else ())),
        why=why,
        suggestions=() if ordered else (tests,),
    )


def _recheck_of_protocol(order: IronOrder) -> date | None:
    """Return when ferritin reads true again where in dialysis only the infusions under way make it unusable.

    Where iron is given regularly no ferritin is free of it, and a new one today would be no better: the protocol of
    nephrology decides on the next dose (ours).
    """
    treatment = order.studies.treatment
    under_way = is_esrd(order.chart) and order.is_iv and treatment.iv_counts and order.drawn_in_washout
    return treatment.washed_out_on if under_way and order.studies.tsat else None


def _are_ordered(order: IronOrder, tests: OrderTests) -> bool:
    """Return whether the basket holds the first of these tests, which is the one that is missing."""
    return any(tests.tests[0] in draft.tests for draft in order.chart.drafts)


def _child(order: IronOrder) -> Finding | None:
    if not is_child(order.chart):
        return None
    facts = order.studies.facts
    if order.studies.ferritin_misses("child.ferritin"):
        high = order.studies.ferritin_meets("child.ferritin_replete")
        indicator = Indicator.WARNING if high else Indicator.INFO
        return iron_order_fires(NAME, order, "OS-IRON-CHILD-NOTLOW", indicator, facts, suggestions=_remove(order))
    if order.studies.tsat is None and not order.studies.tsat_is_below_stop:
        return quiet(NAME, "other_problem") if order.another_problem else _no_tsat_card(order, Indicator.INFO)
    return quiet(NAME, "child_fits", ferritin=order.studies.ferritin or phrase("results.unknown"))


def _replete(order: IronOrder) -> Finding | None:
    studies = order.studies
    if not studies.ferritin_is_replete or studies.tsat is None:
        return None
    if studies.tsat_meets("tsat.low"):
        return _contested(order)
    facts = studies.facts
    key = "replete_for_another" if order.another_problem else "replete_advice"
    shown = {**facts, "replete_advice": say(order.rules, NAME, key)}
    return iron_order_fires(
        NAME, order, "OS-IRON-REPLETE", _softened(order), shown, why=tuple(facts), suggestions=_remove(order)
    )


def _contested(order: IronOrder) -> Finding:
    """Return the finding on ferritin above 100 with a low TSAT: measure CRP first, unless it is known."""
    other = other_definitions(order.studies)
    if other.heart and order.is_iv:
        return quiet(NAME, "heart_failure")
    if other.kidney and other.anaemic:
        return quiet(NAME, "kidney_anaemia")
    crp = next(iter(crp_near(order.studies)), None)
    ask = say(order.rules, NAME, "func_ask" if crp else "func_measure")
    words = say(
        order.rules, NAME, "func_heart" if other.heart else "func_kidney" if other else "func_contested", ask=ask
    )
    advice = render_other_definitions(order.studies, other) if other else say(order.rules, NAME, "func_advice")
    facts: dict[str, Fact] = {**order.studies.facts, **({"crp": crp} if crp else {})}
    reaction = earlier_reaction(order.studies) if other.heart else {}  # only there is an infusion named
    return iron_order_fires(
        NAME,
        order,
        "OS-IRON-FUNC",
        Indicator.INFO,
        {**facts, "func_step": words, "func_advice": advice, **reaction},
        why=tuple(facts),
        texts=("advice_crp_known" if crp else "advice_measure_crp", *(f"earlier_{name}" for name in reaction)),
        suggestions=() if crp else (OrderTests(("crp",)),),
    )


def _oral_mid(order: IronOrder) -> Finding | None:
    if order.is_iv or not order.studies.ferritin_is_mid:
        return None
    if order.studies.is_low_elsewhere:
        return None
    if order.another_problem:
        return quiet(NAME, "other_problem")
    if oral_iron_works(order.studies):
        return quiet(NAME, "oral_works")
    studies = order.studies
    barred, pregnant = against_infusions(order.chart), pregnancy(order.chart).is_pregnant
    high = None if studies.tsat_meets("tsat.low") else high_crp(studies)
    crp: dict[str, Fact] = {"crp": high} if high else {}
    facts: dict[str, Fact] = studies.facts
    if barred:
        step, advice = "infusion_not_now", "no_infusion"
    elif pregnant:
        step, advice = "infusion_in_pregnancy", "obstetric"
    elif recheck_is_due(studies):
        step, advice = "recheck_step", "recheck_advice"
    elif crp:
        step, advice, facts = "inflamed_step", "inflamed_advice", {**facts, **crp}
    else:
        step, advice = "infusion_option", "infusion"
    when = render_due(recheck_on(studies), order.chart.today)
    shown = {
        **facts,
        "infusion_step": say(order.rules, NAME, step),
        "infusion_advice": say(order.rules, NAME, advice, barred=barred, recheck_when=when, **crp),
    }
    reaction = earlier_reaction(studies)
    texts = tuple(f"earlier_{name}" for name in reaction)
    return iron_order_fires(
        NAME, order, "OS-IRON-ORAL-MID", Indicator.INFO, {**shown, **reaction}, why=tuple(facts), texts=texts
    )


def _no_tsat(order: IronOrder) -> Finding | None:
    if not order.waits_for_tsat:
        return None
    if order.another_problem:
        return quiet(NAME, "other_problem")
    above = order.studies.ferritin_misses("ferritin.mid")
    return _no_tsat_card(order, Indicator.WARNING if above else Indicator.INFO)


def _no_tsat_card(order: IronOrder, indicator: Indicator) -> Finding:
    texts = ("advice_only_low_tsat",) if indicator is Indicator.WARNING else ()
    facts = order.studies.facts
    shown = {**facts, "tsat_step": say(order.rules, NAME, "no_tsat_above" if texts else "no_tsat")}
    return iron_order_fires(
        NAME, order, "OS-IRON-NOTSAT", indicator, shown, why=tuple(facts), texts=texts, suggestions=(_PANEL,)
    )


def _fits(order: IronOrder) -> Finding:
    unknown_yet = phrase("results.unknown")
    return quiet(NAME, "fits", ferritin=order.studies.ferritin or unknown_yet, tsat=order.studies.tsat or unknown_yet)


_ROWS: tuple[Row, ...] = (
    _overload,
    _polycythaemia,
    _high_tsat,
    _low_dose,
    _kidney,
    _high_ferritin,
    _binder,
    _other_indication,
    _no_labs,
    _child,
    _replete,
    _no_tsat,
    _oral_mid,
    _fits,
)


def _remove(order: IronOrder, *, recommended: bool = False) -> tuple[Suggestion, ...]:
    return (RemoveDraft(order.draft.reference, recommended),)
