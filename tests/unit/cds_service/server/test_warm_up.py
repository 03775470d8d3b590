"""What the master loads before it forks is memory alone: nothing that two processes may not share."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from cards.remembered import all_counts
from cds_service.config.settings import Settings
from cds_service.server.warm_up import warm_up
from tests.builders.service import NOW

OPEN_FILES = Path("/proc/self/fd")


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="this system does not list the open files of a process")
def test_warming_up_leaves_no_thread_and_no_open_file() -> None:
    warm_up(Settings(), lambda: NOW)
    threads, files = threading.enumerate(), sorted(each.name for each in OPEN_FILES.iterdir())
    warm_up(Settings(), lambda: NOW)
    assert threading.enumerate() == threads
    assert sorted(each.name for each in OPEN_FILES.iterdir()) == files


def test_warming_up_loads_modules_and_vocabulary() -> None:
    warm_up(Settings(), lambda: NOW)
    assert "jwt" in sys.modules
    assert sum(counts.held for counts in all_counts().values()) > 0


def test_what_was_asked_before_the_fork_is_not_counted() -> None:
    warm_up(Settings(), lambda: NOW)
    assert {(counts.found, counts.missed) for counts in all_counts().values()} == {(0, 0)}


def test_a_patient_who_cannot_be_answered_does_not_stop_the_start() -> None:
    warm_up(Settings(), lambda: NOW.replace(year=2))
