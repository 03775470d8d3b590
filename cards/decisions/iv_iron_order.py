"""Draft infusions of iron: allergy, infection, early pregnancy, children, phosphate, agent, boxed warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cards.chart import Allergy, Chart, Draft, Drug, LabResult, Listing
from cards.finding import Fact, Finding, Indicator, OrderTests, RemoveDraft, Suggestion, quiet, unknown
from cards.iron.orders import IronOrder, iron_order, order_fires
from cards.orders import scope_of, with_evidence
from cards.readings import Limit, read
from cards.rules import Rules
from cards.scope import is_child, is_esrd, overload, pregnancy, probable_overload
from cards.wording import inline

NAME = "iv_iron_order"
_FCM = "ferric carboxymaltose"
_TO_IRON = ("iron-iv", "iron-adverse-reaction")
_NOT_STUDIED = ("iron sucrose", "sodium ferric gluconate")
_BOXED = ("iron dextran", "ferumoxytol")

Row = Callable[[IronOrder], Finding]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Every row for every selected draft of intravenous iron."""
    drafts = [draft for draft in chart.drafts if draft.selected and draft.drug and draft.drug.has("iron-iv")]
    if not drafts:
        return (quiet(NAME, "no_iv_draft"),)
    return tuple(finding for draft in drafts for finding in _judge(chart, rules, draft))


def _judge(chart: Chart, rules: Rules, draft: Draft) -> tuple[Finding, ...]:
    in_scope = scope_of(chart, draft)
    if in_scope is None:
        return (unknown(NAME, "out_of_scope", ("conditions",)),)
    if not in_scope:
        return (quiet(NAME, "out_of_scope"),)
    order = iron_order(chart, rules, draft)
    stopped = _is_stopped(order)
    beside = (_agent, _boxed_warning) if not stopped else ()
    return tuple(row(order) for row in (_allergy, _infection, _early_pregnancy, _in_a_child, _phosphate, *beside))


def _is_stopped(order: IronOrder) -> bool:
    """OS-IRON-OVL or OS-IRON-TSAT45 has fired for this order."""
    return bool(overload(order.chart) or probable_overload(order.chart) or order.studies.blocking)


# ------------------------------------------------------------------ the rows


def _allergy(order: IronOrder) -> Finding:
    if order.chart.listing("allergies") is Listing.NOT_KNOWN:
        return replace(quiet(NAME, "allergies_unknown"), not_checked=("allergies",))
    own = order.drug.product.ingredient_names()
    same = [allergy for allergy in order.chart.allergies if not allergy.ingredients.isdisjoint(own)]
    iron = [allergy for allergy in order.chart.allergies if not allergy.concepts.isdisjoint(_TO_IRON)]
    if not (same or iron):
        return quiet(NAME, "no_allergy")
    critical = bool(same) or "ferumoxytol" in own
    known = same or iron
    words = _allergens(known)
    found = order_fires(
        NAME,
        order,
        "OS-IV-HSR",
        Indicator.CRITICAL if critical else Indicator.WARNING,
        {"allergy": words, "allergen": words},
        why=("allergy",),
        suggest=_remove(order, recommended=True) if critical else (),
        without_labs=True,
    )
    return with_evidence(found, tuple(known))


def _allergens(allergies: list[Allergy]) -> str:
    names = sorted({name for allergy in allergies for name in allergy.ingredients})
    return ", ".join(names) or "an iron product"


def _infection(order: IronOrder) -> Finding:
    infections = order.chart.diagnosed("sepsis")
    if not infections:
        return quiet(NAME, "not_infected")
    facts: dict[str, Fact] = {"infection": "sepsis or bacteraemia is active"}
    found = order_fires(NAME, order, "OS-IV-INFECT", Indicator.WARNING, facts, without_labs=True)
    return with_evidence(found, infections)


def _early_pregnancy(order: IronOrder) -> Finding:
    state = pregnancy(order.chart)
    if not state.may_be_first_trimester:
        return quiet(NAME, "not_early_pregnancy")
    known = state.days is not None
    words = f"{state.days // 7} weeks" if state.days is not None else "week not known"
    return order_fires(
        NAME,
        order,
        "OS-IV-PREG1",
        Indicator.WARNING,
        {"pregnancy": words},
        texts=() if known else ("week_unknown",),
        without_labs=True,
    )


def _in_a_child(order: IronOrder) -> Finding:
    if not is_child(order.chart) or order.states_another_indication:
        return quiet(NAME, "adult")
    return order_fires(NAME, order, "OS-IV-CHILD", Indicator.WARNING, {})


def _phosphate(order: IronOrder) -> Finding:
    if _FCM not in order.drug.product.ingredient_names():
        return quiet(NAME, "not_fcm")
    if order.chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    known = _recent_phosphate(order)
    if known and known.quantity.surely_below(order.studies.limit("phosphate.low")):
        return _phosphate_card(order, Indicator.CRITICAL, {"phosphate": known}, f"phosphate {inline(known)} is low")
    if known or not _phosphate_risk(order):
        return quiet(NAME, "phosphate_fits")
    days = order.rules.limit("phos_days").days
    facts = {**_phosphate_risk(order), "phosphate_missing": f"none usable within {days} days"}
    words = "no phosphate within {days} days before a repeat or with a risk of low phosphate"
    return _phosphate_card(order, Indicator.WARNING, facts, words.format(days=days))


def _phosphate_card(order: IronOrder, indicator: Indicator, facts: dict[str, Fact], words: str) -> Finding:
    suggest: tuple[Suggestion, ...] = (OrderTests(("phosphate",)),)
    return order_fires(
        NAME,
        order,
        "OS-IV-FCM-PHOS",
        indicator,
        {**facts, "phosphate_summary": words},
        why=tuple(facts),
        suggest=suggest if indicator is Indicator.WARNING else (),
    )


def _recent_phosphate(order: IronOrder) -> LabResult | None:
    """None where the newest cannot be placed on one side of the limit (clinical page 0.3, rule 5)."""
    limits = (Limit(order.studies.limit("phosphate.low"), False),)
    return read(order.chart, "phosphate", max_age_days=order.rules.limit("phos_days").days, limits=limits).result


def _phosphate_risk(order: IronOrder) -> dict[str, Fact]:
    """A repeat 15 to 90 days after the last ferric carboxymaltose, or a coded or measured risk."""
    facts: dict[str, Fact] = {}
    last = _last_fcm(order)
    if last and last.given_on:
        days = (order.chart.today - last.given_on.last).days
        if order.rules.limit("iv.one_course_days").days < days <= order.rules.limit("fcm_days").days:
            facts["last_iv"] = last
    if order.chart.diagnosed("malabsorption", "bariatric", "hyperparathyroidism"):
        facts["risk"] = "malabsorption, bariatric surgery or hyperparathyroidism"
    vitamin_d = _low_vitamin_d(order)
    if vitamin_d:
        facts["vitd"] = vitamin_d
    return facts


def _last_fcm(order: IronOrder) -> Drug | None:
    given = [drug for drug in order.chart.drugs if drug.given_on and _FCM in drug.product.ingredient_names()]
    return max(given, key=lambda drug: drug.given_on.order) if given else None  # type: ignore[union-attr]


def _low_vitamin_d(order: IronOrder) -> LabResult | None:
    days = order.rules.limit("fcm.vitd_days").days
    newest = next((r for r in order.chart.results("vitd") if r.when.within_days(days, order.chart.today)), None)
    low = newest is not None and newest.quantity.surely_below(order.studies.limit("fcm.vitd"))
    return newest if low else None


def _agent(order: IronOrder) -> Finding:
    outside = not is_esrd(order.chart) and order.reason_is_rls_or_none
    if outside and not order.drug.product.ingredient_names().isdisjoint(_NOT_STUDIED):
        return order_fires(NAME, order, "OS-IV-AGENT", Indicator.INFO, {})
    return quiet(NAME, "agent_fits")


def _boxed_warning(order: IronOrder) -> Finding:
    own = order.drug.product.ingredient_names()
    boxed = [name for name in _BOXED if name in own]
    if not boxed or _tolerated_in_this_course(order):
        return quiet(NAME, "no_boxed_warning")
    lines = order.rules.decisions[NAME].texts[f"boxed_{boxed[0].replace(' ', '_')}"]
    return order_fires(NAME, order, "OS-IV-BOX", Indicator.INFO, {"boxed_lines": lines}, why=())


def _tolerated_in_this_course(order: IronOrder) -> bool:
    days = order.rules.limit("iv.one_course_days").days
    own = order.drug.product.ingredient_names()
    return any(
        drug.given_on and drug.given_on.within_days(days, order.chart.today)
        for drug in order.chart.drugs
        if not own.isdisjoint(drug.product.ingredient_names())
    )


def _remove(order: IronOrder, *, recommended: bool = False) -> tuple[Suggestion, ...]:
    return (RemoveDraft(order.draft.reference, recommended),)
