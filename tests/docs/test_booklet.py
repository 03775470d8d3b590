"""The booklet shows every card of the product beside its patient, with a box to mark."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.decisions.test_tables import CASES
from tests.docs.booklet_pages import GROUPS, Group, anchor, card_ids, group_of, group_page, index_page
from tests.docs.shown_patients import (
    ShownPatient,
    answered,
    every_kind,
    facts,
    further_examples,
    golden_patients,
    kinds,
    patient_of_case,
)


@cache
def page(group: Group) -> str:
    return group_page(group)


def block(code: str, indicator: str) -> str:
    """The part of the booklet that shows a card in one indicator."""
    text = page(group_of(card_ids()[code]))
    return text.partition(f"{{ #{anchor((code, indicator))} }}")[2].partition("\n## ")[0]


@pytest.mark.parametrize("code", card_ids())
def test_every_card_of_the_product_has_its_place(code: str) -> None:
    shown = [indicator for each, indicator in every_kind() if each == code]
    assert shown and all(block(code, indicator) for indicator in shown)


def test_every_indicator_that_a_case_expects_is_shown() -> None:
    """A card that is a warning for one patient and information for another is marked twice."""
    expected = {tuple(each.replace("-", "").split(":")) for _, case in CASES for each in case["expect"] if ":" in each}
    assert expected <= set(every_kind())


@pytest.mark.parametrize("kind", every_kind(), ids=":".join)
def test_a_card_is_shown_whole_beside_the_facts_and_a_box(kind: tuple[str, str]) -> None:
    patient, text = every_kind()[kind], block(*kind)
    card = next(each for each in patient.cards if (each["source"]["topic"]["code"], each["indicator"]) == kind)
    assert f"**{card['summary']}**" in text and card["detail"] in text
    assert all(line in text for line in facts(patient))
    assert all(each["label"] in text for each in card.get("suggestions", ()))
    assert all(each["display"].lower() in text for each in card.get("overrideReasons", ()))
    assert all(each["label"] in text for each in card.get("links", ()))
    assert re.findall(r"^- \[ \] (\w+)", text, re.MULTILINE) == ["agree", "change", "remark"]


@pytest.mark.parametrize("patient", golden_patients(), ids=lambda patient: patient.source)
def test_the_facts_are_those_from_which_the_service_answered(patient: ShownPatient) -> None:
    """The chart beside a golden answer, asked again without HTTP, gives the same cards."""
    again = [(card["source"]["topic"]["code"], card["indicator"]) for card in answered(patient.chart, patient.hook)]
    assert again == list(kinds(patient))


def test_the_index_leads_to_every_card() -> None:
    index = index_page()
    for code, indicator in every_kind():
        group = group_of(card_ids()[code])
        assert f"({group.file}.md#{anchor((code, indicator))})" in index
    assert sum(text.count("\n## ") for text in map(page, GROUPS)) == len(every_kind()) + len(further_examples())


@pytest.mark.parametrize("example", further_examples(), ids=":".join)
def test_a_card_that_reads_otherwise_by_the_product_is_shown_for_each(example: tuple[str, str, str]) -> None:
    *kind, product = example
    text = page(group_of(card_ids()[kind[0]])).partition(f"{{ #{anchor((kind[0], kind[1]), product)} }}")[2]
    (card,) = (each for each in further_examples()[example].cards if each["source"]["topic"]["code"] == kind[0])
    assert card["detail"] in text.partition("\n## ")[0] and card["detail"] not in block(kind[0], kind[1])


def test_what_a_site_has_set_stands_beside_the_card() -> None:
    decision, case = next((name, case) for name, case in CASES if case.get("switches", {}).get("rx_review") == "true")
    assert any("The site has set: rx_review = true" in line for line in facts(patient_of_case(decision, case)))
