"""From findings to cards: order, budget, grouping, what is offered and what is said where nothing may be offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cards.dates import on_day
from cards.decisions.decide import Verdict, decide
from cards.facts.card import Action, Card
from cards.facts.chart import LISTS, Chart, Draft, Gap, Listing
from cards.facts.drugs import Amount, Drug, Product
from cards.facts.finding import (
    Finding,
    Indicator,
    OrderTests,
    Outcome,
    RemoveDraft,
    ReviseDraft,
    Suggestion,
    quiet,
    unknown,
)
from cards.facts.results import UnusableResult
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.draft_groups import grouped
from cards.presenting.explain import explain
from cards.presenting.override_reasons import offered_reasons
from cards.presenting.present import CARD_SYSTEM, not_evaluated, present, within_budget
from cards.site.overrides import SiteSwitch, SiteThreshold, overridden, site_values
from cards.wording.render import wording
from cds_service.knowledge.load import national_rules
from tests.decisions.charts import chart as chart_of
from tests.decisions.charts import lab_result

RULES = national_rules()
TODAY = date(2026, 6, 15)
COMPLETE = Chart(TODAY, listings=dict.fromkeys(LISTS, Listing.COMPLETE))
PROFILE = ClientCapabilities("p1", source_url="https://example.org/source", max_cards=0)
FERRITIN = lab_result("ferritin 38 ng/mL 2026-05-20")
TSAT = lab_result("tsat 22 % 2026-05-20")


def order(number: int, name: str = "ferrous sulfate") -> Draft:
    product = Product((Amount(name),), frozenset({"iron-oral"}), f"{name} 325 mg oral tablet")
    return Draft(f"MedicationRequest/d{number}", drug=Drug(product), number=number)


def finding(card: str, indicator: Indicator = Indicator.WARNING, **more: Any) -> Finding:
    """A finding of the decision that owns the card, with every fact that the card's words may name."""
    decision = next(name for name, text in RULES.decisions.items() if card in text.cards)
    facts = dict.fromkeys(RULES.decisions[decision].facts, FERRITIN) | {"tsat": TSAT} | more.pop("facts", {})
    return Finding(decision, Outcome.FIRES, "fires", card, indicator, facts, **more)


def shown(
    *findings: Finding, hook: str = "order-sign", chart: Chart = COMPLETE, profile: ClientCapabilities = PROFILE
) -> tuple[Card, ...]:
    numbers = count(1)
    verdict = Verdict(hook, findings)
    return present(verdict, chart, RULES, profile=profile, new_uuid=lambda: f"u{next(numbers)}")


def unread(*names: str, listing: Listing = Listing.NOT_KNOWN) -> Chart:
    return replace(COMPLETE, listings={**COMPLETE.listings, **dict.fromkeys(names, listing)})


# --- order and budget ------------------------------------------------------------------------------------------


def test_urgent_first_then_by_family_then_by_id() -> None:
    cards = shown(
        finding("AGG-ACTIVE", Indicator.INFO),
        finding("MG-LOW", Indicator.INFO),
        finding("B12-LOW", Indicator.WARNING),
        finding("IRON-LOW", Indicator.WARNING),
        finding("OS-IRON-OVL", Indicator.CRITICAL, drafts=(order(1),)),
        finding("RX-REVIEW", Indicator.INFO),
        finding("IRON-CAUSE", Indicator.WARNING),
    )
    assert [card.id for card in cards] == [
        "OS-IRON-OVL", "IRON-CAUSE", "IRON-LOW", "B12-LOW", "AGG-ACTIVE", "MG-LOW", "RX-REVIEW",
    ]  # fmt: skip


#: A chart that fires one card of each family of patient-view as information, and none as a warning.
ONE_OF_EACH = {
    "labs": ["b12 250 pg/mL 26d", "folate 3.5 ng/mL 26d", "vitd 14 ng/mL 26d", "magnesium 1.5 mg/dL 26d",
             "plp 15 nmol/L 26d"],
    "drugs": ["agg-sub+agg-sub-antiemetic metoclopramide 30 since 60d", "da pramipexole 0.25 since 900d"],
}  # fmt: skip
IN_ORDER = ["IRON-TEST", "AGG-ACTIVE", "DA-AUG", "B12-BORDER", "FOL-BORDER", "VITD-LOW", "MG-LOW", "B6-LOW"]


def opened(most: int) -> tuple[Card, ...]:
    built = chart_of(ONE_OF_EACH)
    verdict = decide(built, RULES, "patient-view")
    return present(verdict, built, RULES, profile=replace(PROFILE, max_cards=most), new_uuid=lambda: "u")


def test_one_of_each_family_comes_in_the_order_of_the_clinical_page() -> None:
    assert [card.id for card in opened(0)] == IN_ORDER
    assert {card.indicator for card in opened(0)} == {"info"}


@pytest.mark.parametrize(
    ("most", "left_out"),
    [
        (7, "1 more, not shown: Low vitamin B6."),
        (5, "3 more, not shown: Low vitamin D; Low magnesium; Low vitamin B6."),
        (2, "6 more, not shown: Augmentation screen; Borderline vitamin B12; Borderline folate; Low vitamin D; "
            "Low magnesium; Low vitamin B6."),
    ],
)  # fmt: skip
def test_what_the_cap_leaves_out_is_named_in_plain_words(most: int, left_out: str) -> None:
    kept = opened(most)
    assert [card.id for card in kept] == IN_ORDER[:most]
    assert kept[-1].detail.endswith(f"\n\n{left_out}")
    assert not any(code.replace("-", "") in kept[-1].detail or code in kept[-1].detail for code in IN_ORDER)


def test_safety_comes_before_iron_and_iron_before_the_rest_of_an_order() -> None:
    codes = ("OS-DA", "OS-AGG", "OS-IRON-NOLABS", "OS-GABA-RENAL", "OS-IV-INFECT", "OS-IRON-TSAT45", "OS-MG")
    fired = [finding(code, Indicator.WARNING, drafts=(order(1),)) for code in codes]
    assert [card.id for card in shown(*fired)] == [
        "OS-IV-INFECT", "OS-IRON-TSAT45", "OS-MG", "OS-GABA-RENAL", "OS-IRON-NOLABS", "OS-AGG", "OS-DA",
    ]  # fmt: skip


def card(card_id: str, indicator: str = "info") -> Card:
    (made,) = shown(finding("IRON-LOW"), hook="patient-view")
    topic = replace(made.topic, display=f"Title of {card_id}")
    return replace(made, id=card_id, indicator=indicator, detail=f"detail of {card_id}", topic=topic)


def test_the_budget_keeps_the_first_and_names_what_is_left_out() -> None:
    cards = [card("A"), card("B"), card("C"), card("D"), card("C")]
    kept = within_budget(cards, 2)
    sentence = wording()["sentences"]["more"].format(count=3, names="Title of C; Title of D")
    assert [each.id for each in kept] == ["A", "B"]
    assert kept[0].detail == "detail of A"
    assert kept[1].detail == f"detail of B\n\n{sentence}"
    (*_, last) = within_budget(cards, 3)
    assert last.detail.startswith("detail of C\n\n")


@pytest.mark.parametrize(("most", "number"), [(0, 4), (4, 4), (5, 4), (3, 3), (2, 3), (1, 3)])
def test_a_critical_card_is_never_left_out(most: int, number: int) -> None:
    cards = [*(card(name, "critical") for name in "ABC"), card("D")]
    assert len(within_budget(cards, most)) == number


def test_a_profile_without_a_word_shows_five() -> None:
    several = [finding(name) for name in ("IRON-LOW", "IRON-CAUSE", "B12-LOW", "MG-LOW", "AGG-ACTIVE", "RX-REVIEW")]
    assert len(shown(*several, hook="patient-view", profile=ClientCapabilities("p1"))) == 5


# --- the order of the detail ------------------------------------------------------------------------------------


def considered(card: Card) -> list[str]:
    return [line for line in card.detail.partition("**This patient**")[0].splitlines() if line.startswith("- ")]


def advised(indicator: Indicator) -> Card:
    """A card with four lines of advice beside its own."""
    texts = ("advice_suspected", "advice_tsat_first", "advice_confirm", "advice_unusable_ferritin", "household")
    (made,) = shown(finding("IRON-LOW", indicator, texts=texts, why=("ferritin",)), hook="patient-view")
    return made


def test_three_lines_come_first_and_what_is_beyond_them_leads_what_follows_the_rule() -> None:
    card = advised(Indicator.WARNING)
    texts = RULES.decisions["iron_status"].texts
    assert [line[:30].rstrip() for line in considered(card)] == [
        "- RLS is suspected, not confir", "- Transferrin saturation (TSAT", "- Confirm that RLS is clinical",
    ]  # fmt: skip
    notes = card.detail.partition("**Rule:**")[2].split("\n\n")[1].splitlines()
    assert notes[0].startswith("- The newest ferritin may not be used")
    assert notes[1] == "- 38 ng/mL (2026-05-20)"  # the card's own line, which prints the plan
    assert notes[2] == f"- {texts['household']}"


def test_a_critical_card_keeps_every_line_before_the_numbers() -> None:
    assert len(considered(advised(Indicator.CRITICAL))) == 5


# --- several drafts --------------------------------------------------------------------------------------------


def test_drafts_with_the_same_answer_share_a_card() -> None:
    both = [
        finding("OS-IRON-REPLETE", drafts=(order(n, name),), evidence=("Observation/0", f"Observation/{n}"),
                suggestions=(RemoveDraft(f"MedicationRequest/d{n}"), OrderTests(("ferritin",))))
        for n, name in enumerate(("ferrous sulfate", "ferrous fumarate", "ferrous gluconate"), 1)
    ]  # fmt: skip
    (made,) = shown(*both)
    named = "Ferrous sulfate 325 mg oral tablet, ferrous fumarate 325 mg oral tablet and ferrous gluconate 325 mg oral"
    assert named in made.detail
    (together,) = grouped(both, RULES)
    assert together.evidence == ("Observation/0", "Observation/1", "Observation/2", "Observation/3")
    assert [each.label for each in made.suggestions] == [
        "Remove the order: ferrous sulfate 325 mg oral tablet",
        "Remove the order: ferrous fumarate 325 mg oral tablet",
        "Remove the order: ferrous gluconate 325 mg oral tablet",
        "Order Ferritin" if not made.suggestions[3:] else made.suggestions[3].label,
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"indicator": Indicator.INFO},
        {"facts": {"ferritin": TSAT}},
        {"why": ("ferritin",)},
        {"texts": ("absorption",)},
        {"drafts": ()},
    ],
)
def test_drafts_with_another_answer_have_their_own_card(other: Mapping[str, Any]) -> None:
    first = finding("OS-IRON-REPLETE", drafts=(order(1),))
    text = next(iter(RULES.decisions[first.decision].texts))
    changed = {**other, **({"texts": (text,)} if "texts" in other else {})}
    indicator = changed.pop("indicator", Indicator.WARNING)
    second = finding("OS-IRON-REPLETE", indicator, **{"drafts": (order(2),), **changed})
    assert len(shown(first, second)) == 2


def test_two_drafts_are_joined_by_and() -> None:
    pair = finding("OS-IRON-REPLETE", drafts=(order(1), order(2, "ferrous fumarate"), order(3)))
    (made,) = shown(pair)
    assert "**Order:** Ferrous sulfate 325 mg oral tablet and ferrous fumarate 325 mg oral tablet\n\n" in made.detail


def test_an_order_takes_the_name_of_a_fact_and_a_chart_has_none() -> None:
    (made,) = shown(finding("OS-IRON-REPLETE", drafts=(order(1),)))
    assert made.summary.startswith("Ferrous sulfate")
    (view,) = shown(finding("IRON-LOW"), hook="patient-view")
    assert not view.detail.startswith("**")


# --- suggestions -----------------------------------------------------------------------------------------------

BOTH: tuple[Suggestion, ...] = (
    OrderTests(("ferritin", "iron-panel")),
    RemoveDraft("MedicationRequest/d1", recommended=True),
)
STOP = finding("OS-IRON-OVL", Indicator.CRITICAL, drafts=(order(1),), suggestions=BOTH)


def test_a_removal_comes_first_and_alone_is_recommended() -> None:
    (made,) = shown(STOP)
    removal, tests = made.suggestions
    assert (removal.actions[0].type, removal.is_recommended) == ("delete", True)
    assert removal.actions[0].resource_id == "MedicationRequest/d1"
    assert removal.label == "Remove the order: ferrous sulfate 325 mg oral tablet"
    assert (len(tests.actions), tests.is_recommended) == (2, False)
    assert tests.label == f"{tests.actions[0].description}; {tests.actions[1].description}"
    assert tests.actions[0].resource is not None
    assert tests.actions[0].resource["subject"] == {"reference": "Patient/p1"}
    assert made.selection_behavior == "any"
    assert len({made.uuid, removal.uuid, tests.uuid}) == 3


def test_nothing_is_recommended_on_a_card_that_is_no_stop() -> None:
    (made,) = shown(replace(STOP, indicator=Indicator.WARNING))
    assert [each.is_recommended for each in made.suggestions] == [False, False]


def test_what_is_not_recommended_stays_so() -> None:
    plain = replace(STOP, suggestions=(OrderTests(("ferritin",)), RemoveDraft("MedicationRequest/d1")))
    (made,) = shown(plain)
    assert [each.is_recommended for each in made.suggestions] == [False, False]


def test_one_suggestion_leaves_the_behavior_to_the_client() -> None:
    one = replace(STOP, suggestions=BOTH[1:])
    assert shown(one)[0].selection_behavior == "at-most-one"
    assert shown(one, profile=replace(PROFILE, selection_behavior="any"))[0].selection_behavior == "any"


@pytest.mark.parametrize(
    ("actions", "types"),
    [
        ({"create", "delete"}, ["delete", "create"]),
        ({"create"}, ["create"]),
        ({"delete"}, ["delete"]),
        ({"update"}, []),
        (set(), []),
    ],
)
def test_a_client_gets_only_actions_it_knows(actions: set[str], types: list[str]) -> None:
    (made,) = shown(STOP, profile=replace(PROFILE, actions=frozenset(actions)))
    assert [each.actions[0].type for each in made.suggestions] == types


def test_a_client_that_takes_one_action_gets_one_suggestion_each() -> None:
    (made,) = shown(STOP, profile=replace(PROFILE, one_action_per_suggestion=True))
    assert [len(each.actions) for each in made.suggestions] == [1, 1, 1]
    assert [each.is_recommended for each in made.suggestions] == [True, False, False]


@pytest.mark.row("G-06")
def test_where_only_one_suggestion_may_be_taken_each_says_what_is_needed_besides() -> None:
    """Ferritin and the iron panel belong together, and either shuts the other out."""
    profile = replace(PROFILE, one_action_per_suggestion=True, selection_behavior="at-most-one", knows_any=False)
    (made,) = shown(STOP, profile=profile)
    panel, ferritin = "Order Iron and iron-binding capacity panel", "Order Ferritin"
    assert made.selection_behavior == "at-most-one"
    assert [each.label for each in made.suggestions][1:] == [
        f"{ferritin} (needed as well, by hand: {panel})",
        f"{panel} (needed as well, by hand: {ferritin})",
    ]
    assert [action.description for each in made.suggestions[1:] for action in each.actions] == [ferritin, panel]
    assert "needed as well" not in made.suggestions[0].label


@pytest.mark.parametrize("together", [{"one_action_per_suggestion": False, "knows_any": False}, {"knows_any": True}])
def test_where_all_can_be_taken_nothing_is_needed_besides(together: dict[str, bool]) -> None:
    (made,) = shown(STOP, profile=replace(PROFILE, **{"one_action_per_suggestion": True, **together}))
    assert not any("needed as well" in each.label for each in made.suggestions)


def test_a_site_that_has_its_own_catalogue_gets_its_code_too() -> None:
    own = {"system": "urn:oid:1.2.3", "code": "FERR", "display": "Ferritin (local)"}
    (made,) = shown(STOP, profile=replace(PROFILE, site_orderables={"ferritin": own}))
    ordered = [each.resource for each in made.suggestions[1].actions]
    assert ordered[0] and ordered[0]["code"]["coding"][-1] == own
    assert ordered[1] and len(ordered[1]["code"]["coding"]) == 1


def test_an_own_code_of_one_site_never_reaches_another() -> None:
    for system in ("urn:oid:1.2.3", "urn:oid:4.5.6"):
        own = {"ferritin": {"system": system, "code": "FERR"}}
        resource = shown(STOP, profile=replace(PROFILE, site_orderables=own))[0].suggestions[1].actions[0].resource
        assert resource
        assert [each["system"] for each in resource["code"]["coding"]] == ["http://loinc.org", system]
    plain = shown(STOP)[0].suggestions[1].actions[0].resource
    assert plain
    assert [each["system"] for each in plain["code"]["coding"]] == ["http://loinc.org"]


@pytest.mark.parametrize(
    ("version", "kind", "reason"),
    [("R4", "ServiceRequest", "reasonCode"), ("R4B", "ServiceRequest", "reasonCode"),
     ("R5", "ServiceRequest", "reason"), ("STU3", "ProcedureRequest", "reasonCode")],
)  # fmt: skip
def test_an_order_is_written_in_the_version_of_the_client(version: str, kind: str, reason: str) -> None:
    own = {"system": "urn:oid:1.2.3", "code": "FERR"}
    asked = replace(PROFILE, fhir_version=version, site_orderables={"ferritin": own})
    resource = shown(STOP, profile=asked)[0].suggestions[1].actions[0].resource
    assert resource
    rls = {"coding": [{"system": "http://snomed.info/sct", "code": "32914008", "display": "Restless legs"}],
           "text": "Restless legs"}  # fmt: skip
    laboratory = {"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory procedure"}
    code = resource["code"]["concept"] if version == "R5" else resource["code"]
    assert (resource["resourceType"], resource["status"], resource["intent"]) == (kind, "draft", "order")
    assert resource["category"] == [{"coding": [laboratory]}]
    assert resource[reason] == [{"concept": rls} if version == "R5" else rls]
    assert [coding["system"] for coding in code["coding"]] == ["http://loinc.org", "urn:oid:1.2.3"]
    assert code["text"] == code["coding"][0]["display"]
    assert (code["coding"][0]["code"], resource["subject"]) == ("2276-4", {"reference": "Patient/p1"})


@pytest.mark.parametrize(
    ("version", "place"),
    [("R4", ("patientInstruction",)), ("R5", ("patientInstruction", 0, "instructionMarkdown")),
     ("STU3", ("note", 0, "text"))],
)  # fmt: skip
def test_what_to_tell_the_patient_stands_where_the_version_has_it(version: str, place: tuple[Any, ...]) -> None:
    asked = replace(STOP, suggestions=(OrderTests(("iron-panel",)),))
    found: Any = shown(asked, profile=replace(PROFILE, fhir_version=version))[0].suggestions[0].actions[0].resource
    for step in place:
        found = found[step]
    assert isinstance(found, str) and len(found) > 20


REVISED = finding("OS-IRON-DOSE", Indicator.INFO, drafts=(order(1),), facts={"dose": "65 mg"},
                  suggestions=(ReviseDraft("MedicationRequest/d1", "alternate-days"),))  # fmt: skip
UPDATES = frozenset({"update"})


def test_an_update_is_what_the_shell_makes_of_the_draft() -> None:
    asked: list[tuple[str, str, str]] = []

    def revise(*given: str) -> Action:
        asked.append((given[0], given[1], given[2]))
        return Action("update", "Change it", {"resourceType": "MedicationRequest"})

    (made,) = shown(REVISED, profile=replace(PROFILE, actions=UPDATES, revise=revise))
    assert asked == [("MedicationRequest/d1", "alternate-days", "ferrous sulfate 325 mg oral tablet")]
    assert [each.label for each in made.suggestions] == ["Change it"]
    assert not made.suggestions[0].is_recommended


@pytest.mark.parametrize("profile", [
    replace(PROFILE, actions=UPDATES),
    replace(PROFILE, actions=UPDATES, revise=lambda *_: None),
    replace(PROFILE, revise=lambda *_: Action("update", "x", {"a": 1})),
])  # fmt: skip
def test_no_update_without_the_request_the_change_or_the_action(profile: ClientCapabilities) -> None:
    assert shown(REVISED, profile=profile)[0].suggestions == ()


# --- what could not be looked at -------------------------------------------------------------------------------

SENTENCES = wording()["sentences"]


@pytest.mark.parametrize("name", ["medications", "procedures", "orders", "allergies"])
def test_nothing_is_offered_while_a_list_is_unread(name: str) -> None:
    (made,) = shown(STOP, chart=unread(name))
    assert made.suggestions == ()
    assert f"- {SENTENCES['no_suggestions']}" in made.detail
    assert made.detail.startswith(SENTENCES["unread"].format(lists=wording()["not_checked"][name]))


@pytest.mark.parametrize("name", ["conditions", "labs", "medications", "procedures", "orders", "allergies"])
def test_nothing_is_offered_while_a_list_is_cut(name: str) -> None:
    (made,) = shown(STOP, chart=unread(name, listing=Listing.CUT))
    assert made.suggestions == ()
    assert made.detail.startswith(SENTENCES["unread"].format(lists=wording()["not_checked"][name]))


def test_what_was_not_read_stands_first_with_its_cause() -> None:
    gaps = {"conditions": Gap("cut-elsewhere-of", read=20, total=66), "medications": Gap("absent")}
    cut = replace(unread("medications"), gaps=gaps)
    cut = replace(cut, listings={**cut.listings, "conditions": Listing.CUT})
    (made,) = shown(STOP, chart=cut)
    first = "**Not read to the end:** diagnoses (20 of 66 read, the next page leads elsewhere), drugs (not sent)."
    assert made.detail.split("\n\n")[0] == first


def test_access_to_laboratory_results_alone_is_named_as_a_limit_and_hinders_nothing() -> None:
    limit = wording()["sentences"]["laboratory_only"]
    tests = finding("IRON-TEST", Indicator.INFO, suggestions=(OrderTests(("ferritin",)),))
    [whole] = shown(tests, hook="patient-view")
    [limited] = shown(tests, hook="patient-view", chart=replace(COMPLETE, laboratory_only=True))
    assert limit in limited.detail and limit not in whole.detail
    assert limited.suggestions and limited.summary == whole.summary


def test_a_list_that_the_client_can_never_send_is_on_no_card() -> None:
    never = replace(PROFILE, cannot_send=frozenset({"allergies", "medications"}))
    (made,) = shown(STOP, chart=unread("allergies", "orders"), profile=never)
    assert made.detail.startswith(SENTENCES["unread"].format(lists="orders already placed"))
    assert made.suggestions == ()
    (made,) = shown(STOP, chart=unread("medications", listing=Listing.CUT), profile=never)
    assert made.detail.startswith(SENTENCES["unread"].format(lists="drugs"))


def test_unread_allergies_take_the_suggestions_of_a_chart_card_away() -> None:
    asked = finding("IRON-LOW", suggestions=(OrderTests(("ferritin",)),))
    (made,) = shown(asked, hook="patient-view", chart=unread("allergies"))
    assert made.suggestions == ()
    assert SENTENCES["no_suggestions"] in made.detail


def test_what_a_finding_did_not_check_is_named_once_and_after_the_lists_that_all_cards_share() -> None:
    (made,) = shown(replace(STOP, not_checked=("labs", "orders")), chart=unread("orders", "medications"))
    names = wording()["not_checked"]
    lists = ", ".join(names[each] for each in ("medications", "orders", "labs"))
    assert made.detail.startswith(SENTENCES["unread"].format(lists=lists))


def test_a_client_of_dstu2_is_told_what_to_do_by_hand() -> None:
    (made,) = shown(STOP, profile=replace(PROFILE, fhir_version="DSTU2"))
    removed = "Remove the order: ferrous sulfate 325 mg oral tablet"
    steps = [label for label in made.detail.splitlines() if removed in label]
    assert made.suggestions == ()
    assert len(steps) == 1
    assert steps[0].count("; ") == 2
    assert SENTENCES["no_suggestions"] not in made.detail


def test_a_client_of_dstu2_is_told_nothing_where_there_is_nothing_to_do() -> None:
    (made,) = shown(replace(STOP, suggestions=()), profile=replace(PROFILE, fhir_version="DSTU2"))
    begin = SENTENCES["by_hand"].split("{")[0]
    assert begin not in made.detail
    (update,) = shown(REVISED, profile=replace(PROFILE, fhir_version="DSTU2"))
    assert begin not in update.detail


# --- the detail ------------------------------------------------------------------------------------------------


def test_the_detail_is_in_the_order_of_the_product_page() -> None:
    (made,) = shown(replace(STOP, why=("ferritin", "tsat")))
    heads = [wording()["headings"][name] for name in ("about", "why", "rule")]
    places = [made.detail.index(f"**{head}") for head in heads]
    assert places == sorted(places)
    assert "- Ferritin 38 ng/mL (2026-05-20)\n- Transferrin saturation (TSAT) 22 % (2026-05-20)\n\n" in made.detail
    assert made.inputs[1:] == ("Ferritin 38 ng/mL (2026-05-20)", "Transferrin saturation (TSAT) 22 % (2026-05-20)")
    text = RULES.decisions[STOP.decision].cards["OS-IRON-OVL"]
    for on_the_page in (SENTENCES["physician"], text.grade, text.not_for):
        assert on_the_page not in made.detail
    assert "\n\n\n" not in made.detail


def test_a_card_names_its_first_source_and_leads_to_its_own_page() -> None:
    (made,) = shown(STOP)
    decision = RULES.decisions[STOP.decision]
    text = decision.cards["OS-IRON-OVL"]
    assert [(link.label, link.url) for link in made.links] == [
        ("Why this card", "https://example.org/source/OSIRONOVL")
    ]
    assert made.version == decision.version
    assert made.source_label == RULES.citations[text.citations[0]].label
    assert made.source_url == "https://example.org/source"
    assert (made.topic.code, made.topic.system, made.topic.display) == ("OSIRONOVL", CARD_SYSTEM, text.title)


def test_a_card_offers_the_override_reasons_of_its_hook() -> None:
    (order,), (view,) = shown(STOP), shown(finding("IRON-LOW"), hook="patient-view")
    assert [each.code for each in order.override_reasons] == [
        "already-done", "other-indication", "benefit-outweighs", "dose-is-right", "patient-wish",
    ]  # fmt: skip
    assert [each.code for each in view.override_reasons] == [
        "not-significant", "already-done", "known-elsewhere", "wrong-diagnosis", "not-my-care", "remind-later",
    ]  # fmt: skip
    (b12,) = shown(finding("B12-LOW"), hook="patient-view")
    assert [each.code for each in b12.override_reasons] == [
        "already-done", "known-elsewhere", "not-my-care", "remind-later",
    ]  # fmt: skip
    assert {each.system for each in (*order.override_reasons, *view.override_reasons)} == {
        "https://rls-cds.example.org/CodeSystem/override-reason"
    }
    assert all(each.display for each in (*order.override_reasons, *view.override_reasons))


def test_a_card_without_a_base_address_has_no_page_to_lead_to() -> None:
    (made,) = present(Verdict("order-sign", (STOP,)), COMPLETE, RULES, profile=replace(PROFILE, source_url=""),
                      new_uuid=lambda: "u")  # fmt: skip
    assert made.links == ()


def test_a_limit_that_the_site_set_is_named_with_the_national_one() -> None:
    low = RULES.limit("ferritin.low")
    own = replace(low, value=Decimal(50), national=low.value, national_unit=low.unit, site_date=date(2026, 1, 31))
    site = replace(RULES, thresholds={**RULES.thresholds, "ferritin.low": own})
    verdict = Verdict("patient-view", (finding("IRON-LOW", facts={"limit": own}),))
    (made,) = present(verdict, COMPLETE, site, profile=PROFILE, new_uuid=lambda: "u")
    assert made.detail.count("2026-01-31") == 1
    (without,) = shown(finding("IRON-LOW"), hook="patient-view")
    assert "2026-01-31" not in without.detail


def test_a_limit_of_the_site_is_named_where_the_words_speak_of_it_alone() -> None:
    low = replace(RULES.limit("ferritin.low"), national=Decimal(75), site_date=date(2026, 1, 31))
    site = replace(RULES, thresholds={**RULES.thresholds, "ferritin.low": low})
    assert site_values(("below {limit_ferritin_low}", "x"), site) == (low,)
    assert site_values(("below {limit_ferritin_mid}", "x"), site) == ()
    assert site_values(("below {limit_ferritin_low}",), RULES) == ()


def test_a_choice_of_the_site_keeps_its_reason_and_its_day() -> None:
    name, national = next((name, each) for name, each in RULES.switches.items() if len(each.choices) > 1)
    other = next(choice for choice in national.choices if choice != national.default)
    chosen = SiteSwitch(name, other, national.default, "Ours", date(2026, 1, 31))
    limit = SiteThreshold("ferritin.low", Decimal(50), Decimal(75), "Local", date(2026, 2, 1))
    site = overridden(RULES, [limit], [chosen], where="site.toml")
    found, low = site.switches[name], site.limit("ferritin.low")
    assert (found.value, found.site_reason, found.site_date) == (other, "Ours", date(2026, 1, 31))
    assert (low.value, low.national, low.national_unit) == (Decimal(50), Decimal(75), "ng/mL")
    assert (low.site_reason, low.site_date) == ("Local", date(2026, 2, 1))


def test_a_card_that_no_review_was_possible() -> None:
    nothing = replace(COMPLETE, listings={}, gaps={"labs": Gap("status", status=503)})
    made = not_evaluated(("labs", "patient"), nothing, profile=PROFILE, new_uuid=lambda: "u9")
    words = wording()["not_evaluated"]
    lists = ", ".join(wording()["not_checked"][name] for name in ("labs", "patient"))
    assert (made.id, made.uuid, made.indicator, made.version) == ("NOTEVALUATED", "u9", "info", "")
    assert made.summary == words["summary"].format(lists=lists)
    assert (made.source_label, made.source_url) == ("rls-cds", "https://example.org/source")
    assert (made.topic.code, made.topic.system, made.topic.display) == ("NOTEVALUATED", CARD_SYSTEM, words["title"])
    assert made.detail.split("\n\n") == [
        "**Not read to the end:** laboratory results (the read failed with status 503), patient record.",
        words["recommendation"].strip(),
        f"**{wording()['headings']['rule']}:** {words['rule'].strip()}",
    ]


def test_a_review_of_lists_read_in_part_is_called_incomplete() -> None:
    made = not_evaluated(
        ("conditions",), unread("conditions", listing=Listing.CUT), profile=PROFILE, new_uuid=lambda: "u"
    )
    assert made.summary == "RLS review incomplete: diagnoses not read to the end. This is not an all-clear"


@pytest.mark.parametrize(
    ("drafts", "cut", "said"),
    [
        (
            ["iron-oral ferrous sulfate 65"],
            ("conditions",),
            "iron overload, polycythaemia and pregnancy among the diag",
        ),
        (["iron-binder ferric citrate"], ("medications",), "an iron chelator and iron already taken among the drugs"),
        (["iron-iv iron sucrose"], ("allergies",), "a reaction to intravenous iron among the allergies"),
        (["iron-oral ferrous sulfate 65"], ("allergies",), ""),
        (["iron-oral ferrous sulfate 65 background"], ("conditions",), ""),
        (["iron-oral ferrous sulfate 65"], ("orders",), ""),
        (["vitd ergocalciferol 1000IU"], ("conditions",), ""),
    ],
)
def test_before_iron_is_signed_a_reader_is_told_where_to_look(
    drafts: list[str], cut: tuple[str, ...], said: str
) -> None:
    built = chart_of({"drafts": drafts, "listings": dict.fromkeys(cut, "cut")})
    made = not_evaluated(cut, built, profile=PROFILE, new_uuid=lambda: "u")
    assert ("- Before signing the iron: look for " in made.detail) == bool(said)
    assert said in made.detail and "- Review iron status and drugs by hand" in made.detail


def test_a_review_without_a_result_that_is_there_says_which_and_why() -> None:
    result = UnusableResult("egfr", "unknown-unit", on_day(date(2026, 5, 20)))
    made = not_evaluated((), COMPLETE, results=(result,), profile=PROFILE, new_uuid=lambda: "u")
    assert "estimated kidney function (eGFR) is there and could not be used" in made.summary
    assert "(eGFR) of 2026-05-20: the unit is not one that this test is read in" in made.detail


# --- why -------------------------------------------------------------------------------------------------------


def test_every_finding_is_explained_in_order() -> None:
    low = quiet("iron_cause", "not_low", ferritin=FERRITIN)
    open_question = unknown("iron_status", next(iter(RULES.decisions["iron_status"].because)), ("labs", "medications"))
    verdict = Verdict("order-sign", (replace(STOP, drafts=(order(1), Draft("", number=2))), low, open_question))
    fired, silent, missing = explain(verdict, COMPLETE, RULES)
    assert (fired.card, fired.indicator, fired.outcome) == ("OS-IRON-OVL", "critical", "fires")
    assert fired.about == "MedicationRequest/d1 and order 2"
    assert fired.question == RULES.decisions[STOP.decision].question
    assert fired.decision == STOP.decision
    assert (silent.decision, silent.outcome, silent.card, silent.indicator) == ("iron_cause", "quiet", "", "")
    assert silent.about == ""
    assert silent.sentence
    assert "Missing" not in silent.sentence
    names = wording()["not_checked"]
    assert missing.outcome == "unknown"
    assert missing.sentence.endswith(f" Missing: {names['labs']}, {names['medications']}.")


def test_a_default_of_our_own_is_no_link() -> None:
    """No page outside holds it: the card's source leads to the one that does."""
    assert RULES.citations["ours"].url == ""
    texts = [text for decision in RULES.decisions.values() for text in decision.cards.values()]
    assert any("ours" in text.citations for text in texts)
    every = {each.url for each in RULES.citations.values() if each.url}
    assert not any("example.org" in url for url in every)


#: The cards on which a reason is offered (clinical amendments 2, section 6).
_ABOUT_SYMPTOMS = {
    "IRONTEST", "IRONLOW", "IRONMID", "IRONMIDLOWTSAT", "IRONINFLAM", "IRONFUNC", "IRONCHILD", "IRONRECHECK", "B6LOW",
    "MGLOW", "ESRDVITC",
}  # fmt: skip


def test_a_reason_is_offered_where_it_counts() -> None:
    hooks = {text.topic: decision.hooks for decision in RULES.decisions.values() for text in decision.cards.values()}
    views = {topic for topic, hooks_of in hooks.items() if "patient-view" in hooks_of}

    def offering(code: str, hook: str, topics: set[str]) -> set[str]:
        return {topic for topic in topics if code in [each.code for each in offered_reasons(hook, topic)]}

    assert offering("not-significant", "patient-view", views) == _ABOUT_SYMPTOMS
    assert offering("wrong-diagnosis", "patient-view", views) == _ABOUT_SYMPTOMS | {"AGGACTIVE", "DAAUG"}
    assert offering("remind-later", "patient-view", views) == views
    orders = hooks.keys() - views
    for code in ("not-significant", "wrong-diagnosis", "remind-later"):
        assert offering(code, "order-sign", set(orders)) == set()
    assert offering("already-done", "order-sign", set(orders)) == orders
