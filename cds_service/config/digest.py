"""A digest of the settings, by which two runs of the service can be told to have had the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from cds_service.config.settings import SECRETS, Settings
from cds_service.config.values import is_there

_DIGITS = 16


def digest(settings: Settings) -> str:
    """Return 16 hexadecimal digits of a hash over all settings and the files of the site that they name.

    Of a secret only counts whether it is set: a short password could be guessed from the digest.
    """
    content = {"settings": _plain(settings), "files": [_hash_of(file) for file in _files(settings)]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def store_kind(settings: Settings) -> str:
    """Return which kind of store the settings ask for: sqlite, postgresql or none."""
    if settings.database_url == "":
        return "none"
    return "sqlite" if (settings.database_url or "sqlite:").startswith("sqlite:") else "postgresql"


def _plain(value: object) -> object:
    """Return a value as JSON can hold it, the same in every process."""
    if is_dataclass(value):
        return {each.name: _member(each.name, getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _member(name: str, value: object) -> object:
    return value is not None if name in SECRETS else _plain(value)


def _files(settings: Settings) -> Iterable[Path]:
    named = (*settings.site.values(), *(client.local_codes for client in settings.clients), settings.ca_file)
    return (Path(name) for name in named if isinstance(name, str) and is_there(Path(name)))


def _hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
