"""A newer ferritin that may not be used, as laboratories send it, beside an older normal one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cards.decisions.decide import PATIENT_VIEW, decide
from tests.builders.observations import TODAY, observation, read
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES

_RANGE = [{"low": {"value": 13, "unit": "ng/mL"}, "high": {"value": 150, "unit": "ng/mL"}}]
_NOT_LOW: tuple[dict[str, Any], ...] = (
    {"valueString": "190 ng/mL (H)"},
    {"valueString": "190ng/mL H"},
    {"valueString": "190", "referenceRange": _RANGE},
    {"valueQuantity": {"value": 180}, "referenceRange": _RANGE},
    {"valueQuantity": {"value": 180}, "referenceRange": [{"text": "13-150 ng/mL"}]},
    {"valueQuantity": {"value": 100, "unit": "ng/mL"}, "status": "cancelled"},
    {"valueQuantity": {"value": 38, "unit": "ng/mL"}, "status": "entered-in-error"},
)
_MAY_BE_LOW: tuple[dict[str, Any], ...] = (
    {"valueQuantity": {"value": 190}},
    {"valueString": "38 ng/mL (L)"},
    {"valueString": "190 ng/mL, before 38 ng/mL"},
    {"valueString": "190 ng/mL on 4 doses"},
    {"valueString": "<190 ng/mL (H)"},
    {"valueQuantity": {"value": 180}, "referenceRange": [{"text": "30-340 pmol/L"}]},
    {"valueQuantity": {"value": 180}, "referenceRange": [*_RANGE, {"text": "30-340 pmol/L"}]},
    {"valueQuantity": {"value": 180}, "referenceRange": [{"text": "13-150"}]},
    {"valueQuantity": {"value": 180, "unit": "of these"}, "referenceRange": _RANGE},
    {"valueQuantity": {"value": 38}, "referenceRange": _RANGE},
)


def cards(newer: dict[str, Any]) -> list[str]:
    found = read(observation("ferritin", **newer))
    assert found.unusable and not found.labs
    older = chart({"today": TODAY, "labs": ["ferritin 190 ng/mL 2026-05-01", "tsat 30 % 2026-05-01"]})
    return [each.card for each in decide(replace(older, unusable=found.unusable), RULES, PATIENT_VIEW).fired]


@pytest.mark.parametrize("newer", _NOT_LOW)
def test_one_that_is_not_low_by_the_unit_beside_it_is_no_reason_to_measure(newer: dict[str, Any]) -> None:
    assert cards(newer) == []


@pytest.mark.parametrize("newer", _MAY_BE_LOW)
def test_one_that_may_be_low_is_measured_again(newer: dict[str, Any]) -> None:
    assert cards(newer) == ["IRON-TEST"]


def test_a_unit_beside_a_number_lifts_no_stop() -> None:
    newer = {"valueQuantity": {"value": 500}, "referenceRange": [{"text": "30-340 pmol/L"}]}
    (result,) = read(observation("ferritin", **newer)).unusable
    assert [each.text for each in result.stated] == ["222.5 ng/mL"]
    assert "500 ng/mL" in [each.text for each in result.possible]
