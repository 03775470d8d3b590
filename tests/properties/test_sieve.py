"""A line that the sieve drops never changes a chart: over lines of synthetic patients, mutated by the thousand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cards.facts.chart import Chart
from cards.reading import read_chart
from cds_service.offline.patient_files import read_questions
from cds_service.offline.screening.line import parsed, type_of
from cds_service.offline.screening.patient import Screener
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.sieve import READ
from fhir_fixtures.loading import PatientFile, load_patients
from tests.builders.export_lines import mutated, written

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_LINES_OF_ONE = 20


def charts(screener: Screener, patient: PatientFile, lines: list[bytes], folder: Path) -> tuple[Chart, Chart]:
    """Return the chart as `evaluate` reads it from every line, and as screening reads it."""
    file = folder / "all.ndjson"
    whole = [line for line in lines if str((parsed(line) or {}).get("resourceType")) in READ]
    file.write_bytes(b"\n".join(whole) + b"\n")
    (question,) = read_questions(file)
    known = {"patient_id": patient.patient_id, "now": _NOW, "zone": UTC}
    gathered, damaged = screener.gathered(lines)
    assert not damaged
    return read_chart(question.gathered, **known), read_chart(gathered, **known)


def lines_of(patient: PatientFile, others: list[Any], dice: random.Random) -> list[bytes]:
    """Return the lines of a patient, and as many mutated ones of anybody's under their name."""
    own = [written(each, dice) for each in patient.resources()]
    chosen = dice.choices(others, k=_LINES_OF_ONE)
    return [*own, *(written(mutated(each, patient.patient_id, dice), dice) for each in chosen)]


def sieve(lines_at_least: int, seed: int, folder: Path) -> Counter[str]:
    """Compare charts until so many lines were sieved; return how many were kept and dropped."""
    known = known_by(Recipe(_NOW))
    screener = Screener(known.question, known.sieve)
    dice = random.Random(seed)  # noqa: S311 - a script, not a secret
    patients = load_patients(_NOW.date())
    pool = [each for patient in patients for each in patient.resources() if each["resourceType"] != "Patient"]
    seen: Counter[str] = Counter()
    while seen.total() < lines_at_least:
        patient = dice.choice(patients)
        lines = lines_of(patient, pool, dice)
        whole, sieved = charts(screener, patient, lines, folder)
        assert whole == sieved, f"seed {seed}, after {seen.total()} lines"
        seen.update("kept" if known.sieve.keeps(line, type_of(line)) else "dropped" for line in lines)
    return seen


def test_a_line_that_is_dropped_changes_no_chart(tmp_path: Path) -> None:
    seen = sieve(5000, 2, tmp_path)
    assert seen["dropped"] > 300


@pytest.mark.full
def test_a_line_that_is_dropped_changes_no_chart_100_000_times(tmp_path: Path) -> None:
    seen = sieve(100_000, 4, tmp_path)
    print(f"\n{dict(seen)}")
    assert seen["dropped"] > 10_000
