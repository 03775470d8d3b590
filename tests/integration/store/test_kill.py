"""kill -9 during feedback: nothing acknowledged is lost, nothing is recorded twice.

Ten rounds by default; the long form: pytest -m full tests/integration/store/test_kill.py
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy

from cards.facts.card import Expectation
from cds_service.store import FeedbackItem, FeedbackResult, Store, StoreSettings, open_store
from cds_service.store.schema import expectation, feedback_event
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, an_answer

WORKERS = 4


def _work(settings: StoreSettings, log: int) -> None:
    """Issue a card, send feedback on it, and log what was sent and acknowledged, in an endless loop."""
    store = open_store(settings)
    while True:
        card = replace(a_card(), expects=Expectation("result", ("ferritin",), NOW.date()))
        store.record_answer(an_answer(card, patient_id=card.uuid, settle=lambda asked: None))
        os.write(log, f"sent {card.uuid}\n".encode())
        store.record_feedback(CLIENT, SERVICE, _batch(card.uuid), NOW)
        os.write(log, f"acked {card.uuid}\n".encode())


def _batch(card: str) -> list[FeedbackItem]:
    """Build two events that must be recorded together."""
    return [FeedbackItem(card, "overridden", NOW - timedelta(seconds=second)) for second in range(2)]


def _start(settings: StoreSettings, log: Path) -> int:
    child = os.fork()
    if child:
        return child
    try:  # pragma: no cover - in the child
        _work(settings, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    finally:
        os._exit(1)


@dataclass(frozen=True)
class Noted:
    sent: frozenset[str]
    acked: frozenset[str]


def _noted(log: Path) -> Noted:
    words = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return Noted(
        frozenset(card for word, card in words if word == "sent"),
        frozenset(card for word, card in words if word == "acked"),
    )


def _round(settings: StoreSettings, log: Path, dice: random.Random, warm: int) -> Noted:
    """Kill the workers at random moments; the first is replaced while the others continue."""
    workers = [_start(settings, log) for _ in range(WORKERS)]
    deadline = time.monotonic() + 60
    while len(_noted(log).acked) < warm and time.monotonic() < deadline:
        os.sched_yield()
    _kill(workers.pop(dice.randrange(WORKERS)), dice)
    workers.append(_start(settings, log))
    while workers:
        _kill(workers.pop(dice.randrange(len(workers))), dice)
    return _noted(log)


def _kill(worker: int, dice: random.Random) -> None:
    time.sleep(dice.random() * 0.02)  # the random moment is the point of the test, not a wait for something
    os.kill(worker, signal.SIGKILL)
    assert os.waitpid(worker, 0)[1] == signal.SIGKILL


def _rows(engine: sqlalchemy.Engine) -> dict[str, int]:
    counted = sqlalchemy.select(feedback_event.c.card_uuid, sqlalchemy.func.count())
    with engine.connect() as connection:
        return dict(connection.execute(counted.group_by(feedback_event.c.card_uuid)).all())  # type: ignore[arg-type]


def _endure(settings: StoreSettings, engine: sqlalchemy.Engine, folder: Path, rounds: int, warm: int) -> None:
    dice = random.Random(20260329)  # noqa: S311 - moments, not secrets
    lost = torn = 0
    sent: set[str] = set()
    acked: set[str] = set()
    for number in range(rounds):
        noted = _round(settings, folder / f"round-{number}", dice, warm)
        sent |= noted.sent
        acked |= noted.acked
        rows = _rows(engine)
        lost += len(noted.acked - rows.keys())
        torn += sum(1 for count in rows.values() if count != 2)
        assert _is_whole(engine)
    assert acked <= _rows(engine).keys()
    with engine.connect() as connection:
        asked = set(connection.execute(sqlalchemy.select(expectation.c.card_uuid)).scalars())
    assert acked <= asked, "what a card asks for is kept with the card"
    store = open_store(settings)
    twice = _send_again(store, Noted(frozenset(sent), frozenset(acked)))
    report = store.verify_audit()
    store.close()
    print(
        f"{engine.dialect.name}: {rounds} rounds, {len(acked)} batches acknowledged, {lost} lost, "
        f"{torn} torn, {twice} doubled; audit chain of {report.rows} rows, {len(report.faults)} faults"
    )
    assert (lost, torn, twice, report.faults) == (0, 0, 0, ())
    assert len(acked) >= rounds * warm


def _is_whole(engine: sqlalchemy.Engine) -> bool:
    if engine.dialect.name != "sqlite":
        return True  # its server was not killed
    with engine.connect() as connection:
        return connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def _send_again(store: Store, noted: Noted) -> int:
    """Repeat all batches, as a client without a response does; acknowledged ones must be known already."""
    doubled = 0
    for card in sorted(noted.sent):
        result = store.record_feedback(CLIENT, SERVICE, _batch(card), NOW)
        doubled += card in noted.acked and result != FeedbackResult(repeated=2)
        doubled += result not in (FeedbackResult(repeated=2), FeedbackResult(recorded=2))
    return doubled


@pytest.mark.control("FB-5")
def test_nothing_acknowledged_is_lost(
    settings: StoreSettings, store: Store, engine: sqlalchemy.Engine, tmp_path: Path
) -> None:
    store.close()
    _endure(settings, engine, tmp_path, rounds=10, warm=20)


@pytest.mark.full
def test_nothing_acknowledged_is_lost_in_the_long_run(
    settings: StoreSettings,
    store: Store,
    engine: sqlalchemy.Engine,
    tmp_path: Path,
) -> None:
    store.close()
    _endure(settings, engine, tmp_path, rounds=200 if engine.dialect.name == "sqlite" else 100, warm=100)
