"""Statements that are compiled once: the same SQL, values and rows as through SQLAlchemy."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.expression import ClauseElement

from cds_service.store import answers, audit, expectations, replay, suppression
from cds_service.store.databases.database import insert_into
from cds_service.store.databases.statement import Statement, _Compiled, spread, spread_values
from cds_service.store.schema import (
    UtcTime,
    audit_event,
    card_issued,
    expectation,
    suggestion_issued,
    token_used,
)

THINGS = Table(
    "thing",
    MetaData(),
    Column("name", String(20), primary_key=True),
    Column("number", Integer),
    Column("is_new", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("closed", LargeBinary),
)
NAMED = re.compile(r"%\((\w+)\)s")
INSERT = Statement(lambda _: insert(THINGS))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = {"name": "one", "number": 1, "is_new": True, "at": NOON, "closed": b"\x00\xff"}
TWO = {"name": "two", "number": None, "is_new": False, "at": NOON, "closed": None}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        THINGS.create(opened)
        yield opened
    engine.dispose()


@pytest.mark.parametrize("rows", [(), (ONE,), (ONE, TWO)], ids=len)
def test_rows_come_back_as_sqlalchemy_reads_them(connection: Connection, rows: tuple[dict[str, object], ...]) -> None:
    INSERT.run(connection, *rows)
    query = select(THINGS).order_by(THINGS.c.name)
    through_sqlalchemy = [row._asdict() for row in connection.execute(query)]
    assert [row._asdict() for row in Statement(lambda _: query).rows(connection, {})] == through_sqlalchemy == [*rows]


def test_a_value_is_converted_by_the_type_of_its_column(connection: Connection) -> None:
    later = NOON.astimezone(timezone(timedelta(hours=5)))
    INSERT.run(connection, ONE | {"at": later})
    stored = connection.exec_driver_sql("SELECT at, is_new FROM thing").one()
    assert tuple(stored) == ("2026-03-01T12:00:00.000000Z", 1)


def test_a_list_is_a_parameter_for_each_member_beside_constants(connection: Connection) -> None:
    INSERT.run(connection, ONE, TWO, TWO | {"name": "three", "number": 3})
    query = Statement(
        lambda _: select(THINGS.c.name).where(
            THINGS.c.name.in_(spread("name", 2)), THINGS.c.number.in_([literal(1), literal(3)])
        )
    )
    assert [row.name for row in query.rows(connection, spread_values("name", ["two", "three"]))] == ["three"]


def test_parameters_are_named_and_not_counted(connection: Connection) -> None:
    """They occur in the SQL in another order than in the rows, and one of them twice."""
    INSERT.run(connection, ONE, TWO)
    moved = Statement(
        lambda _: (
            update(THINGS)
            .where(THINGS.c.name == bindparam("of"), THINGS.c.number != bindparam("to"))
            .values(number=bindparam("to"), closed=bindparam("content"))
        )
    )
    assert moved.changes(connection, {"content": b"x", "of": "one", "to": 7})
    assert not moved.changes(connection, {"content": b"y", "of": "one", "to": 7})
    found = connection.execute(select(THINGS.c.number, THINGS.c.closed).order_by(THINGS.c.name)).all()
    assert [tuple(row) for row in found] == [(7, b"x"), (None, None)]


def test_what_changes_nothing_says_so(connection: Connection) -> None:
    unless_known = Statement(lambda dialect: insert_into(dialect, THINGS).on_conflict_do_nothing())
    assert [unless_known.changes(connection, row) for row in (ONE, ONE, TWO)] == [True, False, True]


@pytest.mark.parametrize("rows", [(ONE, ONE), (TWO, ONE, ONE)], ids=len)
def test_errors_are_those_of_the_driver(connection: Connection, rows: tuple[dict[str, object], ...]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        INSERT.run(connection, *rows)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (select(THINGS.c.name).where(THINGS.c.name.in_(["one", "two"])), "use `spread`"),
        (CreateTable(THINGS), "only SELECT"),
    ],
)
def test_what_cannot_be_compiled_once_is_an_error(connection: Connection, statement: ClauseElement, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        Statement(lambda _: statement).run(connection, {})


#: Each statement of a call, with the values that it is given.
OF_A_CALL = {
    "card": (answers._INSERT_CARD, dict.fromkeys(card_issued.c.keys())),
    "suggestion": (answers._INSERT_SUGGESTION, dict.fromkeys(suggestion_issued.c.keys())),
    "shown": (
        suppression._shown(2),
        dict.fromkeys(["client", "patient", "user"]) | spread_values("card", ["IRONLOW", "B12LOW"]),
    ),
    "open": (expectations._open_ones(2), spread_values("patient", ["a", "b"])),
    "expectation": (expectations._INSERT, dict.fromkeys(expectation.c.keys())),
    "close": (expectations._CLOSE, dict.fromkeys(["uuid", "ends", "after", "at"])),
    "confirm": (expectations._CONFIRM, dict.fromkeys(["uuid", "at"])),
    "anchor": (audit._ANCHOR, {}),
    "event": (audit._INSERT, dict.fromkeys(audit_event.c.keys())),
    "move": (
        audit._MOVE,
        dict.fromkeys(["first_seq", "before_first", "last_seq", "last_hash", "signed"])
        | dict.fromkeys(["found_first", "found_last", "found_hash"]),
    ),
    "token": (replay._INSERT, dict.fromkeys(token_used.c.keys())),
}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), psycopg.dialect()], ids=["sqlite", "postgres"])
@pytest.mark.parametrize("name", OF_A_CALL)
def test_every_statement_of_a_call_takes_its_values_on_both_databases(name: str, dialect: Dialect) -> None:
    statement, row = OF_A_CALL[name]
    compiled = _Compiled(statement._write(dialect.name), dialect)
    values = compiled.values(row)
    places = compiled.sql.count("?") if dialect.paramstyle == "qmark" else len(set(NAMED.findall(compiled.sql)))
    assert len(values) == places
    assert not compiled._converts.keys() - row.keys() - compiled._fixed.keys()


@pytest.mark.parametrize("row", [{"name": "one"}, ONE | {"more": 1}], ids=["too few", "too many"])
def test_values_for_other_parameters_are_errors(connection: Connection, row: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        INSERT.run(connection, row)
