"""How often a caller may call: per client after authentication, per address for failed sign-ins (DOS-9).

An address is often shared: by a hospital's clients, or by everybody behind a proxy. So a sign-in is looked at whatever
failed before it from the same address, and only one that fails is answered with 429. What that may cost is bounded:
signatures from addresses that have used their failures up are verified one after the other.

Counted in the memory of each worker process, so the figures of the settings are per worker; no store is asked, since
a limit must hold most of all when the store is slow. In open mode nothing is counted.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cds_service.clients.client import Client

_MOST_BUCKETS = 10_000
#: Waiting just as long as told must be enough, whatever the sums of fractions come to.
_ROUNDING = 1e-6
#: So long a signature waits for its turn, in seconds: some hundred signatures are verified in that time.
_LONGEST_WAIT = 0.25


class TooMany(Exception):
    """The caller must wait `retry_after` whole seconds (429)."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many calls")
        self.retry_after = retry_after


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket per name, all in one lock; the least used are forgotten beyond 10,000."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_minute: int) -> None:
        """Use one call up, or raise `TooMany`. A full bucket holds a minute's worth."""
        with self._lock:
            bucket = self._filled(name, per_minute)
            self._refuse_if_empty(bucket, per_minute)
            bucket.tokens -= 1

    def has_some(self, name: str, per_minute: int) -> bool:
        """Whether `take` would succeed; uses nothing up."""
        with self._lock:
            return name not in self._buckets or self._filled(name, per_minute).tokens + _ROUNDING >= 1

    def _filled(self, name: str, per_minute: int) -> _Bucket:
        now, most = self._clock(), float(per_minute)
        bucket = self._buckets.setdefault(name, _Bucket(most, now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * per_minute / 60)
        bucket.at = now
        return bucket

    @staticmethod
    def _refuse_if_empty(bucket: _Bucket, per_minute: int) -> None:
        missing = 1 - bucket.tokens - _ROUNDING
        if missing > 0:
            raise TooMany(max(1, math.ceil(missing * 60 / per_minute)))


class RateLimits:
    """The limits of one worker.

    To verify a signature: `turn(address)`; where it fails: `count_failure(address)`; where it succeeds:
    `count_call(client)`.
    """

    def __init__(self, failures_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures_per_minute = failures_per_minute
        self._calls, self._failures = Buckets(clock), Buckets(clock)
        self._one_at_a_time = threading.Lock()

    def count_call(self, client: Client) -> None:
        """One call of `client`; raises `TooMany` where it has made its calls. Open mode has no limit."""
        if not client.is_open:
            self._calls.take(client.issuer, client.calls_per_minute)

    @contextmanager
    def turn(self, address: str) -> Iterator[None]:
        """Inside, a signature from `address` may be verified: at once, or, where too many sign-ins from there have
        failed, one at a time. Raises `TooMany` where its turn does not come."""
        if self._failures.has_some(address, self._failures_per_minute):
            yield
            return
        if not self._one_at_a_time.acquire(timeout=_LONGEST_WAIT):
            raise TooMany(1)
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def count_failure(self, address: str) -> None:
        """One failed sign-in from `address`; raises `TooMany` where too many have failed already."""
        self._failures.take(address, self._failures_per_minute)


def caller_address(peer: str, forwarded_for: str | None, trusted_proxies: Iterable[str]) -> str:
    """The address that called: the last one in X-Forwarded-For that is no proxy of ours, else the peer itself.

    The header counts only where the peer is a trusted proxy; whatever is no IP address ends the search.
    """
    networks = [ip_network(network) for network in trusted_proxies]
    caller = peer
    for entry in reversed((forwarded_for or "").split(",")):
        if not _lies_in(caller, networks):
            break
        try:
            caller = str(ip_address(entry.strip()))
        except ValueError:
            break
    return caller


def _lies_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks if parsed.version == network.version)
