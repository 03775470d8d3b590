"""Bands of kidney function by which labels set the most a day (clinical amendments 2)."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

from cards.decisions.shared.kidney import Kidney
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.quantity import LOWER_BOUNDS, UPPER_BOUNDS, Quantity
from cards.values import frozen


class Band(IntEnum):
    """The bands, the better kidneys first: from 60, from 30, above 15, the rest, dialysis or end-stage disease."""

    FULL = 0
    MODERATE = 1
    SEVERE = 2
    FAILURE = 3
    DIALYSIS = 4


@frozen
class KidneyBand:
    """The band of the lowest that is known of the kidneys.

    number         the kidney function in mL/min, or None where only a stage or a limit of it is known
    may_be_lower   only an upper limit is known, such as `<60` or stage 3: a dose that fits here may still be too much
    may_be_higher  only a lower limit is known, such as `>45`: a dose above this band may still fit
    """

    band: Band
    number: Decimal | None = None
    may_be_lower: bool = False
    may_be_higher: bool = False

    @property
    def _order(self) -> tuple[int, bool, Decimal]:
        return (-self.band, self.may_be_lower or self.may_be_higher, self.number or Decimal(0))


def kidney_band(kidney: Kidney, clearance: Decimal | None, rules: Rules) -> KidneyBand | None:
    """Return the lowest band of dialysis, eGFR, stage and creatinine clearance, or None where none is known."""
    if kidney.dialysis:
        return KidneyBand(Band.DIALYSIS)
    unit = rules.limit("gaba.egfr").unit
    known = [each for each in (kidney.egfr.quantity if kidney.egfr else None, kidney.below) if each]
    known += [Quantity(clearance, unit)] if clearance is not None else []
    return min((_band_of(each, rules) for each in known), key=lambda each: each._order, default=None)


def _band_of(value: Quantity, rules: Rules) -> KidneyBand:
    censored = value.comparator
    compared = Quantity(value.value, value.unit, "" if censored in LOWER_BOUNDS else censored)
    limits = (("gaba.egfr_failure", Band.FAILURE), ("gaba.egfr_severe", Band.SEVERE), ("gaba.egfr", Band.MODERATE))
    band = next((band for name, band in limits if meets(compared, rules.limit(name))), Band.FULL)
    lowest = band is Band.FAILURE
    return KidneyBand(
        band,
        None if censored else value.value,
        may_be_lower=censored in UPPER_BOUNDS and not lowest,
        may_be_higher=censored in LOWER_BOUNDS and band is not Band.FULL,
    )
