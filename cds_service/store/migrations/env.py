"""Alembic asks this file how to run: on the connection it was handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from cds_service.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
