"""Run the two Java programs, and ask them line by line."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.interop import maven

PROJECT = Path(__file__).parent
#: Seconds for one answer, reading the definitions of a version included, and to stop.
_ANSWERS, _STOPS = 600, 30

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Emitted:
    """A resource as the product sent or wrote it; `name` says where, and `version` which FHIR it is in."""

    name: str
    version: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Issue:
    """What the validator says of one resource; `kind` is its own name for the rule."""

    name: str
    version: str
    severity: str
    kind: str
    location: str
    message: str

    @property
    def is_error(self) -> bool:
        return self.severity in ("error", "fatal")

    def __str__(self) -> str:
        return f"{self.version} {self.name} {self.location}: {self.message} [{self.kind}]"


class _Program:
    """A running program that answers each line with one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _send(self, line: Resource) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> Resource:
        """Read one line: nothing more was asked for, so nothing else can wait in the buffer."""
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], _ANSWERS)
        line = self._process.stdout.readline() if ready else ""
        assert line, f"no answer within {_ANSWERS} s, or the program has stopped: {self._process.poll()}"
        return dict(json.loads(line))


class Validator(_Program):
    """A running `Validate`, which keeps its definitions; the same resource is asked about once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(process)
        self._known: dict[str, list[Resource]] = {}
        self.asked = 0

    def define(self, version: str, resource: Resource) -> None:
        """Add a definition, such as an extension, before the first resource that uses it."""
        self._send({"version": version, "define": True, "resource": resource})

    def issues(self, emitted: Emitted) -> Iterator[Issue]:
        key = json.dumps([emitted.version, emitted.resource])
        if key not in self._known:
            self._send({"name": emitted.name, "version": emitted.version, "resource": emitted.resource})
            self._known[key] = self._answer()["issues"]
            self.asked += 1
        for found in self._known[key]:
            yield Issue(emitted.name, emitted.version, **{name: str(value) for name, value in found.items()})


@dataclass(frozen=True, slots=True)
class Asked:
    """What HAPI's classes sent, what came back as they read it, and which members of it they do not know."""

    status: int
    sent: Any
    answer: Any
    unknown: frozenset[str]


class HooksClient(_Program):
    """A running `CallService`."""

    def ask(self, what: str, service: str = "", body: Resource | None = None) -> Asked:
        """Ask for `discovery`, or send a `call` or `feedback`."""
        self._send({"do": what, "service": service, "body": body})
        told = self._answer()
        return Asked(told["status"], told["sent"], told["answer"], frozenset(told["unknown"]))


@contextmanager
def running_validator() -> Iterator[Validator]:
    """Build the program, run it, and stop it."""
    with _running("Validate") as process:
        yield Validator(process)


@contextmanager
def running_client(base: str, version: str) -> Iterator[HooksClient]:
    """Run a client of the service at `base`, whose resources are of that version of FHIR."""
    with _running("CallService", base, version) as process:
        yield HooksClient(process)


@contextmanager
def _running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    target = maven.build(PROJECT)
    # The validator makes a folder in the home of its user.
    command = ["java", f"-Duser.home={target}", "-cp", maven.class_path(target), program, *arguments]
    with (
        TemporaryFile("w+") as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process,
    ):
        try:
            yield process
        except AssertionError as fault:
            complaints.seek(0)
            fault.add_note(complaints.read()[-3000:])
            raise
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(_STOPS)
            except subprocess.TimeoutExpired:
                process.kill()
