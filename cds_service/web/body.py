"""Read request bodies within limits (reliability DOS-1, DOS-2, OUT-8; protocol T-09).

Flask's own limit silently truncates chunked bodies, so it is not used.
"""

from __future__ import annotations

import re
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from cds_service.web.errors import BadRequest, BodyTooLarge, RequestFault, UnsupportedBody
from cds_service.web.json_reader import MEBIBYTE

#: How many bytes of a refused body are read, so that the client gets to the answer, and for how many seconds.
MOST_DRAINED = 32 * MEBIBYTE
_DRAIN_SECONDS = 10.0
_CHUNK = 64 * 1024

#: Every type of JSON; `application/json+fhir` is that of DSTU2.
_JSON = re.compile(r"application/(?:json|json\+fhir|[a-z0-9!#$&^_.-]+\+json)")
#: Types that a page of any site may send without asking first, so that they need more than an open door.
_WITHOUT_PREFLIGHT = ("", "text/plain")
#: Values of Content-Encoding that change nothing: some clients write their charset there.
_UNCODED = frozenset({"", "identity", "none"} | {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "windows-1252"})

#: What a server raises when the client disconnects or sends malformed chunks.
_BROKEN = (OSError, ClientDisconnected, ParseException)


def read_body(
    request: Request, limit: int, *, is_verified: bool = False, advice: str = "Send fewer resources under prefetch."
) -> bytes:
    """Return the whole body; `advice` says what to do about one that is too large.

    A body without a type, or of type text/plain, is read where it begins like JSON, and where no page of another site
    can have sent it: the caller `is_verified` or names no Origin.

    Raises `UnsupportedBody`, `BodyTooLarge` above `limit` bytes, or `BadRequest` if the body is truncated.
    """
    if not _is_uncoded(request.headers.get("Content-Encoding", "")):
        raise UnsupportedBody("Send the body as it is, without Content-Encoding.", headers=_PLAIN)
    is_json = _JSON.fullmatch(request.mimetype) is not None
    may_be_json = request.mimetype in _WITHOUT_PREFLIGHT and (is_verified or "Origin" not in request.headers)
    if not is_json and not may_be_json:
        raise _other_type()
    if (request.content_length or 0) > limit:
        raise _too_large(limit, advice)
    try:
        body = b"".join(_chunks(request, limit, advice))
    except _BROKEN:
        raise BadRequest([RequestFault("", "incomplete", "a body of the announced length", "Send it again.")]) from None
    if not is_json and not body.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        raise _other_type()
    return body


#: Tells the client which encoding is read (RFC 9110, section 15.5.16).
_PLAIN = {"Accept-Encoding": "identity"}


def _is_uncoded(header: str) -> bool:
    return all(each.strip().lower() in _UNCODED for each in header.split(","))


def _other_type() -> UnsupportedBody:
    return UnsupportedBody("Send the header Content-Type: application/json.")


def _chunks(request: Request, limit: int, advice: str) -> Iterator[bytes]:
    length = 0
    while chunk := request.stream.read(min(_CHUNK, limit + 1 - length)):
        length += len(chunk)
        if length > limit:
            raise _too_large(limit, advice)
        yield chunk


def _too_large(limit: int, advice: str) -> BodyTooLarge:
    return BodyTooLarge(f"At most {limit} bytes are read. {advice}")


def drain_body(request: Request) -> None:
    """Read and discard up to 32 MiB of what the client still sends, so that it gets to read the answer."""
    drain(request.stream.read, MOST_DRAINED, _DRAIN_SECONDS)


def drain(read: Callable[[int], bytes], most: int, seconds: float) -> None:
    """Read and discard up to `most` bytes: to close on unread data would reset the connection, and lose the answer."""
    left, until = most, time.monotonic() + seconds
    try:
        while left > 0 and time.monotonic() < until and (chunk := read(min(_CHUNK, left))):
            left -= len(chunk)
    except _BROKEN:
        return
