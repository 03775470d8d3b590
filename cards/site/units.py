"""A site that sets its limits in SI units sees and compares results in SI units (clinical rationale 5.1).

A result is turned into the site's unit from the number as it was reported and rounded once: a reported number in that
unit is taken as it is, and no converted number is ever compared with a limit that was rounded again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from cards.facts.chart import Chart
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.rules import Rules
from cards.labs.analytes import Analyte, Conversion, analyte, spelling_key
from cards.labs.saturation import exact
from cards.quantity import Quantity

#: Saturation is calculated while a decision is made; it has one unit only.
ALWAYS_IN_ONE_UNIT = frozenset({"tsat", "iron", "tibc", "uibc", "transferrin"})


def site_units(rules: Rules) -> Mapping[str, Conversion]:
    """Return the analytes whose limits a site has set in another unit, with that unit."""
    own = (limit for limit in rules.thresholds.values() if limit.national is not None and limit.analyte)
    others = (limit for limit in own if limit.unit != analyte(limit.analyte).unit)
    return {limit.analyte: analyte(limit.analyte).units[spelling_key(limit.unit)] for limit in others}


def in_site_units(chart: Chart, rules: Rules) -> Chart:
    """Return the chart with the results of these analytes in the site's units; the same chart where there are none."""
    units = rules.once(site_units)
    if not units:
        return chart
    return replace(
        chart,
        labs=tuple(_result(each, units) for each in chart.labs),
        unusable=tuple(_unusable(each, units) for each in chart.unusable),
    )


def _result(result: LabResult, units: Mapping[str, Conversion]) -> LabResult:
    unit = units.get(result.analyte)
    if unit is None:
        return result
    known = analyte(result.analyte)
    quantity = _shown(_unrounded(result, unit, known), unit, known)
    raw = replace(result.raw, value=_per(result.raw.value, unit), unit=unit.printed) if result.raw else None
    how, reported = _origin(result, unit)
    return replace(result, quantity=quantity, raw=raw and _shown(raw, unit, known), how=how, reported=reported)


def _unrounded(result: LabResult, unit: Conversion, known: Analyte) -> Quantity:
    """In the site's unit, before rounding. A number that was reported in that unit is not converted at all."""
    reported = result.reported
    if reported is not None and result.raw is None and known.conversion(reported.unit) == unit:
        return replace(reported, unit=unit.printed)
    return Quantity(_per(_canonical(result), unit), unit.printed, result.quantity.comparator)


def _canonical(result: LabResult) -> Decimal:
    return exact(result) if result.exact is None else result.exact


def _per(canonical: Decimal, unit: Conversion) -> Decimal:
    return canonical * unit.per / unit.times


def _origin(result: LabResult, unit: Conversion) -> tuple[str, Quantity | None]:
    """How it came to this unit: reported in it, or converted from what was reported."""
    if result.reported is not None and analyte(result.analyte).conversion(result.reported.unit) == unit:
        return "reported", None
    if result.reported is None and result.how == "reported" and unit.times != unit.per:
        return "converted", replace(result.quantity, value=_canonical(result))
    return result.how, result.reported


def _unusable(result: UnusableResult, units: Mapping[str, Conversion]) -> UnusableResult:
    unit = units.get(result.analyte)
    if unit is None:
        return result
    possible = tuple(_in_unit(each, unit) for each in result.possible)
    shown = _shown(_in_unit(result.quantity, unit), unit, analyte(result.analyte)) if result.quantity else None
    return replace(result, quantity=shown, possible=possible)


def _in_unit(quantity: Quantity, unit: Conversion) -> Quantity:
    return Quantity(_per(quantity.value, unit), unit.printed, quantity.comparator)


def _shown(quantity: Quantity, unit: Conversion, known: Analyte) -> Quantity:
    return quantity.rounded(decimals_in(unit, known))


def decimals_in(unit: Conversion, known: Analyte) -> int:
    """Return the decimals of a result in this unit: those of the canonical one, moved by the whole powers of ten
    between.
    """
    if known.decimals is None:
        return 3
    return max(0, known.decimals + int(math.log10(unit.times / unit.per)))
