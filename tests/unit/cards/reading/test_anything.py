"""Properties: no JSON makes reading fail, and what does not matter changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards.fhir.bundles import unwrap
from cards.labs.analytes import analyte
from cards.labs.units import canonical, canonical_text
from cards.reading import read_chart
from cards.reading.results import read_results
from tests.builders.observations import CODES, LOINC, NOW, TODAY, UCUM, ZONE, coded, observation, read

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
likely = st.sampled_from(
    ["final", "Observation", "Bundle", "OperationOutcome", "ng/mL", "%", "2276-4", "2502-3", LOINC, UCUM, "2026-05-20"]
)
anything = st.recursive(
    scalars | likely,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
MEMBERS = (
    *("resourceType", "id", "meta", "status", "code", "subject", "patient", "effectiveDateTime", "effectivePeriod"),
    *(
        "effectiveInstant",
        "issued",
        "valueQuantity",
        "valueString",
        "valueInteger",
        "component",
        "hasMember",
        "related",
    ),
    *("contained", "specimen", "dataAbsentReason", "modifierExtension", "entry", "link", "total", "issue", "resource"),
    *("coding", "system", "value", "unit", "comparator", "reference", "severity", "details", "valueDateTime"),
)
shaped = st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=8)
observations = st.dictionaries(st.sampled_from(MEMBERS), anything | st.lists(shaped, max_size=2), max_size=6).map(
    lambda members: {**observation("ferritin", 38, "ng/mL"), **members, "resourceType": "Observation"}
)
RELAXED = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@pytest.mark.slow
@RELAXED
@given(st.lists(observations | shaped | anything, max_size=4))
def test_no_observation_makes_reading_fail(resources: list[Any]) -> None:
    results = read_results(resources, patient_id="7", today=TODAY, zone=ZONE)
    for each in results.labs:
        assert each.when.first <= TODAY and each.status in ("final", "amended", "corrected")


@pytest.mark.slow
@RELAXED
@given(shaped | anything, shaped | anything, anything)
def test_no_answer_makes_the_chart_fail(one: Any, other: Any, selections: Any) -> None:
    gathered = {"labs": unwrap(one), "conditions": unwrap(other), "patient": unwrap(one), "orders": unwrap(other)}
    named = selections if isinstance(selections, list) else None
    read_chart(gathered, patient_id="7", now=NOW, zone=ZONE, drafts=other, selections=named)


@pytest.mark.slow
@RELAXED
@given(anything, anything, anything, anything, anything, st.sampled_from(sorted(CODES)))
def test_no_quantity_makes_conversion_fail(
    value: Any, comparator: Any, unit: Any, code: Any, system: Any, name: str
) -> None:
    canonical(analyte(name), value, comparator, unit=unit, code=code, system=system)


@RELAXED
@given(st.text(max_size=80))
def test_no_words_make_conversion_fail(words: str) -> None:
    canonical_text(analyte("ferritin"), words)


def nested(depth: int, key: str | None) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = {key: value} if key else [value]
    return value


@pytest.mark.parametrize("key", [None, "resource", "coding", "concept", "reference", "contained", "text"])
@pytest.mark.parametrize("place", ["code", "subject", "specimen", "component", "contained", "status", "valueQuantity"])
def test_depth_is_survived(key: str | None, place: str) -> None:
    """As deep as the service's own limit on bodies allows, and then some."""
    deep = {**observation("ferritin", 38, "ng/mL"), place: nested(200, key)}
    read_results([deep], patient_id="7", today=TODAY, zone=ZONE)
    unwrap(nested(5000, key))
    unwrap({"resourceType": "Bundle", "entry": nested(200, key)})


CASES = [
    observation("ferritin", 38, "ng/mL", id="f"),
    observation("ferritin", 90, "ng/mL", id="g", effectiveDateTime="2026-05-21T10:00:00Z"),
    observation("tsat", 24, "%", id="t"),
    observation("iron", 10.7, "umol/L", id="i"),
    observation("tibc", 300, "ug/dL", id="b"),
    observation("vitd3", 45, "nmol/L", id="3"),
    observation("vitd2", 5, "ng/mL", id="2"),
    observation("calcium", 9.9, "mg/dL", id="c"),
    observation("albumin", 30, "g/L", id="a"),
    observation("b12", 366, "pmol/L", id="12"),
    observation("folate", valueString=">20", id="q"),
]


@pytest.mark.slow
@RELAXED
@given(st.permutations(CASES))
def test_the_order_of_entries_changes_nothing(resources: list[dict[str, Any]]) -> None:
    straight, shuffled = read(*CASES), read(*resources)
    assert set(straight.labs) == set(shuffled.labs)
    assert set(straight.unusable) == set(shuffled.unusable)


@pytest.mark.slow
@RELAXED
@given(st.lists(st.sampled_from(CASES), max_size=5))
def test_a_duplicate_changes_nothing(again: list[dict[str, Any]]) -> None:
    assert set(read(*CASES, *copy.deepcopy(again)).labs) == set(read(*CASES).labs)


@pytest.mark.slow
@RELAXED
@given(st.text(max_size=6))
def test_a_result_of_something_else_changes_nothing(code: str) -> None:
    other = observation("ferritin", 5, "mmol/L", code={"coding": [{"system": "urn:x", "code": code}]})
    assert read(*CASES, other) == read(*CASES)


def test_results_are_values() -> None:
    """Equal, hashable, and free of anything a request said in words."""
    hostile = observation("ferritin", 38, "<script>alert(1)</script>", code=coded("2276-4"))
    assert "script" not in repr(read(hostile))
