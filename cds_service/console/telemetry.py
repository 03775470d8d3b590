"""What the watch page wants to know beyond the store: a port, and how metrics fill it.

The metrics hold words of ours only (see cds_service/metrics.py), so nothing of a patient can come this way. Samples of
codes and units come from the memory of the process that is asked (cds_service/unknown_samples.py says why there is
nothing of a patient in them); whatever has not the shape of a code or unit is not shown even if it were there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from cards.reading.reasons import reason_sentence
from cards.reading.unknown import UNREADABLE_UNITS
from cards.wording import display_name
from cds_service.unknown_samples import Pair, UnknownSamples, is_code, is_system, is_unit

#: What the labels of `codes_unknown` say of a code system, for a reader.
_SYSTEMS = {
    "oid": "in a system named by an OID",
    "other": "in a system named by a URL",
    "none": "without a system",
}


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Codes or units that no table of ours knows. `kind` is code or unit; `place` the list or test they came in;
    `about` the code system as far as it may be named, or what is wrong with the unit; `seen` how often.
    `samples`: (system, code), or for units ("", unit)."""

    kind: str
    place: str
    about: str
    seen: int
    samples: tuple[Pair, ...] = ()

    @property
    def shown(self) -> tuple[Pair, ...]:
        """The samples that have the shape of what they are; anything else is never shown."""
        if self.kind == "unit":
            return tuple(each for each in self.samples if is_unit(each[1]))
        return tuple(each for each in self.samples if is_system(each[0]) and is_code(each[1]))


@dataclass(frozen=True, slots=True)
class ReadTime:
    """Reads of one prefetch key from FHIR servers, in milliseconds. `most`: nineteen of twenty took no longer (None:
    longer than the last limit that is measured); `failed` of them got no answer."""

    key: str
    reads: int
    failed: int
    mean: float
    most: float | None


class Telemetry(Protocol):
    """A source of metrics; both answers cover the life of the metrics, not a period.

    `patients`: so many must have had a code before it is shown as a sample.
    """

    @property
    def patients(self) -> int: ...

    def unmapped(self) -> tuple[Unmapped, ...]:
        """The commonest first."""

    def read_times(self) -> tuple[ReadTime, ...]:
        """By prefetch key."""


#: Asked anew for every page, since the numbers of several workers are added up when they are read.
Source = Callable[[], Telemetry]


class RegistryTelemetry:
    """The metrics of a registry: of this process, or of all workers where it is a multiprocess one."""

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
        return tuple(sorted((each for each in (*codes, *units) if each.seen), key=lambda each: -each.seen))

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
    limits = [limit for limit, within in sorted(buckets.items()) if within >= 0.95 * reads and limit != float("inf")]
    mean = 1000 * counts["seconds"] / reads if reads else 0.0
    return ReadTime(key, reads, int(counts["failed"]), mean, 1000 * limits[0] if limits else None)
