"""Change marks: every change within a period is marked on its day, and nothing that held before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cds_service.monitoring.evidence import CONFIGURATION
from cds_service.monitoring.follow_up import report
from cds_service.store import EvidenceCount, Store, StoreSettings, open_store
from tests.builders.monitored import KEYS
from tests.builders.store_records import a_card, an_answer

#: The period shown begins on day 0 and has thirty days.
SINCE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(StoreSettings(f"sqlite:///{tmp_path}/store.sqlite", **KEYS))
    yield opened
    opened.close()


def issue(store: Store, day: int, *versions: str, card: str = "IRONLOW", **how: object) -> None:
    for version in versions:
        issued = replace(a_card(card), rule_version=version, **how)  # type: ignore[arg-type]
        store.record_answer(an_answer(issued, issued_at=SINCE + timedelta(days=day, hours=14)))


def marks(store: Store, since: datetime = SINCE) -> list[tuple[int, str]]:
    """Return what is marked, each with its day of the period."""
    found = report(store, since, SINCE + timedelta(days=30)).marks
    return [((each.day - SINCE.date()).days, each.what) for each in found]


#: Versions of one card by day, and the marks: day and version.
VERSIONS: Mapping[str, tuple[dict[int, tuple[str, ...]], list[tuple[int, str]]]] = {
    "nothing changed": ({-1: ("1",), 0: ("1",), 9: ("1",)}, []),
    "changed between the last card before and the first within": ({-5: ("1",), 3: ("2",)}, [(3, "2")]),
    "changed on the first day": ({-1: ("1",), 0: ("2",)}, [(0, "2")]),
    "changed long after the card was last issued": ({-300: ("1",), 3: ("2",)}, [(3, "2")]),
    "changed more than a year after the card was last issued": ({-700: ("1",), 3: ("2",), 5: ("3",)}, [(5, "3")]),
    "changed before": ({-9: ("1",), -1: ("2",), 0: ("2",)}, []),
    "replaced since the day before": ({-1: ("1", "2"), 0: ("1",), 4: ("2",)}, [(0, "1"), (4, "2")]),
    "side by side before and after": ({-1: ("1", "2"), 0: ("1", "2"), 4: ("2",)}, []),
    "side by side for some days": ({-1: ("1",), 3: ("1", "2"), 4: ("1", "2"), 5: ("2",)}, [(3, "2")]),
    "back to the one before": ({-1: ("1",), 3: ("1", "2"), 5: ("1",)}, [(3, "2"), (5, "1")]),
    "never issued before": ({3: ("1",), 7: ("2",)}, [(7, "2")]),
}  # fmt: skip


@pytest.mark.parametrize("what", VERSIONS)
def test_a_version_is_marked_where_it_is_new(store: Store, what: str) -> None:
    issued, expected = VERSIONS[what]
    for day, versions in issued.items():
        issue(store, day, *versions)
    assert marks(store) == [(day, f"IRONLOW version {version}") for day, version in expected]


def test_each_card_has_versions_of_its_own(store: Store) -> None:
    issue(store, -20, "1", card="B12LOW")
    issue(store, -1, "7")
    issue(store, 2, "8")
    issue(store, 6, "2", card="B12LOW")
    assert marks(store) == [(2, "IRONLOW version 8"), (6, "B12LOW version 2")]


@pytest.mark.parametrize("how", [{"suppressed": True}, {"arm": "holdout"}], ids=str)
def test_a_card_that_was_not_shown_tells_its_version_too(store: Store, how: dict[str, object]) -> None:
    issue(store, -1, "1", **how)
    issue(store, 2, "2", **how)
    assert marks(store) == [(2, "IRONLOW version 2")]


def test_a_period_that_begins_within_a_day_takes_the_whole_day(store: Store) -> None:
    issue(store, -1, "1")
    issue(store, 0, "2")
    assert marks(store, SINCE + timedelta(hours=15)) == [(0, "IRONLOW version 2")]


def note(store: Store, day: int, *kinds: str) -> None:
    on: date = SINCE.date() + timedelta(days=day)
    store.add_evidence(EvidenceCount(on, "", CONFIGURATION, kind, 1) for kind in kinds)


def test_every_note_is_marked_also_from_what_held_before_the_period_and_back(store: Store) -> None:
    for day, number in ((-40, 1), (3, 2), (8, 1), (9, 1)):
        note(store, day, f"release {number}")
    note(store, 3, "hold-out share 0")
    assert marks(store) == [(3, "release 2"), (8, "release 1")]


def test_what_held_already_is_not_marked_on_a_day_that_began_with_it(store: Store) -> None:
    """Workers of the former release end on the day on which they are replaced, be its name before or after."""
    note(store, -3, "release 0.2")
    note(store, 4, "release 0.2", "release 0.1")
    note(store, 5, "release 0.1")
    assert marks(store) == [(4, "release 0.1")]


def test_a_hold_out_that_ended_on_a_day_that_began_with_it_has_ended(store: Store) -> None:
    note(store, -3, "hold-out share 10")
    note(store, 4, "hold-out share 10", "hold-out share 0")
    assert report(store, SINCE, SINCE + timedelta(days=30)).compared_since == SINCE.date() - timedelta(days=3)
