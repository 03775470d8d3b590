"""From what a person wrote to a value the service can use: one reader per kind of setting.

A reader takes text (from the environment) or a TOML value and raises `Unfit`; the message says what is allowed and
never repeats the value, so that secrets can pass through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Unfit(ValueError):
    """The value cannot be used. `allowed` says what can, `next_step` what to do."""

    def __init__(self, allowed: str, next_step: str = "") -> None:
        super().__init__(allowed)
        self.allowed, self.next_step = allowed, next_step


@dataclass(frozen=True, slots=True)
class Limits:
    """What narrows a kind: a range for whole numbers, choices for words, and where relative paths begin."""

    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    folder: Path = Path()


Reader = Callable[[object, Limits], object]
_YES_NO = {"true": True, "false": False}
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[1-9][0-9]{0,4})?")
_QUERY = re.compile(r"[A-Za-z0-9\-._~%=&+,:;/]+", re.ASCII)
_LOOPBACK_NAMES = frozenset({"localhost"})


def read_words(raw: object, limits: Limits) -> str:
    if not isinstance(raw, str) or not raw.isprintable() or not 1 <= len(raw) <= 500:
        raise Unfit("text of 1 to 500 printable characters")
    return raw


def read_whole(raw: object, limits: Limits) -> int:
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise Unfit(f"a whole number from {limits.low} to {limits.high}")
    if not limits.low <= int(text) <= limits.high:
        raise Unfit(f"a whole number from {limits.low} to {limits.high}")
    return int(text)


def read_yes_no(raw: object, limits: Limits) -> bool:
    if isinstance(raw, bool):
        return raw
    if not isinstance(raw, str) or raw.lower() not in _YES_NO:
        raise Unfit("true or false")
    return _YES_NO[raw.lower()]


def read_choice(raw: object, limits: Limits) -> str:
    if raw not in limits.choices:
        raise Unfit("one of " + ", ".join(limits.choices))
    return str(raw)


def read_list(raw: object, limits: Limits) -> tuple[str, ...]:
    """A TOML array of texts, or one text with commas between."""
    entries = [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise Unfit("a list of texts")
    return tuple(read_words(entry, limits) for entry in entries)


def read_choices(raw: object, limits: Limits) -> tuple[str, ...]:
    entries = read_list(raw, limits)
    if not entries or not set(entries) <= set(limits.choices):
        raise Unfit("some of " + ", ".join(limits.choices))
    return entries


def read_zone(raw: object, limits: Limits) -> ZoneInfo:
    try:
        return ZoneInfo(read_words(raw, limits))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unfit("a name of the IANA time zone list, such as America/Chicago or Europe/London") from None


def read_url(raw: object, limits: Limits) -> str:
    """An absolute http or https address in plain characters, without user name, query or fragment."""
    allowed = "an address such as https://ehr.example.org/path, without user name, query or fragment"
    if not isinstance(raw, str) or not _VISIBLE.fullmatch(raw) or any(sign in raw for sign in '\\@?#%"<>'):
        raise Unfit(allowed)
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        raise Unfit(allowed) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Unfit(allowed)
    return raw


def read_key_address(raw: object, limits: Limits) -> str:
    """Where a key set is: as `read_url`, and some servers tell their customers apart by a query."""
    if not isinstance(raw, str) or "?" not in raw:
        return read_url(raw, limits)
    address, _, query = raw.partition("?")
    if not _QUERY.fullmatch(query):
        raise Unfit("an address such as https://ehr.example.org/keys?site=a: letters, digits and -._~%=&+,:;/ after ?")
    return f"{read_url(address, limits)}?{query}"


def read_base(raw: object, limits: Limits) -> str:
    """An address that others are built on: kept without its trailing slash."""
    return read_url(raw, limits).removesuffix("/")


def read_bases(raw: object, limits: Limits) -> tuple[str, ...]:
    return tuple(read_base(entry, limits) for entry in read_list(raw, limits))


def read_origins(raw: object, limits: Limits) -> tuple[str, ...]:
    entries = read_list(raw, limits)
    if not all(_ORIGIN.fullmatch(entry) for entry in entries):
        raise Unfit("exact origins such as https://ehr.example.org: lower case, no path, no *, not null")
    return entries


def read_networks(raw: object, limits: Limits) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(entry)) for entry in read_list(raw, limits))
    except ValueError:
        raise Unfit("networks such as 10.20.0.0/16 or fd00::/8") from None


def read_host(raw: object, limits: Limits) -> str:
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", raw):
        raise Unfit("an IP address or a host name")
    return raw


def read_bind(raw: object, limits: Limits) -> str:
    """`address:port`, with brackets around an IPv6 address."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", raw) if isinstance(raw, str) else None
    if not match or not 0 < int(match[2]) < 65536:
        raise Unfit("address:port, such as 127.0.0.1:9464 or [::1]:9464")
    return match[0]


def read_file(raw: object, limits: Limits) -> str:
    """A file that is there; a relative path begins at the folder of the settings file."""
    path = limits.folder / read_words(raw, limits)
    if not path.is_file():
        raise Unfit("the path of a file that is there", f"looked for {path.absolute()}")
    return str(path.absolute())


def read_folder(raw: object, limits: Limits) -> str:
    return str((limits.folder / read_words(raw, limits)).absolute())


def read_table(raw: object, limits: Limits) -> Mapping[str, object]:
    """A TOML table; from the environment, the same as JSON."""
    if isinstance(raw, str):
        import json

        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unfit("a table, or its JSON form") from None
    if not isinstance(raw, dict):
        raise Unfit("a table, or its JSON form")
    return raw


def is_loopback(host: str) -> bool:
    """Only this machine can reach what listens on `host` (a name, an IP address, or one in brackets)."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare in _LOOPBACK_NAMES
