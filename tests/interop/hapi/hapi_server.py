"""Build and start the HAPI FHIR server of `pom.xml`, whose paths `HapiServer.java` names."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

HERE = Path(__file__).parent
BUILT = HERE.parents[2] / ".interop" / "hapi"
#: Seconds to fetch packages and compile, to start on a busy machine, and to stop.
_BUILDS, _STARTS, _STOPS = 1500, 600, 20
_OLDEST_JAVA = 17
#: Less compilation while it runs, since it runs for a minute or two.
_JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


class NotInstalled(Exception):
    """Java or Maven is not installed; the message says what to do."""


def build() -> list[str]:
    """Compile the server, which fetches its packages once, and return the command; raises `NotInstalled`."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if not (java and maven and shutil.which("javac") and _version(java) >= _OLDEST_JAVA):
        raise NotInstalled(
            f"HAPI FHIR needs a JDK {_OLDEST_JAVA} or later and Maven: apt install maven default-jdk-headless"
        )
    command = [maven, "--quiet", "--batch-mode", "--strict-checksums", "compile"]
    # Without the network first, so that a second run asks no registry for anything.
    found = _run([*command, "--offline"])
    if found.returncode:
        found = _run(command)
    assert found.returncode == 0, f"HAPI FHIR was not built: {found.stdout[-4000:]}"
    classpath = f"{BUILT / 'classes'}:{(BUILT / 'classpath').read_text()}"
    return [java, *_JAVA_OPTIONS, "-classpath", classpath, "HapiServer"]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_BUILDS, check=False, cwd=HERE
    )


def _version(java: str) -> int:
    """Return the major version of `java`, 0 if it does not run."""
    shown = subprocess.run([java, "-version"], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    found = re.search(r'version "(\d+)', shown.stderr)
    return int(found[1]) if found else 0


@contextmanager
def running() -> Iterator[str]:
    """Run a server without records, and yield its address; raises `NotInstalled`."""
    command = build()
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
