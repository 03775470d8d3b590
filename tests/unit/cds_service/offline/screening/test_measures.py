"""The measures of iron care: who belongs to each population, and whose care falls short."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.knowledge.load import national_rules
from cds_service.offline.screening.measures import measured, measures
from tests.decisions.charts import chart

_ASSESSED, _LOW, _NEED = "iron-stores-assessed", "low-ferritin-without-iron", "iron-without-need"
_RECHECK, _DOPAMINERGIC = "oral-iron-without-recheck", "dopaminergic-without-ferritin"
_OUT = "not in the population"
_IRON = "iron-oral ferrous sulfate 65 since"
_UNREAD = {"labs": "cut"}


def asked(name: str, case: dict[str, Any]) -> object:
    return measured(chart(case), national_rules()).get(name, _OUT)


@pytest.mark.parametrize(
    ("name", "case", "answer"),
    [
        (_ASSESSED, {"labs": ["ferritin 38 ng/mL 365d"]}, True),
        (_ASSESSED, {"labs": ["ferritin 38 ng/mL 366d"]}, False),
        (_ASSESSED, {"labs": ["tsat 20 % 10d"]}, False),
        (_ASSESSED, {"labs": ["not: ferritin no-unit 2026-05-20"]}, None),
        (_ASSESSED, {"labs": [], "listings": _UNREAD}, None),
        (_ASSESSED, {"labs": ["ferritin <100 ng/mL 10d"]}, True),
        (_ASSESSED, {"person": "18 F"}, False),
        (_ASSESSED, {"person": "17 F"}, _OUT),
        (_ASSESSED, {"person": "- F"}, _OUT),
        (_ASSESSED, {"dx": ["rls?"]}, _OUT),
        (_ASSESSED, {"dx": ["ckd"]}, _OUT),
        (_LOW, {"labs": ["ferritin 75 ng/mL 10d"]}, True),
        (_LOW, {"labs": ["ferritin 76 ng/mL 10d"]}, _OUT),
        (_LOW, {"labs": ["ferritin <100 ng/mL 10d"]}, _OUT),
        (_LOW, {"labs": ["ferritin 20 ng/mL 400d"]}, _OUT),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "drugs": [f"{_IRON} 30d"]}, False),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "drugs": ["iron-oral iron 18 since 30d"]}, True),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "drugs": ["iron-iv iron sucrose given 56d"]}, False),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "drugs": ["iron-iv iron sucrose given 57d"]}, True),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "listings": {"medications": "cut"}}, None),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "dx": ["rls", "overload"]}, _OUT),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "dx": ["rls", "polycythaemia-vera"]}, _OUT),
        (_LOW, {"labs": ["ferritin 20 ng/mL 10d"], "dx": ["rls", "esrd"]}, _OUT),
        (_NEED, {"labs": ["ferritin 101 ng/mL 10d"], "drugs": [f"{_IRON} 30d"]}, True),
        (_NEED, {"labs": ["ferritin 100 ng/mL 10d"], "drugs": [f"{_IRON} 30d"]}, False),
        (_NEED, {"labs": [], "drugs": [f"{_IRON} 30d"]}, None),
        (_NEED, {"labs": ["ferritin 101 ng/mL 10d"]}, _OUT),
        (_NEED, {"labs": ["ferritin 300 ng/mL 10d"], "drugs": [f"{_IRON} 30d reason heart-failure"]}, False),
        (_NEED, {"labs": ["ferritin 300 ng/mL 10d"], "drugs": [f"{_IRON} 30d words-ckd"]}, False),
        (_NEED, {"labs": ["ferritin 300 ng/mL 10d"], "drugs": [f"{_IRON} 30d reason rls"]}, True),
        (_NEED, {"labs": ["ferritin 300 ng/mL 10d"], "drugs": [f"{_IRON} 30d"], "dx": ["rls", "ckd"]}, False),
        (_NEED, {"labs": ["ferritin 300 ng/mL 9d"], "drugs": [f"{_IRON} 30d"], "person": "31 F pregnant"}, False),
        (_NEED, {"labs": ["ferritin 300 ng/mL 10d"], "drugs": ["iron-iv iron sucrose given 30d"]}, None),
        (_RECHECK, {"labs": [], "drugs": [f"{_IRON} 90d"]}, True),
        (_RECHECK, {"labs": [], "drugs": [f"{_IRON} 89d"]}, _OUT),
        (_RECHECK, {"labs": [], "drugs": [f"{_IRON} ?"]}, _OUT),
        (_RECHECK, {"labs": ["ferritin 60 ng/mL 40d"], "drugs": [f"{_IRON} 100d"]}, False),
        (_RECHECK, {"labs": ["ferritin 60 ng/mL 41d"], "drugs": [f"{_IRON} 100d"]}, True),
        (_RECHECK, {"labs": [], "drugs": [f"{_IRON} 100d"], "listings": _UNREAD}, None),
        (_DOPAMINERGIC, {"labs": [], "drugs": ["da pramipexole 0.25"]}, True),
        (_DOPAMINERGIC, {"labs": ["ferritin 60 ng/mL 40d"], "drugs": ["da pramipexole 0.25"]}, False),
        (_DOPAMINERGIC, {"labs": [], "drugs": ["da pramipexole 0.25"], "dx": ["rls", "parkinsonism"]}, _OUT),
        (_DOPAMINERGIC, {"labs": [], "drugs": ["da pramipexole 0.25 inactive"]}, _OUT),
        (_DOPAMINERGIC, {"labs": [], "drugs": ["da pramipexole 0.25"], "listings": _UNREAD}, None),
    ],
)
def test_the_answer_of_a_measure(name: str, case: dict[str, Any], answer: object) -> None:
    assert asked(name, case) is answer


def test_every_number_is_a_limit_of_the_decisions() -> None:
    for measure in measures().values():
        filled = measure.with_limits(national_rules())
        assert "{" not in filled.population + filled.numerator + filled.note
        assert measure.certainty in ("retrieved", "ours")
        assert measure.better in ("higher", "lower")
