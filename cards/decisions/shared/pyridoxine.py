"""The daily limit of pyridoxine for this patient at this site (clinical amendments 2, section 2)."""

from __future__ import annotations

from decimal import Decimal

from cards.facts.chart import Chart
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold

#: Given as treatment, at intended high doses (clinical rationale 3, row Pyridoxine).
DRUGS_THAT_NEED_IT = ("cycloserine",)
ISONIAZID = "isoniazid"
DISEASES_THAT_NEED_IT = ("homocystinuria", "primary-hyperoxaluria", "pyridoxine-dependent-epilepsy")
_OF_PRESET = {"EU": "b6.ul_eu", "AU": "b6.ul_au"}


def pyridoxine_limit(chart: Chart, rules: Rules, *, neuropathy: bool = False) -> Threshold:
    """Return the daily limit in mg: the lowest of those of the age, of an adult, of the preset and of neuropathy.

    An unknown age counts as an adult's. Under one year see `is_infant`.
    """
    preset = rules.switch("b6.preset")
    named = [_by_age(chart.age), "b6.ul", *([_OF_PRESET[preset]] if preset in _OF_PRESET else [])]
    named += ["b6.ul_neuropathy"] if neuropathy or chart.diagnosed("neuropathy") else []
    return min((rules.limit(name) for name in named), key=lambda limit: limit.value)


def _by_age(age: int | None) -> str:
    """Return the name of the limit of an age in years, from one year."""
    limits = (
        (defined("pyridoxine.adult"), "b6.ul"),
        (defined("pyridoxine.fourteen"), "b6.ul_14"),
        (defined("pyridoxine.nine"), "b6.ul_9"),
        (defined("pyridoxine.four"), "b6.ul_4"),
    )
    return next((name for years, name in limits if age is None or meets(age, years)), "b6.ul_1")


def is_infant(chart: Chart) -> bool:
    """Return whether the patient is too young for any limit: every supplement is then information."""
    return chart.age is not None and not meets(chart.age, defined("pyridoxine.one"))


def is_needed(chart: Chart, rules: Rules, dose: Decimal | None, *, isoniazid: bool = False) -> bool:
    """Return whether a drug or a disease calls for this dose of pyridoxine as treatment.

    Isoniazid, active or (`isoniazid`) in the basket, calls for no more than its own limit.
    """
    if chart.drugs_that_go_on(*DRUGS_THAT_NEED_IT) or chart.diagnosed(*DISEASES_THAT_NEED_IT):
        return True
    beside = isoniazid or bool(chart.drugs_that_go_on(ISONIAZID))
    return beside and not meets(dose, rules.limit("b6.isoniazid"))
