"""The settings table as a page to read: for the README, `--help` and the example file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cds_service.settings_secrets import read_database, read_key
from cds_service.settings_table import Setting
from cds_service.settings_values import (
    read_base,
    read_bases,
    read_bind,
    read_file,
    read_folder,
    read_host,
    read_list,
    read_networks,
    read_origins,
    read_table,
    read_url,
    read_yes_no,
    read_zone,
)

_KINDS: dict[Callable[..., object], str] = {
    read_base: "address",
    read_bases: "addresses",
    read_bind: "address:port",
    read_database: "empty, sqlite:/// or postgresql://",
    read_file: "path",
    read_folder: "path",
    read_host: "address",
    read_key: "32 bytes, base64 or hexadecimal",
    read_list: "list of texts",
    read_networks: "list of networks",
    read_origins: "list of origins",
    read_table: "table",
    read_url: "address",
    read_yes_no: "true or false",
    read_zone: "time zone",
}


def reference(rows: Iterable[Setting], client: str = "") -> str:
    """The rows as a Markdown table; `client` is the name that stands in the variables of a client's members."""
    lines = ["| Setting | Variable | Values | Default | Meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | `{row.variable(client)}` | {values(row)} | {default(row)} | {row.meaning} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def values(row: Setting) -> str:
    """What the setting may be, in few words."""
    if row.limits.choices:
        return ", ".join(row.limits.choices)
    if row.limits.high:
        return f"{row.limits.low} to {row.limits.high}"
    return _KINDS.get(row.read, "text")


def default(row: Setting) -> str:
    """What it is where nobody says."""
    if row.ready:
        return "by profile"
    if isinstance(row.default, bool):
        return str(row.default).lower()
    if isinstance(row.default, tuple):
        return ", ".join(str(entry) for entry in row.default) or "none"
    return "none" if row.default is None or row.default == {} else str(row.default)
