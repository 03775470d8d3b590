"""Draft supplements whose stated reason is RLS, without a level that shows a lack (amendments, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from cards.chart import Chart, Drug, Listing
from cards.drug_orders import DrugOrder, is_for_rls, is_ordered, order_fires, orders_in_scope
from cards.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.levels import level, numbered
from cards.rules import Rules
from cards.scope import pregnancy

NAME = "supplement_order"
_NOT_SUPPLEMENTS = ("laxative", "antacid", "bowel-preparation")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A drug class with the analyte that would show the lack, the words for it, and whether a dose counts."""

    drug_class: str
    analyte: str
    words: str
    counts: Callable[[DrugOrder], bool]


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """One card for all such drafts of the basket."""
    classes = tuple(kind.drug_class for kind in _KINDS)
    orders, outside = orders_in_scope(NAME, chart, rules, classes, _concerns)
    asked = tuple(order for order in orders if _kinds_of(order))
    if not asked:
        return outside or (quiet(NAME, "nothing_new"),)
    expected = _is_expected(chart, rules)
    if expected:
        return (*outside, quiet(NAME, expected))
    return (*outside, _by_levels(chart, rules, asked))


def _concerns(drug: Drug) -> bool:
    """A single supplement given for RLS."""
    return is_for_rls(drug) and not drug.has("multi-ingredient", *_NOT_SUPPLEMENTS)


def _kinds_of(order: DrugOrder) -> tuple[_Kind, ...]:
    """What the order brings in a dose that counts, and does not renew."""
    return tuple(
        kind
        for kind in _KINDS
        if order.drug.has(kind.drug_class) and kind.counts(order) and not order.renews(kind.drug_class)
    )


def _is_expected(chart: Chart, rules: Rules) -> str:
    """Why supplements are usual for this patient, as a key of `because`."""
    age = chart.age
    if age is not None and not rules.limit("supp.age_from").value <= age < rules.limit("supp.age_until").value:
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
        return unknown(NAME, "labs_cut", ())
    return _card(rules, missing)


def _without_level(order: DrugOrder) -> tuple[_Kind, ...]:
    """The kinds without a usable level that is known or asked for."""
    return tuple(
        kind
        for kind in _kinds_of(order)
        if level(order.chart, order.rules, kind.analyte, "vitamin_days").result is None
        and not is_ordered(order.chart, order.rules, kind.analyte)
    )


def _card(rules: Rules, missing: list[tuple[DrugOrder, tuple[_Kind, ...]]]) -> Finding:
    kinds = tuple(dict.fromkeys(kind for _, found in missing for kind in found))
    drugs = dict.fromkeys(order.drug.product.name for order, _ in missing)
    levels = ", ".join(kind.words for kind in kinds)
    days = rules.limit("vitamin_days").days
    facts: dict[str, Fact] = {**numbered("drug", drugs), "level_missing": f"{levels}: none usable within {days} days"}
    return order_fires(
        NAME,
        tuple(order for order, _ in missing),
        "OS-SUPP-NOLAB",
        Indicator.INFO,
        facts,
        why=tuple(facts),
        suggest=tuple(OrderTests((kind.analyte,)) for kind in kinds),
    )


# ------------------------------------------------------------------ the kinds


def _pyridoxine_counts(order: DrugOrder) -> bool:
    dose = order.daily_mg("b6")
    return dose is not None and dose > order.rules.limit("supp.b6").value


def _vitamin_d_counts(order: DrugOrder) -> bool:
    """By the day; 50,000 IU once a week is more than 7,000 IU a day."""
    doses = order.drug.daily.international_units.values() if order.drug.daily else ()
    known = [dose for dose in doses if dose is not None]
    return sum(known, Decimal(0)) > order.rules.limit("supp.vitd").value


def _always(order: DrugOrder) -> bool:
    return True


_KINDS = (
    _Kind("b6", "plp", "vitamin B6", _pyridoxine_counts),
    _Kind("magnesium-oral", "magnesium", "magnesium", _always),
    _Kind("b12", "b12", "vitamin B12", _always),
    _Kind("vitd", "vitd", "25-OH vitamin D", _vitamin_d_counts),
)
