"""Metrics for the page Watch: an interface, and its implementation over a metrics registry.

Metrics have fixed labels only (see cds_service/monitoring/metrics.py), so they reveal nothing about a patient. Samples
of codes and units are kept in the memory of this process (cds_service/monitoring/unknown_samples.py says why they name
no patient); anything that is not formed like a code or unit is not shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from cards.reading.unknown import UNREADABLE_UNITS
from cards.wording.reasons import reason_sentence
from cards.wording.render import display_name
from cds_service.monitoring.unknown_samples import Pair, UnknownSamples, is_code, is_system, is_unit

#: Texts for the labels of `codes_unknown` that stand for a group of code systems.
_NO_LIST = "of a drug that no list has"
_SYSTEMS = {
    "oid": "in a system named by an OID",
    "other": "in a system named by a URL",
    "none": "without a system",
}


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Codes or units that are in none of the tables.

    `kind` is code, name or unit; `found_in` is the list or test they were in; `about` is the code system as far as it
    may be named, or what is wrong with the name or unit; `seen` is how often. `samples` are (system, code), or
    ("", unit) for units; names have none.
    """

    kind: str
    found_in: str
    about: str
    seen: int
    samples: tuple[Pair, ...] = ()

    @property
    def shown(self) -> tuple[Pair, ...]:
        """Return the samples that are well-formed; others are never shown."""
        if self.kind == "unit":
            return tuple(each for each in self.samples if is_unit(each[1]))
        return tuple(each for each in self.samples if is_system(each[0]) and is_code(each[1]))


@dataclass(frozen=True, slots=True)
class ReadTime:
    """The reads of one prefetch key from FHIR servers, with times in milliseconds.

    `most` is the 95th percentile (None: above the highest bucket, which ends at `measured_to`); `failed` reads got no
    answer.
    """

    key: str
    reads: int
    failed: int
    mean: float
    most: float | None
    measured_to: float


class Telemetry(Protocol):
    """Metrics since the start of the service.

    `patients`: the number of patients who must have had a code before it is shown as a sample.
    """

    @property
    def patients(self) -> int: ...

    def unmapped(self) -> tuple[Unmapped, ...]:
        """Return unknown codes and units, the most frequent first."""

    def read_times(self) -> tuple[ReadTime, ...]:
        """Return the reads in order of prefetch keys."""


#: Called for every page, since the metrics of several workers are added up when they are read.
Source = Callable[[], Telemetry]


class RegistryTelemetry:
    """Telemetry from a metrics registry, of this process or of all workers."""

    def __init__(self, registry: CollectorRegistry, samples: UnknownSamples | None = None) -> None:
        self._registry = registry
        self._kept = samples or UnknownSamples()

    @property
    def patients(self) -> int:
        return self._kept.patients

    def unmapped(self) -> tuple[Unmapped, ...]:
        codes = (self._code(each.labels["key"], each.labels["system"], int(each.value))
                 for each in self._samples("rls_cds_codes_unknown_total"))  # fmt: skip
        units = (self._unit(each.labels["analyte"], each.labels["why"], int(each.value))
                 for each in self._samples("rls_cds_results_unusable_total")
                 if each.labels["why"] in UNREADABLE_UNITS)  # fmt: skip
        names = (Unmapped("name", each.labels["key"], _NO_LIST, int(each.value))
                 for each in self._samples("rls_cds_drugs_untold_total")
                 if each.labels["reason"] == "name")  # fmt: skip
        untold = (Unmapped("code", each.labels["key"], f"in {each.labels['system']}, below no code that we list",
                           int(each.value)) for each in self._samples("rls_cds_codes_untold_total"))  # fmt: skip
        found = (each for each in (*codes, *names, *untold, *units) if each.seen)
        return tuple(sorted(found, key=lambda each: -each.seen))

    def _code(self, key: str, system: str, seen: int) -> Unmapped:
        return Unmapped("code", key, _SYSTEMS.get(system, f"in {system}"), seen, self._kept.codes(key, system))

    def _unit(self, analyte: str, why: str, seen: int) -> Unmapped:
        samples = tuple(("", each) for each in self._kept.units(analyte, why))
        return Unmapped("unit", display_name(analyte), reason_sentence(why), seen, samples)

    def read_times(self) -> tuple[ReadTime, ...]:
        by_key: dict[str, list[Sample]] = defaultdict(list)
        for part in ("bucket", "count", "sum"):
            for each in self._samples(f"rls_cds_fhir_read_seconds_{part}"):
                by_key[each.labels["key"]].append(each)
        return tuple(_read_time(key, by_key[key]) for key in sorted(by_key))

    def _samples(self, name: str) -> list[Sample]:
        return [each for metric in self._registry.collect() for each in metric.samples if each.name == name]


def _read_time(key: str, samples: Iterable[Sample]) -> ReadTime:
    counts: defaultdict[str, float] = defaultdict(float)
    buckets: defaultdict[float, float] = defaultdict(float)
    for each in samples:
        if "le" in each.labels:
            buckets[float(each.labels["le"])] += each.value
        elif each.name.endswith("_sum"):
            counts["seconds"] += each.value
        else:
            counts["reads"] += each.value
            counts["failed"] += each.value if each.labels["result"] != "ok" else 0
    reads = int(counts["reads"])
    limits = sorted(limit for limit in buckets if limit != float("inf"))
    most = next((1000 * limit for limit in limits if buckets[limit] >= 0.95 * reads), None)
    mean = 1000 * counts["seconds"] / reads if reads else 0.0
    return ReadTime(key, reads, int(counts["failed"]), mean, most, measured_to=1000 * max(limits, default=0.0))
