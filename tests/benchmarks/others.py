"""What others serve, each installed in a folder of the run.

HealthChain from PyPI and Express from npm are services with one rule; granian from PyPI is a server for the bare view
and for ours, to see what another server than gunicorn would change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cds_service.web.limits import needed_threads
from tests.benchmarks.processes import ROOT, Processors
from tests.benchmarks.servers import Server, settings_file

HEALTHCHAIN, EXPRESS = "HealthChain, one rule, uvicorn", "Express, one rule"
BARE_ON_GRANIAN, SERVICE_ON_GRANIAN = "bare Flask view, granian", "rls-cds, SQLite, granian"
_HERE = Path(__file__).parent
#: Seconds that an installation may take.
_PATIENCE = 600


class NotHere(Exception):
    """A service of others cannot be installed here; the message says why."""


def healthchain(folder: Path, processors: Processors) -> Server:
    """Install HealthChain in a virtual environment. Raises `NotHere`."""
    place = folder / "healthchain"
    _run([sys.executable, "-m", "venv", str(place)])
    _run([str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "healthchain"])
    shutil.copy(_HERE / "healthchain_service.py", place)

    def command(port: int) -> list[str]:
        served = ["-m", "uvicorn", "--app-dir", str(place), "--port", str(port), "--log-level", "error"]
        return [str(place / "bin" / "python"), *served, "--no-access-log", "healthchain_service:app"]

    environ = {"PYTHONPATH": "", "HOME": str(place)}
    return Server(HEALTHCHAIN, command, folder, processors, environ, path=lambda case: f"/cds{case.path}")


def express(folder: Path, processors: Processors) -> Server:
    """Install Express beside the rule. Raises `NotHere`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHere("Node.js and npm are not here")
    place = folder / "express"
    shutil.copytree(_HERE / "express", place)
    _run([npm, "install", "--prefix", str(place), "--no-audit", "--no-fund", "--silent"])
    environ = {"NODE_ENV": "production"}
    return Server(EXPRESS, lambda port: [node, str(place / "server.mjs"), str(port)], folder, processors, environ)


def granian(folder: Path, processors: Processors) -> tuple[Server, ...]:
    """Install granian, and return the bare view and the service on it. Raises `NotHere`."""
    place = folder / "granian"
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), "granian", "click"])
    found = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(place)))}
    settings = {"RLS_CDS_BENCHMARK_SETTINGS": str(settings_file(place, 8080))}

    def command(port: int, application: str) -> list[str]:
        served = [*("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error")]
        served += ["--blocking-threads", str(needed_threads(16))]
        return [sys.executable, "-m", "granian", *served, application]

    return (
        Server(BARE_ON_GRANIAN, lambda port: command(port, "tests.benchmarks.bare:app"), folder, processors, found),
        Server(
            SERVICE_ON_GRANIAN,
            lambda port: command(port, "tests.benchmarks.assembled:app"),
            folder,
            processors,
            {**found, **settings},
        ),
    )


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise NotHere(f"{Path(command[0]).name} took more than {_PATIENCE} s") from None
    if done.returncode:
        raise NotHere(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
