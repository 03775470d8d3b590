"""At a high saturation the chart's card and a renewal of the iron that is taken say the same of it."""

from __future__ import annotations

from itertools import product
from typing import Any

from cards.decisions.decide import decision_modules
from cards.facts.finding import Outcome
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, rules_of_the_day

_PEOPLE = ("46 F", "63 M esrd", "9 M", "31 F pregnant 24w")
_FERRITIN = ("", "20", "75", "75.1", "150", "301", "800")
_SATURATION = (
    ["tsat 45 % 14d"],
    ["tsat 69.9 % 14d"],
    ["tsat 70 % 14d"],
    ["tsat 50 % 91d"],
    ["tsat 60 % 14d", "tsat 55 % 100d"],
    ["not: tsat saturations-differ 14d 60 %"],
)


def _fired(case: dict[str, Any], decision: str, card: str) -> str:
    built = chart(case)
    rules = rules_of_the_day(case, RULES, built.today)
    found = [each for each in decision_modules()[decision](built, rules) if each.card == card]
    assert found and found[0].outcome is Outcome.FIRES, f"no {card}"
    return str(found[0].facts["tsat_advice"])


def _says_the_same(case: dict[str, Any]) -> None:
    seen = _fired(case, "iron_status", "IRON-HIGH-TSAT")
    ordered = _fired({**case, "drafts": ["iron-oral ferrous sulfate 65"]}, "iron_order", "OS-IRON-TSAT45")
    assert seen.startswith("Continue") == ordered.startswith("Continue")
    assert seen.startswith("Hold") == ordered.startswith(("Hold", "Do not give iron"))


def test_iron_that_is_taken_goes_on_or_is_held_by_both_hooks() -> None:
    cases = [
        {
            "person": person,
            "labs": [*([f"ferritin {ferritin} ng/mL 14d"] if ferritin else []), *saturation],
            "drugs": ["iron-oral ferrous sulfate 65 since 200d"],
        }
        for person, ferritin, saturation in product(_PEOPLE, _FERRITIN, _SATURATION)
    ]
    assert_none(faults(_says_the_same, cases, str))
