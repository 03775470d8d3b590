"""Clients whose calls have time enough on any machine, for tests that are not about time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cds_service.config.client import Client
from cds_service.config.profiles import open_client
from cds_service.config.settings import Settings

#: A commit that waits for a busy disk takes more than the second that a client's call has by default.
UNHURRIED_MS = 30_000


def unhurried(profile: str = "generic", **changes: Any) -> Client:
    """Return the client of open mode with a profile, and with a deadline that no call misses."""
    return replace(open_client(profile), **{"deadline_ms": UNHURRIED_MS, **changes})


def without_haste(settings: Settings) -> Settings:
    """Return settings under which no call of open mode or of the console misses its deadline."""
    return replace(settings, profile=replace(settings.profile, deadline_ms=UNHURRIED_MS))
