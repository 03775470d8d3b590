"""The mutants of one copy of the code: made, chosen, tested and looked at by means of mutmut."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_MUTMUT = "from mutmut.__main__ import cli; cli()"
_LEFT_OUT = 34  # what mutmut writes for a mutant that is not to be tested
_COUNTED = re.compile(r"(\d+)/(\d+) ")
_WIDTH = 40


class Status(Enum):
    """What became of a mutant. A test that ran out of time noticed it; one that no test reaches was not noticed."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    NO_TEST = "no test"
    OTHER = "other"

    @property
    def noticed(self) -> bool:
        return self in (Status.KILLED, Status.TIMEOUT)


_STATUS = {0: Status.SURVIVED, 1: Status.KILLED, 3: Status.KILLED, 5: Status.NO_TEST, 33: Status.NO_TEST,
           36: Status.TIMEOUT, -24: Status.TIMEOUT, 24: Status.TIMEOUT, 152: Status.TIMEOUT, 255: Status.TIMEOUT,
           -9: Status.TIMEOUT}  # fmt: skip


class MutationFailed(RuntimeError):
    """mutmut did not get as far as trying the mutants; the message holds the end of what it said."""


class Mutants:
    """The mutants of the checkout `copy`, tested by `jobs` processes."""

    def __init__(self, copy: Path, jobs: int) -> None:
        self.copy = copy
        self._jobs = jobs

    @property
    def names(self) -> list[str]:
        return sorted(name for _, meta in self._metas() for name in meta["exit_code_by_key"])

    def make(self) -> None:
        """Write all mutants, and learn which test reaches which function.

        mutmut has no command for this alone: asked for a mutant that does not exist, it stops after it.
        """
        said = self._mutmut("run", "--max-children", str(self._jobs), "no-such-mutant")
        text = "".join(said)
        if "nothing matches" not in text:
            raise MutationFailed(text[-4000:])

    @property
    def are_chosen(self) -> bool:
        return self._chosen.is_file()

    @property
    def number(self) -> int:
        """How many are to be tested."""
        return int(self._chosen.read_text(encoding="utf-8"))

    @property
    def _chosen(self) -> Path:
        return self.copy / "mutants" / "chosen"

    def choose(self, number: int, seed: int, pattern: str = "*") -> None:
        """Mark all mutants but `number` of those that fit (0: all of them) as not to be tested."""
        fitting = [name for name in self.names if fnmatchcase(name, pattern)]
        drawn = random.Random(seed).sample(fitting, min(number, len(fitting))) if number else fitting  # noqa: S311
        chosen = set(drawn)
        for path, meta in self._metas():
            meta["exit_code_by_key"] = {
                name: None if name in chosen else _LEFT_OUT for name in meta["exit_code_by_key"]
            }
            path.write_text(json.dumps(meta), encoding="utf-8")
        self._chosen.write_text(str(len(chosen)), encoding="utf-8")

    def test(self) -> None:
        """Try the chosen mutants that have not been tried, with a bar that says how far it is."""
        said: list[str] = []
        bar = _Bar(self.number)
        for line in self._mutmut("run", "--max-children", str(self._jobs)):
            said.append(line)
            if found := _COUNTED.search(line):
                bar.show(int(found.group(1)) - int(found.group(2)) + self.number)
        if not any("mutations/second" in line for line in said):
            raise MutationFailed("".join(said)[-4000:])

    def results(self) -> dict[str, Status]:
        """The status of every mutant that was chosen."""
        codes = {name: code for _, meta in self._metas() for name, code in meta["exit_code_by_key"].items()}
        return {name: _STATUS.get(code, Status.OTHER) for name, code in sorted(codes.items()) if code != _LEFT_OUT}

    def changes(self, names: Iterable[str]) -> dict[str, str]:
        """What each of these mutants changes: the lines taken out and put in, and their function."""
        listing = json.dumps(list(names))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.mutation.changes"],
            cwd=self.copy, input=listing, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found: dict[str, str] = json.loads(ran.stdout)
        return found

    def _metas(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted((self.copy / "mutants" / "cards").rglob("*.meta")):
            yield path, json.loads(path.read_text(encoding="utf-8"))

    def _mutmut(self, *arguments: str) -> Iterator[str]:
        with subprocess.Popen(
            [sys.executable, "-c", _MUTMUT, *arguments],
            cwd=self.copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        ) as process:  # fmt: skip
            assert process.stdout
            yield from process.stdout


class _Bar:
    """A bar of one line where somebody looks at it, a line for every tenth where not."""

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._told = -1

    def show(self, done: int) -> None:
        part = max(0, min(done, self._total)) / self._total
        if sys.stdout.isatty():
            print(f"\r[{'#' * round(part * _WIDTH):{_WIDTH}}] {done}/{self._total}", end="", flush=True)
        elif int(part * 10) > self._told:
            self._told = int(part * 10)
            print(f"  {done}/{self._total}", flush=True)
