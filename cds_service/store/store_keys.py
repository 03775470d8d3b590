"""Which keys a store was written with, the former ones included."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator

from sqlalchemy import Connection, inspect, select

from cds_service.store.databases.faults import BadStore, StoreUnavailable, WrongKeys
from cds_service.store.keys.encryption import FieldCipher, Keys
from cds_service.store.schema import former_key, store_key

_OTHER_KEYS = "the store was written with other keys; set those, or use another store"
_CONTEXT = "former key:{}"


def store_cipher(connection: Connection, keys: Keys) -> FieldCipher:
    """Return the cipher for a store and its keys. Raises `WrongKeys`, and `BadStore` if the key check is gone."""
    try:
        former = tuple(_former_keys(connection, FieldCipher(keys)))
    except StoreUnavailable:
        raise WrongKeys(_OTHER_KEYS) from None
    cipher = FieldCipher(keys, former=former)
    check_keys(connection, cipher)
    return cipher


def check_keys(connection: Connection, cipher: FieldCipher) -> None:
    """Raise `WrongKeys` if the store is of other keys, which it may have become while it was open."""
    found = connection.execute(select(store_key.c.key_check)).scalar()
    if found is None:
        raise BadStore("the store has lost its key check; restore it from a backup")
    if found != cipher.key_check():
        raise WrongKeys(_OTHER_KEYS)


def _former_keys(connection: Connection, cipher: FieldCipher) -> Iterator[bytes]:
    """Yield the former pseudonym keys, oldest first. Raises `StoreUnavailable` if they are of another cipher."""
    if not inspect(connection).has_table(former_key.name):  # a schema before them
        return
    for row in connection.execute(select(former_key).order_by(former_key.c.number)).all():
        yield b64decode(str(cipher.decrypt(row.key_closed, _CONTEXT.format(row.number))))


def former_key_row(cipher: FieldCipher, number: int, key: bytes) -> dict[str, object]:
    """Return the row that keeps a pseudonym key which is the present one no more."""
    return {"number": number, "key_closed": cipher.encrypt(b64encode(key).decode(), _CONTEXT.format(number))}
