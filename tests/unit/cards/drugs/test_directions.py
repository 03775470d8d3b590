"""Directions as clinics write them: what a day brings, row by row, by the kind of words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cards.drugs.directions import read_sig
from cards.drugs.dose import daily_dose
from cards.drugs.recognise import recognise
from tests.unit.cards.drugs.test_steps import gabapentin, told


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 and 1/2 caps tid", "1350"),
        ("1-1/2 caps tid", "1350"),
        ("1- 1/2 caps tid", "1350"),
        ("1 - 1/2 caps tid", "1350"),
        ("take 2 - 1/2 caps daily", "750"),
        ("1 & 1/2 caps tid", "1350"),
        ("1 + 1/2 caps tid", "1350"),
        ("1-½ caps tid", "1350"),
        ("1 and ¼ caps daily", "375"),
        ("one and one-half caps tid", "1350"),
        ("one & one half caps tid", "1350"),
        ("one-and-a-half caps tid", "1350"),
        ("2-3/4 caps daily", "825"),
        # ranges
        ("1-2 caps tid", "1800"),
        ("1/2-1 cap tid", "900"),
        ("1-1.5 caps tid", "1350"),
        ("1 1/2-2 caps tid", "1800"),
        ("1 to 1-1/2 caps tid", "1350"),
        ("1-1 1/2 caps tid", "1350"),
        # each a dose of its own
        ("1 in the morning and 1/2 at night", "450"),
        ("1 cap am and 1/2 cap pm", "450"),
        ("1-1/2-1", "750"),
        ("week 1 - 1/2 cap daily; week 2 - 1 cap daily", "300"),
    ],
)
def test_a_whole_and_a_part_are_one_number(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("300 mg at night increasing by 300 mg every 3 days to 600 mg three times daily", "1800"),
        ("one at night increasing to two tds", "1800"),
        ("one at night increasing by one every three days to two three times a day", "1800"),
        ("1 at night increasing gradually to 3 at night", "900"),
        ("100 mg at night increasing in 100 mg steps to 300 mg at night", "300"),
        ("300 mg daily increasing every week by 300 mg up to 1800 mg", "1800"),
        ("300 mg tds, increasing to max 3600 mg daily", "3600"),
        # something else rises
        ("1 capsule nightly, avoid increasing the dose", "300"),
        ("1 capsule nightly, report increasing drowsiness", "300"),
        ("1 capsule nightly while increasing fluids", "300"),
    ],
)
def test_increasing_to_is_a_rise(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize("rise", ["increasing as tolerated", "increasing by 300 mg weekly", "increasing if needed"])
def test_increasing_to_no_told_top_leaves_the_dose_unread(rise: str) -> None:
    assert told(f"600 mg tid, {rise}") == (None, "1800")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        *[
            (f"Take 1 capsule twice daily{sign}one in the morning and one at bedtime", "600")
            for sign in (", ", ": ", " - ", ". ", "; ", ". Take ")
        ],
        ("Take 2 capsules daily, one at dinner and one at bedtime", "600"),
        ("Take 2 capsules daily, one at 5 pm and one at 9 pm", "600"),
        ("Take 3 capsules daily: 1 am, 2 pm", "900"),
        ("Take FOUR daily: ONE in the morning, ONE at midday and TWO at night", "1200"),
        ("900 mg daily, 300 mg am, 300 mg noon, 300 mg hs", "900"),
        ("600 mg daily: 300 mg bid", "600"),
        ("Take 3 capsules a day, one with each meal", "900"),
        # not the sum, or a dose beside it
        ("2 caps daily, 1 cap in the morning and 2 caps at night", "1500"),
        ("2 caps at bedtime, 1 cap in the morning and 1 cap at noon", "1200"),
        ("2 caps daily and 1 cap am and 1 cap pm", "1200"),
        ("1 cap daily, 1 cap at bedtime", "600"),
        ("1 cap bid, 2 caps at bedtime", "1200"),
        ("600 mg tid, 300 mg am and 300 mg hs", "2400"),
        ("600 mg daily, 300 mg bid", "1200"),
        ("1 cap bid, 1 at bedtime plus 1 at noon", "1200"),
        ("600 mg bid. 600 mg at lunch, 600 mg at bedtime", "1800"),
        ("1 tid, 1 noon, 2 hs", "1800"),
        ("1 cap nightly, 0.5 cap bid prn", "600"),
        ("2 caps daily; 1 cap am and 1 cap pm as needed", "1200"),
    ],
)
def test_a_total_and_its_parts_count_once(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("2 x 300 mg tds", "1800"),
        ("2x300mg tds", "1800"),
        ("take two x 300 mg three times a day", "1800"),
        ("3 x 300mg at night", "900"),
        ("1-2 x 300 mg tds", "1800"),
        ("2 x 300 mg mane, 3 x 300 mg nocte", "1500"),
        ("2 x 300 mg (600 mg) tds", "1800"),
        ("2 x 300 mg capsules tds", "1800"),
        ("2 x 150 mg daily increasing to 3 x 300 mg daily", "900"),
        # how often
        ("3 x day 300 mg", "900"),
        ("3 x daily 300 mg", "900"),
        ("3 x 300 mg daily", "900"),
        ("1 x 300 mg tds", "900"),
        ("1/2 x 300 mg tds", "900"),
    ],
)
def test_so_many_of_a_strength_are_one_dose(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("two 5ml spoonfuls tid", 10), ("2 x 5 ml spoonfuls tid", 10), ("one 5ml spoonful tid", 5), ("5 ml tid", 5)],
)
def test_spoonfuls_add_up(text: str, amount: int) -> None:
    assert (read_sig(text).amount, read_sig(text).unit) == (amount, "ml")


def test_infusions_are_given_one_by_one() -> None:
    assert {read_sig(text).amount for text in ("2 x 500 mg IV", "2 x 500 mg one week apart")} == {500}


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 cap at 8am, 2pm, and 8pm", "900"),
        ("1 cap at 8 a.m., 2 p.m. & 8 p.m.", "900"),
        ("1 cap at 6am, 10am, 2pm, 6pm, and 10pm", "1500"),
        ("1 cap at 7pm and 11pm", "600"),
        ("1 cap at 08:00, 14:00 and 20:00", "900"),
        ("1 cap at 4pm, 8pm and bedtime", "900"),
        ("1 cap daily: 8 am, 2 pm, 8 pm", "900"),
        ("1 cap tid (8am, 2pm, 8pm)", "900"),
        ("300 mg at noon, 600 mg at 5pm and 10pm", "1500"),
        ("1 cap at 5pm x 3 days, then at 5pm and 9pm", "600"),
        ("1 cap on MWF at 8am and 2pm", "600"),
        # doses of their own, one hour, or a choice
        ("1 am, 2 pm", "900"),
        ("1 at 12pm, 1 at 6pm and 2 at 10pm", "1200"),
        ("1 cap at 9 pm and 9 pm", "300"),
        ("1 cap at 5 or 6 pm", "300"),
        ("1 cap at 5 pm, 8 pm or 9 pm", "300"),
        ("1 cap between 8pm and 10pm", "300"),
        ("1 cap between 8 pm and 10 pm", "300"),
        ("1 cap at 9pm, call clinic at 9am", "300"),
        ("1 cap daily at 21:00", "300"),
    ],
)
def test_each_hour_of_a_dose_is_an_intake(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    "supply", [", 90 caps", " 84 CAPSULES", " - 28 capsules", " (56 capsules)", ". 100 capsules, 2 refills"]
)
@pytest.mark.parametrize("dose", ["1 po tid", "ONE TO BE TAKEN THREE TIMES A DAY", "300 mg tid", "1 capsule tid"])
def test_more_pieces_than_anybody_takes_are_the_supply(dose: str, supply: str) -> None:
    assert told(dose + supply) == ("900", "900")


@pytest.mark.parametrize("text", ["28 capsules, one daily", "28 capsules: take one daily"])
def test_a_supply_may_stand_first(text: str) -> None:
    assert told(text) == ("300", "300")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("Take 20 capsules daily", "6000"),
        ("20 capsules daily", "6000"),
        ("capsules: 5-5-5", "4500"),
        ("10-15 capsules daily", "4500"),
        ("1 capsule daily, increase to 15 capsules daily", "4500"),
    ],
)
def test_many_pieces_that_are_called_the_dose_count(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


def test_a_supply_in_words_leaves_a_structured_dose() -> None:
    timing = {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}
    dose = daily_dose(
        [{"text": "1 po tid, 90 caps", "doseQuantity": {"value": 1, "unit": "capsule"}, "timing": timing}], gabapentin()
    )
    assert dose.fullest_mg == {"gabapentin": Decimal(900)}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("1 cap TID and at bedtime", 4),
        ("1 cap bid & hs", 3),
        ("1 cap twice daily plus bedtime", 3),
        ("1 cap 3 times a day and at bedtime", 4),
        ("1 cap tid with meals and at bedtime", 4),
        ("1 cap morning and evening and at bedtime", 3),
        ("1 cap at 8am, 2pm, and in the evening", 3),
        # only when
        ("1 cap qid with meals and at bedtime", 4),
        ("1 cap 4 times daily before meals and at bedtime", 4),
        ("1 cap with meals and at bedtime", 4),
        ("1 cap twice daily with food and at bedtime", 2),
        ("1 cap bid, morning and bedtime", 2),
        ("1 cap bid (morning and bedtime)", 2),
        ("1 cap bid in the morning and at bedtime", 2),
        ("1 cap bid with breakfast and dinner", 2),
        ("1 cap daily and at bedtime", 1),
        ("1 cap tid and as needed", 3),
        # numbers behind a part of the day
        ("1 mane 1 midday 2 nocte", 4),
        ("1 MORNING 1 LUNCHTIME 2 AT NIGHT", 4),
        ("1 morning 1 teatime 2 bedtime", 4),
    ],
)
def test_a_part_of_the_day_beside_several_times_is_one_more(text: str, pieces: int) -> None:
    mg = f"{pieces * 300}"
    assert told(text) == (mg, mg)


@pytest.mark.parametrize("length", ["x 3 nights", "for 3 nights", "x3", "x 3"])
@pytest.mark.parametrize("join", [", ", "; ", ", then "])
@pytest.mark.parametrize("often", [("1 cap qhs", "2 caps qhs", "3 caps qhs"), ("1 cap qhs", "1 cap bid", "1 cap tid")])
def test_steps_of_nights_are_never_added_up(length: str, join: str, often: tuple[str, str, str]) -> None:
    first, second, last = often
    assert told(f"{first} {length}{join}{second} {length}{join}{last}") == ("900", "900")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("300 mg QHS x3, BID x3, TID", "900"),
        ("1 cap bid x14, 1 cap daily x14", "600"),
        ("1 cap at night, 2 caps at night after 3 nights", "600"),
        # of one day, or no length
        ("1 cap am x 30, 2 caps pm x 30", "900"),
        ("1 cap am for 7 nights and 2 caps pm for 7 nights", "900"),
        ("take 1 nightly for 5 nights a week", "300"),
        ("1 cap at bedtime x 3 nights per week", "300"),
    ],
)
def test_nights_are_a_length_as_days_are(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    "text",
    [
        "1x abends",
        "1 x abends 1 Tablette",
        "1x/Tag",
        "1 x/jour",
        "1 x zur Nacht",
        "1 x daags 1 tablet",
        "1 tablett x 1",
        "1 tablett x 1 til natten",
        "1 x 1",
        "1 x 3",
        "1 x 1 tab daily",
        "1x wöchentlich, 5 Gaben",
        "1 x pro Woche",
        "1 x 500 mg abends",
        "200 mg iv 1x wöchentlich",
    ],
)
def test_one_time_of_a_day_or_week_is_no_single_dose(text: str) -> None:
    assert not read_sig(text).once


@pytest.mark.parametrize(
    "text",
    [
        "25 mg x1",
        "1 tab x 1 now",
        "1 tab po x 1 30 min before MRI",
        "1 tab x1 prior to MRI",
        "1 tab x1, may repeat in 1 hour",
        "1 tab x 1 at bedtime",
        "1 tab x1 - then stop",
        "1 tab 1x",
        "1 tab 1x only",
        "take 1 x1 now",
        "1000 mg IV x1",
        "1 x 1000 mg i.v.",
        "1 x 1000 mg als Kurzinfusion",
        "510 mg IV x1, repeat in 3-8 days",
    ],
)
def test_times_one_in_all_is_a_single_dose(text: str) -> None:
    assert read_sig(text).once


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 tablett x 1", "300"),
        ("1 tablett x 3", "900"),
        ("1 kapsel x 1-2 vid behov", "600"),
        ("1 stuk x 3", "900"),
        ("1 tabl x 2", "600"),
        ("1 tablett x 3 dagar", None),
        ("1 tablet x 3", None),
        ("1 tablett x 1 engangsdose", None),
    ],
)
def test_pieces_times_a_number_are_so_many_a_day_where_that_is_written_so(text: str, mg: str | None) -> None:
    assert told(text)[0] == mg


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 tid with vitamin C 500 mg", "900"),
        ("1 tid with 500 mg of vitamin C", "900"),
        ("1 tid while on Tylenol 325 mg", "900"),
        ("take 600 mg with isoniazid 300 mg daily", "600"),
        ("1 cap with levothyroxine 50 mcg three times daily", "900"),
        ("1 nightly. Stop pramipexole 0.5 mg", "300"),
        ("1 nightly, discontinue the old ropinirole 2 mg tid", "300"),
        ("1 capsule nightly. Replaces gabapentin 600 mg three times daily", "300"),
        ("stop pramipexole 0.5 mg and start gabapentin 300 mg tid", "900"),
        ("300 mg tid in place of pregabalin 75 mg bid", "900"),
        # this drug, or no drug
        ("Start with gabapentin 300 mg tid", "900"),
        ("take with gabapentin 300 mg capsule tid", "900"),
        ("Take with food 300 mg tid", "900"),
        ("take with 600 mg tablet tid", "1800"),
        ("do not stop gabapentin 300 mg tid abruptly", "900"),
        ("may stop or reduce to 300 mg daily", "300"),
        ("stop if rash. 300 mg tid", "900"),
        ("apply 3 mg patch daily, replace with 2 mg patch", "3"),
    ],
)
def test_the_dose_of_another_drug_or_of_one_that_stops_is_not_this_one(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


def test_the_dose_of_another_drug_leaves_a_structured_dose() -> None:
    pyridoxine = recognise({"text": "pyridoxine 50 mg tablet"})
    assert pyridoxine is not None
    timing = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    told_so = {"patientInstruction": "Take with isoniazid 300 mg daily", "timing": timing}
    dose = daily_dose([{**told_so, "doseQuantity": {"value": 1, "unit": "tablet"}}], pyridoxine)
    assert dose.fullest_mg == {"pyridoxine": Decimal(50)}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1 tab every Sunday", 1),
        ("1 tab Tue/Thu/Sat", 3),
        ("1 tab Tue, Thurs and Sat", 3),
        ("1 tab on Tuesdays and Saturdays", 2),
        ("1 tab every saturday and sunday", 2),
        ("1 tab on mon/thu", 2),
        ("1 tab daily Monday through Friday", 7),
        ("1 tab daily except Saturday and Sunday", 7),
        ("1 tab daily starting Monday", 7),
        ("1 tab daily, call on Monday and Tuesday", 7),
    ],
)
def test_days_of_the_week_are_counted(text: str, days: int) -> None:
    assert read_sig(text).per_day == Decimal(days) / 7
    assert read_sig(text).per_full_day == 1


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("600 mg tid, collect every Thursday", "1800"),
        ("600 mg tid. Dispense every Monday", "1800"),
        ("600 mg tid. Follow up Monday, Wednesday", "1800"),
        ("1 cap tid on Tue, Thu, Sat", "900"),
        ("1 cap twice daily on Tue & Thu", "600"),
        ("1 cap on Mondays and Thursdays at bedtime", "300"),
    ],
)
def test_days_of_the_week_do_not_count_beside_how_often_a_day(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize("text", ["1 cap mon and thurs, 2 caps other days", "1 cap mon and thu, 2 caps the rest"])
def test_days_of_the_week_do_not_count_beside_the_other_days(text: str) -> None:
    assert read_sig(text).per_day is None


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 cap after dinner", "300"),
        ("1 cap q evening", "300"),
        ("1 cap q morning and q evening", "600"),
        ("1 cap at lunch, 2 hours after breakfast", "300"),
        ("1 cap bid on Mon, Wed and Fri and 1 cap at noon", "900"),
        ("1 capsule nightly, take an extra capsule if needed", "300"),
    ],
)
def test_a_piece_after_a_meal_is_read(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("takes 16 caps daily", "4800"),
        ("taking 18 caps a day", "5400"),
        ("Take by mouth 16 caps per day", "4800"),
        ("gabapentin 300 mg, 16 caps daily", "4800"),
        ("1 tid, 90 caps", "900"),
    ],
)
def test_many_pieces_a_day_are_a_dose(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("take 600 mg instead of 300 mg tid", "1800"),
        ("600 mg replaces 300 mg tid", "1800"),
        ("600 mg tid in place of 300 mg tid", "1800"),
        ("do not suddenly stop gabapentin 300 mg tid", "900"),
        ("avoid stopping gabapentin 300 mg tid", "900"),
        ("stop gabapentin 300 mg tid, start 600 mg bid", "1200"),
    ],
)
def test_what_is_replaced_tells_how_often_and_what_is_not_stopped_goes_on(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    "behind",
    [
        *("preop", "pre-op", "(preop)", "/ preop", "in PACU", "in OR", "orally", "oral", "this evening", "immediately"),
        *("night before surgery", "the morning of surgery", "upon arrival", "given in clinic", "per protocol"),
    ],
)
def test_times_one_before_words_of_one_occasion_is_one_dose(behind: str) -> None:
    assert read_sig(f"600 mg po x1 {behind}").once


@pytest.mark.parametrize("text", ["1x abends", "1x/Tag", "1 kapsel x 1 til natten", "1 kaps x 1 per dag"])
def test_times_one_beside_a_day_is_not_one_dose_in_all(text: str) -> None:
    assert not read_sig(text).once


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("3 x 300 mg matin, midi et soir", "900"),
        ("3 x 300 mg (morning, noon, night)", "900"),
        ("3x300mg 3x täglich", "900"),
        ("3 x 300 mg 1-1-1", "900"),
        ("3x600 mg (1 am, 1 noon, 1 hs)", "1800"),
        ("2 x 300 mg bd", "1200"),
        ("3 x 300 mg bd", "1800"),
        ("3 x 300 mg nocte", "900"),
    ],
)
def test_as_many_as_the_times_of_the_day_are_those_times(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 cap daily at 6pm/7pm", "300"),
        ("1 cap daily at 8am, 9am if forgotten", "300"),
        ("start at 8 am, 9 am. 1 cap tid", "900"),
        ("1 cap at 7 pm and 11 pm", "600"),
        ("1 cap daily at 8 am, 2 pm and 8 pm", "900"),
        ("1 cap tid at 8 am, 2 pm, 8 pm", "900"),
    ],
)
def test_hours_count_where_they_are_doses(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


def test_symptoms_that_rise_are_no_rise_of_the_dose() -> None:
    assert told("1 cap tid for restless legs increasing every night") == ("900", "900")


@pytest.mark.parametrize("how", ["as tolerated", "slowly", "weekly until settled", "every week"])
def test_a_dose_that_rises_to_no_told_top_is_what_it_is_at_least(how: str) -> None:
    assert told(f"1 cap at night increasing {how}") == (None, "300")
