"""Directions of several steps and of several doses a day: the highest step counts, the doses of one day add up."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from cards.drugs.dose import daily_dose
from cards.facts.drugs import Product
from tests.unit.cards.drugs.test_dose import drug

#: How steps are written; `{n}` is the number of the step.
_WRITTEN = (
    "{step} x 3 days, ",
    "{step} x3d; ",
    "{step} for 1 wk then ",
    "{step} for the first 3 days, followed by ",
    "day {n}: {step}; ",
    "{step} on day {n}, ",
    "week {n}: {step} ",
    "Week #{n}: {step}. ",
    "{step} week {n}; ",
    "month {n} {step}, ",
    "{step}, then ",
    "{step} x 3 days and then ",
    "{step}, after that ",
    "{step}, increase to ",
)


def gabapentin() -> Product:
    return drug("gabapentin 300 mg capsule")


def told(text: str) -> tuple[str | None, str | None]:
    """Return what a day brings of a capsule of 300 mg at most, and at least, in mg."""
    dose = daily_dose([{"text": text}], gabapentin())
    read = (dose.fullest_mg["gabapentin"], dose.least_mg["gabapentin"])
    return tuple(None if mg is None else f"{mg:f}" for mg in read)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("written", "amount", "order"),
    list(product(_WRITTEN, ("300 mg", "1 cap", "1 capsule (300 mg)"), (("qhs", "bid", "tid"), ("tid", "bid", "qhs")))),
)
def test_steps_are_never_added_up(written: str, amount: str, order: tuple[str, ...]) -> None:
    steps = [written.format(step=f"{amount} {often}", n=n) for n, often in enumerate(order, 1)]
    text = "".join(steps).rstrip(",; ").removesuffix("then").removesuffix("after that").removesuffix("increase to")
    assert told(text) == ("900", "900"), text


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("300 mg qhs x 3 days, 300 mg bid x 3 days, 300 mg tid thereafter", "900"),
        ("week 1: 300 mg hs; week 2: 600 mg hs; week 3: 600 mg tid", "1800"),
        ("Days 1-3: 300 mg daily. Days 4-6: 300 mg bid. Day 7 on: 600 mg tid", "1800"),
        ("Days 1-7: 1 cap daily. Day 8 on: 2 caps daily", "600"),
        ("300 mg qhs x 3 days, then bid x 3 days, then tid", "900"),  # the dose goes on
        ("300 mg on day 1, 300 mg twice on day 2, 300 mg three times on day 3", "900"),
        ("first week 1 cap daily, second week 2 caps daily", "600"),
        ("300 mg qhs (may increase to 600 mg tid)", "1800"),
        ("300 mg qhs, 300 mg bid after 3 days, 300 mg tid after 1 week", "900"),
        ("tapering: 1 cap qid x7d, 1 cap tid x7d, 1 cap bid x7d, 1 cap qd x7d then stop", "1200"),
        # one dose of a day, however long
        ("1 cap am, 2 caps pm for 7 days", "900"),
        ("1 cap am for 7 days and 2 caps pm for 7 days", "900"),
        ("1 cap am for 7 days, 2 caps pm for 7 days", "900"),
        ("for 7 days take 1 cap am and 1 cap pm", "600"),
        ("1 cap daily for 7 days, 7 capsules", "300"),  # the supply
        ("1 cap daily, recheck in 8 weeks", "300"),
        ("take once a day 2 capsules", "600"),
        ("1 cap daily for 30 days as directed", "300"),
    ],
)
def test_the_highest_step_counts(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("start 300 mg nightly, titrate up to 1800 mg daily", "1800"),
        ("300 mg qhs, may increase by 300 mg q3d to max 1800 mg/d", "1800"),
        ("300 mg tid, increase by 300 mg every 3 days up to 600 mg tid", "1800"),
        ("300 mg qhs, increase to 1800 mg daily by 300 mg every 3 days", "1800"),
        ("300 mg tid, increase 300 mg weekly until 1800 mg per day", "1800"),
        ("300 mg tid, titrate to effect, max 3600 mg", "3600"),
        ("300 mg at night, titrate to a maximum daily dose of 1,800 mg", "1800"),
        ("300 mg at night, may double every 4-7 days up to 1200 mg", "1200"),
        ("increase from 300 mg to 600 mg tid", "1800"),
        ("start with 1 capsule at bedtime, increase by 1 capsule every 3 days up to 2 capsules 3 times daily", "1800"),
        ("1 cap daily. Increase weekly to 2 caps tid", "1800"),
        ("1 cap daily; do not increase dose", "300"),
        ("take if symptoms increase, 1 cap daily", "300"),
    ],
)
def test_a_rise_is_counted_at_its_top(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    "text",
    [
        "600 mg tid, titrate as tolerated",
        "600 mg tid, increase by 300 mg weekly",
        "600 mg tid, may increase 300 mg every 3 days as tolerated",
        "600 mg tid, may increase",
        "600 mg tid, then as directed",
        "300 mg qhs, 600 mg tid after 1 week, titrate",
    ],
)
def test_a_top_that_is_not_told_leaves_the_dose_unread(text: str) -> None:
    assert told(text) == (None, "1800")


def test_the_least_of_a_rise_is_one_intake_where_nothing_says_how_often() -> None:
    assert told("300 mg, titrate as tolerated") == (None, "300")


def test_steps_in_two_units_leave_the_dose_unread() -> None:
    assert told("1 cap daily x 3 days, then 600 mg tid") == (None, "300")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("900 mg daily divided TID", "900"),
        ("Take 900 mg daily divided BID", "900"),
        ("900 mg/day divided every 8 hours", "900"),
        ("900 mg in 3 divided doses", "900"),
        ("900 mg/day in 2-3 equal doses", "900"),
        ("900 mg daily split evenly between morning and night", "900"),
        ("900 mg daily divided in am and pm", "900"),
        ("600 mg daily divided bid and 300 mg hs", "900"),
        ("300 mg tid in divided doses", "900"),
        ("300 mg TID for a total of 900 mg daily", "900"),
        ("100 mg am, 200 mg pm, total daily dose 300 mg", "300"),
    ],
)
def test_a_divided_dose_is_that_of_the_day(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("1 mane 2 nocte", 3),
        ("1 cap mane and nocte", 2),
        ("1 cap mane, 1 cap midday and 1 cap nocte", 3),
        ("300 mg mane and midi and nocte", 3),
        ("1 cap morning noon and night", 3),
        ("1 cap am and noon, 2 caps hs", 4),
        ("1 in the morning, 1 in the afternoon and 2 at bedtime", 4),
        ("take 1 cap in the morning 2 caps at night", 3),
        ("1 om, 1 on", 2),
        ("1 cap with dinner and at bedtime", 2),
        ("1 cap pc & hs", 4),
        ("1 cap ac", 3),
        ("1 cap bid, in the morning and at bedtime", 2),
        ("1 cap daily in the morning or at bedtime", 1),
        ("1 cap daily after dinner, in the evening", 1),
        ("1 cap in the morning, remove at bedtime", 1),
        ("1 cap at bedtime 3 nights a week", 1),
        ("1 cap daily (1 cap in am and 1 cap in pm)", 1),
        ("1-0-1", 2),
        ("1 - 0 - 1 - 1", 3),
        ("½-0-½", 1),
        ("1-1-1 capsules daily", 3),
        ("300 mg 1-0-1", 2),
        ("2 caps 1-0-1", 4),
        ("1-0-0 for 3 days, then 1-0-1", 2),
        ("1 cap tid (1-1-1)", 3),
        ("1 cap daily from 06-15-26", 1),
        ("call 1-800-555-1234, 1 cap daily", 1),
    ],
)
def test_each_part_of_the_day_is_an_intake(text: str, pieces: int) -> None:
    mg = f"{pieces * 300}"
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("300 mg as needed, max 2400 mg a day", "2400"),
        ("1-2 caps prn (maximum of 8 caps/day)", "2400"),
        ("300 mg prn, not to exceed 4 capsules in 24 hours", "1200"),
        ("1 cap q6h prn, max 3 capsules in 24 hours", "1200"),  # how often is told
        ("1 cap at bedtime; may repeat twice", "900"),
        ("1 cap at bedtime, may repeat once in 2 hours", "600"),
        ("1 cap qhs, may repeat x1", "600"),
        ("1 cap bid, can be repeated up to 2 times", "1800"),
        ("1 cap nightly (may repeat 1 cap after 2 hours)", "600"),
        ("1 cap daily, may repeat in 7 days", "300"),
        ("1 cap prn, may repeat", None),
        ("300 mg prn, max 2 caps per dose", None),
        ("300 mg prn, no more than 2 caps in 6 hours", None),
    ],
)
def test_as_needed_is_counted_at_its_top(text: str, mg: str | None) -> None:
    assert told(text)[0] == mg


@pytest.mark.parametrize(
    ("first", "second", "mg"),
    [
        (("2026-06-15", "2026-06-18"), ("2026-06-19", None), "1800"),
        (("2026-06-15", "2026-06-18T10:00:00Z"), ("2026-06-18", "2026-07-18"), "1800"),
        ((None, "2026-06-18"), ("2026-06-19", None), "1800"),
        (("2026-06-15", "2026-06-20"), ("2026-06-19", None), "2100"),
        (("2026-06-15", None), ("2026-06-19", None), "2100"),
        ((None, None), (None, None), "2100"),
    ],
)
def test_instructions_of_periods_one_after_another_are_steps(
    first: tuple[str | None, str | None], second: tuple[str | None, str | None], mg: str
) -> None:
    def instruction(text: str, start: str | None, end: str | None) -> dict[str, object]:
        period = {name: day for name, day in (("start", start), ("end", end)) if day}
        return {"text": text, "timing": {"repeat": {"boundsPeriod": period}}}

    steps = [instruction("600 mg tid", *second), instruction("300 mg daily", *first)]
    dose = daily_dose(steps, gabapentin())
    assert dose.fullest_mg == {"gabapentin": Decimal(mg)}


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("6 mg/kg/day divided tid", None),
        ("6 mg per kg daily", None),
        ("6 mg/kg (300 mg) daily", "300"),
        ("300 mg on days 1, 3, 5 and 7, then 300 mg bid", "600"),
        ("300 mg daily on days 1, 3, 5", "300"),
    ],
)
def test_numbers_beside_a_dose(text: str, mg: str | None) -> None:
    assert told(text)[0] == mg


def test_a_step_that_may_be_two_numbers_is_decided_by_the_product() -> None:
    assert told("300 mg at night, titrate up to 1,800 mg/day") == ("1800", "1800")
    assert Decimal(told("1 cap daily x 3 days, 2 caps daily")[0] or 0) == 600


@pytest.mark.parametrize(
    ("often", "mg"), [("daily", "300"), ("every other day", "300"), ("once a week", "300"), ("twice daily", "600")]
)
@pytest.mark.parametrize("length", ["for 90 days", "x 8 weeks", "for the next 2 weeks"])
@pytest.mark.parametrize(
    "when",
    [
        ". Take with meals.",
        " with meals",
        ", take with dinner",
        ". Take in the morning",
        ". Take every morning",
        ". Take on an empty stomach 1 hour before or 2 hours after meals",
        ". Take with a stool softener twice daily",
    ],
)
def test_words_behind_a_length_that_only_say_when_are_no_step(often: str, mg: str, length: str, when: str) -> None:
    text = f"Take 1 capsule (300 mg total) by mouth {often} {length}{when}"
    whole = daily_dose([{"text": f"1 capsule {often}"}], gabapentin())
    assert told(text) == (mg, mg)
    assert daily_dose([{"text": text}], gabapentin()).mg == whole.mg


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("300 mg qhs x 3 days, bid x 3 days, tid", "900"),
        ("1 cap daily for 7 days, take twice daily", "600"),
        ("1 cap daily for 7 days. 3 times daily for 7 days", "900"),
        ("1 cap daily for 7 days, every 8 hours for 7 days", "900"),
        ("300 mg qhs x 3 days, then in the morning and at bedtime", "600"),
        ("1 cap daily for 7 days, with meals 2 caps twice daily", "1200"),
    ],
)
def test_how_often_behind_a_length_is_a_step(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


def test_a_structured_dose_stands_beside_words_that_only_say_when() -> None:
    timing = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    text = "1 capsule daily for 90 days. Take with meals"
    dose = daily_dose([{"text": text, "doseQuantity": {"value": 300, "unit": "mg"}, "timing": timing}], gabapentin())
    assert dose.fullest_mg == {"gabapentin": Decimal(300)}


@pytest.mark.parametrize("first", ["at bedtime", "every evening", "daily at bedtime", "at lunch"])
@pytest.mark.parametrize(
    "beside",
    [
        ", may cause drowsiness in the morning",
        ", hold if drowsy in the morning",
        ". Separate from morning levothyroxine",
        ", levothyroxine in the morning",
        ", starting tomorrow morning",
        ", 2 hours after breakfast",
        ", stop if diarrhea in the morning",
        "; may take in the morning if upset stomach",
        ". Avoid tea at breakfast",
        " and avoid tea at breakfast",
        " to avoid fatigue in the morning",
    ],
)
def test_a_part_of_the_day_that_stands_apart_is_no_intake(first: str, beside: str) -> None:
    assert told(f"1 capsule {first}{beside}") == ("300", "300")


@pytest.mark.parametrize(
    "second", ["at bedtime", "1 hour before bedtime", "1-2 hours before bed", "an hour before bed"]
)
@pytest.mark.parametrize("joint", [" and ", ", and ", " & ", " + ", " plus ", " (8 am) and ", " for pain and "])
def test_a_part_of_the_day_that_is_joined_is_an_intake(joint: str, second: str) -> None:
    assert told(f"1 capsule in the morning{joint}{second}") == ("600", "600")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 cap with breakfast and dinner", "600"),
        ("1 cap qam/qhs", "600"),
        ("1 cap at breakfast, at lunch, at dinner", "900"),
        ("1 cap at breakfast, lunch, dinner and bedtime", "1200"),
        ("1 cap in the morning, at bedtime", "600"),
        ("1 cap in the morning with food and at night", "600"),
        ("1 cap at bedtime and 1 cap in the morning, may cause drowsiness at noon", "600"),
        ("1 capsule (300 mg) every morning (8 am) and at bedtime (8 pm)", "600"),
    ],
)
def test_parts_of_the_day_that_follow_one_another_are_intakes(text: str, mg: str) -> None:
    assert told(text) == (mg, mg)


@pytest.mark.parametrize(
    "beside",
    [
        ". Alcohol may increase drowsiness",
        ". Vitamin C may increase absorption",
        ", can increase risk of falls",
        ", may double the risk of falls",
        ", do not take a double dose",
        ", do not double the dose",
        " (dose increased 11/3)",
        " (increased today)",
        " (increased from 100 mg)",
        ", increased from 1 capsule daily",
        ", titrated dose",
        ". Raise the head of the bed",
        " to increase sleep time",
        # the dose as it was
        " (decreased from 2 capsules)",
        " (reduced from 600 mg)",
        ", changed from 2 capsules tid",
        " (dose decreased from 900 mg to 300 mg)",
    ],
)
def test_what_else_rises_and_what_was_leave_the_dose(beside: str) -> None:
    assert told(f"1 capsule nightly{beside}") == ("300", "300")


@pytest.mark.parametrize(
    "rise",
    [
        "may increase",
        "can increase as needed",
        "may increase the dose if needed",
        "double if needed",
        "may double",
        "titrate",
        "titrating to effect",
        "raise as tolerated",
        "increase dose gradually",
        "escalate weekly",
    ],
)
def test_a_rise_of_the_dose_itself_leaves_it_unread(rise: str) -> None:
    assert told(f"600 mg tid, {rise}") == (None, "1800")
    assert told(f"600 mg tid ({rise})") == (None, "1800")


@pytest.mark.parametrize("name", ["text", "patientInstruction", "additionalInstruction"])
@pytest.mark.parametrize(
    "words", ["Alcohol may increase drowsiness", "Raise the head of the bed", "Dose increased 11/3"]
)
def test_words_on_what_else_rises_leave_a_structured_dose(name: str, words: str) -> None:
    told_so = {name: [{"text": words}] if name == "additionalInstruction" else words}
    timing = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    dose = daily_dose([{**told_so, "doseQuantity": {"value": 300, "unit": "mg"}, "timing": timing}], gabapentin())
    assert dose.fullest_mg == {"gabapentin": Decimal(600)}


@pytest.mark.parametrize("length", ["for 30 days", "x 90 days", "for 30 days, dispense 90"])
@pytest.mark.parametrize(
    "supply",
    [
        ", 2 RF",
        ", 3 bottles",
        ", 3 fills",
        ", 4th fill",
        ". May refill 5 times",
        ", refill x 3",
        " #30 x 3",
        ", 2 boxes",
    ],
)
def test_numbers_of_a_supply_behind_a_length_are_no_dose(length: str, supply: str) -> None:
    assert told(f"1 capsule nightly {length}{supply}") == ("300", "300")
    assert told(f"1 capsule TID {length}{supply}") == ("900", "900")


@pytest.mark.parametrize(
    "text", ["1 nightly x 7 days, 2 nightly", "take 1 daily for 7 days, take 2", "1 for 3 days then 2"]
)
def test_a_bare_number_of_a_step_is_a_dose(text: str) -> None:
    assert told(f"{text}, nightly, 3 bottles") == ("600", "600")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("Take 2 capsules in the morning. Take 3 capsules at bedtime", "1500"),
        ("Take 1 cap in the morning. Take 1 cap at noon. Take 2 caps at bedtime. Take with food", "1200"),
        ("Take 1 capsule daily. Take 1 capsule with food", "300"),
        ("Take 1 capsule at bedtime. Take 1 capsule nightly", "300"),
        ("Take 1 capsule in the morning. Take with breakfast", "300"),
        ("1 capsule per day in week 1 and 2 capsules per day from week 2", "600"),
        ("1 cap daily on days 1 and 2, 1 cap bid from day 3", "600"),
        ("1 cap daily in weeks 1 and 2 then 600 mg daily", None),
    ],
)
def test_sentences_of_one_day_add_up_and_those_of_weeks_do_not(text: str, mg: str | None) -> None:
    assert told(text)[0] == mg


@pytest.mark.parametrize("times", ["x", "mal", "ganger", "gange", "fois", "volte", "veces", "keer"])
@pytest.mark.parametrize("day", ["täglich", "om dagen", "par jour", "al giorno", "al día", "per dag"])
def test_times_a_day_are_read_in_other_languages(times: str, day: str) -> None:
    assert told(f"1 kapsel 3 {times} {day}") == ("900", "900")
    assert told(f"2 {times} {day} 300 mg") == ("600", "600")


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("1 gélule matin, midi et soir", "900"),
        ("1 gélule le matin, à midi et le soir", "900"),
        ("1 gélule au petit déjeuner et au dîner", "600"),
        ("1 gélule matin et 2 gélules au coucher", "900"),
        ("1 matin 2 soir", "900"),
        ("2 gélules par jour (midi et soir)", "600"),
        ("1 gélule le matin et le soir", "600"),
        ("1 gélule midi et soir", "600"),
        ("1 gélule le soir", "300"),
        ("1 gélule le matin et 2 gélules le soir", "900"),
        ("1 om", "300"),
        ("1 cap om, 2 caps on", "900"),
        ("1 om 2 on", "900"),
        ("1 kapsel om 8 uur en 1 om 20 uur", None),
        ("1 kapsel om de dag", None),
        ("1 kapsel om kvelden", None),
    ],
)
def test_words_of_other_languages_are_read_or_leave_the_dose_unread(text: str, mg: str | None) -> None:
    assert told(text)[0] == mg
