"""Statements, dispenses and administrations are read beside the drug list, and a server need not have them.

Contract section 5, item 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from tests.builders.deadlines import unhurried
from tests.builders.service import (
    FIRST_READS,
    SIGN,
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    is_response,
    reporting,
    rls,
    settings,
)
from tests.fakes.fault_server import Behaviour, Line, answer, empty, fault_server, hang, raw_body, status

KINDS = {
    "statements": "MedicationStatement",
    "dispenses": "MedicationDispense",
    "administrations": "MedicationAdministration",
}
each_key = pytest.mark.parametrize("key", list(KINDS))
PERSON = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-01-01"}
OWN = {"subject": {"reference": "Patient/p1"}}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
IRON = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    **OWN,
    "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "310325"}]},
}
#: An iron chelator: no iron is ordered for whom takes one.
CHELATOR = {
    "status": "active",
    "medicationCodeableConcept": {"text": "deferasirox 360 mg tablet"},
    "effectiveDateTime": "2026-06-20",
    "whenHandedOver": "2026-06-20",
    **OWN,
}
STATUSES = {"statements": "active", "dispenses": "completed", "administrations": "in-progress"}


def chelator(key: str, **members: Any) -> dict[str, Any]:
    return CHELATOR | {"resourceType": KINDS[key], "id": "x1", "status": STATUSES[key]} | members


SENT = {"patient": PERSON, "conditions": bundle(rls()), "labs": bundle(ferritin(20)), "allergies": None,
        "procedures": None, "orders": None}  # fmt: skip


def signing(base: str = "", **prefetch: Any) -> dict[str, Any]:
    context = {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": bundle(IRON)}
    server = {"fhirServer": base} if base else {}
    return bare(hook="order-sign", context=context, prefetch={**SENT, **prefetch}, **server)


@pytest.fixture
def reports() -> list[Mapping[str, Any]]:
    return []


@pytest.fixture
def app(reports: list[Mapping[str, Any]]) -> Iterator[Flask]:
    with application(**reporting(reports)) as made:
        yield made


def asked(app: Flask, behaviours: Mapping[str, Behaviour], **prefetch: Any) -> tuple[list[str], list[str]]:
    """Return the cards of an order of iron, and what was read."""
    with fault_server(empty, behaviours) as server:
        found = is_response(app.test_client().post(SIGN, json=signing(server.base, **prefetch)))
        return card_codes(found), server.paths()


@each_key
def test_drugs_that_no_order_holds_are_read_where_the_drug_list_is(app: Flask, key: str) -> None:
    quiet, read = asked(app, {})
    assert "NOTEVALUATED" not in quiet and "OSIRONOVL" not in quiet
    assert set(read) == {"MedicationRequest", *KINDS.values()}
    found, _ = asked(app, {KINDS[key]: answer(bundle(chelator(key)))})
    sent, _ = asked(app, {}, medications=bundle(chelator(key)))
    assert found == sent != quiet, "as if the drug list held it"


@each_key
def test_a_medication_that_a_further_list_refers_to_is_read(app: Flask, key: str) -> None:
    named = chelator(key, medicationReference={"reference": "Medication/m1"})
    del named["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m1", "code": CHELATOR["medicationCodeableConcept"]}
    behaviours = {KINDS[key]: answer(bundle(named)), "Medication/m1": answer(medication)}
    found, read = asked(app, behaviours)
    assert "Medication/m1" in read and found == asked(app, {}, medications=bundle(chelator(key)))[0]


def test_a_client_that_prefetches_its_drugs_costs_no_further_read(app: Flask) -> None:
    for medications in (None, bundle(), bundle(chelator("statements"))):
        assert asked(app, {"": status(500)}, medications=medications)[1] == []


@each_key
def test_a_further_list_that_was_sent_is_not_read(app: Flask, key: str) -> None:
    _, read = asked(app, {}, **{key: bundle()})
    assert KINDS[key] not in read and len(read) == 3


REFUSED: dict[str, Behaviour] = {
    **{str(code): status(code) for code in (400, 401, 403, 404, 405, 410, 422, 501)},
    "redirect": status(302, Location="/login"),
    "outcome": answer({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-supported"}]}),
    "page of a web server": raw_body(b"<html>not here</html>"),
}


@each_key
@pytest.mark.parametrize("refusal", list(REFUSED))
def test_a_server_without_a_further_list_has_unlisted_drugs_and_no_cut_list(
    app: Flask, reports: list[Mapping[str, Any]], key: str, refusal: str
) -> None:
    found, _ = asked(app, {KINDS[key]: REFUSED[refusal]})
    assert found == asked(app, {})[0]
    assert "medications" not in reports[0]["gaps"] and key not in reports[0]["gaps"]
    assert key not in reports[0]["prefetch"] and reports[1]["prefetch"][key] == "read"


def test_the_log_says_which_further_list_a_server_refused(app: Flask, reports: list[Mapping[str, Any]]) -> None:
    asked(app, {"MedicationStatement": status(404), "MedicationDispense": status(403)})
    assert reports[-1]["reads"] == {"statements": "http-404", "dispenses": "http-403"}


def test_scopes_without_further_lists_leave_the_drug_list_whole(app: Flask, reports: list[Mapping[str, Any]]) -> None:
    with fault_server(empty) as server:
        token = {"access_token": "t", "scope": "patient/MedicationRequest.rs"}
        body = signing(server.base) | {"fhirAuthorization": token}
        assert "NOTEVALUATED" not in card_codes(is_response(app.test_client().post(SIGN, json=body)))
        assert server.paths() == ["MedicationRequest"]
    assert reports[-1]["gaps"] == {} and reports[-1]["reads"] == dict.fromkeys(KINDS, "scope")


def second_page_missing(key: str) -> Behaviour:
    first = bundle(chelator(key, status="entered-in-error"))
    return answer(first | {"link": [{"relation": "next", "url": "https://elsewhere.example/other/2"}]})


#: What leaves open whether the patient takes further drugs, and how the log and the card name it.
OPEN: dict[str, tuple[Any, str]] = {
    "a page is missing": (second_page_missing, "1 read, the next page leads elsewhere"),
    "500": (lambda key: status(500), "the read failed with status 500"),
    "429": (lambda key: status(429), "the read failed with status 429"),
    "nothing": (lambda key: hang, "not read in time"),
    "of an unknown patient": (
        lambda key: answer(bundle(chelator(key, subject={"reference": "urn:uuid:6d0f"}))),
        "whose some records are cannot be told",
    ),
}


@each_key
@pytest.mark.parametrize("kind", list(OPEN))
def test_a_further_list_that_is_there_and_not_read_whole_cuts_the_drug_list(key: str, kind: str) -> None:
    behaviour, cause = OPEN[kind]
    reports: list[Mapping[str, Any]] = []
    given = settings(profile=unhurried(deadline_ms=2000)) if kind == "nothing" else settings()
    with application(given, **reporting(reports)) as app:
        found, _ = asked(app, {KINDS[key]: behaviour(key)})
    assert "NOTEVALUATED" in found and reports[-1]["gaps"]["medications"] == cause


@each_key
def test_a_client_may_say_that_a_further_list_is_never_there(key: str) -> None:
    profile = unhurried(cannot_send=frozenset({key}))
    with application(settings(profile=profile)) as app:
        found, read = asked(app, {KINDS[key]: status(500)})
    assert KINDS[key] not in read and "NOTEVALUATED" not in found


def test_at_most_ten_first_reads_make_the_fallback(app: Flask) -> None:
    """Contract section 3; all in one round, with room for narrow questions and pages beside them."""

    def behave(line: Line) -> None:
        (answer(PERSON) if "Patient" in line.asked.path else empty)(line)

    with fault_server(behave) as server:
        body = signing(server.base)
        del body["prefetch"]
        is_response(app.test_client().post(SIGN, json=body))
        assert server.paths() == [*FIRST_READS] and len(FIRST_READS) == 10


@pytest.mark.parametrize(
    "named",
    [
        {"code": {"coding": [{"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J1439"}]}},
        {"code": {"text": "Ferinject infusion"}},
        {"code": {"text": "Intravenous infusion"}, "usedCode": [{"text": "Ferinject"}]},
    ],
)
def test_an_infusion_that_is_recorded_as_a_procedure_is_iron_that_was_given(app: Flask, named: dict[str, Any]) -> None:
    done = {"resourceType": "Procedure", "id": "i", "status": "completed", "performedDateTime": "2026-06-20", **OWN}
    given = {
        "status": "completed",
        "effectiveDateTime": "2026-06-20",
        "medicationCodeableConcept": {"text": "Ferinject"},
    }
    administration = {"resourceType": "MedicationAdministration", "id": "i", **given, **OWN}
    found = {}
    for name, lists in {
        "none": {},
        "procedure": {"procedures": bundle(done | named)},
        "planned": {"procedures": bundle(done | named | {"status": "preparation"})},
        "administration": {"medications": bundle(administration)},
    }.items():
        sent = bare(prefetch={**SENT, "medications": None, **lists})
        found[name] = card_codes(is_response(app.test_client().post(VIEW, json=sent)))
    assert found["procedure"] == found["administration"] == ["IRONCAUSE", "IRONRECHECK"]
    assert found["none"] == found["planned"] != found["procedure"]
