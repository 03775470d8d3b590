"""Opening a store: keys, versions, locations (contract sections 6 and 7)."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store import (
    BadStore,
    MissingKeys,
    NetworkFileSystem,
    NullStore,
    SchemaBehind,
    SchemaNewer,
    StoreSettings,
    StoreUnavailable,
    WrongKeys,
    open_store,
    upgrade,
)
from cds_service.store import migrate as migrating_module
from cds_service.store.databases.location import prepare_folder
from cds_service.store.keys.encryption import Keys, load_or_create_keys
from cds_service.store.schema import VERSIONS, metadata
from cds_service.store.sql_store import SqlStore
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    a_policy,
    an_answer,
    days,
    overridden,
)
from tests.integration.store.conftest import postgres_settings


def change(folder: Path, statement: str) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/rls-cds.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def test_an_empty_address_opens_a_null_store() -> None:
    store = open_store(StoreSettings(database_url=""))
    card = a_card()
    store.record_answer(an_answer(card))
    store.record_feedback(CLIENT, SERVICE, [overridden(card)], NOW)
    assert isinstance(store, NullStore)
    assert not store.records
    assert store.suppressed(CLIENT, "pat-1", [], NOW, a_policy()) == {}
    assert store.health(NOW).faults == ()
    assert store.export_feedback(None, "me", NOW) == ()
    assert store.cards_by_day(NOW, NOW) == ()
    assert store.verify_audit().faults == ()


def test_no_address_means_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path / "data"))
    assert store.records
    assert store.health(NOW).faults == ()
    store.record_answer(an_answer(a_card()))
    store.close()
    assert (tmp_path / "data" / "rls-cds.sqlite").exists()


def test_every_file_is_private(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path / "data"))
    store.record_answer(an_answer(a_card()))
    store.first_use("a", "b", NOW, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    store.close()
    assert "rls-cds.sqlite.key" in modes
    assert set(modes.values()) == {0o600}, modes


def test_sqlite_has_durable_settings(tmp_path: Path) -> None:
    store = open_store(StoreSettings(data_folder=tmp_path))
    assert isinstance(store, SqlStore)
    for database, synchronous in ((store._database, 2), (store._tokens, 1)):
        with database.reading() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            ]
        assert found == ["wal", synchronous, 5000]
    store.close()


def test_records_survive_a_restart(tmp_path: Path) -> None:
    settings = StoreSettings(data_folder=tmp_path)
    store, card = open_store(settings), a_card()
    store.record_answer(an_answer(card, user="Practitioner/7"))
    store.record_feedback(CLIENT, SERVICE, [overridden(card, comment="seen")], NOW)
    store.close()
    again = open_store(settings)
    (row,) = again.export_feedback(None, "me", NOW)
    again.close()
    assert (row.user, row.feedback) == ("Practitioner/7", "seen")


class TestKeys:
    def test_a_store_without_its_keys_is_refused_and_none_are_created(self, tmp_path: Path) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        key = tmp_path / "rls-cds.sqlite.key"
        key.unlink()
        with pytest.raises(
            MissingKeys, match=r"set pseudonym_key and encryption_key as the service has them .* or bring back"
        ):
            open_store(StoreSettings(data_folder=tmp_path))
        assert not key.exists()

    def test_other_keys_are_refused(self, settings: StoreSettings) -> None:
        open_store(settings).close()
        other = StoreSettings(settings.database_url, None, PSEUDONYM_KEY, PSEUDONYM_KEY)
        with pytest.raises(WrongKeys):
            open_store(other)

    def test_keys_are_not_created_if_not_allowed(self, tmp_path: Path) -> None:
        with pytest.raises(MissingKeys, match="set the pseudonym key"):
            open_store(StoreSettings(data_folder=tmp_path, may_create_keys=False))

    @pytest.mark.parametrize(("pseudonym", "encryption"), [(PSEUDONYM_KEY, None), (None, ENCRYPTION_KEY)])
    def test_one_key_is_not_enough(self, tmp_path: Path, pseudonym: bytes | None, encryption: bytes | None) -> None:
        with pytest.raises(MissingKeys, match="both"):
            open_store(StoreSettings(None, tmp_path, pseudonym, encryption))

    @pytest.mark.parametrize(
        ("key", "fault"), [(bytes(range(31)), "31 bytes"), (b"\0" * 32, "not random"), (b"secret! " * 4, "not random")]
    )
    def test_weak_keys_are_refused(self, tmp_path: Path, key: bytes, fault: str) -> None:
        with pytest.raises(BadStore, match=fault):
            open_store(StoreSettings(None, tmp_path, key, ENCRYPTION_KEY))

    def test_a_key_file_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        (tmp_path / "rls-cds.sqlite.key").chmod(0o640)
        with pytest.raises(BadStore, match="chmod 600"):
            open_store(StoreSettings(data_folder=tmp_path))

    @pytest.mark.parametrize("content", [b"", b"one\n", b"!!\n!!\n", b"YQ==\nYQ==\n"])
    def test_a_damaged_key_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        (tmp_path / "rls-cds.sqlite.key").write_bytes(content)
        with pytest.raises(BadStore):
            open_store(StoreSettings(data_folder=tmp_path))

    def test_keys_are_not_in_the_repr(self) -> None:
        settings = StoreSettings("postgresql://rls:password@host/name", None, PSEUDONYM_KEY, ENCRYPTION_KEY)
        assert repr(settings) == "StoreSettings(data_folder=None, may_create_keys=True, may_create=True)"
        assert repr(settings.keys()) == "Keys()"


def test_concurrent_creators_get_the_same_keys(tmp_path: Path) -> None:
    together = threading.Barrier(16)

    def make(_: int) -> Keys:
        together.wait(60)
        return load_or_create_keys(tmp_path / "store.sqlite", may_create=True)

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(make, range(16)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite.key"]


class TestVersions:
    def test_the_last_migration_is_the_current_version(self) -> None:
        from alembic.script import ScriptDirectory

        script = ScriptDirectory(str(migrating_module.MIGRATIONS))
        assert [each.revision for each in script.walk_revisions()] == list(reversed(VERSIONS))

    def test_the_migrations_create_the_tables_of_the_schema(self, store: SqlStore) -> None:
        found: dict[str, set[str]] = {}
        for database in (store._database, store._tokens):
            with database.reading() as connection:
                look = sqlalchemy.inspect(connection)
                for table in look.get_table_names():
                    indexes = {str(index["name"]) for index in look.get_indexes(table) if not index.get("unique")}
                    found[table] = {column["name"] for column in look.get_columns(table)} | indexes
        found.pop("alembic_version")
        assert found == {
            table.name: {column.name for column in table.columns} | {str(index.name) for index in table.indexes}
            for table in metadata.sorted_tables
        }

    def test_a_newer_store_is_refused(self, tmp_path: Path) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        change(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaNewer):
            open_store(StoreSettings(data_folder=tmp_path))

    def test_an_older_store_is_migrated(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Add a migration to a copy of the migrations: an older store gets its table and keeps its rows."""
        store = open_store(StoreSettings(data_folder=tmp_path))
        store.record_answer(an_answer(a_card()))
        store.close()
        later = tmp_path / "migrations"
        shutil.copytree(migrating_module.MIGRATIONS, later, ignore=shutil.ignore_patterns("__pycache__"))
        (later / "versions" / "v9000_next.py").write_text(
            f"from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = '9000', '{VERSIONS[-1]}'\n"
            "def upgrade():\n    op.create_table('next', sa.Column('id', sa.Integer))\n"
        )
        monkeypatch.setattr(migrating_module, "MIGRATIONS", later)
        monkeypatch.setattr(migrating_module, "VERSIONS", (*VERSIONS, "9000"))
        again = open_store(StoreSettings(data_folder=tmp_path))
        assert isinstance(again, SqlStore)
        with again._database.reading() as connection:
            assert sqlalchemy.inspect(connection).has_table("next")
        assert again.verify_audit().rows == 1
        again.close()

    def test_a_store_of_the_first_version_keeps_its_rows_and_takes_those_of_an_older_program(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first version lacks who was shown a card; its programs go on after the migration."""
        settings = StoreSettings(database_url=f"sqlite:///{tmp_path}/store.sqlite")
        with monkeypatch.context() as patch:
            patch.setattr(migrating_module, "VERSIONS", VERSIONS[:1])
            patch.setattr(migrating_module, "WORKS_FROM", "0001")
            patch.setattr(migrating_module, "HEAD", VERSIONS[0])
            open_store(settings).close()
        first = sqlite3.connect(tmp_path / "store.sqlite")
        columns = [row[1] for row in first.execute("PRAGMA table_info(card_issued)")]
        assert "shown_to" not in columns
        row = f"INSERT INTO card_issued ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        old = dict.fromkeys(columns, "x") | {
            "card_uuid": "old", "client": CLIENT, "card": "IRONLOW", "issued_at": "2026-03-28T00:00:00.000000Z",
            "mode": "live", "suppressed": 0, "user_closed": None, "location_closed": None,
        }  # fmt: skip
        first.execute(row, [old[name] for name in columns])
        first.commit()
        again = open_store(settings)
        first.execute(row, [(old | {"card_uuid": "old program, new schema"})[name] for name in columns])
        first.commit()
        first.close()
        (count,) = again.cards_by_day(NOW - days(2), NOW)
        assert (count.card, count.cards) == ("IRONLOW", 2)
        again.record_answer(an_answer(a_card()))
        assert again.verify_audit().faults == ()
        again.close()

    def test_a_failed_migration_changes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        later = tmp_path / "migrations"
        shutil.copytree(migrating_module.MIGRATIONS, later, ignore=shutil.ignore_patterns("__pycache__"))
        (later / "versions" / "v9000_next.py").write_text(
            f"from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = '9000', '{VERSIONS[-1]}'\n"
            "def upgrade():\n    op.create_table('next', sa.Column('id', sa.Integer))\n    raise ZeroDivisionError\n"
        )
        with monkeypatch.context() as patch:
            patch.setattr(migrating_module, "MIGRATIONS", later)
            patch.setattr(migrating_module, "VERSIONS", (*VERSIONS, "9000"))
            with pytest.raises(ZeroDivisionError):
                open_store(StoreSettings(data_folder=tmp_path))
        store = open_store(StoreSettings(data_folder=tmp_path))
        assert isinstance(store, SqlStore)
        with store._database.reading() as connection:
            assert not sqlalchemy.inspect(connection).has_table("next")
        store.close()

    def test_a_store_without_its_key_check_is_refused(self, tmp_path: Path) -> None:
        open_store(StoreSettings(data_folder=tmp_path)).close()
        change(tmp_path, "DELETE FROM store_key")
        with pytest.raises(BadStore, match="restore it"):
            open_store(StoreSettings(data_folder=tmp_path))

    @pytest.mark.postgres
    def test_postgres_needs_an_explicit_upgrade(self, postgres: object) -> None:
        empty = postgres_settings(postgres("template1"))  # type: ignore[operator]
        with pytest.raises(SchemaBehind, match="rls-cds db upgrade"):
            open_store(empty)
        upgrade(empty)
        upgrade(empty)
        store = open_store(empty)
        assert store.health(NOW).faults == ()
        store.close()

    @pytest.mark.postgres
    def test_postgres_needs_keys(self, postgres: object) -> None:
        with pytest.raises(MissingKeys):
            open_store(StoreSettings(postgres()))  # type: ignore[operator]


class TestPlaces:
    @pytest.mark.parametrize(
        "url", ["sqlite://", "sqlite:///:memory:", "sqlite://host/x", "mysql://x", "nonsense", "sqlite:relative"]
    )
    def test_other_addresses_are_refused(self, url: str) -> None:
        with pytest.raises(BadStore):
            open_store(StoreSettings(url))

    @pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
    def test_a_network_file_system_is_refused(self, tmp_path: Path, kind: str) -> None:
        mounts = tmp_path / "mounts"
        folder = tmp_path / "far away"
        folder.mkdir()
        escaped = str(folder).replace(" ", "\\040")
        mounts.write_text(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            f"30 22 0:40 / {escaped} rw,relatime shared:7 - {kind} server:/export rw\nbroken line\n"
        )
        with pytest.raises(NetworkFileSystem, match="PostgreSQL"):
            prepare_folder(folder / "deeper" / "store.sqlite", mounts)
        prepare_folder(tmp_path / "near" / "store.sqlite", mounts)

    def test_an_unreachable_server_is_unavailable(self) -> None:
        with pytest.raises(StoreUnavailable):
            open_store(postgres_settings("postgresql://rls@127.0.0.1:9/none"))


def _open_and_write(folder: Path, ready: object, results: object) -> None:
    ready.wait(60)  # type: ignore[attr-defined]
    store = open_store(StoreSettings(data_folder=folder))
    store.record_answer(an_answer(a_card()))
    results.put((folder / "rls-cds.sqlite.key").read_bytes())  # type: ignore[attr-defined]
    store.close()


def test_workers_that_start_together_share_one_store_and_one_key(tmp_path: Path) -> None:
    spawn, workers = multiprocessing.get_context("spawn"), 8
    ready, results = spawn.Barrier(workers), spawn.Queue()
    processes = [spawn.Process(target=_open_and_write, args=(tmp_path, ready, results)) for _ in range(workers)]
    for process in processes:
        process.start()
    keys = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(keys) == 1
    store = open_store(StoreSettings(data_folder=tmp_path))
    report = store.verify_audit()
    store.close()
    assert (report.rows, report.faults) == (workers, ())
    assert not [path for path in tmp_path.iterdir() if path.name.count(".key") and path.suffix != ".key"]


def test_a_child_process_opens_its_own_connections(settings: StoreSettings) -> None:
    """A store opened before a fork works in parent and child."""
    store = open_store(settings)
    store.record_answer(an_answer(a_card()))
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        code = 1
        try:
            store.record_answer(an_answer(a_card()))
            code = 0
        finally:
            os._exit(code)
    store.record_answer(an_answer(a_card()))
    assert os.waitpid(child, 0)[1] == 0
    report = store.verify_audit()
    store.close()
    assert (report.rows, report.faults) == (3, ())


def test_importing_the_store_loads_no_database_library() -> None:
    program = (
        "import sys, cds_service.store, cds_service.hooks.feedback_request, cds_service.offline.audit_events;"
        "print([m for m in ('sqlalchemy', 'alembic', 'cryptography', 'fhir') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_health_names_every_fault(settings: StoreSettings) -> None:
    store = open_store(settings)
    assert store.health(NOW).faults == ()
    assert store.health(NOW + days(1)).faults == ()
    assert isinstance(store, SqlStore)
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert len(store.health(NOW).faults) == 1
    store.close()


@pytest.mark.postgres
def test_a_migration_waits_for_a_table_in_use_in_short_steps(postgres: object, tmp_path: Path) -> None:
    """A call that holds the table goes on, and calls behind the migration wait a tenth of a second at most."""
    from tests.integration.server.replica import NEXT_VERSION, become_next_version

    settings = postgres_settings(postgres())  # type: ignore[operator]
    busy, other = open_store(settings), open_store(settings)
    assert isinstance(busy, SqlStore)
    kept = migrating_module.MIGRATIONS, migrating_module.VERSIONS
    become_next_version(tmp_path)
    try:
        with ThreadPoolExecutor(1) as migration:
            with busy._database.writing() as connection:
                connection.exec_driver_sql("LOCK TABLE card_issued IN ROW EXCLUSIVE MODE")
                upgrading = migration.submit(upgrade, settings)
                for _ in range(20):
                    other.within(time.monotonic() + 5).record_answer(an_answer(a_card()))
                assert not upgrading.done()
            upgrading.result(60)
        with busy._database.reading() as connection:
            assert migrating_module.schema_version(connection) == NEXT_VERSION
    finally:
        migrating_module.MIGRATIONS, migrating_module.VERSIONS = kept
    other.record_answer(an_answer(a_card()))
    assert other.health(NOW).faults == ()
    for store in (busy, other):
        store.close()
