"""What a card may offer to order is recognised as that order when it comes back."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from cards.knowledge.code_systems import LOINC
from cards.knowledge.valuesets import load_valueset
from cards.reading import lab_orders

ORDERABLES = tomllib.loads((files("cards") / "presenting" / "orderables.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ORDERABLES["tests"])
def test_an_order_we_create_is_one_we_recognise(name: str) -> None:
    code = ORDERABLES["tests"][name]["code"]
    order = {"resourceType": "ServiceRequest", "code": {"coding": [{"system": LOINC, "code": code}]}}
    assert lab_orders.tests_ordered(order) == {name}
    assert not load_valueset(f"order-{name}").codes[LOINC, code].unverified


@pytest.mark.parametrize("name", ["ferritin", "iron-panel", "tsat"])
def test_iron_studies_tell_the_patient_morning_fasting_and_no_iron_for_24_hours(name: str) -> None:
    told = ORDERABLES["tests"][name]["instruction"]
    assert all(word in told for word in ("Morning", "fasting", "24 hours"))
