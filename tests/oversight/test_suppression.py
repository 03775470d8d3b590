"""An override silences a card, over HTTP and with a real store: how long, for whom, and what brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.clients.client import Client
from fhir_fixtures import load_patient
from fhir_fixtures.loading import PatientFile
from tests.oversight.build import (
    NORTH,
    SIGN,
    SOUTH,
    START,
    VIEW,
    House,
    as_somebody_else,
    house,
    with_result,
)

_FERRITIN = "2276-4"


def low(value: str = "ferritin-38-inside-the-lab-range") -> PatientFile:
    return load_patient(value, START.date())


def overridden(home: House, patient: PatientFile, code: str = "IRONLOW", reason: str = "", **how: str) -> None:
    card = home.cards(patient)[code]
    assert home.override(card, reason, **how).status_code == 200


def test_an_override_silences_the_card_for_ninety_days_and_no_longer(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        overridden(home, low())
        assert "IRONLOW" not in home.cards(low())
        assert home.number("cards_suppressed_total", card="IRONLOW", service=VIEW, client="north") == 1
        home.later(days=89, hours=23)
        assert "IRONLOW" not in home.cards(low())
        home.later(hours=1)
        assert "IRONLOW" in home.cards(low())


def test_a_card_that_was_not_overridden_comes_again_on_every_call(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        for _ in range(3):
            assert "IRONLOW" in home.cards(low())


def test_the_site_may_choose_other_days_by_reason(tmp_path: Path) -> None:
    with house(tmp_path, suppression_by_reason={"patient-refuses": 7, "cds-not-applicable": 0}) as home:
        overridden(home, low(), reason="cds-not-applicable")
        assert "IRONLOW" in home.cards(low())
        overridden(home, low(), reason="patient-refuses")
        home.later(days=6)
        assert "IRONLOW" not in home.cards(low())
        home.later(days=1)
        assert "IRONLOW" in home.cards(low())


def test_new_data_brings_it_back(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        overridden(home, low())
        home.later(days=2)
        assert "IRONLOW" in home.cards(with_result(low(), _FERRITIN, 36, "ng/mL", home.now))
        assert "IRONLOW" not in home.cards(low())


def test_the_same_number_on_another_day_is_new_data_too(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        overridden(home, low())
        home.later(days=2)
        assert "IRONLOW" in home.cards(with_result(low(), _FERRITIN, 38, "ng/mL", home.now))


def test_a_higher_indicator_brings_it_back(tmp_path: Path) -> None:
    """Suspected RLS makes the card information; the same results under a confirmed diagnosis make it a warning."""
    suspected = load_patient("suspected-rls-ferritin-40", START.date())
    with house(tmp_path) as home:
        shown = home.cards(suspected)["IRONLOW"]
        assert shown["indicator"] == "info"
        assert home.override(shown).status_code == 200
        assert "IRONLOW" not in home.cards(suspected)
        confirmed = confirm(suspected)
        again = home.cards(confirmed)["IRONLOW"]
        assert again["indicator"] == "warning"


def confirm(patient: PatientFile) -> PatientFile:
    for condition in patient.resources("Condition"):
        for coding in condition["verificationStatus"]["coding"]:
            coding["code"] = "confirmed"
    return patient


def test_another_patient_with_the_same_numbers_is_not_affected(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        overridden(home, low())
        assert "IRONLOW" in home.cards(as_somebody_else(low(), "somebody-else"))
        assert "IRONLOW" not in home.cards(low())


def test_the_same_patient_at_another_client_is_not_affected(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        overridden(home, low())
        assert "IRONLOW" in home.cards(low(), client=SOUTH)
        assert "IRONLOW" not in home.cards(low())


def test_a_client_cannot_silence_a_card_that_another_client_got(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        card = home.cards(low(), client=SOUTH)["IRONLOW"]
        known, unknown = home.override(card), home.override({"uuid": "0" * 8 + card["uuid"][8:]})
        assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
        assert "IRONLOW" in home.cards(low(), client=SOUTH)
        assert home.number("feedback_unmatched_total", client="north") == 2


def test_other_cards_of_the_patient_are_not_affected(tmp_path: Path) -> None:
    patient = load_patient("heavy-periods-ferritin-12", START.date())
    with house(tmp_path) as home:
        overridden(home, patient, "IRONCAUSE")
        assert set(home.cards(patient)) == {"IRONLOW"}


@pytest.mark.parametrize(
    ("slug", "draft", "code"),
    [
        ("haemochromatosis-after-phlebotomy", "ferrous-sulfate-325-once-daily", "OSIRONOVL"),
        ("anaphylaxis-to-carboxymaltose", "ferric-carboxymaltose-750", "OSIVHSR"),
    ],
)
def test_a_critical_card_is_never_silenced(tmp_path: Path, slug: str, draft: str, code: str) -> None:
    patient = load_patient(slug, START.date())
    with house(tmp_path) as home:
        for _ in range(3):
            card = home.cards(patient, SIGN, drafts=(draft,))[code]
            assert card["indicator"] == "critical"
            assert home.override(card, "patient-contraindication", SIGN).status_code == 200
        assert home.number("cards_suppressed_total", card=code, service=SIGN, client="north") == 0


def test_silent_cards_leave_their_places_to_others(tmp_path: Path) -> None:
    patient = load_patient("heavy-periods-ferritin-12", START.date())
    with house(tmp_path, max_cards=1) as home:
        (first,) = home.cards(patient)
        overridden(home, patient, first)
        (second,) = home.cards(patient)
        assert {first, second} == {"IRONLOW", "IRONCAUSE"}


def test_acceptance_silences_nothing(tmp_path: Path) -> None:
    patient = load_patient("no-iron-studies-yet", START.date())
    with house(tmp_path) as home:
        assert home.accept(home.cards(patient)["IRONTEST"]).status_code == 200
        assert "IRONTEST" in home.cards(patient)


def test_shadow_shows_nothing_and_keeps_what_would_have_been_shown(tmp_path: Path) -> None:
    with house(tmp_path, services={VIEW: "shadow", SIGN: "live"}) as home:
        assert home.cards(low()) == {}
        (count,) = home.store.cards_by_day(START, START.replace(day=2))
        assert (count.card, count.mode, count.cards) == ("IRONLOW", "shadow", 1)
        assert (
            home.number("cards_total", card="IRONLOW", indicator="warning", service=VIEW, client="north", mode="shadow")
            == 1
        )
        assert home.store.outcomes_by_card(START, START.replace(day=2)) == ()
        (line,) = [line for line in home.lines() if line["event"] == "call"]
        assert (line["mode"], line["cards"]) == ("shadow", ["IRONLOW"])


def test_shadow_answers_200_where_live_would_say_that_data_is_missing(tmp_path: Path) -> None:
    body = {"hook": "patient-view", "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e11",
            "context": {"userId": "Practitioner/1", "patientId": "p1"}}  # fmt: skip
    with house(tmp_path, services={VIEW: "shadow"}) as home:
        answer = home.post(VIEW, body)
        assert (answer.status_code, answer.get_json()) == (200, {"cards": []})


def test_a_mode_of_one_client_is_not_the_mode_of_the_other(tmp_path: Path) -> None:
    shadowed = Client("south", issuer="https://south.example.org", modes={VIEW: "shadow", SIGN: "off"})
    with house(tmp_path, clients=(NORTH, shadowed)) as home:
        assert "IRONLOW" in home.cards(low())
        assert home.cards(low(), client=shadowed) == {}
        assert home.ask(low(), SIGN, shadowed, drafts=("ferrous-sulfate-325-once-daily",)).status_code == 404
        assert home.ask(low(), SIGN, drafts=("ferrous-sulfate-325-once-daily",)).status_code == 200


def test_off_is_404_for_calls_and_feedback_and_is_not_listed(tmp_path: Path) -> None:
    with house(tmp_path, services={VIEW: "off", SIGN: "live"}) as home:
        assert home.ask(low()).status_code == 404
        assert home.feedback({"card": "0" * 8, "outcome": "overridden"}).status_code == 404
        listed = home.app.test_client().get("/cds-services").get_json()["services"]
        assert [service["id"] for service in listed] == [SIGN]
        assert list(home.store.audit_rows()) == []


def test_an_override_from_a_clock_that_runs_ahead_does_not_last_longer(tmp_path: Path) -> None:
    """Five minutes ahead is accepted; the ninety days count from when the feedback came."""
    with house(tmp_path) as home:
        card = home.cards(low())["IRONLOW"]
        home.later(minutes=4)
        ahead = home.now
        home.later(minutes=-4)
        stamp = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": f"{ahead:%Y-%m-%dT%H:%M:%SZ}"}
        assert home.feedback(stamp).status_code == 200
        home.later(days=90)
        assert "IRONLOW" in home.cards(low())
