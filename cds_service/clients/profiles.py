"""From an entry of the settings file to a `Client`: its ready profile first, then its own members."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from cds_service.clients.client import Client
from cds_service.settings_reading import ABSENT, Sources, look_up
from cds_service.settings_table import CLIENT_SETTINGS

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@lru_cache(maxsize=1)
def ready_profiles() -> Mapping[str, Mapping[str, Any]]:
    """The members of each ready profile, as profiles.toml writes them."""
    return tomllib.loads((files("cds_service.clients") / "profiles.toml").read_text(encoding="utf-8"))


def open_client(profile: str) -> Client:
    """Whoever calls in open mode: what the profile's cards can do, and no proof of identity."""
    ready = ready_profiles()[profile]
    return Client(
        name="open",
        profile=profile,
        allow_http=True,
        allowed_networks=("127.0.0.0/8", "::1/128"),
        missing_data=ready["missing_data"],
        selection_behavior=ready["selection_behavior"],
        one_action_per_suggestion=ready["one_action_per_suggestion"],
        actions=frozenset(ready["actions"]),
        order_systems=tuple(ready["order_systems"]),
    )


def read_clients(sources: Sources) -> tuple[Client, ...]:
    """All configured clients. What is wrong with them is noted in `sources`."""
    entries = look_up(sources.content, "clients")
    if entries is ABSENT:
        return ()
    if not isinstance(entries, Mapping) or not entries:
        _blame_form(sources, "clients")
        return ()
    return tuple(_read_client(sources, name) for name, entry in entries.items() if _is_entry(sources, name, entry))


def _is_entry(sources: Sources, name: str, entry: object) -> bool:
    fits = isinstance(entry, Mapping) and bool(_NAME.fullmatch(name)) and name != "open"
    if not fits:
        _blame_form(sources, f"clients.{name}")
    return fits


def _blame_form(sources: Sources, place: str) -> None:
    allowed = "tables [clients.<name>], the name in lower-case letters, digits and hyphens, and not `open`"
    sources.blame(f"{sources.file}: {place}", "something else", allowed, "write one table for each EHR client")


def _read_client(sources: Sources, name: str) -> Client:
    """A client out of its rows. The key set's address of the profile gives way to keys written in the entry."""
    rows = {row.name: row for row in CLIENT_SETTINGS}
    profile = str(sources.value(rows["profile"], name))
    ready = ready_profiles()[profile]
    values: dict[str, Any] = {key: sources.value(row, name, ready) for key, row in rows.items()}
    modes = {key.removeprefix("modes."): values.pop(key) for key in list(values) if key.startswith("modes.")}
    if values["jwks_inline"] is not None and values["jwks_url"] == ready.get("jwks_url"):
        values["jku"], values["jwks_url"] = values["jku"] or values["jwks_url"], None
    values["jku"] = values["jku"] or values["jwks_url"]
    values["issuer"] = values["issuer"] or ""
    values["actions"] = frozenset(values["actions"])
    return Client(name=name, modes={service: mode for service, mode in modes.items() if mode}, **values)
