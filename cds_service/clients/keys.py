"""The key sets of all clients, kept fresh in the background (JWT-9).

Each address has one thread that alone fetches it, so there is never more than one fetch at a time; whoever verifies
a signature reads the newest set, a value that is replaced whole, and waits on no lock that is held during a fetch.

* A set is fetched anew every ten minutes, or sooner where its server says so; after a failure, in 30 seconds.
* After failures the last good set is used for 24 hours. A key that is absent from a newer good set is gone at once.
* A key id that is not known causes at most one extra fetch in 30 seconds. Only then, and before the first set has
  come, does a call wait: at most half of its client's deadline.

The threads start with the first question, in whichever process asks it, so worker processes may be forked before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from cds_service.clients.client import Client
from cds_service.clients.fetch import Fetched, FetchFailed, fetch_key_set
from cds_service.clients.key_set import Key, KeySet, read_key_set

FRESH_SECONDS = 600.0
RETRY_SECONDS = 30.0
STALE_SECONDS = 24 * 3600.0
_LONGEST_WAIT = 2.0

Fetch = Callable[[str], Fetched]


class KeySource:
    """The key set at one address."""

    def __init__(self, url: str, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self.url, self._fetch, self._clock = url, fetch, clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._keys = KeySet()
        self._fetched_at: float | None = None
        self._due = clock()
        self._asked_at: float | None = None
        self._rounds = 0
        self.fetches = 0
        self.failure = ""

    def find(self, kid: str, algorithm: str, patience: float) -> Key | None:
        """The key, if the newest set has it, waiting `patience` seconds at most where a fetch may bring it."""
        if not self._is_running():
            self.start()
        key = self.current().find(kid, algorithm)
        if key is None:
            self._hope(kid, patience)
            key = self.current().find(kid, algorithm)  # also without hope: a fetch may have ended since the first look
        return key

    def current(self) -> KeySet:
        """The last good set, unless it is older than a day."""
        fetched_at = self._fetched_at
        is_usable = fetched_at is not None and self._clock() - fetched_at <= STALE_SECONDS
        return self._keys if is_usable else KeySet()

    def age(self) -> float | None:
        """Seconds since the set was last fetched well, or None."""
        fetched_at = self._fetched_at
        return None if fetched_at is None else self._clock() - fetched_at

    def start(self) -> None:
        """Begin to keep the set fresh; nothing where this process does so already."""
        with self._changed:
            if not self._stopped and not self._is_running():
                self._thread = threading.Thread(target=self._run, name="client keys", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _is_running(self) -> bool:
        """The thread lives in this process: after a fork it does not."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _hope(self, kid: str, patience: float) -> None:
        """Wait for the fetch under way, or for one more if one may be asked for."""
        with self._changed:
            now, rounds = self._clock(), self._rounds
            if self._due > now and not self._may_ask(now, kid):
                return
            if self._due > now:
                self._asked_at, self._due = now, now
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._rounds != rounds or self._stopped, patience)

    def _may_ask(self, now: float, kid: str) -> bool:
        """An unknown id may ask once in 30 seconds; an id that is known for another algorithm may not ask."""
        is_unknown = kid not in self.current().by_kid
        return is_unknown and (self._asked_at is None or now - self._asked_at >= RETRY_SECONDS)

    def _run(self) -> None:
        while self._wait_until_due():
            self.refresh()

    def _wait_until_due(self) -> bool:
        with self._changed:
            while not self._stopped and (left := self._due - self._clock()) > 0:
                self._changed.wait(left)
            return not self._stopped

    def refresh(self) -> None:
        """Fetch once, without holding the lock, and take over what came."""
        self.fetches += 1
        try:
            fetched = self._fetch(self.url)
        except FetchFailed as fault:
            self._end_round(RETRY_SECONDS, fault.code)
        else:
            self._keys, self._fetched_at = fetched.keys, self._clock()
            lasts = FRESH_SECONDS if fetched.max_age is None else min(FRESH_SECONDS, fetched.max_age)
            self._end_round(max(RETRY_SECONDS, lasts), "")

    def _end_round(self, pause: float, failure: str) -> None:
        with self._changed:
            self.failure, self._due = failure, self._clock() + pause
            self._rounds += 1
            self._changed.notify_all()


class ClientKeys:
    """The keys of every client, from its entry in the settings or from its address."""

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

    def find(self, client: Client, kid: str, algorithm: str) -> Key | None:
        """The key of this client with this id that may verify `algorithm`; None where there is none (yet)."""
        if client.jwks_url is None:
            return self._inline.get(client.name, KeySet()).find(kid, algorithm)
        patience = min(_LONGEST_WAIT, client.deadline_ms / 2000)
        return self.sources[client.jwks_url].find(kid, algorithm, patience)

    def start(self) -> None:
        """Fetch all sets now rather than at the first call; to be called in each worker process."""
        for source in self.sources.values():
            source.start()

    def stop(self) -> None:
        for source in self.sources.values():
            source.stop()

    def are_ready(self) -> bool:
        """Some client has keys (for /readyz)."""
        return bool(self._inline) or any(source.current().by_kid for source in self.sources.values())
