"""Draft iron orders: at most one card about their fit, and dose, interactions and duplicates beside it.

Order of the rows: clinical amendments, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from cards.chart import Chart, Listing
from cards.finding import Fact, Finding, Indicator, OrderTests, RemoveDraft, Suggestion, quiet, unknown
from cards.iron.dose import dose
from cards.iron.duplicates import duplicate
from cards.iron.finding import crp_near
from cards.iron.interactions import interactions
from cards.iron.orders import IronOrder, iron_drafts, iron_order, order_fires, unusable_texts
from cards.iron.overload import overload_facts, overload_in_words, polycythaemia_facts, polycythaemia_in_words
from cards.orders import scope_of, with_evidence
from cards.rules import Rules
from cards.scope import is_child, is_esrd, kidney_failure, overload, polycythaemia, pregnancy, probable_overload
from cards.wording import inline

NAME = "iron_order"
_STUDIES = OrderTests(("ferritin", "iron-panel"))
_PANEL = OrderTests(("iron-panel",))

#: Cards after which nothing about dose, interactions or duplicates is said.
_STOPS = ("OS-IRON-OVL", "OS-IRON-TSAT45")

Row = Callable[[IronOrder], Finding | None]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One fit finding per iron draft, and what stands beside it."""
    drafts = iron_drafts(chart)
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
    return tuple(findings)


def _judge(order: IronOrder) -> list[Finding]:
    if order.chart.listing("labs") is Listing.NOT_KNOWN:
        stop = _overload(order)
        return [*([stop] if stop else []), unknown(NAME, "labs_unknown", ("labs",))]
    fit = next(finding for row in _ROWS if (finding := row(order)) is not None)
    if fit.card in _STOPS or order.is_binder or order.is_low_dose_supplement:
        return [fit]
    return [fit, *(beside(order) for beside in (dose, interactions, duplicate))]


def _safety_for_all(order: IronOrder) -> list[Finding]:
    """Patients without RLS: silent, unless the site extends the two stops to everyone."""
    if order.rules.switch("iron_safety_scope") == "all":
        stop = _overload(order) or _high_tsat(order)
        if stop:
            return [stop]
    return [quiet(NAME, "out_of_scope")]


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
    facts = overload_facts(order.chart)
    advice = "do not give iron" if certain else "exclude it before iron"
    found = order_fires(
        NAME,
        order,
        "OS-IRON-OVL",
        Indicator.WARNING if softer else Indicator.CRITICAL,
        {**facts, "overload_summary": f"{overload_in_words(order.chart)}; {advice}"},
        texts=texts,
        why=tuple(facts),
        suggest=_remove(order, recommended=True),
        without_labs=True,
    )
    return with_evidence(found, certain or probable)


def _polycythaemia(order: IronOrder) -> Finding | None:
    causes = polycythaemia(order.chart)
    if not causes or order.is_low_dose:
        return None
    facts = polycythaemia_facts(order.chart)
    shown = {**facts, "pv_summary": polycythaemia_in_words(order.chart)}
    found = order_fires(NAME, order, "OS-IRON-PV", Indicator.WARNING, shown, why=tuple(facts))
    return with_evidence(found, causes)


def _high_tsat(order: IronOrder) -> Finding | None:
    tsat = order.studies.blocking
    if tsat is None:
        return None
    indicator = _high_tsat_indicator(order)
    shown = order.studies.facts_at_stop if indicator is Indicator.CRITICAL else order.studies.facts
    facts: dict[str, Fact] = {**shown, "tsat": tsat}
    facts.pop("tsat_missing", None)
    texts = ("advice_renewal",) if indicator is Indicator.INFO else ()
    suggest = (*_remove(order, recommended=True), _STUDIES) if indicator is not Indicator.INFO else (_STUDIES,)
    return order_fires(NAME, order, "OS-IRON-TSAT45", indicator, facts, texts=texts, suggest=suggest)


def _high_tsat_indicator(order: IronOrder) -> Indicator:
    if order.studies.ferritin_above("ferritin.high"):
        return Indicator.CRITICAL
    low = order.studies.ferritin_at_most("ferritin.low")
    return Indicator.INFO if order.is_renewal and not order.is_iv and low else Indicator.WARNING


def _low_dose(order: IronOrder) -> Finding | None:
    return quiet(NAME, "low_dose") if order.is_low_dose else None


def _kidney(order: IronOrder) -> Finding | None:
    if not is_esrd(order.chart):
        return None
    studies = order.studies
    high_ferritin = studies.ferritin_at_least("esrd.hold_ferritin")
    tsat = studies.tsat
    high_tsat = tsat is not None and tsat.quantity.surely_at_least(studies.limit("esrd.hold_tsat"))
    if high_ferritin or high_tsat:
        words = _hold_words(order, high_ferritin)
        facts = studies.facts_at_stop if high_ferritin else studies.facts
        found = order_fires(
            NAME,
            order,
            "OS-IRON-ESRD-HOLD",
            Indicator.WARNING,
            {**facts, "hold_summary": words},
            why=tuple(facts),
            suggest=_remove(order),
        )
        return with_evidence(found, kidney_failure(order.chart))
    if order.is_binder:
        return quiet(NAME, "binder")
    if order.states_another_indication:
        return quiet(NAME, "esrd_other_indication")
    if order.ferritin is None or tsat is None:
        return quiet(NAME, "other_problem") if order.another_problem_than_kidney else _no_labs_card(order)
    return quiet(NAME, "esrd_in_range", ferritin=order.ferritin, tsat=tsat)


def _hold_words(order: IronOrder, by_ferritin: bool) -> str:
    name, key = ("ferritin", "ferritin") if by_ferritin else ("TSAT", "tsat")
    return f"{name} {inline(order.studies.facts_at_stop[key])}"


def _high_ferritin(order: IronOrder) -> Finding | None:
    ferritin = order.studies.ferritin
    if ferritin is None or not order.studies.ferritin_above("ferritin.high"):
        return None
    indicator, texts = _softened(order)
    facts = order.studies.facts_at_stop
    return order_fires(NAME, order, "OS-IRON-F300", indicator, facts, texts=texts, suggest=_remove(order))


def _softened(order: IronOrder) -> tuple[Indicator, tuple[str, ...]]:
    """Info where another indication is on the problem list."""
    if order.another_problem:
        return Indicator.INFO, ("advice_other_indication_problem",)
    return Indicator.WARNING, ()


def _binder(order: IronOrder) -> Finding | None:
    return quiet(NAME, "binder") if order.is_binder else None


def _other_indication(order: IronOrder) -> Finding | None:
    return quiet(NAME, "other_indication") if order.states_another_indication else None


def _no_labs(order: IronOrder) -> Finding | None:
    if order.ferritin is not None:
        return None
    if order.another_problem:
        return quiet(NAME, "other_problem")
    prophylaxis = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    limit = order.rules.limit("fe.pregnancy_prophylaxis").value
    if pregnancy(order.chart).is_pregnant and prophylaxis is not None and prophylaxis <= limit and not order.is_iv:
        return quiet(NAME, "prophylaxis")
    return _no_labs_card(order)


def _no_labs_card(order: IronOrder) -> Finding:
    if order.chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut", ("labs",))
    texts, facts = unusable_texts(order)
    ordered = _studies_in_basket(order)
    shown: dict[str, Fact] = {**order.studies.facts, **facts, "window_days": order.studies.window}
    return order_fires(
        NAME,
        order,
        "OS-IRON-NOLABS",
        Indicator.WARNING,
        shown,
        texts=(*texts, *(("advice_ordered_tests",) if ordered else ())),
        why=tuple(name for name in shown if name in ("ferritin", "ferritin_missing", "tsat", "tsat_missing")),
        suggest=() if ordered else (_STUDIES,),
    )


def _studies_in_basket(order: IronOrder) -> bool:
    return any("ferritin" in draft.tests for draft in order.chart.drafts)


def _child(order: IronOrder) -> Finding | None:
    if not is_child(order.chart):
        return None
    facts = order.studies.facts
    if order.studies.ferritin_at_least("child.ferritin"):
        high = order.studies.ferritin_above("child.ferritin_replete")
        indicator = Indicator.WARNING if high else Indicator.INFO
        return order_fires(NAME, order, "OS-IRON-CHILD-NOTLOW", indicator, facts, suggest=_remove(order))
    if order.studies.tsat is None:
        return quiet(NAME, "other_problem") if order.another_problem else _no_tsat_card(order, Indicator.INFO)
    return quiet(NAME, "child_fits", ferritin=order.studies.ferritin or "unknown")


def _replete(order: IronOrder) -> Finding | None:
    studies = order.studies
    if not studies.ferritin_between("ferritin.mid", "ferritin.high") or studies.tsat is None:
        return None
    if studies.tsat_below("tsat.low"):
        return _contested(order)
    indicator, texts = _softened(order)
    return order_fires(NAME, order, "OS-IRON-REPLETE", indicator, studies.facts, texts=texts, suggest=_remove(order))


def _contested(order: IronOrder) -> Finding:
    """Ferritin above 100 with a low TSAT: CRP first, unless it is known."""
    crp = next(iter(crp_near(order.studies)), None)
    words = order.rules.decisions[NAME].texts["func_ask" if crp else "func_measure"]
    facts: dict[str, Fact] = {**order.studies.facts, **({"crp": crp} if crp else {})}
    return order_fires(
        NAME,
        order,
        "OS-IRON-FUNC",
        Indicator.INFO,
        {**facts, "func_step": words},
        why=tuple(facts),
        texts=("advice_crp_known" if crp else "advice_measure_crp",),
        suggest=() if crp else (OrderTests(("crp",)),),
    )


def _oral_mid(order: IronOrder) -> Finding | None:
    if order.is_iv or not order.studies.ferritin_between("ferritin.low", "ferritin.mid"):
        return None
    if order.studies.is_low_elsewhere:
        return None
    if order.another_problem:
        return quiet(NAME, "other_problem")
    return order_fires(NAME, order, "OS-IRON-ORAL-MID", Indicator.INFO, order.studies.facts)


def _no_tsat(order: IronOrder) -> Finding | None:
    if order.studies.tsat is not None:
        return None
    if order.another_problem:
        return quiet(NAME, "other_problem")
    above = order.studies.ferritin_above("ferritin.mid")
    return _no_tsat_card(order, Indicator.WARNING if above else Indicator.INFO)


def _no_tsat_card(order: IronOrder, indicator: Indicator) -> Finding:
    return order_fires(NAME, order, "OS-IRON-NOTSAT", indicator, order.studies.facts, suggest=(_PANEL,))


def _fits(order: IronOrder) -> Finding:
    return quiet(NAME, "fits", ferritin=order.studies.ferritin or "unknown", tsat=order.studies.tsat or "unknown")


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
    _oral_mid,
    _no_tsat,
    _fits,
)


def _remove(order: IronOrder, *, recommended: bool = False) -> tuple[Suggestion, ...]:
    return (RemoveDraft(order.draft.reference, recommended),)
