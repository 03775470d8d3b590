"""Generated populations and real records: every engine finds the same, and the hook answers as the screen does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import run
from cds_service.offline.screening.state import State
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile
from tests.builders.export_lines import write_export
from tests.builders.service import NOW, VIEW, application, settings
from tests.golden.versions.records import export_of
from tests.population.generate import write_population
from tests.population.people import Population, medications, records_of

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def findings(folder: Path, state: Path, engine: str = "python", workers: int = 1) -> Iterator[bytes]:
    kept = State(state)
    try:
        yield from run(find_export(folder), Recipe(_NOW), kept, workers=workers, max_bad=0, engine=engine).findings()
    finally:
        kept.close(done=True)


def same_by_every_engine(folder: Path, state: Path) -> int:
    """Compare the findings of the engines by their digest; return how many there are."""
    digests = set()
    for engine, workers in (("python", 1), ("python", 2), ("duckdb", 2)):
        digest, number = hashlib.sha256(), 0
        for line in findings(folder, state, engine, workers):
            digest.update(line)
            number += 1
        digests.add((digest.hexdigest(), number))
    ((_, number),) = digests
    return number


@pytest.mark.parametrize("packed", [False, True])
def test_engines_find_the_same_in_a_population(tmp_path: Path, packed: bool) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    list(write_population(tmp_path / "x", 300, Population(rls=0.3, seed=5), a_part=90, packed=packed))
    assert same_by_every_engine(tmp_path / "x", tmp_path / "state") == 300


@pytest.mark.full
def test_engines_find_the_same_in_100_000_patients(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    list(write_population(tmp_path / "x", 100_000, Population(seed=6), workers=2))
    assert same_by_every_engine(tmp_path / "x", tmp_path / "state") == 100_000


@pytest.mark.slow
def test_engines_find_the_same_in_real_records(tmp_path: Path, shared: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    held = export_of(shared / "data")
    people = {str(each["id"]) for each in held if each["resourceType"] == "Patient" and each.get("id")}
    for layout in ("by type", "one file"):
        folder = write_export(tmp_path / layout, held, layout=layout)
        assert same_by_every_engine(folder, tmp_path / "state") == len(people)


def asked_of_the_hook(wanted: int, seed: int, folder: Path) -> int:
    """Compare the hook's answer with the finding for so many patients; return how many had a card.

    Records that replace another are left out: a client knows of one record only.
    """
    zone = settings().time_zone
    today = NOW.astimezone(zone).date()
    population = Population(seed, rls=1.0, observations=8, today=today)
    drugs = list(medications(population))
    everybody = (list(records_of(number, population)) for number in range(10 * wanted))
    chosen = list(
        islice((each for each in everybody if sum(r["resourceType"] == "Patient" for r in each) == 1), wanted)
    )
    export = write_export(folder / "x", [*drugs, *(record for own in chosen for record in own)])
    state = State(folder / "state")
    outcome = run(find_export(export), Recipe(NOW.astimezone(zone)), state, workers=1, max_bad=0)
    found = {each["patient"]: each for each in map(json.loads, outcome.findings())}
    state.close(done=True)
    with_cards = 0
    with application() as app:
        http = app.test_client()
        for own in chosen:
            entries: list[dict[str, Any]] = [{"resource": each} for each in (*own, *drugs)]
            patient_id = str(own[0]["id"])
            patient = PatientFile(patient_id, "", "", {"entry": entries}, patient_id)
            answer = http.post(VIEW, json=hook_request("generic", "patient-view", patient, today=today)).get_json()
            cards = [
                {"code": card["source"]["topic"]["code"], "indicator": card["indicator"]} for card in answer["cards"]
            ]
            assert found[patient_id]["cards"] == cards, patient_id
            with_cards += bool(cards)
    return with_cards


def test_the_hook_answers_as_the_screen_does(tmp_path: Path) -> None:
    assert asked_of_the_hook(40, 7, tmp_path) > 25


@pytest.mark.full
def test_the_hook_answers_as_the_screen_does_for_10_000_patients(tmp_path: Path) -> None:
    assert asked_of_the_hook(10_000, 8, tmp_path) > 5_000
