"""The application in open mode."""

from __future__ import annotations

from tests.builders.open_mode import app, http

__all__ = ["app", "http"]
