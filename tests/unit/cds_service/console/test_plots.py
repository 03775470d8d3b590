"""The geometry of plots."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from cds_service.console.lab_plots import SMALL_LIMITS
from cds_service.console.plots import Frame, Level, Plot, PlottedResult, Zone, plot
from cds_service.knowledge.load import national_rules

TODAY = date(2026, 6, 15)
FRAME = Frame(640, 240, left=40, right=60, top=10, bottom=30)


def drawn(*readings: PlottedResult, **others: object) -> Plot:
    return plot(readings, FRAME, today=TODAY, **others)  # type: ignore[arg-type]


def result(value: str, days_ago: int = 10, **others: object) -> PlottedResult:
    return PlottedResult(TODAY - timedelta(days=days_ago), Decimal(value), f"Ferritin {value}", "reported", **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        ("38", ["0", "20", "40", "60", "80"]),
        ("120", ["0", "50", "100", "150", "200"]),
        ("0.41", ["0", "0.2", "0.4", "0.6", "0.8"]),
        ("1500", ["0", "500", "1000", "1500", "2000"]),
        ("0", ["0", "0.05", "0.1", "0.15", "0.2"]),
    ],
)
def test_the_scale_has_round_ticks_and_a_margin_above(most: str, ticks: list[str]) -> None:
    assert [text for _, text in drawn(result(most)).values] == ticks


def test_values_are_placed_proportionally_between_ticks() -> None:
    point = drawn(result("50"), at_least=Decimal(150)).points[0]
    floor, top = 240 - 30, 10
    assert point.y == pytest.approx(floor - (floor - top) * 50 / 200, abs=0.1)


def test_results_are_ordered_by_date() -> None:
    points = drawn(result("3", 1), result("1", 300), result("2", 100)).points
    assert [str(each.result.value) for each in points] == ["1", "2", "3"]
    assert points[0].x < points[1].x < points[2].x < FRAME.width - FRAME.right


def test_the_line_joins_used_results_only() -> None:
    found = drawn(result("1", 300), result("2", 200, used=False), result("3", 100))
    assert found.path.count("L") == 1
    assert len(found.points) == 3


def test_one_result_has_no_line() -> None:
    assert drawn(result("1")).path == ""


def test_bands_end_at_the_top_of_the_field_and_lines_above_it_are_left_out() -> None:
    zones = (Zone(Decimal(0), Decimal(75), "low"), Zone(Decimal(300), None, "high"))
    levels = (Level(Decimal(75), "≤ 75", ""), Level(Decimal(300), "> 300", ""))
    found = drawn(result("38"), zones=zones, levels=levels, at_least=Decimal(120))
    assert [kind for *_, kind in found.bands] == ["low"]
    assert [level.name for *_, level in found.lines] == ["≤ 75"]
    high = drawn(result("420"), zones=zones, levels=levels)
    assert [kind for *_, kind in high.bands] == ["low", "high"]
    assert high.bands[1][0] == FRAME.top


def test_labels_of_close_limits_do_not_overlap() -> None:
    levels = [Level(Decimal(value), str(value), "") for value in (100, 75, 300)]
    lines = drawn(result("1500"), levels=levels).lines
    places = [name_y for _, name_y, _ in lines]
    assert [level.value for *_, level in lines] == [75, 100, 300]
    assert all(lower - upper >= 12 for lower, upper in pairwise(places))


def test_a_tooltip_names_value_day_and_origin() -> None:
    assert drawn(result("38")).points[0].title == "Ferritin 38, 2026-06-05, reported"


@pytest.mark.parametrize(("days", "most"), [(30, 7), (900, 7), (9000, 7)])
def test_there_are_at_most_six_dates(days: int, most: int) -> None:
    assert 1 <= len(drawn(result("1", days)).dates) <= most


def test_every_limit_of_the_small_plots_exists() -> None:
    rules = national_rules()
    for analyte, names in SMALL_LIMITS.items():
        assert all(rules.limit(name).analyte == analyte for name in names)
