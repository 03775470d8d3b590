"""Feedback bodies as clients send them (rows B-03 to B-15, FB-4 to FB-6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.store import Reason
from cds_service.store.feedback_request import BadFeedback, FeedbackTooLarge, read_feedback

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
CARD = "3d1f0a3c-4d5b-4a53-8f0e-8f4b5f0b7a11"
SUGGESTION = "a4b8f6f0-1d8a-4f4e-9b5c-6d7b0f1e2c33"
AT = "2026-07-01T09:29:15.250Z"
ABSENT = object()


def dismissed(**members: Any) -> dict[str, Any]:
    entry = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT} | members
    return {name: value for name, value in entry.items() if value is not ABSENT}


def accepted(**members: Any) -> dict[str, Any]:
    return dismissed(outcome="accepted", acceptedSuggestions=[{"id": SUGGESTION}]) | {
        name: value for name, value in members.items() if value is not ABSENT
    }


def body(*entries: Any, **others: Any) -> bytes:
    return json.dumps({"feedback": list(entries), **others}).encode()


def faults(content: bytes) -> tuple[str, ...]:
    with pytest.raises(BadFeedback) as refusal:
        read_feedback(content, NOW)
    assert refusal.value.status == 400
    return refusal.value.faults


def one(entry: Any) -> Any:
    (item,) = read_feedback(body(entry), NOW)
    return item


class TestBody:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"feedback",
            b"NaN",
            b'{"feedback": [',
            b"\xff\xfe",
            b"null",
            b"[]",
            json.dumps([dismissed()]).encode(),
            json.dumps(dismissed()).encode(),
            b"{}",
            b'{"feedback": null}',
            b'{"feedback": []}',
            b'{"feedback": {}}',
            b'{"feedback": "all"}',
        ],
    )
    def test_b03_anything_but_an_object_with_entries_is_refused(self, content: bytes) -> None:
        assert len(faults(content)) == 1

    def test_b03_several_entries_keep_their_order(self) -> None:
        items = read_feedback(body(accepted(), dismissed(), accepted()), NOW)
        assert [item.outcome for item in items] == ["accepted", "overridden", "accepted"]

    def test_b15_unknown_members_and_extensions_are_ignored(self) -> None:
        entry = dismissed(extension={"com.example": {"a": 1}}, foo=[None])
        (item,) = read_feedback(body(entry, extension={}, hookInstance="x"), NOW)
        assert item.card == CARD

    @pytest.mark.parametrize(("entries", "fine"), [(99, True), (100, True), (101, False)])
    def test_fb4_a_hundred_entries_at_most(self, entries: int, fine: bool) -> None:
        content = body(*[dismissed()] * entries)
        if fine:
            assert len(read_feedback(content, NOW)) == entries
        else:
            assert "100" in faults(content)[0]

    @pytest.mark.parametrize(("size", "fine"), [(65_535, True), (65_536, True), (65_537, False)])
    def test_fb4_64_kib_at_most(self, size: int, fine: bool) -> None:
        content = body(dismissed()).ljust(size)
        if fine:
            assert read_feedback(content, NOW)
        else:
            with pytest.raises(FeedbackTooLarge) as refusal:
                read_feedback(content, NOW)
            assert refusal.value.status == 413


class TestFaults:
    @pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
    def test_b04_each_required_member_is_named(self, member: str) -> None:
        for value in (ABSENT, None, 7, "", [], {}):
            (fault,) = faults(body(dismissed(**{member: value})))
            assert fault.startswith(f"feedback[0].{member} ")

    @pytest.mark.parametrize("outcome", ["ignored", "accept", "overridden ", "", None, True])
    def test_b05_other_outcomes_are_refused(self, outcome: object) -> None:
        assert faults(body(dismissed(outcome=outcome))) == ("feedback[0].outcome must be accepted or overridden",)

    @pytest.mark.parametrize("listed", [ABSENT, None, [], {}, SUGGESTION])
    def test_b06_accepted_needs_a_list_of_suggestions(self, listed: object) -> None:
        entry = accepted()
        entry["acceptedSuggestions"] = listed
        (fault,) = faults(body({name: value for name, value in entry.items() if value is not ABSENT}))
        assert fault.startswith("feedback[0].acceptedSuggestions must be an array")

    @pytest.mark.parametrize("suggestion", [SUGGESTION, {}, {"id": 3}, {"id": "x"}, {"uuid": SUGGESTION}, None, []])
    def test_b06_each_suggestion_is_an_object_with_its_uuid(self, suggestion: object) -> None:
        (fault,) = faults(body(accepted(acceptedSuggestions=[{"id": SUGGESTION}, suggestion])))
        assert fault.startswith("feedback[0].acceptedSuggestions[1] ")

    @pytest.mark.parametrize("entry", [None, 1, "x", [], [dismissed()]])
    def test_an_entry_is_an_object(self, entry: object) -> None:
        assert faults(body(dismissed(), entry)) == ("feedback[1] must be an object",)

    def test_fb5_all_faults_of_a_batch_are_named_at_once(self) -> None:
        bad = {"card": "x", "outcome": "seen", "outcomeTimestamp": "yesterday", "overrideReason": "no"}
        found = faults(body(dismissed(), bad, "x", accepted(acceptedSuggestions=[1, {"id": SUGGESTION}, 2])))
        assert [fault.partition(" ")[0] for fault in found] == [
            "feedback[1].card",
            "feedback[1].outcome",
            "feedback[1].outcomeTimestamp",
            "feedback[1].overrideReason",
            "feedback[2]",
            "feedback[3].acceptedSuggestions[0]",
            "feedback[3].acceptedSuggestions[2]",
        ]

    def test_no_fault_holds_a_word_of_the_body(self) -> None:
        canary = "Canary-4711"
        entry = dict.fromkeys(("card", "outcome", "outcomeTimestamp", "overrideReason", canary), canary)
        assert canary not in " ".join(faults(body(entry, canary)))


class TestTime:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-07-01T09:29:15Z", "2026-07-01T09:29:15+00:00"),
            ("2026-07-01T09:29:15+00:00", "2026-07-01T09:29:15+00:00"),
            ("2026-07-01T09:29:15.5Z", "2026-07-01T09:29:15.500000+00:00"),
            ("2026-07-01T09:29:15.1234567Z", "2026-07-01T09:29:15.123456+00:00"),
            ("2026-07-01t09:29:15z", "2026-07-01T09:29:15+00:00"),
            ("2026-07-01T04:29:15-05:00", "2026-07-01T09:29:15+00:00"),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"),
        ],
    )
    def test_b08_an_instant_in_any_fraction_and_offset(self, text: str, expected: str) -> None:
        assert one(dismissed(outcomeTimestamp=text)).at.isoformat() == expected

    @pytest.mark.parametrize(
        "text",
        [
            "yesterday",
            "2026-07-01",
            "2026-07-01T09:29Z",
            "2026-07-01T09:29:15",
            "2026-07-01 09:29:15Z",
            "2026-02-29T09:29:15Z",
            "2026-07-01T24:29:15Z",
            "20260701T092915Z",
            "2026-W27-3T09:29:15Z",
            "0001-01-01T00:00:00+23:59",
            "２０２６-07-01T09:29:15Z",
            "2026-07-01T09:29:15Z\n",
        ],
    )
    def test_b08_anything_else_is_refused(self, text: str) -> None:
        assert faults(body(dismissed(outcomeTimestamp=text)))[0].startswith(
            "feedback[0].outcomeTimestamp must be a time"
        )

    @pytest.mark.parametrize(
        ("ahead", "fine"),
        [
            (timedelta(minutes=5) - timedelta(microseconds=1), True),
            (timedelta(minutes=5), True),
            (timedelta(minutes=5, microseconds=1), False),
        ],
        ids=["just under", "on", "just over"],
    )
    def test_fb6_five_minutes_ahead_at_most(self, ahead: timedelta, fine: bool) -> None:
        content = body(dismissed(outcomeTimestamp=(NOW + ahead).isoformat()))
        if fine:
            assert not read_feedback(content, NOW)[0].late
        else:
            assert faults(content) == ("feedback[0].outcomeTimestamp must not lie in the future",)

    @pytest.mark.parametrize(
        ("ago", "late"),
        [
            (timedelta(days=90) - timedelta(microseconds=1), False),
            (timedelta(days=90), False),
            (timedelta(days=90, microseconds=1), True),
            (timedelta(days=20_000), True),
        ],
        ids=["just under", "on", "just over", "long ago"],
    )
    def test_fb6_older_than_ninety_days_is_flagged_not_dropped(self, ago: timedelta, late: bool) -> None:
        assert one(dismissed(outcomeTimestamp=(NOW - ago).isoformat())).late is late


class TestReason:
    @pytest.mark.parametrize(
        ("given", "reason", "comment"),
        [
            (ABSENT, None, None),
            (None, None, None),
            ({"reason": {"code": "a", "system": "s", "display": "d"}}, Reason("a", "s", "d"), None),
            ({"reason": {"code": "a", "system": "s"}}, Reason("a", "s"), None),
            ({"reason": {"code": "a"}}, Reason("a"), None),
            ({"code": "a", "system": "s"}, Reason("a", "s"), None),
            ({"code": "a", "userComment": "c"}, Reason("a"), "c"),
            ({"userComment": "c"}, None, "c"),
            ({"reason": None, "userComment": "c"}, None, "c"),
            ({"reason": {"code": "a"}, "userComment": " "}, Reason("a"), None),
            ({"reason": {"coding": [{"code": "a", "system": "s"}], "text": "t"}}, Reason("a", "s", "t"), None),
            ({"reason": {"text": "t"}}, Reason(display="t"), None),
            ({"reason": "t"}, Reason(display="t"), None),
            ({"Reason": {"Code": "a"}, "usercomment": "c"}, Reason("a"), "c"),
        ],
    )
    def test_b07_b13_every_shape_that_clients_send(
        self, given: Any, reason: Reason | None, comment: str | None
    ) -> None:
        item = one(dismissed(overrideReason=given))
        assert (item.reason, item.comment) == (reason, comment)

    @pytest.mark.parametrize("given", ["x", 1, [], True, [{"code": "a"}]])
    def test_it_is_an_object(self, given: object) -> None:
        assert faults(body(dismissed(overrideReason=given))) == ("feedback[0].overrideReason must be an object",)

    @pytest.mark.parametrize(
        "given", [{}, {"reason": {}}, {"reason": {"system": "s"}}, {"userComment": ""}, {"reason": {"coding": []}}]
    )
    def test_b07_it_says_something(self, given: object) -> None:
        fault = "feedback[0].overrideReason must have a reason or a userComment"
        assert faults(body(dismissed(overrideReason=given))) == (fault,)

    @pytest.mark.parametrize(
        "given",
        [
            {"userComment": "a\0b"},
            {"userComment": 7},
            {"reason": {"code": "a\0"}},
            {"reason": {"code": 7}},
            {"reason": {"code": "a", "display": ["x"]}},
            {"reason": 7},
            {"reason": ["a"]},
        ],
    )
    def test_fb4_it_is_text_without_nul(self, given: object) -> None:
        assert faults(body(dismissed(overrideReason=given))) == (
            "feedback[0].overrideReason must hold text, without NUL",
        )

    @pytest.mark.parametrize(("length", "kept"), [(1_999, 1_999), (2_000, 2_000), (2_001, 2_000), (10_000, 2_000)])
    def test_b14_a_long_comment_is_cut_and_kept(self, length: int, kept: int) -> None:
        assert len(one(dismissed(overrideReason={"userComment": "µ" * length})).comment) == kept

    def test_b14_markup_is_kept_as_it_is(self) -> None:
        text = "<script>alert(1)</script> =cmd|x"
        assert one(dismissed(overrideReason={"userComment": text})).comment == text


class TestSpelling:
    @pytest.mark.parametrize("form", [CARD, CARD.upper(), f"urn:uuid:{CARD}", f"URN:UUID:{CARD.upper()}"])
    def test_a_uuid_in_any_form(self, form: str) -> None:
        assert one(dismissed(card=form)).card == CARD
        assert one(accepted(acceptedSuggestions=[{"id": form}])).suggestions == (CARD,)

    @pytest.mark.parametrize(
        "form", [CARD[:-1], CARD + "0", CARD.replace("-", ""), f"{{{CARD}}}", f" {CARD}", f"{CARD}\n", CARD[:-1] + "g"]
    )
    def test_anything_else_is_no_uuid(self, form: str) -> None:
        assert faults(body(dismissed(card=form))) == ("feedback[0].card must be the uuid of a card",)

    @pytest.mark.parametrize("outcome", ["accepted", "Accepted", "ACCEPTED"])
    def test_an_outcome_in_any_case(self, outcome: str) -> None:
        assert one(accepted(outcome=outcome)).outcome == "accepted"

    def test_member_names_in_any_case(self) -> None:
        entry = dismissed(outcomeTimeStamp=AT)
        del entry["outcomeTimestamp"]
        assert one(entry).at == datetime(2026, 7, 1, 9, 29, 15, 250_000, tzinfo=UTC)

    def test_the_regular_spelling_wins(self) -> None:
        for entry in (dismissed(OUTCOME="accepted"), {"OUTCOME": "accepted", **dismissed()}):
            assert one(entry).outcome == "overridden"

    def test_a_suggestion_counts_once(self) -> None:
        twice = [{"id": SUGGESTION}, {"id": SUGGESTION.upper()}, {"id": CARD}]
        assert one(accepted(acceptedSuggestions=twice)).suggestions == (SUGGESTION, CARD)

    def test_suggestions_of_an_overridden_card_are_ignored(self) -> None:
        assert one(dismissed(acceptedSuggestions=["x"])).suggestions == ()


def test_what_the_public_sandbox_sends_is_read(shared: Path) -> None:
    recorded = json.loads((shared / "data" / "sandbox-requests" / "feedback.json").read_text())
    now = datetime(2026, 11, 22, 6, 42, tzinfo=UTC)
    items = [read_feedback(json.dumps(each["requestBody"]).encode(), now)[0] for each in recorded["examples"]]
    assert [item.outcome for item in items] == ["accepted", *["overridden"] * 4]
    assert [item.reason and item.reason.code for item in items] == [None, "wont", None, "nosys", "nodisp"]
