"""How many cards a clinician sees who opens charts and clicks nothing (clinical amendments 2, section 6).

The quick form has 40 charts for half a year; the long form is that of the target: 500 charts, an opening a week for a
year: pytest -m full -s tests/simulation/test_burden.py
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from cds_service.app import create_app
from cds_service.config.profiles import open_client
from cds_service.config.settings import Settings
from tests.builders.monitored import NORTH, START, VIEW, Harness, start_harness
from tests.simulation.charts import add_iron_studies, model_patient, opening

MOST_PER_OPENING = 0.2
_USER = "Practitioner/clinician-1"
#: After the first month.
_STEADY_FROM = timedelta(days=30)


@dataclass
class Burden:
    """What the openings of a year showed."""

    openings: int = 0
    by_card: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    @property
    def per_opening(self) -> float:
        return self.by_card.total() / self.openings


def ask(app: Flask, body: Any, **headers: str) -> dict[str, Any]:
    answer = app.test_client().post(f"/cds-services/{VIEW}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"]: card for card in answer.get_json()["cards"]}


def a_year_of_openings(harness: Harness, charts: int, weeks: int) -> Burden:
    """Open every chart once a week; some get new iron studies meanwhile."""
    dice = Random(20260601)  # noqa: S311 - a model population, not secrets
    patients = [model_patient(dice, f"model-{n}", START.date()) for n in range(charts)]
    changed_in = {patient.id: dice.randrange(5, weeks) for patient in patients[:: max(1, charts // 20)]}
    everything = create_app(Settings(profile=open_client("sandbox"), max_cards=0), clock=lambda: harness.now)
    burden, told = Burden(), {patient.id: dict[str, Any]() for patient in patients}
    for week in range(weeks):
        is_steady = harness.now - START >= _STEADY_FROM
        for patient in patients:
            if changed_in.get(patient.id) == week:
                add_iron_studies(dice, patient, harness.now.date() - timedelta(days=1))
            body = opening(patient, _USER, harness.now.date(), str(UUID(int=week * charts + len(told), version=4)))
            shown = ask(harness.app, body, Authorization=NORTH.name)
            burden.openings += is_steady
            burden.by_card.update(list(shown) if is_steady else ())
            for code, card in ask(everything, body).items():
                said = card["indicator"], card["summary"]
                if told[patient.id].get(code) != said and code not in shown:
                    burden.lost.append(f"{patient.id} {harness.now.date()} {code}: {said}")
                told[patient.id] |= {code: said} if code in shown else {}
        harness.later(days=7)
    everything.extensions["rls_cds"].fhir.close()
    return burden


@pytest.mark.parametrize(
    ("charts", "weeks"),
    [
        pytest.param(40, 26, id="quick", marks=pytest.mark.slow),
        pytest.param(500, 52, id="the target", marks=pytest.mark.full),
    ],
)
def test_who_clicks_nothing_sees_few_cards_and_all_that_is_news(tmp_path: Path, charts: int, weeks: int) -> None:
    with start_harness(tmp_path, max_cards=0, clients=(NORTH,)) as harness:
        burden = a_year_of_openings(harness, charts, weeks)
    print(f"{burden.openings} openings, {burden.per_opening:.3f} cards each: {burden.by_card.most_common()}")
    assert burden.lost == []
    assert 0 < burden.per_opening <= MOST_PER_OPENING
