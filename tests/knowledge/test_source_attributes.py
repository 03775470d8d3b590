"""Thirteen source attributes for each decision; what they say is read is what is read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest
from flask.testing import FlaskClient

from cards.decide import decision_modules
from cards.finding import OrderTests
from cards.rules import load_rules
from cards.site_choices import as_the_site_counts
from cds_service.services import SERVICES
from cds_service.source_attributes import attributes, source_attributes
from cds_service.source_attributes_page import register_source_attributes
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, site_rules
from tests.http.build import ALL_ON, application, settings
from tests.knowledge.recording import read_by

RULES = load_rules()
NEVER = ("race", "ethnicity", "language", "sexual orientation", "gender identity", "social determinants of health")


@cache
def really() -> dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]]:
    """By decision, over the charts of all cases: what it reads, which tests it suggests, which facts it hands on."""
    reads: dict[str, set[str]] = {name: set() for name in RULES.decisions}
    orders: dict[str, set[str]] = {name: set() for name in RULES.decisions}
    facts: dict[str, set[str]] = {name: {"draft"} for name in RULES.decisions}
    for _, case in CASES:
        built = chart(case)
        rules = site_rules(case, RULES).on(built.today)
        counted = as_the_site_counts(built, rules)
        for name, answer in decision_modules().items():
            reads[name] |= read_by(answer, counted, rules)
            for finding in answer(counted, rules):
                facts[name] |= set(finding.facts)
                for each in finding.suggestions:
                    orders[name] |= set(each.tests) if isinstance(each, OrderTests) else set()
    return {name: (frozenset(reads[name]), frozenset(orders[name]), frozenset(facts[name])) for name in reads}


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_reads_what_its_file_says(name: str) -> None:
    assert set(RULES.decisions[name].reads) == really()[name][0]


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_suggests_the_tests_its_file_says(name: str) -> None:
    assert set(RULES.decisions[name].orders) == really()[name][1]


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_hands_on_the_facts_its_file_says(name: str) -> None:
    """In its findings, or to a block of text that its own module fills."""
    source = inspect.getsource(import_module(f"cards.decisions.{name}"))
    assert {fact for fact in RULES.decisions[name].facts if f'"{fact}"' not in source} <= really()[name][2]


def test_a_chart_holds_nothing_of_race_language_or_the_like() -> None:
    from dataclasses import fields

    from cards.chart import Chart, Person

    held = {field.name for kind in (Chart, Person) for field in fields(kind)}
    assert not {name for name in held for word in NEVER if word.split()[0] in name}


# --- the attributes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_thirteen_attributes_and_none_is_empty(name: str) -> None:
    found = attributes(RULES.decisions[name], RULES)
    assert len(found) == 13
    assert all(attribute and text for attribute, text in found)
    said = dict(found)
    assert all(said[f"Use of {word}"] == "Not used." for word in NEVER)


@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_not_used_is_said_of_what_is_not_read(name: str) -> None:
    said, reads = dict(attributes(RULES.decisions[name], RULES)), really()[name][0]
    assert (said["Use of sex"] != "Not used.") is ("sex" in reads)
    assert (said["Use of date of birth"] != "Not used.") is ("date of birth" in reads)
    assessed = bool(reads & {"pregnancy", "health status assessments"})
    assert (said["Use of health status assessments"] != "Not used.") is assessed


def test_every_decision_is_on_the_page_of_its_hook() -> None:
    shown = {each["decision"] for service in SERVICES for each in source_attributes(service, RULES)["decisions"]}
    assert shown == set(RULES.decisions)


# --- over HTTP --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application(register=(register_source_attributes,)) as app:
        yield app.test_client()


@pytest.mark.parametrize("service", [service.id for service in SERVICES])
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        ("text/plain", "application/json; charset=utf-8"),
    ],
)
def test_a_page_or_json_by_accept(http: FlaskClient, service: str, accept: str, kind: str) -> None:
    answer = http.get(f"/cds-services/{service}/source-attributes", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert "no claim of certification" in answer.text


def test_the_page_says_the_same_as_the_json(http: FlaskClient) -> None:
    address = "/cds-services/rls-patient-view/source-attributes"
    held = http.get(address, headers={"Accept": "application/json"}).json
    page = http.get(address, headers={"Accept": "text/html"})
    assert held
    for decision in held["decisions"]:
        assert f'id="{decision["decision"]}"' in page.text
        assert len(decision["attributes"]) == 13
        assert all(card["code"] in page.text for card in decision["cards"])
    tags = re.findall(r"<(/?)(table|section|tr|td|th|html|body)\b", page.text)
    for name in ("table", "section", "tr", "td", "th", "html", "body"):
        assert tags.count(("", name)) == tags.count(("/", name))
    assert "'sha256-" in page.headers["Content-Security-Policy"]
    assert "script" not in page.text


def test_what_is_off_has_no_page() -> None:
    modes = {**ALL_ON, "rls-order-select": "off"}
    with application(settings(services=modes), register=(register_source_attributes,)) as app:
        http = app.test_client()
        assert http.get("/cds-services/rls-order-select/source-attributes").status_code == 404
        assert http.get("/cds-services/nothing/source-attributes").status_code == 404
        assert http.post("/cds-services/rls-order-sign/source-attributes").status_code == 405
