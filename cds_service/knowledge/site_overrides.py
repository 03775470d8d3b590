"""Read a site's own thresholds, switches and assay factors (setting `site.overrides`) and check their form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cards.knowledge.rules import Rules
from cards.labs.analytes import analytes
from cards.site.overrides import SiteSwitch, SiteThreshold
from cds_service.knowledge.toml_files import Place, faulty_places, form_faults, place_of, read_table
from cds_service.web.json_schema import validator

_SCHEMA = "site-overrides"
#: Assays of one analyte differ by a factor of two at most (clinical rationale 1.4: 0.62 between two of ferritin).
_MIN_FACTOR, _MAX_FACTOR = Decimal("0.4"), Decimal("2.5")
#: An earlier day is a typing error, since no site's choice is older.
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The entries of one file. Assay factors are by analyte and apply before rounding."""

    thresholds: tuple[SiteThreshold, ...] = ()
    switches: tuple[SiteSwitch, ...] = ()
    assay_factors: Mapping[str, Decimal] = field(default_factory=dict)


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of the file without its malformed members, so that the others can still be checked."""

    table: str
    name: str
    members: Mapping[str, Any]

    def number(self, member: str) -> Decimal | None:
        """Return a member as a number, or None if it is missing."""
        return Decimal(self.members[member]) if member in self.members else None

    def text(self, member: str) -> str | None:
        """Return a member as text, or None if it is missing."""
        return self.members.get(member)


def read_overrides(path: Path, rules: Rules, today: date) -> tuple[Overrides, tuple[str, ...]]:
    """Read the entries, with None for malformed values, and return them with every fault of form and date.

    `cards.site.overrides.overridden` checks their meaning. A date must not be after `today`, before 2000, or before the
    date of the sourced value that the entry replaces.
    """
    content, unread = read_table(path)
    entries = tuple(_entries(content, faulty_places(validator(_SCHEMA), content)))
    factors = {each.name: each.number("value") for each in entries if each.table == "assay_factors"}
    overrides = Overrides(
        tuple(_threshold(each) for each in entries if each.table == "thresholds"),
        tuple(_switch(each) for each in entries if each.table == "switches"),
        {name: factor for name, factor in factors.items() if factor is not None},
    )
    meant = (*_factor_faults(factors), *(fault for each in entries for fault in _day_faults(each, rules, today)))
    faults = form_faults(validator(_SCHEMA), content, path.name)
    return overrides, (*unread, *faults, *(f"{path.name}: {each}" for each in meant))


def _entries(content: Mapping[str, Any], broken: frozenset[Place]) -> Iterator[_Entry]:
    for table in ("thresholds", "switches", "assay_factors"):
        for name, entry in content.get(table, {}).items() if (table,) not in broken else ():
            if (table, name) not in broken:
                sound = {key: value for key, value in entry.items() if (table, name, key) not in broken}
                yield _Entry(table, name, sound)


def _threshold(entry: _Entry) -> SiteThreshold:
    value, replaces = entry.number("value"), entry.number("replaces")
    reason, unit = entry.text("reason") or "", entry.text("unit") or ""
    return SiteThreshold(entry.name, value, replaces, reason, entry.members.get("date"), unit)


def _switch(entry: _Entry) -> SiteSwitch:
    value, replaces = entry.text("value"), entry.text("replaces")
    return SiteSwitch(entry.name, value, replaces, entry.text("reason") or "", entry.members.get("date"))


def _factor_faults(factors: Mapping[str, Decimal | None]) -> Iterator[str]:
    for name, factor in factors.items():
        place = place_of(("assay_factors", name))
        if name not in analytes():
            yield f"{place}: no such analyte; allowed: {', '.join(analytes())}; rename or remove it"
        if factor is not None and not _MIN_FACTOR <= factor <= _MAX_FACTOR:
            yield (
                f"{place}.value: found {factor}; allowed: {_MIN_FACTOR} to {_MAX_FACTOR}; "
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
    """Return the earliest allowed date and its reason; a site cannot differ from a sourced value before it existed."""
    limit = rules.thresholds.get(entry.name) if entry.table == "thresholds" else None
    replaced = limit.entry_on(today) if limit else None
    if limit is None or replaced is None or replaced.citation == "ours" or replaced.since > today:
        return _EARLIEST, "no choice is older"
    since = replaced.since
    for each in reversed([each for each in limit.history if each.since < since]):
        if each.value != replaced.value:
            break
        since = each.since  # an earlier source had the same value
    return max(_EARLIEST, since), "since then the national value stands"
