"""What the service was told, as one value that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from zoneinfo import ZoneInfo

from cds_service.clients.client import Client, Mode
from cds_service.clients.profiles import open_client

_SECRETS = frozenset({"database_url", "pseudonym_key", "encryption_key"})
_DEFAULT_MODES: Mapping[str, Mode] = {
    "rls-patient-view": "live",
    "rls-order-sign": "live",
    "rls-order-select": "off",
}


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What the service was told. No `clients` means open mode, in which everybody is treated as `profile`.

    `database_url`: None = SQLite in `data_folder` (None: the platform's), empty = no store.
    `site`: the [site] table as written, its known paths made absolute. Binds are `address:port`; None is off.
    """

    public_base: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    max_body: int = 10 * 1024 * 1024
    max_inflight: int = 16
    max_cards: int = 5
    failures_per_minute: int = 60
    trusted_proxies: tuple[str, ...] = ()
    metrics_bind: str | None = None
    console_bind: str | None = None
    ca_file: str | None = None
    database_url: str | None = None
    data_folder: str | None = None
    pseudonym_key: bytes | None = None
    encryption_key: bytes | None = None
    suppression_days: int = 90
    suppression_by_reason: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, Mode] = field(default_factory=lambda: dict(_DEFAULT_MODES))
    site: Mapping[str, object] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    profile: Client = field(default_factory=lambda: open_client("generic"))
    demo: bool = False

    @property
    def is_open(self) -> bool:
        """Nobody has to prove who they are; only this machine may call."""
        return not self.clients

    def mode(self, service: str, client: Client) -> Mode:
        """How `service` runs for `client`; off for a service that does not exist."""
        return client.modes.get(service, self.services.get(service, "off"))

    def __repr__(self) -> str:
        shown = (f"{entry.name}={self._shown(entry.name)}" for entry in fields(self))
        return f"Settings({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return "***" if name in _SECRETS and value else repr(value)
