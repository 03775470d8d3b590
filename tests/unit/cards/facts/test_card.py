"""What a card is made of, and that an illegal one cannot be built (CDS Hooks C-01, T-03, G-07)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from cards.facts.card import Action, Card, CardSuggestion, Coding, IllegalCard, Link, utf16_length

ORDER = {"resourceType": "ServiceRequest"}
CREATE = Action("create", "Order ferritin", ORDER)
REMOVE = Action("delete", "Remove the order: iron", resource_id="MedicationRequest/d1")
CODING = Coding("IRONLOW", "https://example.org/card", "Low iron")
CARD = Card("IRON-LOW", "u1", "Ferritin is low", "warning", "The detail", "AASM 2025", "https://example.org", CODING)
BUTTON = CardSuggestion("s1", "Order ferritin", (CREATE,))


def test_a_card_with_everything_sends_every_member() -> None:
    best = CardSuggestion("s2", "Remove", (REMOVE,), is_recommended=True)
    card = replace(
        CARD,
        suggestions=(BUTTON, best),
        override_reasons=(CODING,),
        links=(Link("AASM", "https://doi.org/1"),),
        inputs=("Ferritin: 38 ng/mL",),
    )
    coding = {"code": "IRONLOW", "system": "https://example.org/card", "display": "Low iron"}
    assert card.as_json() == {
        "uuid": "u1",
        "summary": "Ferritin is low",
        "indicator": "warning",
        "detail": "The detail",
        "source": {"label": "AASM 2025", "url": "https://example.org", "topic": coding},
        "selectionBehavior": "at-most-one",
        "suggestions": [
            {
                "label": "Order ferritin",
                "uuid": "s1",
                "actions": [{"type": "create", "description": "Order ferritin", "resource": ORDER}],
            },
            {
                "label": "Remove",
                "uuid": "s2",
                "isRecommended": True,
                "actions": [
                    {
                        "type": "delete",
                        "description": "Remove the order: iron",
                        "resourceId": "MedicationRequest/d1",
                    }
                ],
            },
        ],
        "overrideReasons": [coding],
        "links": [{"label": "AASM", "url": "https://doi.org/1", "type": "absolute"}],
    }


@pytest.mark.row("T-03")
def test_nothing_empty_is_sent() -> None:
    sent = replace(CARD, source_url="").as_json()
    assert sorted(sent) == ["detail", "indicator", "source", "summary", "uuid"]
    assert sorted(sent["source"]) == ["label", "topic"]


def test_length_is_counted_as_a_javascript_client_counts_it() -> None:
    assert utf16_length("µg😀") == 4


@pytest.mark.row("C-01")
@pytest.mark.parametrize("length", [1, 138, 139])
def test_a_summary_may_have_139_characters(length: int) -> None:
    assert replace(CARD, summary="x" * length).summary


@pytest.mark.parametrize("behavior", ["any", "at-most-one"])
def test_both_selection_behaviors_exist(behavior: str) -> None:
    assert replace(CARD, selection_behavior=behavior).as_json()["summary"]


def test_two_may_be_recommended_only_where_any_may_be_taken() -> None:
    best = replace(BUTTON, is_recommended=True)
    assert replace(CARD, suggestions=(best, BUTTON))
    assert replace(CARD, suggestions=(best, best), selection_behavior="any")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: replace(CARD, summary="x" * 140), "IRON-LOW: the summary must be one line of 1 to 139 characters"),
        (lambda: replace(CARD, summary="😀" * 70), "IRON-LOW: the summary must be one line of 1 to 139 characters"),
        (lambda: replace(CARD, summary=""), "IRON-LOW: the summary must be one line of 1 to 139 characters"),
        (lambda: replace(CARD, summary="a\nb"), "IRON-LOW: the summary must be one line of 1 to 139 characters"),
        (lambda: replace(CARD, indicator="hard-stop"), "IRON-LOW: indicator 'hard-stop'"),
        (lambda: replace(CARD, selection_behavior="all"), "IRON-LOW: selectionBehavior 'all'"),
        (lambda: replace(CARD, uuid=""), "IRON-LOW: uuid, detail and source are always sent"),
        (lambda: replace(CARD, detail=""), "IRON-LOW: uuid, detail and source are always sent"),
        (lambda: replace(CARD, source_label=""), "IRON-LOW: uuid, detail and source are always sent"),
        (
            lambda: replace(CARD, suggestions=(replace(BUTTON, is_recommended=True),) * 2),
            "IRON-LOW: at most one suggestion may be recommended",
        ),
        (lambda: replace(BUTTON, label=""), "a suggestion needs label, uuid and at least one action"),
        (lambda: replace(BUTTON, uuid=""), "a suggestion needs label, uuid and at least one action"),
        (lambda: replace(BUTTON, actions=()), "a suggestion needs label, uuid and at least one action"),
        (lambda: Action("remove", "x", ORDER), "action 'remove' without description or of unknown type"),
        (lambda: Action("create", "", ORDER), "action 'create' without description or of unknown type"),
        (
            lambda: Action("create", "x", ORDER, "ServiceRequest/1"),
            "delete takes a reference and nothing else; create and update take a resource",
        ),
        (lambda: Action("update", "x"), "delete takes a reference and nothing else; create and update take a resource"),
        (
            lambda: Action("delete", "x", ORDER, "ServiceRequest/1"),
            "delete takes a reference and nothing else; create and update take a resource",
        ),
        (lambda: Action("delete", "x"), "delete takes a reference and nothing else; create and update take a resource"),
        (
            lambda: Action("delete", "x", resource_id="https://example.org/ServiceRequest/1"),
            "delete takes a relative reference of the form Type/id",
        ),
        (
            lambda: Action("delete", "x", resource_id="ServiceRequest/" + "1" * 513),
            "delete takes a relative reference of the form Type/id",
        ),
    ],
)
def test_an_illegal_card_cannot_be_built(build: Callable[[], object], message: str) -> None:
    with pytest.raises(IllegalCard, match=f"^{re.escape(message)}$"):
        build()
