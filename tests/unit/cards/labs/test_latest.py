"""One value for a decision: bands, times of one day, windows, censored and unusable results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.limits import meets
from cards.labs.latest import Kind, Reading, choose, newest_within, read
from tests.builders.observations import chart, lab, limit, observation, partial_date_of, within
from tests.builders.observations import read as read_observations

LOW, MID, HIGH = (limit("ferritin", "at or below", value) for value in (75, 100, 300))
BANDS = (LOW, MID, HIGH)


def ferritin(*labs: LabResult, window: int = 365, unusable: tuple[UnusableResult, ...] = ()) -> Reading:
    return read(chart(*labs, unusable=unusable), "ferritin", window=within(window), limits=BANDS)


def answer(*labs: LabResult, window: int = 365) -> str:
    """The kind and the number, whatever order the results come in."""
    reading, backwards = ferritin(*labs, window=window), ferritin(*reversed(labs), window=window)
    assert (reading.kind, reading.result) == (backwards.kind, backwards.result)
    return f"{reading.kind} {reading.result.quantity.text}" if reading.result else str(reading.kind)


@pytest.mark.parametrize(
    ("labs", "expected"),
    [
        ((), "none"),
        ((lab("ferritin", "38"),), "usable 38 ng/mL"),
        ((lab("ferritin", "38", "2026-05-01"), lab("ferritin", "90", "2026-05-20")), "usable 90 ng/mL"),
        # windows include their last day
        ((lab("ferritin", "38", 365),), "usable 38 ng/mL"),
        ((lab("ferritin", "38", 366),), "stale"),
        ((lab("ferritin", "38", 0),), "usable 38 ng/mL"),
        # a month or year is fresh only if its first day is in the window
        ((lab("ferritin", "38", "2026"),), "usable 38 ng/mL"),
        ((lab("ferritin", "38", "2025-07"),), "usable 38 ng/mL"),
        ((lab("ferritin", "38", "2025-06"),), "stale"),
        ((lab("ferritin", "38", "2025"),), "stale"),
        # ... and is ordered by its last day
        ((lab("ferritin", "38", "2026-04"), lab("ferritin", "90", "2026-04-29")), "usable 38 ng/mL"),
        ((lab("ferritin", "38", "2026-04"), lab("ferritin", "90", "2026-05-01")), "usable 90 ng/mL"),
        # censored: placed in one band or not available, and never replaced by an older one
        ((lab("ferritin", "75", comparator="<="),), "usable <=75 ng/mL"),
        ((lab("ferritin", "75", comparator="<"),), "usable <75 ng/mL"),
        ((lab("ferritin", "5", comparator="<"),), "usable <5 ng/mL"),
        ((lab("ferritin", "75.1", comparator="<"),), "censored"),
        ((lab("ferritin", "100", comparator="<"),), "censored"),
        ((lab("ferritin", "300", comparator=">"),), "usable >300 ng/mL"),
        ((lab("ferritin", "300", comparator=">="),), "censored"),
        ((lab("ferritin", "1500", comparator=">"),), "usable >1500 ng/mL"),
        ((lab("ferritin", "38", 60), lab("ferritin", "100", 30, comparator="<")), "censored"),
        # different times of one day: the later one
        (
            (lab("ferritin", "38", "2026-05-20T08:00:00Z"), lab("ferritin", "90", "2026-05-20T12:00:00Z")),
            "usable 90 ng/mL",
        ),
        # the same time, or a day with a time missing
        ((lab("ferritin", "38"), lab("ferritin", "90")), "conflict"),
        ((lab("ferritin", "38"), lab("ferritin", "90", "2026-05-20T12:00:00Z")), "conflict"),
        ((lab("ferritin", "38"), lab("ferritin", "40", "2026-05-20T12:00:00Z", status="amended")), "usable 40 ng/mL"),
        ((lab("ferritin", "75"), lab("ferritin", "75.1")), "conflict"),
        ((lab("ferritin", "38"), lab("ferritin", "90"), lab("ferritin", "50", "2026-05-21")), "usable 50 ng/mL"),
        # a value below detection beside a measured one of the same time is no contradiction
        ((lab("ferritin", "38"), lab("ferritin", "100", comparator="<")), "usable 38 ng/mL"),
    ],
)
def test_the_newest_result(labs: tuple[LabResult, ...], expected: str) -> None:
    assert answer(*labs) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"status": "final"}, {"status": "amended"}, "40"),
        ({"status": "corrected"}, {"status": "amended"}, "38"),
        ({"issued": datetime(2026, 5, 21, tzinfo=UTC)}, {"issued": datetime(2026, 5, 22, tzinfo=UTC)}, "40"),
        ({"issued": datetime(2026, 5, 21, tzinfo=UTC)}, {}, "38"),
        ({"status": "amended"}, {"issued": datetime(2026, 5, 22, tzinfo=UTC)}, "38"),
        # nothing tells them apart: the higher number, whatever id a system gave to either
        ({"reference": "Observation/2"}, {"reference": "Observation/1"}, "40"),
        ({"reference": "Observation/1"}, {"reference": "Observation/2"}, "40"),
    ],
)
def test_of_two_in_one_band_the_later_word_counts(one: dict[str, Any], other: dict[str, Any], expected: str) -> None:
    assert answer(lab("ferritin", "38", **one), lab("ferritin", "40", **other)) == f"usable {expected} ng/mL"


@pytest.mark.parametrize(("comparators", "shown"), [(("", ">"), ">400"), (("<", ""), "400"), (("<=", ">="), ">=400")])
@pytest.mark.parametrize("ids", [("1", "2"), ("2", "1")])
def test_of_equal_numbers_the_one_that_may_lie_above_is_shown(
    comparators: tuple[str, str], ids: tuple[str, str], shown: str
) -> None:
    labs = [lab("ferritin", "400", comparator=sign, reference=f"Observation/{id}")
            for sign, id in zip(comparators, ids, strict=True)]  # fmt: skip
    assert answer(*labs) == f"usable {shown} ng/mL"


def test_a_conflict_shows_all_results_of_that_time() -> None:
    reading = ferritin(lab("ferritin", "38"), lab("ferritin", "90"), lab("ferritin", "20", "2026-05-01"))
    assert reading.result is None
    assert {each.quantity.text for each in reading.others} == {"38 ng/mL", "90 ng/mL"}


def test_without_limits_there_is_no_band_to_disagree_about() -> None:
    held = chart(lab("ferritin", "38", comparator="<"), lab("ferritin", "90"))
    assert newest_within(held, "ferritin", within(365)) is not None
    assert newest_within(held, "ferritin", within(10)) is None


def test_a_stale_and_a_censored_result_are_shown_and_not_used() -> None:
    stale = ferritin(lab("ferritin", "38", 400), lab("ferritin", "90", 500))
    assert (stale.result, [each.quantity.text for each in stale.others]) == (None, ["38 ng/mL"])
    censored = ferritin(lab("ferritin", "100", comparator="<"))
    assert (censored.result, [each.quantity.text for each in censored.others]) == (None, ["<100 ng/mL"])


def test_whole_blood_counts_only_where_there_is_nothing_else_in_the_window() -> None:
    blood = lab("ferritin", "38", 10, low_priority=True)
    assert answer(blood) == "usable 38 ng/mL"
    assert answer(blood, lab("ferritin", "90", 30)) == "usable 90 ng/mL"
    assert answer(blood, lab("ferritin", "90", 400)) == "usable 38 ng/mL"


def unusable(why: str, when: str | None = "2026-06-01", analyte_name: str = "ferritin") -> UnusableResult:
    return UnusableResult(analyte_name, why, partial_date_of(when) if when else None)


def test_unusable_results_are_skipped_and_listed_if_newer() -> None:
    newer, older, undated = unusable("no-unit"), unusable("no-unit", "2026-05-01"), unusable("no-date", None)
    same_day, other = unusable("not-a-number", "2026-05-20"), unusable("no-unit", analyte_name="tsat")
    reading = ferritin(lab("ferritin", "38"), unusable=(older, undated, same_day, newer, other))
    assert reading.kind is Kind.USABLE
    assert reading.unusable == (newer, same_day, undated)


def test_only_unusable_results_are_unreadable() -> None:
    reading = ferritin(unusable=(unusable("no-unit"),))
    assert (reading.kind, reading.result, len(reading.unusable)) == (Kind.UNREADABLE, None, 1)
    assert ferritin(unusable=(unusable("no-unit", "2019-05-01"),)).kind is Kind.NONE
    assert ferritin(unusable=(unusable("entered-in-error"), unusable("cancelled"))).kind is Kind.NONE
    assert ferritin(lab("ferritin", "38", 400), unusable=(unusable("no-unit"),)).kind is Kind.STALE


@pytest.mark.parametrize("when", ["2026-06-01", "2026-05-20"])
def test_an_iron_value_too_high_to_be_true_never_unlocks_an_older_one(when: str) -> None:
    reading = ferritin(lab("ferritin", "38"), unusable=(unusable("implausibly-high", when),))
    assert (reading.kind, reading.result) == (Kind.UNREADABLE, None)
    assert reading.implausibly_high is not None


def test_an_older_one_is_over_and_other_analytes_are_not_iron() -> None:
    reading = ferritin(lab("ferritin", "38"), unusable=(unusable("implausibly-high", "2026-05-01"),))
    assert (reading.kind, reading.implausibly_high) == (Kind.USABLE, None)
    vitamin = chart(lab("vitd", "18"), unusable=(unusable("implausibly-high", analyte_name="vitd"),))
    assert read(vitamin, "vitd", window=within(365)).kind is Kind.USABLE


def test_saturation_is_read_reported_or_calculated() -> None:
    held = chart(lab("iron", "60"), lab("tibc", "300"), lab("tsat", "24", "2026-05-01"))
    reading = read(held, "tsat", window=within(180), limits=[limit("tsat", "below", 20)])
    assert reading.result is not None and reading.result.quantity.text == "20 %"


def test_a_disputed_saturation_is_listed() -> None:
    held = chart(lab("iron", "60"), lab("tibc", "300"), lab("tsat", "30"))
    reading = read(held, "tsat", window=within(180))
    assert (reading.kind, [each.why for each in reading.unusable]) == (Kind.UNREADABLE, ["saturations-differ"])


def test_choose_judges_what_it_is_given() -> None:
    assert choose([]).kind is Kind.NONE
    assert choose([], unusable=[unusable("no-unit")]).kind is Kind.UNREADABLE
    assert choose([lab("ferritin", "38", 4000)], limits=BANDS).kind is Kind.USABLE


def test_a_limit_that_belongs_above() -> None:
    below_20 = limit("tsat", "below", 20)
    for value, kind in (("19.9", Kind.USABLE), ("20", Kind.USABLE)):
        assert choose([lab("tsat", value)], limits=[below_20]).kind is kind
    assert choose([lab("tsat", "19.9"), lab("tsat", "20")], limits=[below_20]).kind is Kind.CONFLICT
    assert choose([lab("tsat", "20", comparator="<=")], limits=[below_20]).kind is Kind.CENSORED
    assert choose([lab("tsat", "20", comparator=">=")], limits=[below_20]).kind is Kind.USABLE


@pytest.mark.parametrize(
    ("saturation", "ferritin_of", "days", "close", "recent_enough"),
    [
        ("2026-05-06", "2026-05-20", 14, True, True),
        ("2026-05-05", "2026-05-20", 14, False, False),
        ("2026-06-03", "2026-05-20", 14, True, True),
        ("2026-06-04", "2026-05-20", 14, False, True),
        ("2026-05", "2026-05-20", 14, False, False),
        ("2026-05", "2026-05-15", 14, False, True),
        ("2026-05", "2026-05-15", 16, True, True),
        ("2026-05-20", "2026-05", 14, False, True),
    ],
)
def test_pairing(saturation: str, ferritin_of: str, days: int, close: bool, recent_enough: bool) -> None:
    tsat, stored = lab("tsat", "24", saturation), lab("ferritin", "38", ferritin_of)
    assert meets(tsat.when.days_apart(stored.when), within(days)) is close
    assert tsat.when.days_apart(stored.when) == stored.when.days_apart(tsat.when)
    assert meets(tsat.when.days_before(stored.when.last), within(days)) is recent_enough


def test_what_was_read_from_observations_reaches_the_decision() -> None:
    results = read_observations(
        observation("ferritin", 38, "ng/mL", effectiveDateTime="2026-01-05"),
        observation("ferritin", valueString="QNS", effectiveDateTime="2026-06-01"),
        observation("ferritin", 12, "ng/mL", status="preliminary", effectiveDateTime="2026-06-10"),
    )
    reading = ferritin(*results.labs, unusable=results.unusable)
    assert reading.result is not None and reading.result.quantity.text == "38 ng/mL"
    assert [each.why for each in reading.unusable] == ["preliminary", "not-a-number"]


def test_a_reported_result_comes_before_a_calculated_one_of_the_same_time_however_high() -> None:
    reported, calculated = lab("vitd", "20"), lab("vitd", "24", how="calculated")
    for pair in ((reported, calculated), (calculated, reported)):
        assert choose(pair).result is reported


# ------------------------------------------------------------------ results of one time that contradict each other

STOP, TOXIC = limit("vitd", "above", 100), limit("vitd", "above", 150)
FEW = limit("vitd", "below", 20)


def vitd(*values: str) -> Reading:
    """Return the reading of results of one day, such as `110` and `>120`, at the stops."""
    labs = [lab("vitd", each.lstrip("<>="), comparator=each.rstrip("0123456789")) for each in values]
    reading, backwards = (choose(each, limits=(FEW, STOP, TOXIC)) for each in (labs, labs[::-1]))
    assert (reading.kind, reading.beyond(STOP)) == (backwards.kind, backwards.beyond(STOP))
    return reading


@pytest.mark.parametrize(
    ("values", "above", "below", "beside"),
    [
        (("90",), "", "", ()),
        (("110",), "110", "", ()),
        ((">120",), ">120", "", ()),
        (("110", "140"), "140", "", ()),
        (("110", "90"), "110", "", ("90",)),
        (("160", "110", "90"), "160", "", ("110", "90")),
        (("90", ">120"), ">120", "", ("90",)),
        ((">120", "<140"), ">120", "", ("<140",)),
        (("160", "15"), "160", "15", ("15",)),
        (("40", "15", "12"), "", "12", ()),
        # what may lie on the other side of a limit contradicts nothing
        (("90", "<120"), "", "", ()),
        (("110", "<140"), "110", "", ()),
    ],
)
def test_of_results_that_contradict_each_other_the_one_that_warns_counts(
    values: tuple[str, ...], above: str, below: str, beside: tuple[str, ...]
) -> None:
    reading = vitd(*values)
    high, low = reading.beyond(STOP), reading.beyond(FEW)
    assert [each.quantity.text.removesuffix(" ng/mL") if each else "" for each in (high, low)] == [above, below]
    named = [each.quantity.text.removesuffix(" ng/mL") for each in reading.contradicting(high)]
    assert sorted(named) == sorted(beside)


def test_no_older_result_is_beyond_a_limit() -> None:
    older = choose((lab("vitd", "90", 10), lab("vitd", "160", 20)), limits=(STOP, TOXIC))
    assert older.beyond(STOP) is None
    stale = read(chart(lab("vitd", "160", 400)), "vitd", window=within(365), limits=(STOP, TOXIC))
    assert (stale.kind, stale.beyond(STOP)) == (Kind.STALE, None)
