"""The demo's patients twice: on our own demonstration server, and on a FHIR server by other people."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from cds_service.app import create_app
from cds_service.settings import load_settings
from fhir_fixtures import load_patients
from fhir_fixtures.dates import ANCHOR
from fhir_fixtures.server import create_fhir_app
from tests.interop import real_server

PATIENTS = load_patients(ANCHOR)
_NOON = datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day, 12, tzinfo=UTC)
#: Milliseconds for a call: these tests are about what is answered, on machines that may be busy.
_PATIENT_DEADLINE = 5000


@contextmanager
def _running() -> Iterator[str]:
    """A server of its own, or a skip that says what to install; a failure where everything must be installed."""
    with ExitStack() as stack:
        try:
            base = stack.enter_context(real_server.running())
        except real_server.NotInstalled as fault:
            if os.environ.get("RLS_CDS_CI") == "1":
                pytest.fail(str(fault))
            pytest.skip(str(fault))
        yield base


@pytest.fixture(scope="session")
def real() -> Iterator[str]:
    """The base address of the server by other people, holding every demo patient; no test changes what it holds."""
    with _running() as base:
        for patient in PATIENTS:
            real_server.fill(base, patient.resources())
        yield base


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """The base address of another such server, which a test may write to."""
    with _running() as base:
        yield base


@pytest.fixture(scope="session")
def own() -> Iterator[str]:
    """The base address of our demonstration server."""
    server = make_server("127.0.0.1", 0, create_fhir_app(PATIENTS), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/fhir"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="session")
def service() -> FlaskClient:
    """The service in open mode on the day of the fixtures, without store and without a limit of cards."""
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": "", "RLS_CDS_MAX_CARDS": "0"}, demo=False)
    patient = replace(settings, profile=replace(settings.profile, deadline_ms=_PATIENT_DEADLINE))
    return create_app(patient, clock=lambda: _NOON).test_client()
