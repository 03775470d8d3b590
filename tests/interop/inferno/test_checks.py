"""Every id of Inferno's CRD server suite: a rule that all answers keep, a test, or the reason why it does not apply."""

from __future__ import annotations

import ast
import copy
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.service import OVERLOAD, SELECT, SIGN, TODAY, VIEW, application, good, settings
from tests.golden.calls import DRAFTS
from tests.interop.inferno.rules import RULES, SPOILS, Exchange

_ROOT = Path(__file__).parents[3]
CHECKS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("checks.toml").read_text(encoding="utf-8"))
WITH_RULE = {name: check["rule"] for name, check in CHECKS.items() if "rule" in check}
PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Call for every demo patient, and for every patient with golden drafts at signing and at selecting."""
    return tuple(_exchanges())


def _exchanges() -> Iterator[Exchange]:
    patients = {each.slug: each for each in load_patients(TODAY)}
    asked = [("patient-view", slug, ()) for slug in patients]
    asked += [(hook, slug, drafts) for hook in ("order-sign", "order-select") for slug, drafts in DRAFTS]
    with application(settings(max_cards=0, public_base="https://cds.example.org")) as app:
        http = app.test_client()
        for hook, slug, drafts in asked:
            body = hook_request("generic", hook, patients[slug], today=TODAY, drafts=drafts)
            answer = http.post(PATHS[hook], json=body)
            assert answer.status_code == 200 and answer.json, answer.text
            yield Exchange(" ".join((hook, slug, *drafts)), body, answer.json)


@pytest.mark.parametrize("check", WITH_RULE)
def test_every_answer_keeps_the_rule(check: str) -> None:
    rule = RULES[WITH_RULE[check]]
    assert len(exchanges()) > 150
    assert sum(len(told.cards) for told in exchanges()) > 150
    assert {told.name: faults for told in exchanges() if (faults := list(rule(told)))} == {}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, spoils in SPOILS.items() for number in range(len(spoils))]
)
def test_a_spoilt_exchange_breaks_the_rule(name: str, number: int) -> None:
    """At order-select, where every rule has something to look at."""
    whole = next(
        told for told in exchanges() if told.body["hook"] == "order-select" and told.cards and any(told.suggestions())
    )
    first = next(card for card in whole.cards if card.get("suggestions"))
    spoilt = Exchange(whole.name, copy.deepcopy(whole.body), {"cards": [copy.deepcopy(first)]})
    SPOILS[name][number](spoilt)
    assert list(RULES[name](spoilt)) != []


def test_every_kind_of_action_was_looked_at() -> None:
    actions = [action for told in exchanges() for each in told.suggestions() for action in each["actions"]]
    assert {action["type"] for action in actions} >= {"create", "delete"}


def test_every_id_has_one_rule_test_or_reason() -> None:
    assert set(SPOILS) == set(RULES) == set(WITH_RULE.values())
    for name, check in CHECKS.items():
        assert check["demands"], name
        assert len({"rule", "test", "not_ours"} & set(check)) == 1, name
        assert set(check) <= {"demands", "rule", "test", "not_ours", "but"}, name


@pytest.mark.parametrize("named", sorted({check["test"] for check in CHECKS.values() if "test" in check}))
def test_each_named_test_is_there(named: str) -> None:
    file, _, function = named.partition("::")
    tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()


def test_discovery_lists_services_with_hook_description_and_id(http: FlaskClient) -> None:
    answer = http.get("/cds-services", headers={"Accept": "application/json"})
    assert answer.status_code == 200 and answer.json
    services = answer.json["services"]
    assert {each["hook"] for each in services} == set(PATHS)
    for each in services:
        assert all(isinstance(each[name], str) and each[name] for name in ("hook", "description", "id"))


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in good().items() if name != member}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", *({**without(name)} for name in ("hook", "hookInstance", "context"))],
    ids=["nothing", "no JSON", "a list", "no hook", "no hookInstance", "no context"],
)
def test_a_wrong_request_is_400_with_an_outcome(http: FlaskClient, body: Any) -> None:
    sent = {"data": body, "content_type": "application/json"} if isinstance(body, bytes) else {"json": body}
    answer = http.post(VIEW, **sent)
    assert answer.status_code == 400 and answer.json
    assert answer.json["resourceType"] == "OperationOutcome" and answer.json["issue"]


def test_what_is_not_known_changes_nothing(http: FlaskClient) -> None:
    """Members of the context, and CRD's configuration in an extension."""
    plain, more = good("order-sign", OVERLOAD), good("order-sign", OVERLOAD)
    more["context"] |= {"appointments": {"resourceType": "Bundle"}, "performer": "Practitioner/9"}
    more["extension"] = {"davinci-crd.configuration": {"coverage-info": False, "max-cards": "many"}}
    answers = [http.post(SIGN, json=each).json for each in (plain, more)]
    assert all(answers)
    said = [[card["summary"] for card in answer["cards"]] for answer in answers if answer]
    assert said[0] == said[1] != []
