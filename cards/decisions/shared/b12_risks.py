"""Risk factors for vitamin B12 deficiency (clinical rationale 2 and clinical amendments 4)."""

from __future__ import annotations

from collections.abc import Iterator

from cards.decisions.shared.firing import Evidence
from cards.decisions.shared.levels import level, one_per_product, taken_for
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.values import frozen
from cards.wording.phrases import say

_AT_ANY_TIME = ("colchicine", "topiramate", "nitrous-oxide")
_BY_DIAGNOSIS = ("neuropathy", "bariatric")
#: The decision whose texts name the risks.
_DECISION = "b12"


@frozen
class Risk:
    """One risk: as a card prints it, and what it rests on."""

    shown: Fact
    facts: tuple[Evidence, ...] = ()


def b12_risks(chart: Chart, rules: Rules) -> tuple[Risk, ...]:
    """Return every risk that is surely present.

    Where the length of treatment matters, a drug whose start is not known is not a risk.
    """
    return (*_drugs(chart, rules), *_conditions(chart, rules), *_age(chart, rules), *_large_cells(chart, rules))


def b12_bands(rules: Rules, *, at_risk: bool = False) -> tuple[str, str]:
    """Return the names of the limits below which B12 is low, and up to which it is borderline."""
    if rules.switch("b12.preset") == "NICE":
        return "b12.def_nice", "b12.border_nice"
    return "b12.def", "b12.border_risk" if at_risk else "b12.border"


def _drugs(chart: Chart, rules: Rules) -> Iterator[Risk]:
    metformin, acid = rules.limit("metformin_days"), rules.limit("acid_days")
    found: list[Drug] = [
        *(drug for drug in chart.active_drugs("metformin") if taken_for(drug, metformin, chart)),
        *(drug for drug in chart.active_drugs("ppi", "h2") if taken_for(drug, acid, chart)),
        *chart.active_drugs(*_AT_ANY_TIME),
        *(drug for drug in chart.active_drugs("gabapentinoid") if "pregabalin" in drug.product.ingredient_names()),
    ]
    return (Risk(drug, (drug,)) for drug in one_per_product(found))


def _conditions(chart: Chart, rules: Rules) -> Iterator[Risk]:
    for concept in _BY_DIAGNOSIS:
        found = chart.diagnosed(concept)
        if found:
            yield Risk(say(rules, _DECISION, f"risk_{concept}"), found)
    done = tuple(each for each in chart.procedures if "bariatric-procedure" in each.concepts)
    if done and not chart.diagnosed("bariatric"):
        yield Risk(say(rules, _DECISION, "risk_bariatric_procedure"), done)


def _age(chart: Chart, rules: Rules) -> Iterator[Risk]:
    if meets(chart.age, rules.limit("b12.age")):
        yield Risk(say(rules, _DECISION, "risk_age"))


def _large_cells(chart: Chart, rules: Rules) -> Iterator[Risk]:
    volume = level(chart, rules, "mcv", "mcv_days", "mcv.high").beyond(rules.limit("mcv.high"))
    if volume:
        yield Risk(volume, (volume,))
