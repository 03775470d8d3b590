"""Bodies that are too long, too deep, broken or lying: the reliability page, DOS-1 to DOS-4, over real sockets.

Whatever is sent, the answer is a 4xx OperationOutcome at once, and the service goes on.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from cds_service.body import DEEPEST, LONGEST_STRING, MEBIBYTE, MOST_ENTRIES, MOST_NODES, parse_json
from cds_service.errors import BadRequest, BodyTooLarge
from cds_service.schema import load_schema
from tests.http.build import VIEW, application, bare, bundle, ferritin, good, prefetch, rls
from tests.http.serving import in_threads, under_gunicorn

LIMIT = 10 * MEBIBYTE
#: "At once", with room for a busy machine.
SOON = 5.0


@pytest.fixture(scope="module", params=["threads", "gunicorn"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "gunicorn":
        with under_gunicorn() as served:
            yield served
    else:
        with application() as app, in_threads(app) as served:
            yield served


def post(address: str, raw: Any, path: str = VIEW, **headers: str) -> requests.Response:
    started = time.monotonic()
    answer = requests.post(
        address + path, data=raw, headers={"Content-Type": "application/json", **headers}, timeout=30
    )
    assert time.monotonic() - started < SOON
    return answer


def assert_refused(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status, answer.text[:300]
    Draft202012Validator(load_schema("operation-outcome")).validate(answer.json())
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def assert_goes_on(address: str) -> None:
    answer = post(address, json.dumps(good()))
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["IRONLOW"]


def in_chunks(raw: bytes, size: int = 256 * 1024) -> Iterator[bytes]:
    """Sent without a length."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def padded(length: int) -> bytes:
    raw = json.dumps(bare(prefetch=prefetch())).encode()
    return raw + b" " * (length - len(raw))


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("length", "status"), [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413), (20 * MEBIBYTE, 413)])
def test_the_limit_counts_however_the_body_is_sent_dos1_t10(
    address: str, length: int, status: int, chunked: bool
) -> None:
    raw = padded(length)
    answer = post(address, in_chunks(raw) if chunked else raw)
    if status == 413:
        assert_refused(answer, 413)
    else:
        assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert_goes_on(address)


@pytest.mark.parametrize("path", ["/nope", "/cds-services", "/cds-services/nope", f"{VIEW}/feedback"])
def test_whoever_sends_much_to_the_wrong_place_sees_the_answer(address: str, path: str) -> None:
    answer = post(address, in_chunks(b" " * 8 * MEBIBYTE), path)
    assert_refused(answer, {"/cds-services": 405, f"{VIEW}/feedback": 413}.get(path, 404))
    assert_goes_on(address)


def deep(levels: int, sign: str = "[]") -> bytes:
    opened = sign[0] if sign == "[]" else '{"a":'
    return (opened * levels + "1" + sign[1] * levels).encode()


CORPUS = {
    "truncated": json.dumps(good()).encode()[:-40],
    "wrong hook": json.dumps(bare() | {"hook": "order-sign"}).encode(),
    "no context": json.dumps({name: value for name, value in bare().items() if name != "context"}).encode(),
    "nan": json.dumps(bare(prefetch={"labs": float("nan")})).encode(),
    "infinity": json.dumps(bare(prefetch={"labs": float("-inf")})).encode(),
    "overflow": json.dumps(bare(prefetch={"labs": 1})).replace('"labs": 1', '"labs": 1e400').encode(),
    "deep lists": deep(100_000),
    "deep objects": deep(100_000, "{}"),
    "deep in prefetch": json.dumps(bare(prefetch={})).encode().replace(b"{}", b'{"labs":' + deep(100_000) + b"}"),
    "lone surrogate": json.dumps(bare(prefetch={"labs": "\ud800"})).encode(),
    "utf-16": json.dumps(good()).encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(good()).encode(),
    "latin-1": '{"hook": "é"}'.encode("latin-1"),
    "nul": b"\0" * 1000,
    "form": b"hook=patient-view&hookInstance=1",
    "empty": b"",
}


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_bad_input_is_refused_at_once_and_the_service_goes_on(address: str, name: str, chunked: bool) -> None:
    raw = CORPUS[name]
    answer = post(address, in_chunks(raw) if chunked and raw else raw)
    assert_refused(answer, 400)
    assert_goes_on(address)


def test_another_patients_record_is_not_used(address: str) -> None:
    """F-11, TOK-2: everything that was sent belongs to somebody else, so nothing needed is there."""
    sent = {
        "patient": {"resourceType": "Patient", "id": "other"},
        "conditions": bundle(rls("other")),
        "labs": bundle(ferritin(8, "other")),
    }
    answer = post(address, json.dumps(bare(prefetch=sent)))
    assert_refused(answer, 412)
    assert "other" not in answer.text


def talk(address: str, raw: bytes) -> bytes:
    """Send bytes as they are and read whatever comes until the server closes."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return answer


HEAD = f"POST {VIEW} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n".encode()


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 1000\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n{}",
    ],
)
def test_a_body_that_breaks_off_or_lies_never_hurts_the_service(address: str, rest: bytes) -> None:
    answer = talk(address, HEAD + rest)
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")), answer[:200]
    assert_goes_on(address)


@pytest.mark.parametrize(
    ("levels", "fits"), [(DEEPEST - 1, True), (DEEPEST, True), (DEEPEST + 1, False), (1000, False)]
)
@pytest.mark.parametrize("sign", ["[]", "{}"])
def test_depth_dos3(levels: int, fits: bool, sign: str) -> None:
    if fits:
        parse_json(deep(levels, sign))
    else:
        with pytest.raises(BadRequest, match="nested"):
            parse_json(deep(levels, sign))


def test_nodes_dos3() -> None:
    parse_json(b"[" + b"1," * (MOST_NODES - 2) + b"1]")
    with pytest.raises(BodyTooLarge):
        parse_json(b"[" + b"1," * MOST_NODES + b"1]")


@pytest.mark.parametrize("where", ['["{}"]', '{{"{}": 1}}', '{{"a": {{"b": ["{}"]}}}}'])
def test_strings_dos3(where: str) -> None:
    parse_json(where.format("a" * LONGEST_STRING).encode())
    with pytest.raises(BodyTooLarge):
        parse_json(where.format("a" * (LONGEST_STRING + 1)).encode())


def test_entries_dos3() -> None:
    parse_json(json.dumps({"x": {"entry": [0] * MOST_ENTRIES}}).encode())
    with pytest.raises(BodyTooLarge):
        parse_json(json.dumps({"x": {"entry": [0] * (MOST_ENTRIES + 1)}}).encode())


def test_a_bomb_is_refused_fast_dos3() -> None:
    """The limit is 50 ms; a busy machine gets ten times that."""
    for bomb in (b"[" + b"{}," * 2_000_000 + b"{}]", deep(1_000_000), b'{"a":' * 1_000_000):
        started = time.perf_counter()
        with pytest.raises((BadRequest, BodyTooLarge)):
            parse_json(bomb)
        assert time.perf_counter() - started < 0.5


def test_a_large_but_honest_body_is_answered_t10(address: str) -> None:
    """About 9 MiB of results in 15,000 entries, the newest of them in the middle."""
    results = [ferritin(120, name=f"l{number}", on="2024-01-01") for number in range(15_000)]
    for each in results:
        each["note"] = [{"text": "x" * 330}]
    results[7_000] = ferritin(20, name="new")
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(*results)}
    raw = json.dumps(bare(prefetch=sent), separators=(",", ":")).encode()
    assert 8 * MEBIBYTE < len(raw) < LIMIT
    answer = requests.post(address + VIEW, data=raw, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 200
    assert "IRONLOW" in [card["source"]["topic"]["code"] for card in answer.json()["cards"]]
