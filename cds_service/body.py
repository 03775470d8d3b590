"""Reading the body of a request: counted by ourselves, then parsed within limits (reliability page DOS-1 to DOS-4).

The framework's own limit cuts chunked bodies short without a word, so it is not used.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import orjson
from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from cds_service.errors import BadRequest, BodyTooLarge, Fault, UnsupportedBody

MEBIBYTE = 1024 * 1024
#: How much of a refused body is read, so that the client sees the answer, and for how many seconds at most.
MOST_THROWN_AWAY = 32 * MEBIBYTE
_PATIENCE = 10.0
_PIECE = 64 * 1024

DEEPEST = 64
MOST_NODES = 500_000
LONGEST_STRING = MEBIBYTE
MOST_ENTRIES = 20_000

#: What a server raises where the client breaks off, or sends chunks that are none.
_BROKEN = (OSError, ClientDisconnected, ParseException)


def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises `UnsupportedBody`, `BodyTooLarge` above `limit` bytes, `BadRequest` if cut off."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedBody("Send the body as it is, without Content-Encoding.")
    if request.mimetype != "application/json":
        raise UnsupportedBody("Send the header Content-Type: application/json.")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        return b"".join(_counted(request, limit))
    except _BROKEN:
        raise BadRequest([Fault("", "incomplete", "a body of the announced length", "Send it again.")]) from None


def _counted(request: Request, limit: int) -> Iterator[bytes]:
    length = 0
    while piece := request.stream.read(min(_PIECE, limit + 1 - length)):
        length += len(piece)
        if length > limit:
            raise _too_large(limit)
        yield piece


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"At most {limit} bytes are read. Send fewer resources under prefetch.")


def throw_away_rest(request: Request) -> None:
    """Read what the client still wants to send, up to 32 MiB, so that it stops sending and reads the answer."""
    left, until = MOST_THROWN_AWAY, time.monotonic() + _PATIENCE
    try:
        while left > 0 and time.monotonic() < until and (piece := request.stream.read(min(_PIECE, left))):
            left -= len(piece)
    except _BROKEN:
        return


def parse_json(raw: bytes) -> Any:
    """A JSON document within the limits of depth, nodes, strings and entries. Raises `BadRequest` or `BodyTooLarge`.

    NaN, infinity, lone surrogates and other encodings than UTF-8 are no JSON.
    """
    if sum(raw.count(sign) for sign in (b"{", b"[", b",")) > MOST_NODES:
        raise BodyTooLarge(f"At most {MOST_NODES} values are read. Send fewer resources under prefetch.")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        text = f"no JSON in UTF-8, or nested deeper than {DEEPEST}"
        raise BadRequest([Fault("", text, "one JSON object", "Check the body with a JSON parser.")]) from None
    _refuse_outsize(document, strings=len(raw) > LONGEST_STRING)
    return document


def _refuse_outsize(document: Any, *, strings: bool) -> None:
    """Walk down level by level; a long string can only be where the whole text is long."""
    level = [document]
    for _ in range(DEEPEST + 1):
        objects = [value for value in level if type(value) is dict]
        lists = [value for value in level if type(value) is list]
        if not objects and not lists:
            return
        if any(len(entries) > MOST_ENTRIES for entries in _entries(objects)):
            raise BodyTooLarge(f"At most {MOST_ENTRIES} entries are read per Bundle. Send fewer resources.")
        level = list(chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(lists)))
        if strings and _longest(chain(set(chain.from_iterable(objects)), level)) > LONGEST_STRING:
            raise BodyTooLarge(f"At most {LONGEST_STRING} characters are read per string.")
    allowed = f"values nested at most {DEEPEST} deep"
    raise BadRequest([Fault("", "nested too deep", allowed, "Send plain CDS Hooks JSON.")])


def _entries(objects: list[dict[str, Any]]) -> list[list[Any]]:
    found = [each["entry"] for each in objects if "entry" in each]
    return [each for each in found if type(each) is list]


def _longest(values: Iterable[Any]) -> int:
    return max(map(len, [each for each in values if type(each) is str]), default=0)
