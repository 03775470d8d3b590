"""An order named by a trade name beside a generic one brings the cards of both; it is never answered with silence."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.builders.service import bundle
from tests.protocol.test_references import IRON, OVERLOAD, RLS, codes, sign


@pytest.mark.parametrize(
    "words",
    [
        "Slow Fe with folic acid", "Ferrograd Folic", "Tardyferon Folsäure", "Palafer folic", "Niferex with B12",
        "Injectafer and vitamin B12", "Feosol with vitamin C", "folic acid and Ferrograd",
    ],
)  # fmt: skip
def test_iron_under_a_trade_name_beside_a_vitamin_is_stopped_by_overload(http: FlaskClient, words: str) -> None:
    order = {name: value for name, value in IRON.items() if name != "medicationCodeableConcept"}
    named = order | {"medicationCodeableConcept": {"text": words}}
    assert "OSIRONOVL" in codes(sign(http, bundle(named), conditions=bundle(RLS, OVERLOAD)))
