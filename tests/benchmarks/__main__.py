"""Measure the service beside baselines of the same run, and print one table.

Each figure stands beside those of a bare Flask view that parses the same body and returns one constant card: (a) on
the server of the product, (b) on gunicorn with threads. Figures of one run alone may be compared, and their ratios at
best: machines differ, and so does what else they do. Where others take a part of the processor, a line says so:
processor time and counted work (`python -m tests.benchmarks.work`) then tell more than throughput. The service runs as
in production: one worker, SQLite store and audit, metrics, log. Servers share one processor, the load comes from
another; rounds of all servers take turns.

What is measured (--only):
  in-process  processor time of a call without a socket, for each body and store
  server      throughput, p50, p99 and processor time of a call at 1 and 16 connections, and memory of the worker;
              for the usual body also without a store, on PostgreSQL, with ES384 tokens, and for services of others
              with one rule: HealthChain from PyPI and Express from npm, where they can be installed
  cold-start  from the command to the first card
  fallback    a call that reads a FHIR server: ten reads of 100 ms each; and one that never answers
--profile measures nothing of that, and prints where the time of a call goes, part by part.

Examples:
  python -m tests.benchmarks                                everything, in about 20 minutes
  python -m tests.benchmarks --quick                        a first look, in two or three
  python -m tests.benchmarks --only in-process --case view-20 --case sign-4
  python -m tests.benchmarks --profile --case sign-4
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.benchmarks.bodies import BY_NAME, CASES, USUAL
from tests.benchmarks.figures import machine, table
from tests.benchmarks.processes import ROOT, Processors
from tests.benchmarks.run import QUICK, THOROUGH, Run

SECTIONS: Mapping[str, Callable[[Run], None]] = {
    "in-process": Run.in_process,
    "server": Run.server,
    "cold-start": Run.cold_start,
    "fallback": Run.fallback,
}


def main() -> int:
    asked = _arguments()
    cases = tuple(BY_NAME[name] for name in asked.case or _usual_cases(asked))
    processors = Processors.of_this_machine()
    os.sched_setaffinity(0, {processors.loading})
    with tempfile.TemporaryDirectory(prefix="rls-cds-benchmarks-") as folder:
        has_others = not (asked.quick or asked.without_others)
        run = Run(Path(folder), QUICK if asked.quick else THOROUGH, cases, has_others, processors)
        if not processors.are_two:
            run.skip("a processor for the load alone", "this machine has one")
        if asked.profile:
            run.profile()
            return 0
        for section in asked.only or SECTIONS:
            SECTIONS[section](run)
        _report(run, asked.json)
    return 0


def _usual_cases(asked: argparse.Namespace) -> list[str]:
    return ["view-20", "sign-1"] if asked.quick else [USUAL.name] if asked.profile else list(BY_NAME)


def _report(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    sizes = {case.says: len(case.bodies(run.today)[0]) for case in CASES}
    written = {"machine": machine(), "day": run.today.isoformat(), "bytes": sizes, "skipped": run.skipped}
    figures = [each.as_json() for each in run.figures]
    file.write_text(json.dumps(written | {"figures": figures}, indent=1) + "\n", encoding="utf-8")
    run.say(f"written: {file}")
    print(table(run.figures))
    print("\nbodies: " + "; ".join(f"{says} {size / 1000:.0f} kB" for says, size in sizes.items()))
    for each in run.skipped:
        print(f"skipped {each}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, two bodies, none of others")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="measure this alone; may be repeated")
    parser.add_argument("--case", action="append", choices=sorted(BY_NAME), help="with this body; may be repeated")
    parser.add_argument("--without-others", action="store_true", help="install nothing of others")
    parser.add_argument("--profile", action="store_true", help="print the parts of a call, by time and by calls")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "benchmarks.json", metavar="FILE",
                        help="where the figures are written (default: build/benchmarks.json)")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
