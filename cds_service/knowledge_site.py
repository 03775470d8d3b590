"""A site's own thresholds, switches and assay factors (setting `site.overrides`), read and checked in form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cards.analytes import analytes
from cards.overrides import SiteSwitch, SiteThreshold
from cards.rules import Rules
from cds_service.knowledge_faults import Place, faulty_places, form_faults, place_of, read_table

_SCHEMA = "site-overrides"
#: Assays of one analyte differ by a factor of two at most (clinical page 1.4: 0.62 between two of ferritin).
_LOWEST_FACTOR, _HIGHEST_FACTOR = Decimal("0.4"), Decimal("2.5")
#: No choice of a site is older; an earlier day is a slip of the pen.
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What one file sets. Assay factors apply before rounding, by analyte."""

    thresholds: tuple[SiteThreshold, ...] = ()
    switches: tuple[SiteSwitch, ...] = ()
    assay_factors: Mapping[str, Decimal] = field(default_factory=dict)


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of the file. What of it is faulty in form is not there, so that the rest can still be checked."""

    table: str
    name: str
    members: Mapping[str, Any]

    def number(self, member: str) -> Decimal | None:
        return Decimal(self.members[member]) if member in self.members else None

    def words(self, member: str) -> str | None:
        return self.members.get(member)


def read_overrides(path: Path, rules: Rules, today: date) -> tuple[Overrides, tuple[str, ...]]:
    """The entries, with `None` for what is faulty in form, and every fault of form and of days.

    What they mean is checked by `cards.overrides.overridden`. A day may not lie after `today`, before 2000, or before
    the sourced value that the entry replaces began.
    """
    content, unread = read_table(path)
    entries = tuple(_entries(content, faulty_places(_SCHEMA, content)))
    factors = {each.name: each.number("value") for each in entries if each.table == "assay_factors"}
    overrides = Overrides(
        tuple(_threshold(each) for each in entries if each.table == "thresholds"),
        tuple(_switch(each) for each in entries if each.table == "switches"),
        {name: factor for name, factor in factors.items() if factor is not None},
    )
    meant = (*_factor_faults(factors), *(fault for each in entries for fault in _day_faults(each, rules, today)))
    return overrides, (*unread, *form_faults(_SCHEMA, content, path.name), *(f"{path.name}: {each}" for each in meant))


def _entries(content: Mapping[str, Any], broken: frozenset[Place]) -> Iterator[_Entry]:
    for table in ("thresholds", "switches", "assay_factors"):
        for name, entry in content.get(table, {}).items() if (table,) not in broken else ():
            if (table, name) not in broken:
                sound = {key: value for key, value in entry.items() if (table, name, key) not in broken}
                yield _Entry(table, name, sound)


def _threshold(entry: _Entry) -> SiteThreshold:
    value, replaces = entry.number("value"), entry.number("replaces")
    reason, unit = entry.words("reason") or "", entry.words("unit") or ""
    return SiteThreshold(entry.name, value, replaces, reason, entry.members.get("date"), unit)


def _switch(entry: _Entry) -> SiteSwitch:
    value, replaces = entry.words("value"), entry.words("replaces")
    return SiteSwitch(entry.name, value, replaces, entry.words("reason") or "", entry.members.get("date"))


def _factor_faults(factors: Mapping[str, Decimal | None]) -> Iterator[str]:
    for name, factor in factors.items():
        place = place_of(("assay_factors", name))
        if name not in analytes():
            yield f"{place}: no such analyte; allowed: {', '.join(analytes())}; rename or remove it"
        if factor is not None and not _LOWEST_FACTOR <= factor <= _HIGHEST_FACTOR:
            yield (
                f"{place}.value: found {factor}; allowed: {_LOWEST_FACTOR} to {_HIGHEST_FACTOR}; "
                "ask the laboratory for the comparison of the two assays"
            )


def _day_faults(entry: _Entry, rules: Rules, today: date) -> Iterator[str]:
    day = entry.members.get("date")
    if day is None:
        return
    began, why = _earliest(entry, rules, today)
    if not began <= day <= today:
        yield (
            f"{place_of((entry.table, entry.name))}.date: found {day}; allowed: {began} ({why}) to {today} (today); "
            "write the day from which the site follows its own choice"
        )


def _earliest(entry: _Entry, rules: Rules, today: date) -> tuple[date, str]:
    """A sourced value was published before a site differed from it; our own defaults have no such day."""
    limit = rules.thresholds.get(entry.name) if entry.table == "thresholds" else None
    replaced = limit.entry_on(today) if limit else None
    if limit is None or replaced is None or replaced.citation == "ours" or replaced.since > today:
        return _EARLIEST, "no choice is older"
    since = replaced.since
    for each in reversed([each for each in limit.history if each.since < since]):
        if each.value != replaced.value:
            break
        since = each.since  # another source said the same before
    return max(_EARLIEST, since), "since then the national value stands"
