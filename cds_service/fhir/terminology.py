"""Ask a FHIR terminology server to expand value sets, page by page, by the rules for every outbound connection.

Not part of a call: it is asked on the command line, may take minutes, and is told apart by its address alone. As for
any FHIR server no redirect is followed, no proxy or netrc of the environment is used, the address is checked once the
connection is open and before a byte is sent (reliability SSRF-5), and a response is read up to a limit.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from cards.fhir.json_values import code_of_status, first, objects, text
from cds_service.fhir.transport import CancellableConnection, ForbiddenAddress, new_session, using
from cds_service.web.address_policy import AddressPolicy

#: Codes asked for in one page.
PAGE = 500
#: More pages than any concept of ours has; a server that goes on is not paging.
MOST_PAGES = 400
_MOST_BYTES = 16 * 1024 * 1024
_SECONDS = 60.0
_TRIES = 4
_RETRIED = frozenset({429, 502, 503, 504})
_CHUNK = 64 * 1024
_LONGEST_WORDS = 200
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class NotExpanded(Exception):
    """A value set that could not be expanded; the message says why and what to do.

    `is_final` where no other value set can be expanded either: the server cannot be reached or refuses everybody.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class ExpansionPage:
    """One page: the codes of one system, how many entries it held, and how many all pages hold (None: unsaid)."""

    codes: tuple[str, ...]
    entries: int
    total: int | None


def server_fault(base: str, *, allow_http: bool) -> str:
    """Return why a base URL may not be asked, or an empty text if it may."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        return "allowed: an address such as https://terminology.example.org/fhir, without a user, query or fragment"
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE and not allow_http:
        return "http sends everything in clear; use https, or say --allow-http for a server inside your own network"
    return ""


class TerminologyServer:
    """A terminology server at a base URL without a trailing slash; used by one thread."""

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        ca_file: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`sleep` waits before another try. Raises `ValueError` for a token that is none."""
        if token is not None and not _TOKEN.fullmatch(token):
            raise ValueError("no bearer token")
        is_local = urlsplit(base).hostname in _THIS_MACHINE
        self.base = base
        self._policy = AddressPolicy(loopback_only=True) if is_local else AddressPolicy.for_client(())
        self._session = new_session(ca_file)
        self._sleep = sleep
        self._headers = {
            "Accept": "application/fhir+json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/fhir+json",
            "User-Agent": "rls-cds",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def pages(self, valueset: Mapping[str, Any], system: str, offset: int = 0) -> Iterator[ExpansionPage]:
        """Yield the pages of an expansion from `offset` on, with the codes of `system`. Raises `NotExpanded`.

        The last page is the one that is empty, or reaches the total. A server that takes no notice of `offset` sends
        all at once, or the same page for ever: the latter ends in `NotExpanded`.
        """
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            page = _page(self._expand(valueset, offset) if offset else self._begin(valueset), system)
            if not page.entries:
                return
            new = tuple(code for code in page.codes if code not in seen)
            if page.codes and not new:
                if page.total is None or len(seen) >= page.total:
                    return
                raise NotExpanded("the server sends the same page whatever the offset; it cannot be read to its end")
            seen.update(new)
            offset += page.entries
            yield ExpansionPage(new, page.entries, page.total)
            if page.total is not None and offset >= page.total:
                return
        raise NotExpanded(f"more than {MOST_PAGES} pages of {PAGE} codes; narrow the roots of the value set")

    def _begin(self, valueset: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the first page, or all at once from a server that refuses pages.

        HAPI (8.8) takes `count` for a limit of the whole: it fails where a value set that is sent to it has more codes.
        """
        try:
            return self._expand(valueset, 0)
        except NotExpanded as fault:
            if fault.is_final:
                raise
            try:
                return self._expand(valueset, None)
            except NotExpanded:
                raise fault from None

    def _expand(self, valueset: Mapping[str, Any], offset: int | None) -> Mapping[str, Any]:
        """Return the page from `offset` on, or everything."""
        parameters: list[Mapping[str, Any]] = [{"name": "valueSet", "resource": valueset}]
        if offset is not None:
            parameters += {"name": "offset", "valueInteger": offset}, {"name": "count", "valueInteger": PAGE}
        body = json.dumps({"resourceType": "Parameters", "parameter": parameters}).encode()
        for number in range(_TRIES):
            status, found = self._post(body, is_last=number == _TRIES - 1)
            if status not in _RETRIED or number == _TRIES - 1:
                return _answered(status, found)
            self._sleep(2.0**number)
        raise AssertionError("every try returns or is followed by another")

    def _post(self, body: bytes, *, is_last: bool) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the JSON of one request; a status of 503 stands for a connection to try again."""
        try:
            with (
                using(CancellableConnection(self._policy)),
                self._session.post(
                    f"{self.base}/ValueSet/$expand",
                    data=body,
                    headers=self._headers,
                    timeout=(_SECONDS, _SECONDS),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                return answer.status_code, _json(_read(answer))
        except ForbiddenAddress:
            raise NotExpanded("the address of the server may not be reached", is_final=True) from None
        except (OSError, HTTPError, HTTPException) as fault:
            if _is_forbidden(fault):
                raise NotExpanded("the address of the server may not be reached", is_final=True) from None
            if is_last:
                kind = "did not answer in time" if isinstance(fault, requests.Timeout) else "cannot be reached"
                raise NotExpanded(f"the server {kind}; run the command again, it goes on where it stopped",
                                  is_final=True) from None  # fmt: skip
            return 503, {}


def _is_forbidden(fault: BaseException | None) -> bool:
    """Return whether the address policy is what ended a connection; the libraries wrap its exception."""
    while fault is not None:
        held = [each for each in fault.args if isinstance(each, BaseException)]
        if isinstance(fault, ForbiddenAddress) or any(_is_forbidden(each) for each in held):
            return True
        fault = getattr(fault, "reason", None) if isinstance(getattr(fault, "reason", None), BaseException) else None
    return False


def _read(answer: requests.Response) -> bytes:
    parts, length = [], 0
    for chunk in answer.iter_content(_CHUNK):
        length += len(chunk)
        if length > _MOST_BYTES:
            raise NotExpanded(f"a page of more than {_MOST_BYTES // 1024 // 1024} MiB")
        parts.append(chunk)
    return b"".join(parts)


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _answered(status: int, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the expansion of a response. Raises `NotExpanded` for anything else, in the server's own words."""
    said = _said(found)
    if status in (401, 403):
        raise NotExpanded(
            f"the server asks for a sign-in (status {status}); put a token into TERMINOLOGY_SERVER_TOKEN",
            is_final=True,
        )
    if 300 <= status < 400:
        raise NotExpanded("the server redirects; give the address that it redirects to", is_final=True)
    if status in (404, 405, 501) and not said:
        raise NotExpanded("no ValueSet/$expand there; is this the base address of the server?", is_final=True)
    if status in _RETRIED or status >= 500:
        raise NotExpanded(f"the server failed (status {status}){said}")
    if status != 200:
        raise NotExpanded(f"the server refused it (status {status}){said}")
    if found.get("resourceType") != "ValueSet" or not isinstance(found.get("expansion"), dict):
        raise NotExpanded(f"the server answered with something else than an expansion{said}")
    expansion: Mapping[str, Any] = found["expansion"]
    return expansion


def _said(found: Mapping[str, Any]) -> str:
    """Return the code and words of an OperationOutcome, cut and printable; empty where there is none."""
    if found.get("resourceType") != "OperationOutcome":
        return ""
    issue = first(found.get("issue"))
    words = text(first(issue.get("details")).get("text")) or text(issue.get("diagnostics"))
    plain = "".join(each if each.isprintable() else " " for each in words)[:_LONGEST_WORDS]
    code = code_of_status(issue.get("code"))
    return f": {code}, {plain}" if plain else f": {code}"


def _page(expansion: Mapping[str, Any], system: str) -> ExpansionPage:
    held = tuple(_concepts(expansion.get("contains")))
    total = expansion.get("total")
    codes = (text(each.get("code")) for each in held if text(each.get("system")) == system)
    return ExpansionPage(
        tuple(dict.fromkeys(code for code in codes if code)),
        len(held),
        total if isinstance(total, int) and not isinstance(total, bool) else None,
    )


def _concepts(contains: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of an expansion, and those nested below them."""
    for each in objects(contains):
        yield each
        yield from _concepts(each.get("contains"))
