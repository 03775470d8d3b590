"""Count what the charts of each client hold, in the memory of a worker, until the store takes the sums.

Nothing of a patient is kept: counts by client, day, analyte and list. A value is counted by its order of magnitude.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from math import log2

from cds_service.calls.call import Answered, Call
from cds_service.store import EvidenceCount

#: The analytes that cards rest on most.
ANALYTES = ("ferritin", "tsat", "b12", "folate", "vitd", "magnesium", "haemoglobin", "egfr", "calcium", "phosphate")
#: The kinds of counts: charts read, charts with a usable result, its unit as reported, its order of magnitude, and how
#: a list came (`list prefetch`, `list read`, `list missing`, `list cut`).
CHARTS, USABLE, UNITS, VALUES, LISTS_OF = "charts", "usable", "unit ", "value ", "list "
#: The subject under which workers note their release and a digest of the settings and site files.
CONFIGURATION = "configuration"
#: Steps of a value in one doubling.
_STEPS = 4


class EvidenceCounter:
    """Sums of one worker since the store last took them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[date, str, str, str]] = Counter()
        self._lock = threading.Lock()

    def count(self, call: Call, answered: Answered) -> None:
        """Count what the chart of one call held, where there was one."""
        if answered.review is None:
            return
        chart, client = answered.review.chart, call.client.name
        day = chart.today
        found = [("chart", CHARTS)]
        for analyte in ANALYTES:
            results = chart.results(analyte)
            if results:
                newest = results[0]
                unit = (newest.reported or newest.quantity).unit
                found += [(analyte, USABLE), (analyte, f"{UNITS}{unit}")]
                found += [(analyte, f"{VALUES}{_magnitude(float(newest.quantity.value))}")]
        for key, source in answered.gathered.sources.items():
            found.append((key, f"{LISTS_OF}{'cut' if key in answered.gathered.gaps else source}"))
        with self._lock:
            self._counts.update((day, client, subject, kind) for subject, kind in found)

    def note(self, day: date, subject: str, kind: str) -> None:
        """Count something that no call brought, such as a configuration."""
        with self._lock:
            self._counts[day, "", subject, kind] += 1

    def take(self) -> tuple[EvidenceCount, ...]:
        """Return the sums and begin anew."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return tuple(EvidenceCount(*key, number) for key, number in taken.items())

    def put_back(self, counts: tuple[EvidenceCount, ...]) -> None:
        """Add sums again that could not be stored."""
        with self._lock:
            for each in counts:
                self._counts[each.day, each.client, each.subject, each.kind] += each.number


def _magnitude(value: float) -> int:
    """Return the number of quarter doublings from 1."""
    return round(_STEPS * log2(value)) if value > 0 else -100
