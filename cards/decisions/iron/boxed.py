"""Boxed warnings of intravenous iron: a card of their own, or one line on the card that stops the order."""

from __future__ import annotations

from cards.decisions.iron.contraindications import FERRIC_CARBOXYMALTOSE, FERUMOXYTOL, IRON_DEXTRAN
from cards.decisions.iron.orders import IronOrder
from cards.facts.finding import Text
from cards.knowledge.limits import is_recent
from cards.wording.phrases import names

_BOXED = (IRON_DEXTRAN, FERUMOXYTOL, FERRIC_CARBOXYMALTOSE)


def boxed(order: IronOrder) -> str:
    """Return the ingredient with a boxed warning; empty without one, or where it was tolerated in this course."""
    own = order.drug.product.ingredient_names()
    found = next((name for name in _BOXED if name in own), "")
    return "" if _tolerated_in_this_course(order) else found


def boxed_names(order: IronOrder) -> tuple[Text, ...]:
    """Return the name of that ingredient as a card prints it."""
    return names((found,)) if (found := boxed(order)) else ()


def _tolerated_in_this_course(order: IronOrder) -> bool:
    window = order.rules.limit("iv.one_course_days")
    own = order.drug.product.ingredient_names()
    return any(
        drug.given_on and is_recent(drug.given_on, window, order.chart.today)
        for drug in order.chart.drugs
        if not own.isdisjoint(drug.product.ingredient_names())
    )
