"""The envelope of hook requests: protocol R-xx, T-05, T-08."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import (
    IRON_LOW,
    SELECT,
    SIGN,
    VIEW,
    bare,
    bundle,
    card_codes,
    good,
    is_outcome,
    is_response,
    missing_keys,
    prefetch,
    rls,
)

PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}


def known(**members: Any) -> dict[str, Any]:
    return bare(prefetch=prefetch(), **members)


def order(hook: str, **context: Any) -> dict[str, Any]:
    drafts = {"draftOrders": {"resourceType": "Bundle"}, **({"selections": []} if hook == "order-select" else {})}
    return known() | {"hook": hook, "context": known()["context"] | drafts | context}


@pytest.mark.row("R-02", "R-03", "R-04")
@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [..., None, 5, "", [], {}, True])
def test_required_members(http: FlaskClient, member: str, value: Any) -> None:
    body = known()
    body.pop(member) if value is ... else body.update({member: value})
    issues = is_outcome(http.post(VIEW, json=body), 400)
    assert any(issue["expression"][0].startswith(member) for issue in issues)


@pytest.mark.row("R-05")
@pytest.mark.parametrize(
    ("hook", "member"),
    [
        *(("patient-view", name) for name in ("userId", "patientId")),
        *(("order-sign", name) for name in ("userId", "patientId", "draftOrders")),
        *(("order-select", name) for name in ("userId", "patientId", "draftOrders", "selections")),
    ],
)
@pytest.mark.parametrize("value", [..., None, 5.5, True])
def test_required_context(http: FlaskClient, hook: str, member: str, value: Any) -> None:
    body = order(hook)
    body["context"].pop(member) if value is ... else body["context"].update({member: value})
    [issue] = is_outcome(http.post(PATHS[hook], json=body), 400)
    assert issue["expression"] == [f"context.{member}"]
    assert "allowed:" in issue["details"]["text"] and "Send" in issue["details"]["text"]


def test_all_faults_are_named_at_once_without_quoting_the_request(http: FlaskClient) -> None:
    body = {
        "hook": "Patient Name",
        "hookInstance": "MRN-777",
        "context": {"patientId": "Doe, Jane"},
        "prefetch": ["Jane"],
        "fhirAuthorization": {"scope": "launch"},
    }
    issues = is_outcome(http.post(VIEW, json=body), 400)
    assert sorted(issue["expression"][0] for issue in issues) == [
        "context.patientId",
        "context.userId",
        "fhirAuthorization.access_token",
        "fhirServer",
        "hook",
        "hookInstance",
        "prefetch",
    ]
    text = json.dumps(issues)
    assert not any(word in text for word in ("Jane", "MRN", "launch", "Patient Name"))


@pytest.mark.row("R-03")
@pytest.mark.parametrize(
    "instance",
    [
        "00000000-007b-9f33-e810-e841a57c502c",
        "7f3c1d52-9a0e-1b8e-8c41-0d6c2b7f9e11",
        "7F3C1D52-9A0E-4B8E-8C41-0D6C2B7F9E11",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_any_uuid_form_is_accepted(http: FlaskClient, instance: str) -> None:
    is_response(http.post(VIEW, json=known(hookInstance=instance)))


@pytest.mark.row("R-03")
@pytest.mark.parametrize(
    "instance", ["x", "7f3c1d529a0e4b8e8c410d6c2b7f9e11", "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e11\n"]
)
def test_other_text_is_not_a_hook_instance(http: FlaskClient, instance: str) -> None:
    is_outcome(http.post(VIEW, json=known(hookInstance=instance)), 400)


@pytest.mark.row("R-11")
def test_the_hook_of_another_service_is_400(http: FlaskClient) -> None:
    [issue] = is_outcome(http.post(VIEW, json=order("order-sign")), 400)
    assert issue["expression"] == ["hook"]


@pytest.mark.control("SSRF-7")
@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../../x", "a b", "a?b", "a#b", "%2f", "x" * 65, "p1\n", "Patient/", "Group/1", "ä"]
)
def test_a_patient_id_that_is_no_fhir_id_is_refused(http: FlaskClient, name: str) -> None:
    body = known(context={"userId": "Practitioner/1", "patientId": name})
    [issue] = is_outcome(http.post(VIEW, json=body), 400)
    assert issue["expression"] == ["context.patientId"]


@pytest.mark.row("R-16")
def test_a_reference_is_read_as_its_id(http: FlaskClient) -> None:
    body = good()
    body["context"]["patientId"] = f"Patient/{body['context']['patientId']}"
    assert card_codes(is_response(http.post(VIEW, json=body))) == ["IRONLOW"]


@pytest.mark.row("R-15")
@pytest.mark.parametrize("user", ["Practitioner/1", "PractitionerRole/1", "Patient/1", "RelatedPerson/1", "1"])
def test_every_kind_of_user_is_accepted(http: FlaskClient, user: str) -> None:
    is_response(http.post(VIEW, json=known(context={"userId": user, "patientId": "p1"})))


@pytest.mark.row("R-06")
def test_authorization_without_a_server_is_400(http: FlaskClient) -> None:
    body = known(fhirAuthorization={"access_token": "t"})
    [issue] = is_outcome(http.post(VIEW, json=body), 400)
    assert issue["expression"] == ["fhirServer"]


@pytest.mark.row("R-06")
def test_a_server_without_authorization_is_accepted(http: FlaskClient) -> None:
    is_response(http.post(VIEW, json=known(fhirServer="https://fhir.example.org/r4")))


@pytest.mark.row("R-08")
@pytest.mark.parametrize(
    "authorization",
    [
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "300", "token_type": "bearer"},
        {"access_token": "t", "expires_in": 1e400},
        {"access_token": "t", "expires_in": {"a": 1}, "scope": 5, "subject": None},
        {"access_token": "t", "expires_in": None, "patient": ["p1"]},
        {"access_token": "t", "expires_in": "soon", "scope": "anything at all"},
    ],
)
def test_the_rest_of_an_authorization_is_read_leniently(http: FlaskClient, authorization: dict[str, Any]) -> None:
    body = json.dumps(known(fhirServer="https://fhir.example.org/r4", fhirAuthorization=authorization))
    raw = body.replace("Infinity", "300")
    is_response(http.post(VIEW, data=raw, content_type="application/json"))


@pytest.mark.row("R-08")
@pytest.mark.parametrize("token", [..., None, "", 7, {}])
def test_an_authorization_without_a_token_is_400(http: FlaskClient, token: Any) -> None:
    given = {} if token is ... else {"access_token": token}
    body = known(fhirServer="https://fhir.example.org/r4", fhirAuthorization={"expires_in": 300, **given})
    [issue] = is_outcome(http.post(VIEW, json=body), 400)
    assert issue["expression"] == ["fhirAuthorization.access_token"]


@pytest.mark.parametrize("member", ["fhirServer", "fhirAuthorization", "prefetch"])
def test_null_for_an_optional_member_counts_as_absent(http: FlaskClient, member: str) -> None:
    empty = (None,) if member == "fhirServer" else (None, [])  # [] is how PHP writes an empty object
    for value in empty:
        answer = http.post(VIEW, json=known() | {member: value})
        assert answer.status_code == (412 if member == "prefetch" else 200)


@pytest.mark.row("P-16")
@pytest.mark.parametrize("encounter", [None, "e1", "Encounter/e1", "not an id", ""])
def test_the_encounter_does_not_matter(http: FlaskClient, encounter: Any) -> None:
    body = known()
    body["context"]["encounterId"] = encounter
    is_response(http.post(VIEW, json=body))


@pytest.mark.row("R-09")
@pytest.mark.parametrize("sent", [..., {}, {"patient": prefetch()["patient"]}])
def test_absent_empty_and_partial_prefetch(http: FlaskClient, sent: Any) -> None:
    body = bare() if sent is ... else bare(prefetch=sent)
    is_outcome(http.post(VIEW, json=body), 412)


@pytest.mark.row("T-08", "R-10", "N-04")
def test_unknown_members_and_extensions_change_nothing(http: FlaskClient) -> None:
    plain = good()
    body = plain | {"foo": 1, "extension": ["not", "an", "object"]}
    body["context"] = plain["context"] | {"foo": {"bar": []}}
    body["prefetch"] = plain["prefetch"] | {"foo": {"resourceType": "Bundle"}}
    assert card_codes(is_response(http.post(VIEW, json=body))) == ["IRONLOW"]


@pytest.mark.row("R-17")
def test_the_same_call_twice_is_no_replay(http: FlaskClient) -> None:
    body = good()
    first, second = (is_response(http.post(VIEW, json=body)) for _ in range(2))
    assert card_codes(first) == card_codes(second) == ["IRONLOW"]
    assert first["cards"][0]["uuid"] != second["cards"][0]["uuid"]


@pytest.mark.row("R-19", "R-20", "R-21")
@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
@pytest.mark.parametrize(
    "drafts",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": []},
        {"entry": []},
        {"resourceType": "Bundle", "entry": None},
        {"resourceType": "Bundle", "entry": {"resource": {"resourceType": "MedicationRequest"}}},
        bundle({"resourceType": "VisionPrescription", "id": "v1"}),
        bundle({"resourceType": "MedicationRequest", "id": "request-123", "status": "draft"}),
        bundle({"resourceType": "ServiceRequest", "id": "s", "intent": "plan", "code": {"coding": [{}]}}),
        bundle({"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": {"text": "amoxicillin"}}),
        bundle(
            {"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": {"text": "ibuprofen 200 mg"}}
        ),
    ],
    ids=lambda drafts: json.dumps(drafts)[:60],
)
def test_nothing_to_judge_is_answered_without_reading(http: FlaskClient, hook: str, drafts: Any) -> None:
    """Nothing is prefetched and nothing can be read, so any attempt to do so would be 412."""
    body = order(hook, draftOrders=drafts) | {"prefetch": {}}
    assert is_response(http.post(PATHS[hook], json=body)) == {"cards": []}


@pytest.mark.row("R-22")
def test_a_draft_for_another_patient_is_ignored(http: FlaskClient) -> None:
    body = good("order-sign")
    body["context"]["draftOrders"]["entry"][0]["resource"]["subject"] = {"reference": "Patient/other"}
    assert is_response(http.post(SIGN, json=body)) == {"cards": []}


@pytest.mark.parametrize("selections", [["MedicationRequest/unknown"], []])
def test_a_selection_that_matches_nothing_does_not_crash(http: FlaskClient, selections: list[str]) -> None:
    body = good("order-select")
    body["context"]["selections"] = selections
    assert is_response(http.post(SELECT, json=body)) == {"cards": []}


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_a_harmful_draft_gets_a_card(http: FlaskClient, hook: str) -> None:
    body = good(hook, "haemochromatosis-after-phlebotomy")
    assert "OSIRONOVL" in card_codes(is_response(http.post(PATHS[hook], json=body)))


def test_selections_that_are_no_references_are_400(http: FlaskClient) -> None:
    [issue] = is_outcome(http.post(SELECT, json=order("order-select", selections=[5])), 400)
    assert issue["expression"] == ["context.selections[0]"]


@pytest.mark.row("R-13", "T-05")
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"1", b'"x"', b'{"hook": "patient-view",}', b"{}//", b"\xff\xfe{\x00"]
)
def test_a_body_that_is_no_json_object_is_400(http: FlaskClient, raw: bytes) -> None:
    is_outcome(http.post(VIEW, data=raw, content_type="application/json"), 400)


def test_the_requests_of_the_public_sandbox_are_served(http: FlaskClient, shared: Path) -> None:
    """Recordings of the sandbox; only a tab that is clicked again omits the drafts, which is 400."""
    statuses = {}
    for file in sorted((shared / "data" / "sandbox-requests").glob("*.json")):
        for body in recorded(json.loads(file.read_text(encoding="utf-8"))):
            statuses.setdefault(file.name, set()).add(http.post(PATHS[body["hook"]], json=body).status_code)
    assert statuses.pop("reclick-tab-no-draftOrders.json") == {400}
    assert len(statuses) > 5
    assert set().union(*statuses.values()) <= {200, 412}, statuses
    assert statuses["order-select-1-on-open.json"] == {200}


def recorded(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every hook request of a recording, stored as JSON or as text."""
    if isinstance(value, str) and value.startswith("{") and '"hookInstance"' in value:
        value = json.loads(value)
    if isinstance(value, dict) and "hookInstance" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from recorded(inner)


def test_restless_legs_without_labs_is_not_an_all_clear(http: FlaskClient) -> None:
    sent = prefetch() | {"conditions": bundle(rls())}
    sent.pop("labs")
    [issue] = is_outcome(http.post(VIEW, json=bare(prefetch=sent)), 412)
    assert missing_keys(issue) == "labs"


@pytest.mark.row("S-03")
def test_a_chart_without_findings_gets_no_cards(http: FlaskClient) -> None:
    assert is_response(http.post(VIEW, json=known())) == {"cards": []}
    assert card_codes(is_response(http.post(VIEW, json=good(slug=IRON_LOW)))) == ["IRONLOW"]


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
@pytest.mark.parametrize(
    "words",
    [
        "ferrous sulfate 325 mg",
        "pramipexole 0.25 mg",
        "gabapentin 300 mg",
        "pyridoxine 100 mg",
        "metoclopramide 10 mg",
    ],
)
def test_a_draft_that_is_judged_needs_the_chart(http: FlaskClient, hook: str, words: str) -> None:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "draft",
        "medicationCodeableConcept": {"text": words},
    }
    body = order(hook, draftOrders=bundle(draft)) | {"prefetch": {}}
    if hook == "order-select":
        body["context"]["selections"] = ["MedicationRequest/m"]
    is_outcome(http.post(PATHS[hook], json=body), 412)


@pytest.mark.parametrize(("reason", "status"), [("Restless legs syndrome", 412), ("Pernicious anaemia", 200)])
def test_a_supplement_is_judged_only_where_it_is_for_restless_legs(http: FlaskClient, reason: str, status: int) -> None:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "draft",
        "medicationCodeableConcept": {"text": "cyanocobalamin 1 mg"},
        "reasonCode": [{"text": reason}],
    }
    answer = http.post(SIGN, json=order("order-sign", draftOrders=bundle(draft)) | {"prefetch": {}})
    assert answer.status_code == status


def test_a_draft_whose_medication_is_elsewhere_needs_the_chart(http: FlaskClient) -> None:
    drafts = bundle(
        {"resourceType": "MedicationRequest", "id": "m", "medicationReference": {"reference": "Medication/1"}}
    )
    is_outcome(http.post(SIGN, json=order("order-sign", draftOrders=drafts) | {"prefetch": {}}), 412)
