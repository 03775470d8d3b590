"""A seeded hospital: patients who come again, clinicians who may follow a card, laboratories that may be asked.

Every visit is a call of the real application at its simulated time. A clinician orders iron studies with the same
probability for everybody, and with `effect` more where the answer held the card; half the patients are held out. After
any visit a patient may leave for good, whether they followed or not. One of two clients sends no feedback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from cards.presenting.expectations import MISSED_AFTER
from cds_service.config.client import Client
from tests.builders.monitored import NORTH, SOUTH, START, VIEW, Harness
from tests.simulation.charts import Patient, add_iron_studies, opening

BASE = 0.3
#: Visits of one patient, about a month apart: enough for the ninety days and one that shows what was not done.
_VISITS, _APART = 6, 28
#: The first visits spread over the time that is left of two years.
_ENTERING = 730 - _VISITS * (_APART + 7)
_OVERRIDES = 0.2
_CARD = "IRONTEST"


@dataclass
class Truth:
    """What happened in one arm: patients, those tested within 90 days, and the days until then."""

    patients: int = 0
    tested: int = 0
    days: list[int] = field(default_factory=list)
    #: Of these, those who came again after the ninety days, and the tested among them.
    stayed: int = 0
    stayed_tested: int = 0

    @property
    def known_share(self) -> float:
        """The share of those tested among the patients whose ninety days anybody can know."""
        return self.stayed_tested / self.stayed


@dataclass
class Hospital:
    """What the simulator knows and no service could."""

    shown: Truth = field(default_factory=Truth)
    held: Truth = field(default_factory=Truth)
    calls: int = 0

    def arm(self, *, is_shown: bool) -> Truth:
        return self.shown if is_shown else self.held


@dataclass(order=True)
class _Visit:
    at: datetime
    number: int
    patient: Patient = field(compare=False)
    client: Client = field(compare=False)
    is_first: bool = field(compare=False)
    stays: bool = field(compare=False)


def run(harness: Harness, seed: int, effect: float, patients: int, leaving: float = 0.0) -> Hospital:
    """Live two years of one hospital, call by call; `leaving` is the chance that a visit is the last."""
    dice = Random(seed)  # noqa: S311 - a model, not secrets
    hospital = Hospital()
    for visit in _visits(dice, seed, patients, leaving):
        harness.now = visit.at
        hospital.calls += 1
        cards = _opened(harness, visit, hospital.calls)
        if visit.is_first:
            _decide(dice, visit, _CARD in cards, effect, hospital)
        elif visit.client is NORTH and cards and dice.random() < _OVERRIDES:
            harness.later(seconds=dice.randrange(5, 90))
            harness.override(next(iter(cards.values())), "already-done", VIEW, visit.client)
    harness.now = START + timedelta(days=1000)
    return hospital


def _visits(dice: Random, seed: int, patients: int, leaving: float) -> list[_Visit]:
    found = []
    leaves = Random(f"{seed} leaves")  # noqa: S311
    for number in range(patients):
        patient = Patient(f"h{seed}-p{number}", dice.choice(["female", "male"]), START.date() - timedelta(days=20_000))
        patient.diagnoses.append(("32914008", START.date() - timedelta(days=400)))
        at = START + timedelta(days=dice.randrange(_ENTERING), hours=dice.randrange(6))
        client = dice.choice([NORTH, SOUTH])
        visits = [at]
        for _ in range(_VISITS):
            visits.append(visits[-1] + timedelta(days=_APART + dice.randrange(-6, 7)))
        last = next((n for n in range(_VISITS) if leaves.random() < leaving), _VISITS - 1)
        stays = (visits[last] - at).days > MISSED_AFTER
        found += [_Visit(day, len(found) + n, patient, client, n == 0, stays)
                  for n, day in enumerate(visits[: last + 1])]  # fmt: skip
    return sorted(found)


def _opened(harness: Harness, visit: _Visit, number: int) -> dict[str, Any]:
    user = f"Practitioner/clinician-{number % 7}"
    body = opening(visit.patient, user, harness.now.date(), str(UUID(int=number, version=4)))
    answer = harness.post(VIEW, body, visit.client)
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"]: card for card in answer.get_json()["cards"]}


def _decide(dice: Random, visit: _Visit, is_shown: bool, effect: float, hospital: Hospital) -> None:
    """Have the patient tested after some days, or not."""
    arm = hospital.arm(is_shown=is_shown)
    arm.patients += 1
    arm.stayed += visit.stays
    if dice.random() < BASE + (effect if is_shown else 0.0):
        days = dice.randrange(1, 80)
        add_iron_studies(dice, visit.patient, visit.at.date() + timedelta(days=days))
        arm.tested += 1
        arm.stayed_tested += visit.stays
        arm.days.append(days)
