"""Rate limits: per client after authentication, and per address for failed authentication (reliability DOS-9).

An address is often shared, by the clients of a hospital or by everyone behind a proxy. A valid token is therefore
accepted whatever failed before from its address, and only failures are answered with 429. The cost of that is bounded:
signatures from addresses that have used up their failures are verified one at a time.

Counts live in the memory of each worker process, so the limits in the settings are per worker. The store is not
involved, since limits matter most when the store is slow. In open mode nothing is counted.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cds_service.config.client import Client

_MOST_BUCKETS = 10_000
#: A caller that waits for exactly Retry-After must succeed, whatever floating point makes of the sums.
_ROUNDING = 1e-6
#: How long a signature waits for its slot, in seconds; some hundred signatures are verified in that time.
_LONGEST_WAIT = 0.25


class RateLimitExceeded(Exception):
    """The caller must wait `retry_after` whole seconds (429); `code` says which limit it is, for log and counter."""

    def __init__(self, retry_after: int, code: str) -> None:
        super().__init__(code)
        self.retry_after, self.code = retry_after, code


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """One token bucket per name under a common lock; beyond 10,000 the least recently used are dropped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_minute: int, code: str = "too-many") -> None:
        """Take one token, or raise `RateLimitExceeded` with that code; a full bucket holds one minute's worth."""
        with self._lock:
            bucket = self._filled(name, per_minute)
            missing = 1 - bucket.tokens - _ROUNDING
            if missing > 0:
                raise RateLimitExceeded(max(1, math.ceil(missing * 60 / per_minute)), code)
            bucket.tokens -= 1

    def has_tokens(self, name: str, per_minute: int) -> bool:
        """Return whether `take` would succeed, without taking anything."""
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


class RateLimits:
    """The rate limits of one worker.

    Hold `verification_slot(address)` while a signature is verified; then call `count_failure(address)` if it failed,
    or `count_call(client)` if it succeeded.
    """

    def __init__(self, failures_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures_per_minute = failures_per_minute
        self._calls, self._failures = TokenBuckets(clock), TokenBuckets(clock)
        self._one_at_a_time = threading.Lock()

    def count_call(self, client: Client) -> None:
        """Count one call of `client`; raises `RateLimitExceeded` if it exceeds its limit. Open mode has none."""
        if not client.is_open:
            self._calls.take(client.issuer, client.calls_per_minute, "too-many-calls")

    @contextmanager
    def verification_slot(self, address: str) -> Iterator[None]:
        """Hold the right to verify a signature from `address`.

        It is granted at once, or one at a time to addresses with too many failures; raises `RateLimitExceeded` if that
        takes too long.
        """
        if self._failures.has_tokens(address, self._failures_per_minute):
            yield
            return
        if not self._one_at_a_time.acquire(timeout=_LONGEST_WAIT):
            raise RateLimitExceeded(1, "too-many-to-verify")
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def count_failure(self, address: str) -> None:
        """Count one failed authentication from `address`; raises `RateLimitExceeded` if there were too many."""
        self._failures.take(address, self._failures_per_minute, "too-many-failures")
