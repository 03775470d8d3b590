"""Start servers as processes on a processor of their own, and read what they use from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds that a server may take to answer for the first time.
_PATIENCE = 60.0


class NotStarted(Exception):
    """A server did not answer; the message ends with what it wrote."""


@dataclass(frozen=True, slots=True)
class Processors:
    """Which processor serves and which one loads; the same one where there is no other."""

    serving: int
    loading: int

    @classmethod
    def of_this_machine(cls) -> Processors:
        """Return the first and the last processor that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[-1])

    @property
    def are_two(self) -> bool:
        """Return whether load and server do not disturb each other."""
        return self.serving != self.loading


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one process in bytes; `proportional` counts shared pages by their share."""

    resident: int
    proportional: int


def pinned(processor: int) -> Callable[[], None]:
    """Return what a child does first to stay on one processor."""
    return lambda: os.sched_setaffinity(0, {processor})


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


class Process:
    """A server that was started, with all the processes it starts itself."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path, processor: int) -> None:
        self._log = log
        self.started = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=ROOT,
                env=dict(environ),
                stdout=output,
                stderr=output,
                preexec_fn=pinned(processor),
                start_new_session=True,
            )

    def wait_for(self, answers: Callable[[], bool]) -> float:
        """Return after how many seconds it answered. Raises `NotStarted`."""
        ends = self.started + _PATIENCE
        while not answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                written = self._log.read_text(errors="replace")[-2000:]
                self.stop()
                raise NotStarted(f"no answer after {time.monotonic() - self.started:.0f} s: {written}")
            time.sleep(0.005)
        return time.monotonic() - self.started

    def processor_seconds(self) -> float:
        """Return the processor time of the process, its children, and those of them that have ended."""
        return sum(_processor_seconds(pid) for pid in self._all())

    def memory_of_worker(self) -> Memory:
        """Return the memory of the process that answers: the newest child, or the process itself."""
        found = {}
        for line in Path(f"/proc/{self._all()[-1]}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
        return Memory(found["Rss"], found["Pss"])

    def stop(self) -> None:
        """End the process and its children."""
        for how in (signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, how)
                try:
                    self._process.wait(10)
                except subprocess.TimeoutExpired:
                    continue
        self._process.wait(10)

    def _all(self) -> list[int]:
        pid = self._process.pid
        try:
            return [pid, *(int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        except FileNotFoundError:
            raise NotStarted(f"it has ended: {self._log.read_text(errors='replace')[-2000:]}") from None


def busy_seconds(processor: int) -> float:
    """Return for how long a processor has worked for anybody, or was taken from this machine (proc(5), stat)."""
    line = next(each for each in Path("/proc/stat").read_text().splitlines() if each.startswith(f"cpu{processor} "))
    user, nice, system, _idle, _waiting, irq, softirq, steal = (int(each) for each in line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _processor_seconds(pid: int) -> float:
    """Return user and system time, with those of ended children (proc(5), fields 14 to 17)."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it ended just now, and its parent has its time
        return 0.0
    return sum(int(each) for each in after_name[11:15]) / _TICKS
