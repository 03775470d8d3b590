"""Edges of doses: salts of unclear kind, tapers, directions that are too long, several strengths."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cards.drugs.directions import read_sig
from cards.drugs.dose import daily_dose
from cards.drugs.history import with_history
from cards.drugs.ingredients import plain
from cards.drugs.iron import Iron, elemental_iron
from cards.drugs.medication import product_of
from cards.drugs.naming import name_of
from cards.drugs.products import ProductRow
from cards.drugs.recognise import recognise
from cards.drugs.timing import number
from cards.facts.drugs import Amount, Product
from cards.fhir.references import resolver
from tests.decisions.charts import drug


def product(name: str, mg: str | None, form: str = "tablet", *, released: bool = False) -> Product:
    amount = Amount(name, None if mg is None else Decimal(mg))
    return Product((amount,), frozenset({"iron-oral"}), name, "oral", form, extended_release=released)


@pytest.mark.parametrize(
    ("name", "mg", "form", "released", "iron", "known"),
    [
        ("ferrous sulfate", "325", "tablet", False, "65", True),
        ("ferrous sulfate", "200", "tablet", False, "65", False),
        ("ferrous sulfate", "200", "", False, "65", False),
        ("ferrous sulfate", "220", "liquid", False, "44", True),
        ("ferrous sulfate", "142", "tablet", True, "45", True),
        ("ferrous sulfate", "136", "tablet", True, "44", False),
        ("ferrous sulfate", "137", "tablet", True, "43", True),
        ("ferrous sulfate", "168", "tablet", True, "53", True),
        ("ferrous sulfate", "169", "tablet", True, "55", False),
        ("ferrous sulfate", "129", "tablet", False, "129", False),
        ("ferrous sulfate", "130", "tablet", False, "42", False),
        ("ferrous sulfate", "160", "tablet", False, "52", False),
        ("ferrous sulfate", "201", "tablet", False, "40", True),
        ("ferrous sulfate", "65", "tablet", False, "65", False),
        ("ferrous sulfate", "65", "", False, "65", False),
        ("ferrous sulfate", None, "tablet", False, None, True),
    ],
)
def test_the_iron_of_a_salt(
    name: str, mg: str | None, form: str, released: bool, iron: str | None, known: bool
) -> None:
    made = product(name, mg, form, released=released)
    found: Iron | None = elemental_iron(made.ingredients[0], made)
    assert (found and round(found.mg), found is None or found.salt_known) == (iron and Decimal(iron), known)


@pytest.mark.parametrize(
    ("directions", "amount", "per_day"),
    [
        ("take 1 tablet daily", 1, 1),
        ("take 1 tablet every other day", 1, Decimal(1) / 2),
        ("1 tablet daily for 7 days, then 2 tablets daily", 2, 1),
        ("2 tablets daily for 7 days, then 1 tablet daily", 2, 1),
        ("2 tablets twice daily for 1 week then 1 tablet daily", 4, 1),
        ("1 tablet in the morning and 2 tablets at bedtime", 3, 1),
    ],
)
def test_directions_in_words(directions: str, amount: int, per_day: Decimal) -> None:
    said = read_sig(directions)
    assert said.amount and said.per_day
    assert said.amount * said.per_day == amount * per_day
    assert said.once is False


@pytest.mark.parametrize(
    ("a_day", "shown"),
    [("1", "65"), ("0.5", "32.5"), ("7", "455"), ("0.3333333333", "21.6667"), ("0.142857", "9.2858")],
)
def test_a_daily_dose_is_rounded_upwards_at_the_fourth_place(a_day: str, shown: str) -> None:
    dosage = {
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": Decimal(a_day), "unit": "tablet"}}],
    }
    found = daily_dose([dosage], product("ferrous sulfate", "325"))
    assert f"{found.elemental_iron_mg:f}" == shown


@pytest.mark.parametrize(
    "dose",
    [
        {"doseQuantity": {"value": 2, "unit": "tablet"}},
        {"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}]},
        {"doseSimpleQuantity": {"value": 2, "unit": "tablet"}},
        {"quantityQuantity": {"value": 2, "unit": "tablet"}},
        {"dose": {"value": 2, "unit": "tablet"}},
        {"doseRange": {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2, "unit": "tablet"}}},
        {"doseRange": {"low": {"value": 2, "unit": "tablet"}}},
        {"quantityRange": {"high": {"value": 2, "unit": "tablet"}}},
        {"text": "2 tablets"},
        {"patientInstruction": "2 tablets"},
    ],
)
def test_a_dose_is_found_under_every_name(dose: dict[str, object]) -> None:
    timing = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
    assert daily_dose([timing | dose], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(130)


@pytest.mark.parametrize("words", ["twice daily", "BID"])
def test_how_often_may_stand_in_the_words_of_the_timing(words: str) -> None:
    dosage = {"timing": {"code": {"text": words}}, "doseQuantity": {"value": 1, "unit": "tablet"}}
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(130)


@pytest.mark.parametrize(("days", "iron"), [([], "65"), (["mon"], "65"), (["mon"] * 9, "65")])
def test_days_of_the_week(days: list[str], iron: str) -> None:
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": days}
    dosage = {"timing": {"repeat": repeat}, "doseQuantity": {"value": 1, "unit": "tablet"}}
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(iron)


@pytest.mark.parametrize(
    ("directions", "a_day"),
    [
        ("1 tablet 3 times a week", Decimal(3) / 7),
        ("1 tablet every 3 days", Decimal(1) / 3),
        ("1 tablet every 8 hours", Decimal(3)),
        ("1 tablet every 2 weeks", Decimal(1) / 14),
        ("1 1/2 tablets daily", Decimal("1.5")),
        ("2 (two) tablets daily", Decimal(2)),
        ("1-2 tablets daily", Decimal(2)),
        ("650 mg = 2 tab daily", Decimal(2)),
    ],
)
def test_pieces_a_day(directions: str, a_day: Decimal) -> None:
    said = read_sig(directions)
    assert said.amount and said.per_day
    assert round(said.amount * said.per_day - a_day, 9) == 0


@pytest.mark.parametrize(
    ("repeat", "a_day"),
    [
        ({"timeOfDay": ["08:00:00"]}, "65"),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, "130"),
        ({"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon"]}, "65"),
        ({"when": ["MORN", "EVE"], "dayOfWeek": ["mon", "wed", "fri", "sat", "sun", "tue", "thu"]}, "130"),
        ({"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"]}, "130"),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}, "65"),
    ],
)
def test_times_of_day_on_days_of_the_week(repeat: dict[str, object], a_day: str) -> None:
    dosage = {"timing": {"repeat": repeat}, "doseQuantity": {"value": 1, "unit": "tablet"}}
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(a_day)


@pytest.mark.parametrize("unit", ["mg", "{mg}", "mg (milligram)", "MG.", "258684004"])
def test_a_mass_is_one_however_it_is_written(unit: str) -> None:
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
    dosage = {"timing": {"repeat": repeat}, "doseQuantity": {"value": 650, "unit": unit}}
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(130)


@pytest.mark.parametrize("unit", ["µg", "\u03bcg", "ug", "mcg"])
def test_both_signs_of_a_microgram(unit: str) -> None:
    folate = Product((Amount("folic acid", Decimal(1)),), frozenset({"folate"}), "folic acid", "oral", "tablet")
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
    dosage = {"timing": {"repeat": repeat}, "doseQuantity": {"value": 400, "unit": unit}}
    assert daily_dose([dosage], folate).mg == {"folic acid": Decimal("0.4")}


def test_how_often_may_stand_in_a_further_instruction() -> None:
    dosage = {"doseQuantity": {"value": 1, "unit": "tablet"}, "additionalInstruction": [{"text": "twice daily"}]}
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(130)


@pytest.mark.parametrize(
    ("said", "amount"), [("1/2 tablet daily", "0.5"), ("1/1 tablet daily", None), ("9/8 daily", None)]
)
def test_a_fraction_is_less_than_one(said: str, amount: str | None) -> None:
    found = read_sig(said).amount
    assert found == Decimal(amount) if amount else found is None or found != Decimal(9) / 8


@pytest.mark.parametrize("sign", ["\u00b5g", "\u03bcg", "mcg"])
def test_both_signs_of_a_microgram_in_a_name(sign: str) -> None:
    found = recognise({"text": f"folic acid 400 {sign} tablet"})
    assert found and found.ingredients == (Amount("folic acid", Decimal("0.4")),)


@pytest.mark.parametrize(
    ("mg", "directions"),
    [
        ("325", "take 65 mg of elemental iron"),
        ("325", "take 325 mg"),
        (None, "take 325 mg"),
    ],
)
def test_a_mass_without_how_often_is_no_dose_of_iron(mg: str | None, directions: str) -> None:
    assert daily_dose([{"text": directions}], product("ferrous sulfate", mg)).elemental_iron_mg is None


def test_of_phases_that_follow_one_another_the_salt_is_known_where_it_is_in_all() -> None:
    phases = [{"sequence": number, "text": f"{number} tablet daily"} for number in (1, 2)]
    for mg, known in (("325", True), ("200", False)):
        found = daily_dose(phases, product("ferrous sulfate", mg))
        assert (found.elemental_iron_mg, found.iron_salt_known) == (Decimal(130), known)


def test_a_row_of_orders_is_walked_from_the_latest_in_whatever_order_it_is_listed() -> None:
    row = [
        drug("da pramipexole 0.25 since 2026-01-05 until 2026-03-01", 1),
        drug("da pramipexole 0.25 since 2026-03-10 until 2026-05-20", 2),
        drug("da pramipexole 0.25 since 2026-06-01", 3),
    ]
    for listed in (row, row[::-1]):
        (active,) = (each for each in with_history(listed) if each.active)
        assert active.start and active.start.text == "2026-01-05"


def test_an_order_of_the_same_day_is_no_earlier_one() -> None:
    row = [drug("da pramipexole 0.25 since 2026-03-01", 1), drug("da pramipexole 0.25 since 2026-03", 2)]
    assert [each.start and each.start.text for each in with_history(row)] == ["2026-03-01", "2026-03"]


@pytest.mark.parametrize("form", ["Solution for injection", "Injectable solution"])
def test_the_form_of_a_medication_tells_the_route(form: str) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "iron dextran"}, "form": {"text": form}}
    found = product_of({"medicationReference": {"reference": "Medication/m"}}, resolver([medication]))
    assert found and (found.route, found.classes) == ("injection", {"iron-iv"})


def test_an_ingredient_without_a_strength_of_its_own_keeps_the_one_in_its_words() -> None:
    held = {"resourceType": "Medication", "id": "m", "form": {"text": "tablet"},
            "ingredient": [{"itemCodeableConcept": {"text": "magnesium oxide 400 mg"}}]}  # fmt: skip
    found = product_of({"medicationReference": {"reference": "Medication/m"}}, resolver([held]))
    assert found and found.name == "magnesium oxide 400 mg oral tablet"


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (
            ProductRow((Amount("calcitriol", Decimal("0.0099")),), 1, "capsule", "oral", False),
            "calcitriol 9.9 micrograms oral capsule",
        ),
        (
            ProductRow((Amount("calcitriol", Decimal("0.01")),), 1, "capsule", "oral", False),
            "calcitriol 0.01 mg oral capsule",
        ),
        (ProductRow((Amount("magnesium citrate"),), 1, "powder", "oral", False), "magnesium citrate powder"),
        (ProductRow((Amount("magnesium citrate"),), 1, "liquid", "oral", False), "magnesium citrate liquid"),
        (ProductRow((Amount("rotigotine"),), 1, "patch", "transdermal", False), "rotigotine patch"),
    ],
)
def test_a_name_tells_strength_and_form(row: ProductRow, name: str) -> None:
    assert name_of(row) == name


@pytest.mark.parametrize(
    ("directions", "amount", "unit"),
    [("650 mg = 2 tab daily", 2, ""), ("650 mg as 2 tab daily", 2, ""), ("650 mg from 28 tab daily", 650, "mg")],
)
def test_pieces_so_near_are_the_dose_that_was_measured(directions: str, amount: int, unit: str) -> None:
    said = read_sig(directions)
    assert (said.amount, said.unit) == (amount, unit)


def test_several_doses_may_be_those_of_one_day_alone() -> None:
    said = read_sig("stat: 1 tablet in the morning and 2 tablets at bedtime")
    assert (said.amount, said.per_day, said.once) == (3, 1, True)
    assert read_sig("1 tablet in the morning and 2 tablets at bedtime").once is False


def test_a_supply_may_stand_right_after_the_directions() -> None:
    said = read_sig("take 2 tab daily#60")
    assert (said.amount, said.per_day) == (2, 1)


def test_a_part_that_tells_no_dose_leaves_the_others() -> None:
    said = read_sig("1 tablet in the morning, with food, and 2 tablets at bedtime")
    assert said.amount and said.per_day and said.amount * said.per_day == 3


@pytest.mark.parametrize(
    ("words", "strengths"),
    [
        ("cholecalciferol-magnesium oxide 0.01-400 mg tablet", {"cholecalciferol": "0.01", "magnesium oxide": "400"}),
        ("ferrous sulfate 325mg(65mg elemental iron)tablet", {"ferrous sulfate": "325"}),
        ("[Some Brand Name] ferrous sulfate 325 mg / folic acid 1 mg", {"ferrous sulfate": "325", "folic acid": "1"}),
    ],
)
def test_a_strength_belongs_to_its_ingredient(words: str, strengths: dict[str, str]) -> None:
    found = recognise({"text": words})
    assert found and {each.ingredient: str(each.mg) for each in found.ingredients} == strengths


def test_a_solid_form_is_taken_by_mouth() -> None:
    found = recognise({"text": "magnesium oxide 400 mg Tabletten"})
    assert found and (found.form, found.route) == ("tablet", "oral")


def test_of_two_texts_the_one_that_tells_the_strength_counts() -> None:
    said = {"text": "magnesium oxide 400 mg", "coding": [{"display": "magnesium oxide in whatever strength there is"}]}
    found = recognise(said)
    assert found and found.ingredients[0].mg == Decimal(400)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, None),
        ("0", None),
        (-1, None),
        ("1e9", None),
        (5e-324, None),
        ("1e-10", None),
        ("sNaN", None),
        ("1e-9", "1e-9"),
        ("NaN", None),
        (True, None),
        ("0.5", "0.5"),
        (999999999, "999999999"),
    ],
)
def test_a_number_is_positive_and_of_a_size_that_can_be(value: object, read: str | None) -> None:
    assert number(value) == (None if read is None else Decimal(read))


@pytest.mark.parametrize(
    "said",
    [
        "magnesium oxide 999,999,999,999 g/0.000000001 mL oral solution",
        "magnesium oxide 0.000000001 ng tablet",
        "magnesium oxide 999999999-999999999 g tablet",
    ],
)
def test_a_strength_of_no_product_is_not_read(said: str) -> None:
    found = recognise({"text": said})
    assert found and [each.mg for each in found.ingredients] == [None]


@pytest.mark.parametrize(("value", "per"), [(999999999, 1e-9), (1e-9, 999999999), ("1e400", 1), (1, "1e-400")])
def test_a_strength_in_numbers_that_no_product_has_is_not_read(value: object, per: object) -> None:
    strength = {"numerator": {"value": value, "code": "g"}, "denominator": {"value": per}}
    part = {"itemCodeableConcept": {"text": "magnesium oxide"}, "strength": strength}
    held = {"resourceType": "Medication", "id": "m", "ingredient": [part]}
    found = product_of({"medicationReference": {"reference": "Medication/m"}}, resolver([held]))
    assert found and [each.mg for each in found.ingredients] == [None]


def test_what_is_no_part_of_one_piece_is_read_as_it_is_written() -> None:
    assert read_sig("2/2 tablet daily").amount == 2


def test_a_medication_is_found_by_an_id_of_any_letters() -> None:
    held = {"resourceType": "Medication", "id": "MIX", "code": {"text": "magnesium oxide 400 mg tablet"}}
    for reference in ("Medication/MIX", "https://ehr.example/fhir/Medication/MIX/"):
        assert product_of({"medicationReference": {"reference": reference}}, resolver([held]))


def test_the_iron_that_the_label_of_an_infusion_states_is_its_strength() -> None:
    found = recognise({"text": "ferric carboxymaltose 50 mg iron/mL injection"})
    assert found and [each.mg for each in found.ingredients] == [50]


def test_accents_and_apostrophes_are_no_part_of_a_name() -> None:
    assert plain("Phillips' Mágnesium µ") == "phillips magnesium u"


def test_a_structured_dose_keeps_its_own_frequency_beside_other_words() -> None:
    dosage = {"text": "1 tablet daily", "doseQuantity": {"value": 1, "unit": "tablet"},
              "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}  # fmt: skip
    assert daily_dose([dosage], product("ferrous sulfate", "325")).elemental_iron_mg == Decimal(130)


@pytest.mark.parametrize(
    ("directions", "amount", "a_day"),
    [
        ("one tablet twice daily, one hour before meals", "1", "2"),
        ("1 tablet 2 times daily, 30 minutes before meals", "1", "2"),
        ("1 tablet daily, 2 to 3 hours after levothyroxine", "1", "1"),
        ("1 tablet twice daily at least 2 hours apart from antacids", "1", "2"),
        ("1 tablet daily 4 hours away from thyroid medicine", "1", "1"),
        ("30-60 minutes before breakfast, 1 capsule daily", "1", "1"),
        ("1 tablet every 8 hours before meals", "1", "3"),
        ("1 tablet each 8 hours after meals", "1", "3"),
        ("2 tablets prior to bedtime", "2", "1"),
        ("1 tablet in the morning, 1 tablet in the evening, with meals", "2", "1"),
        ("1 tablet in the morning, 2 tablets at bedtime, with food", "3", "1"),
        ("1 tablet in the morning and evening with food", "1", "2"),
        # an hour of the clock is no number of pieces
        ("1 tablet at 8 am and 8 pm", "1", "2"),
        ("1 tablet at 9am and 9pm", "1", "2"),
        ("1 tab 8:00 am and 10:00 pm", "1", "2"),
        ("2 tablets at 8:00 am", "2", "1"),
        ("1 tablet 8am", "1", "1"),
        ("take 1 am and 2 pm", "3", "1"),
        ("1 am, 1 pm", "2", "1"),
        # two doses of a day are told and a third is not: nobody knows the sum, and what it is at least is known
        ("1 tablet in the morning, 2 tablets, and 1 tablet at bedtime", "2", None),
        ("1 tablet daily, may take 2 tablets if needed", "1", "1"),
    ],
)
def test_what_stands_beside_a_dose_is_none(directions: str, amount: str | None, a_day: str | None) -> None:
    said = read_sig(directions)
    assert said.amount == (amount and Decimal(amount)) and said.per_day == (a_day and Decimal(a_day))


def test_a_display_alone_names_the_drug() -> None:
    found = recognise({"display": "ferrous sulfate 325 mg tablet"})
    assert found and found.ingredient_names() == {"ferrous sulfate"}


def test_directions_without_a_dose_have_no_unit() -> None:
    assert (read_sig("daily").amount, read_sig("daily").unit) == (None, "")


@pytest.mark.parametrize(
    ("name", "mg"),
    [
        ("ferrous sulfate 220 mg elixir", None),
        ("ferrous sulfate 300 mg oral solution", None),
        ("ferrous sulfate 220 mg/5 mL elixir", "44"),
    ],
)
def test_a_liquid_without_a_volume_has_no_strength(name: str, mg: str | None) -> None:
    found = recognise({"text": name})
    assert found and [each.mg for each in found.ingredients] == [mg and Decimal(mg)]
