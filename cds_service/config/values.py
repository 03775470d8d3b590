"""Readers that turn a written setting into its value, one for each kind of setting.

A reader takes text (from the environment) or a TOML value and raises `InvalidValue`, whose message says what is allowed
and never repeats the value, since it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cds_service.config.toml_text import refuse_outsize


class InvalidValue(ValueError):
    """The value is not allowed; `allowed` says what is, `next_step` what to do."""

    def __init__(self, allowed: str, next_step: str = "") -> None:
        super().__init__(allowed)
        self.allowed, self.next_step = allowed, next_step


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints of a setting: a range for integers, choices for texts, and the base folder of relative paths."""

    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    folder: Path = Path()


Reader = Callable[[object, Constraints], object]
_YES_NO = {"true": True, "false": False}
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[1-9][0-9]{0,4})?")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII)
_QUERY = re.compile(r"[A-Za-z0-9\-._~%=&+,:;/]+", re.ASCII)
_LOOPBACK_NAMES = frozenset({"localhost"})


def read_text(raw: object, constraints: Constraints) -> str:
    """Read a text of 1 to 500 printable characters."""
    if not isinstance(raw, str) or not raw.isprintable() or not 1 <= len(raw) <= 500:
        raise InvalidValue("text of 1 to 500 printable characters")
    return raw


def read_integer(raw: object, constraints: Constraints) -> int:
    """Read an integer within the range."""
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise InvalidValue(f"a whole number from {constraints.low} to {constraints.high}")
    if not constraints.low <= int(text) <= constraints.high:
        raise InvalidValue(f"a whole number from {constraints.low} to {constraints.high}")
    return int(text)


def read_bool(raw: object, constraints: Constraints) -> bool:
    if isinstance(raw, bool):
        return raw
    if not isinstance(raw, str) or raw.lower() not in _YES_NO:
        raise InvalidValue("true or false")
    return _YES_NO[raw.lower()]


def read_choice(raw: object, constraints: Constraints) -> str:
    if raw not in constraints.choices:
        raise InvalidValue("one of " + ", ".join(constraints.choices))
    return str(raw)


def read_list(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read a TOML array of texts, or a text of comma-separated entries."""
    entries = [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise InvalidValue("a list of texts")
    return tuple(read_text(entry, constraints) for entry in entries)


def read_choices(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read one or more of the choices."""
    entries = read_list(raw, constraints)
    if not entries or not set(entries) <= set(constraints.choices):
        raise InvalidValue("some of " + ", ".join(constraints.choices))
    return entries


def read_subset(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read any number of the choices, possibly none."""
    entries = read_list(raw, constraints)
    if not set(entries) <= set(constraints.choices):
        raise InvalidValue("none, or some of " + ", ".join(constraints.choices))
    return entries


def read_time_zone(raw: object, constraints: Constraints) -> ZoneInfo:
    try:
        return ZoneInfo(read_text(raw, constraints))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue("a name of the IANA time zone list, such as America/Chicago or Europe/London") from None


def read_url(raw: object, constraints: Constraints) -> str:
    """Read an absolute http or https address in ASCII, without user name, query or fragment."""
    allowed = "an address such as https://ehr.example.org/path, without user name, query or fragment"
    if not isinstance(raw, str) or not _VISIBLE.fullmatch(raw) or any(sign in raw for sign in '\\@?#%"<>'):
        raise InvalidValue(allowed)
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise InvalidValue(allowed) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidValue(allowed)
    return raw


def read_key_set_url(raw: object, constraints: Constraints) -> str:
    """Read the address of a key set; it may have a query, by which some servers tell their customers apart."""
    if not isinstance(raw, str) or "?" not in raw:
        return read_url(raw, constraints)
    address, _, query = raw.partition("?")
    if not _QUERY.fullmatch(query):
        raise InvalidValue(
            "an address such as https://ehr.example.org/keys?site=a: letters, digits and -._~%=&+,:;/ after ?"
        )
    return f"{read_url(address, constraints)}?{query}"


def read_key_set_urls(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read one address of a key set or a list of them; in a text they are separated by commas."""
    entries = re.split(r",(?=\s*+https?://)", raw.strip()) if isinstance(raw, str) else read_list(raw, constraints)
    return tuple(read_key_set_url(entry.strip() if isinstance(entry, str) else entry, constraints) for entry in entries)


def read_base_url(raw: object, constraints: Constraints) -> str:
    """Read a base address, dropping a trailing slash."""
    return read_url(raw, constraints).removesuffix("/")


def read_base_urls(raw: object, constraints: Constraints) -> tuple[str, ...]:
    return tuple(read_base_url(entry, constraints) for entry in read_list(raw, constraints))


def read_origins(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read a list of exact browser origins, without wildcard or `null`."""
    entries = read_list(raw, constraints)
    if not all(_ORIGIN.fullmatch(entry) for entry in entries):
        raise InvalidValue("exact origins such as https://ehr.example.org: lower case, no path, no *, not null")
    return entries


def read_networks(raw: object, constraints: Constraints) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(entry)) for entry in read_list(raw, constraints))
    except ValueError:
        raise InvalidValue("networks such as 10.20.0.0/16 or fd00::/8") from None


def read_host(raw: object, constraints: Constraints) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", raw):
        raise InvalidValue("an IP address or a host name")
    return raw


def read_bind(raw: object, constraints: Constraints) -> str:
    """Read `address:port`, with brackets around an IPv6 address."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", raw) if isinstance(raw, str) else None
    if not match or not 0 < int(match[2]) < 65536:
        raise InvalidValue("address:port, such as 127.0.0.1:9464 or [::1]:9464")
    return match[0]


def read_hosts(raw: object, constraints: Constraints) -> tuple[str, ...]:
    """Read names or addresses of hosts as a browser sends them: in lower case, without a port."""
    entries = tuple(entry.lower() for entry in read_list(raw, constraints))
    if not all(_HOST.fullmatch(entry) for entry in entries):
        raise InvalidValue("host names or addresses such as cds-console.example.org or 10.1.2.3, without port")
    return entries


def read_file(raw: object, constraints: Constraints) -> str:
    """Read the path of an existing file, relative to the folder of the settings file."""
    path = constraints.folder / read_text(raw, constraints)
    if not is_there(path):
        raise InvalidValue("the path of a file that is there", f"looked for {path.absolute()}")
    return str(path.absolute())


def is_there(path: Path) -> bool:
    """Return whether a file exists; a path that no file can have does not."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_folder(raw: object, constraints: Constraints) -> str:
    return str((constraints.folder / read_text(raw, constraints)).absolute())


def read_table(raw: object, constraints: Constraints) -> Mapping[str, object]:
    """Read a TOML table, or a JSON object from the environment."""
    if isinstance(raw, str):
        import json

        try:
            raw = json.loads(raw)
            refuse_outsize(raw)
        except (ValueError, RecursionError):
            raise InvalidValue("a table, or its JSON form") from None
    if not isinstance(raw, dict):
        raise InvalidValue("a table, or its JSON form")
    return raw


def host_in_url(host: str) -> str:
    """Return a host as a URL names it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether `host` (a name, an IP address, or one in brackets) is reachable from this machine only."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare in _LOOPBACK_NAMES
