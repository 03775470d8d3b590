"""A token opens the door once, whoever asks and however often: by threads, and by processes that share the store."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from cds_service.clients.authentication import Authenticator, NotAuthenticated, ReplayGuard
from cds_service.clients.client import Client
from cds_service.store import StoreSettings, open_store
from tests.clients.forging import BASE, CLIENT, NOW, SERVICE, FixedKeys, bearer, by_pyjwt, claims, door, header, jwk

PROCESSES = 4


def test_the_same_token_opens_the_door_once() -> None:
    closed, token = door(), by_pyjwt(header(), claims())
    assert closed.authenticate(bearer(token), SERVICE) is CLIENT
    with pytest.raises(NotAuthenticated) as caught:
        closed.authenticate(bearer(token), SERVICE)
    assert caught.value.code == "replayed"


def test_a_new_token_with_a_used_id_is_refused_but_for_another_issuer() -> None:
    second = replace(CLIENT, name="second", issuer="https://second.example.org")
    closed = door(CLIENT, second)
    assert closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same"))), SERVICE) is CLIENT
    assert closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same", iss=second.issuer))), SERVICE) is second
    with pytest.raises(NotAuthenticated):
        closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same", sub="new"))), SERVICE)


def test_a_token_that_was_refused_can_be_used_where_it_belongs() -> None:
    closed, token = door(), by_pyjwt(header(), claims())
    with pytest.raises(NotAuthenticated):
        closed.authenticate(bearer(token), "/cds-services/rls-order-sign")
    assert closed.authenticate(bearer(token), SERVICE) is CLIENT


def test_threads_with_the_same_tokens_get_in_once_for_each() -> None:
    closed = door()
    tokens = [by_pyjwt(header(), claims()) for _ in range(50)]
    entered: list[str] = []

    def knock() -> None:
        for token in tokens:
            if _opens(closed, token):
                entered.append(token)

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(entered) == sorted(tokens)


@dataclass(frozen=True)
class StoreIn:
    """The shared guard of the service: a store in a folder. Each process opens its own."""

    folder: str

    def __call__(self) -> ReplayGuard:
        return open_store(StoreSettings(f"sqlite:///{self.folder}/store.sqlite"))


@pytest.mark.parametrize(
    ("tokens", "rounds"),
    [
        pytest.param(50, 5, id="1,000 tries"),
        pytest.param(500, 50, id="100,000 tries", marks=pytest.mark.full),
    ],
)
def test_processes_with_the_same_tokens_get_in_once_for_each(tmp_path: Path, tokens: int, rounds: int) -> None:
    client = replace(CLIENT, jwks_inline={"keys": [jwk("rsa", "rsa-1")]})
    made = [by_pyjwt(header(alg="RS384", kid="rsa-1"), claims(), "rsa") for _ in range(tokens)]
    context = multiprocessing.get_context("spawn")
    results: Queue[tuple[list[int], int]] = context.Queue()
    processes = [
        context.Process(target=knock_often, args=(StoreIn(str(tmp_path)), client, made, rounds, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join(60)
    entered = sorted(number for numbers, _ in answers for number in numbers)
    assert entered == list(range(tokens)), "each token opens the door exactly once over all processes"
    assert sum(refused for _, refused in answers) == PROCESSES * tokens * rounds - tokens


def knock_often(
    guard: Callable[[], ReplayGuard],
    client: Client,
    tokens: list[str],
    rounds: int,
    results: Queue[tuple[list[int], int]],
) -> None:
    """What one process does: every token again and again; the numbers of those that opened, and how many did not."""
    shared = guard()
    closed = Authenticator([client], shared, FixedKeys(), lambda: NOW, BASE)
    entered, refused = [], 0
    for _ in range(rounds):
        for number, token in enumerate(tokens):
            if _opens(closed, token):
                entered.append(number)
            else:
                refused += 1
    shared.close()  # type: ignore[attr-defined]
    results.put((entered, refused))


def _opens(closed: Authenticator, token: str) -> bool:
    try:
        closed.authenticate(bearer(token), SERVICE)
    except NotAuthenticated as fault:
        assert fault.code == "replayed"
        return False
    return True
