"""How often one may call, with a clock of the test."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cds_service.clients.profiles import open_client
from cds_service.clients.rate_limit import Buckets, RateLimits, TooMany, caller_address
from tests.clients.forging import CLIENT, OTHER


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_client_may_call_a_minutes_worth_at_once_and_then_at_its_pace() -> None:
    clock = Clock()
    limits, client = RateLimits(60, clock), replace(CLIENT, calls_per_minute=60)
    for _ in range(60):
        limits.count_call(client)
    with pytest.raises(TooMany) as caught:
        limits.count_call(client)
    assert caught.value.retry_after == 1
    clock.now += 0.5
    with pytest.raises(TooMany):
        limits.count_call(client)
    clock.now += 0.5
    limits.count_call(client)
    limits.count_call(replace(OTHER, calls_per_minute=60))


def test_the_pause_is_told_in_whole_seconds() -> None:
    clock = Clock()
    limits, client = RateLimits(60, clock), replace(CLIENT, calls_per_minute=1)
    limits.count_call(client)
    for later, pause in ((0, 60), (0.5, 60), (30.5, 29), (28, 1)):
        clock.now += later
        with pytest.raises(TooMany) as caught:
            limits.count_call(client)
        assert caught.value.retry_after == pause
    clock.now += 1
    limits.count_call(client)


def test_open_mode_has_no_limit() -> None:
    limits, everybody = RateLimits(60), replace(open_client("generic"), calls_per_minute=1)
    for _ in range(100):
        limits.count_call(everybody)


def test_only_failures_count_against_an_address() -> None:
    clock = Clock()
    limits = RateLimits(12, clock)
    for _ in range(100):
        with limits.turn("192.0.2.1"):
            pass
    for _ in range(12):
        limits.count_failure("192.0.2.1")
    with pytest.raises(TooMany) as caught:
        limits.count_failure("192.0.2.1")
    assert caught.value.retry_after <= 5
    limits.count_failure("192.0.2.2")
    clock.now += 5
    limits.count_failure("192.0.2.1")


def used_up(address: str = "192.0.2.1") -> RateLimits:
    limits = RateLimits(1, Clock())
    limits.count_failure(address)
    return limits


def test_an_address_whose_sign_ins_failed_may_still_sign_in() -> None:
    limits = used_up()
    for _ in range(100):
        with limits.turn("192.0.2.1"):
            pass


def test_its_sign_ins_are_looked_at_one_at_a_time_and_those_of_others_at_once() -> None:
    limits = used_up()
    with limits.turn("192.0.2.1"):
        with limits.turn("192.0.2.2"), limits.turn("192.0.2.2"):
            pass
        with pytest.raises(TooMany) as caught, limits.turn("192.0.2.1"):
            pass
        assert caught.value.retry_after == 1
    with pytest.raises(ValueError, match="a sign-in that failed"), limits.turn("192.0.2.1"):
        raise ValueError("a sign-in that failed")
    with limits.turn("192.0.2.1"):
        pass


def test_many_addresses_do_not_fill_the_memory() -> None:
    buckets = Buckets(Clock())
    for number in range(10_050):
        buckets.take(str(number), 1)
    assert len(buckets._buckets) == 10_000
    buckets.take("0", 1)  # forgotten, so it begins anew
    with pytest.raises(TooMany):
        buckets.take("10049", 1)


def test_threads_share_one_bucket() -> None:
    buckets, taken, lock = Buckets(Clock()), [], threading.Lock()

    def call() -> None:
        for _ in range(50):
            try:
                buckets.take("x", 100)
            except TooMany:
                continue
            with lock:
                taken.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 100


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "caller"),
    [
        ("192.0.2.1", None, (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", (), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "not an address", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, x, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.2"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("fd00::1", "2001:db8::1", ("10.0.0.0/8", "fd00::/8"), "2001:db8::1"),
        ("", "198.51.100.1", ("10.0.0.0/8",), ""),
    ],
)
def test_the_caller_behind_a_proxy(peer: str, forwarded: str | None, proxies: tuple[str, ...], caller: str) -> None:
    assert caller_address(peer, forwarded, proxies) == caller
