"""The two secret keys of a store: pseudonyms replace identifiers, and encryption protects free text."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cds_service.store.databases.faults import BadStore, MissingKeys, StoreUnavailable

_LENGTH = 32
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Keys:
    """The pseudonym key and the encryption key, at least 32 bytes each."""

    pseudonym: bytes = field(repr=False)
    encryption: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name, key in (("pseudonym", self.pseudonym), ("encryption", self.encryption)):
            if len(key) < _LENGTH:
                raise BadStore(f"the {name} key has {len(key)} bytes; it needs at least {_LENGTH}")
            if len(set(key)) < 8:
                raise BadStore(f"the {name} key is not random; make one with: openssl rand -base64 32")


def load_or_create_keys(store: Path, *, may_create: bool) -> Keys:
    """Load the keys from `<store>.key`, creating the file (mode 0600) if neither store nor keys exist yet.

    Processes that call this at the same moment get the same keys. Keys are never created for an existing store, since
    they could not decrypt it. Raises `MissingKeys` for a store without its keys, or if `may_create` is false.
    """
    path = _key_file(store)
    already_there = store.exists() and store.stat().st_size > 0
    if not path.exists():
        if already_there:
            raise MissingKeys(
                f"{store} was written with keys that are not given: set pseudonym_key and encryption_key as the "
                "service has them (--config, or RLS_CDS_PSEUDONYM_KEY and RLS_CDS_ENCRYPTION_KEY), "
                f"or bring back {path}"
            )
        if not may_create:
            raise MissingKeys("set the pseudonym key and the encryption key of the store")
        _create(path)
    return _read(path)


def replace_keys(store: Path, keys: Keys) -> None:
    """Replace the keys in `<store>.key`."""
    path = _key_file(store)
    _draft(path, keys).replace(path)


def _key_file(store: Path) -> Path:
    return store.with_name(store.name + ".key")


def _create(path: Path) -> None:
    """Write new keys to a temporary file and link it into place, so that no process sees half a file."""
    draft = _draft(path, Keys(secrets.token_bytes(_LENGTH), secrets.token_bytes(_LENGTH)))
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first, and its keys are used
    finally:
        draft.unlink()


def _draft(path: Path, keys: Keys) -> Path:
    """Write keys durably to a temporary file beside `path`, and return it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(b"".join(urlsafe_b64encode(key) + b"\n" for key in (keys.pseudonym, keys.encryption)))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _read(path: Path) -> Keys:
    if path.stat().st_mode & 0o077:
        raise BadStore(f"{path} can be read by others; make it private: chmod 600 {path}")
    try:
        pseudonym, encryption = (urlsafe_b64decode(line) for line in path.read_bytes().split())
    except ValueError:
        raise BadStore(f"{path} is damaged: it should hold two lines, each a key in base64") from None
    return Keys(pseudonym, encryption)


if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Pseudonym(str):
    """A pseudonym as 64 hex digits. `origin` is what the first key of the store made of the same identifier.

    A pseudonym that is a part of another one enters it as its origin, so that both change of key alike.
    """

    origin: str

    def __new__(cls, digest: str, origin: str) -> Pseudonym:
        made = super().__new__(cls, digest)
        made.origin = origin
        return made


class FieldCipher:
    """Pseudonyms (HMAC-SHA256) and authenticated encryption (AES-256-GCM), with a separate key for each purpose."""

    def __init__(
        self, keys: Keys, random_bytes: Callable[[int], bytes] = os.urandom, former: Sequence[bytes] = ()
    ) -> None:
        """`former` are the pseudonym keys of the store before its present one, oldest first.

        Nobody can make the pseudonym of an unknown identifier anew, so a new key is applied to the old pseudonym.
        """
        self.keys, self.former = keys, tuple(former)
        self._chain = (*former, keys.pseudonym)
        self._anchor_key = hmac.digest(keys.pseudonym, b"audit anchor", "sha256")
        self._random_bytes = random_bytes
        self._aead = _aead(keys)

    def pseudonym(self, purpose: str, *parts: str) -> Pseudonym:
        """Return the pseudonym of `parts`, different for every purpose."""
        message = orjson.dumps([purpose, *[part.origin if isinstance(part, Pseudonym) else part for part in parts]])
        digest = origin = _digest(self._chain[0], message)
        for key in self._chain[1:]:
            digest = _renewed(key, digest)
        return Pseudonym(digest, origin)

    def renewed(self, pseudonym: str) -> str:
        """Return under the present key what was a pseudonym under the key before it."""
        return _renewed(self.keys.pseudonym, pseudonym)

    def signature(self, *parts: str | int) -> str:
        """Return a signature of `parts` that only a holder of the keys can compute."""
        return _digest(self._anchor_key, orjson.dumps(parts))

    def key_check(self) -> str:
        """Return a value that is equal for equal keys, former ones included, and reveals nothing about them."""
        inner = hmac.new(self.keys.encryption, b"key check", hashlib.sha256).hexdigest()
        return self.pseudonym("key check", inner)

    def encrypt(self, content: object, context: str) -> bytes:
        """Encrypt a JSON value, bound to `context` so that no row can pass for another."""
        nonce = self._random_bytes(_NONCE)
        return nonce + self._aead.encrypt(nonce, orjson.dumps(content), context.encode())

    def decrypt(self, ciphertext: bytes, context: str) -> object:
        """Decrypt a JSON value. Raises `StoreUnavailable` if it was altered or encrypted under another context."""
        from cryptography.exceptions import InvalidTag

        try:
            content: object = orjson.loads(
                self._aead.decrypt(ciphertext[:_NONCE], ciphertext[_NONCE:], context.encode())
            )
        except (InvalidTag, ValueError):
            raise StoreUnavailable("a row of the store was changed from outside and cannot be opened") from None
        return content


def _digest(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, "sha256").hex()


def _renewed(key: bytes, pseudonym: str) -> str:
    return _digest(key, pseudonym.encode())


def _aead(keys: Keys) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hmac.new(keys.encryption, b"store", hashlib.sha256).digest())
