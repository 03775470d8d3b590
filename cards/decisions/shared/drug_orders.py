"""Draft orders of drugs other than iron: which are judged, what their rules need, and findings about them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.firing import fires
from cards.decisions.shared.judged import is_for_rls, judged_drafts
from cards.decisions.shared.orders import drugs_taken_beside, earlier_orders, scope_of
from cards.facts.chart import Chart, Draft, Listing
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Suggestion, quiet, unknown
from cards.knowledge.rules import Rules
from cards.patient.awaited import awaited_orders
from cards.values import frozen


@frozen
class DrugOrder:
    """One selected draft of a drug over one chart."""

    chart: Chart
    rules: Rules
    draft: Draft
    drug: Drug

    @property
    def is_multi_ingredient(self) -> bool:
        return self.drug.has("multi-ingredient")

    @property
    def reason_is_rls(self) -> bool:
        """Return whether the order states RLS as its reason."""
        return is_for_rls(self.drug)

    def renews(self, *classes: str) -> bool:
        """Return whether an earlier order of the ingredient is of one of these classes (clinical rationale 4.8)."""
        return any(drug.has(*classes) for drug in earlier_orders(self.chart, self.draft))

    def daily_mg(self, drug_class: str) -> Decimal | None:
        """Return what the order brings of the ingredients of a class in mg a day, or None where it cannot be read."""
        return daily_mg_of_class(self.drug, drug_class)

    def has_reason_or_diagnosis(self, *concepts: str) -> bool:
        """Return whether one of these concepts is the stated reason or a diagnosis on the chart."""
        stated = not self.drug.reasons.concepts.isdisjoint(concepts)
        return stated or bool(self.chart.diagnosed(*concepts))

    def beside(self, *classes: str) -> tuple[Drug, ...]:
        """Return drugs of these classes that are active, or in another order of the call."""
        return tuple(drug for drug in drugs_taken_beside(self.chart, self.draft) if drug.has(*classes))


Judge = Callable[[DrugOrder], Finding]


def judge_each(decision: str, chart: Chart, rules: Rules, judge: Judge) -> tuple[Finding, ...]:
    """Return one finding per draft that the decision judges, or why there is none to judge."""
    orders, outside = orders_in_scope(decision, chart, rules)
    return (*outside, *(judge(order) for order in orders))


def orders_in_scope(decision: str, chart: Chart, rules: Rules) -> tuple[tuple[DrugOrder, ...], tuple[Finding, ...]]:
    """Return the orders to judge, and findings that say why others are not judged."""
    drafts = judged_drafts(decision, chart.drafts, rules)
    orders = tuple(DrugOrder(chart, rules, draft, draft.drug) for draft in drafts if draft.drug)
    if not orders:
        return (), (quiet(decision, "no_draft"),)
    outside = tuple(finding for order in orders if (finding := out_of_scope(decision, chart, order.draft)))
    return tuple(order for order in orders if scope_of(chart, order.draft)), outside


def out_of_scope(decision: str, chart: Chart, draft: Draft) -> Finding | None:
    """Return why order rules do not apply to a draft, or None where they do."""
    applies = scope_of(chart, draft)
    if applies is None:
        return unknown(decision, "out_of_scope", ("conditions",))
    return None if applies else quiet(decision, "out_of_scope")


def value_may_be_cut_off(decision: str, chart: Chart) -> Finding | None:
    """Return an unknown finding where the value may stand in the unread part of the results, else None."""
    return unknown(decision, "labs_cut", not_checked=("labs",)) if chart.listing("labs") is Listing.CUT else None


def awaited_tests(chart: Chart, rules: Rules) -> frozenset[str]:
    """Return every test of the draft orders, and those ordered recently and still awaited."""
    drafted = (draft.tests for draft in chart.drafts)
    placed = (order.tests for order in awaited_orders(chart, rules))
    return frozenset().union(*drafted, *placed)


def is_ordered(chart: Chart, rules: Rules, *tests: str) -> bool:
    """Return whether one of these tests is among the draft orders, or still awaited."""
    return not awaited_tests(chart, rules).isdisjoint(tests)


def order_fires(
    decision: str,
    orders: tuple[DrugOrder, ...],
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    why: tuple[str, ...] | None = None,
    texts: tuple[str, ...] = (),
    suggestions: tuple[Suggestion, ...] = (),
    not_checked: tuple[str, ...] = (),
) -> Finding:
    """Return the finding about one or several drafts of one kind."""
    return fires(
        decision,
        card,
        orders[0].chart,
        orders[0].rules,
        facts,
        indicator=indicator,
        why=why,
        texts=texts,
        suggestions=suggestions,
        drafts=tuple(order.draft for order in orders),
        not_checked=not_checked,
    )
