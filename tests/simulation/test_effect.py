"""What the service says of a card's effect is what happened in a hospital whose truth is known.

The quick form compares the counts of one hospital; the long form judges bias, coverage and false claims over many:
pytest -m full -s tests/simulation/test_effect.py
"""

from __future__ import annotations

from math import comb
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

import pytest

from cds_service.config.settings import Settings
from cds_service.monitoring.follow_up import FollowUp, Report, report
from tests.builders.monitored import NORTH, SOUTH, START, start_harness
from tests.simulation import hospital as model
from tests.simulation.hospital import Hospital, run

EFFECTS = (0.0, 0.05, 0.12)
#: Hospitals for each effect; patients of every other one may leave after any visit.
_HOSPITALS = 200
_LEAVING = 0.05
_MOST_CALLS = 8000
_PATIENTS = 100


class Lived(NamedTuple):
    truth: Hospital
    said: Report

    @property
    def card(self) -> FollowUp:
        return next(each for each in self.said.cards if each.card == "IRONTEST")


def live(folder: Path, seed: int, effect: float, patients: int, leaving: float = 0.0) -> Lived:
    folder.mkdir()
    clients = (NORTH, SOUTH)
    with start_harness(folder, holdout_percent=50, clients=clients) as harness:
        harness.evidence.note_start(START.date(), Settings(holdout_percent=50))
        harness.store.add_evidence(harness.evidence.take())
        truth = run(harness, seed, effect, patients, leaving)
        assert truth.calls <= _MOST_CALLS
        return Lived(truth, report(harness.store, START, harness.now))


@pytest.mark.slow
def test_the_service_counts_what_happened(tmp_path: Path) -> None:
    truth, said = lived = live(tmp_path / "one", 1, 0.12, 100)
    card = lived.card
    for arm, known in ((truth.shown, card.live), (truth.held, card.held_out)):
        assert (known.asked, known.known, known.late) == (arm.patients, arm.patients, arm.tested)
        assert known.days == median(arm.days)
    assert card.live.soon == sum(days <= 30 for days in truth.shown.days)
    assert card.effect is not None
    shares = [arm.tested / arm.patients for arm in (truth.shown, truth.held)]
    assert card.effect.value == pytest.approx(shares[0] - shares[1])
    assert said.without_feedback == ("south",)
    by_client = {each.client: each.live.asked for each in said.by_client if each.card == "IRONTEST"}
    assert sum(by_client.values()) == truth.shown.patients


@pytest.mark.slow
def test_who_leaves_counts_neither_way_whether_they_followed_or_not(tmp_path: Path) -> None:
    truth, _ = lived = live(tmp_path / "one", 1, 0.12, 100, leaving=0.15)
    for arm, known in ((truth.shown, lived.card.live), (truth.held, lived.card.held_out)):
        assert 0 < arm.stayed < arm.patients
        assert (known.known, known.late, known.open) == (arm.stayed, arm.stayed_tested, arm.patients - arm.stayed)


@pytest.fixture(scope="module", params=EFFECTS)
def lives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, list[Lived]]:
    folder = tmp_path_factory.mktemp("hospitals")
    seeds = range(1, _HOSPITALS + 1)
    return request.param, [
        live(folder / str(seed), seed, request.param, _PATIENTS, leaving=_LEAVING * (seed % 2)) for seed in seeds
    ]


def at_most_by_chance(events: int, of: int, chance: float) -> float:
    """Return how probable so many events or more are, each with this chance."""
    return sum(comb(of, n) * chance**n * (1 - chance) ** (of - n) for n in range(events, of + 1))


@pytest.mark.full
def test_bias_coverage_and_false_claims(lives: tuple[float, list[Lived]]) -> None:
    effect, found = lives
    effects = [each.card.effect for each in found]
    realised = [each.truth.shown.known_share - each.truth.held.known_share for each in found]
    bias = mean(each.value - true for each, true in zip(effects, realised, strict=True) if each)
    missed = sum(not (each.low <= effect <= each.high) for each in effects if each)
    print(f"effect {effect}: mean {mean(e.value for e in effects if e):.3f}, bias {bias:+.4f}, "
          f"{missed} of {len(found)} intervals miss it, base {model.BASE}")  # fmt: skip
    assert abs(bias) < 0.01
    assert at_most_by_chance(missed, len(found), 0.05) > 0.01
    if effect == 0:
        helps = sum(each.low > 0 for each in effects if each)
        assert at_most_by_chance(helps, len(found), 0.025) > 0.01
