"""`>x` and `>=x` at a stop fire at least that stop; one below it says nothing more (clinical amendments 2, 1.5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, answers

_VITAMIN_D: dict[str, Any] = {"drafts": ["vitd ergocalciferol 50000IU"]}
_MAGNESIUM: dict[str, Any] = {"drafts": ["magnesium-oral magnesium oxide 400"]}
_IRON: dict[str, Any] = {"drafts": ["iron-oral ferrous sulfate 65"]}
_DIALYSIS: dict[str, Any] = {"person": "63 M esrd", "dx": ["rls", "haemodialysis-dependence+dialysis-dependence"]}
#: Every stop that a card has: decision, limit, the step to the next number, what fires at it, the rest of the chart.
STOPS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("vitamin_d_order", "vitd.high", "0.1", "OS-VITD:warning", _VITAMIN_D),
    ("vitamin_d_order", "vitd.tox", "0.1", "OS-VITD:critical", _VITAMIN_D),
    ("vitamin_d_order", "ca_hi", "0.01", "OS-VITD:warning", _VITAMIN_D),
    ("vitamin_d_order", "ca_severe", "0.01", "OS-VITD:critical", _VITAMIN_D),
    ("magnesium_order", "mg.high", "0.01", "OS-MG:warning", _MAGNESIUM),
    ("magnesium_order", "mg.severe", "0.01", "OS-MG:critical", _MAGNESIUM),
    ("vitamin_d", "vitd.high", "0.1", "VITD-HIGH:warning", {}),
    ("vitamin_d", "ca_hi", "0.01", "VITD-TOX:critical", {"labs": ["vitd 160 ng/mL 26d"]}),
    ("vitamin_d", "vitd.tox", "0.1", "VITD-TOX:critical", {"labs": ["calcium 11 mg/dL 26d"]}),
    ("b6", "plp.high", "0.1", "B6-HIGH:info", {}),
    ("b12", "mma.high", "0.01", "B12-LOW:warning", {"labs": ["b12 250 pg/mL 26d"]}),
    ("iron_status", "tsat.high", "0.1", "IRON-HIGH-TSAT:warning", {"labs": ["ferritin 40 ng/mL 26d"]}),
    ("iron_status", "ferritin.very_high", "0.1", "IRON-HIGH-FERR:info", {"labs": ["tsat 30 % 26d"]}),
    ("iron_order", "ferritin.high", "0.1", "OS-IRON-F300:warning", {**_IRON, "labs": ["tsat 30 % 26d"]}),
    ("iron_order", "tsat.high", "0.1", "OS-IRON-TSAT45:warning", {**_IRON, "labs": ["ferritin 40 ng/mL 26d"]}),
    (
        "iron_order",
        "esrd.hold_ferritin",
        "0.1",
        "OS-IRON-ESRD-HOLD:warning",
        {**_DIALYSIS, **_IRON, "labs": ["tsat 30 % 26d"]},
    ),
)


def fires(stop: tuple[str, str, str, str, dict[str, Any]], comparator: str, value: Decimal) -> bool:
    decision, name, _, expected, case = stop
    limit = RULES.limit(name)
    result = f"{limit.analyte} {comparator}{value} {limit.unit} 26d"
    labs = [*case.get("labs", []), result]
    assert chart({**case, "labs": labs}).labs
    return expected in answers(decision, {**case, "labs": labs}, RULES)


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: f"{stop[0]}: {stop[1]}")
def test_a_stop_fires_for_what_is_reported_as_above_it(stop: tuple[str, str, str, str, dict[str, Any]]) -> None:
    limit, step = RULES.limit(stop[1]), Decimal(stop[2])
    for comparator in (">", ">="):
        assert fires(stop, comparator, limit.value)
        assert fires(stop, comparator, limit.value + step)
        assert fires(stop, comparator, limit.value - step) is False
    assert fires(stop, "", limit.value + step)
    assert fires(stop, "", limit.value) is (limit.side == "at or above")
    # what lies below a number reaches no stop, wherever that number lies
    assert not any(fires(stop, comparator, limit.value) for comparator in ("<", "<="))
