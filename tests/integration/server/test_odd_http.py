"""HTTP that proxies and clients write in their own way, to the servers that `serve` and `demo` run."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.builders.service import VIEW, application, good
from tests.builders.serving import in_threads
from tests.protocol.test_limits import rls_cds_serve


@pytest.fixture(scope="module", params=["demo", "serve"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "serve":
        folder: Path = tmp_path_factory.mktemp("serve")
        with rls_cds_serve(folder) as base:
            yield base
    else:
        with application() as app, in_threads(app) as base:
            yield base


def talk(address: str, *lines: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Send a call with these header lines, and return status, headers by lower-case name, and body."""
    host, _, port = address.removeprefix("http://").partition(":")
    head = [f"POST {VIEW} HTTP/1.1", "Host: cds.example.org", "Content-Type: application/json", "Connection: close"]
    with socket.create_connection((host, int(port)), 20) as sock:
        sock.sendall("\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body)
        with suppress(OSError):  # the server may have answered and closed already
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    top, _, rest = answer.partition(b"\r\n\r\n")
    status, *headers = top.decode("latin-1").split("\r\n")
    named = (line.partition(": ") for line in headers)
    return int(status.split()[1]), {name.lower(): value for name, _, value in named}, rest


BODY = json.dumps(good()).encode()
LENGTH = f"Content-Length: {len(BODY)}"


@pytest.mark.control("V4.1.3")
@pytest.mark.parametrize("first", ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"])
@pytest.mark.parametrize(
    "second",
    ["X-Forwarded-Protocol: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: off", "X-Forwarded-Ssl: on"],
)
@pytest.mark.parametrize("third", ["X-Forwarded-Proto: http", "Forwarded: proto=https;host=x", "Front-End-Https: on"])
def test_scheme_headers_that_contradict_each_other_change_nothing(
    address: str, first: str, second: str, third: str
) -> None:
    status, _, answer = talk(address, LENGTH, first, second, third, body=BODY)
    assert status == 200, answer


@pytest.mark.control("V4.1.3")
@pytest.mark.parametrize("header", ["SCRIPT_NAME: /x", "PATH_INFO: /x", "Script-Name: /x", "X-Forwarded-Prefix: /x"])
def test_a_header_leads_a_call_to_no_other_address(address: str, header: str) -> None:
    status, _, answer = talk(address, LENGTH, header, body=BODY)
    assert status in (200, 400), answer


EXTENSIONS = ["", ";a", ";a=b", "; a=b", ' ;a="b;c"', ";ieof", ";a=" + "x" * 1_000]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_extensions_of_chunks_are_passed_over(address: str, extension: str) -> None:
    half = len(BODY) // 2
    parts = [BODY[:half], BODY[half:], b""]
    chunks = b"".join(f"{len(part):X}{extension}\r\n".encode() + part + b"\r\n" for part in parts)
    status, _, answer = talk(address, "Transfer-Encoding: chunked", body=chunks)
    assert status == 200, answer


@pytest.mark.control("V4.2.1")
@pytest.mark.parametrize("size", ["-5", "0x5", "5_0", "+5", " 5", "", "g", ";a", "fffffffffffffffff", "5 5"])
def test_other_sizes_of_chunks_are_refused(address: str, size: str) -> None:
    status, headers, answer = talk(address, "Transfer-Encoding: chunked", body=f"{size}\r\n".encode() + BODY)
    assert status == 400 and "application/json" in headers["content-type"], answer
    assert json.loads(answer)["resourceType"] == "OperationOutcome"


@pytest.mark.control("V4.2.1")
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["X-Canary-4711: canary-4711"] * 101, 431),
        (["X-Canary-4711: " + "canary-4711" * 10_000], 431),
        (["X-Canary-4711 canary"], 400),
        (["canary: " + "x" * 10] * 300, 431),
    ],
    ids=["101 headers", "a long header", "no colon", "300 headers"],
)
def test_what_is_no_http_is_answered_in_json_without_quoting_it(address: str, lines: list[str], status: int) -> None:
    found, headers, answer = talk(address, *lines)
    assert found in (status, 400)
    assert headers["content-type"].startswith("application/json"), answer
    assert json.loads(answer)["resourceType"] == "OperationOutcome"
    assert b"canary" not in answer.lower()


def test_a_request_line_that_is_no_http_is_not_quoted(address: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 20) as sock:
        sock.sendall(b"CANARY /canary canary canary HTTP/9.9\r\n\r\n")
        answer = sock.recv(65536)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 505"))
    assert b"canary" not in answer.lower() and b"<html" not in answer.lower()
