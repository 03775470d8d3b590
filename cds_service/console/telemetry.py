"""What the watch page wants to know beyond the store: a port, and how metrics fill it.

The metrics hold words of ours only (see cds_service/metrics.py), so nothing of a patient can come this way; a sample
of a code is shown only where it has the shape of one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from cards.reading.reasons import reason_sentence
from cards.wording import display_name

#: Short and without words, so that no name or text of a record can pass.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,17}")
_UNIT_REASONS = ("unknown-unit", "no-unit", "unit-contradicts-itself")


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Codes or units that no table of ours knows. `kind` is code or unit; `place` the list or test they came in;
    `about` the code system as far as it may be named, or what is wrong with the unit; `seen` how often."""

    kind: str
    place: str
    about: str
    seen: int
    samples: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        """The samples that have the shape of a code; anything else is never shown."""
        return tuple(each for each in self.samples if _CODE.fullmatch(each))


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
    """A source of metrics; both answers cover the life of the metrics, not a period."""

    def unmapped(self) -> tuple[Unmapped, ...]:
        """The commonest first."""

    def read_times(self) -> tuple[ReadTime, ...]:
        """By prefetch key."""


#: Asked anew for every page, since the numbers of several workers are added up when they are read.
Source = Callable[[], Telemetry]


class RegistryTelemetry:
    """The metrics of a registry: of this process, or of all workers where it is a multiprocess one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def unmapped(self) -> tuple[Unmapped, ...]:
        codes = (Unmapped("code", each.labels["key"], each.labels["system"], int(each.value))
                 for each in self._samples("rls_cds_codes_unknown_total"))  # fmt: skip
        units = (_unit(each.labels["analyte"], each.labels["why"], int(each.value))
                 for each in self._samples("rls_cds_results_unusable_total")
                 if each.labels["why"] in _UNIT_REASONS)  # fmt: skip
        return tuple(sorted((each for each in (*codes, *units) if each.seen), key=lambda each: -each.seen))

    def read_times(self) -> tuple[ReadTime, ...]:
        by_key: dict[str, list[Sample]] = defaultdict(list)
        for part in ("bucket", "count", "sum"):
            for each in self._samples(f"rls_cds_fhir_read_seconds_{part}"):
                by_key[each.labels["key"]].append(each)
        return tuple(_read_time(key, by_key[key]) for key in sorted(by_key))

    def _samples(self, name: str) -> list[Sample]:
        return [each for metric in self._registry.collect() for each in metric.samples if each.name == name]


def _unit(analyte: str, why: str, seen: int) -> Unmapped:
    return Unmapped("unit", display_name(analyte), reason_sentence(why), seen)


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
