"""Rate limits, with a clock that the test moves."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cds_service.auth.rate_limit import RateLimitExceeded, RateLimits, TokenBuckets
from cds_service.config.profiles import open_client
from tests.builders.clock import Clock
from tests.builders.tokens import CLIENT, OTHER


def test_a_client_may_use_a_minutes_calls_at_once_and_then_its_rate() -> None:
    clock = Clock()
    limits, client = RateLimits(60, clock), replace(CLIENT, calls_per_minute=60)
    for _ in range(60):
        limits.count_call(client)
    with pytest.raises(RateLimitExceeded) as caught:
        limits.count_call(client)
    assert caught.value.retry_after == 1
    clock.now += 0.5
    with pytest.raises(RateLimitExceeded):
        limits.count_call(client)
    clock.now += 0.5
    limits.count_call(client)
    limits.count_call(replace(OTHER, calls_per_minute=60))


def test_retry_after_is_in_whole_seconds() -> None:
    clock = Clock()
    limits, client = RateLimits(60, clock), replace(CLIENT, calls_per_minute=1)
    limits.count_call(client)
    for later, pause in ((0, 60), (0.5, 60), (30.5, 29), (28, 1)):
        clock.now += later
        with pytest.raises(RateLimitExceeded) as caught:
            limits.count_call(client)
        assert caught.value.retry_after == pause
    clock.now += 1
    limits.count_call(client)


def test_open_mode_has_no_limit() -> None:
    limits, everybody = RateLimits(60), replace(open_client("generic"), calls_per_minute=1)
    for _ in range(100):
        limits.count_call(everybody)


@pytest.mark.control("DOS-9")
def test_only_failures_count_against_an_address() -> None:
    clock = Clock()
    limits = RateLimits(12, clock)
    for _ in range(100):
        with limits.verification_slot("192.0.2.1"):
            pass
    for _ in range(12):
        limits.count_failure("192.0.2.1")
    with pytest.raises(RateLimitExceeded) as caught:
        limits.count_failure("192.0.2.1")
    assert caught.value.retry_after <= 5
    limits.count_failure("192.0.2.2")
    clock.now += 5
    limits.count_failure("192.0.2.1")


def used_up(address: str = "192.0.2.1") -> RateLimits:
    limits = RateLimits(1, Clock())
    limits.count_failure(address)
    return limits


def test_an_address_with_failures_can_still_authenticate() -> None:
    limits = used_up()
    for _ in range(100):
        with limits.verification_slot("192.0.2.1"):
            pass


def test_an_address_with_failures_gets_one_slot_at_a_time() -> None:
    limits = used_up()
    with limits.verification_slot("192.0.2.1"):
        with limits.verification_slot("192.0.2.2"), limits.verification_slot("192.0.2.2"):
            pass
        with pytest.raises(RateLimitExceeded) as caught, limits.verification_slot("192.0.2.1"):
            pass
        assert caught.value.retry_after == 1
    with pytest.raises(ValueError, match="a sign-in that failed"), limits.verification_slot("192.0.2.1"):
        raise ValueError("a sign-in that failed")
    with limits.verification_slot("192.0.2.1"):
        pass


def test_many_addresses_do_not_fill_the_memory() -> None:
    buckets = TokenBuckets(Clock())
    for number in range(10_050):
        buckets.take(str(number), 1)
    assert len(buckets._buckets) == 10_000
    buckets.take("0", 1)  # forgotten, so it begins anew
    with pytest.raises(RateLimitExceeded):
        buckets.take("10049", 1)


@pytest.mark.control("V15.4.1")
def test_threads_share_one_bucket() -> None:
    buckets, taken, lock = TokenBuckets(Clock()), [], threading.Lock()

    def call() -> None:
        for _ in range(50):
            try:
                buckets.take("x", 100)
            except RateLimitExceeded:
                continue
            with lock:
                taken.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 100
