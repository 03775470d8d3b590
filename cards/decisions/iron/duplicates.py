"""A second iron product beside an iron order, or an infusion too soon after the last one."""

from __future__ import annotations

from dataclasses import replace

from cards.decisions.iron.orders import IronOrder, iron_order_fires
from cards.decisions.iron.treatment import exceeds_low_dose, render_due
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import drafts_beside, is_same_order, scope_of
from cards.facts.chart import Chart, Draft
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, quiet
from cards.knowledge.limits import is_recent, meets, misses
from cards.knowledge.rules import Rules
from cards.patient.status import is_esrd
from cards.patient.unread import undated_infusions
from cards.wording.phrases import say

NAME = "iron_order"
_TREATMENT = ("iron-oral", "iron-iv")
#: What is advised where no iron is given before new iron studies, or before an infusion is dated.
_WAITS = frozenset({"advice_recheck_first", "advice_too_soon", "advice_too_soon_ordered", "advice_infused",
                    "advice_infusion_ordered", "advice_undated"})  # fmt: skip
#: What is advised about two irons of which one at least is meant.
_FOR_A_SECOND = frozenset({"advice_same_product", "advice_second_product"}) | _WAITS


def with_plan(finding: Finding, rules: Rules, *, is_advised_against: bool) -> Finding:
    """Return the finding on a second iron with its plan, and any other as it is.

    Where another card of the basket advises against iron, the one that is taken already is to be looked at as well.
    """
    if finding.card != "OS-IRON-DUP":
        return finding
    plan = say(rules, NAME, "plan_review" if is_advised_against else "plan_one")
    texts = tuple(text for text in finding.texts if not (is_advised_against and text in _FOR_A_SECOND))
    return replace(finding, facts={**finding.facts, "plan": plan}, texts=texts)


def asks_to_wait(finding: Finding) -> bool:
    """Return whether a finding on a second iron asks to give none before something else is known."""
    return finding.card == "OS-IRON-DUP" and not _WAITS.isdisjoint(finding.texts)


def duplicate(order: IronOrder) -> Finding:
    """Return the finding on another iron product of treatment dose, or an infusion too soon after the last one."""
    too_soon = infusion_too_soon(order)
    if too_soon:
        return too_soon
    if order.is_low_dose_product:
        return quiet(NAME, "no_duplicate")
    infused = _infused(order)
    active = [drug for drug in order.chart.drugs_that_go_on(*_TREATMENT) if _is_second(order, drug, infused)]
    active += infused
    others = [drug for drug in active if not (_is_refill(order, drug) and _is_rechecked(order, drug))]
    drafts = [draft for draft in drafts_beside(order.chart, order.draft) if _is_second_draft(order, draft)]
    if any(_is_told_with(order, draft) for draft in drafts):
        return quiet(NAME, "no_duplicate")  # reported once, on the first order of the call or the graver one
    if not others and not drafts:
        return quiet(NAME, "refill" if active else "no_duplicate")
    if others and not drafts and all(_is_refill(order, drug) for drug in others):
        return _refill_without_recheck(order, others)
    drugs = [*others, *(draft.drug for draft in drafts if draft.drug)]
    facts = numbered("duplicate", drugs)
    why = tuple(facts)
    which = _which(order, others, infused)
    facts |= {"duplicate_summary": say(order.rules, NAME, which, **_dated(order)), **_dated(order)}
    texts = (_ADVICE[which], *(("two_irons",) if drafts else ()))
    return iron_order_fires(NAME, order, "OS-IRON-DUP", Indicator.INFO, facts, texts=texts, why=why)


#: What to consider, by what the summary says of the second iron.
_ADVICE = {
    "duplicate_infused": "advice_infused",
    "duplicate_ordered": "advice_infusion_ordered",
    "duplicate_undated": "advice_undated",
    "duplicate_same": "advice_same_product",
    "duplicate_active": "advice_second_product",
    "duplicate_in_basket": "advice_second_product",
}


def _infused(order: IronOrder) -> list[Drug]:
    """Return the infusions that are treatment under way, or may be, as no day is recorded.

    What was given counts whatever became of its order (clinical rationale 4.8). Where an infusion is ordered, the one
    before it has a rule of its own, and so has another plan for iron.
    """
    treatment = order.studies.treatment
    last = [treatment.last_iv] if treatment.last_iv and treatment.iv_counts and not order.is_iv else []
    undated = [] if order.is_iv and _other_iron_plan(order) else undated_infusions(order.chart)
    return [drug for drug in (*last, *undated) if not is_same_order(drug, order.draft)]


def _dated(order: IronOrder) -> dict[str, Fact]:
    """Return the day of the last infusion and when iron studies are meaningful after it; nothing without one."""
    treatment = order.studies.treatment
    if treatment.infusion_day is None or treatment.washed_out_on is None:
        return {}
    return {"given": treatment.infusion_day, "recheck_when": render_due(treatment.washed_out_on, order.chart.today)}


def _which(order: IronOrder, others: list[Drug], infused: list[Drug]) -> str:
    """Return what the summary says of the second iron, as a key of the texts."""
    if not others:
        return "duplicate_in_basket"
    if infused and not is_esrd(order.chart):  # on dialysis nephrology plans the next iron
        treatment = order.studies.treatment
        told = "duplicate_ordered" if treatment.infusion_is_only_ordered else "duplicate_infused"
        return told if treatment.last_iv in infused else "duplicate_undated"
    own = order.drug.product.ingredient_names()
    same = all(drug.product.ingredient_names() == own for drug in others)
    return "duplicate_same" if same else "duplicate_active"


def _is_second(order: IronOrder, drug: Drug, infused: list[Drug]) -> bool:
    """Return whether an active drug is another product of treatment dose, beside the infusions told already."""
    if is_same_order(drug, order.draft) or drug in infused:
        return False
    if drug.has("iron-iv"):
        return not _was_given(drug, order.chart)
    return exceeds_low_dose((drug,), order.chart, order.rules)


def _was_given(drug: Drug, chart: Chart) -> bool:
    """Return whether an infusion was given, by its own record or by that of an administration since its order.

    One that is ordered for a day ahead as well was not yet given whole.
    """
    if drug.planned_on is not None:
        return False
    if drug.given_on or drug.start is None:
        return drug.given_on is not None
    own, ordered = drug.product.ingredient_names(), drug.start.first
    return any(
        each.given_on is not None and each.given_on.last >= ordered and each.product.ingredient_names() == own
        for each in chart.drugs
    )


def _is_refill(order: IronOrder, drug: Drug) -> bool:
    """Return whether the order goes on with an oral product, at no higher dose, once most of a pack is used up.

    Never where ferritin says that iron is no longer needed.
    """
    same = drug.product.ingredient_names() == order.drug.product.ingredient_names()
    if order.is_iv or drug.has("iron-iv") or not same or order.studies.ferritin_misses("ferritin.mid"):
        return False
    begun = drug.start.days_before(order.chart.today) if drug.start else None
    return meets(begun, order.rules.limit("refill_days")) and not _is_higher(order, drug)


def _is_higher(order: IronOrder, drug: Drug) -> bool:
    """Return whether the order brings or may bring more iron a day; of two unread doses neither is the higher."""
    now = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    before = drug.daily.elemental_iron_mg if drug.daily else None
    if now is None or before is None:
        return now is not before
    return now > before


def _is_rechecked(order: IronOrder, drug: Drug) -> bool:
    """Return whether no recheck is due yet, or a ferritin drawn long enough after the start is recent enough."""
    if drug.start is None:
        return False
    chart, rules = order.chart, order.rules
    if misses(drug.start.days_before(chart.today), rules.limit("oral_recheck")):
        return True
    long_enough, window = rules.limit("oral_recheck_drawn"), rules.limit("fresh_days_on_iron")
    return any(
        meets(each.when.days_since(drug.start.last), long_enough) and is_recent(each.when, window, chart.today)
        for each in chart.results("ferritin")
    )


def _refill_without_recheck(order: IronOrder, drugs: list[Drug]) -> Finding:
    facts = numbered("duplicate", drugs)
    why = tuple(facts)
    facts["duplicate_summary"] = say(order.rules, NAME, "duplicate_refill")
    texts = ("advice_recheck_first",)
    return iron_order_fires(NAME, order, "OS-IRON-DUP", Indicator.INFO, facts, texts=texts, why=why)


def _is_second_draft(order: IronOrder, draft: Draft) -> bool:
    sent_twice = bool(draft.reference) and draft.reference == order.draft.reference
    if draft.drug is None or sent_twice:
        return False
    low_dose = draft.drug.has("iron-oral") and not exceeds_low_dose((draft.drug,), order.chart, order.rules)
    return draft.drug.has(*_TREATMENT) and not low_dose


def _is_told_with(order: IronOrder, draft: Draft) -> bool:
    """Return whether the finding on another draft already says that there are two: the first, or the graver one."""
    if draft.drug is None or not draft.selected or not scope_of(order.chart, draft):
        return False
    is_earlier = draft.number < order.draft.number
    return is_earlier or infusion_too_soon(replace(order, draft=draft, drug=draft.drug)) is not None


def infusion_may_be_too_soon(order: IronOrder) -> bool:
    """Return whether the last infusion is too recent for the one ordered, or may be, as no day is recorded."""
    return order.is_iv and bool(infusion_too_soon(order) or _infused(order))


def infusion_too_soon(order: IronOrder) -> Finding | None:
    """Return a card if the last infusion was 15 to 56 days ago and no ferritin has been drawn since."""
    treatment, chart = order.studies.treatment, order.chart
    day, recheck = treatment.infusion_day, treatment.washed_out_on
    if not order.is_iv or day is None or recheck is None or _other_iron_plan(order):
        return None
    one_course = meets(day.days_before(chart.today), order.rules.limit("iv.one_course_days"))
    drawn_since = any(result.when.first > day.last for result in chart.results("ferritin"))
    if one_course or not treatment.iv_counts or drawn_since:
        return None
    told = "duplicate_too_soon_ordered" if treatment.infusion_is_only_ordered else "duplicate_too_soon"
    facts: dict[str, Fact] = {
        **({"last_iv": treatment.last_iv} if treatment.last_iv else {}),
        "recheck": recheck,
        "duplicate_summary": say(order.rules, NAME, told, given=day, recheck=recheck),
    }
    due = (OrderTests(("ferritin", "iron-panel")),) if recheck <= chart.today else ()
    facts["recheck_when"] = render_due(recheck, chart.today)
    # Heart failure or kidney disease in words alone may have a plan of its own, which no code confirms.
    indicator = Indicator.INFO if order.drug.reasons.in_words else Indicator.WARNING
    second = any(_is_second_draft(order, draft) for draft in drafts_beside(chart, order.draft))
    advice = "advice_too_soon_ordered" if treatment.infusion_is_only_ordered else "advice_too_soon"
    texts = (advice, *(("two_irons",) if second else ()))
    return iron_order_fires(
        NAME, order, "OS-IRON-DUP", indicator, facts, texts=texts, why=("last_iv", "recheck"), suggestions=due
    )


def _other_iron_plan(order: IronOrder) -> bool:
    """Return whether dialysis, kidney disease or heart failure calls for an iron plan of its own.

    The last two count only as the stated reason.
    """
    stated = order.drug.reasons.concepts
    return is_esrd(order.chart) or not stated.isdisjoint({"ckd", "ckd-stage-5", "esrd", "heart-failure"})
