"""Count what the charts of each client hold, in the memory of a worker, until the store takes the sums.

Nothing of a patient is stored: counts by client, day, analyte and list. A value, and how old it is, are counted by
their order of magnitude, and held back in memory until those of five patients are together, so that no row tells the
value of one; a code is one of our tables or of the site's map.

A patient counts once a day and service: a chart that is opened eight times on one day tells no more than one opened
once, and chance would look like a change. For that keyed marks of patients are kept in memory, whose key is made at
start and kept nowhere.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import blake2b
from importlib.metadata import version
from math import log2

from cards.facts.chart import Chart
from cards.facts.results import LabResult
from cds_service.calls.call import Answered, Call
from cds_service.config.digest import digest
from cds_service.config.settings import Settings
from cds_service.store import EvidenceCount, FeedbackResult

#: The analytes that cards rest on most.
ANALYTES = ("ferritin", "tsat", "b12", "folate", "vitd", "magnesium", "haemoglobin", "egfr", "calcium", "phosphate")
#: The kinds of counts: charts read; charts with a usable result, its unit as reported, its code, its order of magnitude
#: and that of its age in days; how a list came (`list prefetch`, `list read`, `list missing`, or `list cut`, be it by a
#: drug that cannot be told) and whether it held anything (`list filled`); the mode of the service.
CHARTS, USABLE, UNITS, CODES, VALUES, AGES, LISTS_OF, MODES = (
    "charts", "usable", "unit ", "code ", "value ", "age ", "list ", "mode ",
)  # fmt: skip
#: Of the patient: charts in scope, with a date of birth, with a sex.
PATIENT = "patient"
SCOPE, BIRTH, SEX = "in scope", "birth", "sex"
#: The subject under which workers note their release and a digest of the settings and site files.
CONFIGURATION = "configuration"
#: What is noted: the release, a digest of the settings, and the share of patients held out in percent.
RELEASE, SETTINGS, SHARE = "release", "settings and site files", "hold-out share"
#: The subject and kind under which answers of clinicians to cards are counted.
FEEDBACK = "feedback"
#: Values are counted when those of so many patients are together.
LEAST_PATIENTS = 5
#: Steps of a value, and of an age, in one doubling.
STEPS, _AGE_STEPS = 4, 2
#: The step of a value of zero or less, which has no logarithm.
NO_STEP = -100
#: The most characters of a unit or code: the store takes 100 with the word before it. A code ends in what tells it.
_LONGEST = 90


class EvidenceCounter:
    """Sums of one worker since the store last took them.

    seen   what has been counted on this day: marks of a patient with a service, or with an analyte
    held   values and their ages by client and analyte, each beside the mark of its patient
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._day = date.min
        self._seen: set[tuple[bytes, str]] = set()
        self._held: dict[tuple[str, str], dict[bytes, tuple[str, str]]] = {}
        self._counts: Counter[tuple[date, str, str, str]] = Counter()
        self._lock = threading.Lock()

    def count(self, call: Call, answered: Answered) -> None:
        """Count what the chart of one call held, where there was one, the first time on a day."""
        if answered.review is None:
            return
        chart, client = answered.review.chart, call.client.name
        day, whose = chart.today, self._mark(client, call.request.patient_id)
        if not self._is_first(day, whose, call.service.id):
            return
        found = [("chart", CHARTS), ("answers", f"{MODES}{call.mode}"), *_of_patient(chart), *_of_results(chart)]
        if not answered.review.verdict.out_of_scope:
            found.append((PATIENT, SCOPE))
        gaps = answered.gathered.gaps
        for key, source in answered.gathered.sources.items():
            is_cut = source != "missing" and (key in gaps or key in chart.gaps)
            found.append((key, f"{LISTS_OF}{'cut' if is_cut else source}"))
            if answered.gathered.lists[key].resources:
                found.append((key, f"{LISTS_OF}filled"))
        with self._lock:
            for subject, kind in found:
                self._counts[day, client, subject, kind] += 1
        for analyte, *magnitudes in _magnitudes(chart):
            if self._is_first(day, whose, analyte):
                self._hold(day, client, analyte, whose, (magnitudes[0], magnitudes[1]))

    def _mark(self, client: str, patient_id: str) -> bytes:
        return blake2b(f"{client}\n{patient_id}".encode(), key=self._key, digest_size=16).digest()

    def _is_first(self, day: date, whose: bytes, what: str) -> bool:
        with self._lock:
            if day != self._day:
                self._day, self._seen = day, set()
            is_first = (whose, what) not in self._seen
            self._seen.add((whose, what))
            return is_first

    def _hold(self, day: date, client: str, analyte: str, whose: bytes, magnitudes: tuple[str, str]) -> None:
        """Hold a value back, or count those of five patients at once, on the day of the last."""
        with self._lock:
            held = self._held.setdefault((client, analyte), {})
            held[whose] = magnitudes
            if len(held) >= LEAST_PATIENTS:
                self._counts.update((day, client, analyte, kind) for each in held.values() for kind in each)
                held.clear()

    def count_feedback(self, client: str, kept: FeedbackResult, now: datetime) -> None:
        """Count the answers to cards that came in one batch."""
        with self._lock:
            self._counts[now.astimezone(UTC).date(), client, FEEDBACK, FEEDBACK] += len(kept.events)

    def note(self, day: date, subject: str, kind: str) -> None:
        """Count something that no call brought, such as a configuration."""
        with self._lock:
            self._counts[day, "", subject, kind] += 1

    def note_start(self, day: date, settings: Settings) -> None:
        """Note with what release and settings a worker starts, by which later changes are told."""
        for what, value in (
            (RELEASE, version("rls-cds")),
            (SETTINGS, digest(settings)),
            (SHARE, str(settings.holdout_percent)),
        ):
            self.note(day, CONFIGURATION, f"{what} {value}")

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


def _of_patient(chart: Chart) -> Iterator[tuple[str, str]]:
    if chart.person.birth:
        yield PATIENT, BIRTH
    if chart.person.sex != "unknown":
        yield PATIENT, SEX


def _of_results(chart: Chart) -> Iterator[tuple[str, str]]:
    """Yield what is counted of the newest usable result of each analyte; one that was calculated has no code."""
    for analyte, newest in _newest(chart):
        yield analyte, USABLE
        yield analyte, f"{UNITS}{(newest.reported or newest.quantity).unit[-_LONGEST:]}"
        yield analyte, f"{CODES}{(newest.code or newest.how)[-_LONGEST:]}"


def _magnitudes(chart: Chart) -> Iterator[tuple[str, str, str]]:
    """Yield the order of magnitude of the newest usable result of each analyte, and that of its age."""
    for analyte, newest in _newest(chart):
        value, age = float(newest.quantity.value), (chart.today - newest.when.last).days
        yield (
            analyte,
            f"{VALUES}{_magnitude(value, STEPS)}",
            f"{AGES}{_magnitude(1.0 + max(0, age), _AGE_STEPS)}",
        )


def _newest(chart: Chart) -> Iterator[tuple[str, LabResult]]:
    for analyte in ANALYTES:
        if results := chart.results(analyte):
            yield analyte, results[0]


def _magnitude(value: float, steps: int) -> int:
    """Return the number of these parts of a doubling from 1."""
    return round(steps * log2(value)) if value > 0 else NO_STEP
