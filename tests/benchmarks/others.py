"""Services of others with one rule, each installed in a folder of the run: HealthChain from PyPI, Express from npm."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.processes import Processors
from tests.benchmarks.servers import Server

HEALTHCHAIN, EXPRESS = "HealthChain, one rule, uvicorn", "Express, one rule"
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


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise NotHere(f"{Path(command[0]).name} took more than {_PATIENCE} s") from None
    if done.returncode:
        raise NotHere(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
