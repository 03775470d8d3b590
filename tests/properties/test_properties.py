"""The same patient told differently gets the same answer; less is known, never more is suggested.

Each property runs over charts that reach every card of the service, and says so itself: a run in which a card has
not fired fails. `pytest -m full tests/properties` runs each over 10,000 charts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cards.card import Card
from cards.chart import LISTS, Listing
from tests.properties.answers import RULES, answer, but_for_units, kinds, whole
from tests.properties.charts import generated
from tests.properties.patients import Generated, Resource, conversions, observation
from tests.properties.reduction import smallest
from tests.properties.strangers import STRANGE_DRAFTS, strangers

Property = Callable[[Generated, tuple[Card, ...], Random], None]

CARDS = {card for decision in RULES.decisions.values() for card in decision.cards}
#: Cards that no generated chart can reach, each with the reason. There is none.
OUT_OF_REACH: dict[str, str] = {}

#: A smaller chart rolls other dice: how often it is tried before it counts as one for which the property holds.
_TRIES = 5
_DEFAULT = settings(max_examples=700, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck))  # fmt: skip
_FULL = settings(_DEFAULT, max_examples=10_000, derandomize=False)


# ------------------------------------------------------------------ the same patient, told differently


def same_in_any_unit(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Down to the last word, but for what the cards say of the unit that was reported."""
    lists = patient.lists()
    lists["labs"] = [
        observation(number, lab, pick.choice(conversions(lab.analyte))) for number, lab in enumerate(patient.labs)
    ]
    assert but_for_units(answer(patient, lists)) == but_for_units(cards)


def same_in_any_order(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    lists = {name: pick.sample(resources, len(resources)) for name, resources in patient.lists().items()}
    assert whole(answer(patient, lists)) == whole(cards)


def same_with_duplicates(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Entries that come twice, and facts that another system has copied under an id of its own.

    Where one number of one time was reported in two units, the id of a copy may decide which unit a card names.
    """
    lists = {name: list(resources) for name, resources in patient.lists().items()}
    for name in LISTS[1:]:
        again = pick.sample(lists[name], k=min(2, len(lists[name])))
        lists[name] += [dict(each) for each in again]
        if name not in ("medications", "orders"):  # there a second order is a second order
            lists[name] += [each | {"id": f"copy-{each['id']}"} for each in again]
    assert but_for_units(answer(patient, lists)) == but_for_units(cards)


def same_beside_what_concerns_no_rule(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    lists = {name: [*resources, *strangers(name)] for name, resources in patient.lists().items()}
    drafts = [each["resource"] for each in patient.basket()["entry"]]
    beside = STRANGE_DRAFTS if patient.hook == "order-sign" else []
    assert whole(answer(patient, lists, drafts=[*drafts, *beside])) == whole(cards)


def same_kinds_in_any_order_of_the_basket(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Which cards with which indicator; their words may name an order by its place."""
    drafts = [each["resource"] for each in patient.basket()["entry"]]
    assert kinds(answer(patient, drafts=pick.sample(drafts, len(drafts)))) == kinds(cards)


# ------------------------------------------------------------------ less known, never more suggested


def less_known_never_suggests_more(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Lists that failed, or were cut with some of their entries lost."""
    lists = patient.lists()
    how = {name: pick.choice([Listing.NOT_KNOWN, Listing.CUT]) for name in pick.sample(LISTS, k=pick.randint(1, 3))}
    for name in how:
        lists[name] = pick.sample(lists[name], pick.randint(0, len(lists[name]))) if name != "patient" else lists[name]
    after = answer(patient, lists, how)
    assert offered(after) <= offered(cards)
    assert recommended(after) <= recommended(cards)


def a_failed_result_touches_no_order(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """All results of an analyte lost or unreadable: tests may be suggested, but no order is newly touched.

    But for one stop: an older high saturation that a lost one had cleared counts again (clinical amendments, 1).
    """
    lists = patient.lists()
    lost = pick.choice(sorted({lab.analyte for lab in patient.labs}) or [""])
    lists["labs"] = [
        each
        for lab, told in zip(patient.labs, lists["labs"], strict=True)
        for each in (_failed(told, pick) if lab.analyte == lost else [told])
    ]
    after = tuple(card for card in answer(patient, lists) if card.id != "OS-IRON-TSAT45")
    assert {offer for offer in offered(after) if offer[0] != "create"} <= offered(cards)


def _failed(result: Resource, pick: Random) -> list[Resource]:
    told = {name: value for name, value in result.items() if name != "valueQuantity"}
    return pick.choice([[], [told], [told | {"valueString": "see report"}], [result | {"status": "preliminary"}]])


def offered(cards: tuple[Card, ...]) -> set[tuple[str, str]]:
    """What the cards would do at a click, whichever card it is that offers it."""
    actions = (action for card in cards for offer in card.suggestions for action in offer.actions)
    return {(each.type, each.resource_id or str((each.resource or {}).get("code"))) for each in actions}


def recommended(cards: tuple[Card, ...]) -> set[tuple[str, str]]:
    return {
        (action.type, action.resource_id)
        for card in cards
        for offer in card.suggestions
        if offer.is_recommended
        for action in offer.actions
    }


PROPERTIES = (
    same_in_any_unit,
    same_in_any_order,
    same_with_duplicates,
    same_beside_what_concerns_no_rule,
    same_kinds_in_any_order_of_the_basket,
    less_known_never_suggests_more,
    a_failed_result_touches_no_order,
)


def _dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - not for cryptography


def run(holds: Property, how: settings) -> None:
    """Hold the property to each chart of a run, and the run to having reached every card."""
    fired: set[str] = set()

    def over(patient: Generated, seed: int) -> None:
        cards = answer(patient)
        fired.update(card.id for card in cards)

        def again(one: Generated) -> None:
            for more in range(_TRIES):
                holds(one, answer(one), _dice(seed + more))

        try:
            holds(patient, cards, _dice(seed))
        except AssertionError as fault:
            raise AssertionError(f"for {smallest(patient, again)}") from fault

    how(given(generated(), st.integers(0, 2**32))(over))()
    assert CARDS - fired == set(OUT_OF_REACH), "a card has not fired in this run: the claim would be empty for it"


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property(holds: Property) -> None:
    run(holds, _DEFAULT)


@pytest.mark.full
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property_over_ten_thousand_charts(holds: Property) -> None:
    run(holds, _FULL)
