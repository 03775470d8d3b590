"""What a token may not read is not asked for, and what is not asked for is not known: rows A-05, R-08, TOK-2."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from flask import Flask

from cds_service.fhir.access import token_of
from cds_service.fhir.scopes import Cover, Scopes
from cds_service.hook_request import HookRequest
from cds_service.services import BY_ID
from tests.http.build import VIEW, bare, bundle, card_codes, ferritin, is_outcome, is_response, rls
from tests.http.fault_server import Line, answer, fault_server
from tests.http.test_fhir_access import chart

WHOLE, PART, NONE = Cover.WHOLE, Cover.PART, Cover.NONE
LABORATORY = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
ALL_BUT_LABS = "patient/Patient.rs patient/Condition.rs"


@pytest.mark.parametrize(
    ("scope", "search", "read"),
    [
        (None, WHOLE, WHOLE),
        ("", WHOLE, WHOLE),
        ("   ", WHOLE, WHOLE),
        ("patient/Observation.read", WHOLE, WHOLE),
        ("patient/Observation.*", WHOLE, WHOLE),
        ("patient/*.read", WHOLE, WHOLE),
        ("user/*.*", WHOLE, WHOLE),
        ("system/*.read", WHOLE, WHOLE),
        ("user/Observation.rs", WHOLE, WHOLE),
        ("system/Observation.cruds", WHOLE, WHOLE),
        ("patient/Observation.sr", WHOLE, WHOLE),
        ("launch openid  fhirUser\tpatient/*.rs offline_access", WHOLE, WHOLE),
        ("patient/Observation.write", NONE, NONE),
        ("patient/Observation.cud", NONE, NONE),
        ("patient/Observation.r", NONE, WHOLE),
        ("patient/Observation.s", WHOLE, NONE),
        ("patient/Observation.r patient/Observation.s", WHOLE, WHOLE),
        ("patient/Condition.read", NONE, NONE),
        ("patient/ObservationDefinition.read", NONE, NONE),
        ("patient/observation.read", NONE, NONE),
        (f"patient/Observation.rs?{LABORATORY}", PART, PART),
        (f"patient/Observation.rs?{LABORATORY} patient/Observation.rs?category=vital-signs", PART, PART),
        (f"patient/Observation.rs?{LABORATORY} user/Observation.rs", WHOLE, WHOLE),
        (f"patient/Observation.rs?{LABORATORY} patient/*.read", WHOLE, WHOLE),
        (f"patient/Observation.r patient/Observation.s?{LABORATORY}", PART, WHOLE),
        ("patient/*.rs?_tag=a", PART, PART),
        ("patient/Observation.rs?", WHOLE, WHOLE),
        ("openid", NONE, NONE),
        ("launch launch/patient openid fhirUser profile offline_access online_access", NONE, NONE),
        # Words of a vendor's own: nothing is known of them, so the server alone decides.
        ("anything at all", WHOLE, WHOLE),
        ("openid vendor.chart", WHOLE, WHOLE),
        ("https://auth.example.org/fhir.read", WHOLE, WHOLE),
        ("vendor.chart patient/Condition.read", NONE, NONE),
        ("patient/Observation.read;patient/Condition.read", WHOLE, WHOLE),
        ("patient/Observation.read " + "x" * 16_384, WHOLE, WHOLE),
    ],
)
def test_how_much_of_the_observations_a_scope_covers_a05(scope: str | None, search: Cover, read: Cover) -> None:
    scopes = Scopes.of(scope)
    assert (scopes.search("Observation"), scopes.read("Observation")) == (search, read)


def empty_chart(line: Line) -> None:
    """As some servers answer what is beyond a scope."""
    answer(bundle())(line) if "Observation" in line.asked.path else chart(line)


def asking(app: Flask, server: Any, **authorization: Any) -> Any:
    body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "t", **authorization})
    return app.test_client().post(VIEW, json=body)


@pytest.mark.parametrize(
    ("scope", "paths"),
    [
        (ALL_BUT_LABS, ["Condition", "Patient/p1"]),
        (["patient/Patient.rs", "patient/Condition.rs"], ["Condition", "Patient/p1"]),
        ("patient/Patient.s patient/Condition.r", []),
        ("openid fhirUser", []),
    ],
)
def test_what_no_scope_covers_is_not_read_and_missing_a05(app: Flask, scope: Any, paths: list[str]) -> None:
    """A server that answers it with an empty list would have said that there are no results."""
    with fault_server(empty_chart) as server:
        issue = is_outcome(asking(app, server, scope=scope, patient="p1"), 412)[0]
        assert server.paths() == paths
    assert issue["diagnostics"].endswith("labs" if paths else "patient, conditions")


@pytest.mark.parametrize("scope", ["patient/*.read", "user/*.*", "system/*.rs", "", None, 5, "anything at all"])
@pytest.mark.parametrize("patient", [{}, {"patient": None}, {"patient": "p1"}, {"patient": "Patient/p1"}])
def test_a_scope_over_everything_and_one_that_says_nothing_read_everything(
    app: Flask, scope: Any, patient: dict[str, Any]
) -> None:
    with fault_server(chart) as server:
        assert "IRONLOW" in card_codes(is_response(asking(app, server, scope=scope, **patient)))
        assert len(server.asked) == 6


def test_a_secondary_list_beyond_the_scopes_costs_only_the_suggestions_a05(app: Flask) -> None:
    with fault_server(chart) as server:
        found = is_response(asking(app, server, scope=f"{ALL_BUT_LABS} patient/Observation.rs"))
        assert server.paths() == ["Condition", "Observation", "Patient/p1"]
    [card] = [card for card in found["cards"] if card["source"]["topic"]["code"] == "IRONLOW"]
    assert not card.get("suggestions") and "not checked" in card["detail"].lower()


def test_a_scope_over_some_results_leaves_the_list_cut_a05(app: Flask) -> None:
    scope = f"{ALL_BUT_LABS} patient/Observation.rs?{LABORATORY}"
    with fault_server(chart) as server:
        found = is_response(asking(app, server, scope=scope))
        assert "Observation" in server.paths() and "IRONLOW" in card_codes(found)
    with fault_server(empty_chart) as server:
        is_outcome(asking(app, server, scope=scope), 412)


def test_a_scope_over_some_diagnoses_does_not_say_that_there_are_no_others_a05(app: Flask) -> None:
    """What would forbid iron may be among those that are not shown."""
    whole, part = "patient/*.rs", "patient/Condition.rs?category=encounter-diagnosis"
    rest = "patient/Patient.rs patient/Observation.rs patient/MedicationRequest.rs patient/Procedure.rs"
    with fault_server(chart) as server:
        known = is_response(asking(app, server, scope=whole))
        cut = is_response(asking(app, server, scope=f"{rest} patient/ServiceRequest.rs {part}"))
    said = "Only in part: diagnoses (not all of them could be read)"
    assert all(said in card["detail"] for card in cut["cards"]) and said not in str(known)


def test_prefetch_is_used_whatever_the_scopes(app: Flask) -> None:
    sent = {
        "patient": {"resourceType": "Patient", "id": "p1"},
        "conditions": bundle(rls()),
        "labs": bundle(ferritin(9)),
    }
    with fault_server(chart) as server:
        body = bare(fhirServer=server.base, prefetch=sent, fhirAuthorization={"access_token": "t", "scope": "openid"})
        assert "IRONLOW" in card_codes(is_response(app.test_client().post(VIEW, json=body)))
        assert server.connections == 0


def test_an_older_version_is_measured_by_the_names_it_has(app: Flask) -> None:
    """STU3 has ProcedureRequest for the orders."""
    with fault_server(chart) as server:
        condition = rls() | {"clinicalStatus": "active", "verificationStatus": "confirmed"}
        body = bare(
            fhirServer=server.base,
            prefetch={"conditions": bundle(condition)},
            fhirAuthorization={"access_token": "t", "scope": "patient/ProcedureRequest.read patient/Patient.read"},
        )
        app.test_client().post(VIEW, json=body)
        assert [path for path in server.paths() if path in ("ProcedureRequest", "ServiceRequest")] == [
            "ProcedureRequest"
        ]


@pytest.mark.parametrize("covered", [True, False])
def test_medications_that_orders_point_at_need_a_scope_too(app: Flask, covered: bool) -> None:
    drug = {"resourceType": "MedicationRequest", "id": "m", "status": "active"}
    drug |= {"medicationReference": {"reference": "Medication/a"}}
    sent = {"patient": {"resourceType": "Patient", "id": "p1"}, "conditions": bundle(rls())}
    sent |= {"labs": bundle(ferritin(20)), "medications": bundle(drug), "procedures": None, "orders": None}
    scope = "patient/MedicationRequest.rs" + (" patient/Medication.r" if covered else "")
    with fault_server(chart) as server:
        given = {"access_token": "t", "scope": scope}
        body = bare(fhirServer=server.base, prefetch=sent, fhirAuthorization=given)
        is_response(app.test_client().post(VIEW, json=body))
        assert server.paths() == (["Medication/a"] if covered else [])


def authorized(**members: Any) -> HookRequest:
    body = bare(fhirServer="https://ehr.example.org/r4", fhirAuthorization={"access_token": "t", **members})
    return HookRequest.parse(orjson.dumps(body), BY_ID["rls-patient-view"])


@pytest.mark.parametrize(
    ("members", "usable"),
    [
        ({}, True),
        ({"token_type": "Bearer"}, True),
        ({"token_type": "bearer"}, True),
        ({"token_type": " BEARER "}, True),
        ({"token_type": None}, True),
        ({"token_type": ""}, True),
        ({"token_type": "DPoP"}, False),
        ({"token_type": "mac"}, False),
        ({"token_type": "N_A"}, False),
        ({"token_type": 5}, False),
        ({"token_type": ["Bearer"]}, False),
        ({"patient": None}, True),
        ({"patient": ""}, True),
        ({"patient": "p1"}, True),
        ({"patient": "Patient/p1"}, True),
        ({"patient": "p2"}, False),
        ({"patient": ["p1"]}, False),
        ({"patient": {"reference": "Patient/p1"}}, False),
        ({"patient": True}, False),
        ({"patient": 1}, False),
        ({"patient": "https://ehr.example.org/r4/Patient/p1"}, False),
    ],
)
def test_which_tokens_are_sent_r08_tok2(members: dict[str, Any], usable: bool) -> None:
    token = token_of(authorized(**members))
    assert (token.usable, token.value) == (usable, "t" if usable else None)


def test_a_patient_that_is_a_number_is_its_digits() -> None:
    body = bare(fhirServer="https://ehr.example.org/r4", fhirAuthorization={"access_token": "t", "patient": 12})
    body["context"]["patientId"] = "12"
    assert token_of(HookRequest.parse(orjson.dumps(body), BY_ID["rls-patient-view"])).usable


@pytest.mark.parametrize("members", [{"token_type": "DPoP"}, {"patient": ["p1"]}])
def test_a_token_that_may_not_be_used_means_no_read_at_all(app: Flask, members: dict[str, Any]) -> None:
    with fault_server(chart) as server:
        is_outcome(asking(app, server, **members), 412)
        assert server.connections == 0
