"""Assemble a whole service from its settings: store, keys, authentication and application."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from cds_service.app import Register, create_app, log_call
from cds_service.auth.authentication import (
    AnonymousAccess,
    AuthenticationFailed,
    ReplayStoreFull,
    ReplayStoreUnavailable,
    TokenAuthenticator,
    authenticator,
)
from cds_service.auth.keys import ClientKeys
from cds_service.auth.rate_limit import RateLimitExceeded, RateLimits
from cds_service.calls.source_attributes_page import register_source_attributes
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.knowledge.load import national_rules
from cds_service.monitoring.monitor import Monitor
from cds_service.monitoring.shutdown import ShutdownFlag
from cds_service.store import BadStore, Store, StoreError, StoreSettings, open_late, open_store
from cds_service.web.errors import NoRoom, NotAuthenticated, Overloaded, Refusal, TooManyRequests
from cds_service.web.log import log
from cds_service.web.request_notes import caller


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def store_settings(settings: Settings) -> StoreSettings:
    """Return the settings of the store; keys are generated only in open mode, never when clients are configured."""
    return StoreSettings(
        database_url=settings.database_url,
        data_folder=Path(settings.data_folder) if settings.data_folder else None,
        pseudonym_key=settings.pseudonym_key,
        encryption_key=settings.encryption_key,
        may_create_keys=settings.is_open,
        shortest_call=min(client.deadline_ms for client in settings.clients or (settings.profile,)) / 1000,
    )


def assemble(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = now,
    register: Iterable[Register] = (),
    shutdown_flag: ShutdownFlag | None = None,
    worker_index: int = 0,
) -> Flask:
    """Open the store, load the clients' keys, build the application and start its scheduler.

    A store that is not there yet, or not fit for use, is opened as soon as it is; /readyz and calls are 503 till then.

    Call it once in every worker process; `worker_index` counts from 0, and `shutdown_flag` is shared by all workers.
    `app.extensions["rls_cds_monitor"]` is the `Monitor`, `["rls_cds_scheduler"]` the running `Scheduler`.

    Raises `BadKnowledge` if an operator must act.
    """
    store = open_late(store_settings(settings), _log_store)
    keys = ClientKeys(settings.clients, ca_file=settings.ca_file)
    keys.start()
    rules = national_rules()
    monitor = Monitor(settings, rules, store, keys, clock, shutdown_flag or ShutdownFlag())
    request_authenticator = RequestAuthenticator(
        authenticator(settings, ReplayGuardInTime(store, settings.clients), keys, clock),
        settings,
        lambda reason: monitor.metrics.auth_failures.labels(reason).inc(),
    )
    app = create_app(
        settings,
        clock=clock,
        rules=rules,
        store=store,
        authenticate=request_authenticator.authenticate,
        checks=monitor.checks,
        observers=(log_call, monitor.count),
        register=(register_source_attributes, monitor.install, *register),
    )
    app.extensions["rls_cds_monitor"] = monitor
    scheduler = app.extensions["rls_cds_scheduler"] = monitor.scheduler(is_first=worker_index == 0)
    scheduler.start()
    return app


def _log_store(fault: str) -> None:
    """Log that the store cannot be used, and why, or that it can."""
    if fault:
        log("store not opened", logging.WARNING, reason=fault)
    else:
        log("store opened")


class ReplayGuardInTime:
    """The replay guard of a store, which answers or refuses before the deadline of the client's call."""

    def __init__(self, store: Store, clients: Iterable[Client]) -> None:
        self._store = store
        self._seconds: dict[str, float] = {}
        for client in clients:
            seconds = client.deadline_ms / 1000
            self._seconds[client.issuer] = min(seconds, self._seconds.get(client.issuer, seconds))

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Return True once for each token id; raises `StoreError` if it cannot tell in time."""
        return self._store.within(time.monotonic() + self._seconds[issuer]).first_use(issuer, jti, expires, now)


class RequestAuthenticator:
    """Authenticates HTTP requests within the rate limits."""

    def __init__(
        self, authenticator: TokenAuthenticator | AnonymousAccess, settings: Settings, on_refused: Callable[[str], None]
    ) -> None:
        """`on_refused` is called with the reason of each refusal, one of a fixed set of codes."""
        self._authenticator, self._on_refused = authenticator, on_refused
        self._limits = RateLimits(settings.failures_per_minute)

    def authenticate(self, header: str | None, path: str) -> Client:
        """Return the client that sends the current request to `path`.

        Raises `NotAuthenticated` (a constant 401), `TooManyRequests`, or `Overloaded` or `NoRoom` if the replay guard
        is not available (fail closed, reliability JWT-8).
        """
        given = {"Authorization": header} if header else {}
        try:
            client = self._authenticator.authenticate(given, path, self._limits.verification_slot(caller()))
        except RateLimitExceeded as fault:
            raise self._refusal(TooManyRequests(fault.retry_after), fault.code) from None
        except AuthenticationFailed as fault:
            raise self._failure(fault) from None
        except ReplayStoreUnavailable:
            raise self._refusal(Overloaded(), "replay-guard-unavailable") from None
        except ReplayStoreFull:
            raise self._refusal(NoRoom(), "replay-guard-full") from None
        try:
            self._limits.count_call(client)
        except RateLimitExceeded as fault:
            raise self._refusal(TooManyRequests(fault.retry_after), fault.code, client.name) from None
        return client

    def _failure(self, fault: AuthenticationFailed) -> Refusal:
        """Count a failure of the caller; a valid token is accepted whatever failed before from its address."""
        try:
            if not fault.is_ours:
                self._limits.count_failure(caller())
        except RateLimitExceeded as limit:
            refusal = self._refusal(TooManyRequests(limit.retry_after), limit.code, fault.claimed)
            refusal.reason += f", {fault.code}"
            return refusal
        return self._refusal(NotAuthenticated(), fault.code, fault.claimed)

    def _refusal(self, refusal: Refusal, code: str, claimed: str = "") -> Refusal:
        """Count a refusal and note its reason for the log; the caller is never told (reliability JWT-11)."""
        self._on_refused(code)
        refusal.reason, refusal.claimed = f"turned away: {code}", claimed
        return refusal


def open_store_of(settings: Settings) -> Store:
    """Open the store alone, for commands that need nothing else. Raises `MissingStore` rather than making one."""
    return open_store(replace(store_settings(settings), may_create=False))


def check_store(settings: Settings) -> str:
    """Open the store and close it again; return what is wrong with it, "" if nothing is.

    Raises `BadStore` if an operator must act before the service can be of use.
    """
    try:
        open_store(store_settings(settings)).close()
    except BadStore:
        raise
    except StoreError as fault:
        return str(fault)
    return ""
