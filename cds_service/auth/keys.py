"""The key sets of all clients, kept fresh in the background (reliability JWT-9).

Each URL is fetched by one thread of its own, so no two fetches of it run at once. Verification reads the newest set,
which is replaced as a whole, and never waits for a lock that is held during a fetch.

* A set is fetched again every ten minutes, or sooner if its server says so; after a failure, in 30 seconds.
* After failures the last good set is used for 24 hours. A key that is absent from a newer good set is gone at once.
* An unknown key id causes at most one extra fetch in 30 seconds. Only then, and before the first set has arrived,
  does a call wait: at most half of its client's deadline.

The threads start with the first lookup in each process, so worker processes may be forked before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from cds_service.auth.fetch_keys import Fetched, FetchFailed, fetch_key_set
from cds_service.config.client import Client
from cds_service.config.key_set import REPLACE_WEAK_KEY, Key, KeySet, read_key_set
from cds_service.web.log import log

FRESH_SECONDS = 600.0
RETRY_SECONDS = 30.0
STALE_SECONDS = 24 * 3600.0
_LONGEST_WAIT = 2.0

Fetch = Callable[[str], Fetched]


class KeySource:
    """The key set at one URL."""

    def __init__(self, url: str, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self.url, self._fetch, self._clock = url, fetch, clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._keys = KeySet()
        self._fetched_at: float | None = None
        self._due = clock()
        self._requested_at: float | None = None
        self._attempts = 0
        self._warned: set[tuple[str, int]] = set()
        self.failure = ""

    def find(self, kid: str, algorithm: str, timeout: float) -> tuple[Key, ...]:
        """Return the keys with this id; wait up to `timeout` seconds where a fetch may bring one."""
        if not self._is_running():
            self.start()
        found = self.current().find(kid, algorithm)
        if not found:
            self._await_fetch(kid, timeout)
            found = self.current().find(
                kid, algorithm
            )  # even without waiting: a fetch may have ended since the first lookup
        return found

    def current(self) -> KeySet:
        """Return the last good set, or an empty one if that is older than a day."""
        return self._keys if self.is_usable() else KeySet()

    def is_usable(self) -> bool:
        """Return whether the last good fetch is not older than a day."""
        fetched_at = self._fetched_at
        return fetched_at is not None and self._clock() - fetched_at <= STALE_SECONDS

    def age(self) -> float | None:
        """Return the seconds since the last successful fetch, or None if there was none."""
        fetched_at = self._fetched_at
        return None if fetched_at is None else self._clock() - fetched_at

    def start(self) -> None:
        """Start to keep the set fresh, unless this process does so already."""
        with self._changed:
            if not self._stopped and not self._is_running():
                self._thread = threading.Thread(target=self._run, name="client keys", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop fetching and release every call that waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _is_running(self) -> bool:
        """Return whether the thread runs in this process; after a fork it does not."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _await_fetch(self, kid: str, timeout: float) -> None:
        """Wait for the fetch in progress, or request one more if that is allowed."""
        with self._changed:
            now, attempts = self._clock(), self._attempts
            if self._due > now and not self._may_request(now, kid):
                return
            if self._due > now:
                self._requested_at, self._due = now, now
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._attempts != attempts or self._stopped, timeout)

    def _may_request(self, now: float, kid: str) -> bool:
        """Return whether this key id may request a fetch now: once in 30 seconds, and only if it is unknown."""
        is_unknown = kid not in self.current().by_kid
        return is_unknown and (self._requested_at is None or now - self._requested_at >= RETRY_SECONDS)

    def _run(self) -> None:
        while self._wait_until_due():
            self.refresh()

    def _wait_until_due(self) -> bool:
        with self._changed:
            while not self._stopped and (left := self._due - self._clock()) > 0:
                self._changed.wait(left)
            return not self._stopped

    def refresh(self) -> None:
        """Fetch once, without holding the lock, and store the result."""
        try:
            fetched = self._fetch(self.url)
        except FetchFailed as fault:
            self._finish_attempt(RETRY_SECONDS, fault.code)
        else:
            self._keys, self._fetched_at = fetched.keys, self._clock()
            self._warn_of_weak_keys()
            lasts = FRESH_SECONDS if fetched.max_age is None else min(FRESH_SECONDS, fetched.max_age)
            self._finish_attempt(max(RETRY_SECONDS, lasts), "")

    def _warn_of_weak_keys(self) -> None:
        """Log each key that is accepted and should be replaced, once."""
        for kid, bits in {(key.kid, key.rsa_bits) for key in self._keys.weak} - self._warned:
            self._warned.add((kid, bits))
            log("weak key", logging.WARNING, kid=kid, bits=bits, reason=REPLACE_WEAK_KEY)

    def _finish_attempt(self, pause: float, failure: str) -> None:
        with self._changed:
            self.failure, self._due = failure, self._clock() + pause
            self._attempts += 1
            self._changed.notify_all()


class ClientKeys:
    """The keys of all clients, from the settings or from their URLs."""

    def __init__(
        self,
        clients: Iterable[Client],
        *,
        ca_file: str | None = None,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        fetch = fetch or (lambda url: fetch_key_set(url, ca_file))
        clients = tuple(clients)
        urls = {client.jwks_url for client in clients if client.jwks_url}
        self.sources = {url: KeySource(url, fetch, clock) for url in sorted(urls)}
        self._inline = {client.name: read_key_set(client.jwks_inline) for client in clients if client.jwks_inline}

    def find(self, client: Client, kid: str, algorithm: str) -> tuple[Key, ...]:
        """Return the client's keys with this id for `algorithm`; none if there is none (yet)."""
        if client.jwks_url is None:
            return self._inline.get(client.name, KeySet()).find(kid, algorithm)
        timeout = min(_LONGEST_WAIT, client.deadline_ms / 2000)
        return self.sources[client.jwks_url].find(kid, algorithm, timeout)

    def are_there(self, client: Client) -> bool:
        """Return whether the client's key set is at hand: in the settings, or fetched within a day."""
        return client.jwks_url is None or self.sources[client.jwks_url].is_usable()

    def start(self) -> None:
        """Fetch all sets now rather than at the first call; call it in each worker process."""
        for source in self.sources.values():
            source.start()

    def stop(self) -> None:
        """Stop fetching."""
        for source in self.sources.values():
            source.stop()

    def are_ready(self) -> bool:
        """Return whether any client has keys (for /readyz)."""
        return bool(self._inline) or any(source.current().by_kid for source in self.sources.values())
