"""Charts in which what is known and what is ordered are at odds: where cards are tempted to contradict each other.

By chance these facts hardly ever meet. Each scene still draws its numbers around the limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

from hypothesis import strategies as st

from tests.properties.charts import INFUSED, VALUES, drawn
from tests.properties.patients import Generated, Lab, conversions

_ORAL = ["ferrous-sulfate-325-once-daily", "ferrous-sulfate-325-three-times-daily"]
_SHARE = 0.2


def _lab(dice: Random, name: str, value: Decimal, days: int) -> Lab:
    return Lab(name, value, days, dice.choice(conversions(name)))


def _between(name: str, low: str, high: str) -> list[Decimal]:
    return [value for value in VALUES[name] if Decimal(low) <= value <= Decimal(high)]


def _studies(dice: Random, ferritin: tuple[str, str], tsat: tuple[str, str] = ("5", "44.9")) -> list[Lab]:
    return [
        _lab(dice, "ferritin", dice.choice(_between("ferritin", *ferritin)), 10),
        _lab(dice, "tsat", dice.choice(_between("tsat", *tsat)), 10),
    ]


def _adult(
    dice: Random, diagnoses: list[str], labs: list[Lab], drafts: list[str], drugs: list[tuple[str, int]] | None = None
) -> Generated:
    own = tuple((name, "confirmed") for name in ("rls", *diagnoses))
    ordered = tuple((name, "") for name in drafts)
    sex, age = dice.choice(["female", "male"]), dice.choice([31, 60, 77])
    return Generated("order-sign", sex, age, own, tuple(labs), tuple(drugs or ()), drafts=ordered)


def _rising(dice: Random) -> Generated:
    """Oral iron for months, with a ferritin from before it and one now between the limits."""
    begun = dice.choice([100, 150])
    labs = _studies(dice, ("74", "101"))
    before = labs[0].value - dice.choice([Decimal(14), Decimal(15), Decimal(40)])
    drug = dice.choice(_ORAL)
    return _adult(dice, [], [*labs, _lab(dice, "ferritin", before, begun + 5)], [drug], [(drug, begun)])


def _heart(dice: Random) -> Generated:
    labs = _studies(dice, ("99", "301"), ("5", "20"))
    return _adult(dice, [dice.choice(["heart failure", "kidney disease"])], labs, [dice.choice([*INFUSED, *_ORAL])])


_VITAMIN_C = ["vitamin-c-200-once-daily", "vitamin-c-500-once-daily"]


def _oxalate(dice: Random) -> Generated:
    kidneys = [_lab(dice, "egfr", dice.choice(VALUES["egfr"]), 10)] if dice.random() < 0.5 else []
    return _adult(dice, ["oxalosis"], [*_studies(dice, ("15", "76")), *kidneys], [dice.choice(_VITAMIN_C), _ORAL[0]])


def _oxalate_in_dialysis(dice: Random) -> Generated:
    own = ["kidney failure", "haemodialysis", dice.choice(["oxalosis", "bariatric", "coeliac"])]
    return _adult(dice, own, _studies(dice, ("100", "501")), [dice.choice(_VITAMIN_C)])


def _magnesium(dice: Random) -> Generated:
    labs = [
        _lab(dice, "magnesium", dice.choice(_between("magnesium", "1", "1.8")), 10),
        _lab(dice, "egfr", dice.choice(VALUES["egfr"]), 10),
    ]
    return _adult(dice, [], labs, ["magnesium-oxide-400-once-daily"])


def _calcium(dice: Random) -> Generated:
    labs = [
        _lab(dice, "vitd", dice.choice(_between("vitd", "5", "21")), 10),
        _lab(dice, "calcium", dice.choice(VALUES["calcium"]), dice.choice([10, 80, 120, 180, 200])),
    ]
    return _adult(dice, [], labs, ["vitamin-d-1000-once-daily"])


def _gabapentin(dice: Random) -> Generated:
    kidneys: tuple[list[str], list[Lab]] = (["kidney failure", "haemodialysis"], [])
    if dice.random() < 0.5:
        kidneys = ([], [_lab(dice, "egfr", dice.choice(VALUES["egfr"]), 10)])
    drug = dice.choice(["gabapentin-300-at-bedtime", "gabapentin-300-three-times-daily", "pregabalin-75-at-bedtime"])
    return _adult(dice, kidneys[0], kidneys[1], [drug])


def _carboxymaltose(dice: Random) -> Generated:
    """An infusion of ferric carboxymaltose with a phosphate that is low, missing or enough."""
    phosphate = [_lab(dice, "phosphate", dice.choice(VALUES["phosphate"]), 10)] if dice.random() < 0.6 else []
    labs = [*_studies(dice, ("15", "101")), *phosphate]
    patient = _adult(dice, dice.choice([[], ["bariatric"], ["parathyroid"]]), labs, [INFUSED[0]])
    given = ((INFUSED[0], dice.choice([14, 15, 60])),) if dice.random() < 0.3 else ()
    return replace(patient, infusions=given)


SCENES: tuple[Callable[[Random], Generated], ...] = (
    _rising, _heart, _oxalate, _oxalate_in_dialysis, _magnesium, _calcium, _gabapentin, _carboxymaltose,
)  # fmt: skip


def drawn_at_odds(dice: Random) -> Generated:
    """A chart as any other, or now and then one of the scenes."""
    return dice.choice(SCENES)(dice) if dice.random() < _SHARE else drawn(dice)


def generated_at_odds() -> st.SearchStrategy[Generated]:
    return st.randoms(use_true_random=True).map(drawn_at_odds)
