"""Statements that SQLAlchemy compiles once for a dialect, and that the driver runs."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, Connection, Dialect, String, bindparam
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.types import TypeEngine

_Convert: TypeAlias = Callable[[Any], Any] | None


class Statement:
    """A statement that every call runs.

    Running it through SQLAlchemy costs more than the query itself. `run` needs a value for each named parameter; for
    `IN` lists make one parameter per member with `spread`.
    """

    def __init__(self, write: Callable[[str], ClauseElement]) -> None:
        """`write` builds the statement for a dialect, given its name."""
        self._write = write
        self._by_dialect: dict[str, _Compiled] = {}

    def run(self, connection: Connection, *rows: Mapping[str, object]) -> None:
        """Run the statement for each row of values. Raises the errors of the driver."""
        if len(rows) == 1:  # psycopg opens a pipeline for a list
            self._execute(connection, rows[0])
        elif rows:
            compiled = self._compiled(connection.dialect)
            _driver(connection).cursor().executemany(compiled.sql, [compiled.values(row) for row in rows])

    def changes(self, connection: Connection, values: Mapping[str, object]) -> bool:
        """Run the statement, and return whether a row was inserted or changed; never inside `committing`."""
        return bool(self._execute(connection, values).rowcount > 0)

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """Return the rows of a query, whose members have the names of its columns."""
        return [*self._compiled(connection.dialect).rows(self._execute(connection, values))]

    def _compiled(self, dialect: Dialect) -> _Compiled:
        found = self._by_dialect.get(dialect.name)
        if found is None:
            found = self._by_dialect[dialect.name] = _Compiled(self._write(dialect.name), dialect)
        return found

    def _execute(self, connection: Connection, values: Mapping[str, object]) -> Any:
        compiled = self._compiled(connection.dialect)
        return _driver(connection).execute(compiled.sql, compiled.values(values))


def spread(name: str, number: int) -> list[BindParameter[str]]:
    """Return a parameter for each member of a list of so many texts."""
    return [bindparam(f"{name}_{index}", type_=String()) for index in range(number)]


def spread_values(name: str, members: Iterable[str]) -> dict[str, str]:
    """Return the values of the parameters that `spread` names."""
    return {f"{name}_{index}": member for index, member in enumerate(members)}


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


class _Compiled:
    """A statement as a driver takes it, with how its values and its columns are converted."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only SELECT, INSERT, UPDATE and DELETE can be compiled")
        if compiled.post_compile_params:
            raise TypeError("a list has no fixed number of parameters: use `spread`, or literals")
        self.sql = str(compiled)
        self._fixed: dict[str, object] = {}
        self._converts: dict[str, _Convert] = {}
        for parameter, name in compiled.bind_names.items():
            self._converts[name] = convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if not parameter.required and not parameter.callable:
                self._fixed[name] = convert(parameter.value) if convert else parameter.value
        self._order = compiled.positiontup
        columns = getattr(statement, "selected_columns", ())
        self._row = namedtuple("_row", [column.key for column in columns])  # type: ignore[misc]
        self._columns = [_result(column.type, dialect) for column in columns]

    def values(self, given: Mapping[str, object]) -> Any:
        """Return values as the driver takes them: in the order of its question marks, or by name."""
        found = dict(self._fixed)
        for name, value in given.items():
            convert = self._converts[name]
            found[name] = value if convert is None else convert(value)
        if self._order is None:
            return {name: found[name] for name in self._converts}
        return [found[name] for name in self._order]

    def rows(self, found: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Yield rows of the driver with the types of their columns."""
        for row in found:
            pairs = zip(row, self._columns, strict=True)
            yield self._row(*(value if convert is None else convert(value) for value, convert in pairs))


def _result(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
