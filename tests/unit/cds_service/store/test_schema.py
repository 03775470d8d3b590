"""Every column says whether it depends on the keys of the store."""

from __future__ import annotations

from string import Formatter

import pytest
from sqlalchemy import Column, LargeBinary, String

from cds_service.store.schema import metadata

#: Digests that are no pseudonyms: the chain, its anchor and the key check are written anew by code of their own.
_NO_PSEUDONYMS = {
    "store_key.key_check",
    "audit_event.previous",
    "audit_event.hash",
    "audit_anchor.before_first",
    "audit_anchor.last_hash",
    "audit_anchor.signature",
}
_COLUMNS = [column for table in metadata.sorted_tables for column in table.columns]


@pytest.mark.parametrize("column", _COLUMNS, ids=str)
def test_what_depends_on_the_keys_is_declared(column: Column[object]) -> None:
    is_digest = type(column.type) is String and column.type.length == 64
    assert ("pseudonym" in column.info) == (is_digest and str(column) not in _NO_PSEUDONYMS)
    assert ("encrypted" in column.info) == isinstance(column.type, LargeBinary)


@pytest.mark.parametrize("column", [each for each in _COLUMNS if "encrypted" in each.info], ids=str)
def test_the_context_of_what_is_encrypted_names_its_row(column: Column[object]) -> None:
    named = [name for _, name, _, _ in Formatter().parse(column.info["encrypted"]) if name]
    assert named and set(named) <= set(column.table.columns.keys())
