"""Results of one time that contradict each other: the one that warns counts, and both are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import pytest

from cards.wording.render import render_quantity
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, answers, cards_of

_D = ["vitd ergocalciferol 50000IU"]
_FERRIC_CARBOXYMALTOSE = ["iron-iv ferric carboxymaltose 750"]
#: By decision: values of one analyte from low to critical, and the rest of the chart.
SCENES: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("vitamin_d_order", ("vitd 90", "vitd 110", "vitd 160", "vitd >120", "vitd <80", "vitd >=150"), {"drafts": _D}),
    ("vitamin_d_order", ("calcium 9", "calcium 11", "calcium 12.5", "calcium >11"), {"drafts": _D}),
    (
        "magnesium_order",
        ("magnesium 2.0", "magnesium 3.0", "magnesium 5.2", "magnesium >4.0", "magnesium <2.0"),
        {"drafts": ["magnesium-oral magnesium oxide 400"]},
    ),
    ("vitamin_d", ("vitd 12", "vitd 40", "vitd 90", "vitd 110", "vitd >120"), {}),
    ("vitamin_d", ("calcium 9", "calcium 11", "calcium >10.6"), {"labs": ["vitd 160 ng/mL 26d"]}),
    ("b12", ("b12 150", "b12 250", "b12 400", "b12 <150", "b12 >300"), {}),
    ("b12", ("mma 0.30", "mma 0.60"), {"labs": ["b12 250 pg/mL 26d"]}),
    ("folate", ("folate 2", "folate 3.5", "folate 9", "folate <3"), {}),
    ("folate_order", ("b12 150", "b12 250", "b12 400", "b12 <150"), {"drafts": ["folate folic acid 5"]}),
    (
        "iv_iron_order",
        ("phosphate 2.3", "phosphate 3.0", "phosphate <2.5", "phosphate <3.5"),
        {"dx": ["rls", "malabsorption"], "drafts": _FERRIC_CARBOXYMALTOSE},
    ),
)
_UNITS = {
    "vitd": "ng/mL",
    "calcium": "mg/dL",
    "magnesium": "mg/dL",
    "b12": "pg/mL",
    "mma": "µmol/L",
    "folate": "ng/mL",
    "phosphate": "mg/dL",
}
_RANK = {"unknown": 0, "info": 1, "warning": 2, "critical": 3}


def with_results(case: Mapping[str, Any], *results: str) -> dict[str, Any]:
    written = [f"{each} {_UNITS[each.split()[0]]} 26d" for each in results]
    return {
        "labs": [*case.get("labs", []), *written],
        **{name: value for name, value in case.items() if name != "labs"},
    }


def severity(decision: str, case: Mapping[str, Any]) -> int:
    found = answers(decision, case, RULES)
    return max((_RANK[each.rpartition(":")[2]] for each in found), default=0)


def pairs() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for decision, values, case in SCENES:
        for one, other in permutations(values, 2):
            yield decision, one, other, case


PAIRS = tuple(pairs())


@pytest.mark.parametrize(
    ("decision", "one", "other", "case"), PAIRS, ids=[f"{each[0]}: {each[1]} and {each[2]}" for each in PAIRS]
)
def test_a_second_result_never_makes_a_warning_milder(
    decision: str, one: str, other: str, case: dict[str, Any]
) -> None:
    both = with_results(case, one, other)
    worst = max(severity(decision, with_results(case, each)) for each in (one, other))
    found = severity(decision, both)
    assert found == worst if worst >= _RANK["warning"] else found <= worst
    assert answers(decision, both, RULES) == answers(decision, with_results(case, other, one), RULES)


#: Pairs of which one warns and the other does not: the card names both.
NAMED = (
    ("vitamin_d_order", "calcium 12.5", "calcium 9", {"drafts": _D}, "critical"),
    ("vitamin_d_order", "vitd 110", "vitd 90", {"drafts": _D}, "warning"),
    ("vitamin_d_order", "vitd >120", "vitd 90", {"drafts": _D}, "warning"),
    (
        "magnesium_order",
        "magnesium 5.2",
        "magnesium 2.0",
        {"drafts": ["magnesium-oral magnesium oxide 400"]},
        "critical",
    ),
    ("vitamin_d", "vitd 160", "vitd 90", {"labs": ["calcium 11 mg/dL 26d"]}, "critical"),
    ("vitamin_d", "calcium 11", "calcium 9", {"labs": ["vitd 160 ng/mL 26d"]}, "critical"),
    ("b12", "b12 150", "b12 400", {}, "warning"),
    ("b12", "mma 0.60", "mma 0.30", {"labs": ["b12 250 pg/mL 26d"]}, "warning"),
    ("b6", "plp 250", "plp 50", {}, "info"),
    ("folate", "folate 2", "folate 9", {}, "warning"),
    ("folate", "b12 150", "b12 400", {"labs": ["folate 2 ng/mL 26d"]}, "warning"),
    ("folate_order", "b12 150", "b12 400", {"drafts": ["folate folic acid 5"]}, "warning"),
    (
        "iv_iron_order",
        "phosphate 2.3",
        "phosphate 3.0",
        {"dx": ["rls", "malabsorption"], "drafts": _FERRIC_CARBOXYMALTOSE},
        "critical",
    ),
)
_UNITS["plp"] = "nmol/L"


@pytest.mark.parametrize(("decision", "warns", "other", "case", "indicator"), NAMED, ids=str)
def test_both_results_are_named(decision: str, warns: str, other: str, case: dict[str, Any], indicator: str) -> None:
    for results in ((warns, other), (other, warns)):
        both = with_results(case, *results)
        (card,) = (each for each in cards_of(decision, both, RULES) if each.summary)
        assert card.indicator == indicator
        for result in chart(with_results({}, warns, other)).labs:
            assert f"{render_quantity(result.quantity)} ({result.when.text})" in card.detail
        assert "the one that warns counts" in card.detail
        assert "none usable" not in card.detail.replace("Vitamin B12: none usable", "")


@pytest.mark.parametrize(
    ("decision", "results", "case", "expected"),
    [
        # results of one band are one result: the higher status, or the higher number
        ("vitamin_d_order", ("vitd 110", "vitd 140"), {"drafts": _D}, ["OS-VITD:warning"]),
        ("vitamin_d_order", ("vitd 80", "vitd 90"), {"drafts": _D}, []),
        ("b12", ("b12 450", "b12 400"), {}, []),
        # a value below detection beside a measured one is no contradiction
        ("vitamin_d_order", ("vitd 90", "vitd <120"), {"drafts": _D}, []),
        # advice to treat what is merely low waits where the other result says that it is not
        ("vitamin_d", ("vitd 12", "vitd 40"), {}, ["unknown"]),
        ("magnesium", ("magnesium 1.5", "magnesium 5.2"), {}, ["unknown"]),
        ("b6", ("plp 15", "plp 50"), {}, ["unknown"]),
        # ... and nothing advises to treat what may be too high
        ("vitamin_d", ("vitd 12", "vitd 110"), {}, ["VITD-HIGH:warning"]),
    ],
)
def test_neighbours(decision: str, results: tuple[str, ...], case: dict[str, Any], expected: list[str]) -> None:
    assert answers(decision, with_results(case, *results), RULES) == expected


@pytest.mark.parametrize("earlier", ["vitd 160 ng/mL 60d", "vitd 90 ng/mL 60d"])
def test_an_older_result_contradicts_nothing(earlier: str) -> None:
    case = {"labs": ["vitd 90 ng/mL 26d", earlier], "drafts": _D}
    assert answers("vitamin_d_order", case, RULES) == []


def test_a_phosphate_that_leaves_it_open_is_not_called_absent() -> None:
    case = {"dx": ["rls", "malabsorption"], "drafts": _FERRIC_CARBOXYMALTOSE}
    said = [card for card in cards_of("iv_iron_order", with_results(case, "phosphate <3.5"), RULES) if card.summary]
    card = next(each for each in said if "phosphate" in each.summary)
    assert "phosphate below 3.5 mg/dL leaves it open" in card.summary
    assert "none measured" not in card.summary
    assert "none usable" not in card.detail
