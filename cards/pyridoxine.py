"""How much pyridoxine a day is too much for this patient at this site (clinical pages 2 and 6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cards.chart import Chart, Drug
from cards.rules import Rules, Threshold

#: Given as treatment, in doses that are meant (clinical page 3, row Pyridoxine).
_DRUGS_THAT_NEED_IT = ("isoniazid", "cycloserine")
_DISEASES_THAT_NEED_IT = ("homocystinuria", "primary-hyperoxaluria", "pyridoxine-dependent-epilepsy")


def pyridoxine_limit(chart: Chart, rules: Rules) -> Threshold:
    """The daily limit in mg: the US one, lower with neuropathy; or the European one for everybody (`b6.preset`)."""
    if rules.switch("b6.preset") == "EU":
        return rules.limit("b6.ul_eu")
    return rules.limit("b6.ul_neuropathy" if chart.diagnosed("neuropathy") else "b6.ul")


def is_needed(chart: Chart) -> bool:
    """A drug or a disease for which pyridoxine is the treatment."""
    return bool(chart.active_drugs(*_DRUGS_THAT_NEED_IT) or chart.diagnosed(*_DISEASES_THAT_NEED_IT))


def daily_mg(drugs: Iterable[Drug]) -> Decimal:
    """What these products surely bring in mg a day; a dose that could not be read adds nothing."""
    doses = (drug.daily.mg.get("pyridoxine") for drug in drugs if drug.daily)
    return sum((dose for dose in doses if dose is not None), Decimal(0))
