"""Every card that a case of the iron tables fires, as a client would get it: its words, its why, what it offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cards.facts.card import SUMMARY_LIMIT, utf16_length
from cards.wording.render import wording
from tests.builders.faults import assert_none
from tests.decisions.charts import LONG_NAMES, chart
from tests.decisions.shown import PROFILE, Shown, detail_is_short, faults_of_card, shown_with
from tests.decisions.test_tables import RULES

IRON = ("iron_status", "iron_cause", "iron_order", "iv_iron_order")
CARDS = [(decision, card) for decision in IRON for card in RULES.decisions[decision].cards]

CRITICAL = {"OS-IRON-OVL", "OS-IRON-TSAT45", "OS-IV-HSR", "OS-IV-FCM-PHOS"}
#: product.md section 4; a renewal at a probable post-dose saturation is repeated, not removed.
REMOVING = {
    "OS-IRON-OVL", "OS-IRON-TSAT45", "OS-IRON-F300", "OS-IRON-ESRD-HOLD", "OS-IRON-CHILD-NOTLOW", "OS-IRON-REPLETE",
}  # fmt: skip
#: The tests that a card offers: the right ones, in one suggestion; optional further ones stand apart.
STUDIES = ("2276-4", "50190-8")
PANEL, CRP, PHOSPHATE = ("50190-8",), ("1988-5",), ("2777-1",)
FURTHER = (("2132-9",), ("62292-8",))
ORDERING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "IRON-HIGH-TSAT": (STUDIES,),
    "IRON-CONFLICT": (STUDIES,),
    "IRON-RECHECK": (STUDIES, ()),
    "IRON-TEST": (STUDIES,),
    "IRON-TEST-TSAT": (PANEL,),
    "IRON-CHILD": (PANEL, STUDIES, ()),
    "IRON-LOW": (PANEL, STUDIES, ()),
    "IRON-MID-LOWTSAT": (STUDIES, ()),
    "IRON-HIGH-FERR": (STUDIES, ()),
    "IRON-ONTX": (STUDIES, ()),
    "IRON-FUNC": (CRP, ()),
    "OS-IRON-TSAT45": (STUDIES,),
    "OS-IRON-NOLABS": (STUDIES, PANEL, ()),
    "OS-IRON-NOTSAT": (PANEL,),
    "OS-IRON-FUNC": (CRP, ()),
    "OS-IRON-F300": (STUDIES, ()),
    "OS-IRON-DUP": (STUDIES, ()),
    "OS-IV-FCM-PHOS": (PHOSPHATE, ()),
}
#: What the why of a card holds so that a reader can recompute it; | parts alternatives.
F, T = "ferritin|ferritin_missing", "tsat|tsat_missing"
COMPARED: Mapping[str, tuple[str, ...]] = {
    "IRON-OVL": ("overload",),
    "IRON-PV": ("polycythaemia",),
    "IRON-HIGH-TSAT": ("tsat", F),
    "IRON-CONFLICT": ("first", "second"),
    "IRON-RECHECK": ("therapy|last_iv|planned_iv", F),
    "IRON-TEST": ("ferritin_missing",),
    "IRON-TEST-TSAT": ("ferritin", "tsat_missing"),
    "IRON-ESRD": ("ferritin", "tsat"),
    "IRON-ESRD-DISCORD": ("ferritin", "tsat"),
    "IRON-CHILD": ("ferritin", T),
    "IRON-CHILD-TSAT": ("ferritin", "tsat"),
    "IRON-HIGH-FERR": ("ferritin",),
    "IRON-ONTX": ("ferritin", T, "therapy|last_iv"),
    "IRON-LOW": ("ferritin", T),
    "IRON-MID-LOWTSAT": ("ferritin", "tsat"),
    "IRON-FUNC": ("ferritin", "tsat"),
    "IRON-INFLAM": ("ferritin", "tsat", "crp"),
    "IRON-MID": ("ferritin", "tsat"),
    "IRON-REPLETE-ONTX": ("ferritin", "tsat", "therapy"),
    "IRON-CAUSE": ("ferritin",),
    "OS-IRON-OVL": ("overload",),
    "OS-IRON-PV": ("polycythaemia",),
    "OS-IRON-TSAT45": ("tsat", F),
    "OS-IRON-F300": ("ferritin",),
    "OS-IRON-ESRD-HOLD": (F, T),
    "OS-IRON-NOLABS": (F,),
    "OS-IRON-NOTSAT": ("ferritin", "tsat_missing"),
    "OS-IRON-CHILD-NOTLOW": ("ferritin",),
    "OS-IRON-REPLETE": ("ferritin", "tsat"),
    "OS-IRON-FUNC": ("ferritin", "tsat"),
    "OS-IRON-ORAL-MID": ("ferritin",),
    "OS-IRON-DOSE": ("dose",),
    "OS-IRON-DDI": ("interaction",),
    "OS-IRON-DUP": ("duplicate|last_iv",),
    "OS-IV-HSR": ("allergy",),
    "OS-IV-INFECT": ("infection",),
    "OS-IV-PREG1": ("pregnancy",),
    "OS-IV-CHILD": (),
    "OS-IV-FCM-PHOS": ("phosphate|phosphate_missing",),
    "OS-IV-AGENT": (),
    "OS-IV-BOX": (),
}
#: The lists without which a card stands but offers nothing; allergies are read on order hooks only.
SECONDARY = tuple(
    (decision, name)
    for decision in IRON
    for name in ("medications", "procedures", "orders", "allergies")
    if name != "allergies" or decision.endswith("order")
)


def summary_stands_alone_on_one_line(shown: Shown) -> None:
    card = shown.card
    assert utf16_length(card.summary) <= SUMMARY_LIMIT
    assert not card.summary.endswith("…"), f"{card.id} is cut: {card.summary}"
    assert not set(card.summary) & set("<>{}*[]`\n\r"), card.summary


def detail_has_its_parts_in_order(shown: Shown) -> None:
    words, card = wording()["headings"], shown.card
    headings = [f"**{words[name]}{end}" for name, end in (("why", "**"), ("rule", ":**"))]
    places = [card.detail.find(heading) for heading in headings]
    assert all(card.detail.count(heading) == 1 for heading in headings), card.detail
    assert places == sorted(places)
    recommendation = card.detail[: places[0]].removeprefix(f"**{words['about']}:** ")
    assert "\n- " in f"\n{recommendation}", "the recommendation comes first"
    assert not set(card.detail) & set("<{}\r"), card.detail
    assert detail_is_short(card), card.detail


def why_holds_what_the_rule_compares(shown: Shown) -> None:
    for finding in shown.findings:
        held = {name.rstrip("0123456789") for name in finding.why}
        assert "person" in held
        for wanted in COMPARED[finding.card]:
            assert held & set(wanted.split("|")), f"{finding.card} does not print {wanted}"
        if finding.card == "IRON-CAUSE" and finding.facts["anaemia_summary"]:
            assert "haemoglobin" in held
        if shown.decision == "iron_order" and not finding.drafts[0].drug.has("iron-iv"):  # type: ignore[union-attr]
            assert "dose" in held


def every_line_of_the_why_is_printed(shown: Shown) -> None:
    block = shown.card.detail.split(f"**{wording()['headings']['why']}**", 1)[1].split("**", 1)[0]
    printed = [line.removeprefix("- ") for line in block.splitlines() if line.startswith("- ")]
    assert [_short(line) for line in printed[1:]] == [_short(line) for line in shown.card.inputs[1:]]
    for finding in shown.findings:
        assert len(printed) >= len(set(finding.why)) or len(shown.all_findings) > 1


def _short(line: str) -> str:
    """An abbreviation is written out where a card first says it, which need not be in the why."""
    return line.replace("Transferrin saturation (TSAT)", "TSAT").replace("transferrin saturation (TSAT)", "TSAT")


def nothing_is_active(shown: Shown) -> None:
    card = shown.card
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    tokens = [token for block in parser.parse(card.detail) for token in (block, *(block.children or []))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "heading_open", "code_block", "fence",
                        "code_inline", "s_open", "table_open"}, kinds  # fmt: skip
    assert parser.renderInline(card.summary) == card.summary.replace("&", "&amp;").replace('"', "&quot;")


def it_leads_to_its_own_page_and_nowhere_else(shown: Shown) -> None:
    card = shown.card
    assert [(link.label, link.url) for link in card.links] == [
        ("Why this card", f"{PROFILE.source_url}/{card.id.replace('-', '')}")
    ]


def only_a_stop_is_critical(shown: Shown) -> None:
    assert shown.card.indicator != "critical" or shown.card.id in CRITICAL


def it_offers_what_it_may_and_nothing_else(shown: Shown) -> None:
    card, case = shown.card, shown.case
    if "cut" in case.get("listings", {}).values():
        assert card.suggestions == (), "nothing is offered on a list that was cut"
        return
    deletes = [each for each in card.suggestions if each.actions[0].type == "delete"]
    removing = card.id in REMOVING and (card.id, card.indicator) != ("OS-IRON-TSAT45", "info")
    removing = removing or (card.id == "OS-IV-HSR" and card.indicator == "critical")
    assert bool(deletes) == removing, f"{card.id}:{card.indicator}"
    assert {each.actions[0].resource_id for each in deletes} <= {draft.reference for draft in chart(case).drafts}
    assert all(not each.is_recommended for each in card.suggestions) or card.indicator == "critical"
    creates = [each for each in card.suggestions if each.actions[0].type == "create"]
    assert _tests_of(creates[:1]) in ORDERING.get(card.id, ((),)), f"{card.id} offers {_tests_of(creates)}"
    further = creates[1:]
    allowed = {"IRON-TEST": FURTHER, "IRON-LOW": (STUDIES,), "IRON-CHILD": (STUDIES,)}.get(card.id, ())
    assert all(_tests_of([each]) in allowed for each in further), card.id
    if card.id in ("IRON-LOW", "IRON-CHILD"):
        panels = [each for each in creates if _tests_of([each]) == PANEL]
        first = [{"advice_tsat_first", "tsat_missing"} & {*finding.texts, *finding.facts} for finding in shown.findings]
        assert all(bool(panels) == (len(each) == 2) for each in first), "a missing saturation is asked for"
    for action in (action for each in creates for action in each.actions):
        assert action.resource is not None
        assert (action.resource["resourceType"], action.resource["status"]) == ("ServiceRequest", "draft")


def _tests_of(suggestions: list[Any]) -> tuple[str, ...]:
    resources = [action.resource for each in suggestions for action in each.actions]
    return tuple(resource["code"]["coding"][0]["code"] for resource in resources)


def it_is_what_a_client_expects(shown: Shown) -> None:
    sent = shown.card.as_json()
    topic = {"code": shown.card.id.replace("-", ""), "system": "https://rls-cds.example.org/CodeSystem/card"}
    assert topic.items() <= sent["source"]["topic"].items()
    assert sent["source"]["topic"]["display"]
    assert sent["source"]["label"]
    assert sent["source"]["url"] == PROFILE.source_url
    assert sent["uuid"]
    assert all(reason.keys() == {"code", "system", "display"} for reason in sent["overrideReasons"])


def an_order_card_names_its_order(shown: Shown) -> None:
    for draft in (draft for finding in shown.findings for draft in finding.drafts):
        assert draft.drug is not None
        several = draft.drug.has("multi-ingredient")
        name = "multi-ingredient product" if several else draft.drug.product.name
        assert name in shown.card.summary.lower() or len(shown.all_cards) > 1


@pytest.mark.parametrize(("decision", "card"), CARDS, ids=[card for _, card in CARDS])
def test_wherever_a_card_is_shown_its_words_and_offers_are_right(decision: str, card: str) -> None:
    assert_none(
        faults_of_card(
            decision,
            card,
            summary_stands_alone_on_one_line,
            detail_has_its_parts_in_order,
            why_holds_what_the_rule_compares,
            every_line_of_the_why_is_printed,
            nothing_is_active,
            it_leads_to_its_own_page_and_nowhere_else,
            only_a_stop_is_critical,
            it_offers_what_it_may_and_nothing_else,
            it_is_what_a_client_expects,
            an_order_card_names_its_order,
        )
    )


def no_draft_any_more(case: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**case, "drafts": [f"{text.removesuffix(' background')} not-draft" for text in case.get("drafts", [])]}


@pytest.mark.slow
@pytest.mark.parametrize("decision", IRON)
def test_an_order_that_is_no_draft_any_more_is_not_removed(decision: str) -> None:
    removed = [
        f"{each}: {each.card.id}"
        for each in shown_with(decision, no_draft_any_more)
        if any(action.type == "delete" for offer in each.card.suggestions for action in offer.actions)
    ]
    assert removed == []


@pytest.mark.slow
@pytest.mark.parametrize("long_name", LONG_NAMES)
@pytest.mark.parametrize("decision", ["iron_order", "iv_iron_order"])
def test_the_summary_is_whole_for_products_with_long_names(decision: str, long_name: str) -> None:
    every = shown_with(decision, lambda case: {**case, "names": long_name})
    assert {each.card.id: each.card.summary for each in every if each.card.summary.endswith("…")} == {}


@pytest.mark.slow
@pytest.mark.parametrize("state", ["not known", "cut"])
@pytest.mark.parametrize(("decision", "name"), SECONDARY)
def test_nothing_is_offered_while_a_secondary_list_is_unread(decision: str, name: str, state: str) -> None:
    sentence = wording()["not_checked"][name]
    for each in shown_with(decision, lambda case: {**case, "listings": {**case.get("listings", {}), name: state}}):
        assert each.card.suggestions == (), each
        assert sentence in each.card.detail, f"{each}: {each.card.id} does not say that {name} were not read"
