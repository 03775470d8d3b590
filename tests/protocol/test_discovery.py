"""Discovery and prefetch templates over a socket: protocol D-xx, P-xx, H-01."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.builders.service import good
from tests.protocol.ehr import SELECT, SIGN, VIEW, Ehr

TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
USER_TOKENS = {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
#: The context fields that each hook's definition allows in templates.
CONTEXT_TOKENS = {"context.userId", "context.patientId", "context.encounterId"}
HOOKS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}


@pytest.fixture(scope="module")
def services(ehr: Ehr) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ehr.call("GET", "/cds-services", token=None).json()["services"]
    return listed


@pytest.fixture(scope="module")
def templates(services: list[dict[str, Any]]) -> list[str]:
    return [text for each in services for text in each["prefetch"].values()]


@pytest.mark.row("D-01", "D-02", "D-15")
def test_discovery_is_there_and_succeeds(ehr: Ehr) -> None:
    answer = ehr.call("GET", "/cds-services", token=None)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(answer.json(), dict) and isinstance(answer.json()["services"], list)


@pytest.mark.row("D-04", "D-06", "D-07", "D-09")
def test_each_service_has_its_members(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert all(isinstance(each[name], str) and each[name] for name in ("hook", "id", "description", "title"))
        assert isinstance(each["usageRequirements"], str)


@pytest.mark.row("D-14", "N-01")
def test_only_members_of_the_specification(services: list[dict[str, Any]]) -> None:
    allowed = {"hook", "id", "title", "description", "usageRequirements", "version", "prefetch"}
    assert all(set(each) <= allowed for each in services)


@pytest.mark.row("D-17")
def test_ids_are_safe_in_an_address_and_stay(services: list[dict[str, Any]]) -> None:
    assert [each["id"] for each in services] == ["rls-patient-view", "rls-order-sign", "rls-order-select"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", each["id"]) and each["id"] != "feedback" for each in services)


@pytest.mark.row("D-22", "H-01")
def test_hooks_are_those_of_the_library(services: list[dict[str, Any]]) -> None:
    """None is deprecated, and none is custom, which would need a reversed domain name."""
    assert [each["hook"] for each in services] == list(HOOKS)


@pytest.mark.row("D-05", "R-01")
@pytest.mark.parametrize("hook", HOOKS)
def test_each_service_answers_at_its_address(ehr: Ehr, hook: str) -> None:
    assert ehr.post(HOOKS[hook], good(hook)).status_code == 200


@pytest.mark.row("D-08", "D-21", "P-01")
def test_prefetch_is_a_map_of_relative_queries(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert each["prefetch"]
        for text in each["prefetch"].values():
            assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{[^}]+\}\}|\?.+)", text), text


@pytest.mark.row("P-02", "P-03", "P-04", "P-05", "P-06")
def test_tokens_are_well_formed(templates: list[str]) -> None:
    for text in templates:
        assert not set(TOKEN.sub("", text)) & {"{", "}"}
        assert set(TOKEN.findall(text)) <= CONTEXT_TOKENS | USER_TOKENS
        assert not re.search(r"Practitioner/\{\{context\.userId", text)


@pytest.mark.row("P-07", "P-08", "P-14")
def test_searches_stay_inside_what_servers_know(templates: list[str]) -> None:
    for text in templates:
        pairs = [pair.partition("=") for pair in text.partition("?")[2].split("&") if pair]
        for name, _, value in pairs:
            assert name in ("patient", "code", "_sort", "_count"), text
            assert name != "_sort" or re.fullmatch(r"-?[a-z]+", value)


@pytest.mark.row("P-09", "P-10", "P-11", "P-12")
def test_no_template_needs_another_or_a_path(templates: list[str]) -> None:
    assert not any(re.search(r"%[a-z]|ofType|today\(|resolve\(", text) for text in templates)


@pytest.mark.row("P-13", "P-16")
def test_keys_are_plain_and_the_encounter_is_not_asked_for(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) for key in each["prefetch"])
        assert not any("encounter" in text.lower() for text in each["prefetch"].values())


@pytest.mark.row("P-15")
def test_few_lists_are_requested(services: list[dict[str, Any]]) -> None:
    """At most seven reads; only results that some rule uses."""
    for each in services:
        assert len(each["prefetch"]) <= 7
        assert "code=" in each["prefetch"]["labs"]


@pytest.mark.row("V-04", "B-01")
def test_the_service_publishes_its_capabilities(ehr: Ehr) -> None:
    described = ehr.call("GET", "/openapi.json", token=None).json()
    for path in HOOKS.values():
        assert {"post"} == set(described["paths"][path]) == set(described["paths"][f"{path}/feedback"])
        attributes = described["paths"][f"{path}/source-attributes"]["get"]["responses"]["200"]["content"]
        for kind, content in attributes.items():
            answer = ehr.call("GET", f"{path}/source-attributes", token=None, Accept=kind)
            assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(kind)
            if kind == "application/json":
                Draft202012Validator(content["schema"]).validate(answer.json())
                assert set(content["schema"]["required"]) == set(answer.json())
