"""Readers for secret settings: keys, and the address of the store, which may contain a password."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import NoReturn

from cds_service.config.values import Constraints, InvalidValue
from cds_service.store.databases.faults import BadStore
from cds_service.store.databases.location import server_address, sqlite_path

_DATABASE = "empty (no store), sqlite:///path/to/file or postgresql://user:password@host:5432/name"


def read_key(raw: object, constraints: Constraints) -> bytes:
    """Decode a random key of at least 32 bytes from base64 (either alphabet) or hexadecimal digits."""
    if not isinstance(raw, str):
        _refuse_key()
    text = raw.strip()
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){32,}", text):
        key = bytes.fromhex(text)
    else:
        try:
            key = b64decode(text.translate({45: 43, 95: 47}) + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            _refuse_key()
    if len(key) < 32 or len(set(key)) < 8:
        _refuse_key()
    return key


def _refuse_key() -> NoReturn:
    raise InvalidValue("32 random bytes or more, in base64 or hexadecimal", "make one with: openssl rand -base64 32")


def read_token(raw: object, constraints: Constraints) -> str:
    """Read a random token of 24 to 200 visible characters."""
    text = raw.strip() if isinstance(raw, str) else ""
    if not re.fullmatch(r"[\x21-\x7e]{24,200}", text) or len(set(text)) < 8:
        raise InvalidValue("24 to 200 random visible characters", "make one with: openssl rand -base64 32")
    return text


def read_database_url(raw: object, constraints: Constraints) -> str:
    """Read the address of the store as written; only opening it shows whether it leads to a file or a server."""
    prefixes = ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")
    if not isinstance(raw, str) or (raw and not (raw.isprintable() and raw.startswith(prefixes))):
        raise InvalidValue(_DATABASE)
    try:
        if raw.startswith("sqlite:"):
            sqlite_path(raw, None)
        elif raw:
            server_address(raw)
    except BadStore as fault:
        raise InvalidValue(_DATABASE, str(fault)) from None
    return raw
