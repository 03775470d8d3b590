"""A chart that records what a decision reads, to compare it with the list in the decision file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any

from cards.facts.chart import Chart, Person
from cards.knowledge.rules import Rules

#: Members of a chart, what it derives of them included, and their terms in the `reads` of a decision file.
WORDS = {
    "sex": "sex",
    "birth": "date of birth",
    "_age": "date of birth",
    "diagnoses": "diagnoses",
    "_present": "diagnoses",
    "labs": "laboratory results",
    "unusable": "laboratory results",
    "drugs": "drugs",
    "allergies": "allergies",
    "procedures": "procedures",
    "lab_orders": "laboratory orders",
    "drafts": "draft orders",
}
MEASURES = {
    "gestational-age": "pregnancy",
    "due-date": "pregnancy",
    "body-weight": "body weight",
    "irls": "health status assessments",
}
_PREGNANCY = frozenset({"pregnant", "rls-in-pregnancy", "puerperal", "lactation", "gestation-week"})


class Recording:
    """A proxy of a frozen value through which every member is read, even by the value's own methods."""

    def __init__(self, value: Any, note: Callable[[str], None]) -> None:
        self._value, self._note = value, note

    def __getattr__(self, name: str) -> Any:
        member = getattr(type(self._value), name, None)
        if isinstance(member, property):
            assert member.fget is not None
            return member.fget(self)
        if isinstance(member, FunctionType):
            return member.__get__(self)
        self._note(name)
        found = getattr(self._value, name)
        if isinstance(found, Person):
            return Recording(found, self._note)
        return found


class RecordingChart(Recording):
    """A recording proxy of a chart; pregnancy, kinds of measures and the adult age are recorded separately."""

    def __init__(self, chart: Chart, seen: set[str], limits: set[str] | None = None) -> None:
        limits = set() if limits is None else limits

        def note(name: str) -> None:
            if name in WORDS:
                seen.add(WORDS[name])
            if name == "adult_age":
                limits.add(name)

        super().__init__(chart, note)
        self._seen = seen

    def diagnosed(self, *concepts: str) -> Any:
        if _PREGNANCY & set(concepts):
            self._seen.add("pregnancy")
        return Chart.diagnosed(self, *concepts)  # type: ignore[arg-type]

    def once(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Ask anew, so that what was found before hides no reading."""
        return work(self, *given, **named)

    @property
    def measures(self) -> Any:
        return Measures(self._value.measures, self._seen)


class Measures:
    """The measures after one that equals no kind but records the kinds it is compared with."""

    def __init__(self, measures: Any, seen: set[str]) -> None:
        self._measures, self._seen = measures, seen

    def __iter__(self) -> Any:
        yield SimpleNamespace(kind=WatchedKind(self._seen))
        yield from self._measures


class WatchedKind:
    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and other in MEASURES:
            self._seen.add(MEASURES[other])
        return False

    __hash__ = object.__hash__


class AskedFor(dict[str, Any]):
    """Thresholds or switches by name; every lookup is recorded."""

    def __init__(self, held: Mapping[str, Any], seen: set[str]) -> None:
        super().__init__(held)
        self._seen = seen

    def __getitem__(self, name: str) -> Any:
        self._seen.add(name)
        return super().__getitem__(name)


def read_by(answer: Callable[[Any, Rules], Any], chart: Chart, rules: Rules) -> set[str]:
    """Return what a decision reads in this chart, in the terms of `WORDS` and `MEASURES`."""
    seen: set[str] = set()
    answer(RecordingChart(chart, seen), rules)
    return seen
