"""Who calls? Proof by a signed token in the Authorization header (CDS Hooks security; controls JWT-1 to JWT-12).

NotAuthenticated          the one 401; `code` is for a counter label only
ReplayStoreUnavailable    503: whether the token was used before cannot be told, so nobody is let in (JWT-8)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from cds_service.clients.client import Client
from cds_service.clients.key_set import Key
from cds_service.clients.tokens import (
    BadToken,
    Terms,
    Token,
    bearer,
    check_claims,
    check_header,
    names_weak_algorithm,
    read_token,
)
from cds_service.store.faults import StoreError

if TYPE_CHECKING:
    from cds_service.settings import Settings


class NotAuthenticated(Exception):
    """The caller did not prove who it is. Every failure looks the same outside; `code` must not leave the service."""

    def __init__(self, code: str) -> None:
        super().__init__("not authenticated")
        self.code = code


class ReplayStoreUnavailable(Exception):
    """Token ids cannot be looked up or kept now."""

    def __init__(self) -> None:
        super().__init__("the replay guard does not answer")


class ReplayGuard(Protocol):
    """Remembers token ids over all workers and replicas. A store of `cds_service.store` is one."""

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """True once for each issuer and jti until `expires`; raises `StoreError` where it cannot tell."""


class KeyFinder(Protocol):
    """Finds a client's keys. `ClientKeys` is one."""

    def find(self, client: Client, kid: str, algorithm: str) -> Key | None:
        """The key of this client with this id that may verify `algorithm`, or None."""


class Headers(Protocol):
    """Headers by name. Names are looked up as `Authorization`, so a plain dict must spell it so."""

    def get(self, name: str, /) -> str | None: ...


#: Holds back a step until it may be made.
Turn = AbstractContextManager[None]
_AT_ONCE: Turn = nullcontext()


class Authenticator:
    """Lets in the configured clients, each with a fresh token of its own that names the address it calls."""

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

    def authenticate(self, headers: Headers, path: str, turn: Turn = _AT_ONCE) -> Client:
        """The client that calls `path` (as called: `//` may be in it, or `/` at its end). Its token is used up by this.

        `turn` is entered to verify a signature, the one costly step that a stranger can bring about.

        Raises `NotAuthenticated` and `ReplayStoreUnavailable`. The Host header is never looked at.
        """
        try:
            return self._client_of(read_token(bearer(headers.get("Authorization"))), path, turn)
        except BadToken as fault:
            raise NotAuthenticated(fault.code) from None

    def _client_of(self, token: Token, path: str, turn: Turn) -> Client:
        """Cheap checks first, then the signature; only a token that passed all of them is noted as used."""
        client = self._claimed(token)
        kid, algorithm = check_header(token.header, client.algorithms, client.jku)
        now = self._clock()
        audiences = _audiences(path, (self._public_base, *client.audiences))
        terms = Terms(audiences, now.timestamp(), client.token_leeway, client.token_max_age)
        jti, exp = check_claims(token.claims, terms)
        key = self._keys.find(client, kid, algorithm)
        if key is None:
            raise BadToken("unknown-key")
        with turn:
            _verify(token, key, algorithm)
        until = datetime.fromtimestamp(exp, UTC) + timedelta(seconds=client.token_leeway)
        if not self._is_first_use(client.issuer, jti, until, now):
            raise BadToken("replayed")
        return client

    def _claimed(self, token: Token) -> Client:
        """The client whose issuer, and tenant where it lists tenants, the token names."""
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
        except StoreError:
            raise ReplayStoreUnavailable from None


class OpenDoor:
    """Open mode: everybody is the same client, and no token is looked at, except that one whose header claims no
    signature or a shared secret is refused (product page 6)."""

    def __init__(self, profile: Client) -> None:
        self._profile = profile

    def authenticate(self, headers: Headers, path: str, turn: Turn = _AT_ONCE) -> Client:
        """The client profile of open mode."""
        try:
            is_weak = names_weak_algorithm(bearer(headers.get("Authorization")))
        except BadToken:
            is_weak = False
        if is_weak:
            raise NotAuthenticated("alg")
        return self._profile


def authenticator(
    settings: Settings, replay_guard: ReplayGuard, keys: KeyFinder, clock: Callable[[], datetime]
) -> Authenticator | OpenDoor:
    """The door of a service with these settings: open only where no client is configured."""
    if settings.is_open:
        return OpenDoor(settings.profile)
    if settings.public_base is None:
        raise ValueError("settings with clients have a public_base")
    return Authenticator(settings.clients, replay_guard, keys, clock, settings.public_base)


def _audiences(path: str, bases: Iterable[str]) -> frozenset[str]:
    """What a token for `path` may name: that path under a public base, to the letter (JWT-4). `//` in a path is read
    as `/` and a slash at its end as none, so the folded path stands for the same endpoint, while a slash that was not
    called opens nothing; feedback may name its service instead (product page 6)."""
    paths = {path, re.sub(r"/{2,}", "/", path)}
    paths |= {spelled.rstrip("/") for spelled in paths}
    paths |= {spelled.removesuffix("/feedback") for spelled in paths if spelled.endswith("/feedback")}
    return frozenset(f"{base}{spelled}" for base in bases for spelled in paths)


def _verify(token: Token, key: Key, algorithm: str) -> None:
    """The signature over exactly the bytes that were read, with the one algorithm that was allowed."""
    from jwt import PyJWS
    from jwt.exceptions import PyJWTError

    try:
        PyJWS(algorithms=[algorithm]).decode(token.text, key=key.public, algorithms=[algorithm])
    except (PyJWTError, ValueError, TypeError):
        raise BadToken("signature") from None
