"""The same patient told differently gets the same answer; less is known, never more is suggested."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards.card import Card
from cards.chart import LISTS, Listing
from tests.properties.charts import PATIENT, Generated, answer, conversions, generated, gist, observation

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
_SHORT = settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
_FULL = settings(max_examples=10_000, deadline=None, suppress_health_check=_SLOW)


def same_in_any_unit(patient: Generated, pick: random.Random) -> None:
    lists = patient.lists()
    lists["labs"] = [
        observation(number, lab, pick.choice(conversions(lab.analyte))) for number, lab in enumerate(patient.labs)
    ]
    assert gist(answer(patient, lists)) == gist(answer(patient))


def same_in_any_order_with_duplicates_and_strangers(patient: Generated, pick: random.Random) -> None:
    lists = {name: list(resources) for name, resources in patient.lists().items()}
    for name in LISTS[1:]:
        lists[name] += [dict(each) for each in pick.sample(lists[name], k=min(2, len(lists[name])))]
        lists[name] += _irrelevant(name)
        pick.shuffle(lists[name])
    assert gist(answer(patient, lists)) == gist(answer(patient))


def _irrelevant(name: str) -> list[dict[str, Any]]:
    glucose = {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}
    own = {"reference": f"Patient/{PATIENT}"}
    someone_else = {"reference": "Patient/somebody-else"}
    quantity = {"value": 5, "unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"}
    ferritin = {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]}
    other = {"resourceType": "Observation", "id": "x1", "status": "final", "effectiveDateTime": "2026-06-01"}
    return {
        "labs": [
            other | {"code": glucose, "subject": own, "valueQuantity": quantity},
            other | {"id": "x2", "code": ferritin, "subject": someone_else, "valueQuantity": quantity},
        ],
        "conditions": [
            {"resourceType": "Condition", "id": "x3", "code": {"text": "Sprained ankle"}, "subject": own},
            {
                "resourceType": "Condition",
                "id": "x4",
                "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E83.110"}]},
                "subject": someone_else,
            },
        ],
    }.get(name, [])


def less_known_never_suggests_more(patient: Generated, pick: random.Random) -> None:
    before = answer(patient)
    failed = pick.sample(LISTS, k=pick.randint(1, 3))
    how = {name: pick.choice([Listing.NOT_KNOWN, Listing.CUT]) for name in failed}
    after = answer(patient, listings=how)
    if isinstance(after, str) or isinstance(before, str):
        return
    assert offered(after) <= offered(before)
    assert recommended(after) <= recommended(before)


def offered(cards: tuple[Card, ...]) -> set[str]:
    return {f"{card.id}: {offer.label}" for card in cards for offer in card.suggestions}


def recommended(cards: tuple[Card, ...]) -> set[str]:
    return {card.id for card in cards for offer in card.suggestions if offer.is_recommended}


PROPERTIES = (same_in_any_unit, same_in_any_order_with_duplicates_and_strangers, less_known_never_suggests_more)


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property(holds: Callable[[Generated, random.Random], None]) -> None:
    _SHORT(given(generated(), st.randoms(use_true_random=False))(holds))()


@pytest.mark.full
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property_over_ten_thousand_charts(holds: Callable[[Generated, random.Random], None]) -> None:
    _FULL(given(generated(), st.randoms(use_true_random=False))(holds))()
