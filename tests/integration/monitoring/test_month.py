"""A simulated month of traffic: the store's analytics, the request log, the metrics and the simulation agree."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cds_service.config.client import Client
from fhir_fixtures import load_patient
from fhir_fixtures.loading import PatientFile
from tests.builders.monitored import NORTH, SIGN, START, VIEW, Harness, as_somebody_else, start_harness

_DAYS, _CALLS_A_DAY = 30, 12
_SLUGS = ("ferritin-38-inside-the-lab-range", "heavy-periods-ferritin-12", "no-iron-studies-yet", "folate-low",
          "vitamin-d-35-nmol", "iron-replete-nothing-to-say", "no-rls-ferritin-8", "vitamin-d-toxic")  # fmt: skip
_REASONS = ("", "patient-refuses", "cds-not-applicable", "our-own-words")
#: One client is live, the other in shadow mode.
_SHADOWED = Client("south", issuer="https://south.example.org", modes={VIEW: "shadow", SIGN: "live"})


@dataclass(slots=True)
class Diary:
    """What the simulation did and saw, independent of store and log."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (card, outcome) of first events
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    calls: int = 0


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Harness, Diary]]:
    with start_harness(tmp_path_factory.mktemp("month"), clients=(NORTH, _SHADOWED)) as harness:
        yield harness, simulate(harness, random.Random(20260601))  # noqa: S311 - the same month every time


def simulate(harness: Harness, dice: random.Random) -> Diary:
    diary = Diary()
    for day in range(_DAYS):
        for _ in range(_CALLS_A_DAY):
            harness.later(hours=24 / _CALLS_A_DAY)
            visit(harness, dice, diary, START + timedelta(days=day))
    return diary


def visit(harness: Harness, dice: random.Random, diary: Diary, day: datetime) -> None:
    client = dice.choice((NORTH, NORTH, _SHADOWED))
    patient = chart(dice.choice(_SLUGS), dice.randrange(12))
    if dice.random() < 0.25:
        cards, service = harness.cards(patient, SIGN, client, drafts=("metoclopramide-10-before-meals",)), SIGN
    else:
        cards, service = harness.cards(patient, VIEW, client), VIEW
    diary.calls += 1
    diary.shown.update(cards.keys())
    for code, card in cards.items():
        react(harness, dice, diary, code, card, service, client)


def chart(slug: str, person: int) -> PatientFile:
    """Return a chart whose dates stay fixed over the month; only the reactions to its cards change."""
    return as_somebody_else(load_patient(slug, START.date()), f"{slug[:20]}-{person}")


def react(
    harness: Harness, dice: random.Random, diary: Diary, code: str, card: dict[str, Any], service: str, client: Client
) -> None:
    """Ignore, override (with or without a reason) or accept a card; at times three times, or at the wrong service."""
    fate = dice.random()
    if fate < 0.35:
        return
    if fate < 0.75 or "suggestions" not in card:
        reason = dice.choice(_REASONS)
        answers = [harness.override(card, reason, service, client) for _ in range(dice.choice((1, 1, 1, 3)))]
        diary.outcomes[code, "overridden"] += 1
        diary.reasons[code, reason] += 1
    else:
        answers = [harness.accept(card, service, client)]
        diary.outcomes[code, "accepted"] += 1
    if dice.random() < 0.1:
        answers.append(harness.override(card, "", SIGN if service == VIEW else VIEW, client))  # given by the other one
    assert {answer.status_code for answer in answers} == {200}


def period() -> tuple[datetime, datetime]:
    return START, START + timedelta(days=_DAYS + 1)


def calls_in(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in log if line["event"] == "call" and "prefetch" in line]


def shown_in(log: list[dict[str, Any]]) -> dict[str, str]:
    """Return the card of every UUID that a user saw, from the request log alone."""
    live = [line for line in calls_in(log) if line["mode"] == "live" and line["status"] == 200]
    return {uuid: card for line in live for uuid, card in zip(line["card_uuids"], line.get("cards", []), strict=True)}


def events_in(log: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [tuple(event.split()) for line in log for event in line.get("feedback", [])]  # type: ignore[misc]


def test_the_month_has_enough_traffic(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    assert diary.calls == _DAYS * _CALLS_A_DAY == len(calls_in(harness.lines()))
    assert len(diary.shown) >= 7 and min(diary.outcomes.values()) > 0
    assert sum(diary.outcomes.values()) > 60
    print(f"\n{diary.calls} calls, {sum(diary.shown.values())} cards shown, {sum(diary.outcomes.values())} events")


def test_outcomes_by_card_equal_the_count_from_the_log(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    shown = shown_in(harness.lines())
    by_outcome = {
        outcome: Counter(
            shown[uuid] for uuid in {uuid for uuid, _, said in events_in(harness.lines()) if said == outcome}
        )
        for outcome in ("accepted", "overridden")
    }
    counted = {
        (card, total, by_outcome["accepted"][card], by_outcome["overridden"][card])
        for card, total in Counter(shown.values()).items()
    }
    stored = {(row.card, row.shown, row.accepted, row.overridden) for row in harness.store.outcomes_by_card(*period())}
    assert stored == counted
    seen = {(card, diary.shown[card], diary.outcomes[card, "accepted"], diary.outcomes[card, "overridden"])
            for card in diary.shown}  # fmt: skip
    assert stored == seen


def test_cards_by_day_equal_the_count_from_the_log(month: tuple[Harness, Diary]) -> None:
    harness, _ = month
    counted: Counter[tuple[date, str, str, str, bool]] = Counter()
    moment = START
    for line in calls_in(harness.lines()):
        moment += timedelta(hours=24 / _CALLS_A_DAY)  # the log has the wall clock's time, the store the script's
        for suppressed, cards in ((False, line.get("cards", [])), (True, line.get("suppressed", []))):
            counted.update((moment.date(), line["client"], card, line["mode"], suppressed) for card in cards)
    stored = {
        (row.day, row.client, row.card, row.mode, row.suppressed): row.cards
        for row in harness.store.cards_by_day(*period())
    }
    assert stored == counted
    assert any(key[4] for key in stored) and any(key[3] == "shadow" for key in stored)


def test_calls_by_day_equal_the_count_from_the_log(month: tuple[Harness, Diary]) -> None:
    harness, _ = month
    by_kind = Counter((line["client"], line["service"]) for line in calls_in(harness.lines()))
    stored: Counter[tuple[str, str]] = Counter()
    for row in harness.store.calls_by_day(*period()):
        stored[row.client, row.service] += row.calls
    assert stored == by_kind
    one_day = harness.store.calls_by_day(START.replace(day=10, hour=0), START.replace(day=11, hour=0))
    assert sum(row.calls for row in one_day) == _CALLS_A_DAY


def test_reasons_equal_what_the_script_gave(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    stored = {(row.card, row.code): row.events for row in harness.store.reasons_by_card(*period())}
    assert stored == diary.reasons


def test_the_metrics_say_the_same(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    for card, total in diary.shown.items():
        live = [
            harness.number("cards_total", card=card, indicator=indicator, service=service, client=client, mode="live")
            for indicator in ("info", "warning", "critical")
            for service in (VIEW, SIGN)
            for client in ("north", "south")
        ]
        assert sum(live) == total
    overrides = sum(total for (_, outcome), total in diary.outcomes.items() if outcome == "overridden")
    events = [
        harness.number("feedback_total", card=card, outcome="overridden", reason=reason, client=client)
        for card in diary.shown
        for reason in ("none", "other", *_REASONS[1:3])
        for client in ("north", "south")
    ]
    assert sum(events) == overrides


def test_the_export_holds_every_event_once(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    progress: list[tuple[int, int]] = []
    rows = harness.store.export_feedback(None, "test", harness.now, lambda done, of: progress.append((done, of)))
    assert Counter((row.intervention, row.action) for row in rows) == diary.outcomes
    assert progress == [(number, len(rows)) for number in range(1, len(rows) + 1)]


def test_the_audit_chain_is_whole_and_has_one_decision_for_each_call(month: tuple[Harness, Diary]) -> None:
    harness, diary = month
    progress: list[tuple[int, int]] = []
    report = harness.store.verify_audit(lambda done, of: progress.append((done, of)))
    assert report.faults == ()
    assert progress[-1] == (report.rows, report.rows)
    assert sum(row.kind == "decision" for row in harness.store.audit_rows()) == diary.calls
