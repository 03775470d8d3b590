"""Build and start the HAPI FHIR server of `pom.xml`, whose paths `HapiServer.java` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.maven import build, class_path
from tests.interop.processes import started

#: Seconds to start on a busy machine.
_STARTS = 600
#: Less compilation while it runs, since it runs for a minute or two.
_JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


@contextmanager
def running() -> Iterator[str]:
    """Run a server without records, and yield its address; skip the test if Java or Maven is missing."""
    command = ["java", *_JAVA_OPTIONS, "-classpath", class_path(build(Path(__file__).parent)), "HapiServer"]
    with started(command, "HAPI FHIR", seconds=_STARTS) as address:
        yield address
