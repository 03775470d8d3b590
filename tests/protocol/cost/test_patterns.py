"""No pattern takes longer than in proportion to its text, whatever the text (reliability DOS-8)."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.protocol.cost.patterns import Found, all_patterns, texts

#: The longest text that is tried. A pattern that takes less for it than `_FLOOR` seconds has no growth to speak of: for
#: one that grows with the square it would be milliseconds.
_LONGEST = 4_000
_FLOOR = 0.001
_MOST_GROWTH = 2.5
_TRIES = 6
#: CPU seconds after which a pattern is interrupted: exponential backtracking would never end.
_TOO_LONG = 2.0
#: These meet our own texts alone: the documentation as it was built.
_OF_OUR_TEXTS = {"cds_service.console.docs._INLINE"}

_USES: dict[str, Callable[[Any, Any], object]] = {
    "search": lambda pattern, text: pattern.search(text),
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "sub": lambda pattern, text: pattern.sub(type(text)(), text),
    "split": lambda pattern, text: pattern.split(text),
    "finditer": lambda pattern, text: list(pattern.finditer(text)),
    "findall": lambda pattern, text: pattern.findall(text),
}


class TooLong(Exception):
    """A pattern took longer than it may."""


@contextmanager
def interrupted(after: float) -> Iterator[None]:
    """Raise `TooLong` in the block after so many CPU seconds; the regex engine checks for signals as it runs."""

    def end(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds(use: Callable[[Any, Any], object], pattern: Any, text: Any, tries: int) -> float:
    """Return the least CPU time of some tries."""
    taken = []
    for _ in range(tries):
        started = time.thread_time()
        use(pattern, text)
        taken.append(time.thread_time() - started)
    return min(taken)


def slow_text(found: Found, longest: int, too_long: float = _TOO_LONG) -> tuple[str, str] | None:
    """Return a use and a text whose doubling costs more than in proportion, or None where there is none."""
    for make in texts(found.pattern):
        for method in found.methods:
            use, whole = _USES[method], make(longest)
            try:
                with interrupted(after=too_long):
                    once = seconds(use, found.pattern, whole, 1)
            except TooLong:
                return method, repr(make(30))
            if once < _FLOOR or seconds(use, found.pattern, whole, 3) < _FLOOR:
                continue
            if all(_grows(use, found.pattern, make, longest) for _ in range(3)):
                return method, repr(make(30))
    return None


def _grows(use: Callable[[Any, Any], object], pattern: Any, make: Callable[[int], Any], longest: int) -> bool:
    half, whole = (seconds(use, pattern, make(length), _TRIES) for length in (longest // 2, longest))
    return whole > _FLOOR and whole > _MOST_GROWTH * half


def slow_patterns(longest: int) -> dict[str, tuple[str, str]]:
    judged = (each for each in all_patterns() if each.name not in _OF_OUR_TEXTS)
    return {each.name: found for each in judged if (found := slow_text(each, longest))}


def test_the_patterns_are_found() -> None:
    names = {each.name for each in all_patterns()}
    assert len(names) > 200 and names >= _OF_OUR_TEXTS
    assert {"cards.labs.units._RESULT_TEXT", "cards.drugs.words._TAIL", "cds_service.fhir.access._TOKEN"} <= names
    assert any(name.startswith("cards.drugs.timing.FREQUENCIES[") for name in names)


@pytest.mark.parametrize("written", [r"\s*,", r"\[[^\]]*\]", r"x\s*y?\s*z", r"(?:^|;)a*a*;"])
def test_a_pattern_that_grows_with_the_square_is_found(written: str) -> None:
    assert slow_text(Found(written, re.compile(written), frozenset({"search"})), _LONGEST)


@pytest.mark.parametrize("written", [r"(?:x+)+y", r"mon(?:s|n?s)?(?:,mon(?:s|n?s)?)+;"])
def test_a_pattern_that_doubles_with_every_word_is_found_in_bounded_time(written: str) -> None:
    assert slow_text(Found(written, re.compile(written), frozenset({"search"})), _LONGEST, too_long=0.2)


@pytest.mark.slow
@pytest.mark.control("DOS-8")
def test_no_pattern_grows_faster_than_its_text() -> None:
    assert not slow_patterns(_LONGEST)


@pytest.mark.full
def test_no_pattern_grows_faster_than_a_very_long_text() -> None:
    assert not slow_patterns(_LONGEST * 5)
