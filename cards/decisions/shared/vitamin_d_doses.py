"""The dose of vitamin D as a nurse writes it: 50,000 IU once a week, never 7,143 IU a day."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from cards.facts.drugs import Drug
from cards.facts.finding import Text
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.wording.phrases import phrase, printed

_DAYS_OF_A_WEEK = 7


class _Units(NamedTuple):
    """International units of the day on which it is taken, and of a mean day."""

    fullest: Decimal
    mean: Decimal


def render_vitamin_d_dose(drug: Drug) -> Text | None:
    """Return the dose of the day on which it is taken with how often that is, or None where it was not read in IU."""
    units = _units(drug)
    if units is None:
        return None
    days_apart = (units.fullest / units.mean).quantize(Decimal(1), ROUND_HALF_UP)
    often = "a_day" if units.fullest == units.mean else "a_week" if days_apart == _DAYS_OF_A_WEEK else "on_some_days"
    return phrase(f"vitamin_d.{often}", units=units.fullest)


def render_vitamin_d(drug: Drug) -> Text:
    """Return the product and its dose, where that was read."""
    dose = render_vitamin_d_dose(drug)
    return phrase("vitamin_d.with_dose", drug=drug, dose=dose) if dose else printed(drug)


def is_a_weeks_dose_every_day(drug: Drug, rules: Rules) -> bool:
    """Return whether every day brings what is usually given once a week."""
    units = _units(drug)
    return units is not None and units.fullest == units.mean and meets(units.mean, rules.limit("vitd.weekly"))


def _units(drug: Drug) -> _Units | None:
    """Return what was read of all vitamin D of a product; a fullest day that is not told is as a mean one."""
    if drug.daily is None:
        return None
    mean = _sum(drug.daily.international_units.values())
    fullest = _sum(drug.daily.fullest_units.values())
    return _Units(fullest or mean, mean) if mean else None


def _sum(read: Iterable[Decimal | None]) -> Decimal:
    return sum((each for each in read if each is not None), Decimal(0))
