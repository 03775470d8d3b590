"""Who may open the console: hosts, the token, and pages of other sites (reliability CON-1 to CON-4).

A page of another site can make a browser open the console, by its address or by a name that leads to this machine (DNS
rebinding). So the Host header must be a name that the settings know, and what is posted must come from a page of this
host by a header that browsers set and pages cannot.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request

from cds_service.auth.rate_limit import RateLimitExceeded, RateLimits
from cds_service.config.settings import Settings
from cds_service.config.values import is_loopback
from cds_service.web.errors import Forbidden, NotAuthenticated, Refusal, TooManyRequests
from cds_service.web.request_notes import caller

#: Methods that change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: What a browser says of a request that a page of this host or the person itself began.
_OWN_SITE = ("same-origin", "none")


class Gate(Protocol):
    """Lets a request pass, or raises a `Refusal`."""

    def check(self, asked: Request) -> None: ...


@dataclass(frozen=True, slots=True)
class HostGate:
    """Lets requests pass that name this machine or one of `hosts`, and posts only from pages of that host."""

    hosts: frozenset[str] = frozenset()

    def check(self, asked: Request) -> None:
        """Raise `Forbidden` for another host, and for what a page of another site posts."""
        host = asked.host.lower()
        name = _without_port(host)
        if not is_loopback(name) and name not in self.hosts:
            raise _forbidden("console-host")
        if asked.method not in _SAFE and not _is_from(host, asked):
            raise _forbidden("console-origin")


@dataclass(frozen=True, slots=True)
class TokenGate:
    """Lets requests pass that bear the token as the password of HTTP Basic, whatever the user name."""

    token: str
    limits: RateLimits

    def check(self, asked: Request) -> None:
        """Raise `NotAuthenticated`, or `TooManyRequests` for an address that guessed too often."""
        given = asked.authorization
        if given is None or given.type != "basic":
            raise _turned_away(_sign_in(), "console-no-token")
        if not hmac.compare_digest((given.password or "").encode(), self.token.encode()):
            try:
                self.limits.count_failure(caller())
            except RateLimitExceeded as fault:
                raise _turned_away(TooManyRequests(fault.retry_after), fault.code) from None
            raise _turned_away(_sign_in(), "console-token")


def gates(settings: Settings) -> tuple[Gate, ...]:
    """Return what a request for the console at `console_bind` has to pass."""
    bound = (settings.console_bind or "").rpartition(":")[0].lower()
    hosts = HostGate(frozenset({*settings.console_hosts, bound}))
    if settings.console_token is None:
        return (hosts,)
    return (hosts, TokenGate(settings.console_token, RateLimits(settings.failures_per_minute)))


def guard(app: Flask, passed: Iterable[Gate], paths: Iterable[str] = ()) -> None:
    """Let the gates check every request of an application, or those whose first segment is one of `paths`."""
    every, first_segments = tuple(passed), frozenset(paths)

    def check() -> Response | None:
        if not first_segments or request.path.lstrip("/").partition("/")[0] in first_segments:
            for each in every:
                each.check(request)
        return None

    app.before_request(check)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _is_from(host: str, asked: Request) -> bool:
    """Return whether the headers show that a page of `host` sent the request.

    Browsers send Sec-Fetch-Site to https and to this machine only, so that Origin or, without one, Referer must name
    the host too wherever they are sent; a request with none of the three proves nothing.
    """
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITE:
        return False
    origin = asked.headers.get("Origin", asked.headers.get("Referer"))
    return site is not None if origin is None else _host_of(origin) == host


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return None


def _forbidden(code: str) -> Refusal:
    return _turned_away(Forbidden(), code)


def _sign_in() -> Refusal:
    refusal = NotAuthenticated()
    refusal.headers["WWW-Authenticate"] = 'Basic realm="rls-cds console", charset="UTF-8"'
    return refusal


def _turned_away(refusal: Refusal, code: str) -> Refusal:
    refusal.reason = f"turned away: {code}"
    return refusal
