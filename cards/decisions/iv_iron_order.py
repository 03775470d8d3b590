"""Draft infusions of iron: allergy, infection, early pregnancy, children, phosphate, agent, boxed warning."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cards.decisions.iron.boxed import boxed
from cards.decisions.iron.called_for import why_no_infusion
from cards.decisions.iron.contraindications import (
    FERRIC_CARBOXYMALTOSE,
    FERUMOXYTOL,
    IRON_DEXTRAN,
    against_infusions,
    against_product,
    enough_phosphate,
    infections,
    low_phosphate,
    phosphate,
    phosphate_in_doubt,
    phosphate_risk,
    phosphate_risk_evidence,
    reactions_that_stop,
    reactions_to,
    reactions_to_infused_iron,
    render_allergens,
)
from cards.decisions.iron.orders import IronOrder, iron_order, iron_order_fires
from cards.decisions.shared.judged import judged_drafts
from cards.decisions.shared.levels import contradicted, numbered, unread, value_unread
from cards.decisions.shared.orders import scope_of, with_evidence
from cards.facts.chart import Chart, Draft, Listing
from cards.facts.drugs import Drug
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
from cards.facts.results import Measure
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd, overload, polycythaemia, probable_overload
from cards.patient.weight import body_weight
from cards.quantity import to_one_place
from cards.wording.phrases import NOTHING, phrase, say

NAME = "iv_iron_order"
_NOT_STUDIED = ("iron sucrose", "sodium ferric gluconate")

Row = Callable[[IronOrder], Finding]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a finding of every row for every selected draft of intravenous iron."""
    drafts = judged_drafts(NAME, chart.drafts, rules)
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
    """Return whether OS-IRON-OVL, OS-IRON-PV or OS-IRON-TSAT45 has fired for this order and carries its warnings."""
    chart = order.chart
    stopped = bool(overload(chart) or probable_overload(chart) or order.studies.blocking)
    return stopped or (bool(polycythaemia(chart)) and chart.listing("labs") is not Listing.NOT_KNOWN)


# ------------------------------------------------------------------ the rows


def _allergy(order: IronOrder) -> Finding:
    if order.chart.listing("allergies") is Listing.NOT_KNOWN:
        return unknown(NAME, "allergies_unknown", not_checked=("allergies",))
    own = order.drug.product.ingredient_names()
    known = reactions_to(order.chart, own) or reactions_to_infused_iron(order.chart)
    if not known:
        return quiet(NAME, "no_allergy")
    critical = bool(reactions_that_stop(order.chart, own))
    words = render_allergens(known)
    severe: dict[str, Fact] = (
        {"reaction": say(order.rules, NAME, "reaction_severe")} if any(each.severe for each in known) else {}
    )
    found = iron_order_fires(
        NAME,
        order,
        "OS-IV-HSR",
        Indicator.CRITICAL if critical else Indicator.WARNING,
        {
            "allergy": words,
            "allergen": words,
            "reaction_step": say(order.rules, NAME, "reaction_step_same" if critical else "reaction_step_other"),
            "reaction_advice": _other_ways(order, critical=critical),
            "premedication": say(order.rules, NAME, "premedication_same" if critical else "premedication_other"),
            **severe,
        },
        why=("allergy", *severe),
        suggestions=_remove(order, recommended=True) if critical else (),
        safety_without_labs=True,
    )
    return with_evidence(found, known)


def _other_ways(order: IronOrder, *, critical: bool) -> Text:
    """Return what to do instead; no other route or product while another card stops every infusion or lets it wait."""
    key = "reaction_same" if critical else "reaction_other"
    beside = (_infection, _early_pregnancy, _in_a_child)
    stopped = _is_stopped(order) or why_no_infusion(order) or any(row(order).outcome is Outcome.FIRES for row in beside)
    return say(order.rules, NAME, f"{key}_alone" if stopped else key)


def _infection(order: IronOrder) -> Finding:
    active = infections(order.chart)
    if not active:
        return quiet(NAME, "not_infected")
    facts: dict[str, Fact] = {"infection": say(order.rules, NAME, "sepsis")}
    found = iron_order_fires(NAME, order, "OS-IV-INFECT", Indicator.WARNING, facts, safety_without_labs=True)
    return with_evidence(found, active)


def _early_pregnancy(order: IronOrder) -> Finding:
    state = pregnancy(order.chart)
    if not state.may_be_first_trimester:
        return quiet(NAME, "not_early_pregnancy")
    if state.days is None:
        words = say(order.rules, NAME, "no_week")
    else:
        words = say(order.rules, NAME, "weeks", weeks=state.days // 7)
    ferritin = order.studies.facts.get("ferritin")
    shown: dict[str, Fact] = {"pregnancy": words, **({"ferritin": ferritin} if ferritin else {})}
    return iron_order_fires(
        NAME,
        order,
        "OS-IV-PREG1",
        Indicator.WARNING,
        {**shown, "until_then": _until_14_weeks(order), "from_then": _from_14_weeks(order)},
        why=tuple(shown),
        texts=() if state.days is not None else ("advice_week_unknown",),
        safety_without_labs=True,
    )


def _until_14_weeks(order: IronOrder) -> Text:
    """Return what is given before an infusion may be: oral iron at a low ferritin alone (clinical amendments, 2)."""
    if _is_stopped(order) or order.studies.is_beyond_the_stop:
        return say(order.rules, NAME, "nothing_until_then")
    low = order.studies.ferritin_meets("ferritin.low")
    return say(order.rules, NAME, "oral_until_then" if low else "prenatal_until_then")


def _from_14_weeks(order: IronOrder) -> Text:
    """Return what an infusion is for from 14 weeks: for RLS little, for another indication what that calls for."""
    other = order.states_another_indication or order.another_problem
    stopped = _is_stopped(order) or order.studies.is_beyond_the_stop
    if order.ferritin and order.studies.ferritin_misses("ferritin.low") and not (stopped or other):
        return say(order.rules, NAME, "not_called_for", ferritin=order.ferritin.quantity)
    key = "then_as_well" if stopped else "then_for_the_other" if other else "then_for_rls"
    return say(order.rules, NAME, key)


def _in_a_child(order: IronOrder) -> Finding:
    if not is_child(order.chart) or order.states_another_indication:
        return quiet(NAME, "adult")
    amount = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    weight = body_weight(order.chart, order.rules)
    facts: dict[str, Fact] = {
        "dose": _childs_dose(order, amount, weight),
        "weight": phrase("iron.weight", kg=to_one_place(weight.value), day=weight.when)
        if weight
        else say(order.rules, NAME, "weight_unknown"),
        **order.studies.facts,
    }
    why = tuple(facts)
    # children on dialysis have no limit of their own
    low = order.studies.ferritin_meets("child.ferritin") and not (is_esrd(order.chart) or _is_stopped(order))
    facts["child_advice"] = say(order.rules, NAME, "child_low" if low else "child_not_low")
    return iron_order_fires(NAME, order, "OS-IV-CHILD", Indicator.WARNING, facts, why=why)


def _childs_dose(order: IronOrder, amount: Decimal | None, weight: Measure | None) -> Text:
    if amount is None:
        return say(order.rules, NAME, "dose_unread")
    if weight is None:
        return say(order.rules, NAME, "dose", mg=amount)
    return say(order.rules, NAME, "dose_by_weight", mg=amount, per_kg=amount / weight.value)


def _phosphate(order: IronOrder) -> Finding:
    if FERRIC_CARBOXYMALTOSE not in order.drug.product.ingredient_names():
        return quiet(NAME, "not_fcm")
    if order.chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    low, reading = low_phosphate(order.chart, order.rules), phosphate(order.chart, order.rules)
    if low:
        words = say(order.rules, NAME, "phosphate_is_low", phosphate=low)
        return _phosphate_card(
            order, Indicator.CRITICAL, {"phosphate": low, **contradicted(reading, low)}, words, "phosphate_correct"
        )
    risk, unused = phosphate_risk(order.chart, order.rules), unread(reading)
    undecided = phosphate_in_doubt(order.chart, order.rules)
    if not undecided and (enough_phosphate(order.chart, order.rules) or not risk):
        return value_unread(NAME, *unused) or quiet(NAME, "phosphate_fits")
    missing = phrase("results.none_within", window=order.rules.limit("phos_days"))
    missing = phrase("results.on_both_sides", result=undecided) if undecided else missing
    facts: dict[str, Fact] = {**risk, "phosphate_missing": missing, **numbered("unusable", unused)}
    last = risk.get("last_iv")
    again = isinstance(last, Drug) and last.given_on
    key, told = ("phosphate_again", {"given": again}) if again else ("phosphate_at_risk", {})
    words = say(order.rules, NAME, key, **told)
    if undecided:
        words = say(order.rules, NAME, "phosphate_open", phosphate=undecided.quantity)
    return _phosphate_card(order, Indicator.WARNING, facts, words, "phosphate_measure")


def _phosphate_card(
    order: IronOrder, indicator: Indicator, facts: dict[str, Fact], words: Text, advice: str
) -> Finding:
    suggest: tuple[Suggestion, ...] = (OrderTests(("phosphate",)),)
    found = iron_order_fires(
        NAME,
        order,
        "OS-IV-FCM-PHOS",
        indicator,
        {
            **facts,
            "phosphate_summary": words,
            "phosphate_advice": say(order.rules, NAME, advice, or_another=_or_another(order)),
        },
        why=tuple(facts),
        suggestions=suggest if indicator is Indicator.WARNING else (),
    )
    return with_evidence(found, phosphate_risk_evidence(order.chart)) if "phosphate_missing" in facts else found


def _or_another(order: IronOrder) -> Text:
    """Return that another intravenous iron may be chosen; nothing where each of them is stopped or not called for."""
    stopped = against_infusions(order.chart) or _is_stopped(order) or why_no_infusion(order)
    return NOTHING if stopped else say(order.rules, NAME, "or_another_iron")


def _agent(order: IronOrder) -> Finding:
    outside = not is_esrd(order.chart) and order.reason_is_rls_or_none
    if not outside or order.drug.product.ingredient_names().isdisjoint(_NOT_STUDIED):
        return quiet(NAME, "agent_fits")
    if against_infusions(order.chart):
        return quiet(NAME, "outranked")
    facts: dict[str, Fact]
    none = why_no_infusion(order) or ("" if order.chart.knows("allergies") else "unread")
    if none:
        facts = {
            "agent_evidence": say(order.rules, NAME, f"agent_{none}"),
            "agent_advice": say(order.rules, NAME, f"agent_{none}_advice"),
        }
        return iron_order_fires(NAME, order, "OS-IV-AGENT", Indicator.INFO, facts, why=())
    first = against_product(order.chart, order.rules, FERRIC_CARBOXYMALTOSE)
    others = [name for name in (IRON_DEXTRAN, FERUMOXYTOL) if not against_product(order.chart, order.rules, name)]
    advice = "agent_first" if not first else "agent_others" if others else "agent_none"
    facts = {
        "agent_evidence": say(order.rules, NAME, "agent_barred", barred=first) if first else _the_evidence(order),
        "agent_advice": say(order.rules, NAME, advice, others=_either(order, others)),
    }
    return iron_order_fires(NAME, order, "OS-IV-AGENT", Indicator.INFO, facts, why=())


def _the_evidence(order: IronOrder) -> Text:
    return say(order.rules, NAME, "agent_evidence")


def _either(order: IronOrder, others: list[str]) -> Text:
    """Return the conditional options as a sentence; nothing where none is left."""
    if not others:
        return NOTHING
    words = say(order.rules, NAME, "agent_" + "_or_".join(name.split()[-1] for name in others))
    return say(order.rules, NAME, "agent_conditional", others=words)


def _boxed_warning(order: IronOrder) -> Finding:
    found = boxed(order)
    if not found:
        return quiet(NAME, "no_boxed_warning")
    if found == FERRIC_CARBOXYMALTOSE and _phosphate(order).outcome is Outcome.FIRES:
        return quiet(NAME, "boxed_on_phosphate")
    name = found.replace(" ", "_")
    facts: dict[str, Fact] = {
        "boxed_lines": say(order.rules, NAME, f"boxed_{name}"),
        "boxed_for": say(order.rules, NAME, f"boxed_for_{name}"),
    }
    return iron_order_fires(NAME, order, "OS-IV-BOX", Indicator.INFO, facts, why=())


def _remove(order: IronOrder, *, recommended: bool = False) -> tuple[Suggestion, ...]:
    return (RemoveDraft(order.draft.reference, recommended),)
