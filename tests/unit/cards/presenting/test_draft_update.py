"""An update of a draft: the timing changes, every other digit and member is as the client sent it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from cards.facts.card import Action
from cards.facts.finding import ReviseDraft
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.draft_update import _revised, _stays_valid, drafts_as_written, encode, revise_draft, revisions
from fhir_fixtures import draft
from tests.decisions.test_tables import RULES, cards_of, findings

NAME = "ferrous sulfate 325 mg oral tablet"
DAY = date(2026, 6, 15)
#: As clients write numbers; none of these is what a float would print.
DRAFT = """{
  "resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order",
  "extension": [{"url": "https://ehr.example.org/priority", "valueDecimal": 1.50}],
  "medicationCodeableConcept": {"text": "ferrous sulfate é"},
  "subject": {"reference": "Patient/p1"},
  "text": {"status": "generated", "div": "<div>three times a day</div>"},
  "dosageInstruction": [{
    "text": "1 tablet three times a day", "_text": {"id": "t"},
    "timing": {
      "repeat": {"boundsPeriod": {"start": "2026-06-15"}, "frequency": 3, "frequencyMax": 4, "period": 1.0,
                 "periodUnit": "d", "timeOfDay": ["08:00:00"], "_timeOfDay": [{"id": "x"}],
                 "extension": [{"url": "https://ehr.example.org/shift", "valueInteger": 7}]},
      "code": {"text": "TID"}},
    "doseAndRate": [{"doseQuantity": {"value": 1.00, "unit": "tablet"}}]}],
  "dispenseRequest": {"quantity": {"value": 0.90e2}, "numberOfRepeatsAllowed": 12345678901234567890}
}"""


def request(*drafts: str) -> bytes:
    entries = ",".join(f'{{"resource": {each}}}' for each in drafts)
    return f'{{"hook": "order-sign", "context": {{"draftOrders": {{"entry": [{entries}]}}}}}}'.encode()


def revised(text: str = DRAFT, reference: str = "MedicationRequest/d1", version: str = "R4") -> Action | None:
    return revise_draft(
        drafts_as_written(request('{"resourceType": "Observation"}', text)), reference, "alternate-days", NAME, version
    )


def changed(**members: Any) -> str:
    """The draft with other members of its dosage (`None` takes one away)."""
    whole = json.loads(DRAFT)
    dosage = whole["dosageInstruction"][0]
    for name, value in members.items():
        holder = dosage["timing"]["repeat"] if name.startswith("repeat_") else dosage
        key = name.removeprefix("repeat_")
        holder[key] = value
        if value is None:
            del holder[key]
    return json.dumps(whole)


def test_the_timing_changes_and_what_told_the_old_one_goes() -> None:
    action = revised()
    assert action is not None and action.resource is not None
    assert (action.type, action.description) == ("update", f"Change to once every other day: {NAME}")
    dosage = json.loads(encode(action.resource))["dosageInstruction"][0]
    assert dosage == {
        "text": "One dose every other day",
        "timing": {
            "repeat": {
                "boundsPeriod": {"start": "2026-06-15"},
                "frequency": 1,
                "period": 2,
                "periodUnit": "d",
                "extension": [{"url": "https://ehr.example.org/shift", "valueInteger": 7}],
            }
        },
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
    }


def test_what_a_server_rendered_of_the_old_timing_goes_too() -> None:
    whole = json.loads(DRAFT) | {"renderedDosageInstruction": "1 tablet TID", "_renderedDosageInstruction": {"id": "r"}}
    action = revised(json.dumps(whole))
    assert action is not None and action.resource is not None
    assert not {"text", "renderedDosageInstruction", "_renderedDosageInstruction"} & action.resource.keys()


def test_every_other_member_is_the_clients_digit_by_digit() -> None:
    action = revised()
    assert action is not None
    text = encode(action.resource)
    for digits in ('"valueDecimal":1.50', '"value":1.00', '"value":0.90e2', ":12345678901234567890", "sulfate é"):
        assert digits in text
    kept = {name for name in json.loads(DRAFT) if name != "text"}
    assert set(json.loads(text)) == kept


def test_a_card_with_such_an_update_can_be_written() -> None:
    action = revised()
    assert action is not None
    assert '"value":0.90e2' in encode({"cards": [{"suggestions": [{"actions": [action.as_json()]}]}], "none": (None,)})


@pytest.mark.parametrize(
    "text",
    [
        changed(patientInstruction="three times a day with water"),
        changed(additionalInstruction=[{"text": "with meals"}]),
        changed(maxDosePerPeriod={}),
        changed(doseAndRate=None),
        changed(timing="thrice"),
        changed(repeat_count=90),
        changed(repeat_duration=2),
        changed(repeat_frequency=1, repeat_period=2),
        DRAFT.replace('"code": {"text": "TID"}', '"event": ["2026-06-15"]'),
        DRAFT.replace('"dosageInstruction": [{', '"dosageInstruction": [{"text": "loading dose"}, {'),
        DRAFT.replace('"dosageInstruction": [{', '"other": [{'),
    ],
)
def test_nothing_is_offered_where_other_words_say_how_often(text: str) -> None:
    assert revised(text) is None


@pytest.mark.parametrize("reference", ["MedicationRequest/d2", "d1", ""])
def test_nothing_is_offered_for_a_draft_that_is_not_there(reference: str) -> None:
    assert revised(reference=reference) is None


@pytest.mark.parametrize("body", [b"[]", b'{"context": []}', b'{"context": {"draftOrders": {"entry": {}}}}'])
def test_a_request_of_another_shape_holds_no_draft(body: bytes) -> None:
    assert revise_draft(drafts_as_written(body), "MedicationRequest/d1", "alternate-days", NAME, "R4") is None


def test_a_timing_is_added_where_there_was_none() -> None:
    action = revised(changed(timing=None))
    assert action is not None
    repeat = json.loads(encode(action.resource))["dosageInstruction"][0]["timing"]["repeat"]
    assert repeat == {"frequency": 1, "period": 2, "periodUnit": "d"}


@pytest.mark.parametrize("name", ["ferrous-sulfate-325-three-times-daily", "gabapentin-300-three-times-daily"])
def test_a_valid_draft_stays_valid(name: str) -> None:
    from fhir.resources.R4B.medicationrequest import MedicationRequest

    sent = json.dumps(draft(name, "p1", DAY, id="d1"))
    action = revised(sent)
    assert action is not None
    MedicationRequest.model_validate_json(encode(action.resource))


@pytest.mark.parametrize("version", ["R4", "R5", "STU3"])
def test_a_draft_that_was_not_valid_is_not_held_to_it(version: str) -> None:
    assert revised(DRAFT.replace('"intent": "order"', '"intent": 7'), version=version) is not None


def test_a_change_that_would_spoil_a_valid_draft_is_seen() -> None:
    """No timing of the table spoils one; what would is refused all the same."""
    good = draft("ferrous-sulfate-325-three-times-daily", "p1", DAY, id="d1")
    bad = {**good, "intent": 7}
    found = [_stays_valid(before, after, "R4") for before in (good, bad) for after in (good, bad)]
    assert found == [True, False, True, True]


def test_the_draft_itself_is_left_as_it_was_sent() -> None:
    sent = json.loads(DRAFT)
    changed_copy = _revised(sent, revisions()["alternate-days"])
    assert changed_copy and changed_copy != sent
    assert sent == json.loads(DRAFT)


def test_a_revision_that_is_not_in_the_table_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        revise_draft(drafts_as_written(request(DRAFT)), "MedicationRequest/d1", "hourly", NAME, "R4")
    assert set(revisions()) == {"alternate-days", "once-daily"}


# ------------------------------------------------------------------ the card that offers it

TOO_MUCH = {
    "labs": ["ferritin 30 ng/mL 26d", "tsat 15 % 26d"],
    "drafts": ["iron-oral ferrous sulfate 195"],
    "switches": {"suggestions.medications": "true"},
}


def offered(case: dict[str, Any]) -> list[ReviseDraft]:
    found = findings("iron_order", case, RULES)
    return [each for finding in found for each in finding.suggestions if isinstance(each, ReviseDraft)]


def test_a_site_that_wants_drug_suggestions_gets_the_alternate_days() -> None:
    assert offered(TOO_MUCH) == [ReviseDraft("MedicationRequest/d1", "alternate-days")]


@pytest.mark.parametrize(
    "other",
    [
        {"switches": {}},
        {"drafts": ["iron-oral ferrous sulfate 130"]},
        {"drafts": ["iron-oral ferrous sulfate 195 not-draft"]},
        {"person": "9 M", "measures": ["body-weight 20 1d"]},
    ],
)
def test_nobody_else_does(other: dict[str, Any]) -> None:
    assert offered({**TOO_MUCH, **other}) == []


def test_the_card_carries_the_update_where_the_client_takes_one() -> None:
    asked: list[tuple[str, str, str]] = []

    def revise(reference: str, revision: str, name: str) -> Action | None:
        asked.append((reference, revision, name))
        return revised()

    profile = ClientCapabilities("p1", max_cards=0, revise=revise, actions=frozenset({"update"}))
    cards = cards_of("iron_order", TOO_MUCH, RULES, profile)
    assert [action.type for card in cards for each in card.suggestions for action in each.actions] == ["update"]
    assert asked == [("MedicationRequest/d1", "alternate-days", "ferrous sulfate")]


@pytest.mark.parametrize(
    "profile",
    [
        ClientCapabilities("p1", max_cards=0, revise=lambda *named: revised()),
        ClientCapabilities("p1", max_cards=0, revise=lambda *named: None, actions=frozenset({"update"})),
        ClientCapabilities("p1", max_cards=0, actions=frozenset({"update"})),
    ],
    ids=["client takes no update", "no safe update", "request not at hand"],
)
def test_no_suggestion_without_an_update(profile: ClientCapabilities) -> None:
    assert not any(card.suggestions for card in cards_of("iron_order", TOO_MUCH, RULES, profile))


def test_a_request_that_is_nested_too_deep_offers_no_change() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    assert drafts_as_written(b'{"context":{"draftOrders":{"entry":[{"resource":' + deep + b"}]}}}") == {}
