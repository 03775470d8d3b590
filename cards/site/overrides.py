"""What a site sets its own way: thresholds and switches in place of the national ones, each with its reason.

A site value must lie in the range its threshold allows and must name the national value it was made against; where
that one has changed since, nothing starts until somebody has looked again.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from cards.knowledge.rules import BadKnowledge, Rules, Switch, Threshold
from cards.labs.analytes import Conversion, analyte
from cards.quantity import plain
from cards.site.units import ALWAYS_IN_ONE_UNIT
from cards.values import frozen

#: A round number of another unit may overstep the range by this part: 2.0 mmol/L of magnesium is 4.86 mg/dL.
_ROUND_NUMBERS = Decimal("0.02")
_WHOLE_UNITS = ("d", "mo", "a")
_NAMED = re.compile(r"\{(?:limit|side)_(\w+)\}")

#: Limits that part one scale into bands: each must not lie above the next.
ASCENDING = (
    ("ferritin.low", "ferritin.mid", "ferritin.high", "ferritin.very_high"),
    ("severe_def", "absolute_def", "absolute_def_anaemia"),
    ("tsat.low", "tsat.high"),
    ("crp_hi", "crp_very_high"),
    ("b12.def", "b12.border", "b12.border_risk"),
    ("folate.def", "folate.border"),
    ("vitd.def", "vitd.insufficient", "vitd.high", "vitd.tox"),
    ("mg.low", "mg.high", "mg.severe"),
    ("ca_hi", "ca_severe"),
    ("plp.low", "plp.high"),
    ("b6.ul_neuropathy", "b6.ul"),
    ("b6.ul_1", "b6.ul_4", "b6.ul_9", "b6.ul_14"),
    ("fe.lowdose", "fe.freq", "fe.day"),
    ("vitc.esrd_info", "vitc.esrd"),
)


@frozen
class SiteThreshold:
    """One threshold of a site's file; `replaces` is the national value, in the national unit.

    `None` stands for a member that is missing or faulty in form: the others are checked all the same.
    """

    name: str
    value: Decimal | None
    replaces: Decimal | None
    reason: str
    since: date | None
    unit: str = ""


@frozen
class SiteSwitch:
    """One switch of a site's file; `replaces` is the national choice. `None` as for a threshold."""

    name: str
    value: str | None
    replaces: str | None
    reason: str
    since: date | None


def overridden(
    rules: Rules, thresholds: Iterable[SiteThreshold], switches: Iterable[SiteSwitch], *, where: str
) -> Rules:
    """Return the rules as they stand at this site. `where` names the file in what may be raised.

    Raises `BadKnowledge` with every fault of `override_faults`; `ValueError` where an entry is not complete.
    """
    limits, choices = tuple(thresholds), tuple(switches)
    faults = override_faults(rules, limits, choices, where=where)
    if faults:
        raise BadKnowledge(*faults)
    return _at_the_site(rules, limits, choices)


def override_faults(
    rules: Rules, thresholds: Iterable[SiteThreshold], switches: Iterable[SiteSwitch], *, where: str
) -> tuple[str, ...]:
    """Return every fault of what a file means: a name that is none, a value out of range, a national value that has
    changed, a unit that is not one of the analyte or not that of all its thresholds, bands out of order.
    """
    limits, choices = tuple(thresholds), tuple(switches)
    faults = {each.name: tuple(_faults_of_limit(rules, each)) for each in limits}
    mixed = tuple(_mixed_units(rules, [each for each in limits if each.name in rules.thresholds]))
    found = [
        *(fault for each in faults.values() for fault in each),
        *(fault for each in choices for fault in _faults_of_choice(rules, each)),
        *mixed,
    ]
    sound = [each for each in limits if not faults[each.name] and each.value is not None]
    unsure = {each.name for each in limits} - {each.name for each in sound}
    found += [] if mixed else out_of_order(_at_the_site(rules, sound, ()), leaving_out=unsure)
    return tuple(f"{where}: {fault}" for fault in found)


def _at_the_site(rules: Rules, limits: Iterable[SiteThreshold], choices: Iterable[SiteSwitch]) -> Rules:
    ours = {each.name: _in_place(rules.limit(each.name), each) for each in limits}
    chosen = {each.name: _chosen(rules.switches[each.name], each) for each in choices}
    return replace(rules, thresholds={**rules.thresholds, **ours}, switches={**rules.switches, **chosen})


def _in_place(limit: Threshold, site: SiteThreshold) -> Threshold:
    if site.value is None:
        raise ValueError(f"{site.name} has no value; its file is faulty in form and must not be used")
    return replace(
        limit,
        value=site.value,
        unit=_printed(limit, site),
        site_reason=site.reason,
        site_date=site.since,
        national=limit.value,
        national_unit=limit.unit,
    )


def _printed(limit: Threshold, site: SiteThreshold) -> str:
    conversion = _conversion(limit, site)
    return limit.unit if conversion is None else conversion.printed


def _chosen(switch: Switch, site: SiteSwitch) -> Switch:
    if site.value is None:
        raise ValueError(f"{site.name} has no value; its file is faulty in form and must not be used")
    return replace(switch, value=site.value, site_reason=site.reason, site_date=site.since)


def _faults_of_limit(rules: Rules, site: SiteThreshold) -> Iterator[str]:
    place = f'thresholds."{site.name}"'
    if site.name in rules.thresholds:
        yield from (f"{place}{fault}" for fault in _threshold_faults(rules.limit(site.name), site))
    else:
        yield _no_such(place, site.name, rules.thresholds)


def _faults_of_choice(rules: Rules, site: SiteSwitch) -> Iterator[str]:
    place = f'switches."{site.name}"'
    if site.name in rules.switches:
        yield from (f"{place}{fault}" for fault in _switch_faults(rules.switches[site.name], site))
    else:
        yield _no_such(place, site.name, rules.switches)


def _no_such(place: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"{place}: no such name; {f'did you mean {near[0]}?' if near else 'rls-cds rules lists all of them'}"


def _threshold_faults(limit: Threshold, site: SiteThreshold) -> Iterator[str]:
    if site.replaces is not None and site.replaces != limit.value:
        yield (
            f".replaces: made against {plain(site.replaces)}, but the national value is now {plain(limit.value)} "
            f"{limit.unit}; look again whether your value is still meant, then write "
            f'replaces = "{plain(limit.value)}"'
        )
    if site.unit and site.unit != limit.unit and _conversion(limit, site) is None:
        yield f".unit: found {site.unit!r}; allowed: {_units_of(limit)}; leave it out for {limit.unit}"
    elif site.value is not None:
        yield from _value_faults(limit, site.value, site)


def _value_faults(limit: Threshold, value: Decimal, site: SiteThreshold) -> Iterator[str]:
    if limit.unit in _WHOLE_UNITS and value != value.to_integral_value():
        yield f".value: found {plain(value)}; allowed: a whole number; days, months and years are not divided"
    conversion = _conversion(limit, site)
    canonical, slack = (conversion.apply(value), _ROUND_NUMBERS) if conversion else (value, Decimal(0))
    low, high = limit.range
    if not low * (1 - slack) <= canonical <= high * (1 + slack):
        yield (
            f".value: found {plain(value)} {site.unit or limit.unit}; allowed: {plain(low)} to {plain(high)} "
            f"{limit.unit}; choose a value in this range"
        )


def _conversion(limit: Threshold, site: SiteThreshold) -> Conversion | None:
    """The other unit of a site's value; `None` where it has none or one that cannot be."""
    if not site.unit or site.unit == limit.unit or not limit.analyte or limit.analyte in ALWAYS_IN_ONE_UNIT:
        return None
    return analyte(limit.analyte).conversion(site.unit)


def _units_of(limit: Threshold) -> str:
    if not limit.analyte or limit.analyte in ALWAYS_IN_ONE_UNIT:
        return limit.unit
    return ", ".join(sorted({each.printed for each in analyte(limit.analyte).units.values()}))


def _switch_faults(switch: Switch, site: SiteSwitch) -> Iterator[str]:
    if site.value is not None and site.value not in switch.choices:
        yield f".value: found {site.value!r}; allowed: {', '.join(switch.choices)}; choose one of them"
    if site.replaces is not None and site.replaces != switch.default:
        yield (
            f".replaces: made against {site.replaces!r}, but the national choice is now {switch.default!r}; "
            f'look again whether your choice is still meant, then write replaces = "{switch.default}"'
        )


def _mixed_units(rules: Rules, limits: Iterable[SiteThreshold]) -> Iterator[str]:
    """One analyte is compared in one unit: whoever sets one limit in another unit sets all of them in it."""
    given = {each.name: _printed(rules.limit(each.name), each) for each in limits}
    for name in sorted({rules.limit(name).analyte for name in given} - {""}):
        of_analyte = [limit for limit in rules.thresholds.values() if limit.analyte == name]
        units = {given.get(limit.name, limit.unit) for limit in of_analyte}
        if len(units) > 1:
            other = sorted(units - {limit.unit for limit in of_analyte})[0]
            left = [limit.name for limit in of_analyte if given.get(limit.name, limit.unit) != other]
            yield (
                f"{name}: thresholds in {' and in '.join(sorted(units))}; allowed: one unit for an analyte; "
                f"give {', '.join(left)} in {other} too"
            )


def out_of_order(rules: Rules, *, leaving_out: Iterable[str] = ()) -> Iterator[str]:
    """Yield every pair of limits of one scale that leaves a band upside down, but for pairs with a limit to leave
    out.
    """
    unsure = frozenset(leaving_out)
    for chain in ASCENDING:
        limits = [rules.thresholds[name] for name in chain if name in rules.thresholds and name not in unsure]
        for lower, upper in pairwise(limits):
            if lower.unit == upper.unit and lower.value > upper.value:
                yield (
                    f"{lower.name} ({plain(lower.value)}) lies above {upper.name} ({plain(upper.value)}) {upper.unit}; "
                    "set them in this order"
                )


def site_values(templates: Iterable[str], rules: Rules) -> tuple[Threshold, ...]:
    """Return the thresholds that these texts name (`{limit_...}`, `{side_...}`) and that the site has set."""
    named = set(_NAMED.findall(" ".join(templates)))
    own = (limit for limit in rules.thresholds.values() if limit.national is not None)
    return tuple(limit for limit in own if limit.name.replace(".", "_") in named)


def own_choices(rules: Rules) -> Mapping[str, Switch]:
    """Return the switches that the site has set."""
    return {name: switch for name, switch in rules.switches.items() if switch.site_date is not None}
