"""Build a `Client` from an entry of the settings file and the built-in profile it names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from cds_service.config.client import Client
from cds_service.config.sources import ABSENT, Sources, lookup
from cds_service.config.table import CLIENT_SETTINGS

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@lru_cache(maxsize=1)
def builtin_profiles() -> Mapping[str, Mapping[str, Any]]:
    """Return the built-in profiles by name, as written in profiles.toml."""
    return tomllib.loads((files("cds_service.config") / "profiles.toml").read_text(encoding="utf-8"))


def open_client(profile: str) -> Client:
    """Return the client for any caller in open mode, with the card options of a profile and no authentication."""
    preset = builtin_profiles()[profile]
    return Client(
        name="open",
        profile=profile,
        allow_http=True,
        allowed_networks=("127.0.0.0/8", "::1/128"),
        missing_data=preset["missing_data"],
        selection_behavior=preset["selection_behavior"],
        one_action_per_suggestion=preset["one_action_per_suggestion"],
        actions=frozenset(preset["actions"]),
        order_codes=preset["order_codes"],
    )


def read_clients(sources: Sources) -> tuple[Client, ...]:
    """Return all configured clients, adding their faults to `sources`."""
    entries = lookup(sources.content, "clients")
    if entries is ABSENT:
        return ()
    if not isinstance(entries, Mapping) or not entries:
        _add_form_fault(sources, "clients")
        return ()
    return tuple(_read_client(sources, name) for name, entry in entries.items() if _is_entry(sources, name, entry))


def _is_entry(sources: Sources, name: str, entry: object) -> bool:
    fits = isinstance(entry, Mapping) and bool(_NAME.fullmatch(name)) and name != "open"
    if not fits:
        _add_form_fault(sources, f"clients.{name}")
    return fits


def _add_form_fault(sources: Sources, place: str) -> None:
    allowed = "tables [clients.<name>], the name in lower-case letters, digits and hyphens, and not `open`"
    sources.add_fault(f"{sources.file}: {place}", "something else", allowed, "write one table for each EHR client")


def _read_client(sources: Sources, name: str) -> Client:
    """Build a client; keys written in its entry replace the key set address of the profile."""
    rows = {row.name: row for row in CLIENT_SETTINGS}
    profile = str(sources.value(rows["profile"], name))
    preset = builtin_profiles()[profile]
    values: dict[str, Any] = {key: sources.value(row, name, preset) for key, row in rows.items()}
    modes = {key.removeprefix("modes."): values.pop(key) for key in list(values) if key.startswith("modes.")}
    if values["jwks_inline"] is not None and values["jwks_url"] == preset.get("jwks_url"):
        values["jku"], values["jwks_url"] = values["jku"] or _one(values["jwks_url"]), None
    values["jku"] = values["jku"] or _one(values["jwks_url"])
    values["issuer"] = values["issuer"] or ""
    values |= {name: frozenset(values[name]) for name in ("actions", "cannot_send")}
    return Client(name=name, modes={service: mode for service, mode in modes.items() if mode}, **values)


def _one(address: str | None) -> tuple[str, ...]:
    return (address,) if address else ()
