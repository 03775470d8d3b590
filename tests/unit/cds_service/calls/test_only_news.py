"""Only news, over HTTP with a real store: what is shown once stays away, and what changes comes back at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.app import create_app
from cds_service.calls.recording import answer_record
from cds_service.calls.report import RequestReport
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.web.deadline import Deadline
from fhir_fixtures import hook_request, load_patient
from fhir_fixtures.loading import PatientFile
from tests.builders.deadlines import unhurried
from tests.builders.monitored import NORTH, SIGN, START, VIEW, Harness, as_somebody_else, start_harness, with_result

_FERRITIN = "2276-4"


def patient(slug: str = "ferritin-38-inside-the-lab-range") -> PatientFile:
    return load_patient(slug, START.date())


def opened(harness: Harness, patient: PatientFile, user: str, client: Client = NORTH) -> Any:
    body = hook_request("generic", "patient-view", patient, today=harness.now.date(), drafts=())
    body["context"]["userId"] = user
    answer = harness.post(VIEW, body, client)
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"] for card in answer.get_json()["cards"]}


def test_a_card_comes_again_on_the_same_day_and_then_after_three_weeks(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        assert "IRONLOW" in harness.cards(patient())
        harness.later(hours=8)
        assert "IRONLOW" in harness.cards(patient())
        harness.later(hours=5)  # the next day in New York
        assert "IRONLOW" not in harness.cards(patient())
        harness.later(days=19)
        assert "IRONLOW" not in harness.cards(patient())
        harness.later(days=1)
        assert "IRONLOW" in harness.cards(patient())


def test_another_user_sees_the_card(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        assert "IRONLOW" in opened(harness, patient(), "Practitioner/a")
        harness.later(days=1)
        assert "IRONLOW" not in opened(harness, patient(), "Practitioner/a")
        assert "IRONLOW" in opened(harness, patient(), "Practitioner/b")


@pytest.mark.parametrize(
    ("listed", "user"),
    [
        ("Practitioner/desk", "Practitioner/desk"),
        ("Practitioner/desk", "https://ehr.example.org/fhir/Practitioner/desk"),
        ("Practitioner/desk", "Practitioner/desk/_history/2"),
        ("Practitioner/desk", "practitioner/desk"),
        ("https://ehr.example.org/fhir/Practitioner/desk", "Practitioner/desk"),
        ("desk", "Practitioner/desk"),
        ("Practitioner/desk", "desk"),
    ],
)
def test_a_user_that_several_people_share_sees_it_every_time(tmp_path: Path, listed: str, user: str) -> None:
    shared = replace(NORTH, shared_users=(listed,))
    with start_harness(tmp_path, clients=(shared,)) as harness:
        for _ in range(3):
            assert "IRONLOW" in opened(harness, patient(), user, shared)
            harness.later(days=1)


@pytest.mark.parametrize("user", ["Practitioner/other", "PractitionerRole/desk", "Practitioner/desk2"])
def test_another_user_than_the_shared_one_sees_it_once(tmp_path: Path, user: str) -> None:
    shared = replace(NORTH, shared_users=("Practitioner/desk",))
    with start_harness(tmp_path, clients=(shared,)) as harness:
        assert "IRONLOW" in opened(harness, patient(), user, shared)
        harness.later(days=1)
        assert "IRONLOW" not in opened(harness, patient(), user, shared)


def test_a_new_result_is_news_at_once(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=2)
        assert "IRONLOW" not in harness.cards(patient())
        assert "IRONLOW" in harness.cards(with_result(patient(), _FERRITIN, 36, "ng/mL", harness.now))


def test_a_card_left_out_by_the_cap_was_not_shown(tmp_path: Path) -> None:
    heavy = patient("heavy-periods-ferritin-12")
    with start_harness(tmp_path, max_cards=1) as harness:
        (first,) = harness.cards(heavy)
        harness.later(days=1)
        (second,) = harness.cards(heavy)
        assert {first, second} == {"IRONLOW", "IRONCAUSE"}


def test_in_shadow_nobody_was_shown_anything(tmp_path: Path) -> None:
    with start_harness(tmp_path, services={VIEW: "shadow", SIGN: "live"}) as harness:
        for _ in range(2):
            harness.cards(patient())
            harness.later(days=1)
        counted = harness.store.cards_by_day(START.replace(day=1), harness.now)
        assert {(count.mode, count.suppressed) for count in counted} == {("shadow", False)}


@pytest.mark.parametrize("profile", ["sandbox", "generic"])
def test_the_sandbox_is_shown_everything_every_time(tmp_path: Path, profile: str) -> None:
    client = replace(NORTH, profile=profile)
    with start_harness(tmp_path, clients=(client,)) as harness:
        harness.cards(patient(), client=client)
        harness.later(days=1)
        assert ("IRONLOW" in harness.cards(patient(), client=client)) is (profile == "sandbox")


def test_an_override_acts_in_the_sandbox_too(tmp_path: Path) -> None:
    client = replace(NORTH, profile="sandbox")
    with start_harness(tmp_path, clients=(client,)) as harness:
        card = harness.cards(patient(), client=client)["IRONLOW"]
        assert harness.override(card, "already-done", client=client).status_code == 200
        harness.later(days=1)
        assert "IRONLOW" not in harness.cards(patient(), client=client)


def test_whoever_is_held_out_was_shown_nothing(tmp_path: Path) -> None:
    """What a hold-out keeps back is shown at once when it ends."""
    with start_harness(tmp_path, holdout_percent=50) as harness:
        people = [as_somebody_else(patient(), f"held-{number}") for number in range(12)]
        held = [each for each in people if "IRONLOW" not in harness.cards(each)]
        assert held
    with start_harness(tmp_path) as harness:
        harness.later(days=1)
        assert all("IRONLOW" in harness.cards(each) for each in held)
        assert not any("IRONLOW" in harness.cards(each) for each in people if each not in held)


def test_without_a_store_everything_is_shown_and_a_portal_nothing() -> None:
    app = create_app(Settings(database_url="", profile=unhurried()), clock=lambda: START)
    body = hook_request("generic", "patient-view", patient(), today=START.date(), drafts=())
    for user, shown in (("Practitioner/a", 1), ("Practitioner/a", 1), ("Patient/p1", 0)):
        body["context"]["userId"] = user
        answer = app.test_client().post(f"/cds-services/{VIEW}", json=body)
        assert len(answer.get_json()["cards"]) == shown
    app.extensions["rls_cds"].fhir.close()


def test_an_answer_after_the_deadline_was_shown_to_nobody() -> None:
    reports: list[RequestReport] = []
    app = create_app(Settings(database_url="", profile=unhurried()), clock=lambda: START, observers=(reports.append,))
    body = hook_request("generic", "patient-view", patient(), today=START.date(), drafts=())
    app.test_client().post(f"/cds-services/{VIEW}", json=body)
    context = app.extensions["rls_cds"]
    context.fhir.close()
    (told,) = reports
    assert told.call and told.answered
    late = replace(told.call, deadline=Deadline.of(0.0, 1.0))
    assert answer_record(told.call, told.answered, START, context).shown_to == told.call.request.user
    record = answer_record(late, told.answered, START, context)
    assert record.shown_to is None
    assert {(card.arm, card.expects) for card in record.cards} == {("late", None)}
    assert {card.arm for card in answer_record(told.call, told.answered, START, context).cards} == {None}


@pytest.mark.parametrize("card", ["IRON-LOW", "IRONLOW"])
def test_the_site_may_have_a_card_shown_every_time(tmp_path: Path, card: str) -> None:
    with start_harness(tmp_path, repeat_days={card: 0}) as harness:
        for _ in range(3):
            assert "IRONLOW" in harness.cards(patient())
            harness.later(days=1)


@pytest.mark.parametrize(
    ("slug", "draft", "code"),
    [
        ("haemochromatosis-after-phlebotomy", "ferrous-sulfate-325-once-daily", "OSIRONOVL"),
        ("anaphylaxis-to-carboxymaltose", "ferric-carboxymaltose-750", "OSIVHSR"),
        ("ferritin-38-inside-the-lab-range", "diphenhydramine-25-at-bedtime", "OSAGG"),
    ],
)
def test_an_order_is_judged_every_time(tmp_path: Path, slug: str, draft: str, code: str) -> None:
    with start_harness(tmp_path) as harness:
        for _ in range(3):
            card = harness.cards(patient(slug), SIGN, drafts=(draft,))[code]
            assert harness.override(card, "", SIGN).status_code == 200
            harness.later(days=1)


@pytest.mark.parametrize(
    "user",
    [
        "Patient/p1",
        "RelatedPerson/r1",
        "https://ehr.example.org/fhir/Patient/p1",
        "Patient/p1/_history/1",
        "patient/p1",
    ],
)
def test_a_portal_shows_no_card_and_the_log_says_so(tmp_path: Path, user: str) -> None:
    with start_harness(tmp_path) as harness:
        assert opened(harness, patient(), user) == set()
        (line,) = [line for line in harness.lines() if line["event"] == "call"]
        assert line["reason"] == "opened by the patient or a relative"
        assert "IRONLOW" in opened(harness, patient(), "Practitioner/a")


def test_an_order_hook_answers_a_portal_like_anybody(tmp_path: Path) -> None:
    body = hook_request("generic", "order-sign", patient("haemochromatosis-after-phlebotomy"),
                        today=START.date(), drafts=("ferrous-sulfate-325-once-daily",))  # fmt: skip
    body["context"]["userId"] = "Patient/p1"
    with start_harness(tmp_path) as harness:
        (card,) = harness.post(SIGN, body).get_json()["cards"]
        assert card["indicator"] == "critical"


def with_record(patient: PatientFile, **record: Any) -> PatientFile:
    """Return the patient with one more record."""
    made = {"id": "more", "subject": {"reference": f"Patient/{patient.patient_id}"}, **record}
    bundle = {**patient.bundle, "entry": [*patient.bundle["entry"], {"resource": made}]}
    return replace(patient, bundle=bundle)


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


_ACTIVE = coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")
_SURGERY = {
    "resourceType": "Condition",
    "clinicalStatus": _ACTIVE,
    "code": coded("http://hl7.org/fhir/sid/icd-10-cm", "Z98.84"),
}
_ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "clinicalStatus": _ACTIVE,
    "code": coded("http://www.nlm.nih.gov/research/umls/rxnorm", "24909"),
    "criticality": "high",
}
_WITHOUT_UNIT = {
    "resourceType": "Observation",
    "status": "final",
    "code": coded("http://loinc.org", _FERRITIN),
    "effectiveDateTime": START.isoformat(),
    "valueQuantity": {"value": 900},
}


@pytest.mark.parametrize("record", [_SURGERY, _ALLERGY, _WITHOUT_UNIT], ids=["diagnosis", "allergy", "unusable result"])
def test_what_a_card_weighs_without_naming_it_is_news(tmp_path: Path, record: dict[str, Any]) -> None:
    with start_harness(tmp_path) as harness:
        assert "IRONLOW" in harness.cards(patient())
        harness.later(days=1)
        assert "IRONLOW" not in harness.cards(patient())
        assert set(harness.cards(with_record(patient(), **record)))


def test_an_order_that_was_withdrawn_brings_the_card_back(tmp_path: Path) -> None:
    never_measured = patient("no-iron-studies-yet")
    order = {
        "resourceType": "ServiceRequest",
        "intent": "order",
        "code": coded("http://loinc.org", _FERRITIN),
        "authoredOn": START.isoformat(),
    }
    with start_harness(tmp_path) as harness:
        assert "IRONTEST" in harness.cards(never_measured)
        harness.later(days=1)
        assert "IRONTEST" not in harness.cards(with_record(never_measured, status="active", **order))
        harness.later(days=3)
        assert "IRONTEST" not in harness.cards(never_measured)
        assert "IRONTEST" in harness.cards(with_record(never_measured, status="revoked", **order))


def test_what_could_not_be_reviewed_is_said_where_every_card_is_silent(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        assert "IRONLOW" in harness.cards(patient())
        harness.later(days=1)
        assert harness.cards(patient()) == {}
        body = hook_request("generic", "patient-view", patient(), today=harness.now.date(), drafts=())
        body["prefetch"]["medications"] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
        (card,) = harness.post(VIEW, body, NORTH).get_json()["cards"]
        assert card["source"]["topic"]["code"] == "NOTEVALUATED"


def test_another_partner_in_the_basket_is_news(tmp_path: Path) -> None:
    iron, levothyroxine, ciprofloxacin = (
        "ferrous-sulfate-325-once-daily",
        "levothyroxine-100-once-daily",
        "ciprofloxacin-500-twice-daily",
    )
    with start_harness(tmp_path) as harness:
        card = harness.cards(patient(), SIGN, drafts=(iron, levothyroxine))["OSIRONDDI"]
        assert harness.override(card, "other-plan", SIGN).status_code == 200
        harness.later(days=1)
        assert "OSIRONDDI" not in harness.cards(patient(), SIGN, drafts=(iron, levothyroxine))
        assert "OSIRONDDI" in harness.cards(patient(), SIGN, drafts=(iron, ciprofloxacin))
