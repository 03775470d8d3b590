"""HAPI's classes of CDS Hooks messages as a client: what they send is answered, and what we answer they read whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from cds_service.app import create_app
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.service import NOW, OVERLOAD, TODAY, good, settings
from tests.builders.serving import in_threads
from tests.interop.validator.program import Asked, HooksClient, running_client

pytestmark = pytest.mark.interop

Json = dict[str, Any]

PATIENTS = load_patients(TODAY)
DRAFTS = ("ferrous-sulfate-325-once-daily", "ferric-carboxymaltose-750", "vitamin-d-50000-weekly")
#: Members of CDS Hooks 2.0 that HAPI 8.8 has no place for; whoever reads with these classes does not see them.
UNKNOWN = {
    "discovery": {"services.usageRequirements", "services.version"},
    "call": {"cards.suggestions.actions.resourceId"},
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    app = create_app(settings(max_cards=0, public_base="https://cds.example.org"), clock=lambda: NOW)
    try:
        with in_threads(app) as address:
            yield address
    finally:
        app.extensions["rls_cds"].fhir.close()


@pytest.fixture(scope="module")
def client(base: str) -> Iterator[HooksClient]:
    with running_client(base, "R4") as made:
        yield made


def without(value: Any, *paths: str) -> Any:
    """Return a copy without the members at these paths, which go through every item of a list."""
    left = copy.deepcopy(value)
    for path in paths:
        *holders, member = path.split(".")
        found = [left]
        for name in holders:
            found = [each for one in found for each in _items(one.get(name, []))]
        for one in found:
            one.pop(member, None)
    return left


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plainly(value: Any) -> Any:
    """Return the value with numbers by what they mean and without uuids, which differ in each answer."""
    if isinstance(value, dict):
        return {name: plainly(each) for name, each in value.items() if name != "uuid"}
    if isinstance(value, list):
        return [plainly(each) for each in value]
    return Decimal(str(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def bodies() -> Iterator[Json]:
    """Yield a call for every demo patient, and one with drafts at both hooks for some."""
    for patient in PATIENTS:
        yield hook_request("generic", "patient-view", patient, today=TODAY)
    for patient in PATIENTS[::4]:
        for hook in ("order-sign", "order-select"):
            yield hook_request("generic", hook, patient, today=TODAY, drafts=DRAFTS)


def test_discovery_is_read_whole(client: HooksClient, base: str) -> None:
    told = client.ask("discovery")
    ours = requests.get(f"{base}/cds-services", timeout=20).json()
    assert told.status == 200
    assert told.unknown == UNKNOWN["discovery"]
    assert told.answer == without(ours, *UNKNOWN["discovery"])
    assert len(told.answer["services"]) == 3


def test_every_answer_is_read_whole(client: HooksClient, base: str) -> None:
    """The same call, sent by us and by these classes, gives the same, but for what they have no place for."""
    cards = suggestions = reasons = links = 0
    met: set[str] = set()
    for body in bodies():
        told = client.ask("call", f"rls-{body['hook']}", body)
        assert told.status == 200, told.answer
        assert plainly(told.sent) == plainly(body)
        ours = requests.post(f"{base}/cds-services/rls-{body['hook']}", json=body, timeout=60).json()
        assert told.unknown <= UNKNOWN["call"]
        assert plainly(told.answer) == plainly(without(ours, *UNKNOWN["call"]))
        met |= told.unknown
        cards += len(ours["cards"])
        suggestions += sum(len(card.get("suggestions", [])) for card in ours["cards"])
        reasons += sum(len(card["overrideReasons"]) for card in ours["cards"])
        links += sum(len(card["links"]) for card in ours["cards"])
    assert met == UNKNOWN["call"]
    assert min(cards, suggestions, reasons, links) > 50


def test_an_extension_of_the_request_arrives(client: HooksClient) -> None:
    body = good() | {"extension": {"com.example.request": {"version": 2, "names": ["a"]}}}
    told = client.ask("call", "rls-patient-view", body)
    assert told.status == 200 and told.answer["cards"]
    assert plainly(told.sent)["extension"] == plainly(body["extension"])


def test_a_refusal_comes_back_as_an_outcome(client: HooksClient) -> None:
    body = good()
    body["context"]["patientId"] = "../1"
    told = client.ask("call", "rls-patient-view", body)
    assert told.status == 400
    assert told.answer["resourceType"] == "OperationOutcome"


def feedback(told: Asked, **outcome: Any) -> Json:
    item = {"card": told.answer["cards"][0]["uuid"], "outcomeTimestamp": NOW.isoformat().replace("+00:00", "Z")}
    return {"feedback": [item | outcome]}


def test_feedback_is_taken(client: HooksClient) -> None:
    told = client.ask("call", "rls-patient-view", good())
    (accepted, *_) = (each["uuid"] for card in told.answer["cards"] for each in card.get("suggestions", []))
    sent = client.ask(
        "feedback", "rls-patient-view", feedback(told, outcome="accepted", acceptedSuggestions=[{"id": accepted}])
    )
    assert sent.status == 200, sent.answer
    critical = client.ask("call", "rls-order-sign", good("order-sign", OVERLOAD))
    reason = critical.answer["cards"][0]["overrideReasons"][0]
    why = {"reason": {"code": reason["code"], "system": reason["system"]}, "userComment": "Seen by haematology."}
    body = feedback(critical, outcome="overridden", overrideReason=why)
    overridden = client.ask("feedback", "rls-order-sign", body)
    assert overridden.status == 200, overridden.answer
    assert overridden.sent == body


def test_feedback_that_is_wrong_is_refused(client: HooksClient) -> None:
    body = {"feedback": [{"card": "no uuid", "outcome": "accepted", "outcomeTimestamp": "2026-06-30T14:00:00Z"}]}
    told = client.ask("feedback", "rls-patient-view", body)
    assert told.status == 400 and told.answer["resourceType"] == "OperationOutcome"


def test_a_changed_answer_is_noticed(client: HooksClient, base: str) -> None:
    """The comparison would tell a member that the classes drop or change."""
    body = good()
    told = client.ask("call", "rls-patient-view", body)
    ours = requests.post(f"{base}/cds-services/rls-patient-view", json=body, timeout=20).json()
    assert plainly(told.answer) == plainly(ours)
    ours["cards"][0]["source"]["topic"]["version"] = "1"
    assert plainly(told.answer) != plainly(ours)
