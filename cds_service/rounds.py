"""What is done again and again beside the calls: one thread of a worker, one piece of work at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cds_service.log import log_bug


@dataclass(frozen=True, slots=True)
class Round:
    """A piece of work, done at the start and then every so many seconds."""

    name: str
    seconds: float
    work: Callable[[], object]


class Rounds:
    """`start` begins, `stop` ends after the piece under way. A piece that fails is told and done again in its turn."""

    def __init__(self, rounds: Iterable[Round], failed: Callable[[str], None]) -> None:
        """`failed` is told the name of a piece that raised."""
        self._rounds, self._failed = tuple(rounds), failed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        due = {each.name: time.monotonic() for each in self._rounds}
        while not self._stopped.is_set():
            for each in self._rounds:
                if due[each.name] <= time.monotonic() and not self._stopped.is_set():
                    self._do(each)
                    due[each.name] = time.monotonic() + each.seconds
            self._stopped.wait(max(0.0, min(due.values()) - time.monotonic()))

    def _do(self, each: Round) -> None:
        try:
            each.work()
        except Exception as fault:  # noqa: BLE001 - the outermost edge of this thread; the next round must come
            log_bug(fault, "")
            self._failed(each.name)
