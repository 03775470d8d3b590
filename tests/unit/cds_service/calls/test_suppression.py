"""Suppression of overridden cards, over HTTP with a real store: how long, for whom, and what ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.config.client import Client
from fhir_fixtures import load_patient
from fhir_fixtures.loading import PatientFile
from tests.builders.monitored import (
    NORTH,
    SIGN,
    SOUTH,
    START,
    VIEW,
    Harness,
    as_somebody_else,
    start_harness,
    with_result,
)

_FERRITIN = "2276-4"


def low(value: str = "ferritin-38-inside-the-lab-range") -> PatientFile:
    return load_patient(value, START.date())


def overridden(harness: Harness, patient: PatientFile, code: str = "IRONLOW", reason: str = "", **how: str) -> None:
    card = harness.cards(patient)[code]
    assert harness.override(card, reason, **how).status_code == 200


def test_an_override_with_a_reason_silences_the_card_for_ninety_days(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        overridden(harness, low(), reason="already-done")
        assert "IRONLOW" not in harness.cards(low())
        assert harness.number("cards_suppressed_total", card="IRONLOW", service=VIEW, client="north") == 1
        harness.later(days=89, hours=12)  # an hour before midnight in New York
        assert "IRONLOW" not in harness.cards(low())
        harness.later(hours=2)
        assert "IRONLOW" in harness.cards(low())


def test_the_site_may_choose_other_days_by_reason(tmp_path: Path) -> None:
    with start_harness(tmp_path, suppression_by_reason={"patient-refuses": 7, "cds-not-applicable": 0}) as harness:
        overridden(harness, low(), reason="cds-not-applicable")
        assert "IRONLOW" in harness.cards(low())
        overridden(harness, low(), reason="patient-refuses")
        harness.later(days=6)
        assert "IRONLOW" not in harness.cards(low())
        harness.later(days=1)
        assert "IRONLOW" in harness.cards(low())


def test_new_data_ends_the_suppression(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        overridden(harness, low(), reason="already-done")
        harness.later(days=2)
        assert "IRONLOW" in harness.cards(with_result(low(), _FERRITIN, 36, "ng/mL", harness.now))
        assert "IRONLOW" not in harness.cards(low())


def test_the_same_number_on_another_day_is_new_data_too(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        overridden(harness, low(), reason="already-done")
        harness.later(days=2)
        assert "IRONLOW" in harness.cards(with_result(low(), _FERRITIN, 38, "ng/mL", harness.now))


def test_a_higher_indicator_ends_the_suppression(tmp_path: Path) -> None:
    """With suspected RLS the card is `info`; with a confirmed diagnosis the same results make it a `warning`."""
    suspected = load_patient("suspected-rls-ferritin-40", START.date())
    with start_harness(tmp_path) as harness:
        shown = harness.cards(suspected)["IRONLOW"]
        assert shown["indicator"] == "info"
        assert harness.override(shown).status_code == 200
        assert "IRONLOW" not in harness.cards(suspected)
        confirmed = confirm(suspected)
        again = harness.cards(confirmed)["IRONLOW"]
        assert again["indicator"] == "warning"


def confirm(patient: PatientFile) -> PatientFile:
    for condition in patient.resources("Condition"):
        for coding in condition["verificationStatus"]["coding"]:
            coding["code"] = "confirmed"
    return patient


def test_another_patient_with_the_same_numbers_is_not_affected(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        overridden(harness, low())
        assert "IRONLOW" in harness.cards(as_somebody_else(low(), "somebody-else"))
        assert "IRONLOW" not in harness.cards(low())


def test_the_same_patient_at_another_client_is_not_affected(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        overridden(harness, low())
        assert "IRONLOW" in harness.cards(low(), client=SOUTH)
        assert "IRONLOW" not in harness.cards(low())


def test_a_client_cannot_suppress_a_card_of_another_client(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        card = harness.cards(low(), client=SOUTH)["IRONLOW"]
        known, unknown = harness.override(card), harness.override({"uuid": "0" * 8 + card["uuid"][8:]})
        assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
        assert "IRONLOW" in harness.cards(low(), client=SOUTH)
        assert harness.number("feedback_unmatched_total", client="north") == 2


def test_other_cards_of_the_patient_are_not_affected(tmp_path: Path) -> None:
    patient = load_patient("heavy-periods-ferritin-12", START.date())
    with start_harness(tmp_path) as harness:
        overridden(harness, patient, "IRONCAUSE")
        assert set(harness.cards(patient)) == {"IRONLOW"}


@pytest.mark.parametrize(
    ("slug", "draft", "code"),
    [
        ("haemochromatosis-after-phlebotomy", "ferrous-sulfate-325-once-daily", "OSIRONOVL"),
        ("anaphylaxis-to-carboxymaltose", "ferric-carboxymaltose-750", "OSIVHSR"),
    ],
)
def test_a_critical_card_is_never_suppressed(tmp_path: Path, slug: str, draft: str, code: str) -> None:
    patient = load_patient(slug, START.date())
    with start_harness(tmp_path) as harness:
        for _ in range(3):
            card = harness.cards(patient, SIGN, drafts=(draft,))[code]
            assert card["indicator"] == "critical"
            assert harness.override(card, "patient-contraindication", SIGN).status_code == 200
        assert harness.number("cards_suppressed_total", card=code, service=SIGN, client="north") == 0


def test_suppressed_cards_leave_room_for_others(tmp_path: Path) -> None:
    patient = load_patient("heavy-periods-ferritin-12", START.date())
    with start_harness(tmp_path, max_cards=1) as harness:
        (first,) = harness.cards(patient)
        overridden(harness, patient, first)
        (second,) = harness.cards(patient)
        assert {first, second} == {"IRONLOW", "IRONCAUSE"}


def test_accepted_tests_silence_the_card_for_thirty_days(tmp_path: Path) -> None:
    patient = load_patient("no-iron-studies-yet", START.date())
    with start_harness(tmp_path) as harness:
        assert harness.accept(harness.cards(patient)["IRONTEST"]).status_code == 200
        harness.later(days=29)
        assert "IRONTEST" not in harness.cards(patient)
        harness.later(days=1)
        assert "IRONTEST" in harness.cards(patient)


def test_shadow_shows_nothing_and_keeps_what_would_have_been_shown(tmp_path: Path) -> None:
    with start_harness(tmp_path, services={VIEW: "shadow", SIGN: "live"}) as harness:
        assert harness.cards(low()) == {}
        (count,) = harness.store.cards_by_day(START, START.replace(day=2))
        assert (count.card, count.mode, count.cards) == ("IRONLOW", "shadow", 1)
        assert (
            harness.number(
                "cards_total", card="IRONLOW", indicator="warning", service=VIEW, client="north", mode="shadow"
            )
            == 1
        )
        assert harness.store.outcomes_by_card(START, START.replace(day=2)) == ()
        (line,) = [line for line in harness.lines() if line["event"] == "call"]
        assert (line["mode"], line["cards"]) == ("shadow", ["IRONLOW"])


def test_shadow_answers_200_where_live_would_say_that_data_is_missing(tmp_path: Path) -> None:
    body = {"hook": "patient-view", "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e11",
            "context": {"userId": "Practitioner/1", "patientId": "p1"}}  # fmt: skip
    with start_harness(tmp_path, services={VIEW: "shadow"}) as harness:
        answer = harness.post(VIEW, body)
        assert (answer.status_code, answer.get_json()) == (200, {"cards": []})


def test_a_mode_of_one_client_is_not_the_mode_of_the_other(tmp_path: Path) -> None:
    shadowed = Client("south", issuer="https://south.example.org", modes={VIEW: "shadow", SIGN: "off"})
    with start_harness(tmp_path, clients=(NORTH, shadowed)) as harness:
        assert "IRONLOW" in harness.cards(low())
        assert harness.cards(low(), client=shadowed) == {}
        assert harness.ask(low(), SIGN, shadowed, drafts=("ferrous-sulfate-325-once-daily",)).status_code == 404
        assert harness.ask(low(), SIGN, drafts=("ferrous-sulfate-325-once-daily",)).status_code == 200


def test_off_is_404_for_calls_and_feedback_and_is_not_listed(tmp_path: Path) -> None:
    with start_harness(tmp_path, services={VIEW: "off", SIGN: "live"}) as harness:
        assert harness.ask(low()).status_code == 404
        assert harness.feedback({"card": "0" * 8, "outcome": "overridden"}).status_code == 404
        listed = harness.app.test_client().get("/cds-services").get_json()["services"]
        assert [service["id"] for service in listed] == [SIGN]
        assert list(harness.store.audit_rows()) == []


def test_an_override_from_a_clock_that_runs_ahead_does_not_last_longer(tmp_path: Path) -> None:
    """Five minutes ahead is accepted; the ninety days count from the arrival of the feedback."""
    with start_harness(tmp_path) as harness:
        card = harness.cards(low())["IRONLOW"]
        harness.later(minutes=4)
        ahead = harness.now
        harness.later(minutes=-4)
        reason = {"reason": {"code": "already-done", "system": "https://rls-cds.example.org"}}
        stamp = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": f"{ahead:%Y-%m-%dT%H:%M:%SZ}",
                 "overrideReason": reason}  # fmt: skip
        assert harness.feedback(stamp).status_code == 200
        harness.later(days=90)
        assert "IRONLOW" in harness.cards(low())
