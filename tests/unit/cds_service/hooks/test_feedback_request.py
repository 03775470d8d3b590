"""Feedback requests as clients send them (rows B-03 to B-15, FB-4 to FB-6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.hooks.feedback_request import BadFeedback, FeedbackTooLarge, read_feedback
from cds_service.store import Reason
from cds_service.web.json_reader import MEBIBYTE

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
    (item,) = read_feedback(body(entry), NOW).items
    return item


def refused(*entries: Any) -> dict[int, list[str]]:
    """Return the members at fault of each entry that is refused beside one that is kept."""
    read = read_feedback(body(dismissed(), *entries), NOW)
    assert len(read.items) + len(read.refused) == len(entries) + 1
    return {each.index: [fault.partition(":")[0] for fault in each.faults] for each in read.refused}


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
            json.dumps({"feedback": [dismissed()]}).encode("utf-16"),
        ],
    )
    def test_b03_anything_but_an_object_with_entries_is_refused(self, content: bytes) -> None:
        assert faults(content)

    def test_b03_one_entry_may_come_without_its_list(self) -> None:
        (item,) = read_feedback(json.dumps({"feedback": dismissed()}).encode(), NOW).items
        assert item.card == CARD

    def test_a_byte_order_mark_is_passed_over(self) -> None:
        assert read_feedback(b"\xef\xbb\xbf" + body(dismissed()), NOW).items

    def test_half_of_a_surrogate_pair_becomes_a_character_that_can_be_stored(self) -> None:
        assert one(dismissed(overrideReason={"userComment": "cut \ud83d"})).comment == "cut \ufffd"

    def test_b03_several_entries_keep_their_order(self) -> None:
        items = read_feedback(body(accepted(), dismissed(), accepted()), NOW).items
        assert [item.outcome for item in items] == ["accepted", "overridden", "accepted"]

    def test_b15_unknown_members_and_extensions_are_ignored(self) -> None:
        entry = dismissed(extension={"com.example": {"a": 1}}, foo=[None])
        (item,) = read_feedback(body(entry, extension={}, hookInstance="x"), NOW).items
        assert item.card == CARD

    @pytest.mark.parametrize(("entries", "fine"), [(999, True), (1_000, True), (1_001, False)])
    def test_fb4_a_thousand_entries_at_most(self, entries: int, fine: bool) -> None:
        content = body(*[dismissed()] * entries)
        if fine:
            assert len(read_feedback(content, NOW).items) == entries
        else:
            assert "1000" in faults(content)[0]

    @pytest.mark.parametrize(("size", "fine"), [(MEBIBYTE - 1, True), (MEBIBYTE, True), (MEBIBYTE + 1, False)])
    def test_fb4_one_mib_at_most(self, size: int, fine: bool) -> None:
        content = body(dismissed()).ljust(size)
        if fine:
            assert read_feedback(content, NOW).items
        else:
            with pytest.raises(FeedbackTooLarge) as refusal:
                read_feedback(content, NOW)
            assert refusal.value.status == 413


class TestFaults:
    @pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
    def test_b04_each_required_member_is_named(self, member: str) -> None:
        for value in (ABSENT, None, 7, "", [], {}):
            (fault,) = faults(body(dismissed(**{member: value})))
            assert fault.startswith(f"feedback[0].{member}: ")

    @pytest.mark.parametrize("outcome", ["ignored", "accept", "overridden ", "", None, True])
    def test_b05_other_outcomes_are_refused(self, outcome: object) -> None:
        assert faults(body(dismissed(outcome=outcome))) == ("feedback[0].outcome: must be accepted or overridden",)

    @pytest.mark.parametrize("listed", [ABSENT, None, [], SUGGESTION, 7])
    def test_b06_accepted_needs_a_list_of_suggestions(self, listed: object) -> None:
        entry = accepted()
        entry["acceptedSuggestions"] = listed
        (fault,) = faults(body({name: value for name, value in entry.items() if value is not ABSENT}))
        assert fault.startswith("feedback[0].acceptedSuggestions: must be an array")

    def test_b06_one_suggestion_may_come_without_its_list(self) -> None:
        assert one(accepted(acceptedSuggestions={"id": SUGGESTION})).suggestions == (SUGGESTION,)

    @pytest.mark.parametrize("suggestion", [SUGGESTION, {}, {"id": 3}, {"id": "x"}, {"uuid": SUGGESTION}, None, []])
    def test_b06_each_suggestion_is_an_object_with_its_uuid(self, suggestion: object) -> None:
        (fault,) = faults(body(accepted(acceptedSuggestions=[{"id": SUGGESTION}, suggestion])))
        assert fault.startswith("feedback[0].acceptedSuggestions[1]: ")

    @pytest.mark.parametrize("entry", [None, 1, "x", [], [dismissed()]])
    def test_an_entry_is_an_object(self, entry: object) -> None:
        assert faults(body(entry)) == ("feedback[0].entry: must be an object",)

    def test_fb5_entries_that_cannot_be_read_are_refused_alone_with_all_their_faults(self) -> None:
        bad = {"card": "x", "outcome": "seen", "outcomeTimestamp": "yesterday", "overrideReason": "no"}
        found = refused(bad, dismissed(), "x", accepted(acceptedSuggestions=[1, {"id": SUGGESTION}, 2]))
        assert found == {
            1: ["card", "outcome", "outcomeTimestamp"],
            3: ["entry"],
            4: ["acceptedSuggestions[0]", "acceptedSuggestions[2]"],
        }

    @pytest.mark.parametrize("good", range(1, 2**4))
    def test_fb5_every_readable_entry_is_kept_wherever_it_stands(self, good: int) -> None:
        """All mixtures of good and bad entries in a batch of four, but for the one without a good entry."""
        places = [place for place in range(4) if good >> place & 1]
        cards = [CARD.replace("3d1f0a3c", f"3d1f0a3{place}") for place in range(4)]
        entries = [dismissed(card=card) if place in places else {"card": card} for place, card in enumerate(cards)]
        read = read_feedback(body(*entries), NOW)
        assert [item.card for item in read.items] == [cards[place] for place in places]
        assert {each.index for each in read.refused} == set(range(4)) - set(places)

    def test_fb5_a_batch_without_a_readable_entry_is_refused(self) -> None:
        assert len(faults(body({}, "x", dismissed(card=1)))) == 3 + 1 + 1

    def test_no_fault_repeats_the_body(self) -> None:
        canary = "Canary-4711"
        entry = dict.fromkeys(("card", "outcome", "outcomeTimestamp", "overrideReason", canary), canary)
        assert canary not in " ".join(faults(body(entry, canary)))
        assert canary not in str([each.as_json() for each in read_feedback(body(dismissed(), entry), NOW).refused])


class TestTime:
    @pytest.mark.parametrize("text", ["2026-07-01T09:29:15.000+0000", "2026-07-01T09:29:15", 1782898155000])
    def test_b08_an_instant_in_any_spelling(self, text: object) -> None:
        """All spellings: tests/unit/cds_service/hooks/test_instants.py."""
        assert one(dismissed(outcomeTimestamp=text)).at == datetime(2026, 7, 1, 9, 29, 15, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["yesterday", "2026-07-01", "09:29:15Z", True])
    def test_b08_anything_else_is_refused(self, text: object) -> None:
        assert refused(dismissed(outcomeTimestamp=text)) == {1: ["outcomeTimestamp"]}

    @pytest.mark.parametrize(
        ("ahead", "is_kept"),
        [
            (timedelta(minutes=5) - timedelta(microseconds=1), True),
            (timedelta(minutes=5), True),
            (timedelta(minutes=5, microseconds=1), False),
            (timedelta(minutes=6), False),
            (timedelta(days=2_000_000), False),
        ],
        ids=["just under", "on", "just over", "six minutes", "far"],
    )
    def test_fb6_a_time_over_five_minutes_ahead_is_set_to_now_and_marked(self, ahead: timedelta, is_kept: bool) -> None:
        item = one(dismissed(outcomeTimestamp=(NOW + ahead).isoformat()))
        assert (item.at, item.claimed_at) == ((NOW + ahead, None) if is_kept else (NOW, NOW + ahead))
        assert not item.late

    @pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
    def test_fb6_a_time_beyond_the_calendar_refuses_nothing(self, text: str) -> None:
        item = one(dismissed(outcomeTimestamp=text))
        assert item.late or item.at == NOW

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

    @pytest.mark.parametrize(
        "given", [{}, [], "", {"reason": None, "userComment": ""}, {"reason": {}}, {"reason": {"system": "s"}}, True]
    )
    @pytest.mark.parametrize("member", ["overrideReason", "overrideReasons"])
    def test_b07_what_says_nothing_is_a_plain_dismissal(self, member: str, given: object) -> None:
        item = one(dismissed(**{member: given}))
        assert (item.reason, item.comment) == (None, None)

    @pytest.mark.parametrize(
        ("given", "reason", "comment"),
        [
            ("x", Reason(display="x"), None),
            (["x"], Reason(display="x"), None),
            ([{"code": "a"}], Reason("a"), None),
            ([{}, {"reason": {"code": "a"}}, {"code": "b"}], Reason("a"), None),
            ({"reason": {"code": 45}}, Reason("45"), None),
            ({"reason": 45, "userComment": 7}, Reason(display="45"), "7"),
            ({"reason": ["a"]}, Reason(display="a"), None),
            ({"reason": {"coding": {"code": "a"}}}, Reason("a"), None),
            ({"reason": {"code": "a\0", "display": ["x"]}, "userComment": "a\0b"}, Reason("a"), "ab"),
            ([{"userComment": "a"}, {"userComment": "b"}], None, "a; b"),
        ],
    )
    @pytest.mark.parametrize("member", ["overrideReason", "overrideReasons"])
    def test_fb4_whatever_can_be_read_of_a_reason_is_kept(
        self, member: str, given: object, reason: Reason | None, comment: str | None
    ) -> None:
        item = one(dismissed(**{member: given}))
        assert (item.reason, item.comment) == (reason, comment)

    @pytest.mark.parametrize("prefix", ["com.epic.cdshooks.feedback.overrideReason.", "com.epic.x.", ""])
    @pytest.mark.parametrize("category", ["45", 45])
    @pytest.mark.parametrize("inside", [False, True])
    def test_fb4_epics_extension_names_the_reason(self, prefix: str, category: object, inside: bool) -> None:
        extension = {f"{prefix}reasonCategory": category, f"{prefix}reasonDisplay": "Does not meet criteria"}
        given = {"reason": {"extension": extension}} if inside else {"extension": extension}
        item = one(dismissed(overrideReasons=given | {"userComment": "free text"}))
        assert (item.reason, item.comment) == (Reason("45", "", "Does not meet criteria"), "free text")

    def test_fb4_the_reason_of_the_standard_comes_before_that_of_the_extension(self) -> None:
        given = {"reason": {"code": "a"}, "extension": {"x.reasonCategory": "45"}}
        assert one(dismissed(overrideReasons=given)).reason == Reason("a")
        both = dismissed(overrideReason={"reason": {"code": "b"}}, overrideReasons=given)
        assert one(both).reason == Reason("b")

    @pytest.mark.parametrize(("length", "kept"), [(1_999, 1_999), (2_000, 2_000), (2_001, 2_000), (10_000, 2_000)])
    def test_b14_a_long_comment_is_cut_and_marked(self, length: int, kept: int) -> None:
        item = one(dismissed(overrideReason={"userComment": "µ" * length}))
        assert (len(item.comment), item.is_comment_cut) == (kept, length > kept)

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
        assert faults(body(dismissed(card=form))) == ("feedback[0].card: must be the uuid of a card",)

    @pytest.mark.parametrize("outcome", ["accepted", "Accepted", "ACCEPTED"])
    def test_an_outcome_in_any_case(self, outcome: str) -> None:
        assert one(accepted(outcome=outcome)).outcome == "accepted"

    def test_member_names_in_any_case(self) -> None:
        entry = dismissed(outcomeTimeStamp=AT)
        del entry["outcomeTimestamp"]
        assert one(entry).at == datetime(2026, 7, 1, 9, 29, 15, 250_000, tzinfo=UTC)

    def test_the_regular_spelling_takes_precedence(self) -> None:
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
    items = [read_feedback(json.dumps(each["requestBody"]).encode(), now).items[0] for each in recorded["examples"]]
    assert [item.outcome for item in items] == ["accepted", *["overridden"] * 4]
    assert [item.reason and item.reason.code for item in items] == [None, "wont", None, "nosys", "nodisp"]


def test_the_first_twenty_faults_of_a_batch_are_named_and_the_rest_counted() -> None:
    entries = [accepted(acceptedSuggestions=[1] * 15), accepted(acceptedSuggestions=[1] * 3000), "x"]
    read = read_feedback(body(dismissed(), *entries), NOW)
    assert [len(each.faults) for each in read.refused] == [15, 6, 1]
    assert read.refused[1].faults[-1] == "995 or more faults are not named"
    assert read.refused[2].faults == ("1 faults are not named",)


def test_an_entry_with_a_flaw_is_refused_alone_and_a_flaw_of_the_body_is_named() -> None:
    twice = b'{"card":"a","card":"b"}'
    raw = body(dismissed(), 0).replace(b" 0]", b" " + twice + b"]")
    assert twice in raw
    read = read_feedback(raw, NOW)
    assert len(read.items) == 1 and [each.index for each in read.refused] == [1]
    assert "more than once" in str(faults(body(dismissed())[:-1] + b',"feedback":[]}'))
    assert "out of range" in str(faults(body(dismissed())[:-1] + b',"x":1e400}'))
