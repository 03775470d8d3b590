"""One read of one FHIR server: bounded in time and bytes, no redirect, at most one retry."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from cds_service.body import parse_json
from cds_service.deadline import Deadline
from cds_service.errors import Refusal
from cds_service.fhir.breaker import Breaker
from cds_service.fhir.peers import Peers
from cds_service.fhir.wire import Wire, new_session, on

MOST_BYTES = 2 * 1024 * 1024
_PIECE = 64 * 1024
_HEADERS = {"Accept": "application/fhir+json", "Accept-Encoding": "gzip", "User-Agent": "rls-cds"}
_WORTH_ANOTHER_TRY = (429, 502, 503, 504)
#: A second try is made only while so much of the whole budget is left.
_SHARE_FOR_RETRY = 0.6


class NotRead(Exception):
    """Nothing could be read. `reason` is a word of ours for log and metrics; the library's own text is dropped,
    since it holds addresses and tokens. `is_outage`: the server, not the question, was at fault."""

    def __init__(self, reason: str, *, is_outage: bool = False, retry: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_outage, self.retry = reason, is_outage, retry


class FhirServer:
    """A FHIR base address as the configuration has it (no slash at its end), with its connections and its breaker."""

    def __init__(self, base: str, peers: Peers, ca_file: str | None = None) -> None:
        self.base = base
        self.breaker = Breaker()
        self._peers = peers
        self._session = new_session(ca_file)

    def new_wire(self) -> Wire:
        return Wire(self._peers)

    def close(self) -> None:
        self._session.close()

    def read(self, url: str, token: str | None, deadline: Deadline, wire: Wire) -> Any:
        """The JSON at `url`, an address below `base`. Raises `NotRead`."""
        headers = _HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            return self._once(url, headers, deadline, wire)
        except NotRead as fault:
            if not fault.retry or deadline.share_left() < _SHARE_FOR_RETRY:
                raise
        time.sleep(secrets.randbelow(20) / 1000)  # so that several workers do not come back together
        return self._once(url, headers, deadline, wire)

    def _once(self, url: str, headers: Mapping[str, str], deadline: Deadline, wire: Wire) -> Any:
        left = deadline.left()
        if not left:
            raise NotRead("timeout", is_outage=True)
        try:
            with (
                on(wire),
                self._session.get(
                    url, headers=dict(headers), timeout=(left, left), allow_redirects=False, stream=True
                ) as answer,
            ):
                _refuse_status(answer.status_code)
                return _json(b"".join(_pieces(answer, deadline)))
        except requests.Timeout:
            raise NotRead("timeout", is_outage=True) from None
        except (OSError, HTTPError, HTTPException, ValueError):
            reused = wire.reused and deadline.left() > 0
            raise NotRead("connection", is_outage=True, retry=reused) from None


def _refuse_status(status: int) -> None:
    if status != 200:
        reason = "redirect" if 300 <= status < 400 else f"http-{status}"
        raise NotRead(reason, is_outage=status >= 500, retry=status in _WORTH_ANOTHER_TRY)


def _pieces(answer: requests.Response, deadline: Deadline) -> Iterator[bytes]:
    """The decoded body; a bomb ends at the limit, a drip at the deadline."""
    length = 0
    for piece in answer.iter_content(_PIECE):
        length += len(piece)
        if length > MOST_BYTES:
            raise NotRead("too-large")
        if not deadline.left():
            raise NotRead("timeout", is_outage=True)
        yield piece


def _json(raw: bytes) -> Any:
    try:
        return parse_json(raw)
    except Refusal:
        raise NotRead("not-json") from None
