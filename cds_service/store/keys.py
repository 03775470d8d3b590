"""The two secrets of a store: from the settings, or made at first start and kept beside it."""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path

from cds_service.store.faults import BadStore, MissingKeys

_LENGTH = 32
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Keys:
    """Two secrets of at least 32 bytes: one turns identifiers into pseudonyms, one encrypts."""

    pseudonym: bytes = field(repr=False)
    encryption: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name, key in (("pseudonym", self.pseudonym), ("encryption", self.encryption)):
            if len(key) < _LENGTH:
                raise BadStore(f"the {name} key has {len(key)} bytes; it needs at least {_LENGTH}")
            if len(set(key)) < 8:
                raise BadStore(f"the {name} key is not random; make one with: openssl rand -base64 32")


def keys_beside(store: Path, *, may_make: bool) -> Keys:
    """The keys in `<store>.key`, made there (mode 0600) where neither store nor keys exist yet.

    Several processes may call this at the same moment: all get the same keys. Keys are never made for a store
    that is already there, since what it holds could not be read with them.
    """
    path = store.with_name(store.name + ".key")
    already_there = store.exists() and store.stat().st_size > 0
    if not path.exists():
        if already_there:
            raise MissingKeys(f"{store} was written with the keys in {path}, which is gone; bring it back")
        if not may_make:
            raise MissingKeys("set the pseudonym key and the encryption key of the store")
        _make(path)
    return _read(path)


def _make(path: Path) -> None:
    """Write the whole file under another name and link it, so that nobody ever sees half of it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    text = b"\n".join(urlsafe_b64encode(secrets.token_bytes(_LENGTH)) for _ in ("pseudonym", "encryption"))
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first; its keys are the keys
    finally:
        draft.unlink()


def _read(path: Path) -> Keys:
    if path.stat().st_mode & 0o077:
        raise BadStore(f"{path} can be read by others; make it private: chmod 600 {path}")
    try:
        pseudonym, encryption = (urlsafe_b64decode(line) for line in path.read_bytes().split())
    except ValueError:
        raise BadStore(f"{path} is damaged: it should hold two lines, each a key in base64") from None
    return Keys(pseudonym, encryption)
