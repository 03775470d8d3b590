"""Every card of every synthetic patient and draft for each kind of client: protocol S, C, G, X, Y, O, L, Q, N, T.

The cards are requested once; each test checks all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from cds_service.web.json_schema import load_schema
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import draft_names, load_patients
from tests.builders.deadlines import unhurried
from tests.builders.service import SIGN, TODAY, VIEW, application, assert_nothing_empty, settings

BASE = "https://cds.example.org"
PROFILES = ("generic", "epic", "oracle-health", "sandbox")
OUR_REASONS = "https://rls-cds.example.org/CodeSystem/override-reason"
HTML_ENDING = re.compile(r"<[a-zA-Z/!]")
#: The hosts that clients are asked to allow.
HOSTS = 12


@dataclass(frozen=True)
class SentCard:
    """One card, with its request and the profile of the client."""

    card: dict[str, Any]
    request: dict[str, Any]
    profile: str

    @property
    def suggestions(self) -> list[dict[str, Any]]:
        return list(self.card.get("suggestions", []))

    @property
    def actions(self) -> list[dict[str, Any]]:
        return [action for suggestion in self.suggestions for action in suggestion["actions"]]

    @property
    def drafts(self) -> dict[str, dict[str, Any]]:
        entries = self.request["context"].get("draftOrders", {}).get("entry", [])
        return {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in entries}


@cache
def answers() -> tuple[tuple[dict[str, Any], dict[str, Any], str, str], ...]:
    """Return (answer, request, profile, text) of every patient, and of every patient with a few drafts."""
    found = []
    for profile in PROFILES:
        client = settings(public_base=BASE, profile=unhurried(profile), max_cards=0)
        with application(client) as app:
            http = app.test_client()
            for path, body in _requests(profile):
                answer = http.post(path, json=body)
                if answer.status_code == 200:
                    found.append((answer.get_json(), body, profile, answer.get_data(as_text=True)))
    return tuple(found)


def _requests(client: str) -> Iterator[tuple[str, dict[str, Any]]]:
    names = draft_names()
    for number, patient in enumerate(load_patients(TODAY)):
        yield VIEW, hook_request(client, "patient-view", patient, today=TODAY)
        several = [names[(number * 7 + step) % len(names)] for step in range(8)]
        drafts = several if client != "sandbox" else several[:1]
        yield SIGN, hook_request(client, "order-sign", patient, today=TODAY, drafts=drafts)


@cache
def sent_cards() -> tuple[SentCard, ...]:
    return tuple(SentCard(card, body, profile) for answer, body, profile, _ in answers() for card in answer["cards"])


def every_string(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every_string(inner)


def every_coding(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "coding" in value:
        yield from value["coding"]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every_coding(inner)


def test_there_are_enough_cards_to_check() -> None:
    codes = {each.card["source"]["topic"]["code"] for each in sent_cards()}
    assert len(sent_cards()) > 600 and len(codes) > 30
    assert {each.profile for each in sent_cards()} == set(PROFILES)


@pytest.mark.control("OUT-3")
@pytest.mark.row("S-01", "S-02", "S-04", "S-05", "N-01", "N-02", "N-03")
def test_every_answer_follows_the_schema() -> None:
    """Unknown members, empty members and system actions do not fit the schema; extensions are not sent."""
    schema = Draft202012Validator(load_schema("response"))
    for answer, *_ in answers():
        schema.validate(answer)
        assert set(answer) == {"cards"}
        assert "extension" not in json.dumps([card | {"suggestions": []} for card in answer["cards"]])


@pytest.mark.row("T-03", "T-04", "C-14", "G-05")
def test_nothing_is_empty() -> None:
    for answer, *_ in answers():
        assert_nothing_empty(answer)


@pytest.mark.row("T-02", "T-07")
def test_the_text_is_strict_json() -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    for *_, text in answers():
        json.loads(text, parse_constant=refuse)


@pytest.mark.row("C-01")
def test_summaries() -> None:
    for each in sent_cards():
        summary = each.card["summary"]
        assert 0 < len(summary.encode("utf-16-le")) // 2 <= 139
        assert not re.search(r"[\r\n*_`#<>\[\]]", summary), summary
        assert summary == summary.strip()


@pytest.mark.row("C-02")
def test_indicators() -> None:
    assert {each.card["indicator"] for each in sent_cards()} == {"info", "warning", "critical"}


@pytest.mark.row("C-03", "C-04", "C-05", "C-06", "C-07")
def test_sources() -> None:
    """No icon is sent."""
    for each in sent_cards():
        source = each.card["source"]
        assert set(source) == {"label", "url", "topic"} and source["label"]
        assert source["url"].startswith(f"{BASE}/cds-services/") and source["url"].endswith("/source-attributes")
        assert re.fullmatch(r"[A-Za-z0-9]{1,100}", source["topic"]["code"])
        assert source["topic"]["system"] and source["topic"]["display"]


@pytest.mark.row("C-08", "G-02", "B-16")
def test_uuids_are_new_and_lower_case() -> None:
    seen = [each.card["uuid"] for each in sent_cards()] + [
        one["uuid"] for each in sent_cards() for one in each.suggestions
    ]
    assert len(seen) == len(set(seen))
    assert all(str(UUID(one)) == one for one in seen)


@pytest.mark.control("OUT-2")
@pytest.mark.row("C-09", "C-10")
def test_details_are_markdown_without_html() -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False})
    for each in sent_cards():
        detail = each.card["detail"]
        kinds = {token.type for token in parser.parse(detail)}
        inline = {child.type for token in parser.parse(detail) for child in token.children or ()}
        assert not {kind for kind in kinds | inline if "html" in kind}, detail
        assert not HTML_ENDING.search(detail)
        assert inline <= {"text", "softbreak", "strong_open", "strong_close", "text_special"}, inline
        assert kinds <= {
            "paragraph_open", "paragraph_close", "inline", "bullet_list_open", "bullet_list_close", "list_item_open",
            "list_item_close",
        }  # fmt: skip


@pytest.mark.row("C-12")
def test_selection_behavior_stands_with_suggestions() -> None:
    for each in sent_cards():
        assert ("selectionBehavior" in each.card) == bool(each.suggestions)
        assert each.card.get("selectionBehavior", "any") in ("any", "at-most-one")


@pytest.mark.row("C-13")
@pytest.mark.parametrize(("profile", "known"), [("epic", {"any"}), ("sandbox", {"any"}), ("generic", {"any"}),
                                                ("oracle-health", {"at-most-one"})])  # fmt: skip
def test_selection_behavior_is_what_the_client_knows(profile: str, known: set[str]) -> None:
    found = {each.card["selectionBehavior"] for each in sent_cards() if each.profile == profile and each.suggestions}
    assert found and found <= known


@pytest.mark.row("C-15")
def test_a_card_about_orders_says_which() -> None:
    for each in sent_cards():
        if each.drafts and each.card["source"]["topic"]["code"].startswith("OS"):
            assert each.card["detail"].startswith("**Order:** "), each.card["detail"][:80]


@pytest.mark.row("G-01", "G-03")
def test_labels() -> None:
    for each in sent_cards():
        for one in each.suggestions:
            assert 0 < len(one["label"]) <= 300
            assert one.get("isRecommended", True) is True


@pytest.mark.row("G-04")
def test_more_than_one_is_recommended_only_with_any() -> None:
    for each in sent_cards():
        recommended = [one for one in each.suggestions if one.get("isRecommended")]
        assert len(recommended) <= 1 or each.card["selectionBehavior"] == "any"


@pytest.mark.row("G-06")
def test_actions_of_a_suggestion_belong_together() -> None:
    """Only orders of tests are grouped; alternatives are suggestions of their own."""
    for each in sent_cards():
        for one in each.suggestions:
            kinds = [action["type"] for action in one["actions"]]
            assert len(kinds) == 1 or set(kinds) == {"create"}


@pytest.mark.row("G-07")
def test_deletes_come_first_and_updates_last() -> None:
    order = ["delete", "create", "update"]
    for each in sent_cards():
        kinds = [order.index(action["type"]) for action in each.actions]
        assert kinds == sorted(kinds)


@pytest.mark.row("G-08")
def test_no_action_selection_behavior() -> None:
    assert not any("actionSelectionBehavior" in one for each in sent_cards() for one in each.suggestions)


@pytest.mark.row("G-09")
@pytest.mark.parametrize("profile", ["epic", "oracle-health", "sandbox"])
def test_one_action_each_where_the_client_wants_it(profile: str) -> None:
    groups = [len(one["actions"]) for each in sent_cards() if each.profile == profile for one in each.suggestions]
    assert groups and set(groups) == {1}


@pytest.mark.control("OUT-5")
@pytest.mark.row("X-01", "X-02", "X-03", "Y-01")
def test_actions() -> None:
    for each in sent_cards():
        for action in each.actions:
            assert action["type"] in ("create", "update", "delete") and action["description"]
            if action["type"] != "delete":
                assert isinstance(action["resource"], dict) and action["resource"]["resourceType"]


@pytest.mark.row("X-05", "X-06", "X-07")
def test_deletes_name_a_draft_of_the_call() -> None:
    deletes = [(each, action) for each in sent_cards() for action in each.actions if action["type"] == "delete"]
    assert deletes
    for each, action in deletes:
        assert set(action) == {"type", "description", "resourceId"}
        assert action["resourceId"] in each.drafts


@pytest.mark.row("X-04", "X-07")
def test_updates_are_the_clients_own_draft() -> None:
    for each in sent_cards():
        for action in each.actions:
            if action["type"] == "update":
                resource = action["resource"]
                before = each.drafts[f"{resource['resourceType']}/{resource['id']}"]
                assert set(before) <= set(resource)


@pytest.mark.row("X-08")
def test_created_orders_are_coded_drafts_for_the_patient() -> None:
    creates = [
        (each, action["resource"]) for each in sent_cards() for action in each.actions if action["type"] == "create"
    ]
    assert creates
    for each, order in creates:
        assert (order["resourceType"], order["status"], order["intent"]) == ("ServiceRequest", "draft", "order")
        assert order["subject"]["reference"] == f"Patient/{each.request['context']['patientId']}"
        assert order["code"]["text"] and order["code"]["coding"][0]["system"] == "http://loinc.org"


@pytest.mark.row("Y-02", "Y-03", "Y-04", "Y-05")
def test_no_system_actions() -> None:
    assert not any("systemActions" in text for *_, text in answers())


@pytest.mark.row("O-01", "O-02", "O-03")
def test_override_reasons() -> None:
    reasons = {json.dumps(each.card.get("overrideReasons")) for each in sent_cards() if "overrideReasons" in each.card}
    for text in reasons:
        for one in json.loads(text):
            assert set(one) == {"code", "system", "display"}
            assert one["system"] == OUR_REASONS
    assert len(reasons) == 4, "one set for orders; for charts one by whether a reason of symptoms or diagnosis counts"


@pytest.mark.row("L-01", "L-02", "L-03", "L-04", "L-05", "L-06")
def test_links() -> None:
    """Only absolute links, so neither appContext nor autolaunchable."""
    links = [link for each in sent_cards() for link in each.card.get("links", [])]
    assert links
    for link in links:
        assert set(link) == {"label", "url", "type"} and link["label"] and link["type"] == "absolute"
        parts = urlsplit(link["url"])
        assert parts.scheme == "https" and parts.hostname and not parts.username


@pytest.mark.control("OUT-4")
@pytest.mark.row("L-07", "L-08")
def test_hosts_are_few_and_no_patient_is_in_an_address() -> None:
    ids = {each.request["context"]["patientId"] for each in sent_cards()}
    addresses = {link["url"] for each in sent_cards() for link in each.card.get("links", [])}
    addresses |= {each.card["source"]["url"] for each in sent_cards()}
    assert len({urlsplit(one).hostname for one in addresses}) <= HOSTS
    assert not any(name in one for name in ids for one in addresses)


@pytest.mark.row("L-09")
def test_links_of_the_detail_are_links_of_the_card() -> None:
    for each in sent_cards():
        in_text = set(re.findall(r"https?://[^\s)]+", each.card["detail"]))
        assert in_text <= {link["url"] for link in each.card.get("links", [])}


@pytest.mark.row("Q-01")
def test_every_coding_has_code_and_system() -> None:
    for each in sent_cards():
        for one in (*every_coding(each.card.get("suggestions")), each.card["source"]["topic"]):
            assert one["code"] and one["system"]


@pytest.mark.row("S-08")
def test_few_cards_most_urgent_first() -> None:
    rank = ["critical", "warning", "info"]
    for answer, *_ in answers():
        ranks = [rank.index(card["indicator"]) for card in answer["cards"]]
        assert ranks == sorted(ranks)
