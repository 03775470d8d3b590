"""What a list of orders says together: how long a drug is taken, when iron was infused (clinical rationale 4.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from cards.dates import PartialDate
from cards.facts.chart import Drug
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets


def with_history(drugs: Iterable[Drug]) -> tuple[Drug, ...]:
    """Return the drugs with an active one starting where the first order of its unbroken row started.

    Where infusions were recorded as given, the order for them is no infusion of its own. A dispense is no drug beside
    the order that it fills, nor beside the dispense after it.
    """
    rows: dict[frozenset[str], list[Drug]] = {}
    listed = [(drug, rows.setdefault(_treatment(drug), [])) for drug in drugs]
    for drug, row in listed:
        row.append(drug)
    for row in rows.values():
        row.sort(key=lambda drug: _first_day(drug.start), reverse=True)
    return tuple([_in_its_row(drug, row) for drug, row in listed])


def _treatment(drug: Drug) -> frozenset[str]:
    return frozenset([name.removeprefix("dried ") for name in drug.product.ingredient_names()])


def _in_its_row(drug: Drug, row: list[Drug]) -> Drug:
    told_once = _without_dispense(drug, row)
    dated = replace(told_once, start=_start(told_once, row)) if told_once.active else told_once
    return _without_order_date(dated, row)


def _without_dispense(drug: Drug, row: list[Drug]) -> Drug:
    """A dispense of what an active order or statement, or a later dispense, tells already is not active."""
    if not (drug.dispensed and drug.active):
        return drug
    active = [other for other in row if other.active]  # the latest first
    is_told = any(not other.dispensed for other in active) or _first_day(active[0].start) != _first_day(drug.start)
    return replace(drug, active=False) if is_told else drug


def _first_day(moment: PartialDate | None) -> date:
    return moment.first if moment else date.max


def _start(drug: Drug, row: list[Drug]) -> PartialDate | None:
    """The earliest start over orders that are active, or ended at most 30 days before the next began."""
    begin = drug.start
    for other in row:  # the latest first
        if other.start is None or (begin and other.start.first >= begin.first):
            continue
        if other.active or _goes_on(other, begin):
            begin = other.start
    return begin


def _goes_on(earlier: Drug, begin: PartialDate | None) -> bool:
    """What began at `begin` is the same treatment: not longer after the end of `earlier` than the gap allows."""
    if earlier.end is None or begin is None:
        return False
    return meets((begin.first - earlier.end.last).days, defined("drug.gap_days"))


def _without_order_date(drug: Drug, row: list[Drug]) -> Drug:
    """The order of an infusion that was given on or after its date: the administration tells, the order does not."""
    ordered = drug.given_on
    if ordered is None or drug.reference.startswith("MedicationAdministration/"):
        return drug
    given = (other.given_on for other in row if other.reference.startswith("MedicationAdministration/"))
    return replace(drug, given_on=None) if any(day and day.last >= ordered.first for day in given) else drug
