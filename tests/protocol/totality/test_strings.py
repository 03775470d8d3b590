"""Texts of any kind in any member: each is read or not known, and none ends a call."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.builders.service import VIEW, good
from tests.protocol.totality.odd_values import DATES, GRAMMAR, NUMBERS, STRINGS, SURROGATES, TOO_LARGE, dumps
from tests.protocol.totality.places import leaves, places
from tests.protocol.totality.services import ZONES, answer, service


def sweep(texts: Iterable[str], each: int, zones: Iterable[str]) -> int:
    calls = 0
    for zone, place, text in itertools.product(zones, places("string", each), texts):
        answer(zone, place.path, place.holding(text))
        calls += 1
    return calls


@pytest.mark.slow
def test_no_text_in_any_place_ends_a_call() -> None:
    assert sweep((STRINGS[6], STRINGS[13]), 1, ZONES[3:4]) > 500


@pytest.mark.slow
def test_half_a_surrogate_pair_in_any_place_is_read_as_the_replacement_character() -> None:
    whole = re.sub("[\ud800-\udfff]", "\ufffd", SURROGATES[0])
    for place in places("string", 1)[::4]:
        odd, plain = (answer(ZONES[1], place.path, place.holding(text)) for text in (SURROGATES[0], whole))
        assert odd == plain, place.name


@pytest.mark.full
def test_every_odd_text_in_every_place() -> None:
    calls = sweep((*STRINGS, *SURROGATES), 2, ZONES[3:4])
    print(f"\n{calls} calls, {len(places('string', 1))} members that hold a text")
    assert calls > 30_000


# ------------------------------------------------------------------ feedback, into the store and out of it

ODD = (*STRINGS, *SURROGATES, *DATES, *GRAMMAR[::61], None, [], {}, True, *NUMBERS[::5], *TOO_LARGE)


def feedback(card: str) -> tuple[dict[str, Any], ...]:
    """Return a batch of an override and one of an acceptance: of two entries the one that can be read would be kept."""
    reason = {"reason": {"code": "patient-refused", "system": "urn:x", "display": "x"}, "userComment": "not now"}
    entry = {
        "card": card,
        "outcome": "overridden",
        "outcomeTimestamp": "2026-06-30T10:00:00Z",
        "overrideReason": reason,
    }
    taken = {**entry, "outcome": "accepted", "acceptedSuggestions": [{"id": card}]}
    return {"feedback": [entry]}, {"feedback": [taken]}


def told(values: Iterable[Any]) -> set[int]:
    """The statuses of feedback with each value in each of its members; the patient's chart is answered after it."""
    http = service(ZONES[0])
    card = http.post(VIEW, json=good()).get_json()["cards"][0]["uuid"]
    seen = set()
    members = [(batch, number) for batch in (0, 1) for number in range(len(list(leaves(feedback(card)[batch]))))]
    for (batch, number), value in itertools.product(members, values):
        body = copy.deepcopy(feedback(card)[batch])
        holder, key = list(leaves(body))[number]
        holder[key] = value
        answered = http.post(f"{VIEW}/feedback", data=dumps(body), content_type="application/json")
        assert answered.status_code in (200, 400), (number, value, answered.get_json())
        seen.add(answered.status_code)
    assert http.post(VIEW, json=good()).status_code == 200
    return seen


def test_no_value_in_feedback_ends_a_call_or_a_later_one() -> None:
    assert told((*DATES[:22], *STRINGS[::9], SURROGATES[0])) == {200, 400}


@pytest.mark.full
def test_every_odd_value_in_feedback() -> None:
    assert told(ODD) == {200, 400}
