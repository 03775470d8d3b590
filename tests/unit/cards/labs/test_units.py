"""Every unit that section 5 accepts, both ways; and everything that must not be understood."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.labs.analytes import Analyte, Conversion, analyte, analytes, by_spelling
from cards.labs.units import ReadableQuantity, UnreadableQuantity, canonical, canonical_text, numbers_of
from cards.quantity import Quantity
from tests.builders.observations import UCUM

#: analyte, reported value, unit, the number a card shows
CONVERSIONS = [
    ("ferritin", "38", "ng/mL", "38"),
    ("ferritin", "38", "ug/L", "38"),
    ("ferritin", "38", "µg/L", "38"),
    ("ferritin", "38", "μg/L", "38"),
    ("ferritin", "38", "mcg/L", "38"),
    ("ferritin", "38", "NG/ML", "38"),
    ("ferritin", "38", " ng / mL ", "38"),
    ("ferritin", "38", "ugm/L", "38"),
    ("ferritin", "38", "ng.mL-1", "38"),
    ("ferritin", "38", "ng/mL{serum}", "38"),
    ("ferritin", "38", "{serum}ng/mL", "38"),
    ("ferritin", "38", "pg/uL", "38"),
    ("ferritin", "38", "micrograms/L", "38"),
    ("ferritin", "38", "micrograms per litre", "38"),
    ("ferritin", "38", "Microgrammes/litre", "38"),
    ("ferritin", "38", "microg/L", "38"),
    ("ferritin", "38", "mikrog/l", "38"),
    ("ferritin", "38", "Mikrogramm/Liter", "38"),
    ("ferritin", "38", "mcgram/L", "38"),
    ("ferritin", "38", "µgram/L", "38"),
    ("ferritin", "38", "nanograms/mL", "38"),
    ("ferritin", "38", "Nanograms per milliliter", "38"),
    ("ferritin", "85.386", "picomoles/litre", "38"),
    ("iron", "91", "micrograms/dL", "91"),
    ("iron", "16.2981", "micromoles/L", "91"),
    ("ferritin", "85.386", "pmol/L", "38"),
    ("iron", "91", "ug/dL", "91"),
    ("iron", "91", "ug/100mL", "91"),
    ("iron", "910", "ug/L", "91"),
    ("iron", "0.91", "mg/L", "91"),
    ("iron", "16.2981", "umol/L", "91"),
    ("tibc", "71.64", "umol/L", "400"),
    ("uibc", "71.64", "mcmol/L", "400"),
    ("transferrin", "2.1", "g/L", "210"),
    ("transferrin", "10", "umol/L", "79.6"),
    ("tsat", "0.24", "1", "24"),
    ("tsat", "0.24", "{ratio}", "24"),
    ("tsat", "24", "%", "24"),
    ("tsat", "0.24", "%", "0.2"),
    ("tsat", "24", "% (calc)", "24"),
    ("b12", "147.56", "pmol/L", "200"),
    ("b12", "200", "ng/L", "200"),
    ("b12", "366", "pmol/L", "496.1"),
    ("folate", "6.798", "nmol/L", "3"),
    ("folate", "3", "ug/L", "3"),
    ("vitd", "49.92", "nmol/L", "20"),
    ("vitd3", "50", "nmol/L", "20"),
    ("mma", "400", "nmol/L", "0.4"),
    ("mma", "0.4", "umol/L", "0.4"),
    ("mma", "0.4004", "umol/L", "0.4004"),
    ("mma", "47.236", "ug/L", "0.4"),
    ("homocysteine", "2.7036", "mg/L", "20"),
    ("plp", "10", "ug/L", "40.5"),
    ("magnesium", "0.69938", "mmol/L", "1.7"),
    ("magnesium", "1.4", "mEq/L", "1.7"),
    ("magnesium", "1.4", "meq/L", "1.7"),
    ("calcium", "2.61975", "mmol/L", "10.5"),
    ("calcium", "5.24", "mEq/L", "10.5"),
    ("phosphate", "0.80725", "mmol/L", "2.5"),
    ("crp", "0.5", "mg/dL", "5"),
    ("crp", "100", "nmol/L", "10.5"),
    ("haemoglobin", "120", "g/L", "12"),
    ("haemoglobin", "7.4472", "mmol/L", "12"),
    ("haemoglobin", "13.2", "gm/dL", "13.2"),
    ("albumin", "41", "g/L", "4.1"),
    ("egfr", "22", "mL/min/1.73m2", "22"),
    ("egfr", "22", "mL/min/{1.73m2}", "22"),
    ("egfr", "22", "mL/min/[1.73_m2]", "22"),
    ("egfr", "22", "mL/min/(1.73 m2)", "22"),
    ("egfr", "22", "mL/min/1,73m2", "22"),
    ("egfr", "22", "mL/min per 1.73 sq m", "22"),
    ("egfr", "22", "mL.min-1/1.73m^2", "22"),
    ("egfr", "22", "mL/min/1.73", "22"),
    ("egfr", "22", "mL/min/{1.73}", "22"),
    ("egfr", "22", "mL/min per 1.73", "22"),
    ("egfr", "22", "ML/MIN/1.73 M2", "22"),
    ("egfr", "22", "ML/MIN/1.73", "22"),
    ("egfr", "22", "mL/min/1.73 m(2)", "22"),
    ("egfr", "22", "mL/min/1.73 M (2)", "22"),
    ("egfr", "22", "ml/min/1,73 qm", "22"),
    ("egfr", "22", "mL/min/1.73 square metres", "22"),
    ("egfr", "22", "mL/min/1.73m*2{body_surface}", "22"),
    ("egfr", "0.5", "mL/s/1.73m2", "30"),
    ("egfr", "0.5", "ML/S/1.73 M2", "30"),
    ("creatinine", "88.4", "umol/L", "1"),
    ("creatinine", "1.1", "mg/dL", "1.1"),
    ("egfr", "22", "mL/min/{1.73_m2}", "22"),
    ("egfr", "22", "mL/min/1.73m*2", "22"),
    ("egfr", "22", "mL/min/1.73m²", "22"),
    ("mcv", "88", "fL", "88"),
    ("calcium-ionised", "4.8", "mg/dL", "1.2"),
    ("body-weight", "44.0924524", "[lb_av]", "20"),
    ("body-weight", "3500", "g", "3.5"),
    ("gestational-age", "70", "d", "10"),
]


def converted(
    name: str, value: object, unit: str | None = None, **members: object
) -> ReadableQuantity | UnreadableQuantity:
    return canonical(analyte(name), value, members.pop("comparator", None), unit=unit, **members)


@pytest.mark.parametrize(("name", "value", "unit", "shown"), CONVERSIONS)
def test_each_unit_reads_as_the_canonical_number(name: str, value: str, unit: str, shown: str) -> None:
    for given_value in (Decimal(value), float(value)):
        answer = converted(name, given_value, unit)
        assert isinstance(answer, ReadableQuantity)
        assert answer.quantity.text == f"{shown} {analyte(name).unit}"


@pytest.mark.parametrize(("name", "value", "unit", "shown"), CONVERSIONS)
def test_the_same_unit_as_ucum_code_reads_the_same(name: str, value: str, unit: str, shown: str) -> None:
    by_code = converted(name, Decimal(value), code=unit, system=UCUM)
    assert by_code == converted(name, Decimal(value), unit)


@pytest.mark.parametrize(
    ("name", "limits", "unit"),
    [
        ("ferritin", {"50": "112.4", "75": "168.5", "100": "224.7", "200": "449.4", "300": "674.1"}, "pmol/L"),
        ("b12", {"200": "147.6", "300": "221.3", "350": "258.2"}, "pmol/L"),
        ("vitd", {"20": "49.9", "30": "74.9", "100": "249.6", "150": "374.4"}, "nmol/L"),
        ("folate", {"3": "6.8", "4": "9.1"}, "nmol/L"),
    ],
)
def test_threshold_cross_check_of_section_5(name: str, limits: dict[str, str], unit: str) -> None:
    """The specification prints each threshold in SI units to one decimal; converting it gives the same figures."""
    conversion = analyte(name).conversion(unit)
    assert conversion is not None
    for ours, si in limits.items():
        back = Decimal(ours) * conversion.per / conversion.times
        assert back.quantize(Decimal("0.1")) == Decimal(si)


@pytest.mark.parametrize(
    ("value", "shown"), [("75.04", "75"), ("75.05", "75.1"), ("74.95", "75"), ("74.94", "74.9"), ("168.5", "168.5")]
)
def test_rounding_is_half_up_to_one_decimal(value: str, shown: str) -> None:
    answer = converted("ferritin", value, "ng/mL")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == f"{shown} ng/mL"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("magnesium", "1.695", "1.7"),
        ("magnesium", "1.694", "1.69"),
        ("folate", "2.995", "3"),
        ("phosphate", "2.494", "2.49"),
    ],
)
def test_minerals_and_folate_keep_two_decimals(name: str, value: str, shown: str) -> None:
    answer = converted(name, Decimal(value), analyte(name).unit)
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == f"{shown} {analyte(name).unit}"


def test_a_conversion_says_what_was_reported() -> None:
    answer = converted("ferritin", "168.5", "pmol/L")
    assert isinstance(answer, ReadableQuantity)
    assert (answer.how, answer.reported) == ("converted", Quantity(Decimal("168.5"), "pmol/L"))
    same_size = converted("ferritin", "38", "ug/L")
    assert isinstance(same_size, ReadableQuantity) and (same_size.how, same_size.reported) == ("reported", None)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, "no-unit"),
        ({"unit": ""}, "no-unit"),
        ({"unit": "   "}, "no-unit"),
        ({"unit": 5}, "no-unit"),
        ({"unit": "mg/dL"}, "unknown-unit"),
        ({"unit": "ng/dL"}, "unit-never-reported"),
        ({"unit": "ug/mL"}, "unit-never-reported"),
        ({"unit": "mg/L{serum}"}, "unit-never-reported"),
        ({"unit": "[IU]/L"}, "unknown-unit"),
        ({"unit": "ng/ml FEU"}, "unknown-unit"),
        ({"unit": "g/L"}, "unknown-unit"),
        ({"unit": "n" * 33}, "unknown-unit"),
        ({"unit": "ng/mL" + " " * 40 + "x"}, "unknown-unit"),
        ({"code": "ng/mL"}, ""),
        ({"code": "ng/mL", "system": "http://snomed.info/sct"}, ""),
        ({"code": "ng/mL", "system": "(HL7_V2)"}, ""),
        ({"code": "258814008", "system": "http://snomed.info/sct"}, "unknown-unit"),
        ({"unit": "ng/mL", "code": "258814008", "system": "http://snomed.info/sct"}, ""),
        ({"unit": "ng/mL", "code": "mg/L", "system": "http://snomed.info/sct"}, "unit-contradicts-itself"),
        ({"unit": "ng/mL", "code": "mg/L", "system": UCUM}, "unit-contradicts-itself"),
        ({"unit": "mg/dL", "code": "ng/mL", "system": UCUM}, "unit-contradicts-itself"),
        ({"unit": "ng/mL", "code": "mg/dL", "system": UCUM}, "unit-contradicts-itself"),
        ({"unit": "ng/mL", "code": "mg/L"}, "unit-contradicts-itself"),
        ({"unit": "ng/mL", "code": "ug/L", "system": UCUM}, ""),
        ({"unit": "Nanogramm pro Milliliter", "code": "ng/mL", "system": UCUM}, ""),
        ({"unit": "ng/mL", "code": "{nonsense}", "system": UCUM}, "unit-contradicts-itself"),
        ({"unit": "ug/L", "system": UCUM}, ""),
        ({"code": "ng/mL", "system": "http://unitsofmeasure.org/"}, ""),
        ({"code": "ng/mL", "system": "urn:oid:2.16.840.1.113883.6.8"}, ""),
        ({"unit": "nanogram per liter", "code": "ng/L"}, "unknown-unit"),
    ],
)
def test_units_are_never_guessed(members: dict[str, object], why: str) -> None:
    answer = canonical(analyte("ferritin"), 38, **members)
    assert (answer.why if isinstance(answer, UnreadableQuantity) else "") == why


def test_the_uk_spelling_of_b12_is_read() -> None:
    answer = canonical(analyte("b12"), 1000, ">=", unit="nanogram per liter", code="ng/L")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == ">=1000 pg/mL"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (38, "38"),
        (38.5, "38.5"),
        (0.1 + 0.2, "0.3"),
        (Decimal("38.50"), "38.5"),
        ("38", "38"),
        (" 38.5 ", "38.5"),
        ("38,5", "38.5"),
        ("+38", "38"),
        ("0,412", "0.4"),
        ("1,2345", "1.2"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("１２", "12"),
    ],
)
def test_numbers_in_every_form(value: object, shown: str) -> None:
    answer = converted("ferritin", value, "ng/mL")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == f"{shown} ng/mL"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no-value"),
        ("", "no-value"),
        ("  ", "no-value"),
        ("1e3", "not-a-number"),
        ("NaN", "not-a-number"),
        ("Infinity", "not-a-number"),
        (float("nan"), "not-a-number"),
        (float("inf"), "not-a-number"),
        (Decimal("NaN"), "not-a-number"),
        (1e300, "not-a-number"),
        (1e-300, "not-a-number"),
        pytest.param(10**5000, "not-a-number", id="an integer of 5000 digits"),
        ("9" * 31, "not-a-number"),
        ("9" * 5000, "not-a-number"),
        (True, "not-a-number"),
        ([38], "not-a-number"),
        ({"value": 38}, "not-a-number"),
        ("<5", "not-a-number"),
        ("٣٨", "not-a-number"),
    ],
)
def test_what_is_no_number(value: object, why: str) -> None:
    answer = numbers_of(value)
    assert isinstance(answer, UnreadableQuantity) and answer.why == why


@pytest.mark.parametrize("text", ["1,234", "1.234", "1 234", "1\u202f234"])
def test_a_mark_before_three_digits_leaves_two_readings_and_both_are_possible(text: str) -> None:
    answer = canonical_text(analyte("ferritin"), f"{text} ug/L")
    assert isinstance(answer, UnreadableQuantity) and answer.why == "two-readings"
    assert [each.text for each in answer.possible] == ["1234 ng/mL", "1.234 ng/mL"]


@pytest.mark.parametrize("comparator", ["~", "ad", "=", "<<", 5, ["<"], "lesser"])
def test_an_unknown_comparator_makes_a_result_unusable(comparator: object) -> None:
    answer = converted("ferritin", 38, "ng/mL", comparator=comparator)
    assert isinstance(answer, UnreadableQuantity)
    assert (answer.why, [each.text for each in answer.possible]) == ("unknown-comparator", ["38 ng/mL"])


@pytest.mark.parametrize(
    ("written", "sign"),
    [("LT", "<"), ("gt", ">"), ("less than", "<"), ("Less than or equal to", "<="), ("at least", ">=")],
)
def test_a_comparator_in_letters_is_its_sign(written: str, sign: str) -> None:
    by_member = converted("ferritin", 5, "ng/mL", comparator=written)
    in_words = canonical_text(analyte("ferritin"), f"{written} 5 ng/mL")
    assert by_member == in_words
    assert isinstance(by_member, ReadableQuantity) and by_member.quantity.text == f"{sign}5 ng/mL"


@pytest.mark.parametrize(
    ("members", "highest"),
    [
        ({"value": 1500}, "1500 ng/mL"),
        ({"value": 1500, "unit": "furlong"}, "1500 ng/mL"),
        ({"value": 2, "unit": "mg/L"}, "2000 ng/mL"),
        ({"value": 2900, "unit": "ng/dL"}, "2900 ng/mL"),
        ({"value": 500, "unit": "ng/mL", "code": "pmol/L", "system": UCUM}, "500 ng/mL"),
        ({"value": 200000, "unit": "ng/mL"}, "200000 ng/mL"),
    ],
)
def test_an_unusable_number_says_the_highest_that_it_may_mean(members: dict[str, object], highest: str) -> None:
    answer = canonical(analyte("ferritin"), **members)
    assert isinstance(answer, UnreadableQuantity)
    assert max(answer.possible, key=lambda each: each.value).text == highest


def test_a_saturation_that_is_no_fraction_by_its_unit_may_be_what_is_written() -> None:
    answer = converted("tsat", 52, "1")
    assert isinstance(answer, UnreadableQuantity) and [each.text for each in answer.possible] == ["52 %"]


def test_an_egfr_in_millilitres_counts_where_its_code_defines_the_body_surface() -> None:
    assert isinstance(converted("egfr", 15, "mL/min"), UnreadableQuantity)
    answer = canonical(analyte("egfr"), 15, unit="mL/min", by_definition=True)
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == "15 mL/min/1.73 m²"


def test_an_egfr_above_a_whole_number_is_the_next_one_or_more() -> None:
    answer = converted("egfr", 59, "mL/min/1.73m2", comparator=">")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == ">=60 mL/min/1.73 m²"


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
def test_a_comparator_is_kept(comparator: str) -> None:
    answer = converted("ferritin", 5, "ng/mL", comparator=f" {comparator} ")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == f"{comparator}5 ng/mL"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("38 ng/mL", "38 ng/mL"),
        ("38ng/mL", "38 ng/mL"),
        ("38,5 ng/mL", "38.5 ng/mL"),
        ("<5 ug/L", "<5 ng/mL"),
        ("< 5 µg/L", "<5 ng/mL"),
        (">= 1500 ng/mL", ">=1500 ng/mL"),
        ("≤ 5 ng/mL", "<=5 ng/mL"),
        ("  38   ng/mL  ", "38 ng/mL"),
    ],
)
def test_results_in_words(text: str, shown: str) -> None:
    answer = canonical_text(analyte("ferritin"), text)
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("QNS", "not-a-number"),
        ("hemolyzed", "not-a-number"),
        ("see note", "not-a-number"),
        ("Test Not Performed pmol/L", "not-a-number"),
        ("24-48 heures", "not-a-number"),
        ("38 / 40 ng/mL", "not-a-number"),
        ("about 38 ng/mL", "not-a-number"),
        ("38.", "not-a-number"),
        ("<>5 ng/mL", "not-a-number"),
        ("38", "no-unit"),
        (">20", "no-unit"),
        ("38 see note", "unknown-unit"),
        ("38 ng/mL (repeat)", "unknown-unit"),
        ("9" * 100, "not-a-number"),
    ],
)
def test_words_that_are_no_result(text: str, why: str) -> None:
    answer = canonical_text(analyte("ferritin"), text)
    assert isinstance(answer, UnreadableQuantity) and answer.why == why


@pytest.mark.parametrize(
    ("name", "value", "unit", "why"),
    [
        ("ferritin", "0", "ng/mL", "implausible"),
        ("ferritin", "-3", "ng/mL", "implausible"),
        ("ferritin", "0.1", "ng/mL", ""),
        ("ferritin", "100000", "ng/mL", ""),
        ("ferritin", "100000.1", "ng/mL", "implausibly-high"),
        ("ferritin", "101", "ug/mL", "unit-never-reported"),
        ("tsat", "-0.1", "%", "implausible"),
        ("tsat", "0", "%", ""),
        ("tsat", "150", "%", ""),
        ("tsat", "150.1", "%", "implausibly-high"),
        ("tsat", "1.5", "1", ""),
        ("tsat", "1.6", "1", "number-does-not-fit-unit"),
        ("tsat", "24", "1", "number-does-not-fit-unit"),
        ("b12", "0", "pg/mL", "implausible"),
        ("vitd", "600", "ng/mL", ""),
        ("vitd", "600.1", "ng/mL", "implausibly-high"),
        ("magnesium", "20", "mg/dL", ""),
        ("magnesium", "20.1", "mg/dL", "implausibly-high"),
        ("haemoglobin", "142", "g/dL", "implausibly-high"),
        ("haemoglobin", "15.0", "gm/L", "implausible"),
        ("haemoglobin", "13.2", "mg/dL", "unknown-unit"),
        ("haemoglobin", "32", "mcmol/L", "unknown-unit"),
        ("calcium", "2.4", "mg/dL", "implausible"),
        ("albumin", "41", "g/dL", "implausibly-high"),
        ("crp", "0", "mg/L", ""),
    ],
)
def test_plausibility(name: str, value: str, unit: str, why: str) -> None:
    answer = converted(name, value, unit)
    assert (answer.why if isinstance(answer, UnreadableQuantity) else "") == why


@pytest.mark.parametrize(
    ("name", "value", "unit", "shown"),
    [
        ("magnesium", "20.1234", "mg/dL", "20.12 mg/dL"),
        ("magnesium", "10.1234", "mmol/L", "24.61 mg/dL"),
        ("ferritin", "100000.1234", "ng/mL", "100000.1 ng/mL"),
        ("calcium", "2.4321", "mg/dL", "2.43 mg/dL"),
        ("irls", "41.23456", "points", "41.235 points"),
    ],
)
def test_a_number_that_cannot_be_true_is_named_rounded(name: str, value: str, unit: str, shown: str) -> None:
    answer = converted(name, value, unit)
    assert isinstance(answer, UnreadableQuantity) and answer.quantity and answer.quantity.text == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("100", "100 %"), ("100.04", "100 %"), ("100.05", ">100 %"), ("150", ">100 %")]
)
def test_a_saturation_above_100_is_shown_as_above_100(value: str, shown: str) -> None:
    answer = converted("tsat", value, "%")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == shown


def test_below_nothing_is_nothing() -> None:
    assert isinstance(converted("tsat", 0, "%", comparator="<"), UnreadableQuantity)


EVERY_UNIT = [(one, key) for one in analytes().values() for key in one.units]


@given(st.sampled_from(EVERY_UNIT), st.decimals("1", "90", places=2))
def test_a_unit_change_never_changes_the_answer(case: tuple[Analyte, str], value: Decimal) -> None:
    """The same amount in any accepted unit is shown as the same number, within one step of the last decimal."""
    one, key = case
    conversion = one.units[key]
    there = value * conversion.per / conversion.times
    direct = canonical(one, value, unit=one.unit, by_definition=True)
    if conversion.up_to is not None and there > conversion.up_to:
        return
    back = canonical(one, there.quantize(Decimal("1e-12")), unit=key, by_definition=True)
    assert type(direct) is type(back)
    if isinstance(direct, ReadableQuantity) and isinstance(back, ReadableQuantity):
        assert abs(direct.quantity.value - back.quantity.value) <= Decimal(1).scaleb(-(one.decimals or 3))
        assert direct.quantity.unit == back.quantity.unit == one.unit


def test_every_conversion_between_amount_and_mass_says_where_its_factor_is_from() -> None:
    molar = [
        (each.id, conversion)
        for each in analytes().values()
        for conversion in each.units.values()
        if ("mol" in conversion.unit) is not ("mol" in each.unit)
    ]
    assert len(molar) > 20
    assert [(name, conversion.unit) for name, conversion in molar if not conversion.basis] == []


def test_one_spelling_may_not_mean_two_units_of_one_analyte() -> None:
    twice = [Conversion("ug/L"), Conversion("ng/mL", times=Decimal(2))]
    with pytest.raises(ValueError, match=r"(?i)mcg means two units"):
        by_spelling(twice, {"ug/L": ["mcg"], "ng/mL": ["MCG"]})


def test_an_unknown_analyte_is_a_programming_fault() -> None:
    with pytest.raises(KeyError):
        analyte("ferritine")


@pytest.mark.parametrize(
    ("sign", "shown"), [("", "38 ng/mL"), (" ", "38 ng/mL"), (" < ", "<38 ng/mL"), (None, "38 ng/mL")]
)
def test_an_empty_sign_of_comparison_is_none(sign: str | None, shown: str) -> None:
    answer = canonical(analyte("ferritin"), 38, sign, unit="ng/mL")
    assert isinstance(answer, ReadableQuantity) and answer.quantity.text == shown
