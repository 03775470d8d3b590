"""Discovery and prefetch templates: protocol D-xx and P-xx."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cds_service.web.json_schema import load_schema
from tests.builders.service import application, assert_nothing_empty, good, settings

TEMPLATE = re.compile(r"[A-Z][A-Za-z]+(/\{\{[^}]+\}\}|\?.+)")


def services(http: FlaskClient) -> dict[str, dict]:
    return {each["id"]: each for each in http.get("/cds-services").get_json()["services"]}


@pytest.mark.row("D-01", "D-02", "T-03")
def test_discovery_is_an_object_with_a_list_of_services(http: FlaskClient) -> None:
    answer = http.get("/cds-services")
    assert answer.status_code == 200
    Draft202012Validator(load_schema("discovery")).validate(answer.get_json())
    assert_nothing_empty(answer.get_json())


@pytest.mark.row("D-05")
def test_each_service_answers_where_it_says(http: FlaskClient) -> None:
    for name, service in services(http).items():
        assert http.post(f"/cds-services/{name}", json=good(service["hook"])).status_code == 200


@pytest.mark.row("D-12", "D-13", "D-16")
def test_one_hook_per_id_and_no_id_twice(http: FlaskClient) -> None:
    listed = http.get("/cds-services").get_json()["services"]
    assert len({each["id"] for each in listed}) == len({each["hook"] for each in listed}) == len(listed) == 3


@pytest.mark.row("D-10", "D-11")
def test_the_version_is_that_of_the_specification_and_there_is_no_hook_version(http: FlaskClient) -> None:
    assert {each["version"] for each in services(http).values()} == {"2.0.1"}
    assert not any("hookVersion" in each for each in services(http).values())


@pytest.mark.row("D-19")
def test_two_answers_are_byte_identical(http: FlaskClient) -> None:
    assert http.get("/cds-services").data == http.get("/cds-services").data


@pytest.mark.row("D-20")
def test_keys_keep_their_authored_order(http: FlaskClient) -> None:
    text = http.get("/cds-services").get_data(as_text=True)
    order = re.findall(r'"(patient|conditions|labs|medications|allergies|procedures|orders)":"[A-Z]', text)
    assert order == ["patient", "conditions", "labs", "medications", "allergies", "procedures", "orders"] * 3


@pytest.mark.row("D-03")
def test_with_every_service_off_the_list_is_empty() -> None:
    with application(settings(services={})) as app:
        answer = app.test_client().get("/cds-services")
    assert (answer.status_code, answer.get_json()) == (200, {"services": []})


def test_order_select_is_off_unless_switched_on() -> None:
    with application(settings(services={"rls-patient-view": "live", "rls-order-sign": "shadow"})) as app:
        assert set(services(app.test_client())) == {"rls-patient-view", "rls-order-sign"}
        assert app.test_client().post("/cds-services/rls-order-select", json=good("order-select")).status_code == 404


def templates() -> list[tuple[str, str]]:
    with application() as app:
        found = services(app.test_client()).values()
        return [(key, text) for service in found for key, text in service["prefetch"].items()]


@pytest.mark.parametrize(("key", "text"), templates())
def test_templates_use_only_widely_supported_features(key: str, text: str) -> None:
    """See protocol P-01 to P-08 and P-13 to P-16, and sandbox 4.5."""
    assert TEMPLATE.fullmatch(text)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key)
    assert set(re.findall(r"\{\{([^}]*)\}\}", text)) == {"context.patientId"}
    names = [pair.partition("=")[0] for pair in text.partition("?")[2].split("&") if pair]
    assert len(names) == len(set(names)), "a repeated key is joined with a comma, which means or"
    assert set(names) <= {"patient", "code", "_sort", "_count"}
    assert not re.search(r"status|category|intent|_include|encounter|%7C|\s", text)


def test_laboratory_results_are_asked_by_system_and_code_in_one_parameter(http: FlaskClient) -> None:
    labs = services(http)["rls-patient-view"]["prefetch"]["labs"]
    codes = re.search(r"&code=([^&]+)&_sort=-date&_count=200$", labs)
    assert codes and all(re.fullmatch(r"http://loinc\.org\|\d+-\d", one) for one in codes[1].split(","))
    assert "http://loinc.org|2276-4" in codes[1].split(",")
