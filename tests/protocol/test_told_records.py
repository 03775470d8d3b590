"""Records from the field, told in tests/protocol/told/*.toml: the service and `rls-cds evaluate` answer alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config.load import load_settings
from tests.builders.deadlines import without_haste
from tests.protocol.told_records import (
    TOLD_ON,
    ToldRecord,
    asked_of_evaluate,
    asked_of_the_service,
    named_card,
    told_records,
)

RECORDS = told_records()
_NOT_BUILT = pytest.mark.xfail(strict=True, reason="not built yet")
ASKED = [
    pytest.param(record, hook, marks=[_NOT_BUILT] if record.awaits else [], id=f"{record.id} {hook}")
    for record in RECORDS
    for hook in record.expected
]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": "", "RLS_CDS_MAX_CARDS": "0"}, demo=False)
    return create_app(without_haste(settings), clock=lambda: TOLD_ON).test_client()


@pytest.mark.parametrize(("record", "hook"), ASKED)
def test_told_record_is_answered_as_the_table_says(
    client: FlaskClient, tmp_path: Path, record: ToldRecord, hook: str
) -> None:
    served = asked_of_the_service(client, record, hook)
    assert not record.expected[hook].faults(served), record.title
    evaluated = asked_of_evaluate(tmp_path, record, hook)
    assert sorted(map(named_card, evaluated)) == sorted(map(named_card, served)), record.title


def test_told_records_have_names_of_their_own_and_are_asked() -> None:
    assert all(count == 1 for count in Counter(record.id for record in RECORDS).values())
    assert all(record.expected for record in RECORDS)
