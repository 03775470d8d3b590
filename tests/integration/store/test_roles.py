"""The two roles of the how-to: an owner who makes the tables, and a service that cannot rewrite the trail."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from cds_service.store import FeedbackResult, Retention, SchemaBehind, StoreReadOnly, open_store, upgrade
from cds_service.store.rekeying.key_change import rekey
from tests.builders.store_records import CLIENT, NOW, SERVICE, a_card, accepted, an_answer, overridden
from tests.integration.store.conftest import postgres_settings

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "operate-postgresql.md"
pytestmark = pytest.mark.postgres


def statements(number: int) -> str:
    """Return a block of SQL of the page."""
    return re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[number].replace("\n    ", "\n")


def run(url: str, sql: str) -> None:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in filter(str.strip, sql.split(";")):
                connection.execute(text(statement))
    finally:
        engine.dispose()


def test_the_service_works_as_a_user_who_owns_nothing(postgres: object) -> None:
    url: str = postgres("template1")  # type: ignore[operator]
    _, _, name = url.rpartition("/")
    run(url, statements(0).replace("DATABASE rls_cds ", f"DATABASE {name} "))
    owner = url.replace("rls@", "rls_cds_owner@")
    service = url.replace("rls@", "rls_cds_service@")
    upgrade(postgres_settings(owner))
    run(owner, statements(1))

    store = open_store(postgres_settings(service))
    first, second = a_card(), a_card(card="B12BORDER")
    store.record_answer(an_answer(first, second, user="Practitioner/7"))
    kept = store.record_feedback(CLIENT, SERVICE, [accepted(first), overridden(a_card())], NOW)
    assert kept == FeedbackResult(recorded=1, unmatched=1)
    assert [store.first_use("https://ehr.example.org", "t", NOW, NOW) for _ in range(2)] == [True, False]
    for number in range(200):  # used tokens are purged from time to time
        store.first_use("https://ehr.example.org", f"t{number}", NOW - timedelta(days=1), NOW)
    assert store.health(NOW).faults == ()
    assert len(store.export_feedback(None, "a test", NOW)) == 1
    assert store.apply_retention(NOW + timedelta(days=5000), Retention()) > 3
    assert store.verify_audit().faults == ()
    store.close()

    for forbidden in (
        "UPDATE audit_event SET client = 'south'",
        "DELETE FROM store_key",
        "INSERT INTO former_key VALUES (0, '')",
        "UPDATE card_issued SET patient_hash = ''",
        "DROP TABLE audit_event",
        "CREATE TABLE mine (id int)",
    ):
        with pytest.raises(sqlalchemy.exc.ProgrammingError, match=r"permission denied|must be owner"):
            run(service, forbidden)
    with pytest.raises(StoreReadOnly):
        rekey(postgres_settings(service), bytes(range(9, 41)), None, "a test", NOW)
    rekey(postgres_settings(owner), bytes(range(9, 41)), None, "a test", NOW)
    changed = open_store(replace(postgres_settings(service), pseudonym_key=bytes(range(9, 41))))
    changed.record_answer(an_answer(a_card()))
    changed.close()


def test_an_empty_database_says_what_to_do(postgres: object) -> None:
    with pytest.raises(SchemaBehind, match="rls-cds db upgrade"):
        open_store(postgres_settings(postgres("template1")))  # type: ignore[operator]
