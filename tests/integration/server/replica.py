"""One replica of the service, of this version or of the next: `python -m tests.integration.server.replica FILE [next]`.

The next version has one more migration, which adds a table and a column, and says that programs of today survive it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cds_service.store.schema import VERSIONS

_NUMBER = VERSIONS[-1].partition("_for_")[0]
NEXT_VERSION = f"{int(_NUMBER) + 1:04}_for_{_NUMBER}"
_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT_VERSION}", "{VERSIONS[-1]}"


def upgrade():
    op.create_table("card_note", sa.Column("card_uuid", sa.String(36), primary_key=True))
    op.add_column("card_issued", sa.Column("department", sa.String(36)))
"""


def become_next_version(folder: Path) -> None:
    """Give this process the migrations of the next version, written to `folder`."""
    import shutil

    from cds_service.store import migrate

    later = folder / "migrations-of-the-next-version"
    if not later.exists():
        shutil.copytree(migrate.MIGRATIONS, later, ignore=shutil.ignore_patterns("__pycache__"))
        (later / "versions" / f"v{NEXT_VERSION[:4]}_next.py").write_text(_MIGRATION)
    migrate.MIGRATIONS, migrate.VERSIONS = later, (*migrate.VERSIONS, NEXT_VERSION)


def main(command: str, file: str, version: str = "") -> None:
    from cds_service.cli import main as rls_cds

    if version == "next":
        become_next_version(Path(file).parent)
    rls_cds([*command.split(), "--config", file])


if __name__ == "__main__":
    main(*sys.argv[1:])
