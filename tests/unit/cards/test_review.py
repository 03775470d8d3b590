"""A review in short tells of every patient the cards that a review writes, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest

from cards.decisions.decide import PATIENT_VIEW
from cards.facts.chart import LISTS, Gap, Listing
from cards.fhir.bundles import NOT_READ, Listed
from cards.presenting.card_context import ClientCapabilities
from cards.reading import Site, read_chart
from cards.review import Review, ReviewContext, review, review_in_short
from cds_service.offline.screening.patient import Screener
from cds_service.offline.screening.recipe import Recipe, known_by
from fhir_fixtures.loading import load_patients
from tests.builders.export_lines import written
from tests.population.people import Population, records_of

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_KNOWN = known_by(Recipe(_NOW))
_CLIENTS = (
    ClientCapabilities(""),
    ClientCapabilities("", max_cards=1, says_what_is_missing=True),
    ClientCapabilities("", max_cards=0, cannot_send=frozenset({"allergies", "procedures"})),
)


def everybody() -> Iterator[tuple[str, Mapping[str, Listed]]]:
    """Yield the lists of every synthetic patient, and of some of a population with restless legs syndrome."""
    screener = Screener(_KNOWN.question, _KNOWN.sieve)
    for patient in load_patients(_NOW.date()):
        yield patient.patient_id, screener.gathered(map(written, patient.resources()))[0]
    population = Population(seed=3, rls=1.0, today=_NOW.date())
    for number in range(20):
        records = list(records_of(number, population))
        yield str(records[0]["id"]), screener.gathered(map(written, records))[0]


def incomplete(lists: Mapping[str, Listed]) -> Iterator[Mapping[str, Listed]]:
    """Yield these lists as they are, and each of them once as not read and once as cut."""
    yield lists
    for name in LISTS:
        yield {**lists, name: NOT_READ}
        yield {**lists, name: Listed(lists[name].resources, Listing.CUT)}


def test_a_review_in_short_tells_the_cards_that_are_shown() -> None:
    """By one kind of client after the other: that all are asked of every chart would take three times as long."""
    seen: Counter[str] = Counter()
    rules, profiles = _KNOWN.question.rules, cycle(_CLIENTS)
    for patient_id, complete in everybody():
        next(profiles)  # so that each way of missing a list meets each client
        for lists, profile in zip(incomplete(complete), profiles, strict=False):
            context = ReviewContext(PATIENT_VIEW, patient_id, _NOW, UTC, new_uuid=lambda: "-", site=Site())
            whole = review(lists, None, context, rules, profile)
            chart = read_chart(lists, patient_id=patient_id, now=_NOW, zone=UTC, site=Site())
            short = review_in_short(chart, rules, PATIENT_VIEW, profile)
            shown = whole.shown(whole.cards, profile.max_cards)
            assert [(each.topic, each.indicator) for each in short.cards] == [
                (card.topic.code, card.indicator) for card in shown
            ]
            assert (short.missing, short.verdict) == (whole.missing, whole.verdict)
            seen.update(card.id for card in shown)
            seen.update(["nothing"] if short.missing else [])
            seen.update(["fewer"] if len(shown) < len(whole.cards) else [])
    assert len(seen) > 25 and min(seen["NOTEVALUATED"], seen["nothing"], seen["fewer"]) > 20


@pytest.mark.parametrize(("saturation", "cards"), [(50, {"IRON-HIGH-TSAT"}), (20, set())])
def test_a_year_of_birth_that_makes_a_child_or_an_adult_is_answered_as_one_that_cannot_be_read(
    saturation: int, cards: set[str]
) -> None:
    def of(birth: str) -> Review:
        lists = {name: Listed((), Listing.COMPLETE) for name in LISTS}
        lists |= {"patient": listed({"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": birth})}
        lists |= {"conditions": listed({"resourceType": "Condition", "code": {"text": "restless legs syndrome"}})}
        lists |= {"labs": listed(observed("2276-4", 60, "ng/mL"), observed("2502-3", saturation, "%"))}
        context = ReviewContext(PATIENT_VIEW, "p", _NOW, UTC, new_uuid=lambda: "-", site=Site(), assume_rls=True)
        return review(lists, None, context, _KNOWN.question.rules, _CLIENTS[0])

    found, unread = of("2008"), of("06/2008")
    assert {card.id for card in found.cards} == cards
    assert found.missing == unread.missing == (() if cards else ("patient",))
    assert found.chart.gaps == unread.chart.gaps == {"patient": Gap("birth-date")}
    assert [card.detail for card in found.cards] == [card.detail for card in unread.cards]


def listed(*resources: dict[str, Any]) -> Listed:
    return Listed(tuple({**each, "subject": {"reference": "Patient/p"}} for each in resources), Listing.COMPLETE)


def observed(code: str, value: int, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": code,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": "2026-06-10",
        "valueQuantity": {"value": value, "unit": unit},
    }


def test_a_chart_that_was_judged_is_judged_by_other_rules_as_a_new_one_is() -> None:
    """What was found in a chart under some rules must not answer for others."""
    changed = 0
    changes = ("ferritin.low=50", "include_plmd=true", "adult_age=21")
    for change in changes:
        other = known_by(Recipe(_NOW, changes=(change,))).question.what_if
        assert other is not None
        for patient_id, lists in everybody():
            chart = read_chart(lists, patient_id=patient_id, now=_NOW, zone=UTC, site=Site())
            before = review_in_short(chart, _KNOWN.question.rules, PATIENT_VIEW, _CLIENTS[0])
            after = review_in_short(chart, other, PATIENT_VIEW, _CLIENTS[0])
            assert after == review_in_short(replace(chart), other, PATIENT_VIEW, _CLIENTS[0])
            changed += before.cards != after.cards
    assert changed > len(changes)
