"""The dose of an iron order: elemental iron a day, and per kilogram of a child."""

from __future__ import annotations

from decimal import Decimal

from cards.chart import Measure
from cards.definitions import whole
from cards.finding import Fact, Finding, Indicator, ReviseDraft, Suggestion, quiet
from cards.iron.orders import IronOrder, order_fires
from cards.quantity import plain, to_one_place
from cards.scope import is_child

NAME = "iron_order"


def dose(order: IronOrder) -> Finding:
    """Elemental iron a day, and per kilogram in a child; silent where salt or dose cannot be told."""
    daily = order.drug.daily
    amount = daily.elemental_iron_mg if daily else None
    if order.is_iv or daily is None or amount is None or not daily.iron_salt_known:
        return quiet(NAME, "dose_unread")
    if is_child(order.chart):
        found = _child_dose(order, amount)
        if found:
            return found
    if amount > order.rules.limit("fe.day").value:
        return _dose_card(order, Indicator.WARNING, amount, f"more than {plain(order.rules.limit('fe.day').value)}")
    if amount > order.rules.limit("fe.freq").value:
        return _dose_card(order, Indicator.INFO, amount, f"more than {plain(order.rules.limit('fe.freq').value)}")
    return quiet(NAME, "dose_fits")


def _child_dose(order: IronOrder, amount: Decimal) -> Finding | None:
    weight = body_weight(order)
    limit = order.rules.limit("fe.child_kg_day").value
    if weight is None:
        most = order.rules.limit("fe.day").value
        above = f", more than {plain(most)}" if amount > most else ""
        words = f"{_printed(amount)} mg elemental iron a day{above}; no body weight to check the dose per kilogram"
        facts: dict[str, Fact] = {"dose": words, "dose_summary": words}
        indicator = Indicator.WARNING if above else Indicator.INFO
        return order_fires(NAME, order, "OS-IRON-DOSE", indicator, facts, texts=("no_weight",), why=("dose",))
    if amount > limit * weight.value:
        per_kg = (amount / weight.value).quantize(Decimal("0.1"))
        words = f"{plain(per_kg)} mg/kg elemental iron a day, more than {plain(limit)}"
        shown = f"{_printed(amount)} mg elemental iron a day, body weight {plain(weight.value)} kg ({weight.when.text})"
        facts = {"dose": shown, "dose_summary": words}
        return order_fires(NAME, order, "OS-IRON-DOSE", Indicator.WARNING, facts, why=("dose",))
    return None


def _printed(amount: Decimal) -> str:
    return plain(to_one_place(amount))


def body_weight(order: IronOrder) -> Measure | None:
    """The latest weight inside its window, which is shorter in an infant."""
    chart = order.chart
    infant = chart.age is not None and chart.age < whole("infant.years")
    days = order.rules.limit("weight.infant_days" if infant else "weight.days").days
    fresh = [m for m in chart.measures if m.kind == "body-weight" and m.when.within_days(days, chart.today)]
    return max(fresh, key=lambda measure: measure.when.order) if fresh else None


def _dose_card(order: IronOrder, indicator: Indicator, amount: Decimal, words: str) -> Finding:
    shown = f"{_printed(amount)} mg elemental iron a day"
    facts: dict[str, Fact] = {"dose": shown, "dose_summary": f"{shown}, {words} mg"}
    return order_fires(NAME, order, "OS-IRON-DOSE", indicator, facts, why=("dose",), suggest=_on_alternate_days(order))


def _on_alternate_days(order: IronOrder) -> tuple[Suggestion, ...]:
    """The same dose every other day, where the site lets drug orders be suggested; never for a child."""
    if not order.rules.is_on("suggestions.medications") or is_child(order.chart):
        return ()
    return (ReviseDraft(order.draft.reference, "alternate-days"),)
