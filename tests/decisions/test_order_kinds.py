"""Which drafts are of a kind that is judged at all: for the others nothing is read (product.md section 5, item 1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cards.decisions.decide import decision_modules
from tests.builders.faults import assert_none, faults
from tests.decisions.charts import chart
from tests.decisions.test_order_wording import ORDERS
from tests.decisions.test_tables import RULES


@pytest.mark.parametrize("decision", ORDERS)
def test_a_draft_of_no_kind_of_ours_is_none(decision: str) -> None:
    def is_none(draft: str) -> None:
        built = chart({"dx": [], "drafts": [draft]})
        found = decision_modules()[decision](built, RULES.on(built.today))
        assert [finding.because for finding in found] == ["no_draft"]

    drafts = (
        "opioid oxycodone 10",
        "opioid+tramadol tramadol 100 reason active-cancer",
        "lithium lithium 900",
        "b12 mecobalamin 1",
        "metformin metformin 1000 reason rls",
        "magnesium-iv magnesium sulfate 2000",
        "tests b12",
        "tests iron",
    )
    assert_none(faults(is_none, drafts))


@pytest.mark.parametrize(
    ("decision", "draft"),
    [
        ("gabapentinoid_order", "opioid oxycodone 10 reason rls"),
        ("supplement_order", "b12 mecobalamin 1 words-rls"),
        ("lab_order", "tests ferritin"),
        ("lab_order", "tests tsat"),
        ("aggravator_order", "vmat2 tetrabenazine 25"),
        ("dopaminergic_order", "ergot bromocriptine 2.5"),
    ],
)
def test_a_draft_of_a_kind_of_ours_is_judged(decision: str, draft: str) -> None:
    built = chart({"dx": [], "drafts": [draft]})
    found = decision_modules()[decision](built, RULES.on(built.today))
    assert all(finding.because != "no_draft" for finding in found)


@pytest.mark.parametrize(
    ("drafts", "cards"),
    [
        (["iron-oral ferrous sulfate 65", "iron-oral ferrous fumarate 65"], {"OS-IRON-DUP"}),
        (["iron-oral ferrous sulfate 65", "levothyroxine levothyroxine 0.1"], {"OS-IRON-DDI"}),
        (["iron-oral ferrous sulfate 65"], set()),
    ],
)
def test_drafts_without_an_id_are_told_apart_by_their_place_in_the_basket(drafts: list[str], cards: set[str]) -> None:
    built = chart({"labs": ["ferritin 40 ng/mL 26d", "tsat 22 % 26d"], "drafts": drafts})
    nameless = tuple(
        replace(draft, reference="", drug=draft.drug and replace(draft.drug, reference="")) for draft in built.drafts
    )
    found = decision_modules()["iron_order"](replace(built, drafts=nameless), RULES.on(built.today))
    assert {finding.card for finding in found if finding.card} == cards
