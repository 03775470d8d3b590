"""Headers, methods and paths of any bytes: answered in JSON, and never a fault of ours."""

from __future__ import annotations

import itertools
import json
from io import BytesIO
from typing import Any

import pytest

from tests.builders.service import VIEW, good
from tests.protocol.totality.services import ZONES, service

#: As a server hands them over: one letter a byte.
VALUES = (
    "", "\x00", "\xff\xfe", "\xed\xa0\x80", "a" * 9_000, "\r\nX: 1", "\t", "%ED%A0%80", "*", "null", "http://[::1",
    "http://a:abc", "text/html;q=abc", 'application/json; charset="', "application/json;charset=nope", "bytes=abc",
    "-1", "1e3", "abc", "Bearer \xff", "Bearer a.b.c", "Basic \xe9", "::ffff:1.2.3.4%x", "1.2.3.4, , \xe9", 'W/"x"',
    "q=1;" * 500,
)  # fmt: skip
HEADERS = (
    "HTTP_AUTHORIZATION", "HTTP_ORIGIN", "CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_X_FORWARDED_FOR", "CONTENT_LENGTH",
    "HTTP_HOST", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING", "HTTP_COOKIE", "HTTP_RANGE", "HTTP_IF_NONE_MATCH",
    "HTTP_ACCEPT_LANGUAGE", "HTTP_X_REQUEST_ID", "HTTP_EXPECT", "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "REMOTE_ADDR",
    "QUERY_STRING",
)  # fmt: skip
PATHS = (
    VIEW, f"{VIEW}/feedback", f"{VIEW}/source-attributes", f"{VIEW}/source-attributes/\xff", "/cds-services", "/readyz",
    "/cds-services/\xed\xa0\x80", "/cds-services/\x00", "/" + "a" * 50_000, "//", "", "x", "/\r\n", "*", "http://x/y",
)  # fmt: skip
BODY = json.dumps(good()).encode()


def status(method: str, path: str, **environ: str) -> int:
    given: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "cds.example.org",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(BODY),
        "wsgi.errors": BytesIO(),
        **environ,
    }
    seen: list[int] = []
    answer = service(ZONES[0]).application(given, lambda line, headers, fault=None: seen.append(int(line[:3])))
    assert b"".join(answer) or method != "POST"
    return seen[0]


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS[:6])
def test_no_header_of_any_bytes_is_a_fault_of_ours(path: str) -> None:
    for method, name, value in itertools.product(("GET", "POST"), HEADERS, VALUES):
        assert status(method, path, **{name: value}) < 500, (method, name, value)


def test_no_path_and_no_method_is_a_fault_of_ours() -> None:
    """But for /readyz, which is 503 by intention until the self-test has run."""
    for path, method in itertools.product(PATHS, ("GET", "POST", "OPTIONS", "HEAD", "x\xff", "")):
        found = status(method, path)
        assert found < 500 or (path, found) == ("/readyz", 503), (method, path)
