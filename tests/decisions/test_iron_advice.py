"""What a tired reader takes from an iron card: the advice that counts comes first, and nothing below contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from .test_tables import RULES, cards_of

_LOW = ["ferritin 40 ng/mL 26d", "tsat 24 % 26d"]
_CASES: tuple[tuple[str, str, Mapping[str, Any], str, tuple[str, ...]], ...] = (
    ("usual", "iron_status", {"labs": _LOW}, "Confirm that RLS", ("TSAT first", "Pregnancy")),
    ("no saturation", "iron_status", {"labs": _LOW[:1]}, "TSAT first: it is not known", ()),
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
        "TSAT is high within hours of an iron tablet",
        (),
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
    recommended = card.detail.split("**Why**")[0].removeprefix("**Order:**")
    bullets = [line for line in recommended.splitlines() if line.startswith("- ")]
    assert bullets[0].startswith(f"- {leads}")
    assert not [words for words in without if words in card.summary + recommended]
