"""Structured doses: quantities without a unit, units in other languages, and the highest of what is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cards.drugs.dose import daily_dose
from cards.drugs.recognise import recognise
from cards.facts.drugs import DailyDose

_DAILY: dict[str, Any] = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
_B6 = "vitamin B6 50 mg tablet"
_PIECES = (
    "Stück|Stk.|Tablette|Tabletten|Tablette(n)|tab(s)|Tab|comprimé|comprimés|comprimé(s)|cápsula|cápsulas|compressa|"
    "compresse|Kapsel(n)|gélule|comprimido|Filmtablette|film-coated tablet|Film-coated tablet (basic dose form)|"
    "extended release tablet|comprimé pelliculé"
)
_MOST = {"numerator": {"value": 300, "unit": "mg"}, "denominator": {"value": 1, "unit": "d"}}


def dose_of(name: str, instruction: dict[str, Any]) -> DailyDose:
    product = recognise({"text": name})
    assert product is not None, name
    return daily_dose([instruction], product)


def quantity(value: object, unit: str | None = None) -> dict[str, Any]:
    return {"value": value, "unit": unit} if unit else {"value": value}


def daily(*doses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"timing": _DAILY, "doseAndRate": list(doses), **more}


def mg_of(name: str, instruction: dict[str, Any]) -> str | None:
    (mg,) = dose_of(name, instruction).fullest_mg.values()
    return None if mg is None else f"{mg:f}"


@pytest.mark.parametrize(
    ("name", "value", "mg"),
    [
        ("gabapentin 300 mg capsule", 300, "300"),  # the strength
        ("gabapentin 300 mg capsule", 600, "600"),
        ("gabapentin 300 mg capsule", 150, "150"),
        ("gabapentin 300 mg capsule", 2, "600"),
        ("gabapentin 300 mg capsule", "0.5", "150"),
        ("gabapentin 300 mg capsule", 12, "3600"),
        ("gabapentin 300 mg capsule", 13, None),
        ("gabapentin 300 mg capsule", 400, None),
        ("gabapentin 300 mg capsule", 9000, None),  # nobody takes thirty
        ("gabapentin", 2, None),
        ("folic acid 400 mcg tablet", 400, "0.4"),
        ("folic acid 1 mg tablet", 1, "1"),
        ("pramipexole 0.25 mg tablet", "0.25", "0.25"),
        ("pramipexole 0.25 mg tablet", "0.5", "0.5"),
        ("pramipexole 1 mg tablet", "0.5", "0.5"),
        ("ropinirole 2 mg tablet", 3, "6"),
        ("ferrous sulfate 325 mg tablet", 325, "325"),
        ("ferrous sulfate 325 mg tablet", 65, None),
        ("cholecalciferol 1.25 mg capsule", "1.25", "1.25"),
    ],
)
def test_a_bare_number_is_pieces_only_where_it_can_be(name: str, value: object, mg: str | None) -> None:
    assert mg_of(name, daily({"doseQuantity": quantity(value)})) == mg
    assert mg_of(name, daily({"doseQuantity": {"value": value, "code": "1"}})) == mg


@pytest.mark.parametrize(
    ("name", "value", "counted"),
    [("ropinirole 2 mg tablet", 2, "4"), ("ropinirole 5 mg tablet", 5, "25")],
)
def test_a_few_that_are_the_strength_too_are_pieces_only_where_they_are_counted(
    name: str, value: int, counted: str
) -> None:
    assert mg_of(name, daily({"doseQuantity": {"value": value, "code": "1"}})) == counted
    assert mg_of(name, daily({"doseQuantity": {"value": value, "unit": "1"}})) == counted
    assert mg_of(name, daily({"doseQuantity": {"value": value}})) is None
    assert mg_of(name, daily({"doseQuantity": {"value": value, "unit": "mg"}})) == str(value)


def test_a_bare_number_may_be_units_and_names_no_ingredient_of_several() -> None:
    vitamin_d = dose_of("vitamin D3 50000 units capsule", daily({"doseQuantity": quantity(50000)}))
    assert vitamin_d.fullest_units == {"cholecalciferol": 50000}
    levodopa = dose_of("carbidopa 25 mg-levodopa 100 mg tablet", daily({"doseQuantity": quantity(100)}))
    assert levodopa.mg == {"carbidopa": None, "levodopa": None}


@pytest.mark.parametrize(
    ("low", "high", "mg"),
    [
        (quantity(250, "mg"), quantity(500), "500"),
        (quantity(250), quantity(500, "mg"), "500"),
        (quantity(250, "mg"), {"value": 500, "unit": ""}, "500"),
        (quantity(1), quantity(2), "1000"),
        (quantity(250, "mg"), {}, "250"),
        ({}, quantity(500, "mg"), "500"),
        (quantity(1, "tablet"), quantity(1000, "mg"), "1000"),
    ],
)
def test_one_end_of_a_range_has_the_unit_of_the_other(low: dict[str, Any], high: dict[str, Any], mg: str) -> None:
    assert mg_of("vitamin C 500 mg tablet", daily({"doseRange": {"low": low, "high": high}})) == mg


@pytest.mark.parametrize("unit", _PIECES.split("|"))
def test_pieces_in_other_words(unit: str) -> None:
    assert mg_of(_B6, daily({"doseQuantity": quantity(2, unit)})) == "100"


@pytest.mark.parametrize("unit", ["puff", "film", "tablet spoon", "Beutel", "oral"])
def test_other_units_are_not_read(unit: str) -> None:
    assert mg_of(_B6, daily({"doseQuantity": quantity(2, unit)})) is None


@pytest.mark.parametrize(
    ("doses", "mg"),
    [
        ([("calculated", 50, "mg"), ("ordered", 100, "mg")], "100"),
        ([("ordered", 100, "mg"), ("calculated", 150, "mg")], "150"),
        ([("calculated", 1, "tablet"), ("ordered", 100, "mg")], "100"),
        ([("calculated", 1, "tablet"), ("", 100, "mg")], "50"),
        ([("calculated", 50, "mg"), ("ordered", 2, "puff")], None),
    ],
)
def test_of_several_doses_the_largest_counts(doses: list[tuple[str, int, str]], mg: str | None) -> None:
    told = [{"type": {"text": kind}, "doseQuantity": quantity(value, unit)} for kind, value, unit in doses]
    coded = [{**dose, "type": {"coding": [{"code": kind}]}} for dose, (kind, *_) in zip(told, doses, strict=True)]
    assert mg_of(_B6, daily(*told)) == mg
    assert mg_of(_B6, daily(*coded)) == mg


@pytest.mark.parametrize("most", [_MOST, [_MOST], [{**_MOST, "numerator": quantity(100, "mg")}, _MOST]])
@pytest.mark.parametrize(
    "as_needed",
    [
        {"asNeeded": True},
        {"asNeededBoolean": True},
        {"asNeededCodeableConcept": {"text": "pain"}},
        {"asNeededFor": [{"text": "pain"}]},
    ],
)
def test_as_needed_is_counted_at_the_most_of_a_period(most: object, as_needed: dict[str, Any]) -> None:
    one = {"doseQuantity": quantity(50, "mg")}
    assert mg_of(_B6, {"doseAndRate": [one], "maxDosePerPeriod": most, **as_needed}) == "300"
    assert mg_of(_B6, daily(one, maxDosePerPeriod=most, **as_needed)) == "300"
    assert mg_of(_B6, daily(one, maxDosePerPeriod=most)) == "50"  # the dose of the day is told, the most is a limit
    assert mg_of(_B6, {"text": "as directed", "maxDosePerPeriod": most}) == "300"


@pytest.mark.parametrize(
    ("above", "below", "mg"),
    [
        (quantity(6, "tablet"), quantity(24, "h"), "300"),
        (quantity(6, "tablet"), {"value": 1, "code": "d", "unit": "Tag"}, "300"),
        (quantity(350, "mg"), quantity(1, "wk"), "350"),  # all of it on one day
        (quantity(6, "tablet"), quantity(1, "bottle"), None),
        (quantity(6, "puff"), quantity(1, "d"), None),
        (quantity(6, "tablet"), {}, None),
    ],
)
def test_a_period_of_any_length(above: dict[str, Any], below: dict[str, Any], mg: str | None) -> None:
    most = {"numerator": above, "denominator": below}
    one = {"doseQuantity": quantity(1, "tablet")}
    assert mg_of(_B6, {"doseAndRate": [one], "asNeeded": True, "maxDosePerPeriod": most}) == mg


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("50 mg three times a day", "150"),
        ("2 tablets three times a day", "300"),
        ("50 mg daily x 3 days, then 50 mg tid", "150"),
        ("50 mg, max 300 mg a day", "50"),  # a limit of a dose that is told
        ("half a tablet daily", "50"),  # lower than the structure
        ("take with water", "50"),
        ("titrate as tolerated", None),
    ],
)
def test_the_higher_of_words_and_structure_counts(text: str, mg: str | None) -> None:
    assert mg_of(_B6, daily({"doseQuantity": quantity(50, "mg")}, text=text)) == mg


def test_the_most_in_words_is_a_limit_where_the_dose_of_the_day_is_told() -> None:
    most = {"additionalInstruction": [{"text": "No more than 6 tablets a day"}]}
    one = {"doseQuantity": quantity(1, "tablet")}
    assert mg_of(_B6, daily(one, **most)) == "50"
    assert mg_of(_B6, {"text": "1 tablet twice a day", **most}) == "100"
    assert mg_of(_B6, {"text": "1 tablet as needed", **most}) == "300"
    assert mg_of(_B6, daily(one, asNeeded=True, **most)) == "300"
    assert mg_of(_B6, {"doseAndRate": [one], "text": "as needed", **most}) == "300"


def test_a_rise_without_a_top_leaves_what_is_told_as_the_least() -> None:
    found = dose_of(_B6, daily({"doseQuantity": quantity(100, "mg")}, text="50 mg daily, titrate as tolerated"))
    assert (found.fullest_mg, found.least_mg) == ({"pyridoxine": None}, {"pyridoxine": Decimal(100)})


def test_a_mass_of_iron_is_not_compared_with_pieces() -> None:
    found = dose_of("ferrous sulfate 325 mg tablet", daily({"doseQuantity": quantity(130, "mg")}, text="1 tab daily"))
    assert found.elemental_iron_mg == 130
