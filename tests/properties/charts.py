"""Charts as a clinic sees them: restless legs, iron studies around the limits, drugs by class, drafts, switches.

The numbers are drawn under, on and over the limits of the rules, read from the rules themselves; so are the days.
Every list is filled often enough that over a run each card of the service fires (test_properties demands it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from tests.properties.answers import RULES
from tests.properties.patients import (
    ALLERGIES,
    PATIENT,
    PROCEDURES,
    TODAY,
    Generated,
    Lab,
    conversions,
)

__all__ = ["PATIENT", "Generated", "generated"]

_Chosen = TypeVar("_Chosen")
_LIMITS = RULES.on(TODAY).thresholds

# ------------------------------------------------------------------ numbers around the limits

#: Far from every limit of an analyte, so that not all of medicine happens at an edge.
_PLAIN = {
    "ferritin": "8 22 38 60 88 140 250 420 1500", "tsat": "8 12 14 16 23 26 28 32 55", "b12": "150 240 320 500",
    "mma": "0.2 0.6 1", "folate": "2 3.4 8", "vitd": "12 25 45 120 180", "magnesium": "1.4 2 3 5.5",
    "crp": "1 12 35", "haemoglobin": "8.5 14 18", "mcv": "88 106", "egfr": "22 45 85", "calcium": "9.2 11 12.8",
    "phosphate": "1.8 3.4", "plp": "12 60 320",
}  # fmt: skip


def _around(name: str) -> list[Decimal]:
    """Under, on and over each limit of an analyte, by one step of the rule; then values far from all of them."""
    limits = [limit for limit in _LIMITS.values() if limit.analyte == name]
    near = {limit.value + side * limit.step for limit in limits for side in (-1, 0, 1)}
    return sorted(near | {Decimal(value) for value in _PLAIN[name].split()})


VALUES = {name: _around(name) for name in _PLAIN}
_DAY_LIMITS = sorted({limit.days for limit in _LIMITS.values() if limit.unit == "d"})
DAYS = sorted({0, 1, 5, *(days + side for days in _DAY_LIMITS for side in (-1, 0, 1))})
#: A result is mostly recent: else nearly every chart would ask for a test and nothing else.
RECENT = [days for days in DAYS if days <= 91]
AGES = sorted({31, 67, 90, *(int(limit.value) + side for limit in _LIMITS.values() if limit.unit == "a"
                             for side in (-1, 0, 1))})  # fmt: skip


def _often(dice: Random, usual: _Chosen, *seldom: _Chosen, times: int = 5) -> _Chosen:
    return dice.choice([usual] * times + list(seldom))


def _some(dice: Random, found: Sequence[_Chosen], most: int) -> list[_Chosen]:
    return dice.sample(found, dice.randint(0, most))


_ODD = [("corrected", ""), ("preliminary", ""), ("entered-in-error", ""), ("final", "<"), ("final", ">")]


def _lab(dice: Random, name: str, value: Decimal, days: int, *, sound: bool = False) -> Lab:
    """The result in any of its units; where not `sound`, now and then preliminary, withdrawn or censored."""
    unit = dice.choice(conversions(name))
    status, comparator = ("final", "") if sound else _often(dice, ("final", ""), *_ODD, times=60)
    return Lab(name, value, days, unit, status, comparator)


def _of(dice: Random, name: str, days: list[int] = RECENT) -> Lab:
    return _lab(dice, name, dice.choice(VALUES[name]), dice.choice(days))


# ------------------------------------------------------------------ the iron studies of one day

#: What binds iron, with a plain value, and the iron (µg/dL) that makes 1 % of saturation with it.
_BINDERS = {"tibc": (Decimal(300), Decimal(3)), "transferrin": (Decimal("212.7"), Decimal(3))}


def _iron_studies(dice: Random, days: int, ferritins: list[Decimal]) -> list[Lab]:
    """Ferritin with its saturation: reported, calculated, a little older, or missing; now and then no ferritin."""
    manner = dice.choice(["pair", "pair", "pair", "pair", "tibc", "transferrin", "uibc", "ferritin", "tsat"])
    found = [] if manner == "tsat" else [_lab(dice, "ferritin", dice.choice(ferritins), days)]
    if manner == "ferritin":
        return found
    saturation = dice.choice(VALUES["tsat"])
    if manner in ("pair", "tsat"):
        older = _often(dice, 0, *(_LIMITS["pair_days"].days + side for side in (-1, 0, 1)), times=9)
        return [*found, _lab(dice, "tsat", saturation, days + older)]
    if manner == "uibc":
        iron = saturation * 3
        binder = _lab(dice, "uibc", Decimal(300) - iron, days, sound=True)
    else:
        value, per_point = _BINDERS[manner]
        iron, binder = saturation * per_point, _lab(dice, manner, value, days, sound=True)
    return [*found, _lab(dice, "iron", iron, days, sound=True), binder]


#: Where the ferritin of each kind of patient is worth drawing from.
_FERRITINS = {
    "child": [value for value in VALUES["ferritin"] if value <= 310],
    "any": VALUES["ferritin"],
    "low": [value for value in VALUES["ferritin"] if value <= 76],
    "middle": [value for value in VALUES["ferritin"] if 74 <= value <= 101],
    "upper": [value for value in VALUES["ferritin"] if 99 <= value <= 301],
    "high": [value for value in VALUES["ferritin"] if value >= 299],
}


_BANDS = ["middle", "middle", "middle", "upper", "upper", "low", "low", "high", "any"]


def _labs(dice: Random, kind: str, on_iron: bool) -> list[Lab]:
    days = dice.choice(_often(dice, RECENT, DAYS, times=9))
    band = "child" if kind == "child" else dice.choice(_BANDS)
    labs = [] if _often(dice, False, True, times=7) else _iron_studies(dice, days, _FERRITINS[band])
    if _often(dice, False, True, times=4):  # an earlier or contradicting set
        earlier = dice.choice([0, 0, 30, 200] if not on_iron else [0, 40, 100])
        labs += _iron_studies(dice, days + earlier, _FERRITINS[band])
    if dice.random() < 0.5:
        labs.append(_lab(dice, "crp", dice.choice(VALUES["crp"]), days))
    if dice.random() < 0.5:
        labs.append(_of(dice, "haemoglobin"))
    labs += [_of(dice, name) for name in _some(dice, ["egfr", "calcium", "phosphate", "magnesium", "mcv"], 2)]
    labs += [_of(dice, name) for name in _some(dice, ["b12", "mma", "folate", "vitd", "plp"], 2)]
    return labs


def _poisoned(dice: Random) -> list[Lab]:
    """Vitamin D and calcium together at the top, which never meet by chance."""
    high = [value for value in VALUES["vitd"] if value >= 99]
    calcium = [value for value in VALUES["calcium"] if value >= Decimal("10.4")]
    days = dice.choice([0, 5, 29])
    return [
        _lab(dice, "vitd", dice.choice(high), days),
        _lab(dice, "calcium", dice.choice(calcium), days),
    ]


# ------------------------------------------------------------------ who the patient is

_KINDS = ["adult"] * 11 + ["child"] * 3 + ["dialysis"] * 3 + ["pregnant"] * 2 + ["overload", "polycythaemia"]
_USUAL_SIDE_DIAGNOSES = [
    "heart failure", "kidney disease", "kidney disease 5", "neuropathy", "coeliac", "bariatric", "parathyroid", "copd",
    "sleep apnoea", "menorrhagia", "sepsis", "sepsis",
    "parkinson", "transplant", "oxalosis", "iron deficiency anaemia", "plmd",
    "porphyria",
]  # fmt: skip
_OF_KIND: dict[str, list[list[str]]] = {
    "adult": [[]],
    "child": [[]],
    "pregnant": [["pregnant"]],
    "dialysis": [
        ["kidney failure"],
        ["kidney failure", "haemodialysis"],
        ["dialysis"],
        ["kidney disease 5", "dialysis"],
    ],
    "overload": [["haemochromatosis"], ["porphyria"]],
    "polycythaemia": [["polycythaemia"]],
}


def _diagnoses(dice: Random, kind: str) -> list[tuple[str, str]]:
    surely = _often(dice, "confirmed", "provisional", "refuted", times=14)
    rls = [("rls", surely)] if _often(dice, True, False, times=19) else []
    own = [(name, "confirmed") for name in dice.choice(_OF_KIND[kind])]
    beside = _some(dice, _USUAL_SIDE_DIAGNOSES, 2) if dice.random() < 0.5 else []
    doubted = {name: _often(dice, "confirmed", "provisional", "refuted", times=6) for name in beside}
    return [*rls, *own, *(entry for entry in doubted.items() if (entry[0], "confirmed") not in own)]


def _age(dice: Random, kind: str) -> int:
    if kind == "child":
        return dice.choice([age for age in AGES if age < 18] + [1, 5, 9, 14])
    if kind == "pregnant":
        return dice.choice([19, 31, 42])
    return dice.choice([age for age in AGES if age >= 18])


def _measures(dice: Random, kind: str) -> list[Lab]:
    if kind == "child" and _often(dice, True, False, times=2):
        return [_lab(dice, "body-weight", Decimal(dice.choice(["10.8", "22", "33.5"])), 20, sound=True)]
    if kind == "pregnant" and _often(dice, True, False, times=2):
        weeks = dice.choice([9, 13, 14, 20, 28, 36])
        return [_lab(dice, "gestational-age", Decimal(weeks), 0, sound=True)]
    return []


# ------------------------------------------------------------------ drugs, infusions and orders

INFUSED = ["ferric-carboxymaltose-750", "ferric-derisomaltose-1000", "ferumoxytol-510", "iron-dextran-1000",
           "iron-sucrose-200", "sodium-ferric-gluconate-125"]  # fmt: skip
ORAL_IRON = ["ferrous-sulfate-325-once-daily", "ferrous-sulfate-325-three-times-daily", "iron-carbonyl-18-once-daily",
             "ferrous-sulfate-250-four-tablets-daily", "prenatal-vitamin-27-iron", "ferric citrate",
             "ferrous-sulfate-325-alternate-days"]  # fmt: skip
AGGRAVATING = ["metoclopramide-10-before-meals", "diphenhydramine-25-at-bedtime", "hydroxyzine-25-at-bedtime",
               "prochlorperazine-10-twice-daily", "quetiapine-25-at-bedtime", "mirtazapine-15-at-bedtime",
               "sertraline-50-once-daily", "diphenhydramine-25-once"]  # fmt: skip
DOPAMINERGIC = ["pramipexole-0.125-at-bedtime", "pramipexole-1-at-bedtime", "ropinirole-0.25-at-bedtime",
                "carbidopa-levodopa-25-100-three-times-daily", "cabergoline"]  # fmt: skip
BREATHING = ["gabapentin-300-at-bedtime", "gabapentin-300-three-times-daily", "pregabalin-75-at-bedtime", "oxycodone"]
VITAMINS = ["folic-acid-1-mg-once-daily", "folic-acid-400-micrograms-once-daily", "cyanocobalamin-1-mg-once-daily",
            "pyridoxine-50-once-daily", "pyridoxine-100-once-daily", "pyridoxine-200-once-daily",
            "vitamin-c-200-once-daily", "vitamin-c-500-once-daily", "vitamin-c-1000-once-daily",
            "vitamin-d-1000-once-daily", "vitamin-d-50000-weekly", "magnesium-oxide-400-once-daily",
            "magnesium-citrate-bowel-preparation", "multivitamin-with-iron-18-once-daily"]  # fmt: skip
BINDING = ["levothyroxine-100-once-daily", "ciprofloxacin-500-twice-daily", "doxycycline",
           "omeprazole-20-once-daily", "famotidine"]  # fmt: skip
OTHERS = ["metformin-500-twice-daily", "metformin-500-twice-daily", "isoniazid-300-once-daily",
          "lisinopril-10-once-daily", "biotin", "ibuprofen",
          "oral-contraceptive-with-iron-pills", "deferiprone"]  # fmt: skip
LABORATORY = ["ferritin-lab", "ferritin-lab", "iron-panel-lab", "b12-lab", "magnesium-lab", "vitamin-d-lab"]
_FAMILIES = [AGGRAVATING, DOPAMINERGIC, BREATHING, VITAMINS, BINDING, OTHERS]
_JUDGED = [ORAL_IRON, ORAL_IRON, INFUSED, INFUSED, LABORATORY, LABORATORY, VITAMINS, VITAMINS, *_FAMILIES[:3]]
_REASONS = ["", "", "", "", "rls", "rls", "rls", "heart failure", "neuropathy", "iron deficiency anaemia", "parkinson"]


def _drugs(dice: Random) -> list[tuple[str, int]]:
    iron = [dice.choice(ORAL_IRON)] if _often(dice, False, True, times=2) else []
    families = dice.choices(_FAMILIES, k=dice.randint(0, 2))
    return [(name, dice.choice(DAYS)) for name in [*iron, *(dice.choice(f) for f in families)]]


def _infusions(dice: Random) -> list[tuple[str, int]]:
    if dice.random() < 0.8:
        return []
    agent = _often(dice, INFUSED[0], *INFUSED[1:], times=3)
    return [(agent, dice.choice([days for days in RECENT if days] + [120, 400]))]


def _drafts(dice: Random, taken: list[tuple[str, int]]) -> list[tuple[str, str]]:
    families = [*dice.choices(_JUDGED, k=dice.randint(0, 2)), dice.choice([ORAL_IRON, INFUSED, *_JUDGED])]
    names = [dice.choice(family) for family in families]
    if taken and dice.random() < 0.25:
        names.append(taken[0][0])  # a renewal
    return [(name, dice.choice(_REASONS) if not name.endswith("-lab") else "") for name in names]


# ------------------------------------------------------------------ the site, and the whole


def _switches(dice: Random) -> dict[str, str]:
    """Mostly what is shipped; a site that switches at all switches several things."""
    if _often(dice, True, False, times=2):
        return {}
    names = _some(dice, sorted(RULES.switches), 4)
    return {name: dice.choice(RULES.switches[name].choices) for name in names}


def _severe_though_replete(dice: Random) -> tuple[list[Lab], dict[str, str]]:
    """A severity score beside replete iron, where the site asks for that card."""
    score = _LIMITS["irls.severe"].value + dice.choice([0, -1, 9])
    studies = [_lab(dice, "ferritin", Decimal(140), 20), _lab(dice, "tsat", Decimal(30), 20)]
    return [*studies, _lab(dice, "irls", score, 5, sound=True)], {"rx_review": "true"}


_PROCEDURES_OF_KIND: dict[str, list[str]] = {"dialysis": ["haemodialysis", "haemodialysis", "peritoneal dialysis"]}


def _procedures(dice: Random, kind: str) -> list[tuple[str, int]]:
    usual = _PROCEDURES_OF_KIND.get(kind, []) or ([] if _often(dice, True, False, times=5) else sorted(PROCEDURES))
    names = [dice.choice(usual)] if usual else []
    return [(name, dice.choice([2, 27, 29, 89, 91])) for name in names]


_PLAIN_SHARE = 0.3


def _plain_iron(dice: Random, kind: str, patient: Generated) -> Generated:
    """The same patient with nothing but restless legs, a recent pair of iron studies and at most one oral iron.

    Each row of the iron table stands behind many others; this is where the last rows are reached.
    """
    band = "child" if kind == "child" else dice.choice(_BANDS)
    saturation = dice.choice([value for value in VALUES["tsat"] if value < _LIMITS["tsat.high"].value])
    labs = [_lab(dice, "ferritin", dice.choice(_FERRITINS[band]), 3, sound=True)]
    labs += [_lab(dice, "tsat", saturation, 3, sound=True)] if dice.random() < 0.9 else []
    labs += [_of(dice, "crp", [3, 10])] if dice.random() < 0.5 else []
    labs += _iron_studies(dice, 3, _FERRITINS["any"])[:1] if dice.random() < 0.1 else []
    taken = ((dice.choice(ORAL_IRON), dice.choice([20, 89, 90, 91, 130])),) if dice.random() < 0.3 else ()
    reason = dice.choice(["", "", "rls", "heart failure"])
    drafts = ((dice.choice([*ORAL_IRON, *ORAL_IRON[:2], *INFUSED]), reason),) if patient.hook == "order-sign" else ()
    own = tuple((name, "confirmed") for name in ("rls", *dice.choice(_OF_KIND[kind])))
    return replace(patient, diagnoses=own, labs=tuple(labs), drugs=taken, infusions=(), procedures=(), drafts=drafts)


def drawn(dice: Random) -> Generated:
    """A chart, nearly always with restless legs syndrome and iron studies around the limits that concern it."""
    hook = dice.choice(["patient-view", "order-sign"])
    kind = dice.choice(_KINDS)
    drugs, infusions = _drugs(dice), _infusions(dice)
    labs, switches = _labs(dice, kind, bool(drugs or infusions)), _switches(dice)
    if _often(dice, False, True, times=9):
        labs += _poisoned(dice)
    if kind == "adult" and _often(dice, False, True, times=6):
        labs, chosen = _severe_though_replete(dice)
        switches |= chosen
    if kind == "dialysis" and _often(dice, False, True, times=2):
        switches["esrd_vitc"] = "true"
    patient = Generated(
        hook,
        "female" if kind == "pregnant" else dice.choice(["female", "female", "male", "male", "unknown"]),
        _age(dice, kind),
        tuple(_diagnoses(dice, kind)),
        (*labs, *_measures(dice, kind)),
        tuple(drugs),
        tuple(infusions),
        tuple(_some(dice, sorted(ALLERGIES), 1)) if _often(dice, False, True, times=3) else (),
        tuple(_procedures(dice, kind)),
        tuple((name, dice.choice([3, 29, 30, 31])) for name in _some(dice, LABORATORY, 2))
        if _often(dice, False, True, times=5)
        else (),
        tuple(_drafts(dice, drugs)) if hook == "order-sign" else (),
        tuple(sorted(switches.items())),
    )
    return _plain_iron(dice, kind, patient) if dice.random() < _PLAIN_SHARE else patient


#: One chart for each seed. A seed alone, and not each roll, is drawn by hypothesis: otherwise most charts of a run are
#: variations of a few, and the rows of the iron table that need five facts to meet are never reached.
def generated() -> st.SearchStrategy[Generated]:
    return st.randoms(use_true_random=True).map(drawn)
