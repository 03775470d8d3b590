"""Each claim of the source article is shown by a synthetic patient, and its page says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cds_service.knowledge.load import national_rules
from tests.docs.claims_page import CLAIMS, NotShown, card_of, claims_page, rows
from tests.docs.shown_patients import ShownPatient

ROWS = tuple(rows())
_IDS = [f"{claim}: {patient.title} {shown['card']}" for claim, shown, patient in ROWS]


def test_the_article_has_thirteen_claims() -> None:
    assert [claim["id"] for claim in CLAIMS] == [f"S{number}" for number in range(1, 14)]
    assert all(claim["claim"].endswith(".") and claim["answer"] and claim["shown"] for claim in CLAIMS)


@pytest.mark.parametrize(("claim", "shown", "patient"), ROWS, ids=_IDS)
def test_the_patient_of_a_claim_shows_it(claim: str, shown: Mapping[str, Any], patient: ShownPatient) -> None:
    """With every setting at its default."""
    assert patient.site == ()
    card = card_of(shown, patient)
    assert (card is None) == (shown["card"] == "none")


def test_a_claim_names_cards_that_exist() -> None:
    known = {card for decision in national_rules().decisions.values() for card in decision.cards}
    assert {shown["card"].partition(":")[0] for _, shown, _ in ROWS} <= known | {"none"}


def test_each_claim_is_shown_by_a_card_and_not_by_silence_alone() -> None:
    assert {claim for claim, shown, _ in ROWS if shown["card"] != "none"} == {claim["id"] for claim in CLAIMS}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"card": "IRON-OVL:warning"}, "expected IRON-OVL:warning, answered"),
        ({"card": "IRON-LOW:critical"}, "expected IRON-LOW:critical, answered"),
        ({"card": "none"}, "expected no card, answered"),
        ({"card": "IRON-LOW:warning", "says": ["moon"]}, "does not print ['moon']"),
        ({"card": "IRON-LOW:warning", "leaves_out": ["iron"]}, "prints ['iron']"),
        ({"card": "IRON-LOW:warning", "offers": "Vitamin D"}, "not Vitamin D"),
    ],
)
def test_a_claim_that_its_patient_no_longer_shows_is_noticed(change: Mapping[str, Any], fault: str) -> None:
    patient = next(patient for _, shown, patient in ROWS if shown["card"] == "IRON-LOW:warning")
    with pytest.raises(NotShown) as raised:
        card_of(change, patient)
    assert fault in str(raised.value)


def test_the_page_holds_each_summary_as_it_is_answered() -> None:
    page = claims_page()
    for _, shown, patient in ROWS:
        card = card_of(shown, patient)
        assert card is None or card["summary"] in page
