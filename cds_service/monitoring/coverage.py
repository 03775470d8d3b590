"""What the charts of each client held: usable results, their units, codes and values, and how lists came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cards.labs.analytes import analyte
from cds_service.monitoring.evidence import ANALYTES, CHARTS, CODES, LISTS_OF, NO_STEP, STEPS, UNITS, USABLE, VALUES
from cds_service.store import EvidenceCount


@dataclass(frozen=True, slots=True)
class ResultCoverage:
    """The usable results of one analyte; the median is as exact as the steps in which values are counted."""

    analyte: str
    usable: int
    units: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, int], ...]
    median: float | None

    @property
    def middle(self) -> str:
        """Return the median to two digits, in the unit in which cards judge the analyte; "" without any."""
        return "" if self.median is None else f"{float(f'{self.median:.2g}'):g} {analyte(self.analyte).unit}"


@dataclass(frozen=True, slots=True)
class ListCoverage:
    """How often one list was prefetched, read, missing or cut, and how often it held anything."""

    key: str
    prefetched: int
    read: int
    missing: int
    cut: int
    filled: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The charts of one client, each patient once a day and service."""

    client: str
    charts: int
    results: tuple[ResultCoverage, ...]
    lists: tuple[ListCoverage, ...]


def coverage(counts: Iterable[EvidenceCount]) -> tuple[Coverage, ...]:
    """Add up the counts of a period by client."""
    by_client: dict[str, dict[str, Counter[str]]] = {}
    for each in counts:
        if each.client:
            by_client.setdefault(each.client, {}).setdefault(each.subject, Counter())[each.kind] += each.number
    return tuple(_coverage(client, by_client[client]) for client in sorted(by_client))


def _coverage(client: str, by_subject: Mapping[str, Counter[str]]) -> Coverage:
    return Coverage(
        client,
        by_subject.get("chart", Counter())[CHARTS],
        tuple(_results(name, by_subject[name]) for name in ANALYTES if name in by_subject),
        tuple(_list(key, kinds) for key, kinds in sorted(by_subject.items()) if any(_begin(kinds, LISTS_OF))),
    )


def _results(name: str, kinds: Counter[str]) -> ResultCoverage:
    return ResultCoverage(name, kinds[USABLE], _mix(kinds, UNITS), _mix(kinds, CODES), _median(_begin(kinds, VALUES)))


def _mix(kinds: Mapping[str, int], word: str) -> tuple[tuple[str, int], ...]:
    """Return the counts of the kinds that begin with a word, the most frequent first."""
    return tuple(Counter(_begin(kinds, word)).most_common())


def _list(key: str, kinds: Counter[str]) -> ListCoverage:
    return ListCoverage(key, *(kinds[f"{LISTS_OF}{how}"] for how in ("prefetch", "read", "missing", "cut", "filled")))


def _begin(kinds: Mapping[str, int], word: str) -> dict[str, int]:
    """Return the counts of the kinds that begin with a word, by what follows it."""
    return {kind.removeprefix(word): number for kind, number in kinds.items() if kind.startswith(word)}


def _median(steps: Mapping[str, int]) -> float | None:
    """Return the value of the step in which the middle one lies, None where that has none."""
    half, seen = sum(steps.values()) / 2, 0
    for step in sorted(map(int, steps)):
        seen += steps[str(step)]
        if seen >= half:
            return None if step == NO_STEP else float(2 ** (step / STEPS))
    return None
