"""What screening is measured with: the codes that grep looks for, the processes that are watched, the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from tests.population.generate import write_population
from tests.population.measure import Figures, codes_file, main, screened, seconds_of_grep, table, watching
from tests.population.people import Population

_FIGURES = Figures("python", 1000, 50, 2.0, 1.0, 0.5, 3, 100, 90)


def test_grep_looks_for_every_code_and_word_of_the_sieve(tmp_path: Path) -> None:
    codes = codes_file(tmp_path).read_text().splitlines()
    assert {"2276-4", "G25.81", "restless"} <= set(codes) and "" not in codes


def test_grep_reads_the_files_of_an_export(tmp_path: Path) -> None:
    list(write_population(tmp_path / "x", 20, Population()))
    assert seconds_of_grep(codes_file(tmp_path), tmp_path / "x", 1) > 0


def test_a_screening_counts_what_it_read(tmp_path: Path) -> None:
    list(write_population(tmp_path / "x", 40, Population(rls=0.5)))
    found = screened("python", tmp_path / "x", 1)
    assert found["patients"] == 40 and 10 < found["charts"] < 30
    assert 0 < found["deciding"] < found["seconds"]


def test_the_memory_of_children_counts(tmp_path: Path) -> None:
    held = "import time; b = bytearray(60_000_000); print(1, flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {held!r}])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        with watching(process.pid) as memory:
            process.stdout.read(1)
            while len(memory) < 3 or max(memory) < 60_000_000:
                os.sched_yield()
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()


def test_the_table_says_how_far_time_grows_with_size() -> None:
    lines = table([_FIGURES, replace(_FIGURES, observations=10_000, megabytes=20, seconds=12)]).splitlines()
    assert lines[0].split("|")[-2].strip() == "linear"
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["1.00", "1.20"]


def test_the_command_prints_one_table(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    options = ["--observations", "1000", "--engine", "python", "--rounds", "1", "--json", str(out)]
    result = CliRunner().invoke(main, [*options, "--folder", str(tmp_path / "kept")])
    assert result.exit_code == 0, result.output
    (figures,) = json.loads(out.read_text())
    assert figures["patients"] == 50 and figures["peak"] > 10
    assert len([line for line in result.output.splitlines() if line.startswith("|")]) == 3
    assert (tmp_path / "kept" / "1000-2.5" / "manifest.json").exists()
