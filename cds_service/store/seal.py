"""Pseudonyms and encryption: what stands in the store instead of identifiers and free text."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from cds_service.store.faults import StoreUnavailable
from cds_service.store.keys import Keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Seal:
    """Keyed hashes (HMAC-SHA256) and authenticated encryption (AES-256-GCM), each purpose with its own key."""

    def __init__(self, keys: Keys, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = keys
        self._random_bytes = random_bytes
        self._cipher = _cipher(keys)

    def pseudonym(self, purpose: str, *parts: str) -> str:
        """64 hex digits that stand for `parts`; the same parts under another purpose give other digits."""
        message = orjson.dumps([purpose, *parts])
        return hmac.new(self._keys.pseudonym, message, hashlib.sha256).hexdigest()

    def signature(self, *parts: str | int) -> str:
        """What only a holder of the keys could have written under `parts`."""
        key = hmac.new(self._keys.pseudonym, b"audit anchor", hashlib.sha256).digest()
        return hmac.new(key, orjson.dumps(parts), hashlib.sha256).hexdigest()

    def check(self) -> str:
        """Tells whether two seals have the same keys, and nothing about the keys."""
        inner = hmac.new(self._keys.encryption, b"key check", hashlib.sha256).hexdigest()
        return self.pseudonym("key check", inner)

    def close(self, content: object, where: str) -> bytes:
        """Encrypt a JSON value; it opens only under the same `where`, so that no row can pose as another."""
        nonce = self._random_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, orjson.dumps(content), where.encode())

    def open(self, closed: bytes, where: str) -> object:
        from cryptography.exceptions import InvalidTag

        try:
            content: object = orjson.loads(self._cipher.decrypt(closed[:_NONCE], closed[_NONCE:], where.encode()))
        except (InvalidTag, ValueError):
            raise StoreUnavailable("a row of the store was changed from outside and cannot be opened") from None
        return content


def _cipher(keys: Keys) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hmac.new(keys.encryption, b"store", hashlib.sha256).digest())
