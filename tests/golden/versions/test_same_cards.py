"""The same synthetic patient, written in DSTU2, STU3, R4 and R5, gets the same cards over HTTP (R-18)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import PatientFile, draft_names, load_patients
from tests.builders.deadlines import unhurried
from tests.builders.faults import assert_none, faults
from tests.builders.service import SELECT, SIGN, TODAY, VIEW, application, is_response, settings
from tests.builders.versions import convert

OTHERS = ("DSTU2", "STU3", "R5")
PATIENTS = load_patients(TODAY)
#: Patients whose draft orders are compared, with every fixture draft at once.
ORDERED_FOR = (
    "haemochromatosis-after-phlebotomy",
    "ferritin-38-inside-the-lab-range",
    "anaphylaxis-to-carboxymaltose",
    "low-phosphate-before-an-infusion",
    "pregnant-9-weeks-ferritin-88",
    "haemodialysis-iron-deficient",
    "parkinson-disease-on-levodopa",
    "child-nine-ferritin-90",
)
BY_HAND = "To do by hand: "
LABORATORY_ORDER = {"STU3": "ProcedureRequest", "R4": "ServiceRequest", "R5": "ServiceRequest"}


def ask(http: FlaskClient, path: str, body: dict[str, Any], version: str) -> dict[str, Any]:
    return is_response(http.post(path, json=convert(body, version)))


def said(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cards without suggestions and uuids."""
    cards_left = []
    for card in answer["cards"]:
        lines = [line for line in card["detail"].splitlines() if line and BY_HAND not in line]
        kept = {name: card[name] for name in card if name not in ("uuid", "suggestions", "selectionBehavior")}
        cards_left.append(kept | {"detail": lines})
    return cards_left


def offered(answer: dict[str, Any]) -> list[list[str]]:
    """Return the suggestion labels of each card."""
    return [[each["label"] for each in card.get("suggestions", [])] for card in answer["cards"]]


def view(patient: PatientFile) -> dict[str, Any]:
    return hook_request("generic", "patient-view", patient, today=TODAY)


@pytest.mark.row("R-18", "H-03")
@pytest.mark.parametrize("version", OTHERS)
def test_the_chart_gives_the_same_cards_in_every_version(http: FlaskClient, version: str) -> None:
    def gives_the_same_cards(patient: PatientFile) -> None:
        as_r4, as_other = (ask(http, VIEW, view(patient), each) for each in ("R4", version))
        assert said(as_other) == said(as_r4)
        if version != "DSTU2":
            assert offered(as_other) == offered(as_r4)

    assert_none(faults(gives_the_same_cards, PATIENTS, lambda patient: patient.slug))


@pytest.mark.row("R-18")
@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
@pytest.mark.parametrize("slug", ORDERED_FOR)
def test_drafts_give_the_same_cards_in_every_version(slug: str, hook: str, version: str) -> None:
    patient = next(each for each in PATIENTS if each.slug == slug)
    path = SIGN if hook == "order-sign" else SELECT

    def give_the_same_cards(drafts: Sequence[str]) -> None:
        body = hook_request("generic", hook, patient, today=TODAY, drafts=drafts)
        other = convert(body, version)
        if hook == "order-select":
            other["context"]["selections"] = [
                f"{each['resource']['resourceType']}/{each['resource']['id']}"
                for each in other["context"]["draftOrders"]["entry"]
            ]
        as_r4, as_other = (is_response(app.test_client().post(path, json=each)) for each in (body, other))
        assert said(as_other) == said(as_r4)
        if version != "DSTU2":
            assert offered(as_other) == offered(as_r4)

    sixes = [draft_names()[start : start + 6] for start in range(0, len(draft_names()), 6)]
    with application(settings(max_cards=0)) as app:
        assert_none(faults(give_the_same_cards, sixes, ", ".join))


def actions(answer: dict[str, Any]) -> list[dict[str, Any]]:
    suggestions = [each for card in answer["cards"] for each in card.get("suggestions", [])]
    return [action for each in suggestions for action in each["actions"]]


NEVER_MEASURED = next(each for each in PATIENTS if each.slug == "no-iron-studies-yet")
#: Takes a drug: without a drug or an order a record in R5 looks as it does in R4.
ON_METFORMIN = next(each for each in PATIENTS if each.slug == "metformin-b12-never-measured")


@pytest.mark.row("X-08")
@pytest.mark.parametrize("version", ["STU3", "R4", "R5"])
def test_orders_are_offered_in_the_version_of_the_request(http: FlaskClient, version: str) -> None:
    found = actions(ask(http, VIEW, view(ON_METFORMIN), version))
    assert found
    for action in found:
        order = action["resource"]
        assert order["resourceType"] == LABORATORY_ORDER[version]
        assert order["status"] == "draft" and order["intent"] == "order"
        assert order["subject"] == {"reference": f"Patient/{ON_METFORMIN.patient_id}"}
        code = order["code"]["concept"] if version == "R5" else order["code"]
        assert code["text"] and code["coding"][0]["system"] == "http://loinc.org" and code["coding"][0]["display"]
        model(version).model_validate_json(json.dumps(order))


def model(version: str) -> Any:
    if version == "R5":
        from fhir.resources.servicerequest import ServiceRequest as R5Order

        return R5Order
    if version == "STU3":
        from fhir.resources.STU3.procedurerequest import ProcedureRequest as Stu3Order

        return Stu3Order
    from fhir.resources.R4B.servicerequest import ServiceRequest as R4Order

    return R4Order


def test_a_dstu2_client_gets_advice_but_no_suggestion(http: FlaskClient) -> None:
    body = view(NEVER_MEASURED)
    as_r4, as_dstu2 = (ask(http, VIEW, body, version) for version in ("R4", "DSTU2"))
    assert actions(as_dstu2) == []
    names = {action["description"] for action in actions(as_r4)}
    lines = [line for card in as_dstu2["cards"] for line in card["detail"].splitlines() if BY_HAND in line]
    assert names and all(any(name in line for line in lines) for name in names)


def test_a_dstu2_client_is_advised_which_draft_to_remove(http: FlaskClient) -> None:
    patient = next(each for each in PATIENTS if each.slug == "haemochromatosis-after-phlebotomy")
    drafts = ["ferrous-sulfate-325-once-daily"]
    body = hook_request("generic", "order-sign", patient, today=TODAY, drafts=drafts)
    found = ask(http, SIGN, body, "DSTU2")
    assert found["cards"][0]["indicator"] == "critical"
    assert f"{BY_HAND}Remove the order: " in found["cards"][0]["detail"]


@pytest.mark.parametrize("version", ["STU3", "R5", "DSTU2"])
def test_the_configured_version_overrides_detection(version: str) -> None:
    """Records that look like R4, from a client configured for another version."""
    profile = unhurried(fhir_version=version)
    with application(settings(profile=profile)) as app:
        found = actions(ask(app.test_client(), VIEW, view(NEVER_MEASURED), "R4"))
    assert {action["resource"]["resourceType"] for action in found} == (
        set() if version == "DSTU2" else {LABORATORY_ORDER[version]}
    )
    assert all(("concept" in action["resource"]["code"]) == (version == "R5") for action in found)
