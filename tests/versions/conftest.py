"""The application of the HTTP tests."""

from __future__ import annotations

from tests.http.conftest import app, http

__all__ = ["app", "http"]
