"""Who is to be looked at first: patients with a card or a gap in care, the most urgent first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.offline.screening.measures import measures

_RANKS = {"critical": 0, "warning": 1, "info": 2}
_COLUMNS = ("patient", "highest", "cards", "gaps")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One patient; `gaps` names the measures by which their care falls short. Sorts by urgency, then id."""

    rank: int
    patient: str
    cards: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def highest(self) -> str:
        """Return the most urgent indicator among the cards, or an empty text where there is none."""
        return next((name for name, rank in _RANKS.items() if rank == self.rank), "")


class WorkList:
    """Collects the patients who have a card or a gap."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, line: bytes, found: Mapping[str, Any] | None) -> None:
        """Take a patient in if there is anything to do for them."""
        if found is None:
            return
        cards = tuple(each["code"] for each in found["cards"])
        gaps = tuple(gaps_of(found.get("measures", {})))
        if cards or gaps:
            rank = min((_RANKS[each["indicator"]] for each in found["cards"]), default=len(_RANKS))
            self._entries.append(Entry(rank, found["patient"], cards, gaps))

    def ordered(self) -> list[Entry]:
        """Return the entries, the most urgent first."""
        return sorted(self._entries)

    @staticmethod
    def as_csv(entries: Iterable[Entry]) -> str:
        """Return the list as CSV (RFC 4180)."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(_COLUMNS)
        writer.writerows((each.patient, each.highest, " ".join(each.cards), " ".join(each.gaps)) for each in entries)
        return text.getvalue()


def gaps_of(answers: Mapping[str, bool | None]) -> Iterable[str]:
    """Yield the measures whose answer is not the better one."""
    for name, answer in answers.items():
        if answer is not None and answer != (measures()[name].better == "higher"):
            yield name
