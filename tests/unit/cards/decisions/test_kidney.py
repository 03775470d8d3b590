"""Kidney function as the lowest of what is known: dialysis of any cause, transplants, results of one time."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from cards.decisions.shared.kidney import Kidney, read_kidney
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, cards_of

_EGFR = "egfr {} mL/min/{{1.73_m2}} {}"
_FRESH, _OLD = _EGFR.format(80, "26d"), _EGFR.format(45, "400d")
_ORDERS = {
    "gabapentin": ("gabapentinoid gabapentin 900", "OS-GABA-RENAL:warning"),
    "magnesium": ("magnesium-oral magnesium oxide 400", "OS-MG:warning"),
    "vitamin C": ("vitc ascorbic acid 500", "OS-VITC:warning"),
}
_DECISIONS = {"gabapentin": "gabapentinoid_order", "magnesium": "magnesium_order", "vitamin C": "vitamin_c_order"}


def kidney(**case: Any) -> Kidney:
    return read_kidney(chart(case), RULES, "egfr_days_order")


def answers(case: dict[str, Any]) -> dict[str, list[str]]:
    """Return the cards of an order of each drug that leaves by the kidneys."""
    return {
        drug: [f"{card.id}:{card.indicator}" for card in cards_of(_DECISIONS[drug], {**case, "drafts": [draft]}, RULES)]
        for drug, (draft, _) in _ORDERS.items()
    }


_WARNED = {drug: [card] for drug, (_, card) in _ORDERS.items()}
_QUIET: dict[str, list[str]] = {drug: [] for drug in _ORDERS}

# ------------------------------------------------------------------ dialysis of any cause

_AKI = "acute-kidney-injury 5d"


@pytest.mark.parametrize("injury", [[], [_AKI], ["acute-kidney-injury"]], ids=str)
@pytest.mark.parametrize(
    "dialysis",
    [
        {"procedures": ["dialysis-procedure 3d"]},
        {"procedures": ["dialysis-procedure 90d"]},
        {"procedures": ["haemodialysis-procedure+dialysis-procedure 3d"]},
        {"procedures": ["peritoneal-dialysis-procedure+dialysis-procedure 3d"]},
        {"dx": ["dialysis-dependence 3d"]},
        {"dx": ["dialysis-dependence 400d"]},
        {"dx": ["dialysis-dependence"]},
    ],
    ids=str,
)
def test_dialysis_counts_whatever_its_cause(dialysis: dict[str, list[str]], injury: list[str]) -> None:
    assert answers({**dialysis, "dx": ["rls", *injury, *dialysis.get("dx", [])]}) == _WARNED


@pytest.mark.parametrize(
    "past",
    [
        {"dx": ["rls"], "procedures": ["dialysis-procedure 91d"]},
        {"dx": ["rls", "acute-kidney-injury 400d", "dialysis-dependence 400d"]},
    ],
    ids=str,
)
def test_dialysis_that_is_over_does_not_count_beside_a_later_egfr(past: dict[str, list[str]]) -> None:
    assert answers({**past, "labs": [_FRESH]}) == _QUIET


# ------------------------------------------------------------------ after a transplant

_DISEASE = ("esrd", "dialysis-dependence", "esrd+haemodialysis-dependence")


@pytest.mark.parametrize("code", _DISEASE)
@pytest.mark.parametrize(
    ("coded", "transplant", "labs", "counts"),
    [
        ("75d", "5000d", [], True),
        ("300d", "5000d", [], True),
        ("300d", "5000d", [_FRESH], True),
        ("6000d", "5000d", [], False),
        ("6000d", "5000d", [_FRESH], False),
        ("5000d", "5000d", [], False),
        ("-", "5000d", [], True),
        ("-", "-", [], True),
        ("300d", "-", [], True),
        ("300d", "-", [_OLD], True),
        ("-", "5000d", [_FRESH], False),
        ("-", "-", [_FRESH], False),
        ("300d", "-", [_FRESH], False),
    ],
)
def test_end_stage_disease_counts_unless_it_is_older_than_the_transplant(
    code: str, coded: str, transplant: str, labs: list[str], counts: bool
) -> None:
    case = {"dx": ["rls", f"{code} {coded}", f"kidney-transplant {transplant}"], "labs": labs}
    assert bool(kidney(**case).dialysis) is counts
    assert answers(case) == (_WARNED if counts else answers({**case, "dx": ["rls"]}))


# ------------------------------------------------------------------ results of one time

_VALUES = ("12", "16", "28", "33", "59", "61", "90", "<60", ">60")


@pytest.mark.parametrize("day", ["26d", "400d"])
@pytest.mark.parametrize("pair", tuple(permutations(_VALUES, 2)), ids="-".join)
def test_of_two_results_of_one_time_the_lower_counts(pair: tuple[str, str], day: str) -> None:
    """One that only says "above" does not lie below another."""
    known = [value for value in pair if value[0] != ">"]
    lower = min(known, key=lambda value: (int(value.strip("<>")), value[0] != "<"))
    both, alone = ([_EGFR.format(value, day) for value in values] for values in (pair, (lower,)))
    found, expected = kidney(labs=both).egfr, kidney(labs=alone).egfr
    assert (found and found.quantity) == (expected and expected.quantity)


def test_the_order_names_the_lower_of_two_results_of_one_time() -> None:
    labs = [_EGFR.format(33, "26d"), _EGFR.format(28, "26d"), _EGFR.format(50, "60d")]
    assert answers({"labs": labs}) == _WARNED
    (card,) = cards_of("gabapentinoid_order", {"labs": labs, "drafts": ["gabapentinoid gabapentin 900"]}, RULES)
    assert "900 mg is above 700 mg, the most a day for eGFR 28 mL/min/1.73 m² (2026-05-20)" in card.summary


def test_a_later_result_replaces_a_lower_one() -> None:
    egfr = kidney(labs=[_EGFR.format(28, "26d"), _EGFR.format(33, "25d")]).egfr
    assert egfr and egfr.quantity.value == Decimal(33)


# ------------------------------------------------------------------ acute kidney injury


@pytest.mark.parametrize(
    ("injury", "labs", "is_open"),
    [
        ("acute-kidney-injury", [], True),
        ("acute-kidney-injury", [_FRESH], False),
        ("acute-kidney-injury", [_EGFR.format(59, "26d")], True),
        ("acute-kidney-injury", [_EGFR.format(90, "91d")], True),
        ("acute-kidney-injury 5d", [_FRESH], True),
        ("acute-kidney-injury 30d", [_FRESH], False),
        ("acute-kidney-injury 91d", [_FRESH], False),
        ("acute-kidney-injury!", [_FRESH], False),
    ],
)
def test_acute_kidney_injury_of_an_unknown_day_leaves_the_kidneys_open(
    injury: str, labs: list[str], is_open: bool
) -> None:
    assert kidney(dx=["rls", injury], labs=labs).is_in_doubt is is_open


def test_the_card_says_that_the_day_of_the_injury_is_unknown() -> None:
    case = {"dx": ["rls", "acute-kidney-injury"], "labs": [_EGFR.format(50, "26d")]}
    case["drafts"] = ["gabapentinoid gabapentin 300"]
    (card,) = cards_of("gabapentinoid_order", case, RULES)
    assert "acute kidney injury of unknown date" in card.summary


# ------------------------------------------------------------------ creatinine alone

_WEIGHED = ["body-weight 70 30d"]


def _creatinine(value: str, day: str = "26d") -> str:
    return f"creatinine {value} mg/dL {day}"


@pytest.mark.parametrize("person", ["18 M", "51 F", "51 ?", "74 M", "80 F"])
@pytest.mark.parametrize("creatinine", ["0.6", "0.9", "1.2", "2", "4", "9"])
def test_creatinine_alone_is_answered_as_an_egfr_of_its_clearance(person: str, creatinine: str) -> None:
    case = {"person": person, "labs": [_creatinine(creatinine)], "measures": _WEIGHED}
    clearance = kidney(**case).clearance
    assert clearance is not None
    assert answers(case) == answers({"person": "46 F", "labs": [_EGFR.format(clearance.value, "26d")]})


@pytest.mark.parametrize(
    "case",
    [
        {"labs": [_creatinine("4")]},
        {"labs": [_creatinine("4", "366d")], "measures": _WEIGHED},
        {"labs": ["creatinine >4 mg/dL 26d"], "measures": _WEIGHED},
        {"labs": [_creatinine("4")], "measures": _WEIGHED, "person": "- F"},
        {"labs": [_creatinine("4")], "measures": _WEIGHED, "person": "17 F"},
    ],
    ids=str,
)
def test_without_weight_age_or_a_creatinine_of_an_adult_nothing_is_calculated(case: dict[str, Any]) -> None:
    assert kidney(**case).clearance is None
    assert not kidney(**case).is_known
    assert answers(case) == _QUIET


@pytest.mark.parametrize(
    "known",
    [
        {"labs": [_creatinine("4"), _FRESH]},
        {"labs": [_creatinine("4"), _OLD]},
        {"labs": [_creatinine("4")], "dx": ["rls", "ckd+ckd-stage-3 10d"]},
        {"labs": [_creatinine("4")], "dx": ["rls", "esrd"]},
    ],
    ids=str,
)
def test_beside_an_egfr_a_stage_or_dialysis_creatinine_is_not_asked(known: dict[str, list[str]]) -> None:
    assert kidney(**known, measures=_WEIGHED).clearance is None


def test_of_two_creatinines_of_one_time_the_higher_counts() -> None:
    found = kidney(labs=[_creatinine("1"), _creatinine("4")], measures=_WEIGHED).clearance
    assert found and found.creatinine.quantity.value == Decimal(4)


@pytest.mark.parametrize(
    ("drug", "words"),
    [
        ("gabapentin", "900 mg is above 700 mg, the most a day for creatinine clearance 18.4 mL/min"),
        ("magnesium", "creatinine clearance 18.4 mL/min; magnesium can build up"),
        ("vitamin C", "creatinine clearance 18.4 mL/min: oxalate builds up"),
    ],
)
def test_the_card_names_the_clearance_and_what_it_was_calculated_from(drug: str, words: str) -> None:
    case = {"person": "51 F", "labs": [_creatinine("4")], "measures": _WEIGHED, "drafts": [_ORDERS[drug][0]]}
    (card,) = cards_of(_DECISIONS[drug], case, RULES)
    assert words in card.summary
    assert "18.4 mL/min by Cockcroft and Gault (70 kg" in card.detail
    assert "4 mg/dL" in card.detail


@pytest.mark.parametrize("dx", ["ckd", "acute-kidney-injury 5d"])
def test_what_leaves_the_kidneys_open_leaves_them_open_beside_a_good_clearance(dx: str) -> None:
    found = kidney(dx=["rls", dx], labs=[_creatinine("0.7")], measures=_WEIGHED)
    assert found.clearance
    assert found.is_in_doubt
