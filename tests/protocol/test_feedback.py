"""Feedback over HTTP, and what of it is stored: protocol B-xx."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.builders.service import good
from tests.protocol.ehr import VIEW, Ehr, hospital_settings, outcome, served

PATH = f"{VIEW}/feedback"
AT = "2026-06-30T14:30:15.250Z"


def entry(card: str, /, **members: Any) -> dict[str, Any]:
    made = {"card": card, "outcome": "overridden", "outcomeTimestamp": AT} | members
    return {name: value for name, value in made.items() if value is not ...}


def send(ehr: Ehr, *entries: Any) -> Any:
    return ehr.post(PATH, {"feedback": list(entries)})


@pytest.mark.row("B-02")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post(ehr: Ehr, method: str) -> None:
    outcome(ehr.call(method, PATH), 405)
    outcome(ehr.post("/cds-services/nope/feedback", {"feedback": [entry(str(uuid4()))]}), 404)


def test_a_body_that_cannot_be_read_is_told_why(ehr: Ehr) -> None:
    large = outcome(ehr.post(PATH, {"feedback": ["x" * 1_100_000]}), 413)
    assert "batches" in str(large) and "prefetch" not in str(large)
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    assert "nested" in str(outcome(ehr.post(PATH, {"feedback": [entry(str(uuid4()))], "extension": deep}), 400))


@pytest.mark.row("B-04")
@pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
def test_required_members(ehr: Ehr, member: str) -> None:
    for value in (..., None, "", 5):
        outcome(send(ehr, entry(str(uuid4()), **{member: value})), 400)


@pytest.mark.row("B-05")
@pytest.mark.parametrize("value", ["ignored", "shown", ["accepted"], True])
def test_outcomes(ehr: Ehr, value: Any) -> None:
    outcome(send(ehr, entry(str(uuid4()), outcome=value)), 400)


@pytest.mark.row("B-06")
@pytest.mark.parametrize("accepted", [..., None, [], "x", [str(uuid4())], [{}], [{"id": "x"}]])
def test_accepted_suggestions_are_objects(ehr: Ehr, accepted: Any) -> None:
    outcome(send(ehr, entry(str(uuid4()), outcome="accepted", acceptedSuggestions=accepted)), 400)


@pytest.mark.row("B-07", "B-13", "B-15")
@pytest.mark.parametrize(
    "reason",
    [
        ...,
        {"userComment": "done elsewhere"},
        {"reason": {"code": "patient-refuses", "system": "http://example.org"}},
        {"reason": {"code": "patient-refuses"}},
        {"code": "patient-refuses", "system": "http://example.org"},
        {"reason": {"code": "a", "system": "b", "display": "c"}, "userComment": "d", "extension": {"org.example": 1}},
    ],
)
def test_reasons_that_clients_send(ehr: Ehr, reason: Any) -> None:
    assert send(ehr, entry(str(uuid4()), overrideReason=reason)).status_code == 200


@pytest.mark.row("B-08")
@pytest.mark.parametrize("at", ["2026-06-30T14:30:15Z", "2026-06-30T14:30:15.5Z", "2026-06-30T10:30:15-04:00"])
def test_each_bound_of_each_time(ehr: Ehr, at: str) -> None:
    assert send(ehr, entry(str(uuid4()), outcomeTimestamp=at)).status_code == 200


@pytest.mark.row("B-08")
@pytest.mark.parametrize("at", ["yesterday", "2026-06-30", "1782891000", "2026-13-01T00:00:00Z"])
def test_other_times(ehr: Ehr, at: str) -> None:
    outcome(send(ehr, entry(str(uuid4()), outcomeTimestamp=at)), 400)


@pytest.mark.row("B-09")
def test_the_same_feedback_again_is_one_record(tmp_path: Path) -> None:
    with served(hospital_settings(tmp_path)) as ehr:
        card = ehr.post(VIEW, good()).json()["cards"][0]["uuid"]
        for _ in range(3):
            assert send(ehr, entry(card), entry(card, outcomeTimestamp="2026-06-30T14:30:16Z")).status_code == 200
    assert kept(tmp_path) == 2


@pytest.mark.row("B-03", "B-04")
@pytest.mark.control("FB-5")
def test_one_bad_entry_costs_no_other(tmp_path: Path) -> None:
    with served(hospital_settings(tmp_path)) as ehr:
        card = ehr.post(VIEW, good()).json()["cards"][0]["uuid"]
        answer = send(ehr, entry(card), entry(card, outcome="ignored"), entry(str(uuid4())))
    assert answer.status_code == 200
    [refused] = answer.json()["refused"]
    assert refused == {"index": 1, "reason": "outcome: must be accepted or overridden"}
    assert kept(tmp_path) == 1


@pytest.mark.row("B-10", "B-11")
def test_an_unknown_card_is_answered_as_a_known_one(ehr: Ehr) -> None:
    card = ehr.post(VIEW, good()).json()["cards"][0]["uuid"]
    known, unknown = send(ehr, entry(card)), send(ehr, entry(str(uuid4())))
    assert known.status_code == unknown.status_code == 200 and known.content == unknown.content == b'{"status":"ok"}'


@pytest.mark.row("B-14")
@pytest.mark.parametrize("comment", ["x" * 10_000, "<script>alert(1)</script>", "=1+1", "\u202e"])
def test_any_comment_is_accepted_and_stored_encrypted(tmp_path: Path, comment: str) -> None:
    with served(hospital_settings(tmp_path)) as ehr:
        card = ehr.post(VIEW, good()).json()["cards"][0]["uuid"]
        assert send(ehr, entry(card, overrideReason={"userComment": comment})).status_code == 200
    assert comment[:20].encode() not in b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())


def kept(folder: Path) -> int:
    """Return the number of feedback events in the store."""
    with closing(sqlite3.connect(folder / "rls-cds.sqlite")) as store:
        return int(store.execute("select count(*) from feedback_event").fetchone()[0])
