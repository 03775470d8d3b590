"""The line on RLS that stays severe with replete iron: on which cards, for whom, and with which caution."""

from __future__ import annotations

from typing import Any

import pytest

from cards.decisions.shared.severe_rls import render_review
from tests.decisions.charts import chart
from tests.decisions.test_tables import RULES, cards_of


@pytest.mark.parametrize(
    "case",
    [
        {"person": "17 F"},
        {"person": "31 F pregnant 20w"},
        {"dx": ["rls?"]},
        {"drugs": ["gabapentinoid pregabalin 75 since 30d"]},
        {"allergies": ["gabapentin"]},
        {"listings": {"medications": "cut"}},
        {"listings": {"allergies": "not known"}},
        {"listings": {"conditions": "cut"}},
    ],
    ids=str,
)
def test_where_a_gabapentinoid_is_no_new_option_nothing_is_said(case: dict[str, Any]) -> None:
    assert render_review(chart(case), RULES) == ""


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({}, "a gabapentinoid first (AASM strong, moderate)"),
        ({"person": "63 M esrd"}, "gabapentin 100 to 300 mg after dialysis (AASM conditional, very low certainty)"),
        ({"allergies": ["ferumoxytol"]}, "a gabapentinoid first (AASM strong, moderate)"),
        (
            {"person": "80 F", "dx": ["rls", "copd"], "drugs": ["opioid oxycodone 10 since 30d"]},
            "moderate); caution: an opioid is active, COPD, age",
        ),
    ],
    ids=str,
)
def test_the_review_ends_with_the_cautions_of_this_patient(case: dict[str, Any], words: str) -> None:
    assert render_review(chart(case), RULES).endswith(words)


REPLETE = ["ferritin 140 ng/mL 26d", "tsat 30 % 26d"]
LINE = "RLS still severe with"
#: A chart for each card that carries the line; all but IRON-MID and DA-AUG only where iron is replete.
ON: dict[str, tuple[str, dict[str, Any]]] = {
    "IRON-MID": ("iron_status", {"labs": ["ferritin 88 ng/mL 26d", "tsat 30 % 26d"]}),
    "IRON-REPLETE-ONTX": ("iron_status", {"labs": REPLETE, "drugs": ["iron-oral ferrous sulfate 65 since 200d"]}),
    "DA-AUG": ("augmentation", {"labs": REPLETE, "drugs": ["da pramipexole 0.25 since 900d"]}),
    "B12-LOW": ("b12", {"labs": [*REPLETE, "b12 150 pg/mL 26d"]}),
    "B12-BORDER": ("b12", {"labs": [*REPLETE, "b12 250 pg/mL 26d"]}),
    "B12-TEST": ("b12", {"labs": REPLETE, "dx": ["rls", "neuropathy"]}),
    "VITD-LOW": ("vitamin_d", {"labs": [*REPLETE, "vitd 14 ng/mL 26d"]}),
    "VITD-HIGH": ("vitamin_d", {"labs": [*REPLETE, "vitd 120 ng/mL 26d"]}),
}
WITH_REPLETE_IRON = [card for card in ON if card.startswith(("B12", "VITD"))]


def printed(decision: str, case: dict[str, Any]) -> dict[str, str]:
    return {card.id: card.detail for card in cards_of(decision, case, RULES)}


@pytest.mark.parametrize("card", ON)
def test_the_line_stands_once_on_each_of_its_cards(card: str) -> None:
    decision, case = ON[card]
    assert printed(decision, case)[card].count(LINE) == 1


@pytest.mark.parametrize(
    "hindrance",
    [
        {"drugs": ["gabapentinoid pregabalin 75 since 30d"]},
        {"person": "31 F pregnant 20w"},
        {"person": "17 F"},
        {"dx": ["rls?"]},
        {"allergies": ["gabapentin"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("card", ON)
def test_none_of_them_carries_it_where_a_gabapentinoid_is_no_new_option(card: str, hindrance: dict[str, Any]) -> None:
    decision, case = ON[card]
    drugs = [*case.get("drugs", []), *hindrance.get("drugs", [])]
    assert not any(LINE in detail for detail in printed(decision, {**case, **hindrance, "drugs": drugs}).values())


@pytest.mark.parametrize(
    "iron",
    [
        {},
        {"labs": ["ferritin 90 ng/mL 26d", "tsat 30 % 26d"]},
        {"labs": ["ferritin 140 ng/mL 26d", "tsat 15 % 26d"]},
        {"labs": ["ferritin 140 ng/mL 26d"]},
        {"labs": ["ferritin 140 ng/mL 400d", "tsat 30 % 400d"]},
        {"labs": ["ferritin 340 ng/mL 26d", "tsat 30 % 26d"]},
        {"labs": ["ferritin 140 ng/mL 26d", "tsat 50 % 26d"]},
        {"labs": REPLETE, "dx": ["haemochromatosis"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("card", WITH_REPLETE_IRON)
def test_on_other_nutrients_it_waits_for_replete_iron(card: str, iron: dict[str, Any]) -> None:
    decision, case = ON[card]
    own = [lab for lab in case["labs"] if lab not in REPLETE]
    dx = [*case.get("dx", ["rls"]), *iron.get("dx", [])]
    detail = printed(decision, {**case, "labs": [*own, *iron.get("labs", [])], "dx": dx})[card]
    assert LINE not in detail


@pytest.mark.parametrize(
    ("decision", "case", "card"),
    [
        ("iron_status", {"labs": ["ferritin 180 ng/mL 26d", "tsat 15 % 26d"]}, "IRON-FUNC"),
        ("iron_status", {"labs": ["ferritin 38 ng/mL 26d", "tsat 24 % 26d"]}, "IRON-LOW"),
        ("vitamin_d", {"labs": [*REPLETE, "vitd 180 ng/mL 26d", "calcium 11.2 mg/dL 26d"]}, "VITD-TOX"),
        ("magnesium", {"labs": [*REPLETE, "magnesium 1.5 mg/dL 26d"]}, "MG-LOW"),
    ],
)
def test_other_cards_do_not_carry_it(decision: str, case: dict[str, Any], card: str) -> None:
    assert LINE not in printed(decision, case)[card]


@pytest.mark.parametrize("card", ON)
def test_dialysis_and_the_cautions_change_it_wherever_it_stands(card: str) -> None:
    decision, case = ON[card]
    dx = [*case.get("dx", ["rls"]), "sleep-apnoea"]
    shown = printed(decision, {**case, "dx": dx})
    assert "a gabapentinoid first (AASM strong, moderate); caution: sleep apnoea." in shown[card]
    if not card.startswith("IRON"):
        dialysis = printed(decision, {**case, "person": "63 M esrd"})
        assert "gabapentin 100 to 300 mg after dialysis (AASM conditional, very low certainty)." in dialysis[card]
