"""Discovery and prefetch templates as a client of the open network sees them: rows D-xx, P-xx, H-01."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.http.build import good
from tests.protocol.ehr import SELECT, SIGN, VIEW, Ehr

TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
USER_TOKENS = {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
#: The fields of each hook's context that the hook's definition lets a template use.
CONTEXT_TOKENS = {"context.userId", "context.patientId", "context.encounterId"}
HOOKS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}


@pytest.fixture(scope="module")
def services(ehr: Ehr) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ehr.call("GET", "/cds-services", token=None).json()["services"]
    return listed


@pytest.fixture(scope="module")
def templates(services: list[dict[str, Any]]) -> list[str]:
    return [text for each in services for text in each["prefetch"].values()]


def test_discovery_is_there_and_succeeds_d01_d02_d15(ehr: Ehr) -> None:
    answer = ehr.call("GET", "/cds-services", token=None)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(answer.json(), dict) and isinstance(answer.json()["services"], list)


def test_each_service_has_its_members_d04_d06_d07_d09(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert all(isinstance(each[name], str) and each[name] for name in ("hook", "id", "description", "title"))
        assert isinstance(each["usageRequirements"], str)


def test_only_members_of_the_specification_d14_n01(services: list[dict[str, Any]]) -> None:
    allowed = {"hook", "id", "title", "description", "usageRequirements", "version", "prefetch"}
    assert all(set(each) <= allowed for each in services)


def test_ids_are_safe_in_an_address_and_stay_d17(services: list[dict[str, Any]]) -> None:
    assert [each["id"] for each in services] == ["rls-patient-view", "rls-order-sign", "rls-order-select"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", each["id"]) and each["id"] != "feedback" for each in services)


def test_hooks_are_those_of_the_library_d22_h01(services: list[dict[str, Any]]) -> None:
    """None is deprecated and none is our own, which would need a reversed domain."""
    assert [each["hook"] for each in services] == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_service_answers_at_its_address_d05_r01(ehr: Ehr, hook: str) -> None:
    assert ehr.post(HOOKS[hook], good(hook)).status_code == 200


def test_prefetch_is_a_map_of_relative_queries_d08_d21_p01(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert each["prefetch"]
        for text in each["prefetch"].values():
            assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{[^}]+\}\}|\?.+)", text), text


def test_tokens_are_well_formed_p02_p03_p04_p05_p06(templates: list[str]) -> None:
    for text in templates:
        assert not set(TOKEN.sub("", text)) & {"{", "}"}
        assert set(TOKEN.findall(text)) <= CONTEXT_TOKENS | USER_TOKENS
        assert not re.search(r"Practitioner/\{\{context\.userId", text)


def test_searches_stay_inside_what_servers_know_p07_p08_p14(templates: list[str]) -> None:
    for text in templates:
        pairs = [pair.partition("=") for pair in text.partition("?")[2].split("&") if pair]
        for name, _, value in pairs:
            assert name in ("patient", "code", "_sort", "_count"), text
            assert name != "_sort" or re.fullmatch(r"-?[a-z]+", value)


def test_no_template_needs_another_or_a_path_p09_p10_p11_p12(templates: list[str]) -> None:
    assert not any(re.search(r"%[a-z]|ofType|today\(|resolve\(", text) for text in templates)


def test_keys_are_plain_and_the_encounter_is_not_asked_for_p13_p16(services: list[dict[str, Any]]) -> None:
    for each in services:
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) for key in each["prefetch"])
        assert not any("encounter" in text.lower() for text in each["prefetch"].values())


def test_few_lists_are_asked_for_p15(services: list[dict[str, Any]]) -> None:
    """Seven reads at most; results only of the codes that some rule looks at; allergies only with orders."""
    for each in services:
        assert len(each["prefetch"]) <= 7
        assert "code=" in each["prefetch"]["labs"]
        assert ("allergies" in each["prefetch"]) == (each["hook"] != "patient-view")


def test_what_the_service_can_do_is_published_v04_b01(ehr: Ehr) -> None:
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
