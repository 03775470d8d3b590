"""A second iron product beside an iron order, or an infusion too soon after the last one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cards.chart import Draft, Drug
from cards.finding import Fact, Finding, Indicator, OrderTests, quiet
from cards.iron.orders import IronOrder, order_fires
from cards.iron.treatment import due_in_words, exceeds_low_dose
from cards.orders import is_same_order, scope_of
from cards.scope import is_esrd

NAME = "iron_order"
_TREATMENT = ("iron-oral", "iron-iv")


def duplicate(order: IronOrder) -> Finding:
    """Another iron product of treatment dose; or an infusion too soon after the last one."""
    too_soon = _infusion_too_soon(order)
    if too_soon:
        return too_soon
    if order.is_low_dose:
        return quiet(NAME, "no_duplicate")
    others = [drug for drug in order.chart.active_drugs(*_TREATMENT) if _is_second(order, drug)]
    drafts = [draft for draft in order.chart.drafts if _is_second_draft(order, draft)]
    if not others and not drafts:
        return quiet(NAME, "no_duplicate")
    if drafts and not others and any(_is_judged_before(order, draft) for draft in drafts):
        return quiet(NAME, "no_duplicate")  # said once, on the first order of the basket that is judged
    words = "another iron product is active" if others else "the basket holds a second iron order"
    drugs = [*others, *(draft.drug for draft in drafts if draft.drug)]
    facts: dict[str, Fact] = {f"duplicate{number or ''}": drug for number, drug in enumerate(drugs)}
    why = tuple(facts)
    texts = ("advice_second_product", *(("two_irons",) if drafts else ()))
    return order_fires(
        NAME, order, "OS-IRON-DUP", Indicator.INFO, {**facts, "duplicate_summary": words}, texts=texts, why=why
    )


def _is_second(order: IronOrder, drug: Drug) -> bool:
    """Another product of treatment dose; earlier infusions have a rule of their own where an infusion is ordered."""
    if is_same_order(drug, order.draft):
        return False
    if drug.has("iron-iv") and drug.given_on:
        return not order.is_iv and order.studies.treatment.iv_counts
    if drug.has("iron-iv"):
        return True
    return exceeds_low_dose((drug,), order.rules.limit("fe.lowdose").value)


def _is_second_draft(order: IronOrder, draft: Draft) -> bool:
    sent_twice = bool(draft.reference) and draft.reference == order.draft.reference
    if draft.drug is None or sent_twice or draft.number == order.draft.number:
        return False
    low_dose = draft.drug.has("iron-oral") and not exceeds_low_dose(
        (draft.drug,), order.rules.limit("fe.lowdose").value
    )
    return draft.drug.has(*_TREATMENT) and not low_dose and not is_same_order(draft.drug, order.draft)


def _is_judged_before(order: IronOrder, draft: Draft) -> bool:
    """Its own finding says already that there are two; that of an infusion too soon speaks of something else."""
    if draft.drug is None or not draft.selected or draft.number > order.draft.number:
        return False
    own = replace(order, draft=draft, drug=draft.drug)
    return bool(scope_of(order.chart, draft)) and _infusion_too_soon(own) is None


def _infusion_too_soon(order: IronOrder) -> Finding | None:
    """The last infusion was 15 to 56 days ago and no ferritin has been drawn since."""
    treatment, chart = order.studies.treatment, order.chart
    given = treatment.infused_on
    if not order.is_iv or given is None or treatment.last_iv is None or _other_iron_plan(order):
        return None
    days = (chart.today - given).days
    one_course = order.rules.limit("iv.one_course_days").days
    drawn_since = any(result.when.first > given for result in chart.results("ferritin"))
    if not one_course < days <= treatment.washout or drawn_since:
        return None
    recheck = given + timedelta(days=treatment.washout)
    facts: dict[str, Fact] = {
        "last_iv": treatment.last_iv,
        "recheck": recheck,
        "duplicate_summary": f"last infusion {given}, no ferritin since; wait and recheck from {recheck}",
    }
    due = (OrderTests(("ferritin", "iron-panel")),) if recheck <= chart.today else ()
    facts["recheck_when"] = due_in_words(recheck, chart.today)
    texts = ("advice_too_soon",)
    return order_fires(
        NAME, order, "OS-IRON-DUP", Indicator.WARNING, facts, texts=texts, why=("last_iv", "recheck"), suggest=due
    )


def _other_iron_plan(order: IronOrder) -> bool:
    """Dialysis, and kidney disease or heart failure as the stated reason, have iron plans of their own."""
    stated = order.drug.reasons.concepts
    return is_esrd(order.chart) or not stated.isdisjoint({"ckd", "ckd-stage-5", "esrd", "heart-failure"})
