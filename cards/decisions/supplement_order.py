"""Draft supplements whose stated reason is RLS, without a level that shows a deficiency (clinical amendments 4)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cards.decisions.shared.basket_doses import basket_dose
from cards.decisions.shared.doses import daily_mg_of_class
from cards.decisions.shared.drug_orders import DrugOrder, is_ordered, order_fires, orders_in_scope
from cards.decisions.shared.levels import level, numbered
from cards.facts.chart import Chart, Listing
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.knowledge.limits import meets, misses
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.values import frozen
from cards.wording.phrases import listed, printed, say

NAME = "supplement_order"


@frozen
class _Kind:
    """A drug class with the analyte that would show a deficiency, and whether a dose counts."""

    drug_class: str
    analyte: str
    counts: Callable[[DrugOrder], bool]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one card for all such drafts of the call."""
    orders, outside = orders_in_scope(NAME, chart, rules)
    asked = tuple(order for order in orders if _kinds_of(order))
    if not asked:
        return outside or (quiet(NAME, "nothing_new"),)
    expected = _is_expected(chart, rules)
    if expected:
        return (*outside, quiet(NAME, expected))
    return (*outside, _by_levels(chart, rules, asked))


def _kinds_of(order: DrugOrder) -> tuple[_Kind, ...]:
    """Return the supplements that the order brings in a dose that counts, and does not renew."""
    return tuple(
        kind
        for kind in _KINDS
        if order.drug.has(kind.drug_class) and kind.counts(order) and not order.renews(kind.drug_class)
    )


def _is_expected(chart: Chart, rules: Rules) -> str:
    """Return why supplements are usual for this patient, as a key of `because`."""
    if misses(chart.age, rules.limit("supp.age_from")) or misses(chart.age, rules.limit("supp.age_until")):
        return "age"
    if pregnancy(chart).is_pregnant:
        return "pregnancy"
    return "bones_or_sugar" if chart.diagnosed("prediabetes", "osteoporosis") else ""


def _by_levels(chart: Chart, rules: Rules, orders: tuple[DrugOrder, ...]) -> Finding:
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(NAME, "labs_unknown", ("labs",))
    missing = [(order, kinds) for order in orders if (kinds := _without_level(order))]
    if not missing:
        return quiet(NAME, "level_known")
    if chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut", not_checked=("labs",))
    return _card(rules, missing)


def _without_level(order: DrugOrder) -> tuple[_Kind, ...]:
    """Return the kinds for which no usable level is known or ordered."""
    return tuple(
        kind
        for kind in _kinds_of(order)
        if level(order.chart, order.rules, kind.analyte, "vitamin_days").result is None
        and not is_ordered(order.chart, order.rules, kind.analyte)
    )


def _card(rules: Rules, missing: list[tuple[DrugOrder, tuple[_Kind, ...]]]) -> Finding:
    kinds = tuple(dict.fromkeys(kind for _, found in missing for kind in found))
    drugs = dict.fromkeys(printed(order.drug) for order, _ in missing)
    levels = listed(say(rules, NAME, f"level_of_{kind.analyte}") for kind in kinds)
    facts: dict[str, Fact] = {**numbered("drug", drugs), "level_missing": say(rules, NAME, "no_level", levels=levels)}
    return order_fires(
        NAME,
        tuple(order for order, _ in missing),
        "OS-SUPP-NOLAB",
        Indicator.INFO,
        facts,
        why=tuple(facts),
        suggestions=tuple(OrderTests((kind.analyte,)) for kind in kinds),
    )


# ------------------------------------------------------------------ the kinds


def _pyridoxine_counts(order: DrugOrder) -> bool:
    return meets(basket_dose(order, "b6", daily_mg_of_class).known, order.rules.limit("supp.b6"))


def _vitamin_d_counts(order: DrugOrder) -> bool:
    """Return whether the dose counts, by the day: 50,000 IU once a week is more than 7,000 IU a day."""
    doses = order.drug.daily.international_units.values() if order.drug.daily else ()
    known = [dose for dose in doses if dose is not None]
    return meets(sum(known, Decimal(0)), order.rules.limit("supp.vitd"))


def _always(order: DrugOrder) -> bool:
    return True


_KINDS = (
    _Kind("b6", "plp", _pyridoxine_counts),
    _Kind("magnesium-oral", "magnesium", _always),
    _Kind("b12", "b12", _always),
    _Kind("vitd", "vitd", _vitamin_d_counts),
)
