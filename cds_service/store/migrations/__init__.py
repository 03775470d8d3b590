"""Alembic migrations of the store, run by cds_service.store.opening."""
