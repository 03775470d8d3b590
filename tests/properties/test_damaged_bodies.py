"""Calls and feedback as odd clients send them: what means the same is answered the same, and nothing is a 5xx.

The long form sends 20,000 bodies each: `pytest -m full tests/properties/test_damaged_bodies.py`.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import draft_names, load_patients
from tests.builders.service import SELECT, SIGN, TODAY, VIEW, application

COUNTS = [pytest.param(600, id="600"), pytest.param(20_000, id="20000", marks=pytest.mark.full)]
PATHS = {"patient-view": VIEW, "order-sign": SIGN, "order-select": SELECT}
PATIENTS = load_patients(TODAY)
BOM = b"\xef\xbb\xbf"
HALVES = ["\ud83d", "\udfff", "cut \udbff", "\ude00\ud83d"]
JSON_TYPES = ["application/json", "application/json; charset=ISO-8859-1", "application/fhir+json", "text/plain", None]
#: Drafts are sent back in an update, with every text; the deep forms hold no resource.
SKIPPED = ("draftOrders", "forms")
UNCODED = ["", "identity", "UTF-8", "none"]

Choose = random.Random


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()


def call(choose: Choose) -> tuple[str, dict[str, Any]]:
    """Return the path and body of a valid call by one of the clients, whose prefetch may be partial."""
    hook = choose.choice(list(PATHS))
    drafts = choose.sample(draft_names(), choose.randrange(1, 4)) if hook != "patient-view" else []
    client = choose.choice([name for name in CLIENTS if name != "sandbox" or len(drafts) < 2])
    how = choose.choice(["full", "full", "half"])
    body = hook_request(client, hook, choose.choice(PATIENTS), today=TODAY, drafts=drafts, prefetch=how, fhir_server="")
    return PATHS[hook], body


def feedback(choose: Choose) -> tuple[str, dict[str, Any]]:
    """Return the path and body of a valid batch of feedback."""
    entries = []
    for _ in range(choose.randrange(1, 5)):
        entry: dict[str, Any] = {
            "card": str(UUID(int=choose.getrandbits(128))),
            "outcome": choose.choice(["accepted", "overridden"]),
            "outcomeTimestamp": "2026-06-30T14:30:15.250Z",
            "overrideReason": {"reason": {"code": "a", "system": "http://x", "display": "b"}, "userComment": "c"},
        }
        if entry["outcome"] == "accepted":
            entry["acceptedSuggestions"] = [{"id": str(UUID(int=choose.getrandbits(128)))}]
        entries.append(entry)
    return f"{choose.choice(list(PATHS.values()))}/feedback", {"feedback": entries}


# ------------------------------------------------------------------ what means the same


def _resources(value: Any) -> list[dict[str, Any]]:
    """Return the resources of a body, but for Bundles."""
    if isinstance(value, list):
        return [each for entry in value for each in _resources(entry)]
    if not isinstance(value, dict):
        return []
    inner = [each for name, member in value.items() if name not in SKIPPED for each in _resources(member)]
    return [value, *inner] if value.get("resourceType") not in (None, "Bundle", "OperationOutcome") else inner


def note(body: dict[str, Any], choose: Choose) -> None:
    for each in choose.sample(found := _resources(body.get("prefetch")), min(2, len(found))):
        each["note"] = [*each.get("note", []), {"text": choose.choice(HALVES)}]


def photo(body: dict[str, Any], choose: Choose) -> None:
    for each in choose.sample(found := _resources(body.get("prefetch")), min(1, len(found))):
        each["photo"] = [{"contentType": "image/png", "data": "A" * 1_100_000}]


def encounter(body: dict[str, Any], choose: Choose) -> None:
    body["context"]["encounterId"] = choose.choice([4711, {"a": 1}, [], True, "x y"])


def empty_server(body: dict[str, Any], choose: Choose) -> None:
    body |= choose.choice([{"fhirServer": "", "fhirAuthorization": {}}, {"fhirAuthorization": {"access_token": None}}])


def more_members(body: dict[str, Any], choose: Choose) -> None:
    body["extension"] = {choose.choice(HALVES): choose.choice(HALVES)}
    body.setdefault("prefetch", {})["more"] = choose.choice([None, "x", [1], {"a": {}}])


def deep(body: dict[str, Any], choose: Choose) -> None:
    value: Any = {}
    for _ in range(choose.randrange(64, 300)):
        value = {"item": [value]}
    body.setdefault("prefetch", {})["forms"] = value


CHANGES: tuple[Callable[[dict[str, Any], Choose], None], ...] = (
    note,
    note,
    encounter,
    empty_server,
    more_members,
    deep,
)


def answered(http: FlaskClient, path: str, raw: bytes, choose: Choose | None = None) -> tuple[int, Any]:
    headers = {"Content-Encoding": choose.choice(UNCODED)} if choose and choose.random() < 0.5 else {}
    kind = choose.choice(JSON_TYPES) if choose else "application/json"
    answer = http.post(path, data=raw, content_type=kind, headers=headers)
    cards = (answer.get_json() or {}).get("cards", [])
    return answer.status_code, [(card["source"]["topic"]["code"], card["summary"], card["detail"]) for card in cards]


@pytest.mark.parametrize("count", COUNTS)
def test_an_oddity_that_means_nothing_changes_no_answer(http: FlaskClient, count: int) -> None:
    """On every client and patient."""
    choose, seen = Choose(20), Counter[int]()
    for number in range(count):
        path, body = call(choose)
        odd = copy.deepcopy(body)
        for change in choose.sample(CHANGES, choose.randrange(1, 4)):
            change(odd, choose)
        if number % 100 == 0:
            photo(odd, choose)
        raw = json.dumps(odd, ensure_ascii=True).encode()
        expected = answered(http, path, json.dumps(body).encode())
        assert answered(http, path, (BOM if choose.random() < 0.3 else b"") + raw, choose) == expected
        seen[expected[0]] += 1
    assert seen[200] > count / 4


# ------------------------------------------------------------------ what may mean anything


def truncated(raw: bytes, choose: Choose) -> bytes:
    return raw[: choose.randrange(len(raw) + 1)]


def with_odd_bytes(raw: bytes, choose: Choose) -> bytes:
    odd = bytearray(raw)
    for _ in range(choose.randrange(1, 4)):
        odd[choose.randrange(len(odd))] = choose.randrange(256)
    return bytes(odd)


def with_half_pairs(raw: bytes, choose: Choose) -> bytes:
    for _ in range(choose.randrange(1, 4)):
        at = choose.randrange(len(raw))
        raw = raw[:at] + f"\\u{choose.randrange(0xD800, 0xE000):04x}".encode() + raw[at:]
    return raw


def encoded(raw: bytes, choose: Choose) -> bytes:
    name = choose.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"])
    return raw.decode("ascii").encode(name)


def with_odd_values(raw: bytes, choose: Choose) -> bytes:
    """Replace values, of which the text holds many, by values of another kind."""
    odd = json.loads(raw)
    for _ in range(choose.randrange(1, 4)):
        place: Any = odd
        while isinstance(place, dict | list) and place:
            name = choose.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inner = place[name]
            if not isinstance(inner, dict | list) or not inner or choose.random() < 0.15:
                place[name] = copy.deepcopy(choose.choice(ODD_VALUES))
                break
            place = inner
    return json.dumps(odd).encode()


ODD_VALUES: list[Any] = [
    *(None, True, 0, -1, 10**18, 1.5, 5e-324, "", " ", "\ud83d", "\0", "a" * 5_000, "9999-12-31", "=1+1"),
    *([], {}, [None], [[]], {"": None}, {"code": 45}, {"id": "x"}, {"resourceType": "Bundle", "entry": None}),
    *({"extension": {"x.reasonCategory": [1]}}, {"reason": [{"coding": None}]}, "2026-06-30T24:00:00+14:00"),
]
DAMAGES = (truncated, with_odd_bytes, with_half_pairs, encoded, with_odd_values, with_odd_values)
ODD_TYPES = [*JSON_TYPES, "", "text/html", "application/json;", ";", "application/json, text/plain", "a" * 300, "é"]
ODD_HEADERS: list[dict[str, str]] = [
    *({}, {}, {}, {"Content-Encoding": "gzip"}, {"Content-Encoding": ",utf-8,"}, {"Origin": "null"}),
    *({"Origin": "https://evil.example"}, {"X-Forwarded-For": "é,, 1.2.3.4"}, {"Authorization": "Bearer \u00e9"}),
]


@pytest.mark.parametrize("make", [call, feedback])
@pytest.mark.parametrize("count", COUNTS)
def test_no_damage_is_a_server_error(
    http: FlaskClient, make: Callable[[Choose], tuple[str, dict[str, Any]]], count: int
) -> None:
    choose, seen = Choose(4), Counter[int]()
    for _ in range(count):
        path, body = make(choose)
        raw = json.dumps(body).encode()
        damaged = choose.choice(DAMAGES)(raw, choose)
        kind, headers = choose.choice([JSON_TYPES[0]] * 6 + ODD_TYPES), choose.choice(ODD_HEADERS)
        answer = http.post(path, data=damaged, content_type=kind, headers=headers)
        assert answer.status_code in (200, 400, 412, 413, 415), damaged[:2_000]
        found = answer.get_json()
        assert (
            found.get("resourceType") == "OperationOutcome"
            if answer.status_code != 200
            else "resourceType" not in found
        )
        answer.get_data().decode("utf-8")
        seen[answer.status_code] += 1
    assert min(seen[200], seen[400], seen[415]) > count / 100, seen
