"""HAPI FHIR with its database in memory, started once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.builders.components import missing
from tests.interop.conftest import PATIENTS
from tests.interop.hapi import hapi_server
from tests.interop.hapi.records import store


@contextmanager
def _running() -> Iterator[str]:
    """Run HAPI FHIR, or skip the test with what to install; fail where everything must be installed."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(hapi_server.running())
        except hapi_server.NotInstalled as fault:
            missing(str(fault))
        yield address


@pytest.fixture(scope="session")
def hapi() -> Iterator[str]:
    """Yield the address of HAPI FHIR, which the tests fill with patients of their own."""
    with _running() as address:
        yield address


@pytest.fixture(scope="session")
def spare() -> Iterator[str]:
    """Yield the address of another one, for what other tests would see."""
    with _running() as address:
        yield address


@pytest.fixture(scope="session")
def demo(hapi: str) -> str:
    """Return the base URL at which every demo patient is found, which no test changes."""
    for patient in PATIENTS:
        store(f"{hapi}/fhir", patient.resources())
    return f"{hapi}/fhir"
