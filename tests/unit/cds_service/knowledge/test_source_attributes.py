"""The thirteen source attributes of each decision, and that it reads what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.decisions.decide import decision_modules
from cards.facts.finding import OrderTests
from cards.knowledge.rules import Rules
from cards.site.choices import as_the_site_counts
from cds_service.calls.source_attributes_page import register_source_attributes
from cds_service.hooks.services import SERVICES
from cds_service.knowledge.load import national_rules
from cds_service.knowledge.source_attributes import attributes, source_attributes
from tests.builders.service import ALL_ON, application, settings
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, rules_of_the_day
from tests.unit.cds_service.knowledge.recording import read_by

RULES = national_rules()
NEVER = ("race", "ethnicity", "language", "sexual orientation", "gender identity", "social determinants of health")


class Filled(str):
    """A text of a decision file that notes with which facts it is filled."""

    noted: set[str]

    def format_map(self, words: Any) -> str:  # type: ignore[override]
        self.noted |= set(words.facts)
        return super().format_map(words)


def noting(rules: Rules, facts: Mapping[str, set[str]]) -> Rules:
    """The rules with texts that note the facts they are filled with, by decision."""

    def filled(text: str, name: str) -> Filled:
        noted = Filled(text)
        noted.noted = facts[name]
        return noted

    decisions = {
        name: replace(decision, texts={key: filled(text, name) for key, text in decision.texts.items()})
        for name, decision in rules.decisions.items()
    }
    return replace(rules, decisions=decisions)


@cache
def really() -> dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]]:
    """Return for each decision what it reads, suggests and reports over all cases."""
    reads: dict[str, set[str]] = {name: set() for name in RULES.decisions}
    orders: dict[str, set[str]] = {name: set() for name in RULES.decisions}
    facts: dict[str, set[str]] = {name: {"draft"} for name in RULES.decisions}
    for _, case in CASES:
        built = chart(case)
        rules = noting(rules_of_the_day(case, RULES, built.today), facts)
        counted = as_the_site_counts(built, rules)
        for name, answer in decision_modules().items():
            reads[name] |= read_by(answer, counted, rules)
            for finding in answer(counted, rules):
                facts[name] |= set(finding.facts)
                for each in finding.suggestions:
                    orders[name] |= set(each.tests) if isinstance(each, OrderTests) else set()
    return {name: (frozenset(reads[name]), frozenset(orders[name]), frozenset(facts[name])) for name in reads}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_reads_what_its_file_lists(name: str) -> None:
    assert set(RULES.decisions[name].reads) == really()[name][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_suggests_the_tests_its_file_lists(name: str) -> None:
    assert set(RULES.decisions[name].orders) == really()[name][1]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_a_decision_reports_the_facts_its_file_lists(name: str) -> None:
    """In its findings, or to a part of a sentence."""
    assert set(RULES.decisions[name].facts) <= really()[name][2]


def test_a_chart_holds_nothing_of_race_language_or_the_like() -> None:
    from dataclasses import fields

    from cards.facts.chart import Chart, Person

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


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES.decisions))
def test_unread_data_is_reported_as_not_used(name: str) -> None:
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
def test_the_accept_header_selects_page_or_json(http: FlaskClient, service: str, accept: str, kind: str) -> None:
    answer = http.get(f"/cds-services/{service}/source-attributes", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert "no claim of certification" in answer.text


def test_page_and_json_have_the_same_content(http: FlaskClient) -> None:
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


def test_a_service_that_is_off_has_no_page() -> None:
    modes = {**ALL_ON, "rls-order-select": "off"}
    with application(settings(services=modes), register=(register_source_attributes,)) as app:
        http = app.test_client()
        assert http.get("/cds-services/rls-order-select/source-attributes").status_code == 404
        assert http.get("/cds-services/nothing/source-attributes").status_code == 404
        assert http.post("/cds-services/rls-order-sign/source-attributes").status_code == 405
