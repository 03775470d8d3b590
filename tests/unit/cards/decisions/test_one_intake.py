"""One intake that is above a limit of the day is above it on the day on which it is taken (clinical amendments 2)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cards.decisions import b6_order, folate_order, gabapentinoid_order, iron_order, supplement_order, vitamin_c_order
from cards.facts.drugs import DailyDose
from cards.facts.finding import Outcome
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES

_DIALYSIS = {"person": "63 M esrd"}
_CHILD = {"person": "6 M", "measures": ["body-weight 10 20d"], "labs": ["ferritin 20 ng/mL 26d", "tsat 14 % 26d"]}
#: Decision, its case, the draft without a dose a day, its ingredient, the intake, and what is answered.
_CASES = [
    (vitamin_c_order, _DIALYSIS, "vitc ascorbic acid ?", "ascorbic acid", "1000", "OS-VITC:warning"),
    (vitamin_c_order, _DIALYSIS, "vitc ascorbic acid ?", "ascorbic acid", "200.1", "OS-VITC:warning"),
    (vitamin_c_order, _DIALYSIS, "vitc ascorbic acid ?", "ascorbic acid", "200", "OS-VITC:info"),
    (vitamin_c_order, _DIALYSIS, "vitc ascorbic acid ?", "ascorbic acid", "100", ""),
    (vitamin_c_order, _DIALYSIS, "vitc ascorbic acid ?", "ascorbic acid", None, ""),
    (b6_order, {}, "b6 pyridoxine ?", "pyridoxine", "200", "OS-B6:warning"),
    (b6_order, {}, "b6 pyridoxine ?", "pyridoxine", "100", ""),
    (b6_order, {}, "b6 pyridoxine ?", "pyridoxine", None, ""),
    (folate_order, {}, "folate folic acid ?", "folic acid", "5", "OS-FOL-B12:info"),
    (folate_order, {}, "folate folic acid ?", "folic acid", "0.4", ""),
    (folate_order, {}, "folate folic acid ?", "folic acid", None, ""),
    (gabapentinoid_order, _DIALYSIS, "gabapentinoid gabapentin ?", "gabapentin", "800", "OS-GABA-RENAL:warning"),
    (gabapentinoid_order, _DIALYSIS, "gabapentinoid gabapentin ?", "gabapentin", "300", "OS-GABA-RENAL:info"),
    (gabapentinoid_order, _DIALYSIS, "gabapentinoid gabapentin ?", "gabapentin", None, "OS-GABA-RENAL:info"),
    (supplement_order, {}, "b6 pyridoxine ? reason rls", "pyridoxine", "13", "OS-SUPP-NOLAB:info"),
    (supplement_order, {}, "b6 pyridoxine ? reason rls", "pyridoxine", "12", ""),
    (iron_order, _CHILD, "iron-oral ferrous sulfate ?", "iron", "65", "OS-IRON-DOSE:warning"),
    (iron_order, _CHILD, "iron-oral ferrous sulfate ?", "iron", "60", ""),
    (iron_order, _CHILD, "iron-oral ferrous sulfate ?", "iron", None, ""),
]


@pytest.mark.parametrize(("decision", "case", "draft", "name", "intake", "expected"), _CASES)
def test_one_intake_counts_as_the_least_of_the_day(decision, case, draft, name, intake, expected) -> None:  # type: ignore[no-untyped-def]
    built = chart({**case, "drafts": [draft]})
    mg = None if intake is None else Decimal(intake)
    least = DailyDose(least_iron_mg=mg) if name == "iron" else DailyDose(mg={name: None}, least_mg={name: mg})
    drafts = tuple(replace(each, drug=replace(each.drug, daily=least) if each.drug else None) for each in built.drafts)
    found = decision.answer(replace(built, drafts=drafts), RULES)
    fired = [f"{each.card}:{each.indicator}" for each in found if each.outcome is Outcome.FIRES]
    assert fired == ([expected] if expected else [])


def test_an_order_without_a_dose_a_day_adds_one_intake_to_the_basket() -> None:
    built = chart({"drafts": ["b6 pyridoxine 60", "b6 pyridoxine ?"]})
    second = built.drafts[1]
    assert second.drug
    taken = replace(second.drug, daily=DailyDose(mg={"pyridoxine": None}, least_mg={"pyridoxine": Decimal(50)}))
    (found,) = b6_order.answer(replace(built, drafts=(built.drafts[0], replace(second, drug=taken))), RULES)
    assert found.card == "OS-B6"
    assert len(found.drafts) == 2
