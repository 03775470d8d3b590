"""A dopaminergic order advises no other iron than the iron card of the same chart, over a grid of patients."""

from __future__ import annotations

from itertools import product
from typing import Any

from cards.decisions.decide import decision_modules
from cards.decisions.iron.before_a_drug import ON_IRON, iron_first
from cards.decisions.iron.recheck import recheck_on
from cards.decisions.iron.studies import current_iron_studies
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, rules_of_the_day

_PEOPLE = ("46 F", "63 M esrd", "9 M", "9 M esrd", "31 F pregnant 24w", "31 F pregnant 10w")
_FERRITIN = ("", "40", "75.1", "150", "400", "700")
_SATURATION = ("", "15", "30", "40", "50")
_TREATMENT: tuple[list[str], ...] = (
    [],
    ["iron-oral ferrous sulfate 65 since 20d"],
    ["iron-oral ferrous sulfate 65 since 120d"],
    ["iron-oral ferrous sulfate 65"],
    ["iron-iv ferric carboxymaltose given 10d"],
    ["iron-iv ferric carboxymaltose given 70d"],
    ["iron-iv ferric carboxymaltose inactive"],
    ["iron-iv ferric carboxymaltose planned 2026-07-10"],
)
_DIAGNOSES = (["rls"], ["rls", "sepsis"])
_DRAWN = ("5d", "30d", "200d")

_LOW = {"iron_low", "iron_low_tsat_first", "iron_low_on_oral", "iron_start_unknown", "iron_undated"}
_BETWEEN = {"iron_mid", "iron_mid_barred", "iron_start_unknown", "iron_undated"}
_NONE_CALLED_FOR = {"iron_enough", "iron_high", "iron_dialysis_not_low", "iron_dialysis_hold", "iron_dialysis_child"}
#: What may be said of iron before the drug, by the iron card of the chart; "" where there is none.
_FITS: dict[str, set[str] | frozenset[str]] = {
    "IRON-HIGH-TSAT": {"advice_iron_barred"},
    "IRON-RECHECK": ON_IRON | {"iron_planned"},
    "IRON-ONTX": ON_IRON,
    "IRON-TEST": {"advice_iron_unknown", "iron_dialysis_hold"},
    "IRON-TEST-TSAT": {"iron_without_tsat", "iron_dialysis_hold", "iron_start_unknown", "iron_undated"},
    "IRON-ESRD": {"iron_dialysis", "iron_dialysis_barred", "iron_undated"},
    "IRON-ESRD-DISCORD": {"iron_dialysis_not_low", "iron_dialysis_hold"},
    "IRON-CHILD": _LOW,
    "IRON-CHILD-TSAT": {"iron_low_tsat"},
    "IRON-HIGH-FERR": {"iron_high"},
    "IRON-INFLAM": {"iron_inflamed", "iron_start_unknown", "iron_undated"},
    "IRON-LOW": _LOW,
    "IRON-MID": _BETWEEN,
    "IRON-MID-LOWTSAT": _BETWEEN,
    "IRON-FUNC": {"iron_low_tsat", "iron_start_unknown", "iron_undated"},
    "IRON-REPLETE-ONTX": {"iron_enough"},
    "": _NONE_CALLED_FOR
    | {"iron_mid_pregnant", "iron_low_tsat", "iron_without_tsat", "iron_start_unknown", "iron_undated"},
}


def _fits_the_iron_card(case: dict[str, Any]) -> None:
    built = chart(case)
    rules = rules_of_the_day(case, RULES, built.today)
    shown = [each.card for each in decision_modules()["iron_status"](built, rules)]
    studies = current_iron_studies(built, rules)
    said = iron_first(studies)
    assert said in _FITS[shown[0] or ""], (shown, said)


def _case(person: str, ferritin: str, saturation: str, drugs: list[str], dx: list[str], day: str) -> dict[str, Any]:
    labs = [f"ferritin {ferritin} ng/mL {day}"] if ferritin else []
    labs += [f"tsat {saturation} % {day}"] if saturation else []
    return {"person": person, "dx": dx, "labs": labs, "drugs": drugs}


def test_iron_before_the_drug_is_what_the_iron_card_says() -> None:
    grid = product(_PEOPLE, _FERRITIN, _SATURATION, _TREATMENT, _DIAGNOSES, _DRAWN)
    assert_none(faults(_fits_the_iron_card, [_case(*each) for each in grid], str))


def test_with_inflammation_it_is_too() -> None:
    grid = product(_PEOPLE, _FERRITIN, ("15", "30"), _TREATMENT, (["rls"],), ("5d",))
    cases = [_case(*each) for each in grid]
    inflamed = [{**case, "labs": [*case["labs"], f"crp {crp} mg/L 5d"]} for case in cases for crp in ("8", "40")]
    assert_none(faults(_fits_the_iron_card, inflamed, str))


def _names_the_day_of_the_iron_card(case: dict[str, Any]) -> None:
    built = chart(case)
    rules = rules_of_the_day(case, RULES, built.today)
    studies = current_iron_studies(built, rules)
    days = [
        each.facts["recheck"] for each in decision_modules()["iron_status"](built, rules) if "recheck" in each.facts
    ]
    if iron_first(studies) in ON_IRON | {"iron_planned"}:
        assert days == [recheck_on(studies)]


def test_a_recheck_is_due_on_the_day_that_the_iron_card_names() -> None:
    drugs = product(("since 20d", "since 80d", "since 100d", "since 120d", ""), ([], *_TREATMENT[4:]))
    taken = [[f"iron-oral ferrous sulfate 65 {since}".strip(), *infused] for since, infused in drugs]
    now = [(f"{value} ng/mL", day) for value, day in product(("85", "95", "150"), (*_DRAWN, "50d"))]
    cases = [
        {
            "person": "46 F",
            "dx": ["rls"],
            "labs": [f"ferritin {value} {day}", f"tsat 30 % {day}", *before],
            "drugs": each,
        }
        for (value, day), before, each in product(
            now, ([], ["ferritin 30 ng/mL 150d"], ["ferritin 60 ng/mL 150d"]), taken
        )
    ]
    assert_none(faults(_names_the_day_of_the_iron_card, cases, str))
