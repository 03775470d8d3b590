"""Drugs that an order names by reference: read where they are, and never taken for none if they cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.builders.service import (
    SIGN,
    VIEW,
    bare,
    bundle,
    card_codes,
    ferritin,
    is_outcome,
    is_response,
    missing_keys,
    rls,
)
from tests.fakes.fault_server import FaultServer, answer, empty, fault_server, status
from tests.protocol.test_prefetch import known

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
IRON = {"coding": [{"system": RXNORM, "code": "310325"}], "text": "ferrous sulfate 325 MG Oral Tablet"}
CARBOXYMALTOSE = {"text": "ferric carboxymaltose 750 mg/15 mL intravenous solution"}
DRAFT = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order",
         "subject": {"reference": "Patient/p1"}}  # fmt: skip
OTHER_ORDER = {"resourceType": "MedicationRequest", "id": "m9", "status": "active", "intent": "order",
               "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "atorvastatin 20 mg"},
               "authoredOn": "2026-01-01"}  # fmt: skip
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
REFERRED = {"medicationReference": {"reference": "Medication/m1"}}
R5_REFERRED = {"medication": {"reference": {"reference": "Medication/m1"}}}


def overload() -> dict[str, Any]:
    return rls() | {"id": "c2", "code": {"coding": [{"system": ICD10CM, "code": "E83.110"}]}}


def medication(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": "m1", "code": IRON} | members


def sent(**changes: Any) -> dict[str, Any]:
    return known(conditions=bundle(rls(), overload()), labs=bundle(), **changes)


def signing(*entries: dict[str, Any], prefetch: dict[str, Any], **members: Any) -> dict[str, Any]:
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}
    context = {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": drafts}
    return bare(hook="order-sign", context=context, prefetch=prefetch, **members)


def sign(app: Flask, server: FaultServer, draft: dict[str, Any], **changes: Any) -> Any:
    body = signing({"resource": DRAFT | draft}, prefetch=sent(**changes), fhirServer=server.base)
    return app.test_client().post(SIGN, json=body)


@pytest.mark.parametrize("draft", [REFERRED, R5_REFERRED])
@pytest.mark.parametrize(
    "medications",
    [None, bundle(), FAILED, bundle(OTHER_ORDER), ...],
    ids=["null", "empty", "failed", "other", "absent"],
)
def test_the_drug_of_a_draft_is_read_whatever_the_list_of_drugs_holds(
    app: Flask, medications: Any, draft: dict[str, Any]
) -> None:
    with fault_server(empty, {"Medication/m1": answer(medication())}) as server:
        found = is_response(sign(app, server, draft, medications=medications))
    assert card_codes(found) == ["OSIRONOVL"]


def test_a_medication_alone_in_the_list_of_drugs_is_found(app: Flask) -> None:
    body = signing({"resource": DRAFT | REFERRED}, prefetch=sent(medications=bundle(medication())))
    assert card_codes(is_response(app.test_client().post(SIGN, json=body))) == ["OSIRONOVL"]


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("urn:uuid:22222222-2222-4222-8222-222222222222", "urn:uuid:22222222-2222-4222-8222-222222222222"),
        ("https://ehr.example.org/fhir/Medication/m7", "https://ehr.example.org/fhir/Medication/m7"),
        ("https://ehr.example.org/fhir/Medication/m7", "Medication/m7"),
    ],
)
def test_a_medication_without_an_id_is_found_by_the_address_of_its_entry(
    app: Flask, full_url: str, reference: str
) -> None:
    bare_medication = {"resourceType": "Medication", "code": IRON}
    draft = DRAFT | {"medicationReference": {"reference": reference}}
    entries = ({"resource": draft}, {"fullUrl": full_url, "resource": bare_medication})
    found = is_response(app.test_client().post(SIGN, json=signing(*entries, prefetch=sent())))
    assert card_codes(found) == ["OSIRONOVL"]


@pytest.mark.parametrize("fault", [status(404), status(500)])
@pytest.mark.parametrize("draft", [REFERRED, R5_REFERRED])
def test_a_draft_whose_drug_cannot_be_identified_is_no_all_clear(app: Flask, fault: Any, draft: dict[str, Any]) -> None:
    with fault_server(empty, {"Medication/m1": fault}) as server:
        [issue] = is_outcome(sign(app, server, draft), 412)
    assert missing_keys(issue) == "medications"


def test_a_draft_that_the_drugs_may_name_asks_for_them(app: Flask) -> None:
    body = signing({"resource": DRAFT | REFERRED}, prefetch=sent())
    [issue] = is_outcome(app.test_client().post(SIGN, json=body), 412)
    assert missing_keys(issue) == "medications"


@pytest.mark.parametrize(
    "draft",
    [
        {"medicationReference": {"identifier": {"value": "4711"}}},
        {"medicationReference": {"reference": "#x"}},
        {"medicationCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0517-0650-01"}]}},
        {"medicationCodeableConcept": {"text": "Xqwprazine 20 mg"}},
        {"medicationCodeableConcept": {"text": "ferrous novate 100 mg"}},
    ],
)
def test_a_draft_that_no_list_would_tell_is_itself_not_judged(app: Flask, draft: dict[str, Any]) -> None:
    body = signing({"resource": DRAFT | draft}, prefetch=sent())
    [issue] = is_outcome(app.test_client().post(SIGN, json=body), 412)
    assert issue["diagnostics"] == "draftOrders: a drug that cannot be told"


@pytest.mark.parametrize("words", ["Magnesium Verla", "Xqwprazine 20 mg"])
def test_beside_other_cards_the_order_that_was_not_judged_is_named(app: Flask, words: str) -> None:
    iron, untold = ({"medicationCodeableConcept": each} for each in (IRON, {"text": words}))
    drafts = [{"resource": DRAFT | iron}, {"resource": DRAFT | {"id": "d2"} | untold}]
    body = signing(*drafts, prefetch=sent(medications=None))
    cards = is_response(app.test_client().post(SIGN, json=body))["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == ["OSIRONOVL", "NOTEVALUATED"]
    assert "draft orders (a drug that cannot be told)" in cards[1]["detail"]
    assert "chelator" not in cards[1]["detail"]


def test_what_the_other_orders_call_for_is_shown_beside_one_not_evaluated_card(app: Flask) -> None:
    known_draft = DRAFT | {"id": "d2", "medicationCodeableConcept": IRON}
    body = signing({"resource": DRAFT | REFERRED}, {"resource": known_draft}, prefetch=sent())
    assert card_codes(is_response(app.test_client().post(SIGN, json=body))) == ["OSIRONOVL", "NOTEVALUATED"]


@pytest.mark.parametrize(
    "draft",
    [
        {},  # nothing chosen yet
        {"medicationReference": {"reference": "Medication/m1", "display": "atorvastatin 20 mg tablet"}},
        {"medicationCodeableConcept": {"text": "atorvastatin 20 mg tablet"}},
        {"medicationCodeableConcept": {"text": "Atorvastatina 20 mg comprimidos"}},
        {"medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "C10AA05"}]}},
        REFERRED | {"status": "cancelled"},
        REFERRED | {"subject": {"reference": "Patient/p2"}},
    ],
)
def test_a_draft_that_no_decision_judges_is_quiet(app: Flask, draft: dict[str, Any]) -> None:
    body = signing({"resource": DRAFT | draft}, prefetch=sent())
    assert is_response(app.test_client().post(SIGN, json=body)) == {"cards": []}


def test_without_restless_legs_an_unknown_draft_is_out_of_scope(app: Flask) -> None:
    body = signing({"resource": DRAFT | REFERRED}, prefetch=sent() | {"conditions": None})
    assert is_response(app.test_client().post(SIGN, json=body)) == {"cards": []}


def test_an_unknown_draft_does_not_hide_what_the_other_draft_calls_for(app: Flask) -> None:
    ndc = {"medicationCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0517-0650-01"}]}}
    known_draft = DRAFT | {"id": "d2", "medicationCodeableConcept": {"text": "sulfato ferroso 325 mg"}}
    body = signing({"resource": DRAFT | ndc}, {"resource": known_draft}, prefetch=sent())
    assert card_codes(is_response(app.test_client().post(SIGN, json=body))) == ["OSIRONOVL", "NOTEVALUATED"]


def infusion() -> dict[str, Any]:
    return DRAFT | {"id": "m2", "status": "completed", "authoredOn": "2026-05-20"} | REFERRED


def test_an_unidentified_drug_on_record_removes_the_suggestions(app: Flask) -> None:
    drugs = bundle(infusion())
    with fault_server(empty, {"Medication/m1": status(500)}) as server:
        body = bare(prefetch=known(labs=bundle(), medications=drugs), fhirServer=server.base)
        found = is_response(app.test_client().post(VIEW, json=body))
    [card] = found["cards"]
    assert "suggestions" not in card and "**Not read to the end:** drugs" in card["detail"]


def test_a_drug_on_record_that_is_read_decides(app: Flask) -> None:
    with fault_server(empty, {"Medication/m1": answer(medication(code=CARBOXYMALTOSE))}) as server:
        labs, drugs = bundle(ferritin(60, on="2026-06-02")), bundle(infusion())
        body = bare(prefetch=known(labs=labs, medications=drugs), fhirServer=server.base)
        found = is_response(app.test_client().post(VIEW, json=body))
    assert card_codes(found) == ["IRONONTX"]
    assert "Not read to the end" not in found["cards"][0]["detail"]


@pytest.mark.parametrize(
    "order", [{"intent": "proposal"}, {"doNotPerform": True}, {"subject": {"reference": "Patient/p2"}}]
)
def test_an_unknown_drug_that_was_never_taken_cuts_nothing(app: Flask, order: dict[str, Any]) -> None:
    body = bare(prefetch=known(labs=bundle(), medications=bundle(infusion() | order, OTHER_ORDER)))
    [card] = is_response(app.test_client().post(VIEW, json=body))["cards"]
    assert card["suggestions"] and "Not read to the end" not in card["detail"]
