"""What a tired reader takes from an iron card: the advice that counts comes first, and nothing below contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from cards.decisions.decide import Verdict, decision_modules
from cards.facts.chart import Draft
from cards.facts.drugs import Amount
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.wording.render import draft_in_short
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.test_tables import CASES, RULES, cards_of, rules_of_the_day, says

_LOW = ["ferritin 40 ng/mL 26d", "tsat 24 % 26d"]
_CASES: tuple[tuple[str, str, Mapping[str, Any], str, tuple[str, ...]], ...] = (
    ("usual", "iron_status", {"labs": _LOW}, "Confirm that RLS", ("TSAT first", "Pregnancy")),
    ("no saturation", "iron_status", {"labs": _LOW[:1]}, "Transferrin saturation (TSAT) first: it is not known", ()),
    ("pregnant", "iron_status", {"labs": _LOW, "person": "31 F pregnant 28w"}, "Confirm that RLS", ("speed matters",)),
    (
        "taking iron in vain",
        "iron_status",
        {"labs": ["ferritin 40 ng/mL 14d", "tsat 24 % 14d"], "drugs": ["iron-oral ferrous sulfate 65 since 156d"]},
        "Confirm that RLS",
        ("Oral: about 65 mg",),
    ),
    (
        "after a tablet",
        "iron_status",
        {
            "labs": ["ferritin 20 ng/mL 7d", "tsat 60 % 7d"],
            "drugs": ["iron-oral ferrous sulfate 65 since 21d"],
        },
        "Continue the iron that is already taken and add no other",
        ("Do not start",),
    ),
    ("suspected", "iron_status", {"labs": _LOW, "dx": ["rls?"]}, "RLS is suspected, not confirmed", ()),
    (
        "cause in a man",
        "iron_cause",
        {"person": "50 M", "labs": ["ferritin 20 ng/mL 26d"]},
        "Ask about blood donation",
        ("menses", "In pregnancy the need"),
    ),
    (
        "probable overload",
        "iron_order",
        {"labs": _LOW, "dx": ["rls", "probable-overload"], "drafts": ["iron-oral ferrous sulfate 65"]},
        "The diagnosis only makes overload probable",
        ("is recorded",),
    ),
    (
        "studies in the basket",
        "iron_order",
        {"drafts": ["iron-oral ferrous sulfate 65", "tests ferritin iron-panel"]},
        "Iron studies are in the same basket",
        ("Order ferritin",),
    ),
)


@pytest.mark.parametrize(
    ("decision", "case", "leads", "without"), [each[1:] for each in _CASES], ids=[each[0] for each in _CASES]
)
def test_the_advice_that_counts_leads(
    decision: str, case: Mapping[str, Any], leads: str, without: tuple[str, ...]
) -> None:
    (card,) = cards_of(decision, case, RULES)
    recommended = card.detail.split("**This patient**")[0].removeprefix("**Order:**")
    bullets = [line for line in recommended.splitlines() if line.startswith("- ")]
    assert bullets[0].startswith(f"- {leads}")
    assert not [words for words in without if words in card.summary + recommended]


_THREE_OF_THEM = ("ascorbic acid", "ferrous bisglycinate", "polysaccharide iron complex")


@pytest.mark.parametrize("decision", ["iron_order", "iv_iron_order"])
def test_no_summary_loses_its_next_step_to_the_name_of_the_product(decision: str) -> None:
    def summary_is_whole(case: Mapping[str, Any]) -> None:
        built = chart(case)
        rules = rules_of_the_day(case, RULES, built.today)
        named = replace(built, drafts=tuple(map(_of_three_ingredients, built.drafts)))
        verdict = Verdict("order-sign", decision_modules()[decision](named, rules))
        profile = ClientCapabilities("p1", max_cards=0)
        for card in present(verdict, named, rules, profile=profile, new_uuid=lambda: str(UUID(int=4))):
            assert not card.summary.endswith("\u2026"), card.summary

    firing = [case for name, case in CASES if name == decision and case["expect"]]
    assert_none(faults(summary_is_whole, firing, says))


def _of_three_ingredients(draft: Draft) -> Draft:
    """The same order of a product whose name is as long as any: several irons and a vitamin."""
    if draft.drug is None or not draft.drug.has("iron-oral"):
        return draft
    product = replace(draft.drug.product, ingredients=tuple(map(Amount, _THREE_OF_THEM)))
    return replace(draft, drug=replace(draft.drug, product=product))


def test_a_long_product_is_named_by_its_iron() -> None:
    (order,) = chart({"drafts": ["iron-oral ferrous sulfate 65"]}).drafts
    assert draft_in_short(order) == "ferrous sulfate"
    assert draft_in_short(_of_three_ingredients(order)) == "ferrous bisglycinate and 2 more"


@pytest.mark.parametrize(
    ("problem", "source"),
    [
        ("rls", "AASM"),
        ("heart-failure", "ESC heart failure guideline 2021"),
        ("ckd", "KDIGO"),
    ],
)
def test_iron_by_another_definition_is_shown_with_its_own_source(problem: str, source: str) -> None:
    case = {"dx": sorted({"rls", problem}), "labs": ["ferritin 180 ng/mL 26d", "tsat 15 % 26d"]}
    (card,) = (
        each
        for each in cards_of("iron_status", case, RULES, ClientCapabilities("p1", max_cards=0))
        if each.id == "IRON-FUNC"
    )
    assert card.source_label.startswith(source)
