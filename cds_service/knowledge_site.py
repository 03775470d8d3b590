"""A site's own thresholds, switches and assay factors (setting `site.overrides`), read and checked in form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from cards.analytes import analytes
from cards.overrides import SiteSwitch, SiteThreshold
from cds_service.knowledge_faults import faulty_places, form_faults, read_table

_SCHEMA = "site-overrides"
#: Assays of one analyte differ by a factor of two at most (clinical page 1.4: 0.62 between two of ferritin).
_LOWEST_FACTOR, _HIGHEST_FACTOR = Decimal("0.4"), Decimal("2.5")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What one file sets. Assay factors apply before rounding, by analyte."""

    thresholds: tuple[SiteThreshold, ...] = ()
    switches: tuple[SiteSwitch, ...] = ()
    assay_factors: Mapping[str, Decimal] = field(default_factory=dict)


NO_OVERRIDES = Overrides()


def read_overrides(path: Path) -> tuple[Overrides, tuple[str, ...]]:
    """The entries that are sound in form, and every fault of the others."""
    content, unread = read_table(path)
    broken = faulty_places(_SCHEMA, content)

    def sound(table: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if (table,) in broken:
            return iter(())
        return ((name, entry) for name, entry in content.get(table, {}).items() if (table, name) not in broken)

    factors = {name: Decimal(entry["value"]) for name, entry in sound("assay_factors")}
    overrides = Overrides(
        tuple(_threshold(name, entry) for name, entry in sound("thresholds")),
        tuple(_switch(name, entry) for name, entry in sound("switches")),
        factors,
    )
    meant = tuple(f"{path.name}: {fault}" for fault in _factor_faults(factors))
    return overrides, (*unread, *form_faults(_SCHEMA, content, path.name), *meant)


def _threshold(name: str, entry: Mapping[str, Any]) -> SiteThreshold:
    value, replaces = Decimal(entry["value"]), Decimal(entry["replaces"])
    return SiteThreshold(name, value, replaces, entry["reason"], entry["date"], entry.get("unit", ""))


def _switch(name: str, entry: Mapping[str, Any]) -> SiteSwitch:
    return SiteSwitch(name, entry["value"], entry["replaces"], entry["reason"], entry["date"])


def _factor_faults(factors: Mapping[str, Decimal]) -> Iterator[str]:
    for name, factor in factors.items():
        place = f'assay_factors."{name}"'
        if name not in analytes():
            yield f"{place}: no such analyte; allowed: {', '.join(analytes())}; rename or remove it"
        if not _LOWEST_FACTOR <= factor <= _HIGHEST_FACTOR:
            yield (
                f"{place}.value: found {factor}; allowed: {_LOWEST_FACTOR} to {_HIGHEST_FACTOR}; "
                "ask the laboratory for the comparison of the two assays"
            )
