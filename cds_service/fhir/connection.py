"""One read of a FHIR server: bounded in time and size, without redirects, with at most one retry of each form."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from cards.facts.chart import Gap
from cds_service import USER_AGENT
from cds_service.fhir.circuit_breaker import CircuitBreaker
from cds_service.fhir.transport import CancellableConnection, new_session, using
from cds_service.web.address_policy import AddressPolicy
from cds_service.web.deadline import Deadline
from cds_service.web.errors import Refusal
from cds_service.web.json_reader import parse_json

MOST_BYTES = 2 * 1024 * 1024
_CHUNK = 64 * 1024
#: No cached results: a diagnosis that was entered a minute ago can decide.
_HEADERS = {
    # Servers before STU3 know only the older names of the media type.
    "Accept": "application/fhir+json, application/json;q=0.9, application/json+fhir;q=0.8",
    "Accept-Encoding": "gzip",
    "Cache-Control": "no-cache",
    "User-Agent": USER_AGENT,
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_OF_A_TYPE = re.compile(r"/[A-Z][A-Za-z]+$")
_RETRIED_STATUSES = (429, 502, 503, 504)
#: How much of a refusal is read for the parameter that it names.
_LONGEST_REFUSAL = 64 * 1024
#: A retry is made only while this fraction of the time is left.
_SHARE_FOR_RETRY = 0.6

#: The cause as `[gaps]` names it, where it differs from the reason.
_CAUSES = {"timeout": "deadline", "connection": "unreachable", "forbidden-address": "unreachable", "not-json": "shape"}


class ReadFailed(Exception):
    """A read that failed.

    `reason` is a constant for log and metrics; the library's message is dropped, since it holds URLs and tokens.
    `is_outage` means that the server was at fault, not the request. `gap` is the same as the cause for a list.
    `names_sort` means that the server refused the request and named its parameter `_sort`.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        is_outage: bool = False,
        retry: bool = False,
        names_sort: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.is_outage, self.retry = reason, is_outage, retry
        self.status, self.names_sort = status, names_sort
        self.gap = Gap("status", status=status) if status else Gap(_CAUSES.get(reason, reason))


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A read or search: a GET of `url`, or a POST of `form` to it."""

    url: str
    form: bytes | None = None

    def after(self, refusal: ReadFailed) -> SearchRequest | None:
        """Return the same search in a form that this refusal leaves open, or None if there is none.

        A URL that is too long is sent as a form (FHIR R4, search by POST); a server that refuses `_sort` by name is
        asked without it, since the order of the results does not matter here.
        """
        path, _, query = (self.url, "", self.form.decode("ascii")) if self.form else self.url.partition("?")
        if refusal.status == 414 and _OF_A_TYPE.search(path) and query and not self.form:
            return SearchRequest(f"{path}/_search", query.encode("ascii"))
        kept = "&".join(each for each in query.split("&") if not each.startswith("_sort="))
        if not refusal.names_sort or not kept or kept == query:
            return None
        return SearchRequest(path, kept.encode("ascii")) if self.form else SearchRequest(f"{path}?{kept}")


class FhirServer:
    """A configured FHIR base URL (without a trailing slash) with its connections and its circuit breaker."""

    def __init__(self, base: str, policy: AddressPolicy, ca_file: str | None = None) -> None:
        self.base = base
        self.breaker = CircuitBreaker()
        self._policy = policy
        self._session = new_session(ca_file)

    def new_connection(self) -> CancellableConnection:
        """Return a connection that obeys the address policy of this server."""
        return CancellableConnection(self._policy)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def read(self, url: str, token: str | None, deadline: Deadline, connection: CancellableConnection) -> Any:
        """Return the JSON at `url`, which must lie below `base`; raises `ReadFailed`.

        A search that is refused for its length or its `_sort` is tried again in another form, each form once.
        """
        request = SearchRequest(url)
        while True:
            try:
                return self._read(request, token, deadline, connection)
            except ReadFailed as fault:
                other = request.after(fault)
                if other is None:
                    raise
                request = other

    def _read(
        self, request: SearchRequest, token: str | None, deadline: Deadline, connection: CancellableConnection
    ) -> Any:
        headers = _HEADERS | ({"Authorization": f"Bearer {token}"} if token else {}) | (_FORM if request.form else {})
        try:
            return self._once(request, headers, deadline, connection)
        except ReadFailed as fault:
            if not fault.retry or deadline.fraction_left() < _SHARE_FOR_RETRY:
                raise
        time.sleep(secrets.randbelow(20) / 1000)  # so that several workers do not retry at the same moment
        return self._once(request, headers, deadline, connection)

    def _once(
        self, asked: SearchRequest, headers: Mapping[str, str], deadline: Deadline, connection: CancellableConnection
    ) -> Any:
        left = deadline.left()
        if not left:
            raise ReadFailed("timeout", is_outage=True)
        try:
            with (
                using(connection),
                self._session.request(
                    "POST" if asked.form else "GET",
                    asked.url,
                    data=asked.form,
                    headers=dict(headers),
                    timeout=(left, left),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                _refuse_status(answer, deadline)
                return _json(b"".join(_chunks(answer, deadline)))
        except requests.Timeout:
            raise ReadFailed("timeout", is_outage=True) from None
        except (OSError, HTTPError, HTTPException, ValueError):
            if not deadline.left():  # the caller cancelled the connection
                raise ReadFailed("timeout", is_outage=True) from None
            if connection.is_forbidden:
                raise ReadFailed("forbidden-address", is_outage=True) from None
            raise ReadFailed("connection", is_outage=True, retry=connection.reused) from None


def _refuse_status(answer: requests.Response, deadline: Deadline) -> None:
    status = answer.status_code
    if status != 200:
        reason = "redirect" if 300 <= status < 400 else f"http-{status}"
        raise ReadFailed(
            reason,
            status=status,
            is_outage=status >= 500,
            retry=status in _RETRIED_STATUSES,
            names_sort=status == 400 and _names_sort(answer, deadline),
        )


def _names_sort(answer: requests.Response, deadline: Deadline) -> bool:
    try:
        return b"_sort" in b"".join(_chunks(answer, deadline, _LONGEST_REFUSAL))
    except (ReadFailed, OSError, HTTPError, HTTPException):
        return False


def _chunks(answer: requests.Response, deadline: Deadline, most: int = MOST_BYTES) -> Iterator[bytes]:
    """Yield the decoded body; a decompression bomb ends at the size limit, a slow response at the deadline."""
    length = 0
    for chunk in answer.iter_content(_CHUNK):
        length += len(chunk)
        if length > most:
            raise ReadFailed("too-large")
        if not deadline.left():
            raise ReadFailed("timeout", is_outage=True)
        yield chunk


def _json(raw: bytes) -> Any:
    try:
        return parse_json(raw)
    except Refusal:
        raise ReadFailed("not-json") from None
