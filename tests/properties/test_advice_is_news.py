"""A card that says something else rests on something else, so that it is news; other words for the same are none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cards.decisions.decide import decide, to_be_shown
from cards.facts.card import Card
from cards.facts.chart import LISTS, Listing
from cards.fhir.bundles import Listed
from cards.knowledge.rules import CardText, Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import read_chart
from cards.wording import phrases
from cards.wording.render import wording
from fhir_fixtures import load_patients
from fhir_fixtures.loading import PatientFile, draft
from tests.golden.calls import DRAFTS
from tests.properties.answers import NOW, RULES, SITE, rules_of
from tests.properties.charts import INFUSED, ORAL_IRON, generated
from tests.properties.patients import (
    ALLERGIES,
    OWN,
    PATIENT,
    TODAY,
    Generated,
    Lab,
    Resource,
    bundle,
    conversions,
    day,
)

Lists = Mapping[str, list[Resource]]
#: A card by what it is about: the same one before and after.
Told = dict[tuple[str, ...], Card]

some_charts = settings(max_examples=300, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                       suppress_health_check=list(HealthCheck))  # fmt: skip
_PROFILE = ClientCapabilities(PATIENT, max_cards=0)
_LIST_OF = {
    "Patient": "patient", "Condition": "conditions", "Observation": "labs", "AllergyIntolerance": "allergies",
    "Procedure": "procedures", "ServiceRequest": "orders", "MedicationRequest": "medications",
    "MedicationStatement": "medications", "MedicationAdministration": "medications", "Medication": "medications",
}  # fmt: skip
_RESULTS = {
    "ferritin": "8 88 420", "tsat": "12 28 52", "phosphate": "1.5 3.4", "egfr": "14 25 85", "crp": "35",
    "haemoglobin": "8.5 18", "b12": "150 500", "mma": "0.6", "folate": "2", "vitd": "12 180", "magnesium": "1.4 5.5",
    "calcium": "12.8", "mcv": "106", "plp": "320",
}  # fmt: skip
_DRUGS = [
    *ORAL_IRON[:3], "oxycodone", "gabapentin-300-three-times-daily", "pregabalin-75-at-bedtime", "biotin",
    "deferiprone", "omeprazole-20-once-daily", "metformin-500-twice-daily", "levothyroxine-100-once-daily",
    "pyridoxine-200-once-daily", "pramipexole-1-at-bedtime", "vitamin-c-500-once-daily", "vitamin-d-50000-weekly",
    "folic-acid-1-mg-once-daily", "cyanocobalamin-1-mg-once-daily", "metoclopramide-10-before-meals",
]  # fmt: skip
_BY_NAME = ["apixaban 5 MG Oral Tablet", "tenofovir disoproxil fumarate 300 MG Oral Tablet",
            "deferasirox 500 MG Oral Tablet"]  # fmt: skip
_DIAGNOSES = ["heart failure", "kidney disease", "dialysis", "pregnant", "sepsis", "coeliac", "copd", "neuropathy"]
_PROCEDURES = ["transfusion", "haemodialysis", "bariatric surgery"]


def _records() -> dict[str, Resource]:
    """One more record for a chart, by its name."""
    labs = {
        f"{name} {value}": Lab(name, Decimal(value), 1, conversions(name)[0])
        for name, values in _RESULTS.items()
        for value in values.split()
    }
    made = {
        **{name: Generated("", "female", 40, labs=(lab,)) for name, lab in labs.items()},
        **{name: Generated("", "female", 40, drugs=((name, 40),)) for name in _DRUGS},
        **{f"infused {name}": Generated("", "female", 40, infusions=((name, 20),)) for name in INFUSED[:3]},
        **{name: Generated("", "female", 40, diagnoses=((name, "confirmed"),)) for name in _DIAGNOSES},
        **{name: Generated("", "female", 40, procedures=((name, 20),)) for name in _PROCEDURES},
        **{name: Generated("", "female", 40, allergies=(name,)) for name in sorted(ALLERGIES)},
    }
    found = {
        name: record
        for name, patient in made.items()
        for key, records in patient.lists().items()
        for record in records
        if key != "patient"
    }
    return found | {name: _by_name(name) for name in _BY_NAME}


def _by_name(name: str) -> Resource:
    return {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": OWN,
        "medicationCodeableConcept": {"text": name}, "authoredOn": day(40),
        "dosageInstruction": [{"text": "1 tablet by mouth once daily"}],
    }  # fmt: skip


RECORDS = _records()


def with_one_more(lists: Lists, record: Resource, patient_id: str) -> Lists:
    """The same lists with one record more, of this patient."""
    whose = {name: {"reference": f"Patient/{patient_id}"} for name in ("subject", "patient") if name in record}
    key = _LIST_OF[record["resourceType"]]
    return {**lists, key: [*lists[key], record | whose | {"id": "one-more"}]}


def cards_of(lists: Lists, patient_id: str, hook: str, drafts: list[Resource], rules: Rules = RULES) -> Told:
    gathered = {name: Listed(tuple(entries), Listing.COMPLETE) for name, entries in lists.items()}
    chart = read_chart(gathered, patient_id=patient_id, now=NOW, zone=UTC, drafts=bundle(drafts), site=SITE)
    shown = to_be_shown(decide(chart, rules, hook), chart)
    cards = present(shown, chart, rules, profile=_PROFILE, new_uuid=lambda: "uuid")
    return {
        (card.id, card.indicator, *(each for each in card.basis.facts if each.startswith("draft="))): card
        for card in cards
    }


def lists_of(patient: PatientFile) -> dict[str, list[Resource]]:
    lists: dict[str, list[Resource]] = {name: [] for name in LISTS}
    for record in patient.resources(*_LIST_OF):
        lists[_LIST_OF[record["resourceType"]]].append(record)
    return lists


#: By which way the same number was got.
_ORIGIN = re.compile(r", (?:calculated from|reported as) [^)\n]*")


def said(card: Card) -> tuple[str, str]:
    return card.summary, _ORIGIN.sub("", card.detail)


def silent_changes(before: Told, after: Told) -> list[tuple[str, ...]]:
    """Return the cards that say something else and rest on the same."""
    both = before.keys() & after.keys()
    return [
        each for each in both if said(before[each]) != said(after[each]) and before[each].basis == after[each].basis
    ]


_PATIENTS = {each.slug: each for each in load_patients(TODAY)}
_CALLS = [
    *(("patient-view", slug, ()) for slug in _PATIENTS),
    *(("order-sign", slug, names) for slug, names in DRAFTS),
]


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_a_record_that_changes_what_a_card_says_is_news(hook: str) -> None:
    found, changes = [], 0
    for asked, slug, names in _CALLS:
        if asked != hook:
            continue
        patient, lists = _PATIENTS[slug], lists_of(_PATIENTS[slug])
        drafts = [draft(name, patient.patient_id, TODAY) for name in names]
        before = cards_of(lists, patient.patient_id, hook, drafts)
        for name, record in RECORDS.items() if before else ():
            more = with_one_more(lists, record, patient.patient_id)
            after = cards_of(more, patient.patient_id, hook, drafts)
            changes += sum(said(before[each]) != said(after[each]) for each in before.keys() & after.keys())
            found += [f"{slug} {name}: {' '.join(card)}" for card in silent_changes(before, after)]
    assert changes > 150
    assert found == []


@some_charts
@given(generated(), st.lists(st.sampled_from(sorted(RECORDS)), min_size=8, max_size=8, unique=True))
def test_so_it_is_in_any_chart(patient: Generated, names: list[str]) -> None:
    rules, lists, drafts = rules_of(patient), patient.lists(), [each["resource"] for each in patient.basket()["entry"]]
    before = cards_of(lists, PATIENT, patient.hook, drafts, rules)
    for name in names:
        after = cards_of(with_one_more(lists, RECORDS[name], PATIENT), PATIENT, patient.hook, drafts, rules)
        assert silent_changes(before, after) == [], name


def _reworded(rules: Rules) -> Rules:
    def other(text: str) -> str:
        return f"In other words: {text}" if text else text

    def card(text: CardText) -> CardText:
        names = (
            "summary",
            "recommendation",
            "summary_incomplete",
            "recommendation_incomplete",
            "rule",
            "rule_in_short",
        )
        return replace(text, **{name: other(getattr(text, name)) for name in names})

    decisions = {
        name: replace(
            decision,
            cards={key: card(text) for key, text in decision.cards.items()},
            texts={key: other(text) for key, text in decision.texts.items()},
        )
        for name, decision in rules.decisions.items()
    }
    return replace(rules, decisions=decisions)


def test_other_words_for_the_same_are_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that says the same in other words does not show every card once more."""

    def bases() -> list[dict[tuple[str, ...], Any]]:
        return [
            {card: found.basis for card, found in cards_of(lists_of(_PATIENTS[slug]), _PATIENTS[slug].patient_id, hook,
             [draft(name, _PATIENTS[slug].patient_id, TODAY) for name in names], rules).items()}
            for hook, slug, names in _CALLS
        ]  # fmt: skip

    rules = RULES
    before = bases()
    rules = _reworded(RULES)
    tables = {
        table: {key: f"so: {text}" if isinstance(text, str) else text for key, text in texts.items()}
        for table, texts in wording().items()
        if isinstance(texts, dict)
    }
    monkeypatch.setattr(phrases, "wording", lambda: tables)
    after = bases()
    assert sum(map(len, before)) > 100
    assert after == before
