"""A full disk and a read-only store lose nothing that was acknowledged (reliability FB-7)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cds_service.store import StoreFull, StoreReadOnly, StoreSettings, open_store
from cds_service.store.sql_store import SqlStore
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    an_answer,
    days,
    overridden,
)


def settings_in(folder: Path) -> StoreSettings:
    return StoreSettings(f"sqlite:///{folder}/store.sqlite", None, PSEUDONYM_KEY, ENCRYPTION_KEY)


def test_a_database_that_cannot_grow_raises_and_keeps_its_data(tmp_path: Path) -> None:
    store = open_store(settings_in(tmp_path))
    assert isinstance(store, SqlStore)
    card = a_card()
    store.record_answer(an_answer(card))
    with store._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 4}")
    acknowledged = 0
    with pytest.raises(StoreFull) as refusal:
        for number in range(10_000):
            batch = [overridden(card, NOW - days(number) / 1000, comment="x" * 500)]
            acknowledged += store.record_feedback(CLIENT, SERVICE, batch, NOW).recorded
    assert refusal.value.status == 507
    assert acknowledged > 0
    store.close()
    again = open_store(settings_in(tmp_path))
    assert len(again.export_feedback(None, "me", NOW)) == acknowledged
    assert again.verify_audit().faults == ()
    again.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Mount a file system of two megabytes if this process may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder  # type: ignore[misc]
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing_and_recovers(small_disk: Path) -> None:
    store = open_store(settings_in(small_disk))
    card = a_card()
    store.record_answer(an_answer(card))
    acknowledged = 0
    with pytest.raises(StoreFull):
        for number in range(20_000):
            batch = [overridden(card, NOW - days(number) / 1000, comment="x" * 500)]
            acknowledged += store.record_feedback(CLIENT, SERVICE, batch, NOW).recorded
    assert store.health(NOW).faults
    with pytest.raises(StoreFull):
        store.record_answer(an_answer(a_card()))
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    store.record_answer(an_answer(a_card()))
    assert store.health(NOW).faults == ()
    assert len(store.export_feedback(None, "me", NOW)) == acknowledged
    assert store.verify_audit().faults == ()
    store.close()


def test_a_nearly_full_disk_is_a_health_fault(small_disk: Path) -> None:
    store = open_store(settings_in(small_disk))
    store.record_answer(an_answer(a_card()))
    assert store.health(NOW).faults == ()
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(b"x" * (free - 64 * 1024))
    assert store.health(NOW).faults == ("less than 5% of the disk of the store is free",)
    store.record_answer(an_answer(a_card()))
    store.close()


def test_a_read_only_disk_stops_the_start_and_loses_nothing(small_disk: Path) -> None:
    store = open_store(settings_in(small_disk))
    card = a_card()
    store.record_answer(an_answer(card))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        with pytest.raises(StoreReadOnly):
            open_store(settings_in(small_disk))
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    again = open_store(settings_in(small_disk))
    assert len(again.export_feedback(None, "me", NOW)) == 1
    again.close()


_READ_ONLY = """
import os, sys
from pathlib import Path
from cds_service.store import StoreReadOnly, open_store
from tests.builders.store_records import CLIENT
from tests.builders.store_records import NOW
from tests.builders.store_records import SERVICE
from tests.builders.store_records import a_card
from tests.builders.store_records import an_answer
from tests.builders.store_records import days
from tests.builders.store_records import overridden
from tests.integration.store.test_disk import settings_in

folder, card = Path(sys.argv[1]), a_card()
store = open_store(settings_in(folder))
store.record_answer(an_answer(card))
store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
store.first_use("a", "a", NOW, NOW)
store.close()
for name in folder.iterdir():
    name.chmod(0o444)
folder.chmod(0o555)
if os.geteuid() == 0:
    os.setuid(65534)  # for root no right counts
for write in (
    lambda: store.record_answer(an_answer(a_card())),
    lambda: store.record_feedback(CLIENT, SERVICE, [overridden(card, NOW - days(1))], NOW),
    lambda: store.first_use("a", "b", NOW, NOW),
):
    try:
        write()
        print("written")
    except StoreReadOnly as fault:
        print(fault.status)
print(bool(store.health(NOW).faults))
"""


def test_a_store_without_write_permission_is_read_only() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "store"
        done = subprocess.run(
            [sys.executable, "-c", _READ_ONLY, str(folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=Path(__file__).parents[3],
        )
        folder.chmod(0o755)
    assert done.stdout.split() == ["503", "503", "503", "True"], done.stderr[-2000:]


@pytest.mark.postgres
def test_a_read_only_postgres_is_read_only(postgres: object) -> None:
    import sqlalchemy

    from tests.integration.store.conftest import postgres_settings

    url = postgres()  # type: ignore[operator]
    store = open_store(postgres_settings(url))
    card = a_card()
    store.record_answer(an_answer(card))
    store.close()
    name = url.rpartition("/")[2]
    admin = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    admin.dispose()
    with pytest.raises(StoreReadOnly):
        store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    store.close()
