"""A chart that notes what a decision looks at, so that what a decision file says it reads can be held against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any

from cards.chart import Chart, Person
from cards.rules import Rules

#: What stands for what in the `reads` of a decision file.
WORDS = {
    "sex": "sex",
    "birth": "date of birth",
    "diagnoses": "diagnoses",
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
    """Stands in for a frozen value: every member is read through it, also by the value's own methods."""

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
    """A chart; diagnoses of pregnancy and the kinds of measures are noted apart, and the adult age among the limits."""

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

    @property
    def measures(self) -> Any:
        return Measures(self._value.measures, self._seen)


class Measures:
    """The measures, and before them one that is not there: it equals no kind asked for, but notes which that was."""

    def __init__(self, measures: Any, seen: set[str]) -> None:
        self._measures, self._seen = measures, seen

    def __iter__(self) -> Any:
        yield SimpleNamespace(kind=Asked(self._seen))
        yield from self._measures


class Asked:
    def __init__(self, seen: set[str]) -> None:
        self._seen = seen

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and other in MEASURES:
            self._seen.add(MEASURES[other])
        return False

    __hash__ = object.__hash__


class AskedFor(dict[str, Any]):
    """Thresholds or switches by name; each that is looked up is noted."""

    def __init__(self, held: Mapping[str, Any], seen: set[str]) -> None:
        super().__init__(held)
        self._seen = seen

    def __getitem__(self, name: str) -> Any:
        self._seen.add(name)
        return super().__getitem__(name)


def read_by(answer: Callable[[Any, Rules], Any], chart: Chart, rules: Rules) -> set[str]:
    """What one decision looked at in this chart, in the words of `WORDS` and `MEASURES`."""
    seen: set[str] = set()
    answer(RecordingChart(chart, seen), rules)
    return seen
