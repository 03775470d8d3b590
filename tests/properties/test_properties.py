"""The same patient told differently gets the same answer; less is known, never more is suggested.

Each property runs over charts that reach every card of the service, and says so itself: a run in which a card has
not fired fails. `pytest -m full tests/properties` runs each over 10,000 charts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cards.facts.card import Card
from cards.facts.chart import LISTS, Listing
from tests.properties.answers import RULES, answer, but_for_units, kinds, whole
from tests.properties.careful import less_careful
from tests.properties.charts import generated
from tests.properties.patients import UCUM, Generated, Resource, conversions, observation
from tests.properties.reduction import smallest
from tests.properties.strangers import STRANGE_DRAFTS, strangers

Property = Callable[[Generated, tuple[Card, ...], Random], None]

CARDS = {card for decision in RULES.decisions.values() for card in decision.cards}
#: Cards that no generated chart can reach, each with the reason. There is none.
OUT_OF_REACH: dict[str, str] = {}

#: A smaller chart rolls other dice: how often it is tried before it counts as one for which the property holds.
_TRIES = 5
_DEFAULT = settings(max_examples=1000, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck))  # fmt: skip
_MORE = settings(_DEFAULT, max_examples=2000)
_FULL = settings(_DEFAULT, max_examples=10_000, derandomize=False)


# ------------------------------------------------------------------ the same patient, told differently


def same_in_any_unit(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Down to the last word, but for what the cards say of the unit that was reported."""
    lists = patient.lists()
    lists["labs"] = [
        observation(number, lab, pick.choice(conversions(lab.analyte))) for number, lab in enumerate(patient.labs)
    ]
    assert but_for_units(answer(patient, lists)) == but_for_units(cards)


def same_in_any_spelling_of_a_unit(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """With an annotation, by exponents, by its code alone, under another system or none."""
    lists = patient.lists()
    lists["labs"] = [{**each, "valueQuantity": _spelled(each["valueQuantity"], pick)} for each in lists["labs"]]
    assert but_for_units(answer(patient, lists)) == but_for_units(cards)


def _spelled(quantity: Resource, pick: Random) -> Resource:
    unit = quantity["unit"]
    number = {name: quantity[name] for name in quantity if name in ("value", "comparator")}
    above, _, below = unit.partition("/")
    spellings = [f"{unit}{{serum}}", unit, f"{above}.{below}-1" if below.isalpha() else unit]
    if "{" in unit:
        spellings = [unit, unit.replace("{1.73_m2}", "1.73m2")]
    written = pick.choice(spellings if "/" in unit else [unit])
    return number | pick.choice(
        [
            {"unit": written},
            {"code": written},
            {"code": written, "system": "(HL7_V2)"},
            {"unit": written, "code": unit},
            {"unit": unit, "code": written, "system": UCUM},
        ]
    )


def same_iron_by_the_day_and_by_the_week(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """What is swallowed at once decides: a daily dose that is taken on some days only gets the same iron cards."""
    lists = patient.lists()
    lists["medications"] = [_seldom(each, pick) for each in lists["medications"]]
    drafts = [_seldom(each["resource"], pick) for each in patient.basket()["entry"]]
    assert _iron(answer(patient, lists, drafts=drafts)) == _iron(cards)


def _seldom(order: Resource, pick: Random) -> Resource:
    """The order with its daily dose on alternate days, on three days of the week, or three times a week."""
    told = order.get("dosageInstruction") or [{}]
    repeat = told[0].get("timing", {}).get("repeat", {})
    if len(told) != 1 or (repeat.get("frequency"), repeat.get("period"), repeat.get("periodUnit")) != (1, 1, "d"):
        return order
    seldom = pick.choice(
        [
            {"frequency": 1, "period": 2, "periodUnit": "d"},
            {"frequency": 3, "period": 1, "periodUnit": "wk"},
            {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed", "fri"]},
            {"frequency": 1, "period": 1, "periodUnit": "wk"},
        ]
    )
    return order | {"dosageInstruction": [{**told[0], "text": "", "timing": {"repeat": seldom}}]}


def _iron(cards: tuple[Card, ...]) -> list[tuple[str, str]]:
    return sorted((card.id, str(card.indicator)) for card in cards if card.id.startswith(("IRON-", "OS-IRON-")))


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


def less_known_is_never_quieter(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """A card is lost, or less urgent, only where the answer says what was not read; no iron is offered instead."""
    lists = patient.lists()
    own = [name for name in LISTS if name not in ("patient", *_HIDES_NOTHING[patient.hook])]
    how = {name: pick.choice([Listing.NOT_KNOWN, Listing.CUT]) for name in pick.sample(own, k=pick.randint(1, 2))}
    for name in how:
        lists[name] = pick.sample(lists[name], pick.randint(0, len(lists[name])))
    after = answer(patient, lists, how)
    assert less_careful(whole(cards), whole(after), how) == []


#: Lists of which a missing entry can only add a card: an order that is awaited, or one that was not read on this hook.
_HIDES_NOTHING = {"patient-view": ("orders", "allergies"), "order-sign": ("orders",)}


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


_PARTS = ("ferritin", "tsat", "iron", "tibc", "uibc", "transferrin")
#: The cards that stop iron, or advise against it, by hook; of them those that are no mere information.
_STOPS = {
    "order-sign": {"OS-IRON-TSAT45", "OS-IRON-F300", "OS-IRON-ESRD-HOLD", "OS-IRON-CHILD-NOTLOW", "OS-IRON-REPLETE"},
    "patient-view": {"IRON-HIGH-TSAT", "IRON-HIGH-FERR"},
}
#: What may stand in place of a stop: a stop, or that the studies needed first are missing.
_INSTEAD = {"OS-IRON-NOLABS", "OS-IRON-NOTSAT", "OS-IRON-OVL", "OS-IRON-PV"}
_ADVISES = {"IRON-LOW", "IRON-MID", "IRON-MID-LOWTSAT", "IRON-CHILD", "IRON-ESRD", "IRON-ONTX", "OS-IRON-ORAL-MID"}


def an_unusable_iron_value_turns_no_stop_into_advice_or_silence(
    patient: Generated, cards: tuple[Card, ...], pick: Random
) -> None:
    """One or two of the iron values lose their unit, day or status, or are written so that they cannot be read: in a
    text with a remark, a range, a ratio, or beside a reason for their absence.

    Beside a reported saturation the parts of a calculated one keep their units: a reported one that agrees with any
    reading of them stands.
    """
    lists = patient.lists()
    named = {lab.analyte for lab in patient.labs}
    iron = [number for number, lab in enumerate(patient.labs) if lab.analyte in _PARTS]
    for number in pick.sample(iron, min(len(iron), pick.randint(1, 2))):
        reported = patient.labs[number].analyte not in ("ferritin", "tsat") and "tsat" in named
        lists["labs"][number] = _unusable(lists["labs"][number], pick, keeps_unit=reported)
    after = answer(patient, lists)
    stops = [card for card in cards if card.id in _STOPS[patient.hook] and card.indicator != "info"]
    if not stops:
        return
    still = {card.id for card in after if card.indicator != "info" or card.id in _STOPS[patient.hook]}
    assert not {card.id for card in after} & _ADVISES - {card.id for card in cards}
    if patient.hook == "order-sign":
        assert still & (_STOPS["order-sign"] | _INSTEAD), kinds(after)
    else:
        assert any(card.id.startswith("IRON-") for card in after), kinds(after)


def _unusable(result: Resource, pick: Random, *, keeps_unit: bool) -> Resource:
    quantity = result["valueQuantity"]
    number = {name: quantity[name] for name in quantity if name in ("value", "comparator")}
    without_date = {name: value for name, value in result.items() if name != "effectiveDateTime"}
    without_value = {name: value for name, value in result.items() if name != "valueQuantity"}
    without_unit = [
        result | {"valueQuantity": number},
        result | {"valueQuantity": number | {"unit": "furlong"}},
        result | {"valueQuantity": quantity | {"unit": "g/L" if quantity["unit"] != "g/L" else "mg/L"}},
        *({**without_value, **shape} for shape in _unreadable(quantity)),
    ]
    return pick.choice(
        [
            *([] if keeps_unit else without_unit),
            without_date,
            without_date | {"issued": f"{result['effectiveDateTime']}T10:00:00Z"},
            result | {"status": "unknown"},
            result | {"status": "preliminary"},
            result | {"status": "cancelled"},
            result | {"effectiveDateTime": "last week"},
            result | {"dataAbsentReason": {"text": "masked"}},
        ]
    )


def _unreadable(quantity: Resource) -> list[Resource]:
    """The same number in shapes that are no one value."""
    number, unit, sign = quantity["value"], quantity["unit"], quantity.get("comparator", "")
    return [
        {"valueString": f"{sign}{number}*"},
        {"valueString": f"ca. {sign}{number} {unit}"},
        {"valueString": f"result {sign}{number} (repeat)"},
        {"valueString": f"{sign}{number}-{number}"},
        {"valueQuantity": {"value": f"{number} {unit}"}},
        {"valueQuantity": f"{number} {unit}"},
        {"valueCodeableConcept": {"coding": [{"display": f"{number} {unit}"}]}},
        {"valueRange": {"low": {"value": number, "unit": unit}, "high": {"value": number, "unit": unit}}},
        {"valueRatio": {"numerator": {"value": number}, "denominator": {"value": 1}}},
    ]


def a_number_given_as_at_least_keeps_every_stop(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Reported as at least what it is, a result is no less high; as at most, no less low."""
    if not patient.labs:
        return
    number = pick.randrange(len(patient.labs))
    lab, comparator = patient.labs[number], pick.choice([">=", "<="])
    if lab.comparator:
        return
    labs = (*patient.labs[:number], replace(lab, comparator=comparator), *patient.labs[number + 1 :])
    after = {card.id: _URGENCY[card.indicator] for card in answer(replace(patient, labs=labs))}
    kept = _OF_HIGH if comparator == ">=" else _OF_LOW
    for card in cards:
        if lab.analyte in kept.get(card.id, ()):
            assert after.get(card.id, 9) <= _URGENCY[card.indicator], (card.id, comparator, lab)


_URGENCY = {"critical": 0, "warning": 1, "info": 2}
#: Cards that a high value of these analytes fires, and those of a low one.
_OF_HIGH = {
    "OS-VITD": ("vitd", "calcium"), "VITD-HIGH": ("vitd",), "OS-MG": ("magnesium",),
    "OS-IRON-F300": ("ferritin",), "IRON-HIGH-TSAT": ("tsat",),
}  # fmt: skip
_OF_LOW = {
    "B12-LOW": ("b12",), "B12-BORDER": ("b12",), "FOL-LOW": ("folate",), "FOL-BORDER": ("folate",),
    "MG-LOW": ("magnesium",), "VITD-LOW": ("vitd",), "OS-GABA-RENAL": ("egfr",), "OS-VITC": ("egfr",),
}  # fmt: skip


PROPERTIES = (
    same_in_any_unit,
    same_in_any_spelling_of_a_unit,
    same_iron_by_the_day_and_by_the_week,
    an_unusable_iron_value_turns_no_stop_into_advice_or_silence,
    a_number_given_as_at_least_keeps_every_stop,
    same_in_any_order,
    same_with_duplicates,
    same_beside_what_concerns_no_rule,
    same_kinds_in_any_order_of_the_basket,
    less_known_never_suggests_more,
    less_known_is_never_quieter,
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
    run(holds, _MORE if holds is an_unusable_iron_value_turns_no_stop_into_advice_or_silence else _DEFAULT)


@pytest.mark.full
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property_over_ten_thousand_charts(holds: Property) -> None:
    run(holds, _FULL)
