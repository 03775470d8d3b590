"""Results that cannot be read as one value, and what they may be (data amendments 3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cards.facts.results import UnusableResult
from cards.fhir.numbers_within import _in_ratio
from cards.labs.analytes import analyte
from cards.labs.units import possible_values, with_signs
from tests.builders.observations import coded, observation, read

#: The analytes whose unreadable value matters, each with a value and its unit: those that stop iron, those of safety.
ANALYTES = {
    "ferritin": ("812", "ng/mL"),
    "tsat": ("52", "%"),
    "iron": ("180", "ug/dL"),
    "magnesium": ("1.1", "mg/dL"),
    "calcium": ("11.2", "mg/dL"),
    "vitd": ("160", "ng/mL"),
    "egfr": ("22", "mL/min/1.73 m2"),
    "phosphate": ("1.9", "mg/dL"),
}
Shape = Callable[[str, str], dict[str, Any]]


def _text(form: str) -> Shape:
    return lambda number, unit: {"valueString": form.format(number, unit)}


def _quantity(number: str, unit: str) -> dict[str, Any]:
    return {"value": float(number), "unit": unit}


_EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
#: Shapes of a result that hold its number and are no one value.
SHAPES: dict[str, Shape] = {
    "flag": _text("{0}*"),
    "flag and unit": _text("{0} {1} ++"),
    "emphasis": _text("**{0}**"),
    "arrow": _text("↑ {0} {1}"),
    "circa": _text("ca. {0} {1}"),
    "above in words": _text("über {0} {1}"),
    "named": _text("Result: {0} {1}"),
    "diluted": _text(">{0} (verdünnt)"),
    "repeated": _text("1 {1} (repeat: {0})"),
    "with its reference range": _text("{0}* (0.1-0.2)"),
    "with a day": _text("{0} of 2026-05-01 08:15"),
    "range in a text": _text("{0}-{0}"),
    "other digits": lambda number, unit: {"valueString": "*" + number.translate(_EASTERN)},
    "text in the number": lambda number, unit: {"valueQuantity": {"value": f"{number} {unit}"}},
    "flag in the number": lambda number, unit: {"valueQuantity": {"value": f"{number}*", "unit": unit}},
    "text for the quantity": lambda number, unit: {"valueQuantity": f"{number} {unit}"},
    "list in the number": lambda number, unit: {"valueQuantity": {"value": [float(number)], "unit": unit}},
    "value of no type": lambda number, unit: {"value": _quantity(number, unit)},
    "coded": lambda number, unit: {"valueCodeableConcept": {"coding": [{"code": "9", "display": f"{number} {unit}"}]}},
    "range": lambda number, unit: {"valueRange": {"low": _quantity("0.5", unit), "high": _quantity(number, unit)}},
    "open range": lambda number, unit: {"valueRange": {"low": _quantity(number, unit)}},
    "ratio": lambda number, unit: {
        "valueRatio": {"numerator": {"value": float(number) * 4}, "denominator": {"value": 4}}
    },
    "ratio of nothing": lambda number, unit: {"valueRatio": {"numerator": _quantity(number, unit)}},
    "attachment": lambda number, unit: {"valueAttachment": {"title": f"{number} {unit}", "data": "OTk5OTk5"}},
    "said to be absent": lambda number, unit: {
        "valueQuantity": _quantity(number, unit),
        "dataAbsentReason": coded("unknown"),
    },
    "text said to be absent": lambda number, unit: {"valueString": f"{number}*", "dataAbsentReason": coded("masked")},
    "empty quantity beside a text": lambda number, unit: {"valueQuantity": {"unit": unit}, "valueString": number},
}  # fmt: skip


def only(**members: Any) -> UnusableResult:
    results = read(observation(**members))
    assert results.labs == ()
    (result,) = results.unusable
    return result


@pytest.mark.parametrize("name", ANALYTES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_number_in_any_shape_is_one_that_the_result_may_have(shape: str, name: str) -> None:
    number, unit = ANALYTES[name]
    result = only(name=name, **SHAPES[shape](number, unit))
    assert result.why in ("not-a-number", "unknown-unit", "no-unit", "two-readings", "said-to-be-absent")
    as_written = analyte(name).quantity(number).rounded(analyte(name).decimals or 3).value
    assert as_written in [each.value for each in result.possible]


@pytest.mark.parametrize("name", ANALYTES)
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"dataAbsentReason": coded("unknown")},
        {"valueQuantity": {"unit": "ng/mL"}},
        {"valueQuantity": {"value": 0, "unit": "ng/mL"}, "dataAbsentReason": coded("masked")},
        {"valueString": "hemolyzed", "dataAbsentReason": coded("error")},
    ],
)
def test_a_result_without_any_value_may_be_nothing(members: dict[str, Any], name: str) -> None:
    result = only(name=name, **members)
    assert (result.why, result.possible, result.numbers) == ("no-value", (), ())


@pytest.mark.parametrize(
    "members",
    [
        *(
            {"valueString": each}
            for each in (
                *("QNS", "hemolyzed", "see note", "pending", "Test not performed", "cancelled on 2026-05-20 at 08:15"),
                *("Befund vom 20.05.2026", "to follow 2026-05-20T08:15:00Z", "24-48 heures", "result in 3 days"),
                *("QNS, reference range 30-400", "hemolyzed (ref. <300)", "x" * 5000, "9" * 40),
            )
        ),
        {"valueDateTime": "2026-05-20"},
        {"valueTime": "08:15:00"},
        {"valuePeriod": {"start": "2026", "end": "2026"}},
        {"valueBoolean": True},
        {"valueReference": {"reference": "Observation/812"}},
        {"valueCodeableConcept": {"coding": [{"system": "urn:x", "code": "812", "display": "see note"}]}},
        {"valueRatio": {}},
        {"valueRange": {"low": {"value": math.nan}, "high": {"value": math.inf}}},
        {"valueSampledData": {"origin": {"value": "E"}, "period": 999, "dimensions": 900, "data": "E U L"}},
    ],
)
def test_what_plainly_holds_no_number_may_be_nothing(members: dict[str, Any]) -> None:
    result = only(name="ferritin", **members)
    assert (result.why, result.possible) == ("not-a-number", ())


@pytest.mark.parametrize(
    ("text", "highest"),
    [
        ("1.5e3 ng/mL", "1500"),
        ("1,5 x 10³ ng/mL", "1500"),
        ("1.500*", "1500"),
        ("1'500 µg/l!", "1500"),
        ("1 500 !", "1500"),
        ("812 300", "812300"),
        ("0.9 mg/L ca.", "900"),
        ("1.2.3.812", "812"),
        ("38* (ref. 30-400)", "38"),
        ("38 ng/mL [30 - 400 ng/mL]", "38"),
        ("(800-900)", "900"),
        ("800 to 900", "900"),
        ("F812", "812"),
        ("812 H", "812"),
        ("<5*", "5"),
        ("42 ng/mL. Normal range: 24-336", "42"),
        ("42 see note, normal 20-50", "42"),
        ("42 * within normal limits 10 - 291 ng/mL", "42"),
        ("42 limits 10 - 291", "42"),
        ("42, normal <300", "42"),
        ("above normal >800", "800"),
        ("normal 812", "812"),
        ("abnormal 800-900", "900"),
        ("42, repeat normal 812", "812"),
        ("normal 800-900", "900"),
    ],
)
def test_the_highest_reading_of_a_text(text: str, highest: str) -> None:
    assert max(each.value for each in only(name="ferritin", valueString=text).possible) == Decimal(highest)


def test_of_many_numbers_the_first_the_highest_and_the_lowest_are_kept() -> None:
    result = only(name="ferritin", valueString=" / ".join(map(str, (30, *range(10, 59)))))
    assert result.numbers == (30, 58, 10)


@pytest.mark.parametrize(
    "members",
    [
        {"valueString": "38 " * 51},
        {"valueString": "38 " + "x" * 1000 + " 812"},
        {"valueString": "38" + "\ufdfa" * 900 + "812"},
        {"valueString": "QNS " * 250 + "812"},
        {"valueQuantity": {"value": ["38"] * 51}},
        {"valueQuantity": {f"k{number}": "38" for number in range(51)}},
        {"valueQuantity": {"value": ["see note"] * 50 + ["812"]}},
        {"valueRatio": {"numerator": {"value": "38 " * 51}, "denominator": {"value": 1}}},
        {"valueRatio": {"numerator": {"value": 38}, "denominator": {"value": "1 " * 51}}},
    ],
)
@pytest.mark.parametrize("name", ["ferritin", "tsat", "egfr"])
def test_what_is_not_read_may_be_any_number(name: str, members: dict[str, Any]) -> None:
    values = [each.value for each in only(name=name, **members).possible]
    assert min(values) < Decimal("0.001") and max(values) > 300


@pytest.mark.parametrize("value", ["38* " + "x" * 5000, "38*" + " " * 5000, "38 " * 49, ["38*"] * 50])
def test_nothing_is_left_out_where_no_number_is(value: Any) -> None:
    assert only(name="ferritin", valueQuantity={"value": value, "unit": "ng/mL"}).numbers == (38,)


def test_a_ratio_of_two_long_texts_has_no_more_quotients_than_their_outermost_numbers() -> None:
    above, below = (" ".join(map(str, numbers)) for numbers in ((50, *range(51, 99), 10), (4, *range(2, 9))))
    quotients = list(_in_ratio({"value": above}, {"value": below}))
    assert len(quotients) == 9
    assert {each.number for each in quotients} >= {Decimal("12.5"), Decimal(49), Decimal("1.25")}


def test_a_sign_counts_where_a_word_for_it_stands_alone() -> None:
    assert with_signs("result 812, less than 900, ≥ 5") == "result 812, <900, >= 5"
    assert possible_values(analyte("ferritin"), (), "", ()) == ()
