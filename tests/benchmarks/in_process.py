"""Measure the processor time of calls in one process: `python -m tests.benchmarks.in_process SETTINGS ...`.

Batches of the service and of the bare view take turns, so that a machine that is busy for a while slows both. The
metrics are those of a worker, in files that all workers share.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cds_service.config.load import load_settings
from cds_service.monitoring.workers import FOLDER
from tests.benchmarks.bare import bare_app
from tests.benchmarks.bodies import BY_NAME
from tests.benchmarks.wsgi import caller, in_this_process


def milliseconds(call: Callable[[int], bytes], calls: int) -> float:
    """Return the processor time of one call in milliseconds, of all threads of the process."""
    began = time.process_time()
    for number in range(calls):
        call(number)
    return 1000 * (time.process_time() - began) / calls


def calls_that_take(call: Callable[[int], bytes], seconds: float) -> int:
    """Return how many calls take about so long, after a first round over every variant."""
    most, began = 40, time.process_time()
    for number in range(most):
        call(number)
        if number >= 5 and time.process_time() - began > 2 * seconds:
            break
    return max(2, int(seconds * 1000 / milliseconds(call, 5)))


def measure(settings: Path, cases: list[str], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Return the milliseconds of each round, by case, for the service and for the bare view."""
    today = datetime.now(UTC).date()
    found: dict[str, dict[str, list[float]]] = {}
    bare = bare_app()
    with in_this_process(load_settings(settings, os.environ), settings.with_suffix(".log")) as app:
        for name in cases:
            case = BY_NAME[name]
            bodies = case.bodies(today)
            ours, theirs = caller(app, case.path, bodies), caller(bare, case.path, bodies)
            how_many = calls_that_take(ours, seconds), calls_that_take(theirs, seconds / 2)
            found[name] = {"service": [], "bare": []}
            for _ in range(rounds):
                found[name]["service"].append(milliseconds(ours, how_many[0]))
                found[name]["bare"].append(milliseconds(theirs, how_many[1]))
            print(f"{name}: {min(found[name]['service']):.2f} ms", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.in_process", description=__doc__)
    parser.add_argument("settings", type=Path, help="the settings file of the service")
    parser.add_argument("--case", action="append", required=True, choices=sorted(BY_NAME))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of processor time for each round of the service")
    asked = parser.parse_args()
    json.dump(measure(asked.settings, asked.case, asked.rounds, asked.seconds), sys.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rls-cds-metrics-") as folder:
        os.environ[FOLDER] = folder  # read when the first metric is made
        main()
