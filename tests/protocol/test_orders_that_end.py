"""An order that the basket ends or replaces is not taken beside the others; what is one order counts once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import bundle
from tests.protocol.test_references import RLS, codes, record, result, sign

Resource = dict[str, Any]
KIDNEYS = result("k", "98979-8", 90, "mL/min/{1.73_m2}")
LABS = bundle(result("f", "2276-4", 38, "ng/mL"), result("t", "2502-3", 22, "%"), KIDNEYS)


def order(logical_id: str, named: str, directions: str = "1 daily", **members: Any) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": logical_id,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-06-10",
        "medicationCodeableConcept": {"text": named},
        "dosageInstruction": [{"text": directions}],
        **members,
    }


def naming(logical_id: str) -> Resource:
    return {"reference": f"MedicationRequest/{logical_id}"}


def asked(http: FlaskClient, drafts: list[Resource], active: list[Resource], labs: Resource = LABS) -> list[str]:
    cards = sign(http, bundle(*drafts), conditions=bundle(RLS), labs=labs, medications=bundle(*active))
    return sorted(code for code in codes(cards) if code not in ("OSIRONRECHECK", "OSIRONNOTSAT"))


ACTIVE = {"status": "active", "authoredOn": "2026-06-01"}
#: What is ordered, what is taken, and the card on both together.
PAIRS = {
    "opioid": (order("d", "gabapentin 300 mg capsule"), order("a", "oxycodone 5 mg tablet"), "OSGABACNS"),
    "iron": (order("d", "ferrous fumarate 324 mg tablet"), order("a", "ferrous sulfate 325 mg tablet"), "OSIRONDUP"),
    "gabapentinoid": (order("d", "pregabalin 75 mg capsule"), order("a", "gabapentin 300 mg capsule"), "OSGABARENAL"),
    "binding": (order("d", "ferrous fumarate 324 mg tablet"), order("a", "levothyroxine 50 mcg tablet"), "OSIRONDDI"),
}


def ended(taken: Resource) -> Mapping[str, list[Resource]]:
    return {
        "stopped": [taken | {"status": "stopped"}],
        "cancelled": [taken | {"status": "cancelled"}],
        "completed": [taken | {"status": "completed"}],
        "ended": [taken | {"status": "ended"}],
        "an error": [taken | {"status": "entered-in-error"}],
        "an order to stop": [taken | {"id": "s", "status": "stopped", "priorPrescription": naming("a")}],
        "replaced": [order("n", "ibuprofen 400 mg tablet", replaces=[naming("a")])],
        "replaced by its prior prescription": [order("n", "ibuprofen 400 mg", priorPrescription=naming("a"))],
    }


def going_on(taken: Resource) -> Mapping[str, list[Resource]]:
    other = order("n", "ibuprofen 400 mg tablet")
    return {
        "no more": [],
        "another stopped": [taken | {"id": "z", "status": "stopped"}],
        "a replacement that was cancelled": [other | {"status": "cancelled", "priorPrescription": naming("a")}],
        "a replacement that is proposed": [other | {"intent": "proposal", "priorPrescription": naming("a")}],
        "a choice": [other | {"intent": "option", "replaces": [naming("a")]}],
        "a prohibition": [other | {"doNotPerform": True, "replaces": [naming("a")]}],
        "an instance stopped": [taken | {"id": "s", "status": "stopped", "basedOn": [naming("a")]}],
        "a statement of its id": [taken | {"resourceType": "MedicationStatement", "status": "stopped"}],
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_an_order_that_ends_with_the_basket_is_not_taken_beside_it(http: FlaskClient, pair: str) -> None:
    ordered, taken, card = PAIRS[pair]
    active = [taken | ACTIVE]
    assert card in asked(http, [ordered], active)
    for why, more in going_on(taken).items():
        assert card in asked(http, [ordered, *more], active), why
    for why, more in ended(taken).items():
        assert card not in asked(http, [ordered, *more], active), why


def test_a_statement_of_an_order_ends_with_it(http: FlaskClient) -> None:
    ordered, taken, card = PAIRS["opioid"]
    statement = taken | {"resourceType": "MedicationStatement", "id": "s", "basedOn": [naming("a")], "status": "active"}
    held = [taken | ACTIVE, statement | {"effectiveDateTime": "2026-06-01"}]
    assert card in asked(http, [ordered], held)
    assert card not in asked(http, [ordered, taken | {"status": "stopped"}], held)


def test_a_replacement_that_cannot_be_told_ends_nothing(http: FlaskClient) -> None:
    ordered, taken, card = PAIRS["opioid"]
    unknown = order("n", "zzyzx 5 mg", priorPrescription=naming("a"))
    assert card in asked(http, [ordered, unknown], [taken | ACTIVE])


def test_what_was_taken_stays_taken(http: FlaskClient) -> None:
    """Iron that ends with the basket was taken, a chelator too: their rules stand."""
    labs = bundle(result("f", "2276-4", 38, "ng/mL"), result("t", "2502-3", 52, "%"))
    iron, chelator = order("a", "ferrous sulfate 325 mg tablet"), order("a", "deferasirox 500 mg tablet")
    fumarate = order("d", "ferrous fumarate 324 mg tablet")
    assert "OSIRONTSAT45" in asked(http, [fumarate, iron | {"status": "stopped"}], [iron | ACTIVE], labs)
    assert "OSIRONOVL" in asked(http, [fumarate, chelator | {"status": "stopped"}], [chelator | ACTIVE])
    agonist = order("a", "pramipexole 0.5 mg tablet")
    assert asked(http, [agonist | {"id": "d"}, agonist | {"status": "stopped"}], [agonist | ACTIVE]) == ["OSDARENEW"]


def test_a_stopped_order_is_not_judged(http: FlaskClient) -> None:
    iron = order("a", "ferrous sulfate 325 mg tablet")
    for status in ("stopped", "ended", "cancelled", "completed"):
        assert asked(http, [iron | {"status": status}], [iron | ACTIVE]) == []


def test_what_ends_calls_for_no_pyridoxine_and_brings_no_vitamin(http: FlaskClient) -> None:
    isoniazid, pyridoxine = order("a", "isoniazid 300 mg tablet"), order("d", "pyridoxine 150 mg tablet")
    assert asked(http, [pyridoxine], [isoniazid | ACTIVE]) == []
    assert asked(http, [pyridoxine, isoniazid | {"status": "stopped"}], [isoniazid | ACTIVE]) == ["OSB6"]
    low = bundle(result("v", "2132-9", 150, "pg/mL"))
    b12, folate = order("a", "cyanocobalamin 1000 mcg tablet"), order("d", "folic acid 1 mg tablet")
    assert asked(http, [folate], [b12 | ACTIVE], low) == []
    assert asked(http, [folate, b12 | {"status": "stopped"}], [b12 | ACTIVE], low) == ["OSFOLB12"]


KIDNEY_DISEASE = bundle(result("k", "98979-8", 45, "mL/min/{1.73_m2}"))
LESS = order("a", "gabapentin 300 mg capsule", "1 capsule three times a day")
MORE = order("b", "gabapentin 300 mg capsule", "2 capsules twice a day")
FURTHER = order("c", "gabapentin 300 mg capsule", "1 capsule twice a day")


def test_two_drafts_of_one_order_count_once(http: FlaskClient) -> None:
    """900 and 1200 mg are above 1400 mg together; not where they are one order."""
    for drafts in ([LESS, MORE], [MORE, LESS]):
        assert asked(http, drafts, [], KIDNEY_DISEASE) == ["OSGABARENAL"]
    for name in ("priorPrescription", "replaces", "basedOn"):
        linked = MORE | {name: [naming("a")]}
        for drafts in ([LESS, linked], [linked, LESS]):
            assert asked(http, drafts, [], KIDNEY_DISEASE) == [], name
    twice = [LESS, LESS, LESS]
    assert asked(http, twice, [], KIDNEY_DISEASE) == []


def test_a_third_order_counts_with_the_one_that_stands(http: FlaskClient) -> None:
    """600 mg are too much beside the 1200 mg that replace 900 mg; an instance of 900 mg adds nothing to them."""
    higher = MORE | {"replaces": [naming("a")]}
    for drafts in ([LESS, higher, FURTHER], [FURTHER, LESS, higher], [higher, FURTHER, LESS]):
        assert asked(http, drafts, [], KIDNEY_DISEASE) == ["OSGABARENAL"]
    small = order("s", "gabapentin 300 mg capsule", "1 capsule twice a day", basedOn=[naming("a")])
    whole = order("a", "gabapentin 300 mg capsule", "1 capsule three times a day")
    little = FURTHER | {"dosageInstruction": [{"text": "1 capsule daily"}]}
    assert asked(http, [small, whole, little], [], KIDNEY_DISEASE) == []


def test_vitamins_of_a_replaced_draft_are_summed_once(http: FlaskClient) -> None:
    """60 mg replaced by 80 mg is no 140 mg; with 30 mg more it is 110 mg, whichever comes first."""
    sixty, thirty = order("a", "pyridoxine 60 mg tablet"), order("c", "pyridoxine 30 mg tablet")
    eighty = order("b", "pyridoxine 80 mg tablet", replaces=[naming("a")])
    for drafts in ([sixty, eighty], [eighty, sixty]):
        assert asked(http, drafts, []) == []
    for drafts in ([sixty, eighty, thirty], [thirty, eighty, sixty], [eighty, thirty, sixty]):
        assert asked(http, drafts, []) == ["OSB6"]


def test_iron_of_one_order_is_no_duplicate_of_itself(http: FlaskClient) -> None:
    sulfate = order("a", "ferrous sulfate 325 mg tablet", "1 tablet twice a day")
    fumarate = order("b", "ferrous fumarate 324 mg tablet")
    assert asked(http, [sulfate, fumarate], []) == ["OSIRONDOSE", "OSIRONDUP"]
    linked = fumarate | {"replaces": [naming("a")]}
    for drafts in ([sulfate, linked], [linked, sulfate]):
        assert asked(http, drafts, []) == []


def test_drafts_that_each_replace_the_other_both_count(http: FlaskClient) -> None:
    one, other = LESS | {"replaces": [naming("b")]}, MORE | {"replaces": [naming("a")]}
    assert asked(http, [one, other, FURTHER], [], KIDNEY_DISEASE) == ["OSGABARENAL"]


def test_a_laboratory_order_that_the_basket_takes_back_is_not_awaited(http: FlaskClient) -> None:
    """Ferritin alone asks for a saturation, unless one is ordered; what was completed is."""
    panel = record("ServiceRequest", "p", "50190-8", "http://loinc.org", intent="order", authoredOn="2026-06-20")
    ferritin = record("ServiceRequest", "d", "2276-4", "http://loinc.org", intent="order", status="draft")

    def told(*drafts: Resource) -> list[str]:
        placed = bundle(panel | {"status": "active"})
        cards = sign(http, bundle(*drafts), conditions=bundle(RLS), labs=bundle(), orders=placed)
        return [code for code in codes(cards) if code.startswith("OSLAB")]

    assert told(ferritin) == told(ferritin, panel | {"status": "completed"}) == []
    for status in ("revoked", "cancelled", "entered-in-error"):
        assert told(ferritin, panel | {"status": status}) == ["OSLABTSAT"], status
