"""Drift of cards: less often, more often, or not at all, compared with the weeks before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from cds_service.monitoring.drift import Drift, drifts, measure_drift
from cds_service.store import CallCount, CardCount
from fhir_fixtures import load_patient
from tests.builders.monitored import START, start_harness

TODAY = date(2026, 7, 1)
_BEFORE = range(-35, -7)
_RECENT = range(-7, 0)


def cards(
    per_day: Callable[[int], int], card: str = "IRONLOW", client: str = "north", mode: str = "live"
) -> list[CardCount]:
    return [
        CardCount(TODAY + timedelta(days=day), client, card, mode, False, count, count)
        for day in range(-35, 0)
        if (count := per_day(day))
    ]


def calls(per_day: Callable[[int], int] = lambda day: 100) -> list[CallCount]:
    return [
        CallCount(TODAY + timedelta(days=day), "north", "rls-patient-view", per_day(day), per_day(day))
        for day in range(-35, 0)
    ]


def of(found: tuple[Drift, ...]) -> Drift:
    (only,) = found
    return only


@pytest.mark.parametrize("recent", [0, 4, 5, 10, 15, 16, 40])
def test_the_recent_week_is_held_against_the_usual_rate(recent: int) -> None:
    found = of(drifts(cards(lambda day: recent if day in _RECENT else 10), calls(), TODAY))
    assert found.ratio == pytest.approx(recent / 10)


def test_a_quiet_week_with_fewer_calls_is_no_drift() -> None:
    found = of(drifts(cards(lambda d: 5 if d in _RECENT else 10), calls(lambda d: 50 if d in _RECENT else 100), TODAY))
    assert found.ratio == pytest.approx(1.0)


def test_few_cards_give_no_ratio() -> None:
    """Nine expected cards are too few, ten are enough."""
    nine = of(drifts(cards(lambda day: 0 if day in _RECENT else 1 + (day % 7 < 2)), calls(), TODAY))
    ten = of(drifts(cards(lambda day: 0 if day in _RECENT else 1 + (day % 7 < 3)), calls(), TODAY))
    assert (nine.ratio, ten.ratio) == (None, 0.0)


@pytest.mark.parametrize(("last_day", "silence"), [(-1, 0), (-2, 1), (-6, 5), (-7, 6), (-8, 7)])
def test_silence_of_a_daily_card_is_counted_in_days(last_day: int, silence: float) -> None:
    found = of(drifts(cards(lambda day: 1 if day <= last_day else 0), calls(), TODAY))
    assert found.silence == silence


def test_a_weekly_card_may_be_silent_for_weeks() -> None:
    found = of(drifts(cards(lambda day: 1 if day % 7 == 0 and day < -7 else 0), calls(), TODAY))
    assert found.silence == pytest.approx(13 / 7)


def test_two_days_are_too_few_for_a_usual_gap() -> None:
    assert of(drifts(cards(lambda day: 1 if day in (-30, -29) else 0), calls(), TODAY)).silence is None


def test_clients_and_modes_are_added_up() -> None:
    """A service that moves from shadow to live does not drift."""
    moved = cards(lambda day: 10 if day not in _RECENT else 0, mode="shadow") + cards(
        lambda d: 10 if d in _RECENT else 0
    )
    assert of(drifts(moved, calls(), TODAY)).ratio == pytest.approx(1.0)


def test_without_calls_or_cards_there_is_no_drift() -> None:
    assert drifts([], calls(), TODAY) == ()
    assert of(drifts(cards(lambda day: 10), [], TODAY)).ratio is None


def test_a_code_change_at_the_laboratory_shows_within_a_week(tmp_path: Path) -> None:
    """After 28 days the laboratory sends an unmapped code, and IRONLOW falls silent."""
    patient = load_patient("ferritin-38-inside-the-lab-range", START.date())
    with start_harness(tmp_path) as harness:
        for day in range(35):
            if day == 28:
                for result in patient.resources("Observation"):
                    result["code"] = {"coding": [{"system": "urn:oid:1.2.3", "code": "FER-NEW"}]}
            for _ in range(2):
                harness.cards(patient)
            harness.later(days=1)
        found = {each.card: each for each in measure_drift(harness.store, harness.now)}
    assert (found["IRONLOW"].ratio, found["IRONLOW"].silence) == (0.0, 7.0)
    assert harness.number("codes_unknown_total", key="labs", system="oid") == 14
