"""The settings of the service as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from zoneinfo import ZoneInfo

from cds_service.config.client import Client, Mode
from cds_service.config.profiles import open_client
from cds_service.store.records import Retention

SECRETS = frozenset({"database_url", "pseudonym_key", "encryption_key", "console_token"})
_DEFAULT_MODES: Mapping[str, Mode] = {
    "rls-patient-view": "live",
    "rls-order-sign": "live",
    "rls-order-select": "off",
}


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The settings of the service. Without `clients` it runs in open mode, in which every caller is `profile`.

    `database_url`: None means SQLite in `data_folder` (None: the platform's), empty means no store.
    `console_hosts`: names under which the console is opened, beside those of this machine and that of its bind.
    `site`: the table [site] as written, its known paths made absolute. Binds are `address:port`; None is off.
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
    console_hosts: tuple[str, ...] = ()
    console_token: str | None = None
    ca_file: str | None = None
    database_url: str | None = None
    data_folder: str | None = None
    pseudonym_key: bytes | None = None
    encryption_key: bytes | None = None
    suppression_days: int = 90
    suppression_by_reason: Mapping[str, int] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    holdout_percent: int = 0
    repeat_days: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, Mode] = field(default_factory=lambda: dict(_DEFAULT_MODES))
    site: Mapping[str, object] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    profile: Client = field(default_factory=lambda: open_client("generic"))

    @property
    def is_open(self) -> bool:
        """Return whether the service runs in open mode: no authentication, callers on this machine only."""
        return not self.clients

    def mode(self, service: str, client: Client) -> Mode:
        """Return the mode of `service` for `client`; off for an unknown service."""
        return client.modes.get(service, self.services.get(service, "off"))

    def __repr__(self) -> str:
        shown = (f"{entry.name}={self._shown(entry.name)}" for entry in fields(self))
        return f"Settings({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        value = getattr(self, name)
        return "***" if name in SECRETS and value else repr(value)
