"""A store that is not there yet: calls are refused with the reason, and served once it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cds_service.store import (
    NullStore,
    Store,
    StoreBusy,
    StoreError,
    StoreSettings,
    StoreSlow,
    StoreUnavailable,
    WrongKeys,
    open_late,
    place_of,
)
from cds_service.store.late import LateStore

NOW = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)


class Opening:
    """Raises the given faults one after the other, each once the test lets it, and then opens a store."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.states: list[str] = []
        self.reported, self.may_go_on = threading.Semaphore(0), threading.Semaphore(1)

    def __call__(self) -> Store:
        assert self.may_go_on.acquire(timeout=30)
        if self._faults:
            raise self._faults.pop(0)
        return NullStore()

    def on_state(self, state: str) -> None:
        self.states.append(state)
        self.reported.release()

    def wait(self) -> None:
        assert self.reported.acquire(timeout=30)


USES: list[Callable[[Store], object]] = [
    lambda store: store.within(0.0),
    lambda store: store.first_use("issuer", "jti", NOW, NOW),
    lambda store: store.record_feedback("client", "service", [], NOW),
    lambda store: store.verify_audit(),
    lambda store: store.cards_by_day(NOW, NOW),
    lambda store: store.export_feedback(None, "me", NOW),
]


@pytest.mark.parametrize("fault", [StoreUnavailable("nothing listens"), WrongKeys("other keys"), ZeroDivisionError()])
def test_calls_are_refused_with_the_reason_until_the_store_is_open(fault: Exception) -> None:
    opening = Opening(fault)
    store = LateStore(opening, opening.on_state)
    opening.wait()
    (reason,) = store.health(NOW).faults
    assert reason == (str(fault) if isinstance(fault, StoreError) else "the store cannot be opened (ZeroDivisionError)")
    for use in USES:
        with pytest.raises(StoreUnavailable) as refused:
            use(store)
        assert str(refused.value) == reason
    opening.may_go_on.release()
    opening.wait()
    assert opening.states == [reason, ""]
    assert store.health(NOW).faults == ()
    for use in USES:
        use(store)
    store.close()


def test_a_store_that_is_there_is_open_at_once() -> None:
    opening = Opening()
    store = LateStore(opening, opening.on_state)
    assert store.first_use("issuer", "jti", NOW, NOW)
    assert not store.first_use("issuer", "jti", NOW, NOW)
    store.close()


@pytest.mark.parametrize("kind", [StoreSlow, StoreBusy])
@pytest.mark.parametrize("attempts", [1, 3])
def test_a_store_that_is_slow_to_answer_is_waited_for(kind: type[StoreError], attempts: int) -> None:
    opening = Opening(*(kind("the store did not answer in time") for _ in range(attempts)))
    for _ in range(attempts):
        opening.may_go_on.release()
    store = LateStore(opening, opening.on_state)
    assert opening.states == ["the store did not answer in time", ""]
    assert store.first_use("issuer", "jti", NOW, NOW)
    store.close()


def test_a_store_that_stays_slow_is_given_up_at_the_start_and_opened_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.store.late._AT_START", 0.0)
    opening = Opening(StoreSlow("the store did not answer in time"))
    store = LateStore(opening, opening.on_state)
    opening.wait()
    with pytest.raises(StoreUnavailable):
        store.within(0.0)
    opening.may_go_on.release()
    opening.wait()
    assert store.first_use("issuer", "jti", NOW, NOW)
    store.close()


class Closable(NullStore):
    """A store that tells when it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Semaphore(0)

    def close(self) -> None:
        self.closed.release()


def test_a_store_that_opens_after_the_end_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.store.late._AT_START", 0.0)
    opened, may_open, states = Closable(), threading.Event(), []

    def open_slowly() -> Store:
        assert may_open.wait(30)
        return opened

    store = LateStore(open_slowly, states.append)
    store.close()
    may_open.set()
    assert opened.closed.acquire(timeout=30)
    assert not opened.closed.acquire(timeout=0.05), "it is closed once"
    assert states == []


def test_a_store_that_was_open_is_closed_once() -> None:
    opened = Closable()
    LateStore(lambda: opened, lambda state: None).close()
    assert opened.closed.acquire(timeout=30) and not opened.closed.acquire(timeout=0.05)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:secret@db.example.org:5432/rls", "database rls at db.example.org"),
        ("postgresql:///rls?host=/run/postgresql", "database rls at /run/postgresql"),
        ("postgresql:///rls?host=one&host=two", "database rls at one, two"),
        ("postgresql:///rls", "database rls at the local socket"),
        ("sqlite:////data/store.sqlite", "/data/store.sqlite"),
    ],
)
def test_a_store_is_named_by_its_place_without_its_password(url: str, place: str) -> None:
    assert place_of(StoreSettings(url)) == place


def test_without_an_address_nothing_is_opened_late() -> None:
    assert isinstance(open_late(StoreSettings(""), lambda state: None), NullStore)
