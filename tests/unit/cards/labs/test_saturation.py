"""Transferrin saturation, reported and calculated, and what blocks iron (clinical page 5.3; amendments, section 1)."""

from __future__ import annotations

from typing import Any

import pytest

from cards.facts.chart import Chart
from cards.facts.results import LabResult
from cards.labs.saturation import blocking_tsat, saturations, tsat_results
from tests.builders.observations import chart, lab, limit, observation, read, within

LIMIT = limit("tsat", "at or above", 45)


def shown(*labs: LabResult) -> list[tuple[str, str]]:
    return [(each.quantity.text, each.how) for each in tsat_results(chart(*labs))]


@pytest.mark.parametrize(
    ("iron", "binder", "expected"),
    [
        (lab("iron", "91"), lab("tibc", "300"), "30.3 %"),
        (lab("iron", "91"), lab("uibc", "209"), "30.3 %"),
        (lab("iron", "91"), lab("transferrin", "210"), "30.7 %"),
        (lab("iron", "100"), lab("tibc", "100"), "100 %"),
        (lab("iron", "101"), lab("tibc", "100"), ">100 %"),
        (lab("iron", "150"), lab("tibc", "100"), ">100 %"),
        (lab("iron", "10", comparator="<"), lab("tibc", "400"), "<2.5 %"),
        (lab("iron", "250"), lab("uibc", "17", comparator="<"), ">93.6 %"),
        (lab("iron", "250", comparator=">="), lab("uibc", "17", comparator="<"), ">=93.6 %"),
    ],
)
def test_a_saturation_is_calculated_from_iron_and_what_binds_it(
    iron: LabResult, binder: LabResult, expected: str
) -> None:
    (result,) = tsat_results(chart(iron, binder))
    assert (result.quantity.text, result.how, result.parts) == (expected, "calculated", (iron, binder))


def test_si_units_give_the_same_saturation() -> None:
    """The public Austrian sample: iron 91 µg/dL and transferrin 2.1 g/L, reported 30.7 %."""
    results = read(observation("iron", 16.3, "umol/L"), observation("transferrin", 2.1, "g/L"))
    assert [each.quantity.text for each in tsat_results(chart(*results.labs))] == ["30.7 %"]


def test_a_ratio_is_rounded_once() -> None:
    results = read(observation("iron", 8.06, "umol/L"), observation("tibc", 17.9, "umol/L"))
    assert [each.quantity.text for each in tsat_results(chart(*results.labs))] == ["45 %"]


@pytest.mark.parametrize(
    ("iron", "binder"),
    [
        (lab("iron", "91", "2026-05-20"), lab("tibc", "300", "2026-05-21")),
        (lab("iron", "91", "2026-05"), lab("tibc", "300", "2026-05")),
        (lab("iron", "91", "2026-05"), lab("tibc", "300", "2026-05-20")),
        (lab("iron", "10", comparator="<"), lab("tibc", "400", comparator="<")),
        (lab("iron", "10", comparator=">"), lab("tibc", "400", comparator=">")),
    ],
)
def test_only_results_of_one_day_make_a_saturation(iron: LabResult, binder: LabResult) -> None:
    assert shown(iron, binder) == []


def test_above_150_a_calculated_saturation_is_unusable() -> None:
    found = saturations(chart(lab("iron", "151"), lab("tibc", "100")))
    assert found.usable == ()
    assert [(each.why, each.quantity and each.quantity.text) for each in found.unusable()] == [
        ("implausibly-high", "151 %")
    ]


def test_tibc_is_believed_before_uibc_and_uibc_before_transferrin() -> None:
    iron, tibc, uibc, transferrin = lab("iron", "60"), lab("tibc", "300"), lab("uibc", "200"), lab("transferrin", "200")
    assert shown(iron, transferrin, uibc, tibc) == [("20 %", "calculated")]
    assert shown(iron, transferrin, uibc) == [("23.1 %", "calculated")]


def test_the_binder_of_the_same_specimen_is_taken_then_the_nearest() -> None:
    iron = lab("iron", "60", "2026-05-20T08:00:00Z")
    early, late = lab("tibc", "300", "2026-05-20T08:00:00Z"), lab("tibc", "400", "2026-05-20T16:00:00Z")
    assert shown(iron, late, early) == [("20 %", "calculated")]
    assert shown(iron, late, lab("tibc", "240", "2026-05-20T09:00:00Z")) == [("25 %", "calculated")]


def test_the_weaker_status_of_the_parts_is_the_status_of_the_result() -> None:
    (result,) = tsat_results(chart(lab("iron", "60", status="corrected"), lab("tibc", "300", status="amended")))
    assert result.status == "amended"


def test_the_reported_saturation_is_preferred() -> None:
    assert shown(lab("tsat", "24"), lab("iron", "60"), lab("tibc", "300")) == [("24 %", "reported")]


def test_results_are_newest_first_whatever_their_origin() -> None:
    labs = (lab("tsat", "24", "2026-01-01"), lab("iron", "60", "2026-05-01"), lab("tibc", "300", "2026-05-01"))
    assert shown(*labs) == [("20 %", "calculated"), ("24 %", "reported")]


@pytest.mark.parametrize(
    ("reported", "iron", "usable"),
    [
        ("25", "60", True),  # 20 %: five points apart
        ("25.1", "60", False),
        ("14.9", "60", False),
        ("15", "60", True),
    ],
)
def test_reported_and_calculated_may_differ_by_five_points(reported: str, iron: str, usable: bool) -> None:
    found = saturations(chart(lab("tsat", reported), lab("iron", iron), lab("tibc", "300")))
    assert bool(found.usable) is usable
    assert [each.why for each in found.unusable()] == ([] if usable else ["saturations-differ"])


@pytest.mark.parametrize(
    ("tsat", "iron", "usable"),
    [
        (lab("tsat", "10", comparator="<"), lab("iron", "9"), True),  # 3 % lies below 10
        (lab("tsat", "10", comparator="<"), lab("iron", "60"), False),  # 20 % does not
        (lab("tsat", "90", comparator=">"), lab("iron", "300"), True),
        (lab("tsat", "90", comparator=">"), lab("iron", "240"), False),
        (lab("tsat", "100", comparator=">"), lab("iron", "420"), True),
    ],
)
def test_censored_saturations_differ_only_where_they_cannot_agree(
    tsat: LabResult, iron: LabResult, usable: bool
) -> None:
    assert bool(saturations(chart(tsat, iron, lab("tibc", "300"))).usable) is usable


def test_the_mislabelled_sample_patient_keeps_the_reported_saturation() -> None:
    """Iron 20 "ug/L" and TIBC 449 calculate to 0.4 %; the laboratory said 4 %."""
    results = read(observation("iron", 20, "ug/L"), observation("tibc", 449, "ug/dL"), observation("tsat", 4, "%"))
    assert [(each.quantity.text, each.how) for each in tsat_results(chart(*results.labs))] == [("4 %", "reported")]


def test_the_other_mislabel_of_section_5_is_caught() -> None:
    found = saturations(chart(lab("iron", "30"), lab("tibc", "400"), lab("tsat", "75")))
    assert found.usable == () and len(found.disputed) == 1


# --- blocking --------------------------------------------------------------------------------------------------


def blocked(*labs: LabResult, **members: Any) -> str:
    result = blocking_tsat(chart(*labs, **members), LIMIT, within(730))
    return result.when.text if result else ""


@pytest.mark.parametrize(
    ("labs", "since"),
    [
        ((), ""),
        ((lab("tsat", "44.9"),), ""),
        ((lab("tsat", "45"),), "2026-05-20"),
        ((lab("tsat", "45.1"),), "2026-05-20"),
        ((lab("tsat", "50", 730),), "2024-06-15"),
        ((lab("tsat", "50", 731),), ""),
        ((lab("tsat", "50", 400), lab("tsat", "30", 30)), ""),
        ((lab("tsat", "50", 400), lab("tsat", "45", 30)), "2026-05-16"),
        ((lab("tsat", "30", 400), lab("tsat", "50", 30)), "2026-05-16"),
        ((lab("tsat", "50", "2026-05-20T08:00:00Z"), lab("tsat", "30", "2026-05-20T12:00:00Z")), ""),
        ((lab("tsat", "30", "2026-05-20T08:00:00Z"), lab("tsat", "50", "2026-05-20T12:00:00Z")), "2026-05-20"),
        ((lab("tsat", "50", "2026-05-20"), lab("tsat", "30", "2026-05-20")), "2026-05-20"),
        ((lab("tsat", "50", "2026-05-20"), lab("tsat", "30", "2026-05-20T12:00:00Z")), "2026-05-20"),
        ((lab("tsat", "50", "2026-05-20"), lab("tsat", "30", "2026-05")), "2026-05-20"),
        ((lab("tsat", "50", "2026-04-20"), lab("tsat", "30", "2026-05")), ""),
        ((lab("tsat", "50", 100), lab("tsat", "40", 30, comparator=">")), "2026-03-07"),  # undecided clears nothing
        ((lab("tsat", "50", 100), lab("tsat", "50", 30, comparator="<")), "2026-03-07"),
        ((lab("tsat", "45", 30, comparator="<"), lab("tsat", "50", 100)), ""),
        ((lab("tsat", "45", 30, comparator=">"),), "2026-05-16"),
        ((lab("tsat", "100", 30, comparator=">"),), "2026-05-16"),
        ((lab("tsat", "50", "2024"),), "2024"),  # it may lie inside the window
        ((lab("tsat", "50", "2024-05"),), ""),
    ],
)
def test_which_saturation_blocks(labs: tuple[LabResult, ...], since: str) -> None:
    assert blocked(*labs) == blocked(*reversed(labs)) == since


@pytest.mark.parametrize(
    ("iron", "blocks"), [("134.9", True), ("134.8", False), ("300", True), ("450", True), ("451", True)]
)
def test_a_calculated_saturation_blocks(iron: str, blocks: bool) -> None:
    assert bool(blocked(lab("iron", iron), lab("tibc", "300"))) is blocks


def test_of_a_disputed_pair_either_blocks_and_neither_clears() -> None:
    calculated_high = (lab("tsat", "30"), lab("iron", "150"), lab("tibc", "300"))
    reported_high = (lab("tsat", "50"), lab("iron", "60"), lab("tibc", "300"))
    both_low = (lab("tsat", "40"), lab("iron", "60"), lab("tibc", "300"))
    assert blocked(*calculated_high) == blocked(*reported_high) == "2026-05-20"
    assert blocked(*both_low) == ""
    assert blocked(lab("tsat", "50", "2026-01-01"), *both_low) == "2026-01-01"


def test_an_unusable_later_saturation_clears_nothing() -> None:
    results = read(
        observation("tsat", 50, "%", effectiveDateTime="2026-01-01"),
        observation("tsat", 30, "%", status="preliminary"),
        observation("tsat", 30),
        observation("tsat", 160, "%"),
    )
    assert len(results.unusable) == 3
    assert blocked(*results.labs, unusable=results.unusable) == "2026-01-01"


def test_a_chart_without_saturations_has_none() -> None:
    assert tsat_results(Chart(today=chart().today)) == ()


def test_of_very_many_results_of_one_day_the_newest_are_calculated_with() -> None:
    """Nobody draws blood once an hour: what lies beyond is not looked at, so that no day costs more than its size."""
    binders = [
        lab("tibc", str(300 + hour % 50), f"2026-05-20T{hour // 2:02}:{hour % 2 * 30:02}:00Z") for hour in range(48)
    ]
    (result,) = tsat_results(chart(lab("iron", "91", "2026-05-20T23:45:00Z"), *binders))
    assert result.parts[1] == binders[-1]
    (result,) = tsat_results(chart(lab("iron", "91", "2026-05-20T06:00:00Z"), *binders))
    assert result.parts[1] == binders[-24]


def test_of_very_many_results_without_a_date_two_hundred_are_calculated_with() -> None:
    """Iron that is not dated comes first, then the newest; fifty partners of each."""

    def undated(name: str, value: float, **more: Any) -> Any:
        return observation(name, value, "ug/dL", **{"effectiveDateTime": None, **more})

    iron = [undated("iron", 50 + number, id=f"i{number}") for number in range(150)]
    dated = [observation("iron", 900 + number, "ug/dL", effectiveDateTime="2026-05-20", id=f"d{number}")
             for number in range(60)]  # fmt: skip
    binders = [undated("tibc", 300 + number, id=f"b{number}") for number in range(60)]
    results = read(*iron, *dated, *binders)
    found = saturations(Chart(chart().today, labs=results.labs, unusable=results.unusable)).set_aside
    assert len(found) == 200
    assert max(len(each.possible) for each in found) <= 50 * 3
