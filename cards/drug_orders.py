"""Draft orders of drugs beside iron: which ones are judged, what their rules need to know, and findings about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from cards.chart import Chart, Draft, Drug, Listing
from cards.drugs.ingredients import ingredients
from cards.finding import Fact, Finding, Indicator, Suggestion, quiet, unknown
from cards.orders import about_drafts, earlier_orders, is_same_order, scope_of
from cards.person_in_words import person_in_words
from cards.rules import Rules


@dataclass(frozen=True, slots=True)
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
        return is_for_rls(self.drug)

    def renews(self, *classes: str) -> bool:
        """An earlier order of the same ingredient, of one of these classes (clinical page 4.8)."""
        return any(drug.has(*classes) for drug in earlier_orders(self.chart, self.draft))

    def daily_mg(self, drug_class: str) -> Decimal | None:
        """What the order brings of the ingredients of a class, in mg a day; `None` where that cannot be read."""
        return daily_mg(self.drug, drug_class)

    def has_reason_or_diagnosis(self, *concepts: str) -> bool:
        stated = not self.drug.reasons.concepts.isdisjoint(concepts)
        return stated or bool(self.chart.diagnosed(*concepts))

    def beside(self, *classes: str) -> tuple[Drug, ...]:
        """Drugs of these classes that are active, or in another order of the basket."""
        return tuple(drug for drug in _others(self.chart, self.draft) if drug.has(*classes))


Judge = Callable[[DrugOrder], Finding]


def is_for_rls(drug: Drug) -> bool:
    """The stated reason is RLS, be it in words alone."""
    return drug.reasons.name_rls or drug.reasons.rls_in_words_only


def daily_mg(drug: Drug, drug_class: str) -> Decimal | None:
    """Milligrams a day of the ingredients of a class; `None` where one of them cannot be read."""
    known = ingredients()
    names = [name for name in drug.product.ingredient_names() if name in known and drug_class in known[name].classes]
    doses = [drug.daily.mg.get(name) if drug.daily else None for name in names]
    read = [dose for dose in doses if dose is not None]
    return sum(read, Decimal(0)) if read and len(read) == len(doses) else None


def judge_each(
    decision: str, chart: Chart, rules: Rules, classes: tuple[str, ...], judge: Judge
) -> tuple[Finding, ...]:
    """One finding per selected draft of these classes; where there is none, or it is out of scope, that is said."""
    orders, outside = orders_in_scope(decision, chart, rules, classes)
    return (*outside, *(judge(order) for order in orders))


def orders_in_scope(
    decision: str,
    chart: Chart,
    rules: Rules,
    classes: tuple[str, ...],
    concerns: Callable[[Drug], bool] = lambda drug: True,
) -> tuple[tuple[DrugOrder, ...], tuple[Finding, ...]]:
    """The orders to judge, and findings that say why others are not.

    `concerns` narrows the classes by what the order itself says; what it leaves out is no draft of this kind.
    """
    drugs = ((draft, draft.drug) for draft in chart.drafts if draft.selected and draft.drug)
    orders = tuple(
        DrugOrder(chart, rules, draft, drug) for draft, drug in drugs if drug.has(*classes) and concerns(drug)
    )
    if not orders:
        return (), (quiet(decision, "no_draft"),)
    outside = tuple(finding for order in orders if (finding := out_of_scope(decision, chart, order.draft)))
    return tuple(order for order in orders if scope_of(chart, order.draft)), outside


def out_of_scope(decision: str, chart: Chart, draft: Draft) -> Finding | None:
    """Why order rules do not apply to a draft; `None` where they do."""
    applies = scope_of(chart, draft)
    if applies is None:
        return unknown(decision, "out_of_scope", ("conditions",))
    return None if applies else quiet(decision, "out_of_scope")


def without_labs(decision: str, chart: Chart) -> Finding | None:
    """The answer where the question needs results and none could be read."""
    return unknown(decision, "labs_unknown", ("labs",)) if chart.listing("labs") is Listing.NOT_KNOWN else None


def value_may_be_cut_off(decision: str, chart: Chart) -> Finding | None:
    """No value was found, and the list of results was not read to its end: it may exist."""
    return unknown(decision, "labs_cut", ("labs",)) if chart.listing("labs") is Listing.CUT else None


def awaited_tests(chart: Chart, rules: Rules) -> frozenset[str]:
    """Every test of the basket, and those ordered recently and still awaited."""
    days = rules.limit("test_order_days").days
    drafted = (draft.tests for draft in chart.drafts)
    placed = (
        order.tests
        for order in chart.lab_orders
        if order.active and order.when is not None and order.when.within_days(days, chart.today)
    )
    return frozenset().union(*drafted, *placed)


def is_ordered(chart: Chart, rules: Rules, *tests: str) -> bool:
    """One of these tests is in the basket, or still awaited."""
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
    suggest: tuple[Suggestion, ...] = (),
    not_checked: tuple[str, ...] = (),
) -> Finding:
    """The finding about one or several drafts of one kind; the patient in words stands before the facts."""
    first = orders[0]
    person = person_in_words(first.chart, first.rules.limit("cause_age_women").days)
    return about_drafts(
        decision,
        tuple(order.draft for order in orders),
        card,
        indicator,
        {"person": person, **facts},
        why=("person", *(tuple(facts) if why is None else why)),
        texts=texts,
        suggest=suggest,
        not_checked=not_checked,
    )


def _others(chart: Chart, own: Draft) -> Iterator[Drug]:
    yield from (drug for drug in chart.drugs if drug.active and not is_same_order(drug, own))
    yield from (draft.drug for draft in chart.drafts if draft.drug and draft.number != own.number)
