"""What a token may not read is not requested and not known: protocol A-05, R-08, reliability TOK-2."""

from __future__ import annotations

import re
from itertools import permutations, product
from typing import Any

import orjson
import pytest
from flask import Flask

from cds_service.fhir.access import access_token_of
from cds_service.fhir.scopes import Coverage, Scopes
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import BY_ID
from tests.builders.open_mode import app
from tests.builders.service import FIRST_READS, VIEW, bare, bundle, card_codes, ferritin, is_outcome, is_response, rls
from tests.fakes.fault_server import Line, answer, fault_server
from tests.protocol.test_fhir_access import chart

__all__ = ["app"]

WHOLE, LABS, PART, NONE, UNCLEAR = (
    Coverage.WHOLE,
    Coverage.LABORATORY,
    Coverage.PART,
    Coverage.NONE,
    Coverage.UNCLEAR,
)
LABORATORY = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
ALL_BUT_LABS = "patient/Patient.rs patient/Condition.rs"


@pytest.mark.row("A-05")
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
        ("patient/observation.read", UNCLEAR, UNCLEAR),
        (f"patient/Observation.rs?{LABORATORY}", LABS, LABS),
        (f"patient/Observation.sr?{LABORATORY}", LABS, LABS),
        (f"user/Observation.read?{LABORATORY}", LABS, LABS),
        (f"system/*.cruds?{LABORATORY}", LABS, LABS),
        ("patient/Observation.rs?category=laboratory", LABS, LABS),
        ("patient/Observation.rs?category=http://hl7.org/fhir/observation-category|laboratory", LABS, LABS),
        ("patient/Observation.rs?category=http%3A%2F%2Fhl7.org%2Ffhir%2Fobservation-category%7Claboratory", LABS, LABS),
        ("patient/Observation.rs?category=vital-signs,laboratory", LABS, LABS),
        ("patient/Observation.rs?category=laboratory,openid,patient/Condition.rs", LABS, LABS),
        (f"patient/Observation.rs?{LABORATORY} patient/Observation.rs?category=vital-signs", LABS, LABS),
        ("patient/Observation.rs?category=vital-signs", PART, PART),
        ("patient/Observation.rs?category=http://other.example|laboratory", PART, PART),
        ("patient/Observation.rs?category=Laboratory", PART, PART),
        ("patient/Observation.rs?category:not=laboratory", PART, PART),
        ("patient/Observation.rs?category=laboratory&category=vital-signs", PART, PART),
        ("patient/Observation.rs?category=laboratory&status=final", PART, PART),
        ("patient/Observation.rs?&", PART, PART),
        (f"patient/Observation.rs?{LABORATORY} user/Observation.rs", WHOLE, WHOLE),
        (f"patient/Observation.rs?{LABORATORY} patient/*.read", WHOLE, WHOLE),
        (f"patient/Observation.r patient/Observation.s?{LABORATORY}", LABS, WHOLE),
        ("patient/*.rs?_tag=a", PART, PART),
        ("patient/Observation.rs?", WHOLE, WHOLE),
        ("openid", NONE, NONE),
        ("launch launch/patient openid fhirUser profile offline_access online_access", NONE, NONE),
        # Vendor scopes are unknown, so the server alone decides.
        ("anything at all", WHOLE, WHOLE),
        ("openid vendor.chart", WHOLE, WHOLE),
        ("https://auth.example.org/fhir.read", WHOLE, WHOLE),
        ("vendor.chart patient/Condition.read", NONE, NONE),
        # Commas part words too, but not the codes of a filter.
        ("patient/Patient.read, patient/Observation.read", WHOLE, WHOLE),
        ("openid,patient/Observation.read,patient/Condition.read,", WHOLE, WHOLE),
        (",, ,", WHOLE, WHOLE),
        # A word that looks like a grant and is not understood makes the whole text say nothing.
        ("patient/Observation.Read", UNCLEAR, UNCLEAR),
        ("patient/*.read patient/Observation.Read", UNCLEAR, UNCLEAR),
        ("Patient/Observation.read", UNCLEAR, UNCLEAR),
        ("patient/Observation.rx", UNCLEAR, UNCLEAR),
        ("patient/Observation", UNCLEAR, UNCLEAR),
        ("patient.Observation.read", UNCLEAR, UNCLEAR),
        ("patient%2F*.read", UNCLEAR, UNCLEAR),
        ("https://ehr.example.org/fhir/user/Observation.read", UNCLEAR, UNCLEAR),
        ("'patient/*.read'", UNCLEAR, UNCLEAR),
        ("Observation.Read (Labs) Condition.Search Patient.Read user/Patient.read", UNCLEAR, UNCLEAR),
        ("Observation.Read (Labs) Condition.Search Patient.Read", UNCLEAR, UNCLEAR),
        ("Practitioner.Read(R4) patient/*.read", UNCLEAR, UNCLEAR),
        ("observation.read", UNCLEAR, UNCLEAR),
        ("Observation:read", UNCLEAR, UNCLEAR),
        ("patient:read", UNCLEAR, UNCLEAR),
        ("openid read:Observation", UNCLEAR, UNCLEAR),
        ("read:patient patient/Condition.rs", UNCLEAR, UNCLEAR),
        ("read:observations-of-staff", UNCLEAR, UNCLEAR),
        ("vendor:chart", WHOLE, WHOLE),
        ("patient/Observation.read;patient/Condition.read", UNCLEAR, UNCLEAR),
        ("patient/Observation.read " + "x" * 16_384, UNCLEAR, UNCLEAR),
    ],
)
def test_how_much_of_the_observations_a_scope_covers(scope: str | None, search: Coverage, read: Coverage) -> None:
    scopes = Scopes.of(scope)
    assert (scopes.search("Observation"), scopes.read("Observation")) == (search, read)


LETTERS = ["".join(each) for size in range(1, 6) for each in permutations("cruds", size)]
WORDS = [f"{level}/{kind}.{may}" for level in ("patient", "user", "system") for kind in ("Observation", "*")
         for may in ("read", "*", "rs", "cruds")]  # fmt: skip


@pytest.mark.row("A-05")
def test_the_letters_of_a_grant_count_in_any_order() -> None:
    for letters in LETTERS:
        scopes = Scopes.of(f"launch patient/Observation.{letters}")
        assert scopes.search("Observation") is (WHOLE if "s" in letters else NONE), letters
        assert scopes.read("Observation") is (WHOLE if "r" in letters else NONE), letters


@pytest.mark.row("A-05")
@pytest.mark.parametrize("between", [" ", "  ", "\t", "\n", "\r\n", ",", ", ", " ,", " , ", ",,"])
def test_grants_are_parted_by_blanks_and_commas(between: str) -> None:
    for word, other in product(WORDS, ("openid", "launch/patient", "patient/Condition.read", "vendor.chart")):
        for text in (f"{word}{between}{other}", f"{other}{between}{word}", f"{between}{word}{between}"):
            assert Scopes.of(text).search("Observation") is WHOLE, text


@pytest.mark.row("A-05")
def test_a_grant_with_one_wrong_letter_makes_the_text_say_nothing() -> None:
    """Every letter but the slash is changed, beside a grant that is understood."""
    grant = re.compile(r"(?:patient|user|system)/[A-Z][A-Za-z]+\.(?:read|\*|[cruds]+)")
    for word in WORDS:
        for place, sign in product(range(len(word)), "Xz9;:-%"):
            changed = word[:place] + sign + word[place + 1 :]
            if word[place] not in "/." and not grant.fullmatch(changed):
                scopes = Scopes.of(f"{changed} patient/Observation.read")
                assert (scopes.search("Observation"), scopes.read("Patient")) == (UNCLEAR, UNCLEAR), changed


def empty_chart(line: Line) -> None:
    """Answer with empty lists, as some servers do beyond the scopes."""
    answer(bundle())(line) if "Observation" in line.asked.path else chart(line)


def asking(app: Flask, server: Any, **authorization: Any) -> Any:
    body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "t", **authorization})
    return app.test_client().post(VIEW, json=body)


@pytest.mark.row("A-05")
@pytest.mark.parametrize(
    ("scope", "paths"),
    [
        (ALL_BUT_LABS, ["Condition", "Patient/p1"]),
        (["patient/Patient.rs", "patient/Condition.rs"], ["Condition", "Patient/p1"]),
        ("patient/Patient.s patient/Condition.r", []),
        ("openid fhirUser", []),
    ],
)
def test_what_no_scope_covers_is_not_read_and_missing(app: Flask, scope: Any, paths: list[str]) -> None:
    """A server that answers with an empty list would seem to say that there are no results."""
    with fault_server(empty_chart) as server:
        issue = is_outcome(asking(app, server, scope=scope, patient="p1"), 412)[0]
        assert server.paths() == paths
    keys = ["labs"] if paths else ["patient", "conditions"]
    causes = [f"{key}: access not granted" for key in keys]
    assert issue["diagnostics"] == "; ".join([f"Missing prefetch keys: {', '.join(keys)}", *causes])


@pytest.mark.parametrize("scope", ["patient/*.read", "user/*.*", "system/*.rs", "", None, 5, "anything at all"])
@pytest.mark.parametrize("patient", [{}, {"patient": None}, {"patient": "p1"}, {"patient": "Patient/p1"}])
def test_a_scope_over_everything_and_one_that_says_nothing_read_everything(
    app: Flask, scope: Any, patient: dict[str, Any]
) -> None:
    with fault_server(chart) as server:
        assert "IRONLOW" in card_codes(is_response(asking(app, server, scope=scope, **patient)))
        assert len(server.asked) == len(FIRST_READS)


@pytest.mark.row("A-05")
def test_a_secondary_list_beyond_the_scopes_costs_only_the_suggestions(app: Flask) -> None:
    with fault_server(chart) as server:
        found = is_response(asking(app, server, scope=f"{ALL_BUT_LABS} patient/Observation.rs"))
        assert server.paths() == ["Condition", "Observation", "Patient/p1"]
    [card] = [card for card in found["cards"] if card["source"]["topic"]["code"] == "IRONLOW"]
    assert not card.get("suggestions") and "not read to the end" in card["detail"].lower()


@pytest.mark.row("A-05")
def test_a_scope_over_the_laboratory_category_covers_the_results_and_the_card_names_that_limit(app: Flask) -> None:
    """Contract section 5, item 6."""
    scope = f"patient/*.rs?category=x patient/Observation.rs?{LABORATORY} {ALL_BUT_LABS}"
    with fault_server(empty_chart) as server:
        [card] = is_response(asking(app, server, scope=scope))["cards"]
    assert card["source"]["topic"]["code"] == "IRONTEST" and "covers laboratory results, not all" in card["detail"]
    assert "laboratory results (" not in card["detail"].split("\n", 1)[0]
    with fault_server(empty_chart) as server:
        whole = is_response(asking(app, server, scope=f"{ALL_BUT_LABS} patient/Observation.rs"))
    assert card_codes(whole) == ["IRONTEST"] and "covers laboratory results, not all" not in str(whole)


@pytest.mark.row("A-05")
@pytest.mark.parametrize(
    "scope",
    [
        "Observation.Read (Labs) Condition.Search Patient.Read user/Patient.read",
        "patient/Patient.read patient/Observation.Read patient/Condition.Read",
    ],
)
def test_scopes_that_are_not_understood_leave_every_list_cut(app: Flask, scope: str) -> None:
    """The server is asked for everything; what it leaves out without a word is not taken for nothing."""
    with fault_server(chart) as server:
        found = is_response(asking(app, server, scope=scope))
        assert len(server.asked) == len(FIRST_READS)
    [card] = [card for card in found["cards"] if card["source"]["topic"]["code"] == "IRONLOW"]
    unread = card["detail"].split("\n", 1)[0]
    assert unread.count("in words that are not understood") == 6 and "suggestions" not in card
    with fault_server(empty_chart) as server:
        [issue] = is_outcome(asking(app, server, scope=scope), 412)
    assert issue["diagnostics"].endswith("labs: access granted in words that are not understood")


@pytest.mark.row("A-05")
def test_a_scope_over_some_results_leaves_the_list_cut(app: Flask) -> None:
    scope = f"{ALL_BUT_LABS} patient/Observation.rs?category=vital-signs"
    with fault_server(chart) as server:
        found = is_response(asking(app, server, scope=scope))
        assert "Observation" in server.paths() and "IRONLOW" in card_codes(found)
    with fault_server(empty_chart) as server:
        [issue] = is_outcome(asking(app, server, scope=scope), 412)
    assert issue["diagnostics"].endswith("labs: access granted in part")


@pytest.mark.row("A-05")
def test_a_scope_over_some_diagnoses_does_not_say_that_there_are_no_others(app: Flask) -> None:
    """A contraindication of iron may be among the diagnoses that are not covered."""
    whole, part = "patient/*.rs", "patient/Condition.rs?category=encounter-diagnosis"
    rest = "patient/Patient.rs patient/Observation.rs patient/MedicationRequest.rs patient/Procedure.rs"
    with fault_server(chart) as server:
        known = is_response(asking(app, server, scope=whole))
        cut = is_response(asking(app, server, scope=f"{rest} patient/ServiceRequest.rs {part}"))
    said = "**Not read to the end:** diagnoses"
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


def test_scopes_use_the_resource_types_of_older_versions(app: Flask) -> None:
    """In STU3 orders are ProcedureRequest."""
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
def test_medications_that_orders_refer_to_need_a_scope_too(app: Flask, covered: bool) -> None:
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


@pytest.mark.row("R-08")
@pytest.mark.control("TOK-2")
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
def test_which_tokens_are_sent(members: dict[str, Any], usable: bool) -> None:
    token = access_token_of(authorized(**members))
    assert (token.usable, token.value) == (usable, "t" if usable else None)


def test_a_numeric_patient_is_read_as_its_digits() -> None:
    body = bare(fhirServer="https://ehr.example.org/r4", fhirAuthorization={"access_token": "t", "patient": 12})
    body["context"]["patientId"] = "12"
    assert access_token_of(HookRequest.parse(orjson.dumps(body), BY_ID["rls-patient-view"])).usable


@pytest.mark.parametrize("members", [{"token_type": "DPoP"}, {"patient": ["p1"]}])
def test_an_unusable_token_prevents_every_read(app: Flask, members: dict[str, Any]) -> None:
    with fault_server(chart) as server:
        is_outcome(asking(app, server, **members), 412)
        assert server.connections == 0
