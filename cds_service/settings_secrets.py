"""Readers for what must stay secret: keys, and the address of the store, in which a password may stand."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import NoReturn

from cds_service.settings_values import Limits, Unfit


def read_key(raw: object, limits: Limits) -> bytes:
    """At least 32 bytes, random, as base64 (either alphabet) or as hexadecimal digits."""
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
    raise Unfit("32 random bytes or more, in base64 or hexadecimal", "make one with: openssl rand -base64 32")


def read_database(raw: object, limits: Limits) -> str:
    prefixes = ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")
    if raw != "" and not (isinstance(raw, str) and raw.isprintable() and raw.startswith(prefixes)):
        raise Unfit("empty (no store), sqlite:///path/to/file or postgresql://user:password@host/name")
    return str(raw)
