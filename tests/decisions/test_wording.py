"""Every card that a case of the iron tables fires, as a client would get it: its words, its why, what it offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from cards.card import SUMMARY_LIMIT, Card, utf16_length
from cards.chart import Draft
from cards.finding import Finding, Outcome
from cards.present import CardProfile
from cards.wording import wording
from tests.decisions.charts import LONG_NAMES, chart
from tests.decisions.test_tables import CASES, RULES, cards_of, findings

IRON = ("iron_status", "iron_cause", "iron_order", "iv_iron_order")
FIRING = tuple(
    (decision, case) for decision, case in CASES if decision in IRON and any(":" in each for each in case["expect"])
)
PROFILE = CardProfile("p1", source_url="https://rls.example.org/source-attributes", max_cards=0)

#: Where the links of cards may lead (reliability and security page, OUT-4).
HOSTS = {
    "doi.org",
    "www.uptodate.com",
    "pubmed.ncbi.nlm.nih.gov",
    "pmc.ncbi.nlm.nih.gov",
    "dailymed.nlm.nih.gov",
    "www.fda.gov",
    "www.medicines.org.uk",
    "b-s-h.org.uk",
}
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
    "IRON-CHILD": (PANEL, ()),
    "IRON-LOW": (PANEL, ()),
    "IRON-FUNC": (CRP, ()),
    "OS-IRON-TSAT45": (STUDIES,),
    "OS-IRON-NOLABS": (STUDIES, ()),
    "OS-IRON-NOTSAT": (PANEL,),
    "OS-IRON-FUNC": (CRP, ()),
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
    "IRON-RECHECK": ("therapy|last_iv", F),
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
each_case = pytest.mark.parametrize(
    ("decision", "case"), FIRING, ids=[f"{decision}: {case['says']}" for decision, case in FIRING]
)


def fired(decision: str, case: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(each for each in findings(decision, case, RULES) if each.outcome is Outcome.FIRES)


def with_finding(decision: str, case: Mapping[str, Any]) -> Iterator[tuple[Finding, Card]]:
    """Each finding with a card that says it; drafts that get the same card share one."""
    cards = cards_of(decision, case, RULES, PROFILE)
    for finding in fired(decision, case):
        yield from ((finding, card) for card in cards if card.id == finding.card)


@each_case
def test_the_summary_stands_alone_on_one_line(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        assert utf16_length(card.summary) <= SUMMARY_LIMIT
        assert not card.summary.endswith("…"), f"{card.id} is cut: {card.summary}"
        assert not set(card.summary) & set("<>{}*[]`\n\r"), card.summary


@pytest.mark.parametrize("long_name", LONG_NAMES)
@pytest.mark.parametrize("decision", ["iron_order", "iv_iron_order"])
def test_the_summary_is_whole_for_products_with_long_names(decision: str, long_name: str) -> None:
    cut = {}
    for case in (case for name, case in FIRING if name == decision):
        for card in cards_of(decision, {**case, "names": long_name}, RULES, PROFILE):
            if card.summary.endswith("…"):
                cut[card.id] = card.summary
    assert cut == {}


@each_case
def test_the_detail_has_its_parts_in_order(decision: str, case: Mapping[str, Any]) -> None:
    words = wording()["headings"]
    for card in cards_of(decision, case, RULES, PROFILE):
        parts = (("why", "**"), ("rule", ":**"), ("source", ":**"), ("limits", "**"), ("not_for", ":**"))
        headings = [f"**{words[name]}{end}" for name, end in parts]
        places = [card.detail.find(heading) for heading in headings]
        assert all(card.detail.count(heading) == 1 for heading in headings), card.detail
        assert places == sorted(places)
        recommendation = card.detail[: places[0]].removeprefix(f"**{words['about']}:** ")
        assert "\n- " in f"\n{recommendation}", "the recommendation comes first"
        assert not set(card.detail) & set("<{}\r"), card.detail
        assert "version" in card.detail
        assert "Grade:" in card.detail


@each_case
def test_the_why_holds_what_the_rule_compares(decision: str, case: Mapping[str, Any]) -> None:
    for finding in fired(decision, case):
        held = {name.rstrip("0123456789") for name in finding.why}
        assert "person" in held
        for wanted in COMPARED[finding.card]:
            assert held & set(wanted.split("|")), f"{finding.card} does not print {wanted}"
        if finding.card == "IRON-CAUSE" and finding.facts["anaemia_summary"]:
            assert "haemoglobin" in held
        if decision == "iron_order" and not finding.drafts[0].drug.has("iron-iv"):  # type: ignore[union-attr]
            assert "dose" in held


@each_case
def test_every_line_of_the_why_is_printed(decision: str, case: Mapping[str, Any]) -> None:
    heading = f"**{wording()['headings']['why']}**"
    for finding, card in with_finding(decision, case):
        block = card.detail.split(heading, 1)[1].split("**", 1)[0]
        printed = [line.removeprefix("- ") for line in block.splitlines() if line.startswith("- ")]
        assert tuple(printed) == card.inputs
        assert len(printed) >= len(set(finding.why)) or len(fired(decision, case)) > 1


@each_case
def test_nothing_in_a_card_is_active(decision: str, case: Mapping[str, Any]) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    for card in cards_of(decision, case, RULES, PROFILE):
        tokens = [token for block in parser.parse(card.detail) for token in (block, *(block.children or []))]
        kinds = {token.type for token in tokens}
        assert not kinds & {"html_block", "html_inline", "image", "link_open", "heading_open", "code_block", "fence",
                            "code_inline", "s_open", "table_open"}, kinds  # fmt: skip
        assert parser.renderInline(card.summary) == card.summary.replace("&", "&amp;").replace('"', "&quot;")


@each_case
def test_links_lead_to_known_hosts_only(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        cited = [RULES.citations[name] for name in RULES.decisions[decision].cards[card.id].citations]
        assert [link.label for link in card.links] == [each.label for each in cited if each.certainty != "ours"]
        assert cited and card.source_url, f"{card.id} names no source"
        for link in card.links:
            address = urlsplit(link.url)
            assert address.scheme == "https"
            assert address.hostname in HOSTS


@each_case
def test_only_stops_are_critical(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        assert card.indicator != "critical" or card.id in CRITICAL


@each_case
def test_a_card_offers_what_it_may_and_nothing_else(decision: str, case: Mapping[str, Any]) -> None:
    for finding, card in with_finding(decision, case):
        if "cut" in case.get("listings", {}).values():
            assert card.suggestions == (), "nothing is offered on a list that was cut"
            continue
        deletes = [each for each in card.suggestions if each.actions[0].type == "delete"]
        removing = card.id in REMOVING and (card.id, card.indicator) != ("OS-IRON-TSAT45", "info")
        removing = removing or (card.id == "OS-IV-HSR" and card.indicator == "critical")
        assert bool(deletes) == removing, f"{card.id}:{card.indicator}"
        assert {each.actions[0].resource_id for each in deletes} <= {draft.reference for draft in case_drafts(case)}
        assert all(not each.is_recommended for each in card.suggestions) or card.indicator == "critical"
        creates = [each for each in card.suggestions if each.actions[0].type == "create"]
        assert _tests_of(creates[:1]) in ORDERING.get(card.id, ((),)), f"{card.id} offers {_tests_of(creates)}"
        further = creates[1:]
        assert not further or (card.id == "IRON-TEST" and all(_tests_of([each]) in FURTHER for each in further))
        if finding.card in ("IRON-LOW", "IRON-CHILD"):
            assert bool(creates) == ("tsat_missing" in finding.facts)
        for action in (action for each in creates for action in each.actions):
            assert action.resource is not None
            assert (action.resource["resourceType"], action.resource["status"]) == ("ServiceRequest", "draft")


def case_drafts(case: Mapping[str, Any]) -> tuple[Draft, ...]:
    return chart(case).drafts


def _tests_of(suggestions: list[Any]) -> tuple[str, ...]:
    resources = [action.resource for each in suggestions for action in each.actions]
    return tuple(resource["code"]["coding"][0]["code"] for resource in resources)


@each_case
def test_an_order_that_is_no_draft_any_more_is_not_removed(decision: str, case: Mapping[str, Any]) -> None:
    kept = {**case, "drafts": [f"{text.removesuffix(' background')} not-draft" for text in case.get("drafts", [])]}
    for card in cards_of(decision, kept, RULES, PROFILE):
        assert all(action.type != "delete" for each in card.suggestions for action in each.actions)


@pytest.mark.parametrize("state", ["not known", "cut"])
@pytest.mark.parametrize(("decision", "name"), SECONDARY)
def test_nothing_is_offered_while_a_secondary_list_is_unread(decision: str, name: str, state: str) -> None:
    sentence = wording()["not_checked"][name]
    for case in (case for each, case in FIRING if each == decision):
        unread = {**case, "listings": {**case.get("listings", {}), name: state}}
        for card in cards_of(decision, unread, RULES, PROFILE):
            assert card.suggestions == ()
            assert sentence in card.detail, f"{card.id} does not say that {name} were not read"


@each_case
def test_the_card_is_what_a_client_expects(decision: str, case: Mapping[str, Any]) -> None:
    for card in cards_of(decision, case, RULES, PROFILE):
        sent = card.as_json()
        topic = {"code": card.id.replace("-", ""), "system": "https://rls-cds.example.org/CodeSystem/card"}
        assert topic.items() <= sent["source"]["topic"].items()
        assert sent["source"]["topic"]["display"]
        assert sent["source"]["label"]
        assert sent["source"]["url"] == PROFILE.source_url
        assert sent["uuid"]
        assert all(reason.keys() == {"code", "system", "display"} for reason in sent["overrideReasons"])


@each_case
def test_an_order_card_names_its_order(decision: str, case: Mapping[str, Any]) -> None:
    for finding, card in with_finding(decision, case):
        for draft in finding.drafts:
            assert draft.drug is not None
            several = draft.drug.has("multi-ingredient")
            name = "multi-ingredient product" if several else draft.drug.product.name
            assert name in card.summary.lower() or len(cards_of(decision, case, RULES, PROFILE)) > 1
