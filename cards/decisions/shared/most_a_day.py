"""The most a day of a gabapentinoid by kidney function, as the labels' tables set it (clinical amendments 2)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import Final, Literal

from cards.decisions.shared.kidney_bands import Band, KidneyBand
from cards.facts.drugs import Drug
from cards.knowledge.rules import Rules, Threshold

ENACARBIL = "gabapentin enacarbil"
#: With weak kidneys enacarbil is given every other day.
DAYS_APART = 2
_PERCENT = 100


class _Nothing(Enum):
    NOT_HERE = auto()


#: The drug is not for these kidneys at any dose.
NOT_HERE: Final = _Nothing.NOT_HERE

_MOST = {
    "gabapentin": {
        Band.FULL: "gaba.gabapentin",
        Band.MODERATE: "gaba.gabapentin_moderate",
        Band.SEVERE: "gaba.gabapentin_severe",
        Band.FAILURE: "gaba.gabapentin_failure",
        Band.DIALYSIS: "gaba.dialysis_gabapentin",
    },
    "pregabalin": {
        Band.FULL: "gaba.pregabalin",
        Band.MODERATE: "gaba.pregabalin_moderate",
        Band.SEVERE: "gaba.pregabalin_severe",
        Band.FAILURE: "gaba.pregabalin_failure",
        Band.DIALYSIS: "gaba.dialysis_pregabalin",
    },
    ENACARBIL: {
        Band.FULL: "gaba.enacarbil",
        Band.MODERATE: "gaba.enacarbil",
        Band.SEVERE: "gaba.enacarbil_severe",
        Band.FAILURE: "gaba.enacarbil_severe",
    },
}
_EXTENDED = {"gabapentin": "gaba.gabapentin_er_moderate", "pregabalin": "gaba.pregabalin_er_moderate"}
_AFTER_DIALYSIS = {"gabapentin": "gaba.after_dialysis_gabapentin", "pregabalin": "gaba.after_dialysis_pregabalin"}


def most_a_day(drug: Drug, at: KidneyBand, rules: Rules) -> Threshold | Literal[_Nothing.NOT_HERE] | None:
    """Return the most a day in a band, `NOT_HERE` where no dose fits, or None for a drug without a table."""
    name = next((each for each in sorted(_MOST) if each in drug.product.ingredient_names()), None)
    if name is None:
        return None
    if name in _EXTENDED and drug.product.extended_release and at.band is not Band.FULL:
        return rules.limit(_EXTENDED[name]) if at.band is Band.MODERATE else NOT_HERE
    if at.band is Band.DIALYSIS and name in _AFTER_DIALYSIS and drug.daily and drug.daily.after_dialysis:
        return rules.limit(_AFTER_DIALYSIS[name])
    if at.band not in _MOST[name]:
        return NOT_HERE
    if name == "gabapentin" and at.band is Band.FAILURE and at.number is not None:
        by_number = rules.limit("gaba.gabapentin_per_egfr")
        return replace(by_number, value=by_number.value * at.number)
    return rules.limit(_MOST[name][at.band])


def share_of(limit: Threshold, share: Threshold) -> Threshold:
    """Return the part of a limit that a share in per cent makes, on the side of the share."""
    return replace(share, value=limit.value * share.value / _PERCENT, unit=limit.unit)
