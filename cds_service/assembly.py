"""A whole service from its settings: store, keys, authentication and application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, g, request

from cds_service.app import Register, create_app
from cds_service.clients.authentication import (
    Authenticator,
    NotAuthenticated,
    OpenDoor,
    ReplayStoreUnavailable,
    authenticator,
)
from cds_service.clients.client import Client
from cds_service.clients.keys import ClientKeys
from cds_service.clients.rate_limit import RateLimits, TooMany, caller_address
from cds_service.closing import Closing
from cds_service.errors import NotAuthenticated as Unauthorized
from cds_service.errors import Overloaded, TooManyRequests
from cds_service.knowledge import national_rules
from cds_service.oversight import Oversight
from cds_service.settings import Settings
from cds_service.source_attributes_page import register_source_attributes
from cds_service.store import Store, StoreSettings, open_store


def now() -> datetime:
    return datetime.now(UTC)


def store_settings(settings: Settings) -> StoreSettings:
    """What the store needs of the settings. With clients the keys come from the settings, never made on the way."""
    return StoreSettings(
        database_url=settings.database_url,
        data_folder=Path(settings.data_folder) if settings.data_folder else None,
        pseudonym_key=settings.pseudonym_key,
        encryption_key=settings.encryption_key,
        may_make_keys=settings.is_open,
    )


def assemble(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = now,
    register: Iterable[Register] = (),
    closing: Closing | None = None,
    place: int = 0,
) -> Flask:
    """Open the store, load the clients' keys, build the application and begin its rounds; to be called once in every
    worker process. `place` is the number of the worker, `closing` the word that the service is about to stop.

    `app.extensions["rls_cds_oversight"]` is its `Oversight`, `["rls_cds_rounds"]` the work beside the calls.

    Raises `BadKnowledge` and `BadStore` where a person must act, `StoreUnavailable` where the database does not answer.
    """
    store = open_store(store_settings(settings))
    keys = ClientKeys(settings.clients, ca_file=settings.ca_file)
    keys.start()
    rules = national_rules()
    oversight = Oversight(settings, rules, store, keys, clock, closing or Closing())
    door = Door(
        authenticator(settings, store, keys, clock),
        settings,
        lambda why: oversight.metrics.auth_failures.labels(why).inc(),
    )
    app = create_app(
        settings,
        clock=clock,
        rules=rules,
        store=store,
        authenticate=door.admit,
        checks=oversight.checks,
        register=(register_source_attributes, oversight.watch, *register),
    )
    app.extensions["rls_cds_oversight"] = oversight
    rounds = app.extensions["rls_cds_rounds"] = oversight.rounds(is_first=place == 0)
    rounds.start()
    return app


class Door:
    """Authentication with its limits, in the terms of HTTP."""

    def __init__(self, door: Authenticator | OpenDoor, settings: Settings, refused: Callable[[str], None]) -> None:
        """`refused` is told, in a word of ours, why a call was turned away; so is the log of the call."""
        self._door, self._proxies, self._count = door, settings.trusted_proxies, refused
        self._limits = RateLimits(settings.failures_per_minute)

    def admit(self, header: str | None, path: str) -> Client:
        """The client that calls `path` of the current request.

        Raises `errors.NotAuthenticated` (one constant 401), `TooManyRequests`, or `Overloaded` where the replay
        guard cannot tell (fail closed, JWT-8).
        """
        caller = caller_address(request.remote_addr or "", request.headers.get("X-Forwarded-For"), self._proxies)
        try:
            client = self._known(caller, header, path)
            self._limits.count_call(client)
        except TooMany as fault:
            self._refused("too-many")
            raise TooManyRequests(fault.retry_after) from None
        except NotAuthenticated as fault:
            self._refused(fault.code)
            raise Unauthorized from None
        except ReplayStoreUnavailable:
            self._refused("replay-guard-unavailable")
            raise Overloaded from None
        return client

    def _known(self, caller: str, header: str | None, path: str) -> Client:
        """Whoever proves who they are is let in, however many others at the same address did not."""
        try:
            given = {"Authorization": header} if header else {}
            return self._door.authenticate(given, path, self._limits.turn(caller))
        except NotAuthenticated:
            self._limits.count_failure(caller)
            raise

    def _refused(self, why: str) -> None:
        """For the operator only: the caller is not told (JWT-11)."""
        self._count(why)
        g.report["reason"] = f"turned away: {why}"


def open_store_of(settings: Settings) -> Store:
    """The store alone, for the commands that only read it."""
    return open_store(store_settings(settings))
