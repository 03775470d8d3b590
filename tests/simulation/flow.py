"""A steady flow of calls at several clients: charts are opened and orders signed, day after day, at their usual rates.

A part of the calls is for the few patients of a ward, whose charts are opened several times a day. Nothing changes but
by chance: results come at the rate at which they grow old, from two laboratories that have codes of their own. What is
to be noticed is put in from outside, between a client and the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from cds_service.config.client import Client
from fhir_fixtures import draft
from tests.builders.monitored import SIGN, START, VIEW, Harness
from tests.simulation.charts import Patient, Result, model_patient, opening

#: What becomes of the body of a call on its way, None where it never arrives.
Way = Callable[[dict[str, Any]], dict[str, Any] | None]

SECOND_LABORATORY = "20567-4"
_PATIENTS = 500
_SHARE_OF_ORDERS = 0.35
_ON_A_WEEKEND = 0.1
_ANSWERED = 0.3
_IN_SCOPE, _TESTED = 0.9, 0.65
_CLINICIANS = 30
#: A part of the calls is for the few patients of a ward, all of whom change after some days.
_IN_THE_WARD, _BEDS, _STAY = 0.3, 3, 6
_FIRST = START.date()


@dataclass
class Flow:
    """The patients of one client, and their calls; the same seed gives the same days, whoever asks for them."""

    client: Client
    seed: int
    a_day: int
    days: int
    patients: list[Patient] = field(default_factory=list)

    def __post_init__(self) -> None:
        dice = Random(self.seed)  # noqa: S311 - a model population, not secrets
        self.patients = [_patient(dice, f"{self.client.name}-{n}", self.days) for n in range(_PATIENTS)]

    def live(self, harness: Harness, day: int, way: Way, *, answers: bool = True) -> None:
        """Make the calls of a day and answer some cards, and keep what the charts held."""
        for at, service, body in self._bodies(day):
            sent = way(body)
            if sent is None:
                continue
            harness.now = at
            answer = harness.post(service, sent, self.client)
            cards = answer.get_json()["cards"] if answer.status_code == 200 else []
            if answers and cards and Random(f"{self.seed} {at} answer").random() < _ANSWERED:  # noqa: S311
                harness.now = at + timedelta(seconds=20)
                harness.override(cards[0], "already-done", service, self.client)
        harness.store.add_evidence(harness.evidence.take())

    def _ward(self, day: int) -> list[Patient]:
        """Return the patients who lie in a ward, each for some days."""
        first = day // _STAY * _BEDS
        return [self.patients[(first + bed) % _PATIENTS] for bed in range(_BEDS)]

    def _bodies(self, day: int) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        dice = Random(f"{self.seed} {day}")  # noqa: S311
        today = _FIRST + timedelta(days=day)
        mean = self.a_day * (_ON_A_WEEKEND if today.weekday() > 4 else 1.0)
        for number in range(_poisson(dice, mean)):
            at_hand = self._ward(day) if dice.random() < _IN_THE_WARD else self.patients
            patient, user = dice.choice(at_hand), f"Practitioner/clinician-{dice.randrange(_CLINICIANS)}"
            at = datetime.combine(today, datetime.min.time(), UTC) + timedelta(hours=13, seconds=dice.randrange(28_000))
            instance = str(UUID(int=dice.getrandbits(120) + number, version=4))
            body = opening(patient, user, today, instance)
            if dice.random() < _SHARE_OF_ORDERS:
                yield at, SIGN, _signing(body, patient, today, with_sedative=dice.random() < 0.5)
            else:
                yield at, VIEW, body


def _signing(body: dict[str, Any], patient: Patient, today: date, *, with_sedative: bool) -> dict[str, Any]:
    names = ["ferrous-sulfate-325-once-daily", "levothyroxine-100-once-daily"]
    names += ["diphenhydramine-25-at-bedtime"] if with_sedative else []
    drafts = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": draft(name, patient.id, today)} for name in names],
    }
    return body | {"hook": "order-sign", "context": body["context"] | {"draftOrders": drafts}}


def _patient(dice: Random, id: str, days: int) -> Patient:
    """Return a patient of the model population, who is tested again at intervals of 100 to 400 days, or never."""
    patient = model_patient(dice, id, _FIRST)
    patient.results.clear()
    patient.diagnoses = patient.diagnoses if dice.random() < _IN_SCOPE else []
    if dice.random() < _TESTED:
        code = SECOND_LABORATORY if dice.random() < 0.35 else ""
        median = 140 if patient.sex == "male" else 60
        every = dice.randrange(100, 400)
        for day in range(-dice.randrange(every) - every, days, every):
            on = _FIRST + timedelta(days=day)
            patient.results += [
                Result("ferritin", round(median * 2.718281828 ** dice.gauss(0, 0.8), 1), on, code),
                Result("tsat", round(min(44.0, max(6.0, dice.gauss(26, 7))), 1), on),
                Result("haemoglobin", round(dice.gauss(13.5, 1.2), 1), on),
            ]
    return patient


def _poisson(dice: Random, mean: float) -> int:
    total, number = dice.expovariate(1), 0
    while total < mean:
        total, number = total + dice.expovariate(1), number + 1
    return number
