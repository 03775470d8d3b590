"""Thousands of generated requests: no unplanned 5xx, and every response valid by the OpenAPI document.

The long forms: `pytest -m full tests/protocol/test_generated.py -s` prints the figures.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as conforms

from tests.builders.service import application, assert_nothing_empty
from tests.protocol.generated_requests import hook_calls

pytestmark = pytest.mark.slow

ANSWERED = {200, 400, 412, 413}
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
#: Checks that nothing breaks, and that responses match the description.
CHECKS = [
    not_a_server_error,
    conforms.status_code_conformance,
    conforms.content_type_conformance,
    conforms.response_schema_conformance,
]
#: Operations that a generated body can be sent to.
HOOKS = ("rls-patient-view", "rls-order-sign", "rls-order-select")
POSTS = [f"/cds-services/{hook}{rest}" for hook in HOOKS for rest in ("", "/feedback")]


@cache
def service() -> Flask:
    return application().__enter__()


@cache
def published() -> dict[tuple[str, str], Draft202012Validator]:
    """Return the schema of each response by path and status, from /openapi.json."""
    described = service().test_client().get("/openapi.json").get_json()
    found = {}
    for path, methods in described["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                schema = answer["content"]["application/json"]["schema"]
                found[path, status] = Draft202012Validator(schema | {"components": described["components"]})
    return found


def judge(http: FlaskClient, path: str, body: Any) -> str:
    answer = http.post(path, json=body)
    status = str(answer.status_code)
    assert answer.status_code in ANSWERED, (status, answer.get_data(as_text=True))
    published()[path, status].validate(answer.get_json())
    assert_nothing_empty(answer.get_json())
    if status != "200":
        return status
    return f"200 with {'cards' if answer.get_json()['cards'] else 'no card'}"


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(hook_calls())
def test_hundreds_of_generated_calls(call: tuple[str, Any]) -> None:
    judge(service().test_client(), *call)


@pytest.mark.full
def test_ten_thousand_generated_calls() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=10_000, deadline=None, suppress_health_check=SLOW)
    @given(hook_calls())
    def run(call: tuple[str, Any]) -> None:
        seen[judge(service().test_client(), *call)] += 1

    run()
    print(f"\n{sum(seen.values())} generated calls: {dict(seen.most_common())}")
    assert sum(seen.values()) >= 10_000


@cache
def described() -> Any:
    """Return the description as schemathesis reads it, from the running application."""
    return schemathesis.openapi.from_wsgi("/openapi.json", service())


def schemathesis_calls(path: str, mode: GenerationMode, count: int) -> Counter[int]:
    """Send bodies that schemathesis generates from the description, valid or invalid."""
    seen: Counter[int] = Counter()

    @settings(max_examples=count, deadline=None, suppress_health_check=SLOW, derandomize=count < 1000)
    @given(described()[path]["POST"].as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        answer = case.call_and_validate(checks=CHECKS)
        seen[answer.status_code] += 1

    run()
    return seen


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", POSTS)
def test_schemathesis_finds_the_service_true_to_its_description(path: str, mode: GenerationMode) -> None:
    assert schemathesis_calls(path, mode, 25)


@pytest.mark.full
def test_schemathesis_ten_thousand_times() -> None:
    seen: Counter[int] = Counter()
    for path in POSTS:
        for mode in GenerationMode:
            seen += schemathesis_calls(path, mode, 850)
    print(f"\n{sum(seen.values())} calls by schemathesis: {dict(seen.most_common())}")
    assert sum(seen.values()) >= 10_000
