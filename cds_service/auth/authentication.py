"""Authenticate clients by the signed token in the Authorization header (reliability JWT-1 to JWT-12).

AuthenticationFailed      answered with 401; `code` is only for log and counter
ReplayStoreUnavailable    answered with 503: without the replay guard nobody is let in (reliability JWT-8)
ReplayStoreFull           answered with 507: the same, for want of room
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cds_service.auth.tokens import (
    BadToken,
    ClaimRequirements,
    ClientJwt,
    bearer,
    check_claims,
    check_header,
    names_weak_algorithm,
    read_token,
)
from cds_service.config.client import Client
from cds_service.config.key_set import Key
from cds_service.config.settings import Settings
from cds_service.store.databases.faults import StoreError, StoreFull


class AuthenticationFailed(Exception):
    """The caller is not authenticated; every failure looks the same outside, and `code` must not leave the service.

    `claimed` is the name of the client that the token claims to be from, "" where it names none of ours.
    """

    def __init__(self, code: str, claimed: str = "") -> None:
        super().__init__("not authenticated")
        self.code, self.claimed = code, claimed

    @property
    def is_ours(self) -> bool:
        """Return whether the caller may be right, since the service lacks the keys to tell."""
        return self.code == NO_KEYS


#: The code where the key set of a client could not be fetched yet, or not for a day: no token of it can be verified.
NO_KEYS = "keys-not-fetched"


class ReplayStoreUnavailable(Exception):
    """Token ids cannot be looked up or stored at the moment."""

    def __init__(self) -> None:
        super().__init__("the replay guard does not answer")


class ReplayStoreFull(Exception):
    """Token ids cannot be stored, since the disk is full."""


class ReplayGuard(Protocol):
    """Remembers token ids across all workers and replicas; stores of `cds_service.store` implement it."""

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Return True once for each issuer and jti until `expires`; raises `StoreError` if it cannot tell."""


class KeyFinder(Protocol):
    """Finds a client's keys; `ClientKeys` implements it."""

    def find(self, client: Client, kid: str, algorithm: str) -> tuple[Key, ...]:
        """Return the client's keys with this id for `algorithm`."""

    def are_there(self, client: Client) -> bool:
        """Return whether the client's key set is at hand, whatever it holds."""


class Headers(Protocol):
    """Headers by name; a plain dict must spell the name `Authorization`."""

    def get(self, name: str, /) -> str | None: ...


#: Entered while a signature is verified; it may wait, or refuse.
VerificationSlot = AbstractContextManager[None]
_NO_WAIT: VerificationSlot = nullcontext()


class TokenAuthenticator:
    """Accepts configured clients that send a fresh token of their own for the URL they call."""

    def __init__(
        self,
        clients: Iterable[Client],
        replay_guard: ReplayGuard,
        keys: KeyFinder,
        clock: Callable[[], datetime],
        public_base: str,
    ) -> None:
        self._replay_guard, self._keys, self._clock = replay_guard, keys, clock
        self._public_base = public_base.removesuffix("/")
        self._by_issuer: dict[str, tuple[Client, ...]] = {}
        for client in clients:
            self._by_issuer[client.issuer] = (*self._by_issuer.get(client.issuer, ()), client)

    def authenticate(self, headers: Headers, path: str, slot: VerificationSlot = _NO_WAIT) -> Client:
        """Return the client that calls `path`, and mark its token as used.

        `path` is the path as it was called, with any `//` or trailing slash. `slot` is held while a signature is
        verified, the only expensive step that an unknown caller can trigger. The Host header is never used.

        Raises `AuthenticationFailed`, `ReplayStoreUnavailable` or `ReplayStoreFull`.
        """
        claimed = ""
        try:
            token = read_token(bearer(headers.get("Authorization")))
            client = self._claimed(token)
            claimed = client.name
            self._check(token, client, path, slot)
        except BadToken as fault:
            raise AuthenticationFailed(fault.code, claimed) from None
        return client

    def _check(self, token: ClientJwt, client: Client, path: str, slot: VerificationSlot) -> None:
        """Check a token of a client: cheap checks first, then the signature, and only then the replay check."""
        kid, algorithm = check_header(token.header, client.algorithms, client.jku)
        now = self._clock()
        audiences = _audiences(path, (self._public_base, *client.audiences))
        required = ClaimRequirements(audiences, now.timestamp(), client.token_leeway, client.token_max_age)
        jti, exp = check_claims(token.claims, required)
        keys = self._keys.find(client, kid, algorithm)
        if not keys:
            raise BadToken("unknown-key" if self._keys.are_there(client) else NO_KEYS)
        with slot:
            if not any(_is_signed_with(key, token, algorithm) for key in keys):
                raise BadToken("signature")
        until = datetime.fromtimestamp(exp, UTC) + timedelta(seconds=client.token_leeway)
        if not self._is_first_use(client.issuer, jti, until, now):
            raise BadToken("replayed")

    def _claimed(self, token: ClientJwt) -> Client:
        """Return the client that the token claims to be, by issuer and, where configured, tenant."""
        issuer, tenant = token.claims.get("iss"), token.claims.get("tenant")
        clients = self._by_issuer.get(issuer, ()) if isinstance(issuer, str) and issuer else ()
        if not clients:
            raise BadToken("unknown-issuer")
        if "tenant" in token.claims and not isinstance(tenant, str):
            raise BadToken("tenant")
        for client in clients:
            if not client.tenants or tenant in client.tenants:
                return client
        raise BadToken("tenant")

    def _is_first_use(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        try:
            return self._replay_guard.first_use(issuer, jti, until, now)
        except StoreFull:
            raise ReplayStoreFull from None
        except StoreError:
            raise ReplayStoreUnavailable from None


class AnonymousAccess:
    """Open mode: every caller is the same client.

    Tokens are ignored, except that one whose header claims no signature or a shared secret is refused
    (contract section 6).
    """

    def __init__(self, profile: Client) -> None:
        self._profile = profile

    def authenticate(self, headers: Headers, path: str, slot: VerificationSlot = _NO_WAIT) -> Client:
        """Return the client profile of open mode."""
        try:
            is_weak = names_weak_algorithm(bearer(headers.get("Authorization")))
        except BadToken:
            is_weak = False
        if is_weak:
            raise AuthenticationFailed("alg")
        return self._profile


def authenticator(
    settings: Settings, replay_guard: ReplayGuard, keys: KeyFinder, clock: Callable[[], datetime]
) -> TokenAuthenticator | AnonymousAccess:
    """Return the authenticator for these settings; access is anonymous only if no client is configured."""
    if settings.is_open:
        return AnonymousAccess(settings.profile)
    if settings.public_base is None:
        raise ValueError("settings with clients have a public_base")
    return TokenAuthenticator(settings.clients, replay_guard, keys, clock, settings.public_base)


def _audiences(path: str, bases: Iterable[str]) -> frozenset[str]:
    """Return the audiences that a token for `path` may name (reliability JWT-4).

    That is the exact path under a public base. Since `//` is read as `/` and a trailing slash is ignored, the folded
    path is accepted too, but no slash that was not called. Feedback may name its service (contract section 6).
    """
    paths = {path, re.sub(r"/{2,}", "/", path)}
    paths |= {spelled.rstrip("/") for spelled in paths}
    paths |= {spelled.removesuffix("/feedback") for spelled in paths if spelled.endswith("/feedback")}
    return frozenset(f"{base}{spelled}" for base in bases for spelled in paths)


def _is_signed_with(key: Key, token: ClientJwt, algorithm: str) -> bool:
    """Verify the signature over exactly the bytes that were parsed, with the one algorithm that is allowed."""
    from jwt import PyJWS
    from jwt.exceptions import PyJWTError

    try:
        PyJWS(algorithms=[algorithm]).decode(token.text, key=key.public, algorithms=[algorithm])
    except (PyJWTError, ValueError, TypeError):
        return False
    return True
