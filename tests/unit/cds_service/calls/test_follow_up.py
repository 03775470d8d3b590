"""What became of a card, by later charts and without feedback, over HTTP with a real store."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.config.settings import Settings
from cds_service.monitoring.follow_up import Arm, FollowUp, ShadowComparison, report
from fhir_fixtures import hook_request, load_patient
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
_NO_RESULTS = "no-iron-studies-yet"


def patient(slug: str = _NO_RESULTS) -> PatientFile:
    return load_patient(slug, START.date())


def line(harness: Harness, card: str = "IRONTEST") -> FollowUp:
    """Return what became of one card over all clients and versions."""
    found = report(harness.store, START.replace(day=1, hour=0), harness.now)
    return {each.card: each for each in found.cards}[card]


def test_a_result_of_a_later_call_closes_what_was_asked(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        assert "IRONTEST" in harness.cards(patient())
        harness.later(days=12)
        tested = with_result(patient(), _FERRITIN, 90, "ng/mL", harness.now)
        assert harness.cards(tested) != {}
        harness.later(days=100)
        harness.cards(tested)
        assert line(harness).live == Arm(asked=1, known=1, soon=1, late=1, open=0, days=12)
        assert line(harness).needed_to_alert == 1


def test_what_was_not_done_is_missed_after_ninety_days(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=91)
        assert line(harness).live == Arm(asked=1, open=1), "nobody called since"
        harness.cards(patient())
        assert line(harness).live == Arm(asked=1, known=1)


def test_who_followed_and_never_came_again_counts_no_more_than_who_did_not_follow(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=12)
        tested = with_result(patient(), _FERRITIN, 90, "ng/mL", harness.now)
        harness.cards(tested)
        harness.later(days=100)
        assert line(harness).live == Arm(asked=1, open=1)
        assert line(harness).live.share_open == 1
        harness.post(VIEW, without_the_end(harness, tested))
        assert line(harness).live == Arm(asked=1, open=1), "this chart could not have told that it was not done"
        harness.cards(tested)
        assert line(harness).live == Arm(asked=1, known=1, soon=1, late=1, days=12)


def without_the_end(harness: Harness, patient: PatientFile) -> dict[str, Any]:
    """Return the request of a chart opening whose results have a further page that cannot be read."""
    body = hook_request("generic", "patient-view", patient, today=harness.now.date(), drafts=())
    further = {"relation": "next", "url": "https://elsewhere.example.org/next"}
    body["prefetch"]["labs"] = body["prefetch"]["labs"] | {"link": [further]}
    return body


def test_a_chart_that_could_not_be_read_closes_nothing(tmp_path: Path) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=100)
        body = hook_request("generic", "patient-view", patient(), today=harness.now.date(), drafts=())
        body["prefetch"]["labs"] = failed
        assert harness.post(VIEW, body).status_code == 412
        assert line(harness).live == Arm(asked=1, open=1)


def test_an_order_hook_closes_it_as_well(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=5)
        seen = with_result(patient(), _FERRITIN, 90, "ng/mL", harness.now)
        harness.cards(seen, SIGN, drafts=("ferrous-sulfate-325-once-daily",))
        harness.later(days=100)
        harness.cards(seen)
        assert line(harness).live.days == 5


def test_another_patient_and_another_client_close_nothing(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        harness.cards(patient())
        harness.later(days=5)
        seen = with_result(patient(), _FERRITIN, 90, "ng/mL", harness.now)
        harness.cards(as_somebody_else(seen, "somebody-else"))
        harness.cards(seen, client=replace(NORTH, name="south"))
        harness.later(days=100)
        assert line(harness).live.late == 0


def test_what_is_asked_again_is_asked_once(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        for _ in range(3):
            harness.cards(patient())
            harness.later(hours=1)
        assert (line(harness).live.asked, line(harness).shown, line(harness).repeats) == (1, 3, 2)


def test_a_client_that_sends_no_feedback_is_said_to_be_one(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        for number in range(20):
            card = harness.cards(as_somebody_else(patient(), f"patient-{number}"))["IRONTEST"]
        assert report(harness.store, START.replace(day=1), harness.now.replace(hour=23)).without_feedback == ("north",)
        harness.later(minutes=2)
        harness.override(card, "already-done")
        found = report(harness.store, START.replace(day=1), harness.now.replace(hour=23))
        assert found.without_feedback == ()
        (test,) = (each for each in found.cards if each.card == "IRONTEST")
        assert (test.shown, test.answered, test.unanswered, test.dwell) == (20, 1, 19, 120)


def noted(harness: Harness, **settings: Any) -> None:
    """Note the settings of a worker that starts."""
    harness.evidence.note_start(harness.now.date(), Settings(**settings))
    harness.store.add_evidence(harness.evidence.take())


class TestHoldOut:
    share = 50

    def patients(self, slug: str) -> list[PatientFile]:
        return [as_somebody_else(patient(slug), f"held-{number}") for number in range(40)]

    def test_a_share_of_patients_gets_no_card_and_is_followed_alike(self, tmp_path: Path) -> None:
        with start_harness(tmp_path, holdout_percent=self.share) as harness:
            noted(harness, holdout_percent=self.share)
            first = ["IRONTEST" in harness.cards(each) for each in self.patients(_NO_RESULTS)]
            assert 8 <= first.count(False) <= 32
            harness.later(days=91)
            again = ["IRONTEST" in harness.cards(each) for each in self.patients(_NO_RESULTS)]
            assert again == first, "the same patients, for ever"
            found = line(harness)
            assert (found.live.asked, found.held_out.asked) == (first.count(True), first.count(False))
            assert found.held_out.known == found.held_out.asked
            assert found.effect is not None and found.effect.value == 0
            (held, *_) = [line for line in harness.lines() if line.get("held")]
            assert (held["held"], held["cards"]) == (["IRONTEST"], [])

    def test_who_was_asked_before_the_share_was_set_is_not_compared(self, tmp_path: Path) -> None:
        before, after = self.patients(_NO_RESULTS)[:20], self.patients(_NO_RESULTS)[20:]
        with start_harness(tmp_path) as harness:
            noted(harness)
            for each in before:
                harness.cards(each)
        with start_harness(tmp_path, holdout_percent=self.share) as harness:
            harness.later(days=100)
            noted(harness, holdout_percent=self.share)
            harness.later(days=1)
            is_held = ["IRONTEST" not in harness.cards(each) for each in (*before, *after)]
            harness.later(days=100)
            for each in (*before, *after):
                harness.cards(each)
            found = line(harness)
            assert (found.live.asked, found.arms["holdout"].asked) == (20 + is_held[20:].count(False), sum(is_held))
            held = sum(is_held[20:])
            assert (found.beside_held_out.known, found.held_out.known) == (20 - held, held)

    def test_only_the_time_of_one_share_is_compared(self, tmp_path: Path) -> None:
        people = self.patients(_NO_RESULTS)
        for at, (share, some) in enumerate(((20, people[:10]), (50, people[10:30]), (0, people[30:]))):
            with start_harness(tmp_path, holdout_percent=share) as harness:
                harness.later(days=50 * at)
                noted(harness, holdout_percent=share)
                harness.later(days=1)
                for each in some:
                    harness.cards(each)
                harness.later(days=2)
                found = line(harness)
                asked = found.beside_held_out.asked + found.held_out.asked
                assert asked == (10, 20, 20)[at]

    def test_another_client_has_another_share(self, tmp_path: Path) -> None:
        with start_harness(tmp_path, holdout_percent=self.share) as harness:
            numbers = {
                client: [harness.store.arm_number(client, f"p{n}") < 5000 for n in range(200)]
                for client in ("north", "south")
            }
            assert numbers["north"] != numbers["south"]
            assert all(70 <= each.count(True) <= 130 for each in numbers.values())

    @pytest.mark.parametrize(
        ("slug", "service", "drafts", "code"),
        [
            ("haemochromatosis-after-phlebotomy", SIGN, ("ferrous-sulfate-325-once-daily",), "OSIRONOVL"),
            ("ferritin-38-inside-the-lab-range", SIGN, ("diphenhydramine-25-at-bedtime",), "OSAGG"),
        ],
    )
    def test_no_order_is_signed_without_its_card(
        self, tmp_path: Path, slug: str, service: str, drafts: tuple[str, ...], code: str
    ) -> None:
        with start_harness(tmp_path, holdout_percent=self.share) as harness:
            for each in self.patients(slug):
                assert code in harness.cards(each, service, drafts=drafts)

    def test_a_low_b12_is_never_held_back(self, tmp_path: Path) -> None:
        with start_harness(tmp_path, holdout_percent=self.share) as harness:
            for each in self.patients(_NO_RESULTS):
                low = with_result(each, "2132-9", 150, "pg/mL", harness.now)
                assert "B12LOW" in harness.cards(low)

    def test_it_is_off_by_default(self, tmp_path: Path) -> None:
        with start_harness(tmp_path) as harness:
            assert all("IRONTEST" in harness.cards(each) for each in self.patients(_NO_RESULTS))
            assert "held" not in json.dumps(harness.lines())


class TestShadow:
    """Shadow beside live: what happens without the card, of the same client before, or else of other clients."""

    def comparison(self, harness: Harness) -> ShadowComparison | None:
        return line(harness).beside_shadow

    def lived_in_shadow(self, folder: Path, names: tuple[str, ...], tested: tuple[str, ...]) -> None:
        with start_harness(folder, services={VIEW: "shadow"}) as harness:
            people = {name: as_somebody_else(patient(), name) for name in names}
            for each in people.values():
                harness.cards(each)
            harness.later(days=95)
            for name, each in people.items():
                done = with_result(each, _FERRITIN, 90, "ng/mL", START.replace(day=20))
                harness.cards(done if name in tested else each)

    def test_the_time_before_is_compared_with_the_time_after(self, tmp_path: Path) -> None:
        self.lived_in_shadow(tmp_path, ("p1", "p2", "p3", "p4"), tested=("p1",))
        with start_harness(tmp_path) as harness:
            for days, seen in ((100, False), (130, True), (230, True)):
                harness.now = START + timedelta(days=days)
                for name in ("q1", "q2"):
                    each = as_somebody_else(patient(), name)
                    harness.cards(
                        with_result(each, _FERRITIN, 90, "ng/mL", START + timedelta(days=120)) if seen else each
                    )
            found = self.comparison(harness)
            assert found is not None and found.how == "before and after"
            assert (found.shadow.late, found.shadow.known) == (1, 4)
            assert (found.live.late, found.live.known) == (2, 2)
            assert found.difference is not None and found.difference.value == 0.75
            (of_north,) = (each for each in report(harness.store, START.replace(day=1), harness.now).by_client
                           if each.card == "IRONTEST")  # fmt: skip
            assert of_north.beside_shadow == found

    def test_whoever_went_live_within_the_ninety_days_is_not_counted(self, tmp_path: Path) -> None:
        self.lived_in_shadow(tmp_path, ("p1", "p2"), tested=("p1",))
        with start_harness(tmp_path) as harness:
            harness.now = START + timedelta(days=80)
            harness.cards(as_somebody_else(patient(), "q1"))
            harness.later(days=120)
            found = self.comparison(harness)
            assert found is not None and (found.shadow.asked, found.shadow.known) == (2, 0)

    def test_where_no_client_has_both_clients_are_compared(self, tmp_path: Path) -> None:
        silent = replace(SOUTH, modes={VIEW: "shadow"})
        with start_harness(tmp_path, clients=(NORTH, silent)) as harness:
            for client in (NORTH, silent):
                harness.cards(patient(), client=client)
            harness.later(days=91)
            for client in (NORTH, silent):
                harness.cards(patient(), client=client)
            found = self.comparison(harness)
            assert found is not None and found.how == "between clients"
            assert (found.live.known, found.shadow.known) == (1, 1)
            assert all(each.beside_shadow is None
                       for each in report(harness.store, START.replace(day=1), harness.now).by_client)  # fmt: skip


def test_shadow_opens_an_arm_of_its_own(tmp_path: Path) -> None:
    with start_harness(tmp_path, services={VIEW: "shadow"}, holdout_percent=50) as harness:
        harness.cards(patient())
        harness.later(minutes=1)
        arms: dict[str, Any] = line(harness).arms
        assert {name: arm.asked for name, arm in arms.items()} == {"shadow": 1}
        assert line(harness).beside_shadow is None
