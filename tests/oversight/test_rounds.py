"""Work beside the calls: done at the start, again in its turn, and on after a failure."""

from __future__ import annotations

import threading

from cds_service.rounds import Round, Rounds
from tests.oversight.build import log_read_back


def test_each_piece_is_done_at_the_start_and_again_in_its_turn() -> None:
    often, seldom, done = [], [], threading.Event()

    def work() -> None:
        often.append(1)
        if len(often) == 5:
            done.set()

    rounds = Rounds([Round("often", 0.001, work), Round("seldom", 3600, lambda: seldom.append(1))], lambda name: None)
    rounds.start()
    assert done.wait(10)
    rounds.stop()
    assert seldom == [1]


def test_a_piece_that_fails_is_told_without_its_words_and_done_again() -> None:
    tries, failed, done = [], [], threading.Event()

    def work() -> None:
        tries.append(1)
        if len(tries) == 3:
            done.set()
        raise ValueError("CANARY-in-an-exception")

    with log_read_back() as log:
        rounds = Rounds([Round("fragile", 0.001, work)], failed.append)
        rounds.start()
        assert done.wait(10)
        rounds.stop()
    assert failed[:3] == ["fragile"] * 3
    assert "ValueError" in log.getvalue() and "CANARY" not in log.getvalue()


def test_stopping_ends_it_and_stopping_before_the_start_does_no_harm() -> None:
    rounds = Rounds([Round("idle", 3600, lambda: None)], lambda name: None)
    rounds.stop()
    rounds = Rounds([Round("idle", 3600, lambda: None)], lambda name: None)
    rounds.start()
    rounds.stop()
    assert not rounds._thread.is_alive()
