"""Remember what pure functions made of short pieces of vocabulary: a code, a unit, a status, directions.

A chart says the same few things of thousands of patients: that a LOINC code is ferritin need be worked out once. A
piece is known again by its content, whatever object holds it. Never remembered is a whole resource, nor anything
longer than `LONGEST`: what names a patient is not vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from marshal import dumps
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

#: Bytes of a piece that is remembered, as `marshal` writes it; a CodeableConcept of three codings has some 600.
LONGEST = 1500
#: Pieces that each function remembers.
MOST = 4096
#: The format of `marshal` that writes equal pieces alike: later ones mark objects that are shared.
_FORMAT = 2


class Counts(NamedTuple):
    """How often a function found a piece among those it remembers, how often not, and how many it holds."""

    found: int
    missed: int
    held: int


class Remembered(Generic[Arguments, Answer]):
    """A function of one JSON value, and of further hashable arguments, that remembers its answers.

    The answer must not change, and must depend on the content of the arguments alone.
    """

    def __init__(self, work: Callable[Concatenate[Any, Arguments], Answer]) -> None:
        self._work = work
        self._answers: dict[object, Answer] = {}
        self._found = self._missed = 0
        update_wrapper(self, work)
        _ALL.append(self)

    def __call__(self, value: Any, /, *more: Arguments.args, **named: Arguments.kwargs) -> Answer:
        try:
            piece = value if type(value) is str else dumps(value, _FORMAT)
        except ValueError:  # a Decimal, a mapping that is no dict, or nested too deeply
            return self._work(value, *more, **named)
        key = (piece, *more, *named.values()) if more or named else piece
        try:
            answer = self._answers[key]
        except KeyError:
            return self._answered(value, key, len(piece), *more, **named)
        self._found += 1
        return answer

    def _answered(
        self, value: Any, key: object, length: int, /, *more: Arguments.args, **named: Arguments.kwargs
    ) -> Answer:
        answer = self._work(value, *more, **named)
        self._missed += 1
        if length <= LONGEST:
            if len(self._answers) >= MOST:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def counts(self) -> Counts:
        """Return how often its memory was of use."""
        return Counts(self._found, self._missed, len(self._answers))

    def count_anew(self) -> None:
        """Begin to count at zero, with what is remembered."""
        self._found = self._missed = 0

    def forget(self) -> None:
        """Forget all answers."""
        self._answers.clear()


_ALL: list[Remembered[..., Any]] = []


def remembered(work: Callable[Concatenate[Any, Arguments], Answer]) -> Remembered[Arguments, Answer]:
    """Remember the answers of a pure function of a short JSON value."""
    return Remembered(work)


def forget_counts() -> None:
    """Let all functions count at zero: what was asked before a fork is not what each worker was asked."""
    for each in _ALL:
        each.count_anew()


def forget_all() -> None:
    """Forget the answers of all functions: for tests that change what they work from."""
    for each in _ALL:
        each.forget()


def all_counts() -> dict[str, Counts]:
    """Return the counts of every function that remembers, by its module and name."""
    return {f"{each._work.__module__}.{each._work.__name__}": each.counts() for each in _ALL}
