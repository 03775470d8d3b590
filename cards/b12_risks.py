"""What makes vitamin B12 deficiency likelier (clinical page 2 and amendments section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cards.chart import Chart, Drug
from cards.finding import Fact
from cards.levels import Evidence, level, meets, once_each, taken_for
from cards.rules import Rules

_AT_ANY_TIME = ("colchicine", "topiramate", "nitrous-oxide")
_BY_DIAGNOSIS = (("neuropathy", ("neuropathy",)), ("bariatric surgery", ("bariatric",)))


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk: as a card prints it, and what it rests on."""

    shown: Fact
    facts: tuple[Evidence, ...] = ()


def b12_risks(chart: Chart, rules: Rules) -> tuple[Risk, ...]:
    """Every risk that is surely there; a drug whose start is not known is none where the time it is taken counts."""
    return (*_drugs(chart, rules), *_conditions(chart), *_age(chart, rules), *_large_cells(chart, rules))


def _drugs(chart: Chart, rules: Rules) -> Iterator[Risk]:
    metformin, acid = rules.limit("metformin_days"), rules.limit("acid_days")
    found: list[Drug] = [
        *(drug for drug in chart.active_drugs("metformin") if taken_for(drug, metformin, chart)),
        *(drug for drug in chart.active_drugs("ppi", "h2") if taken_for(drug, acid, chart)),
        *chart.active_drugs(*_AT_ANY_TIME),
        *(drug for drug in chart.active_drugs("gabapentinoid") if "pregabalin" in drug.product.ingredient_names()),
    ]
    return (Risk(drug, (drug,)) for drug in once_each(found))


def _conditions(chart: Chart) -> Iterator[Risk]:
    for words, concepts in _BY_DIAGNOSIS:
        found = chart.diagnosed(*concepts)
        if found:
            yield Risk(f"{words} is coded", found)
    done = tuple(each for each in chart.procedures if "bariatric-procedure" in each.concepts)
    if done and not chart.diagnosed("bariatric"):
        yield Risk("bariatric surgery is recorded", done)


def _age(chart: Chart, rules: Rules) -> Iterator[Risk]:
    limit = rules.limit("b12.age")
    if chart.age is not None and chart.age > limit.value:
        yield Risk(f"over {limit.days} years old")


def _large_cells(chart: Chart, rules: Rules) -> Iterator[Risk]:
    volume = level(chart, rules, "mcv", "mcv_days", "mcv.high").result
    if volume and meets(volume, rules.limit("mcv.high")):
        yield Risk(volume, (volume,))
