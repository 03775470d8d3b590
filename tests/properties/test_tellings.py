"""The same diagnoses in another classification get the same answer; in words the same or a more careful one.

`pytest -m full tests/properties/test_tellings.py` runs it over 10,000 charts.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings

from cards.facts.card import Card
from tests.properties.answers import answer, whole
from tests.properties.careful import iron_offers
from tests.properties.patients import ICD10CM, SNOMED, Generated
from tests.properties.tellings import CODES, GM, WHO, in_mixed_systems, in_system, in_words, untold
from tests.properties.test_properties import _DEFAULT, _FULL, Property, offered, run

_QUICK = settings(_DEFAULT, max_examples=2_000)


def same_in_every_system(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Down to the last word, whichever classification tells of the diagnoses and of the reasons of orders."""
    for system in (ICD10CM, WHO, GM, SNOMED):
        lists, drafts = in_system(patient, system)
        assert whole(answer(patient, lists, drafts=drafts)) == whole(cards), system
    lists, drafts = in_mixed_systems(patient, pick)
    assert whole(answer(patient, lists, drafts=drafts)) == whole(cards), "mixed"


def in_words_the_same_or_more_careful(patient: Generated, cards: tuple[Card, ...], pick: Random) -> None:
    """Every warning is kept, perhaps less urgent as words make iron overload probable. Nothing more is offered."""
    lists, drafts = in_words(patient, pick)
    after = answer(patient, lists, drafts=drafts)
    kept = {card.id for card in after}
    assert {card.id for card in cards if card.indicator in ("warning", "critical")} <= kept
    assert offered(after) <= offered(cards)
    assert iron_offers(whole(after)) <= iron_offers(whole(cards))
    assert after or not cards


TELLINGS = (same_in_every_system, in_words_the_same_or_more_careful)


def test_the_table_of_tellings_names_every_diagnosis_of_the_charts() -> None:
    assert untold() == set()
    assert all(len(codes) > 1 for name, codes in CODES.items() if name != "haemodialysis")


@pytest.mark.parametrize("holds", TELLINGS, ids=lambda each: each.__name__)
def test_telling(holds: Property) -> None:
    run(holds, _QUICK)


@pytest.mark.full
@pytest.mark.parametrize("holds", TELLINGS, ids=lambda each: each.__name__)
def test_telling_over_ten_thousand_charts(holds: Property) -> None:
    run(holds, _FULL)
