"""`rls-cds screen` as a person runs it."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.offline.screening import run
from fhir_fixtures.loading import load_patients
from tests.builders.command_line import runner
from tests.builders.export_lines import write_export

_DAY = date(2026, 6, 30)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    resources = [each for patient in load_patients(_DAY) for each in patient.resources()]
    return write_export(tmp_path / "export", resources)


def screen(*arguments: object, code: int = 0) -> str:
    """Run the command, and return what it prints."""
    result = runner().invoke(main, ["screen", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output + result.stderr
    return result.stdout if code == 0 else result.stderr


def test_a_summary_on_the_screen_and_nothing_kept(export: Path) -> None:
    before = set(export.parent.rglob("*"))
    told = screen(export, "--as-of", _DAY)
    assert told.startswith("79 patients, 74 of them with restless legs syndrome, as of 2026-06-30\n")
    assert "IRONLOW" in told and "demo-" not in told
    assert set(export.parent.rglob("*")) == before


def test_a_folder_of_results_and_the_same_bytes_again(export: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        screen(export, "--out", tmp_path / name, "--as-of", _DAY, "--set", "ferritin.low=50")
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    summary = json.loads(one["summary.json"])
    assert summary["what_if"]["patients_who_lose"] > 0
    assert len(one["findings.ndjson"].splitlines()) == summary["patients"] == 79


def test_one_file_of_findings(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "findings.ndjson"
    screen(export, "--out", out, "--as-of", _DAY)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert all({"patient", "cards", "unknown"} <= each.keys() for each in found)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_results_inside_the_export_are_not_read_again(export: Path) -> None:
    first = screen(export, "--out", export / "result", "--as-of", _DAY)
    assert screen(export, "--out", export / "result", "--as-of", _DAY) == first


def test_the_day_is_that_of_the_export(export: Path) -> None:
    (export / "manifest.json").write_text(json.dumps({"transactionTime": "2026-06-30T04:00:00Z", "output": []}))
    assert "as of 2026-06-30" in screen(export)


def test_a_site_with_its_own_rules_and_zone(export: Path, tmp_path: Path) -> None:
    config = tmp_path / "rls-cds.toml"
    config.write_text('time_zone = "Europe/Berlin"\nmax_cards = 1\n')
    out = tmp_path / "findings.ndjson"
    screen(export, "--out", out, "--as-of", _DAY, "--config", config)
    assert all(len(json.loads(line)["cards"]) <= 1 for line in out.read_text().splitlines())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "findings.txt"], "name a folder, or a file that ends in"),
    ],
)
def test_a_fault_is_told_in_one_line(export: Path, arguments: list[str], told: str) -> None:
    said = screen(export, "--as-of", _DAY, *arguments, code=1)
    assert said.startswith("Error: ") and told in said
    assert not list(Path.cwd().glob(".findings*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--as-of", "June"], "June is no day; use YYYY-MM-DD"),
        (["--as-of", "1000-01-01"], "1000-01-01 is no day from"),
        (["--time-zone", "Mars"], "Mars is not"),
        (["--workers", "0"], "--workers"),
        (["--set", "ferritin.low"], "expected NAME=VALUE"),
        (["--set", "ferritin.low=900"], "allowed: "),
        (["--set", "nope=5"], "nope"),
        (["--client", "nobody"], "nobody is no client"),
    ],
)
def test_wrong_usage_is_told(export: Path, arguments: list[str], told: str) -> None:
    assert told in screen(export, *arguments, code=2)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError(28, "No space left on device", "/x"), "Error: /x: No space left on device\n"),
        (OSError("words of a library about a line"), "export: cannot be read or written\n"),
    ],
)
def test_a_fault_of_the_disk_is_told_without_what_was_read(
    export: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, told: str
) -> None:
    def failing(*given: object, **how: object) -> None:
        raise fault

    monkeypatch.setattr(run, "run", failing)
    said = screen(export, "--as-of", _DAY, code=1)
    assert said.endswith(told) and "library" not in said


def test_a_folder_without_an_export(tmp_path: Path) -> None:
    assert "no file of lines in it" in screen(tmp_path, code=1)


def test_two_runs_do_not_share_an_output(export: Path, tmp_path: Path) -> None:
    from cds_service.offline.screening.state import State

    state = State(tmp_path / "result" / ".screening")
    assert "another run works with this folder" in screen(export, "--out", tmp_path / "result", code=1)
    state.close(done=True)


def test_a_run_that_failed_keeps_what_is_done(export: Path, tmp_path: Path) -> None:
    (export / "bad.ndjson").write_text("{\n{\n")
    out = tmp_path / "findings.ndjson"
    assert "2 of" in screen(export, "--out", out, "--as-of", _DAY, "--max-bad", 1, code=1)
    assert (tmp_path / ".findings.ndjson.screening").is_dir()
    assert stat.S_IMODE((tmp_path / ".findings.ndjson.screening").stat().st_mode) == 0o700
    screen(export, "--out", out, "--max-bad", 2)  # the day of the run that was stopped counts
    assert not (tmp_path / ".findings.ndjson.screening").exists()


def test_the_help_teaches() -> None:
    told = screen("--help")
    for words in ("rls-cds screen export/ --out result/", "--set ferritin.low=50", "goes on where it was"):
        assert words in told


def test_a_plan_is_printed_before_anything_was_exported(tmp_path: Path) -> None:
    told = screen(tmp_path / "export", "--plan", "epic", "--group", "g1", "--patients", 400_000)
    assert told.startswith("# An export from Epic\n") and "/Group/g1/$export?" in told and "smart-fetch export" in told
    assert not (tmp_path / "export").exists()


def test_a_plan_names_the_patients_whose_diagnoses_were_exported(export: Path, tmp_path: Path) -> None:
    told = screen(export, "--plan", "oracle-health", "--out", tmp_path / "plan")
    assert str(tmp_path / "plan" / "patients.txt") in told
    assert "demo-alder\n" in (tmp_path / "plan" / "patients.txt").read_text()


def test_another_vendor_is_refused(tmp_path: Path) -> None:
    assert "--plan abacus: no such vendor; known: standard, epic" in screen(tmp_path, "--plan", "abacus", code=2)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such folder" in screen(tmp_path / "nowhere", code=2)


def test_the_sql_is_reconciled_with_the_decisions(export: Path, tmp_path: Path) -> None:
    from cds_service.offline.screening.sql.queries import QUESTIONS, VALUES

    rows = tmp_path / "rows.csv"
    people = [patient.patient_id for patient in load_patients(_DAY)]
    head = ",".join(("patient", *QUESTIONS, *VALUES))
    rows.write_text("\n".join([head, *(f"{each},0{',' * 9}" for each in people)]) + "\n")
    told = screen(export, "--as-of", _DAY, "--reconcile", rows, "--out", tmp_path / "result")
    differ = int(told.partition("patients and differ on ")[2].partition(".")[0])
    assert "not explained" not in told
    assert 60 < differ < len(people) and "told by a code that the views do not have" in told
    assert len((tmp_path / "result" / "differences.csv").read_text().splitlines()) == differ + 1


def test_the_views_and_the_sql_are_written(tmp_path: Path) -> None:
    result = runner().invoke(main, ["views", str(tmp_path / "sql"), "--as-of", "2026-06-30"])
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "sql").glob("rls_*.json"))) == 7
    assert "BETWEEN '2025-06-30' AND '2026-06-30'" in (tmp_path / "sql" / "patients.sql").read_text()
    assert runner().invoke(main, ["views", str(tmp_path / "sql"), "--as-of", "June"]).exit_code == 2
