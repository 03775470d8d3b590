"""Records that wait for a commit share it, and each caller hears of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from cds_service.store.databases.faults import StoreError, StoreFull, StoreUnavailable
from cds_service.store.group_commit import GroupCommit

_LONG = 30.0


class Disk:
    """A disk whose first commit takes until it is let go."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.began, self.go = threading.Event(), threading.Event()

    def write(self, batch: Sequence[str], ends: float) -> None:
        self.began.set()
        assert self.go.wait(_LONG)
        self.written.append(list(batch))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as threads:
        yield threads


def soon() -> float:
    return time.monotonic() + _LONG


def waits(committer: GroupCommit[str], count: int) -> Callable[[], bool]:
    return lambda: len(committer._queue) == count


def wait_until(true: Callable[[], bool]) -> None:
    ends = soon()
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.001)


def test_what_came_during_a_commit_is_written_with_the_next(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    committer = GroupCommit(disk.write)
    first = pool.submit(committer.add, "first", soon())
    assert disk.began.wait(_LONG)
    later = [pool.submit(committer.add, str(number), soon()) for number in range(20)]
    wait_until(waits(committer, 20))
    disk.go.set()
    for each in (first, *later):
        each.result(_LONG)
    assert [len(batch) for batch in disk.written] == [1, 20]
    assert sorted(disk.written[1], key=int) == [str(number) for number in range(20)]
    committer.close()


def test_no_caller_returns_before_its_record_is_written(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    committer = GroupCommit(disk.write)
    waiting = pool.submit(committer.add, "record", soon())
    assert disk.began.wait(_LONG)
    assert not waiting.done()
    disk.go.set()
    waiting.result(_LONG)
    assert disk.written == [["record"]]
    committer.close()


def test_a_caller_whose_time_is_over_leaves_and_is_not_written(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    committer = GroupCommit(disk.write)
    pool.submit(committer.add, "first", soon())
    assert disk.began.wait(_LONG)
    with pytest.raises(StoreUnavailable, match="in time"):
        committer.add("too late", time.monotonic() + 0.01)
    disk.go.set()
    committer.add("last", soon())
    assert disk.written == [["first"], ["last"]]
    committer.close()


@pytest.mark.parametrize("fault", [StoreUnavailable("gone"), StoreFull("full")])
def test_all_that_were_written_together_hear_of_a_failure(pool: ThreadPoolExecutor, fault: StoreError) -> None:
    disk = Disk()

    def write(batch: Sequence[str], ends: float) -> None:
        disk.write(batch, ends)
        raise fault

    committer = GroupCommit(write)
    callers = [pool.submit(committer.add, "first", soon())]
    assert disk.began.wait(_LONG)
    callers += [pool.submit(committer.add, str(number), soon()) for number in range(4)]
    wait_until(waits(committer, 4))
    disk.go.set()
    found = [each.exception(_LONG) for each in callers]
    assert [(type(each), str(each)) for each in found] == [(type(fault), str(fault))] * 5
    assert len(set(map(id, found))) == 5
    committer.close()


def test_a_record_that_cannot_be_written_fails_alone(pool: ThreadPoolExecutor) -> None:
    disk, kept = Disk(), []

    def write(batch: Sequence[str], ends: float) -> None:
        disk.write(batch, ends)
        if "bad" in batch:
            raise ValueError("bad")
        kept.extend(batch)

    committer = GroupCommit(write)
    callers = {"first": pool.submit(committer.add, "first", soon())}
    assert disk.began.wait(_LONG)
    for record in ("good", "bad", "fine"):
        callers[record] = pool.submit(committer.add, record, soon())
    wait_until(waits(committer, 3))
    disk.go.set()
    assert {record: type(each.exception(_LONG)) for record, each in callers.items()} == {
        "first": type(None),
        "good": type(None),
        "bad": ValueError,
        "fine": type(None),
    }
    assert sorted(kept) == ["fine", "first", "good"]
    committer.close()


def test_a_transaction_may_last_as_long_as_the_most_patient_waits(pool: ThreadPoolExecutor) -> None:
    ends_of: list[float] = []
    disk = Disk()

    def write(batch: Sequence[str], ends: float) -> None:
        ends_of.append(ends)
        disk.write(batch, ends)

    committer = GroupCommit(write)
    short, long = time.monotonic() + 20, time.monotonic() + 25
    pool.submit(committer.add, "first", short)
    assert disk.began.wait(_LONG)
    callers = [pool.submit(committer.add, "a", short), pool.submit(committer.add, "b", long)]
    wait_until(waits(committer, 2))
    disk.go.set()
    for each in callers:
        each.result(_LONG)
    assert ends_of == [short, long]
    committer.close()


def test_closing_writes_what_waits_and_ends_the_thread(pool: ThreadPoolExecutor) -> None:
    disk = Disk()
    committer = GroupCommit(disk.write)
    callers = [pool.submit(committer.add, "first", soon())]
    assert disk.began.wait(_LONG)
    callers.append(pool.submit(committer.add, "second", soon()))
    wait_until(waits(committer, 1))
    thread = committer._thread
    disk.go.set()
    committer.close()
    for each in callers:
        each.result(_LONG)
    assert disk.written == [["first"], ["second"]]
    assert thread is not None and not thread.is_alive()
    committer.add("after", soon())
    committer.close()
    assert disk.written[2] == ["after"]
