"""Bodies that are too long, too deep, truncated or mislabelled, over real sockets: reliability DOS-1 to DOS-4.

Whatever is sent, the answer is a 4xx OperationOutcome at once, and the service goes on.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from jsonschema import Draft202012Validator

from cds_service.server.threads import BoundedChunks
from cds_service.web.errors import BadRequest, BodyTooLarge
from cds_service.web.json_reader import DEEPEST, MEBIBYTE, MOST_ENTRIES, MOST_NODES, parse_json
from cds_service.web.json_schema import load_schema
from tests.builders.service import VIEW, application, bare, bundle, ferritin, good, prefetch, rls
from tests.builders.serving import in_threads, under_gunicorn

LIMIT = 10 * MEBIBYTE
#: Seconds for an immediate answer, with a margin for a busy machine.
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
    is_for_clients = urlsplit(answer.url).path.startswith("/cds-services")
    assert answer.headers.get("Access-Control-Allow-Origin") == ("*" if is_for_clients else None)


def assert_goes_on(address: str) -> None:
    answer = post(address, json.dumps(good()))
    assert [card["source"]["topic"]["code"] for card in answer.json()["cards"]] == ["IRONLOW"]


def in_chunks(raw: bytes, size: int = 256 * 1024) -> Iterator[bytes]:
    """Yield the body in chunks, so that it is sent without a length."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def padded(length: int) -> bytes:
    raw = json.dumps(bare(prefetch=prefetch())).encode()
    return raw + b" " * (length - len(raw))


@pytest.mark.row("T-10")
@pytest.mark.control("DOS-1")
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("length", "status"), [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413), (20 * MEBIBYTE, 413)])
def test_the_limit_counts_however_the_body_is_sent(address: str, length: int, status: int, chunked: bool) -> None:
    raw = padded(length)
    answer = post(address, in_chunks(raw) if chunked else raw)
    if status == 413:
        assert_refused(answer, 413)
    else:
        assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert_goes_on(address)


@pytest.mark.parametrize("path", ["/nope", "/cds-services", "/cds-services/nope", f"{VIEW}/feedback"])
def test_a_large_body_to_a_wrong_url_still_gets_an_answer(address: str, path: str) -> None:
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
    "overflow": json.dumps(bare(extension=1)).replace('"extension": 1', '"extension": 1e400').encode(),
    "deep lists": deep(100_000),
    "deep objects": deep(100_000, "{}"),
    "deep in prefetch": json.dumps(bare(prefetch={})).encode().replace(b"{}", b'{"labs":' + deep(100_000) + b"}"),
    "utf-16": json.dumps(good()).encode("utf-16"),
    "latin-1": '{"hook": "é"}'.encode("latin-1"),
    "nul": b"\0" * 1000,
    "form": b"hook=patient-view&hookInstance=1",
    "empty": b"",
}


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_bad_input_is_refused_at_once_and_the_service_keeps_running(address: str, name: str, chunked: bool) -> None:
    raw = CORPUS[name]
    answer = post(address, in_chunks(raw) if chunked and raw else raw)
    assert_refused(answer, 400)
    assert_goes_on(address)


def test_another_patients_record_is_not_used(address: str) -> None:
    """All resources are about another patient, so required data is missing (protocol F-11, reliability TOK-2)."""
    sent = {
        "patient": {"resourceType": "Patient", "id": "stranger"},
        "conditions": bundle(rls("stranger")),
        "labs": bundle(ferritin(8, "stranger")),
    }
    answer = post(address, json.dumps(bare(prefetch=sent)))
    assert_refused(answer, 412)
    assert "stranger" not in answer.text and "conditions: about another patient" in answer.text


def talk(address: str, raw: bytes) -> bytes:
    """Send raw bytes, and read until the server closes."""
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
def test_truncated_and_mislabelled_bodies_do_no_harm(address: str, rest: bytes) -> None:
    answer = talk(address, HEAD + rest)
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")), answer[:200]
    assert_goes_on(address)


@pytest.mark.parametrize(
    "sent", [b"ffffffffff\r\n{}", b"10000\r\n{}", b"2\r\n{}\r\nff\r\n{", b"8\r\n{}", b"zz\r\n{}", b"-1\r\n{}"]
)
@pytest.mark.parametrize("size", [4, 64 * 1024])
def test_a_chunk_that_ends_early_is_an_error_and_never_memory_of_the_server(sent: bytes, size: int) -> None:
    chunks = BoundedChunks(BytesIO(sent))
    with pytest.raises(OSError):
        while chunks.read(size):
            pass


def test_whole_chunks_are_read_in_buffers_of_any_size() -> None:
    for size in (1, 3, 4, 5, 64):
        chunks = BoundedChunks(BytesIO(b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"))
        assert b"".join(iter(lambda read=chunks.read, size=size: read(size), b"")) == b"abcdefg"


@pytest.mark.control("DOS-3")
@pytest.mark.parametrize(
    ("levels", "fits"), [(DEEPEST - 1, True), (DEEPEST, True), (DEEPEST + 1, False), (1000, False)]
)
@pytest.mark.parametrize("sign", ["[]", "{}"])
def test_nesting_is_limited(levels: int, fits: bool, sign: str) -> None:
    if fits:
        parse_json(deep(levels, sign))
    else:
        with pytest.raises(BadRequest, match="nested"):
            parse_json(deep(levels, sign))


@pytest.mark.control("DOS-3")
def test_the_number_of_values_is_limited() -> None:
    parse_json(b"[" + b"1," * (MOST_NODES - 2) + b"1]")
    with pytest.raises(BodyTooLarge):
        parse_json(b"[" + b"1," * MOST_NODES + b"1]")


@pytest.mark.control("DOS-3")
def test_the_number_of_entries_is_limited() -> None:
    parse_json(json.dumps({"x": {"entry": [0] * MOST_ENTRIES}}).encode())
    with pytest.raises(BodyTooLarge):
        parse_json(json.dumps({"x": {"entry": [0] * (MOST_ENTRIES + 1)}}).encode())


@pytest.mark.control("DOS-3")
def test_a_json_bomb_is_refused_fast() -> None:
    """The limit is 50 ms; a busy machine gets ten times that."""
    for bomb in (b"[" + b"{}," * 2_000_000 + b"{}]", deep(1_000_000), b'{"a":' * 1_000_000):
        started = time.perf_counter()
        with pytest.raises((BadRequest, BodyTooLarge)):
            parse_json(bomb)
        assert time.perf_counter() - started < 0.5


@pytest.mark.row("T-10")
def test_a_large_valid_body_is_answered(address: str) -> None:
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
