"""Every card of every synthetic patient and draft, as each kind of client gets it: rows S, C, G, X, Y, O, L, Q, N, T.

The cards are asked for once; each test walks over all of them.
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

from cds_service.clients.profiles import open_client
from cds_service.schema import load_schema
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import draft_names, load_patients
from tests.http.build import SIGN, TODAY, VIEW, application, assert_nothing_empty, settings

BASE = "https://cds.example.org"
PROFILES = ("generic", "epic", "oracle-health", "sandbox")
HL7_REASONS = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
HTML_ENDING = re.compile(r"<[a-zA-Z/!]")
#: Hosts that clients are told to allow.
HOSTS = 12


@dataclass(frozen=True)
class Told:
    """One card, with the request it answers and the profile of the client."""

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
    """(answer, request, profile, text) of every patient, and of every patient with a few drafts."""
    found = []
    for profile in PROFILES:
        client = settings(public_base=BASE, profile=open_client(profile), max_cards=0)
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
def told() -> tuple[Told, ...]:
    return tuple(Told(card, body, profile) for answer, body, profile, _ in answers() for card in answer["cards"])


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


def test_there_is_enough_to_look_at() -> None:
    codes = {each.card["source"]["topic"]["code"] for each in told()}
    assert len(told()) > 600 and len(codes) > 30
    assert {each.profile for each in told()} == set(PROFILES)


def test_every_answer_follows_the_schema_s01_s02_s04_s05_n01_n02_n03() -> None:
    """Members of our own, empty members and system actions do not fit the schema; extensions are not sent."""
    schema = Draft202012Validator(load_schema("response"))
    for answer, *_ in answers():
        schema.validate(answer)
        assert set(answer) == {"cards"}
        assert "extension" not in json.dumps([card | {"suggestions": []} for card in answer["cards"]])


def test_nothing_is_empty_t03_t04_c14_g05() -> None:
    for answer, *_ in answers():
        assert_nothing_empty(answer)


def test_the_text_is_strict_json_t02_t07() -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    for *_, text in answers():
        json.loads(text, parse_constant=refuse)


def test_summaries_c01() -> None:
    for each in told():
        summary = each.card["summary"]
        assert 0 < len(summary.encode("utf-16-le")) // 2 <= 139
        assert not re.search(r"[\r\n*_`#<>\[\]]", summary), summary
        assert summary == summary.strip()


def test_indicators_c02() -> None:
    assert {each.card["indicator"] for each in told()} == {"info", "warning", "critical"}


def test_sources_c03_c04_c05_c06_c07() -> None:
    """No icon is sent."""
    for each in told():
        source = each.card["source"]
        assert set(source) == {"label", "url", "topic"} and source["label"]
        assert source["url"].startswith(f"{BASE}/cds-services/") and source["url"].endswith("/source-attributes")
        assert re.fullmatch(r"[A-Za-z0-9]{1,100}", source["topic"]["code"])
        assert source["topic"]["system"] and source["topic"]["display"]


def test_uuids_are_new_and_lower_case_c08_g02_b16() -> None:
    seen = [each.card["uuid"] for each in told()] + [one["uuid"] for each in told() for one in each.suggestions]
    assert len(seen) == len(set(seen))
    assert all(str(UUID(one)) == one for one in seen)


def test_details_are_markdown_without_html_c09_c10() -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False})
    for each in told():
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


def test_selection_behavior_stands_with_suggestions_c12() -> None:
    for each in told():
        assert ("selectionBehavior" in each.card) == bool(each.suggestions)
        assert each.card.get("selectionBehavior", "any") in ("any", "at-most-one")


@pytest.mark.parametrize(("profile", "known"), [("epic", {"any"}), ("sandbox", {"any"}), ("generic", {"any"}),
                                                ("oracle-health", {"at-most-one"})])  # fmt: skip
def test_selection_behavior_is_what_the_client_knows_c13(profile: str, known: set[str]) -> None:
    found = {each.card["selectionBehavior"] for each in told() if each.profile == profile and each.suggestions}
    assert found and found <= known


def test_a_card_about_orders_says_which_c15() -> None:
    for each in told():
        if each.drafts and each.card["source"]["topic"]["code"].startswith("OS"):
            assert each.card["detail"].startswith("**Order:** "), each.card["detail"][:80]


def test_labels_g01_g03() -> None:
    for each in told():
        for one in each.suggestions:
            assert 0 < len(one["label"]) <= 300
            assert one.get("isRecommended", True) is True


def test_more_than_one_is_recommended_only_with_any_g04() -> None:
    for each in told():
        recommended = [one for one in each.suggestions if one.get("isRecommended")]
        assert len(recommended) <= 1 or each.card["selectionBehavior"] == "any"


def test_actions_of_a_suggestion_belong_together_g06() -> None:
    """Only creates of tests stand side by side; whatever could be an alternative is a suggestion of its own."""
    for each in told():
        for one in each.suggestions:
            kinds = [action["type"] for action in one["actions"]]
            assert len(kinds) == 1 or set(kinds) == {"create"}


def test_deletes_come_first_and_updates_last_g07() -> None:
    order = ["delete", "create", "update"]
    for each in told():
        kinds = [order.index(action["type"]) for action in each.actions]
        assert kinds == sorted(kinds)


def test_no_action_selection_behavior_g08() -> None:
    assert not any("actionSelectionBehavior" in one for each in told() for one in each.suggestions)


@pytest.mark.parametrize("profile", ["epic", "oracle-health", "sandbox"])
def test_one_action_each_where_the_client_wants_it_g09(profile: str) -> None:
    groups = [len(one["actions"]) for each in told() if each.profile == profile for one in each.suggestions]
    assert groups and set(groups) == {1}


def test_actions_x01_x02_x03_y01() -> None:
    for each in told():
        for action in each.actions:
            assert action["type"] in ("create", "update", "delete") and action["description"]
            if action["type"] != "delete":
                assert isinstance(action["resource"], dict) and action["resource"]["resourceType"]


def test_deletes_name_a_draft_of_the_call_x05_x06_x07() -> None:
    deletes = [(each, action) for each in told() for action in each.actions if action["type"] == "delete"]
    assert deletes
    for each, action in deletes:
        assert set(action) == {"type", "description", "resourceId"}
        assert action["resourceId"] in each.drafts


def test_updates_are_the_clients_own_draft_x04_x07() -> None:
    for each in told():
        for action in each.actions:
            if action["type"] == "update":
                resource = action["resource"]
                before = each.drafts[f"{resource['resourceType']}/{resource['id']}"]
                assert set(before) <= set(resource)


def test_created_orders_are_coded_drafts_for_the_patient_x08() -> None:
    creates = [(each, action["resource"]) for each in told() for action in each.actions if action["type"] == "create"]
    assert creates
    for each, order in creates:
        assert (order["resourceType"], order["status"], order["intent"]) == ("ServiceRequest", "draft", "order")
        assert order["subject"]["reference"] == f"Patient/{each.request['context']['patientId']}"
        assert order["code"]["text"] and order["code"]["coding"][0]["system"] == "http://loinc.org"


def test_no_system_actions_y02_y03_y04_y05() -> None:
    assert not any("systemActions" in text for *_, text in answers())


def test_override_reasons_o01_o02_o03() -> None:
    reasons = {json.dumps(each.card.get("overrideReasons")) for each in told() if "overrideReasons" in each.card}
    for text in reasons:
        for one in json.loads(text):
            assert set(one) == {"code", "system", "display"}
    assert len(reasons) == 1 and HL7_REASONS in text


def test_links_l01_l02_l03_l04_l05_l06() -> None:
    """Only absolute links, so neither appContext nor autolaunchable."""
    links = [link for each in told() for link in each.card.get("links", [])]
    assert links
    for link in links:
        assert set(link) == {"label", "url", "type"} and link["label"] and link["type"] == "absolute"
        parts = urlsplit(link["url"])
        assert parts.scheme == "https" and parts.hostname and not parts.username


def test_hosts_are_few_and_no_patient_is_in_an_address_l07_l08() -> None:
    ids = {each.request["context"]["patientId"] for each in told()}
    addresses = {link["url"] for each in told() for link in each.card.get("links", [])}
    addresses |= {each.card["source"]["url"] for each in told()}
    assert len({urlsplit(one).hostname for one in addresses}) <= HOSTS
    assert not any(name in one for name in ids for one in addresses)


def test_links_of_the_detail_are_links_of_the_card_l09() -> None:
    for each in told():
        in_text = set(re.findall(r"https?://[^\s)]+", each.card["detail"]))
        assert in_text <= {link["url"] for link in each.card.get("links", [])}


def test_every_coding_has_code_and_system_q01() -> None:
    for each in told():
        for one in (*every_coding(each.card.get("suggestions")), each.card["source"]["topic"]):
            assert one["code"] and one["system"]


def test_few_cards_most_urgent_first_s08() -> None:
    rank = ["critical", "warning", "info"]
    for answer, *_ in answers():
        ranks = [rank.index(card["indicator"]) for card in answer["cards"]]
        assert ranks == sorted(ranks)
