"""Run a server of others until the end of a block."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

#: Seconds that a server has to stop.
_STOPS = 20
#: So much of what a server wrote is shown where it did not start.
_SHOWN = 4000


@contextmanager
def started(command: Sequence[str], name: str, *, seconds: float, folder: Path | None = None) -> Iterator[str]:
    """Run a server, and yield the line that it prints once it is ready, within so many seconds."""
    with TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True, cwd=folder
        )
        with process:
            try:
                yield _first_line(process, complaints, name, seconds)
            finally:
                _stop(process)


def _first_line(process: subprocess.Popen[str], complaints: IO[str], name: str, seconds: float) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    line = process.stdout.readline() if ready else ""
    if not line:
        complaints.seek(0)
        raise AssertionError(f"{name} did not start within {seconds} s: {complaints.read()[-_SHOWN:]}")
    return line.strip()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOPS)
    except subprocess.TimeoutExpired:
        process.kill()
