"""The demo's patients on two servers: our own, and a third-party FHIR server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config.load import load_settings
from fhir_fixtures import load_patients
from fhir_fixtures.dates import ANCHOR
from fhir_fixtures.server import create_fhir_app
from tests.builders.components import missing
from tests.builders.deadlines import without_haste
from tests.builders.serving import in_threads
from tests.interop import real_server

PATIENTS = load_patients(ANCHOR)
_NOON = datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day, 12, tzinfo=UTC)


@contextmanager
def _running() -> Iterator[str]:
    """Run a server, or skip the test with what to install; fail where everything must be installed."""
    with ExitStack() as stack:
        try:
            base = stack.enter_context(real_server.running())
        except real_server.NotInstalled as fault:
            missing(str(fault))
        yield base


@pytest.fixture(scope="session")
def real() -> Iterator[str]:
    """Yield the base URL of the third-party server with every demo patient, which no test changes."""
    with _running() as base:
        for patient in PATIENTS:
            real_server.fill(base, patient.resources())
        yield base


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """Yield the base URL of another such server, to which tests may write."""
    with _running() as base:
        yield base


@pytest.fixture(scope="session")
def own() -> Iterator[str]:
    """Yield the base URL of our own server."""
    with in_threads(create_fhir_app(PATIENTS)) as base:
        yield f"{base}/fhir"


@pytest.fixture(scope="session")
def service() -> FlaskClient:
    """Return the service in open mode on the day of the fixtures, without store and limit of cards."""
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": "", "RLS_CDS_MAX_CARDS": "0"}, demo=False)
    return create_app(without_haste(settings), clock=lambda: _NOON).test_client()
