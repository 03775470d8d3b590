"""Results that a laboratory reports in parts: total 25-hydroxyvitamin D, and calcium corrected for albumin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from cards.facts.results import LabResult
from cards.knowledge.definitions import amount
from cards.labs.analytes import analyte
from cards.labs.saturation import ByDay, exact, partner
from cards.quantity import UPPER_BOUNDS, Quantity

_STATUS = ("final", "amended", "corrected")


def with_sums(labs: Sequence[LabResult]) -> tuple[LabResult, ...]:
    """Return the results with `vitd` completed from its parts and `calcium` as it is to be compared.

    The parts stay in the list under their own names (vitd2, vitd3, albumin); a total calcium that was corrected is
    replaced, and stays in `parts`.
    """
    by_name: dict[str, list[LabResult]] = {}
    for result in labs:
        by_name.setdefault(result.analyte, []).append(result)
    kept = [result for result in labs if result.analyte != "calcium"]
    return (*kept, *_vitamin_d(by_name), *_calcium(by_name))


def _vitamin_d(by_name: dict[str, list[LabResult]]) -> list[LabResult]:
    """Return D3 with the D2 of the same specimen, or D3 alone where no total was reported that day.

    D2 alone is never a total.
    """
    totals, d2 = ByDay(by_name.get("vitd", [])), ByDay(by_name.get("vitd2", []))
    found = []
    for d3 in by_name.get("vitd3", []):
        if not partner(d3, totals):
            other = partner(d3, d2)
            is_one = other is not None and other.when.same_time_as(d3.when)
            found.append(_sum(d3, other) if other and is_one else replace(d3, analyte="vitd", parts=(d3,)))
    return found


def _sum(d3: LabResult, d2: LabResult) -> LabResult:
    """Add D3 and D2 as laboratories do: a part below its detection limit adds nothing beside a measured one."""
    measured = [part for part in (d3, d2) if part.quantity.comparator not in UPPER_BOUNDS] or [d3, d2]
    comparator = next((sign for part in measured if (sign := part.quantity.comparator)), "")
    total = Quantity(sum((exact(part) for part in measured), Decimal(0)), d3.quantity.unit, comparator)
    return LabResult(
        analyte="vitd",
        quantity=analyte("vitd").shown(total, converted=True),
        exact=total.value,
        when=d3.when,
        status=_lower_status(d3, d2),
        how="calculated",
        parts=(d3, d2),
        reference=d3.reference,
        issued=d3.issued,
    )


def _calcium(by_name: dict[str, list[LabResult]]) -> list[LabResult]:
    """Return one calcium per measurement: corrected as reported, else corrected here, else the total."""
    corrected, albumins = by_name.get("calcium-corrected", []), ByDay(by_name.get("albumin", []))
    found = [replace(each, analyte="calcium") for each in corrected]
    of_corrected = ByDay(corrected)
    for total in by_name.get("calcium", []):
        if not partner(total, of_corrected):
            albumin = partner(total, albumins)
            found.append(_corrected(total, albumin) if albumin and not albumin.quantity.is_censored else total)
    return found


def _corrected(total: LabResult, albumin: LabResult) -> LabResult:
    missing = amount("calcium.usual_albumin") - exact(albumin)
    value = exact(total) + amount("calcium.per_albumin") * missing
    quantity = Quantity(value, total.quantity.unit, total.quantity.comparator)
    return LabResult(
        analyte="calcium",
        quantity=analyte("calcium").shown(quantity, converted=True),
        exact=quantity.value,
        when=total.when,
        status=_lower_status(total, albumin),
        how="calculated",
        parts=(total, albumin),
        reference=total.reference,
        issued=total.issued,
    )


def _lower_status(one: LabResult, other: LabResult) -> str:
    return min(one.status, other.status, key=_STATUS.index)
