"""Daily doses out of quantities, timings and directions in words; elemental iron by salt."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from cards.decisions.shared.vitamin_d_doses import render_vitamin_d, render_vitamin_d_dose
from cards.drugs.dose import daily_dose
from cards.drugs.instructions import one_dose_in
from cards.drugs.recognise import recognise
from cards.facts.drugs import Drug, Product
from cards.knowledge.code_systems import RXNORM

TABLET = "310325"  # ferrous sulfate 325 mg


def drug(code: str) -> Product:
    product = recognise({"coding": [{"system": RXNORM, "code": code}]} if code.isdigit() else {"text": code})
    assert product is not None, code
    return product


def daily(
    frequency: object = 1, period: object = 1, unit: str = "d", value: object = 1, of: str = "{pill}"
) -> list[dict[str, object]]:
    repeat = {"frequency": frequency, "period": period, "periodUnit": unit}
    return [{"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": {"value": value, "code": of}}]}]


def number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


@pytest.mark.parametrize(
    ("dosage", "iron"),
    [
        (daily(), "65"),
        (daily(3), "195"),
        (daily(1, 2), "65"),
        (daily(1, 1, "wk"), "65"),
        (daily(14, 1, "wk"), "130"),
        (daily(3, 1, "wk"), "65"),
        (daily(1, 8, "h"), "195"),
        (daily(value=2), "130"),
        (daily(value="2"), "130"),
        (daily(value=325, of="mg"), "65"),
        (daily(value=650, of="mg"), "130"),
        (daily(value=65, of="mg"), "65"),
        (daily(value=195, of="mg"), "195"),
        (daily(value="162.5", of="mg"), "32.5"),
        (daily(value=5, of="mL"), None),
        (daily(value=1, of="{puff}"), None),
        (daily(value=-1), None),
        (daily(period=5e-324), None),
        (daily(period="1e-999999"), None),
        (daily(frequency=999999999, period=1e-9, unit="s", value=999999999), None),
        (daily(value=1e-10), None),
        (daily(value=1e-9), "0.0001"),
        (daily(value=10**30), None),
        (daily(period="NaN"), None),
        (daily(value=None), None),
        (daily(frequency=None), "65"),
        ([], None),
        (None, None),
        ({"timing": {"code": {"coding": [{"code": "TID"}]}}, "doseQuantity": {"value": 1, "unit": "tablet"}}, "195"),
        ({"timing": {"code": {"coding": [{"code": "QOD"}]}}, "doseQuantity": {"value": 1}}, "65"),
        (
            {"timing": {"repeat": {"when": ["MORN", "EVE"], "period": 1, "periodUnit": "d"}},
             "doseQuantity": {"value": 1}},
            "130",
        ),
        ({"timing": {"repeat": {"timeOfDay": ["08:00:00", "18:00:00"]}}, "doseQuantity": {"value": 1}}, "130"),
        *[({"timing": {"repeat": {"when": [meal]}}, "doseQuantity": {"value": 1}}, "195") for meal in ("C", "PC")],
        ({"timing": {"repeat": {"when": ["AC", "HS"]}}, "doseQuantity": {"value": 1}}, "260"),
        ({"timing": {"repeat": {"when": ["C"], "dayOfWeek": ["mon"]}}, "doseQuantity": {"value": 1}}, "195"),
        (
            {"timing": {"repeat": {"when": ["C"], "frequency": 1, "period": 1, "periodUnit": "d"}},
             "doseQuantity": {"value": 1}},
            "65",
        ),
        ({"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnits": "d"}}, "doseQuantity": {"value": 1}}, "65"),
        (
            {"timing": {"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}},
             "doseAndRate": {"doseRange": {"low": {"value": 1}, "high": {"value": 2}}}},
            "260",
        ),
        (
            {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed", "fri"]}},
             "doseQuantity": {"value": 1}},
            "65",
        ),
        (
            {"doseQuantity": {"value": 1, "unit": "Tablet (unit of presentation)", "code": "732936001"}, "text": "bid"},
            "130",
        ),
        ({"timing": {"code": {"coding": [{"code": "Q2W"}]}}, "doseQuantity": {"value": 14, "unit": "tablet"}}, "910"),
        (daily(value="many"), None),
        (daily(value=True), None),
        ({"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}, None),
        ([*daily(), *daily()], "130"),
    ],
)  # fmt: skip
def test_structured_doses(dosage: object, iron: str | None) -> None:
    assert number(daily_dose(dosage, drug(TABLET)).elemental_iron_mg) == iron


@pytest.mark.parametrize(
    ("sig", "tablets"),
    [
        ("1 tab po qd", "1"),
        ("1 tab po tid", "3"),
        ("1 cap po bid x 10 days", "2"),
        ("1 tablet q8h", "3"),
        ("1 tab every other day", "0.5"),
        ("1 tab qod", "0.5"),
        ("take 1 tab qhs prn", "1"),
        ("1 tablet nightly", "1"),
        ("Take 1 tablet (325 mg total) by mouth 1 (one) time each day., Starting Tue 5/28/2019, Normal", "1"),
        ("Take 1-2 tablets once daily at bedtime as needed for restless legs", "2"),
        ("1-2 tablets every 4-6 hours as needed for pain", "12"),
        ("650 mg = 2 tab, Oral, every 4 hr, PRN: other (see comment)", "12"),
        ("80 mg = 1 tab, Oral, Daily, 90 tab, 0 Refill(s)", "1"),
        ("One To Be Taken Each Day", "1"),
        ("Two To Be Taken Each Day", "2"),
        ("One Or Two To Be Taken At Night", "2"),
        ("One To Be Taken Three Or Four Times A Day As Necessary", "4"),
        ("One To Be Taken With Breakfast, Lunch And Evening Meal", "3"),
        ("One To Be Taken Each Morning Before Breakfast", "1"),
        ("Six To Be Taken Each Morning As A Single Dose", "6"),
        ("1 Twice a Day\nBefore meals", "2"),
        ("1/2 tablet in the morning", "0.5"),
        ("1 6-hourly for 5 days", "4"),
        ("one per day with food", "1"),
        ("TAKE ONE DAILY", "1"),
        ("one twice daily", "2"),
        ("2 tablets a day", "2"),
        ("1 tablet daily for 1 week", "1"),
        ("1 tab, Oral, every 6 hr, PRN: headache", "4"),
        ("one 325 mg tablet daily", "1"),
        ("Take 2 325 mg tablets daily", "2"),
        ("2 x 325 mg tablets twice a day", "4"),
        ("take 1 (325 mg) tablet daily", "1"),
        ("take 325 mg tablet daily", "1"),
        ("½ tablet daily", "0.5"),
        ("1½ tabs daily", "1.5"),
        ("1 1/2 tablets daily", "1.5"),
        ("one and a half tablets daily", "1.5"),
        ("ten tablets daily", "10"),
        ("1 tab by mouth in the morning and 2 tabs at bedtime", "3"),
        ("Take 1 tablet (325 mg total) by mouth in the morning and 2 tablets (650 mg total) before bedtime.", "3"),
        ("1 tab am, 2 tabs pm", "3"),
        ("2 tabs bid and 1 tab qhs", "5"),
        ("2 tabs daily for 3 days then 1 tab daily", "2"),
        ("1 tablet with breakfast and dinner", "2"),
        ("1 tab t.i.d.", "3"),
        ("1 tab q.o.d.", "0.5"),
        ("1 tab every other night", "0.5"),
        ("1 tab alternate mornings", "0.5"),
        ("1 tab every twelve hours", "2"),
        ("1 tab 3/day", "3"),
        ("1 tab x3/day", "3"),
        ("Disp: 90 tablets, 1 tab tid", "3"),
        ("#90 1 tab tid", "3"),
        ("1 tab q6h, max 3 tablets in 24 hours", "4"),
        ("3x/week", None),
        ("as needed", None),
        ("As Directed", None),
        ("0 Refill(s)", None),
        ("n/a", None),
        ("Twice daily", None),
        ("1 tablet", None),
        ("nmkljkljllk", None),
    ],
)
def test_directions_in_words(sig: str, tablets: str | None) -> None:
    mg = daily_dose([{"text": sig}], drug(TABLET)).mg["ferrous sulfate"]
    assert mg == (None if tablets is None else Decimal(tablets) * 325)


def test_days_of_the_week_in_words() -> None:
    for sig in ("1 tab 3x/week", "1 tab 3 x weekly", "1 tab M, W, F", "1 tab mon/wed/fri"):
        assert daily_dose([{"text": sig}], drug(TABLET)).mg == {"ferrous sulfate": Decimal("139.2858")}, sig


def test_a_sum_in_words_is_not_multiplied_by_the_timing() -> None:
    twice = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    sig = "1 tab in the morning and 2 tabs at bedtime"
    assert daily_dose([{"text": sig, "timing": twice}], drug(TABLET)).mg == {"ferrous sulfate": 975}


def test_a_teaspoon_is_five_millilitres() -> None:
    liquid = drug("ferrous sulfate 220 mg/5 mL oral elixir")
    assert daily_dose([{"text": "1 tsp daily"}], liquid).mg == {"ferrous sulfate": 220}


@pytest.mark.parametrize(
    ("sig", "mg"),
    [
        ("325 mg orally daily", "325"),
        ("500mg twice daily", "1000"),
        ("80 mg/day", "80"),
        ("12.5 mg-25 mg q6h", "100"),
        ("0.25 mg at bedtime, increase to 0.5 mg after 1 week", "0.5"),
        ("0.125 mg qhs x 7 days, then 0.25 mg qhs x 7 days, then 0.5 mg qhs", "0.5"),
        ("300 mg at bedtime, then 300 mg in am and 600 mg hs", "900"),
        ("500 mg daily for 3 days then stop", "500"),
        ("665 mg - four times daily - oral - for 1 week - 28 tablet", "2660"),
        ("300 mg in AM and 600 mg HS", "900"),
    ],
)
def test_a_mass_in_words_needs_no_strength(sig: str, mg: str) -> None:
    assert daily_dose([{"text": sig}], drug("ferrous sulfate")).mg == {"ferrous sulfate": Decimal(mg)}


@pytest.mark.parametrize(
    ("product", "iron", "salt_known"),
    [
        (TABLET, "65", True),
        ("885578", "44.73", True),  # extended release 142 mg: the dried salt
        ("310318", "50.4", True),  # extended release 160 mg
        ("198630", "38.88", True),  # gluconate 324 mg
        ("284202", "106.92", True),  # fumarate 324 mg
        ("198806", "150", True),  # polysaccharide 150 mg
        ("728227", "180", True),  # polysaccharide 391 mg
        ("polysaccharide iron complex 326.1 mg capsule", "150", True),
        ("260235", "25", True),  # carbonyl
        ("2539943", "30", True),  # ferric maltol
        ("ferrous sulfate dried 200 mg tablet", "65", True),
        ("ferrous sulfate 325 mg (65 mg iron) tablet", "65", True),
        ("Slow Fe 142 mg (45 mg iron) ER tablet", "45", True),
        ("Ferrous sulphate 200 mg tablet", "65", False),  # may be the dried salt
        ("746020", "28", False),  # ferrous sulfate 28 mg: may be iron
        ("1102206", None, True),  # several irons in one product
        ("ferrous sulfate tablet", None, False),
        ("ferrous sulfate 1.2.3 mg tablet", None, False),
        ("ferrous succinate 100 mg tablet", "100", False),  # no fact about this salt: the most it can be
    ],
)
def test_elemental_iron_by_salt(product: str, iron: str | None, salt_known: bool) -> None:
    dose = daily_dose(daily(), drug(product))
    if iron is not None or not salt_known:
        assert number(dose.elemental_iron_mg) == iron
    assert dose.iron_salt_known is salt_known


def test_in_a_multi_ingredient_product_the_strength_is_iron() -> None:
    prenatal = drug("826862")  # ferrous fumarate 29 mg among ten
    assert daily_dose(daily(), prenatal).elemental_iron_mg == 29


def test_several_iron_salts_add_up() -> None:
    assert daily_dose(daily(), drug("1111556")).elemental_iron_mg == 60  # bisglycinate 40 mg, polysaccharide 20 mg


def test_a_liquid_is_dosed_in_millilitres() -> None:
    elixir = drug("ferrous sulfate 220 mg (44 mg iron)/5 mL oral elixir")
    assert daily_dose(daily(value=5, of="mL"), elixir).elemental_iron_mg == 44
    assert daily_dose(daily(value=1), elixir).elemental_iron_mg is None


@pytest.mark.parametrize("product", ["24947", TABLET, "ferrous sulfate", "ferrous sulfate 325 mg (65 mg iron) tablet"])
@pytest.mark.parametrize(
    "dosage",
    [
        {"text": "150 mg elemental iron daily"},
        {"text": "150 mg of elemental iron/day"},
        {"text": "150 mg Fe once a day"},
        {"text": "75 mg of iron twice daily"},
        {"text": "75 mg elemental twice daily"},
        {"text": "150 mg elemental iron", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}},
        daily(value=150, of="mg elemental iron"),
        daily(value=150, of="mg (elemental)"),
        [{**daily(value=150, of="mg")[0], "text": "150 mg elemental iron daily"}],
    ],
)
def test_a_mass_called_elemental_is_that_of_the_iron(product: str, dosage: object) -> None:
    """Taken for the salt, 150 mg of iron would count as the 30 mg of a product that is no treatment."""
    dose = daily_dose(dosage, drug(product))
    assert (number(dose.elemental_iron_mg), dose.iron_salt_known) == ("150", True)


@pytest.mark.parametrize(
    ("sig", "iron"),
    [
        ("325 mg (65 mg elemental iron) three times daily", "195"),
        ("1 tablet three times daily (65 mg elemental iron per tablet)", "195"),
        ("325 mg three times daily, 195 mg elemental iron/day", "195"),
        ("325 mg FeSO4 daily", "65"),
    ],
)
def test_the_dose_named_first_counts_beside_its_iron(sig: str, iron: str) -> None:
    assert number(daily_dose({"text": sig}, drug(TABLET)).elemental_iron_mg) == iron


def test_a_weekly_dose_of_vitamin_d_is_never_less_than_a_seventh() -> None:
    dose = daily_dose(daily(1, 1, "wk"), drug("1367410"))
    units = dose.international_units["ergocalciferol"]
    assert units is not None
    assert units * 7 >= 50000
    assert units * 7 < 50001


@pytest.mark.parametrize(
    ("dosage", "words"),
    [
        (daily(1), "50,000 IU a day"),
        (daily(1, 1, "wk"), "50,000 IU once a week"),
        ([{"text": "1 capsule once a week"}], "50,000 IU once a week"),
        (daily(1, 2), "50,000 IU on each day on which it is taken"),
        (
            [{"sequence": 1, "text": "1 capsule weekly"}, {"sequence": 2, "text": "2 capsules weekly"}],
            "100,000 IU once a week",
        ),
        ([{"text": "as directed"}], None),
    ],
)
def test_vitamin_d_is_printed_as_it_is_taken(dosage: list[dict[str, object]], words: str | None) -> None:
    product = drug("1367410")
    taken = Drug(product, daily=daily_dose(dosage, product))
    assert render_vitamin_d_dose(taken) == words
    assert words is None or render_vitamin_d(taken) == f"{product.name}, {words}"
    assert render_vitamin_d(Drug(product)) == product.name


def test_vitamin_d_in_micrograms_and_in_units_given_directly() -> None:
    assert daily_dose([{"text": "25 mcg daily"}], drug("vitamin D3")).international_units == {"cholecalciferol": 1000}
    assert daily_dose(daily(value=2000, of="[iU]"), drug("vitamin D3")).international_units == {"cholecalciferol": 2000}


def test_other_doses() -> None:
    assert daily_dose(daily(3), drug("310431")).mg == {"gabapentin": 900}
    assert daily_dose(daily(3), drug("197444")).mg == {"carbidopa": 75, "levodopa": 300}
    assert daily_dose(daily(value=100, of="mg"), drug("197444")).mg == {"carbidopa": None, "levodopa": None}
    assert daily_dose(daily(), drug("310410")).mg == {"folic acid": 1}
    assert daily_dose(daily(), drug("pramipexole 0.125 mg")).mg == {"pramipexole": Decimal("0.125")}


def test_the_calcium_beside_vitamin_d_brings_no_units() -> None:
    product = drug("Calcium carbonate 600 mg / cholecalciferol 400 IU oral tablet")
    assert daily_dose(daily(2), product).international_units == {"cholecalciferol": 800}


@pytest.mark.parametrize(
    ("parts", "mg"),
    [
        ((["MORN"], ["HS"]), 650),
        ((["MORN", "NOON"], ["HS"]), 975),
        ((["HS"], ["MORN", "HS"]), 650),
        ((["MORN"], []), 325),
    ],
)
def test_instructions_for_other_parts_of_the_day_are_of_one_day_whatever_their_sequence(
    parts: tuple[list[str], ...], mg: int
) -> None:
    told = [
        {
            "sequence": number,
            "timing": {"repeat": {"when": when} if when else {"frequency": 1, "period": 1, "periodUnit": "d"}},
        }
        | {"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}
        for number, when in enumerate(parts, 1)
    ]
    assert daily_dose(told, drug(TABLET)).mg == {"ferrous sulfate": mg}


def test_steps_that_last_some_days_are_phases_though_they_are_for_other_parts_of_the_day() -> None:
    steps = [
        {"sequence": 1, "timing": {"repeat": {"when": ["HS"], "count": 7}}},
        {"sequence": 2, "timing": {"repeat": {"when": ["MORN", "EVE"]}}},
    ]
    told = [each | {"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]} for each in steps]
    assert daily_dose(told, drug(TABLET)).mg == {"ferrous sulfate": 650}


def test_instructions_in_sequence_are_phases_of_which_the_largest_counts() -> None:
    phases = [{"sequence": n, "text": sig} for n, sig in ((1, "1 tablet daily"), (2, "2 tablets daily"))]
    assert daily_dose(phases, drug(TABLET)).mg == {"ferrous sulfate": 650}
    unread = [*phases, {"sequence": 3, "text": "as directed"}]
    assert daily_dose(unread, drug(TABLET)).mg == {"ferrous sulfate": None}


@pytest.mark.parametrize(
    ("dosage", "single"),
    [
        ({"timing": {"repeat": {"count": 1}}}, True),
        ({"timing": {"repeat": {"count": 365, "timeOfDay": ["09:00:00"]}}}, False),
        ({"timing": {"event": ["2026-06-15"]}}, True),
        ({"text": "25 mg IV once"}, True),
        ({"text": "25 mg stat"}, True),
        ({"text": "25 mg x1"}, True),
        ({"text": "one time"}, True),
        ({"text": "25 mg one-time before transfusion"}, True),
        ({"text": "1 time dose"}, True),
        ({"text": "one time per day"}, False),
        ({"text": "1 tab daily x 1 month"}, False),
        ({"text": "25 mg STAT then 25 mg daily"}, False),
        ({"text": "premed before transfusion"}, True),
        ({"text": "25 mg once daily"}, False),
        ({"text": "once a week"}, False),
        ({"text": "1 tab qhs"}, False),
        ({"text": "25 mg once", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}, False),
        ({}, False),
    ],
)
def test_one_dose(dosage: object, single: bool) -> None:
    assert one_dose_in(dosage) is single


def test_one_dose_stands_for_the_day() -> None:
    assert daily_dose([{"text": "2 tablets once"}], drug(TABLET), one_dose=True).mg == {"ferrous sulfate": 650}


@pytest.mark.parametrize("iron", ["0.000000001 mg elemental iron", "65 mg iron", "999999999 mg iron"])
def test_a_dose_that_nobody_takes_is_not_read(iron: str) -> None:
    sig = "999999999 g every 0.000000001 hours, 1 g every 0.000000001 hours"
    assert daily_dose([{"text": sig}], drug(f"ferrous sulfate 325 mg ({iron}) tablet")).elemental_iron_mg is None


@pytest.mark.parametrize(
    "nonsense", ["9" * 5000, "1 " * 2500, "every " * 800, "1-" * 2500, "one " * 1200, "1 mg/" * 1000]
)
def test_long_directions_take_no_time(nonsense: str) -> None:
    begin = time.perf_counter()
    daily_dose([{"text": nonsense}], drug(TABLET))
    assert time.perf_counter() - begin < 0.25


@pytest.mark.parametrize(
    ("dosage", "mean", "fullest", "after_dialysis"),
    [
        (daily(3), "900", "900", False),
        (daily(1, 2), "150", "300", False),
        ([{"text": "1 capsule three times a week after dialysis"}], "128.5715", "300", True),
        ([{"text": "1 capsule daily post-hemodialysis"}], "300", "300", True),
        ([{"text": "1 capsule daily after HD"}], "300", "300", True),
        ([{"text": "300 mg after dialysis"}], "300", "300", True),
        ([{"text": "300 mg after each dialysis"}], "300", "300", True),
        ([{"text": "1 capsule post-HD"}], "300", "300", True),
        ([{"text": "1 capsule following every haemodialysis session"}], "300", "300", True),
        ([{"text": "1 capsule twice daily after dialysis"}], "600", "600", False),
        ([{"text": "1 capsule at bedtime and 1 capsule after dialysis"}], "600", "600", False),
        ([{"text": "1 capsule after each dialysis and 1 capsule at bedtime"}], "600", "600", False),
        ([{"text": "1 capsule before dialysis"}], None, None, False),
        ([{"text": "1 capsule daily, not before dialysis"}], "300", "300", False),
        ([{"text": "1 capsule daily after dialysis"}, {"text": "1 capsule at bedtime"}], "600", "600", False),
        ([{"sequence": 1, "text": "1 capsule daily"}, {"sequence": 2, "text": "1 capsule tid"}], "900", "900", False),
        ([{"text": "1 capsule three times a day as needed", "asNeededBoolean": True}], "900", "900", False),
        ([{"text": "as directed"}], None, None, False),
    ],
)
def test_a_gabapentinoid_is_counted_for_the_fullest_day(
    dosage: list[dict[str, object]], mean: str | None, fullest: str | None, after_dialysis: bool
) -> None:
    found = daily_dose(dosage, drug("310431"))
    assert (number(found.mg["gabapentin"]), number(found.fullest_mg["gabapentin"])) == (mean, fullest)
    assert found.after_dialysis is after_dialysis


@pytest.mark.parametrize(
    ("name", "extended"),
    [
        ("Gralise 600 mg tablet", True),
        ("gabapentin 600 MG Oral Tablet [Gralise]", True),
        ("gabapentin 24 HR 300 MG extended release oral tablet", True),
        ("gabapentin 600 MG Oral Tablet [Neurontin]", False),
        ("1115013", True),
        ("310433", False),
        ("Lyrica CR 165 mg", True),
        ("Lyrica 150 mg capsule", False),
    ],
)
def test_extended_release_is_told_by_words_and_brands(name: str, extended: bool) -> None:
    assert drug(name).extended_release is extended


@pytest.mark.parametrize(
    ("product", "sig", "least"),
    [
        ("vitamin C 1000 mg tablet", "1 tablet as needed", "1000"),
        ("vitamin C 1000 mg tablet", "1 tablet as directed", "1000"),
        ("vitamin C 1000 mg tablet", "1-2 tablets as needed", "2000"),  # at the top of the range
        ("vitamin C 200 mg tablet", "half a tablet as needed", "100"),
        ("vitamin C 200 mg tablet", "½ tablet as needed", "100"),
        ("vitamin C 400 mg tablet", "1/4 tablet as directed", "100"),
        ("vitamin C 1000 mg tablet", "100 mg as needed", "100"),
        ("vitamin C 1000 mg tablet", "as directed", "1000"),  # names no intake: one piece at least
        ("vitamin C 1000 mg tablet", "as needed", "1000"),
        ("vitamin C 1000 mg tablet", "prendre selon avis", "1000"),
        ("vitamin C 1000 mg tablet", "1-0-0", "1000"),
        ("vitamin C 1000 mg", "", "1000"),
        ("vitamin C tablet", "as directed", None),
        ("vitamin C 500 mg/5 mL oral liquid", "as directed", None),
        ("vitamin C 500 mg injection", "as directed", None),
        ("vitamin C 100 mg/mL oral drops", "5 drops as needed", None),
        ("vitamin C 500 mg/5 mL oral liquid", "1 as needed", None),  # a strength per mL is that of no unit
        ("vitamin C 500 mg/5 mL oral liquid", "5 mL as needed", "500"),
        ("vitamin C 1000 mg tablet", "1 tablet once a week", "1000"),  # the day on which it is taken
        ("vitamin C 1000 mg tablet", "1 tablet twice a day", "2000"),
    ],
)
def test_an_intake_is_the_least_of_the_day_on_which_it_is_taken(product: str, sig: str, least: str | None) -> None:
    found = daily_dose([{"text": sig}], drug(product)).least_mg["ascorbic acid"]
    assert found == (None if least is None else Decimal(least))


def test_the_least_of_several_instructions_is_what_was_read_of_them() -> None:
    tablet = drug("vitamin C 200 mg tablet")
    assert daily_dose([{"text": "1 tablet daily"}, {"text": "as directed"}], tablet).least_mg == {"ascorbic acid": 200}
    phases = [{"sequence": 1, "text": "1 tablet as needed"}, {"sequence": 2, "text": "3 tablets as needed"}]
    assert daily_dose(phases, tablet).least_mg == {"ascorbic acid": 600}


def test_an_order_without_directions_is_of_one_piece_at_least() -> None:
    assert daily_dose(None, drug("pyridoxine 200 mg tablet")).least_mg == {"pyridoxine": 200}
    assert daily_dose(None, drug("pyridoxine 200 mg tablet")).mg == {"pyridoxine": None}
    assert daily_dose([], drug(TABLET)).least_iron_mg == 65


def test_the_least_iron_is_known_only_of_a_known_salt() -> None:
    prn = [{"text": "2 tablets as needed"}]
    assert daily_dose(prn, drug(TABLET)).least_iron_mg == 130
    assert daily_dose(prn, drug(TABLET)).elemental_iron_mg is None
    assert daily_dose(prn, drug("Ferrous sulphate 200 mg tablet")).least_iron_mg is None
