"""Which programs work with which schema versions (expand and contract migrations)."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from cds_service.store import SchemaBehind, SchemaNewer, migrate
from cds_service.store.schema import VERSIONS, WORKS_FROM

#: Schema versions of three releases: the second adds, the third takes away what programs of the first need.
_FIRST, _SECOND, _THIRD = "0001", "0002_for_0001", "0003_for_0002"


@pytest.mark.parametrize(
    ("program", "works_from", "store", "fault"),
    [
        ((_FIRST,), "0001", _FIRST, None),
        ((_FIRST,), "0001", _SECOND, None),
        ((_FIRST,), "0001", _THIRD, SchemaNewer),
        ((_FIRST, _SECOND), "0001", _FIRST, None),
        ((_FIRST, _SECOND), "0001", _SECOND, None),
        ((_FIRST, _SECOND), "0001", _THIRD, None),
        ((_FIRST, _SECOND, _THIRD), "0002", _FIRST, SchemaBehind),
        ((_FIRST, _SECOND, _THIRD), "0002", _SECOND, None),
        ((_FIRST, _SECOND, _THIRD), "0002", _THIRD, None),
        ((_FIRST, _SECOND, _THIRD), "0002", None, SchemaBehind),
        ((_FIRST,), "0001", "9999", SchemaNewer),
        ((_FIRST,), "0001", "9999_for_0001", None),
    ],
)
def test_a_program_works_with_the_versions_in_its_range(
    monkeypatch: pytest.MonkeyPatch,
    program: tuple[str, ...],
    works_from: str,
    store: str | None,
    fault: type[Exception] | None,
) -> None:
    monkeypatch.setattr(migrate, "VERSIONS", program)
    monkeypatch.setattr(migrate, "WORKS_FROM", works_from)
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.begin() as connection:
        if store:
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{store}')")  # noqa: S608 - of our own
        if fault is None:
            migrate.check_version(connection)
        else:
            with pytest.raises(fault):
                migrate.check_version(connection)
    engine.dispose()


def test_the_declared_range_is_one_of_known_versions() -> None:
    known = [version.partition("_for_")[0] for version in VERSIONS]
    assert WORKS_FROM in known
    assert known == sorted(known)
    assert all(version.partition("_for_")[2] in ("", *known) for version in VERSIONS)


def test_every_migration_is_named_by_its_version() -> None:
    files = sorted((Path(migrate.MIGRATIONS) / "versions").glob("v*.py"))
    assert [file.name[1:5] for file in files] == [version[:4] for version in VERSIONS]
