"""A token is accepted once: across threads, and across processes that share the store."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from cds_service.auth.authentication import AuthenticationFailed, ReplayGuard, TokenAuthenticator
from cds_service.config.client import Client
from cds_service.store import StoreSettings, open_store
from tests.builders.tokens import (
    BASE,
    CLIENT,
    NOW,
    SERVICE,
    FixedKeys,
    bearer,
    by_pyjwt,
    claims,
    header,
    jwk,
    token_authenticator,
)

PROCESSES = 4


@pytest.mark.control("JWT-7")
def test_a_token_is_accepted_once() -> None:
    closed, token = token_authenticator(), by_pyjwt(header(), claims())
    assert closed.authenticate(bearer(token), SERVICE) is CLIENT
    with pytest.raises(AuthenticationFailed) as caught:
        closed.authenticate(bearer(token), SERVICE)
    assert caught.value.code == "replayed"


def test_a_new_token_with_a_used_id_is_refused_but_for_another_issuer() -> None:
    second = replace(CLIENT, name="second", issuer="https://second.example.org")
    closed = token_authenticator(CLIENT, second)
    assert closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same"))), SERVICE) is CLIENT
    assert closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same", iss=second.issuer))), SERVICE) is second
    with pytest.raises(AuthenticationFailed):
        closed.authenticate(bearer(by_pyjwt(header(), claims(jti="same", sub="new"))), SERVICE)


def test_a_token_that_was_refused_can_be_used_where_it_belongs() -> None:
    closed, token = token_authenticator(), by_pyjwt(header(), claims())
    with pytest.raises(AuthenticationFailed):
        closed.authenticate(bearer(token), "/cds-services/rls-order-sign")
    assert closed.authenticate(bearer(token), SERVICE) is CLIENT


@pytest.mark.control("JWT-7")
def test_threads_use_each_token_once() -> None:
    closed = token_authenticator()
    tokens = [by_pyjwt(header(), claims()) for _ in range(50)]
    entered: list[str] = []

    def use_token() -> None:
        for token in tokens:
            if _accepts(closed, token):
                entered.append(token)

    threads = [threading.Thread(target=use_token) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(entered) == sorted(tokens)


@dataclass(frozen=True)
class StoreIn:
    """The shared replay guard, a store in a folder; each process opens its own."""

    folder: str

    def __call__(self) -> ReplayGuard:
        return open_store(StoreSettings(f"sqlite:///{self.folder}/store.sqlite"))


@pytest.mark.control("JWT-7")
@pytest.mark.parametrize(
    ("tokens", "rounds"),
    [
        pytest.param(50, 5, id="1,000 tries"),
        pytest.param(500, 50, id="100,000 tries", marks=pytest.mark.full),
    ],
)
def test_processes_use_each_token_once(tmp_path: Path, tokens: int, rounds: int) -> None:
    client = replace(CLIENT, jwks_inline={"keys": [jwk("rsa", "rsa-1")]})
    made = [by_pyjwt(header(alg="RS384", kid="rsa-1"), claims(), "rsa") for _ in range(tokens)]
    context = multiprocessing.get_context("spawn")
    results: Queue[tuple[list[int], int]] = context.Queue()
    processes = [
        context.Process(target=use_tokens_repeatedly, args=(StoreIn(str(tmp_path)), client, made, rounds, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join(60)
    entered = sorted(number for numbers, _ in answers for number in numbers)
    assert entered == list(range(tokens)), "each token is accepted exactly once over all processes"
    assert sum(refused for _, refused in answers) == PROCESSES * tokens * rounds - tokens


def use_tokens_repeatedly(
    guard: Callable[[], ReplayGuard],
    client: Client,
    tokens: list[str],
    rounds: int,
    results: Queue[tuple[list[int], int]],
) -> None:
    """Use every token repeatedly in one process; report which were accepted, and how many uses were refused."""
    shared = guard()
    closed = TokenAuthenticator([client], shared, FixedKeys(), lambda: NOW, BASE)
    entered, refused = [], 0
    for _ in range(rounds):
        for number, token in enumerate(tokens):
            if _accepts(closed, token):
                entered.append(number)
            else:
                refused += 1
    shared.close()  # type: ignore[attr-defined]
    results.put((entered, refused))


def _accepts(closed: TokenAuthenticator, token: str) -> bool:
    try:
        closed.authenticate(bearer(token), SERVICE)
    except AuthenticationFailed as fault:
        assert fault.code == "replayed"
        return False
    return True
