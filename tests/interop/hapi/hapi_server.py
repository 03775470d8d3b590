"""Build and start the HAPI FHIR server of `pom.xml`, whose paths `HapiServer.java` names."""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.interop.maven import build, class_path

#: Seconds to start on a busy machine, and to stop.
_STARTS, _STOPS = 600, 20
#: Less compilation while it runs, since it runs for a minute or two.
_JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


@contextmanager
def running() -> Iterator[str]:
    """Run a server without records, and yield its address; skip the test if Java or Maven is missing."""
    command = ["java", *_JAVA_OPTIONS, "-classpath", class_path(build(Path(__file__).parent)), "HapiServer"]
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        with process:
            try:
                yield _address_of(process, log)
            finally:
                _stop(process)


def _address_of(process: subprocess.Popen[str], log: IO[str]) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], _STARTS)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise AssertionError(f"HAPI FHIR did not start within {_STARTS} s: {end_of(log)}")
    return line.strip()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOPS)
    except subprocess.TimeoutExpired:
        process.kill()


def end_of(log: IO[str]) -> str:
    """Return the last lines that the server wrote."""
    log.seek(0)
    return log.read()[-4000:]
