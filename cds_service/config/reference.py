"""Render the settings table as Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cds_service.config.secrets import read_database_url, read_key, read_token
from cds_service.config.table import Setting
from cds_service.config.values import (
    read_base_url,
    read_base_urls,
    read_bind,
    read_bool,
    read_file,
    read_folder,
    read_host,
    read_hosts,
    read_key_set_url,
    read_key_set_urls,
    read_list,
    read_networks,
    read_origins,
    read_table,
    read_time_zone,
    read_url,
)

_KINDS: dict[Callable[..., object], str] = {
    read_base_url: "address",
    read_base_urls: "addresses",
    read_bind: "address:port",
    read_database_url: "empty, sqlite:/// or postgresql://",
    read_file: "path",
    read_folder: "path",
    read_host: "address",
    read_key_set_url: "address",
    read_key_set_urls: "address or addresses",
    read_key: "32 bytes, base64 or hexadecimal",
    read_token: "24 to 200 characters",
    read_hosts: "list of host names",
    read_list: "list of texts",
    read_networks: "list of networks",
    read_origins: "list of origins",
    read_table: "table",
    read_url: "address",
    read_bool: "true or false",
    read_time_zone: "time zone",
}


def reference(rows: Iterable[Setting], client: str = "") -> str:
    """Render the rows as a Markdown table; `client` is the client name used in environment variables."""
    lines = ["| Setting | Variable | Values | Default | Meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | `{row.variable(client)}` | {values(row)} | {default(row)} | {row.meaning} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def values(row: Setting) -> str:
    """Describe the values that the setting allows."""
    if row.constraints.choices:
        return ", ".join(row.constraints.choices)
    if row.constraints.high:
        return f"{row.constraints.low} to {row.constraints.high}"
    return _KINDS.get(row.read, "text")


def default(row: Setting) -> str:
    """Describe the default value."""
    if row.by_profile:
        return "by profile"
    if isinstance(row.default, bool):
        return str(row.default).lower()
    if isinstance(row.default, tuple):
        return ", ".join(str(entry) for entry in row.default) or "none"
    return "none" if row.default is None or row.default == {} else str(row.default)
