"""The replay guard accepts a token once over all workers, and never when in doubt (JWT-7, JWT-8)."""

from __future__ import annotations

import multiprocessing
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store import NullStore, Store, StoreSettings, StoreUnavailable, null_store, open_store
from tests.builders.store_records import ENCRYPTION_KEY, NOW, PSEUDONYM_KEY

ENDS = NOW + timedelta(minutes=5)


def good_once_per_issuer(store: Store) -> bool:
    uses = [("a", "1"), ("a", "1"), ("b", "1"), ("a", "2"), ("a", "2")]
    return [store.first_use(issuer, jti, ENDS, NOW) for issuer, jti in uses] == [True, False, True, True, False]


def test_a_token_id_is_accepted_once_per_issuer(store: Store) -> None:
    assert good_once_per_issuer(store)


def test_the_null_store_accepts_a_token_once_per_process() -> None:
    assert good_once_per_issuer(NullStore())


@pytest.mark.parametrize("jti", ["", "x" * 128, "a\0b", "'; DROP TABLE token_used; --", "µ\u2028"])
def test_any_text_is_a_token_id(store: Store, jti: str) -> None:
    assert store.first_use("a", jti, ENDS, NOW)
    assert not store.first_use("a", jti, ENDS, NOW)


def test_issuer_and_token_id_are_separated(store: Store) -> None:
    assert store.first_use("ab", "c", ENDS, NOW)
    assert store.first_use("a", "bc", ENDS, NOW)


def _use_all(settings: StoreSettings, count: int, ready: object, results: object) -> None:
    store = open_store(settings)
    ready.wait(60)  # type: ignore[attr-defined]
    results.put(sum(store.first_use("ehr", str(number), ENDS, NOW) for number in range(count)))  # type: ignore[attr-defined]
    store.close()


def test_eight_processes_with_the_same_tokens_accept_each_exactly_once(settings: StoreSettings) -> None:
    tokens, workers = 2_000, 8
    fork = multiprocessing.get_context("spawn")
    ready, results = fork.Barrier(workers), fork.Queue()
    processes = [fork.Process(target=_use_all, args=(settings, tokens, ready, results)) for _ in range(workers)]
    started = datetime.now()  # noqa: DTZ005 - a duration for the reader of the run
    for process in processes:
        process.start()
    accepted = [results.get(timeout=300) for _ in processes]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    print(f"{workers} x {tokens} tries in {datetime.now() - started}: {sum(accepted)} accepted")  # noqa: DTZ005
    assert sum(accepted) == tokens


def test_only_expired_tokens_are_forgotten(tmp_path: Path) -> None:
    store = open_store(_sqlite(tmp_path))
    later = ENDS + timedelta(seconds=61)
    for number in range(150):
        store.first_use("a", str(number), ENDS, NOW)
    store.first_use("a", "still good", later, NOW)
    for number in range(200):
        store.first_use("b", str(number), later + timedelta(hours=1), later)
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/store-tokens.sqlite")
    with engine.connect() as connection:
        ended = connection.exec_driver_sql(
            "SELECT count(*) FROM token_used WHERE expires < '2026-03-29T01:05'"
        ).scalar()
    engine.dispose()
    assert ended == 0
    assert not store.first_use("a", "still good", later, later)
    store.close()


def test_a_missing_store_is_unavailable_and_accepts_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = open_store(_sqlite(folder))
    assert store.first_use("a", "1", ENDS, NOW)
    store.close()  # the next call opens a new connection
    shutil.rmtree(folder)
    with pytest.raises(StoreUnavailable) as refusal:
        store.first_use("a", "2", ENDS, NOW)
    assert refusal.value.status == 503


@pytest.mark.postgres
def test_unreachable_postgres_is_unavailable_and_accepts_nothing(postgres: object) -> None:
    from tests.integration.store.conftest import postgres_settings

    url = postgres()  # type: ignore[operator]
    store = open_store(postgres_settings(url))
    assert store.first_use("a", "1", ENDS, NOW)
    admin = sqlalchemy.create_engine(
        url.rpartition("/")[0].replace("postgresql:", "postgresql+psycopg:") + "/postgres", isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
    admin.dispose()
    with pytest.raises(StoreUnavailable):
        store.first_use("a", "2", ENDS, NOW)
    store.close()


def _sqlite(folder: Path) -> StoreSettings:
    return StoreSettings(f"sqlite:///{folder}/store.sqlite", None, PSEUDONYM_KEY, ENCRYPTION_KEY)


def test_the_memory_of_the_null_store_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null_store, "_MAX_TOKENS", 3)
    store = NullStore()
    for number in range(3):
        assert store.first_use("a", str(number), ENDS, NOW)
    with pytest.raises(StoreUnavailable):
        store.first_use("a", "3", ENDS, NOW)
    later = ENDS + timedelta(seconds=61)
    assert store.first_use("a", "3", later, later)
