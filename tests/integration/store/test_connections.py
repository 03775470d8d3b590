"""Each reason for which a connection to PostgreSQL fails has a sentence of its own that repeats no address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store import AccessRefused, StoreError, StoreUnavailable, open_store, upgrade
from cds_service.store.databases.connector import connection_fault
from tests.builders.components import missing
from tests.fakes.certificate import make_certificate
from tests.integration.store.conftest import postgres_settings
from tests.integration.store.postgres import NoPostgres, PostgresServer, running_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that wants a password of one user, and TLS of another."""
    try:
        with running_postgres() as running:
            upgrade(postgres_settings(running.address + "postgres"))
            address = running.address.replace("postgresql:", "postgresql+psycopg:") + "postgres"
            engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql("CREATE ROLE secretive LOGIN SUPERUSER PASSWORD 'right'")
                connection.exec_driver_sql("CREATE ROLE encrypted LOGIN SUPERUSER")
            engine.dispose()
            running.admit(
                "host all secretive 127.0.0.1/32 scram-sha-256",
                "hostssl all encrypted 127.0.0.1/32 trust",
                "hostnossl all encrypted 127.0.0.1/32 reject",
            )
            yield running
    except NoPostgres as reason:
        missing(str(reason))


def fault_of(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_store(postgres_settings(url)).close()
    return caught.value


CASES = [
    ("rls@127.0.0.1:{port}/nothing", AccessRefused, "has no database of the name"),
    ("secretive:wrong@127.0.0.1:{port}/postgres", AccessRefused, "refuses the user or the password"),
    ("secretive@127.0.0.1:{port}/postgres", AccessRefused, "refuses the user or the password"),
    ("nobody@127.0.0.1:{port}/postgres", AccessRefused, "refuses the user or the password"),
    ("encrypted@127.0.0.1:{port}/postgres", AccessRefused, "demands TLS"),
    ("rls@127.0.0.1:{port}/postgres?sslmode=require", AccessRefused, "offers no TLS"),
    ("rls@nowhere.invalid:{port}/postgres", StoreUnavailable, "not known to the name service"),
    ("rls@127.0.0.1:{free}/postgres", StoreUnavailable, "nothing listens"),
]


@pytest.mark.parametrize(("url", "kind", "sentence"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_reason_has_its_sentence(server: PostgresServer, url: str, kind: type[StoreError], sentence: str) -> None:
    port = server.address.rpartition(":")[2].rstrip("/")
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        fault = fault_of("postgresql://" + url.format(port=port, free=unused.getsockname()[1]))
    assert type(fault) is kind
    assert sentence in str(fault)
    words = [url.partition("@")[0].partition(":")[0], "nothing@", "nowhere", "127.0.0.1"]
    assert not [word for word in words if word in str(fault) and word != "rls"]


def test_sentences_are_all_different() -> None:
    messages = [
        "connection failed: FATAL:  sorry, too many clients already",
        "connection failed: FATAL:  the database system is starting up",
        "connection timeout expired",
        'FATAL: no pg_hba.conf entry for host "10.1.2.3", user "x", database "y", no encryption',
        'FATAL: no pg_hba.conf entry for host "10.1.2.3", user "x", database "y", SSL encryption',
        "SSL error: certificate verify failed",
        "connection failed: No route to host",
        "FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen",
    ]
    found = [str(connection_fault(message)) for message in messages]
    assert len(set(found)) == len(messages)
    assert not [text for text in found if "10.1.2.3" in text or "»" in text]


@pytest.mark.control("V12.3.4")
def test_with_verify_full_a_server_is_believed_by_its_certificate_alone(tmp_path: Path) -> None:
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    own, other = make_certificate(tmp_path / "own"), make_certificate(tmp_path / "other")
    with running_postgres() as server:
        server.serve_tls(own)
        address = server.address + "postgres?connect_timeout=10&sslmode="
        upgrade(postgres_settings(f"{address}verify-full&sslrootcert={own}"))
        upgrade(postgres_settings(f"{address}verify-ca&sslrootcert={own}".replace("127.0.0.1", "localhost")))
        for refused in (
            f"{address}verify-full&sslrootcert={other}",
            f"{address}verify-full&sslrootcert={own}".replace("127.0.0.1", "localhost"),
        ):
            with pytest.raises(AccessRefused, match="the certificate of the server of the store is not accepted"):
                upgrade(postgres_settings(refused))
