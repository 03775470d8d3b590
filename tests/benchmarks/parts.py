"""Tell the parts of a call apart: how much processor time each takes, and how many functions it calls.

`python -m tests.benchmarks.parts SETTINGS` measures one process; `python -m tests.benchmarks --profile` runs it.
Each part is a function of the service; what a part calls that is itself a part counts there alone. The parts are
watched at their borders, where a clock is read, so that the time is that of an ordinary run. Calls are counted in
another pass.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.monitoring.workers import FOLDER
from tests.benchmarks.bodies import BY_NAME, Case
from tests.benchmarks.in_process import calls_that_take
from tests.benchmarks.wsgi import caller, in_this_process, profiling_this_thread, profiling_threads

_OURS = ("cards", "cds_service")
REST, ELSEWHERE = "Flask and the routes", "other threads"
#: How often the calls are timed, of which the quickest counts; and for how many they are counted.
_BATCHES, _COUNTED = 8, 40
#: The parts in the order of a call, each with the functions where it begins.
PARTS: Mapping[str, tuple[str, ...]] = {
    "who calls": ("cds_service.server.assembly:RequestAuthenticator.authenticate",),
    "read the body": ("cds_service.web.body:read_body",),
    "parse JSON": ("cds_service.web.json_reader:read_json",),
    "envelope": ("cds_service.hooks.request:HookRequest.parse",),
    "answer: the rest": ("cds_service.calls.answer:answer",),
    "gather": ("cds_service.calls.gather:gather",),
    "drafts before the chart": ("cards.reading:read_orders", "cards.decisions.shared.judged:has_draft_to_judge"),
    "read_chart: labs": ("cards.reading.results:read_results",),
    "read_chart: diagnoses": ("cards.reading.diagnoses:read_diagnoses",),
    "read_chart: drugs": (
        "cards.reading.medications:read_drugs",
        "cards.reading.medications:has_unknown_drugs",
        "cards.reading.drafts:read_drafts",
    ),
    "read_chart: the rest": ("cards.reading:read_chart",),
    "decide": ("cards.decisions.decide:decide",),
    "present": (
        "cards.decisions.decide:to_be_shown",
        "cards.presenting.present:present",
        "cards.presenting.present:lists_not_evaluated",
        "cards.presenting.present:not_evaluated",
    ),
    "store: overrides": ("cds_service.store.sql_store:SqlStore.suppressed",),
    "store: record": (
        "cds_service.store.sql_store:SqlStore.record_answer",
        "cds_service.store.sql_store:SqlStore._write_answers",
    ),
    "log": ("cds_service.app:log_call",),
    "metrics": ("cds_service.monitoring.monitor:Monitor.count",),
    "write JSON": ("cds_service.web.errors:json_response",),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a call costs: processor time, calls of Python functions, and calls of built-in ones."""

    name: str
    milliseconds: float
    calls: float
    builtin_calls: float


class _Under(threading.local):
    """What is under way in one thread: the parts that have begun, and since when the last one was not charged."""

    def __init__(self) -> None:
        is_caller = threading.current_thread() is threading.main_thread()
        self.parts = [REST if is_caller else ELSEWHERE]
        self.since = time.thread_time_ns()


class Watch:
    """Charges processor time and calls to the part that is under way in each thread; calls come from the main one."""

    def __init__(self) -> None:
        self.nanoseconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.builtin_calls: Counter[str] = Counter()
        self.is_counting = False
        self._under = _Under()

    def enter(self, part: str) -> None:
        """Begin a part."""
        self.charge()
        self._under.parts.append(part)

    def leave(self) -> None:
        """Go on with the part around it."""
        self.charge()
        self._under.parts.pop()

    def charge(self) -> None:
        """Charge what came since the last border."""
        under, now = self._under, time.thread_time_ns()
        self.nanoseconds[under.parts[-1]] += now - under.since
        under.since = now

    def forget(self) -> None:
        """Begin to count anew."""
        self._under.since = time.thread_time_ns()
        for counter in (self.nanoseconds, self.calls, self.builtin_calls):
            counter.clear()

    def count(self, frame: FrameType, event: str, argument: Any) -> None:
        """Count one event of the interpreter: a call of a function, or of a built-in one."""
        if self.is_counting and event in ("call", "c_call") and frame.f_code.co_filename != __file__:
            counter = self.calls if event == "call" else self.builtin_calls
            counter[self._under.parts[-1]] += 1


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Watch the borders of all parts: build the application within the block."""
    undo: list[tuple[Any, str, Any]] = []
    for part, beginnings in PARTS.items():
        for beginning in beginnings:
            for owner, name, found in _places(beginning):
                undo.append((owner, name, found))
                setattr(owner, name, _wrapped(found, part, watch))
    try:
        yield
    finally:
        for owner, name, found in undo:
            setattr(owner, name, found)


def _places(beginning: str) -> list[tuple[Any, str, Any]]:
    """Return every place where a function is held under a name: its class, or each module that imported it."""
    module, _, path = beginning.partition(":")
    holder, _, name = path.rpartition(".")
    if holder:
        owner = getattr(import_module(module), holder)
        return [(owner, name, vars(owner)[name])]
    function = getattr(import_module(module), name)
    modules = [each for key, each in sys.modules.items() if key.partition(".")[0] in _OURS]
    return [(each, key, function) for each in modules for key, value in vars(each).items() if value is function]


def _wrapped(function: Any, part: str, watch: Watch) -> Any:
    if isinstance(function, classmethod):
        return classmethod(_wrapped(function.__func__, part, watch))

    @wraps(function)
    def bordered(*given: Any, **named: Any) -> Any:
        watch.enter(part)
        try:
            return function(*given, **named)
        finally:
            watch.leave()

    return bordered


def profile(settings: Settings, log: Path, case: Case, seconds: float, clock: Callable[[], datetime]) -> list[Part]:
    """Return what each part of this call costs; the calls are counted in another service than is timed."""
    import_module("cds_service.store.sql_store")  # which is imported late
    bodies, watch = case.bodies(clock().date()), Watch()
    with watched(watch), in_this_process(settings, log, clock) as app:
        spent = _milliseconds(caller(app, case.path, bodies), watch, seconds)
    with profiling_threads(watch.count), watched(watch), in_this_process(settings, log, clock) as app:
        _count(caller(app, case.path, bodies), watch)
    return [
        Part(name, spent[name], watch.calls[name] / _COUNTED, watch.builtin_calls[name] / _COUNTED)
        for name in (*PARTS, REST, ELSEWHERE)
    ]


def _milliseconds(call: Callable[[int], bytes], watch: Watch, seconds: float) -> Mapping[str, float]:
    """Return the processor time of each part of one call, of the batch that others disturbed least."""
    many = calls_that_take(call, seconds / _BATCHES)
    batches = []
    for _ in range(_BATCHES):
        watch.forget()
        for number in range(many):
            call(number)
        watch.charge()
        batches.append(Counter(watch.nanoseconds))
    spent = min(batches, key=Counter.total)
    return {name: spent[name] / many / 1e6 for name in (*PARTS, REST, ELSEWHERE)}


def _count(call: Callable[[int], bytes], watch: Watch) -> None:
    for number in range(_COUNTED):
        call(number)
    watch.forget()
    with profiling_this_thread(watch.count):
        watch.is_counting = True
        for number in range(_COUNTED):
            call(number)
        watch.is_counting = False


def table(title: str, parts: list[Part]) -> str:
    """Return the parts as a table, each with its share."""
    time_of_all = sum(each.milliseconds for each in parts) or 1.0
    calls_of_all = sum(each.calls for each in parts) or 1.0
    lines = [f"{title:<26}{'CPU ms':>9}{'share':>8}{'calls':>10}{'share':>8}{'built-in':>10}"]
    for each in (*parts, Part("all", time_of_all, calls_of_all, sum(each.builtin_calls for each in parts))):
        lines.append(
            f"{each.name:<26}{each.milliseconds:>9.3f}{each.milliseconds / time_of_all:>8.1%}"
            f"{each.calls:>10.0f}{each.calls / calls_of_all:>8.1%}{each.builtin_calls:>10.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.parts", description=__doc__)
    parser.add_argument("settings", type=Path, help="the settings file of the service")
    parser.add_argument("--case", choices=sorted(BY_NAME), default="view-20")
    parser.add_argument("--seconds", type=float, default=2.0, help="of processor time")
    asked = parser.parse_args()
    settings, log = load_settings(asked.settings, os.environ), asked.settings.with_suffix(".log")
    parts = profile(settings, log, BY_NAME[asked.case], asked.seconds, lambda: datetime.now(UTC))
    json.dump([asdict(each) for each in parts], sys.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="rls-cds-metrics-") as folder:
        os.environ[FOLDER] = folder  # read when the first metric is made
        main()
