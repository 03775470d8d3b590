"""Every vignette of the specification, sent as FHIR over HTTP: exactly the expected cards.

Three ways, and the same answer by each: everything prefetched, everything read from the FHIR server, and half of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config.load import load_settings
from fhir_fixtures.server import create_fhir_app
from tests.builders.deadlines import without_haste
from tests.builders.serving import in_threads
from tests.golden.vignettes.build import TOLD_ON, VignetteCase, as_patient_file, as_request, build, load_vignettes

_SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec"
CASES = [build(vignette) for vignette in load_vignettes(_SPEC)] if _SPEC.is_dir() else []
#: Additions of the product contract that may stand beside the cards a vignette expects (product.md section 4).
_BESIDE = {"B6LOW", "B6HIGH", "ESRDVITC", "OSSUPPNOLAB"}
_NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not CASES, reason="../shared/spec is not beside this checkout")


@pytest.fixture(scope="module")
def fhir_server() -> Iterator[str]:
    with in_threads(create_fhir_app([as_patient_file(case) for case in CASES])) as base:
        yield f"{base}/fhir"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": "", "RLS_CDS_MAX_CARDS": "0"}, demo=False)
    return create_app(without_haste(settings), clock=lambda: _NOON).test_client()


def cards(client: FlaskClient, case: VignetteCase, body: dict[str, Any]) -> set[str]:
    answer = client.post(f"/cds-services/rls-{case.hook}", json=body)
    assert answer.status_code == 200, answer.text
    return {f"{card['source']['topic']['code']}:{card['indicator']}" for card in answer.json["cards"]}


def expected(case: VignetteCase) -> set[str]:
    return {entry.replace("-", "") for entry in case.expected}


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=[f"{case.id} {case.title}" for case in CASES],
)
def test_vignette(client: FlaskClient, fhir_server: str, case: VignetteCase) -> None:
    wanted = expected(case)
    full = cards(client, case, as_request(case, "full"))
    assert {card for card in full if card.split(":")[0] not in _BESIDE} == wanted
    assert cards(client, case, as_request(case, "none", fhir_server)) == full
    assert cards(client, case, as_request(case, "half", fhir_server)) == full


def test_no_vignette_is_left_out() -> None:
    assert len(CASES) == 116
    assert TOLD_ON.isoformat() == "2026-06-15"
