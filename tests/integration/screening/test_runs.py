"""A run over an export: the same bytes whatever the order, layout and processes, and after any interruption."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe, known_by
from cds_service.offline.screening.run import described, run
from cds_service.offline.screening.state import State
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.export_lines import Resource, write_export
from tests.builders.service import NOW, VIEW, application, settings

_LAYOUTS = ("by type", "one file", "by patient", "gzip", "many")
_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_ROOT = Path(__file__).resolve().parents[3]


def everybody() -> list[Resource]:
    """Return the resources of every synthetic patient."""
    return [each for patient in load_patients(_NOW.date()) for each in patient.resources()]


def findings(folder: Path, state: Path, *, recipe: Recipe | None = None, **how: Any) -> list[bytes]:
    kept = State(state)
    try:
        outcome = run(find_export(folder), recipe or Recipe(_NOW), kept, **{"workers": 1, "max_bad": 0, **how})
        return list(outcome.findings())
    finally:
        kept.close(done=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("run")
    return findings(write_export(folder / "x", everybody()), folder / "state")


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_layout_order_and_spelling_change_no_byte(tmp_path: Path, expected: list[bytes], layout: str) -> None:
    for seed in (None, 1, 2):
        folder = write_export(tmp_path / f"{layout}-{seed}", everybody(), layout=layout, seed=seed)
        assert findings(folder, tmp_path / "state") == expected


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_duckdb_changes_no_byte(tmp_path: Path, expected: list[bytes], layout: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    for seed in (None, 3):
        folder = write_export(tmp_path / f"{layout}-{seed}", everybody(), layout=layout, seed=seed)
        assert findings(folder, tmp_path / "state", engine="duckdb") == expected


@pytest.mark.parametrize("engine", ["python", "duckdb"])
def test_tables_change_no_byte(tmp_path: Path, expected: list[bytes], engine: str) -> None:
    pytest.importorskip("duckdb", reason="the extra [bulk] is not installed")
    folder = write_export(tmp_path / "x", everybody(), layout="parquet", seed=4)
    assert findings(folder, tmp_path / "state", engine=engine) == expected


def test_duplicates_and_processes_change_no_byte(tmp_path: Path, expected: list[bytes]) -> None:
    write_export(tmp_path / "x", everybody(), layout="many")
    write_export(tmp_path / "x" / "again", everybody(), layout="gzip")
    assert findings(tmp_path / "x", tmp_path / "state", workers=2) == expected


def test_the_hook_answers_the_same(tmp_path: Path) -> None:
    """Every synthetic patient, asked of the service as a client that sends every list."""
    zone = settings().time_zone
    recipe = Recipe(NOW.astimezone(zone))
    found = {each["patient"]: each for each in map(json.loads, findings(
        write_export(tmp_path / "x", everybody()), tmp_path / "state", recipe=recipe))}  # fmt: skip
    with application() as app:
        http = app.test_client()
        for patient in load_patients(NOW.astimezone(zone).date()):
            request = hook_request("generic", "patient-view", patient, today=NOW.astimezone(zone).date())
            answer = http.post(VIEW, json=request)
            told = found[patient.patient_id]
            if answer.status_code == 412:
                assert told["missing"], patient.slug
                continue
            cards = [
                {"code": card["source"]["topic"]["code"], "indicator": card["indicator"]}
                for card in answer.get_json()["cards"]
            ]
            assert told["cards"] == cards, patient.slug


def test_no_byte_depends_on_the_order_of_a_set(tmp_path: Path) -> None:
    """A set of texts has another order in every process that is not forked, as in a resumed run or under Spark."""
    systems = [{"system": f"urn:oid:1.2.3.{number}", "code": "D1"} for number in range(9)]
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/demo-alder"}}
    write_export(tmp_path / "x", [*everybody(), condition | {"code": {"coding": systems}}])
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command(tmp_path / "x", tmp_path / f"{seed}.ndjson"), cwd=_ROOT, env=environment, check=True)
    assert len({(tmp_path / f"{seed}.ndjson").read_bytes() for seed in ("1", "2", "3")}) == 1


def interrupted_runs(folder: Path, times: int, seed: int) -> Iterator[tuple[bytes, int]]:
    """Kill a run again and again, after some more finished files, until one ends; yield what it wrote, and how often
    it was killed.
    """
    dice = random.Random(seed)  # noqa: S311 - a script, not a secret
    for number in range(times):
        out = folder / f"out-{number}.ndjson"
        state = folder / f".{out.name}.screening"
        killed = 0
        while not out.exists():
            enough = finished(state) + dice.randrange(1, 60)
            process = subprocess.Popen(
                command(folder / "x", out), cwd=_ROOT, start_new_session=True, stdout=subprocess.DEVNULL
            )
            while process.poll() is None and finished(state) < enough:
                time.sleep(0.005)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
            assert process.wait() in (0, -signal.SIGKILL)
        yield out.read_bytes(), killed


def finished(state: Path) -> int:
    """Return how many files of steps are finished; none where the run is over, and removes them meanwhile."""
    try:
        return sum(not path.name.endswith(".part") for path in state.glob("*/*"))
    except FileNotFoundError:
        return 0


def command(folder: Path, out: Path, *more: str) -> list[str]:
    code = "from cds_service.cli import main; main()"
    options = ["--as-of", "2026-06-30", "--workers", "2", *more]
    return [sys.executable, "-c", code, "screen", str(folder), "--out", str(out), *options]


def kill_and_resume(folder: Path, expected: list[bytes], times: int) -> None:
    write_export(folder / "x", everybody(), layout="many", seed=3)
    killed = 0
    for written, times_killed in interrupted_runs(folder, times, seed=times):
        assert written == b"".join(expected)
        killed += times_killed
    assert killed >= times
    assert not list(folder.glob(".*"))


def test_a_run_that_is_killed_resumes_where_it_was(tmp_path: Path, expected: list[bytes]) -> None:
    kill_and_resume(tmp_path, expected, 2)


@pytest.mark.full
def test_a_run_that_is_killed_20_times_resumes_where_it_was(tmp_path: Path, expected: list[bytes]) -> None:
    kill_and_resume(tmp_path, expected, 20)


def test_no_process_outlives_the_run_that_was_killed(tmp_path: Path) -> None:
    write_export(tmp_path / "x", everybody() * 40, layout="many")
    process = subprocess.Popen(command(tmp_path / "x", tmp_path / "out.ndjson"), cwd=_ROOT)
    children: set[int] = set()
    deadline = time.monotonic() + 60
    while len(children) < 2 and process.poll() is None and time.monotonic() < deadline:
        children |= children_of(process.pid)
        time.sleep(0.05)
    process.kill()
    process.wait()
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def test_a_run_that_was_killed_is_resumed_at_once_though_a_child_of_it_lives(tmp_path: Path) -> None:
    """A child that was forked has every open file of its parent, the lock of the run too, until it first runs."""
    code = (
        "import os, signal, sys; from pathlib import Path; from cds_service.offline.screening.state import State; "
        "kept = State(Path(sys.argv[1])); read, written = os.pipe(); child = os.fork(); "
        "(os.write(written, b'.'), signal.pause()) if not child else "
        "(os.read(read, 1), print(child, flush=True), os.kill(os.getpid(), signal.SIGKILL))"
    )
    command = [sys.executable, "-c", code, tmp_path / "state"]
    killed = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    child = int(killed.stdout.readline())
    try:
        assert killed.wait() == -signal.SIGKILL
        State(tmp_path / "state").close(done=True)
    finally:
        os.kill(child, signal.SIGKILL)
        killed.stdout.close()


def children_of(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children")
    return set(map(int, text.read_text().split())) if text.exists() else set()


def test_a_finished_step_is_not_done_again(tmp_path: Path, expected: list[bytes], monkeypatch: Any) -> None:
    """Stop before the patients are decided; the second run reads no line of the export."""
    from cds_service.offline.screening import passes

    folder = write_export(tmp_path / "x", everybody())
    stopped(tmp_path, Recipe(_NOW), monkeypatch).close(done=False)
    monkeypatch.setattr(passes.Keep, "read", stop)
    monkeypatch.setattr(passes.Look, "read", stop)
    assert findings(folder, tmp_path / "state") == expected


def test_another_question_begins_anew(tmp_path: Path, expected: list[bytes]) -> None:
    folder = write_export(tmp_path / "x", everybody())
    kept = State(tmp_path / "state")
    run(find_export(folder), Recipe(_NOW.replace(year=2030)), kept, workers=1, max_bad=0)
    kept.close(done=False)
    assert findings(folder, tmp_path / "state") == expected


def stop(self: object) -> None:
    """Stand for a method at which the run is interrupted."""
    raise KeyboardInterrupt


def stopped(folder: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> State:
    """Stop a run before the patients are decided, and return its state."""
    from cds_service.offline.screening import steps

    with monkeypatch.context() as patch:
        patch.setattr(steps.Decide, "__call__", stop)
        kept = State(folder / "state")
        with pytest.raises(KeyboardInterrupt):
            run(find_export(folder / "x"), recipe, kept, workers=1, max_bad=0)
    return kept


def test_local_codes_that_were_corrected_begin_a_run_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings file is as it was; what it names has changed."""
    person, *records = load_patients(_NOW.date())[0].resources()
    condition = {"resourceType": "Condition", "id": "own", "subject": {"reference": f"Patient/{person['id']}"}}
    condition |= {"code": {"coding": [{"system": "urn:site:dx", "code": "RLS1"}]}}
    write_export(tmp_path / "x", [person, *(e for e in records if e["resourceType"] != "Condition"), condition])
    config, codes = tmp_path / "rls-cds.toml", tmp_path / "codes.toml"
    config.write_text('[site]\nlocal_codes = "codes.toml"\n')
    recipe = Recipe(_NOW, config)
    scopes = []
    for concept in ("copd", "rls"):
        codes.write_text(f'[diagnoses."urn:site:dx"]\n"RLS1" = "{concept}"\n')
        known_by.cache_clear()
        stopped(tmp_path, recipe, monkeypatch).close(done=False)
        kept = State(tmp_path / "state")
        outcome = run(find_export(tmp_path / "x"), recipe, kept, workers=1, max_bad=0)
        scopes.append([json.loads(line).get("scope") for line in outcome.findings()])
        kept.close(done=concept == "rls")
    assert scopes == [["no RLS"], [None]]


def test_a_variable_of_the_environment_is_part_of_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = find_export(write_export(tmp_path / "x", everybody()))
    before = described(export, Recipe(_NOW))
    assert described(export, Recipe(_NOW)) == before
    monkeypatch.setenv("RLS_CDS_MAX_CARDS", "1")
    assert described(export, Recipe(_NOW)) != before


@pytest.mark.parametrize("left", [b"", b"\0" * 100], ids=["empty", "zeros"])
def test_a_file_of_a_step_that_lost_its_bytes_is_made_again(
    tmp_path: Path, expected: list[bytes], monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    write_export(tmp_path / "x", everybody())
    stopped(tmp_path, Recipe(_NOW), monkeypatch).close(done=False)
    for step in ("look", "keep-0", "fetch-0"):
        next(iter(sorted((tmp_path / "state" / step).iterdir()))).write_bytes(left)
    assert findings(tmp_path / "x", tmp_path / "state") == expected
