"""A newer iron value that may be high and cannot be used stops iron, and no card advises it on an older one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import SIGN, VIEW, application, bare, bundle, card_codes, ferritin, prefetch, rls

LOINC = "http://loinc.org"
IRON = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": {"text": "ferrous sulfate 325 MG oral tablet"},
    "dosageInstruction": [{"text": "1 tablet daily"}],
}
#: A value by number and unit, in shapes that are no one value.
SHAPES: dict[str, Any] = {
    "preliminary": lambda value, unit: {"status": "preliminary", "valueQuantity": {"value": value, "unit": unit}},
    "flag": lambda value, unit: {"valueString": f"{value}*"},
    "circa": lambda value, unit: {"valueString": f"ca. {value} {unit}"},
    "arrow": lambda value, unit: {"valueString": f"↑ {value} {unit}"},
    "range": lambda value, unit: {"valueRange": {end: {"value": value, "unit": unit} for end in ("low", "high")}},
    "ratio": lambda value, unit: {"valueRatio": {"numerator": {"value": value}, "denominator": {"value": 1}}},
    "text": lambda value, unit: {"valueQuantity": {"value": f"{value} {unit}"}},
    "absent": lambda value, unit: {
        "valueQuantity": {"value": value, "unit": unit},
        "dataAbsentReason": {"text": "masked"},
    },
    "part": lambda value, unit: {
        "component": [{"code": {"text": "Result"}, "valueQuantity": {"value": value, "unit": unit}}]
    },
}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()


def result(code: Any, name: str, on: str, **members: Any) -> dict[str, Any]:
    told = {key: value for key, value in ferritin(1, name=name, on=on).items() if key != "valueQuantity"}
    return {
        **told,
        "code": code if isinstance(code, dict) else {"coding": [{"system": LOINC, "code": code}]},
        **members,
    }


def cards(client: FlaskClient, newer: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The cards on signing oral iron and on opening the chart, with an older low ferritin and saturation."""
    saturation = result("2502-3", "t", "2026-05-01", valueQuantity={"value": 18, "unit": "%"})
    told = prefetch() | {
        "conditions": bundle(rls()),
        "labs": bundle(ferritin(38, name="old", on="2026-05-01"), saturation, newer),
    }
    signing = bare(prefetch=told, hook="order-sign")
    signing["context"]["draftOrders"] = bundle(IRON)
    answers = (client.post(SIGN, json=signing), client.post(VIEW, json=bare(prefetch=told)))
    signed, viewed = (card_codes(each.get_json()) for each in answers)
    return signed, viewed


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("code", "value", "unit", "stop"), [("2276-4", 812, "ng/mL", "OSIRONF300"), ("2502-3", 52, "%", "OSIRONTSAT45")]
)
def test_a_high_value_in_any_shape_stops_iron(
    client: FlaskClient, code: str, value: int, unit: str, stop: str, shape: str
) -> None:
    signed, viewed = cards(client, result(code, "new", "2026-06-01", **SHAPES[shape](value, unit)))
    assert stop in signed
    assert "IRONLOW" not in viewed


@pytest.mark.parametrize(
    "code",
    [
        {"text": "Ferritin"},
        {"coding": [{"display": "S-Ferritin"}]},
        {"coding": [{"system": "urn:lab", "code": "FERR"}], "text": "Ferritin"},
    ],
    ids=["text", "display", "local code"],
)
def test_a_high_ferritin_in_words_stops_iron(client: FlaskClient, code: dict[str, Any]) -> None:
    newer = result(code, "new", "2026-06-01", valueQuantity={"value": 812, "unit": "ng/mL"})
    signed, viewed = cards(client, newer)
    assert "OSIRONF300" in signed
    assert "IRONLOW" not in viewed


@pytest.mark.parametrize(
    "members",
    [
        {"valueString": "QNS"},
        {"valueString": "pending, result in 24-48 hours"},
        {"dataAbsentReason": {"text": "not performed"}},
        {"status": "registered"},
        {"code": {"text": "Ferritin index"}, "valueQuantity": {"value": 812}},
        {"code": {"text": "Transferrin"}, "valueQuantity": {"value": 812}},
    ],
)
def test_what_holds_no_value_of_ours_stops_nothing(client: FlaskClient, members: dict[str, Any]) -> None:
    newer = result(
        members.get("code", "2276-4"), "new", "2026-06-01", **{key: members[key] for key in members if key != "code"}
    )
    signed, viewed = cards(client, newer)
    assert signed == []
    assert "IRONLOW" in viewed


@pytest.mark.parametrize(("status", "stops"), [("final", True), ("preliminary", True), ("entered-in-error", False)])
def test_a_contained_result_counts_as_its_report_does(client: FlaskClient, status: str, stops: bool) -> None:
    member = result("2276-4", "m", "2026-06-01", valueQuantity={"value": 812, "unit": "ng/mL"})
    report = result("50190-8", "r", "2026-06-01", resourceType="DiagnosticReport", status=status, contained=[member])
    signed, viewed = cards(client, report)
    assert ("OSIRONF300" in signed, "IRONLOW" in viewed) == (stops, not stops)
