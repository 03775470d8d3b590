"""HAPI FHIR with its database in memory, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.conftest import PATIENTS
from tests.interop.hapi import hapi_server
from tests.interop.hapi.records import store


@pytest.fixture(scope="session")
def hapi() -> Iterator[str]:
    """Yield the address of HAPI FHIR, which the tests fill with patients of their own."""
    with hapi_server.running() as address:
        yield address


@pytest.fixture(scope="session")
def spare() -> Iterator[str]:
    """Yield the address of another one, for what other tests would see."""
    with hapi_server.running() as address:
        yield address


@pytest.fixture(scope="session")
def demo(hapi: str) -> str:
    """Return the base URL at which every demo patient is found, which no test changes."""
    for patient in PATIENTS:
        store(f"{hapi}/fhir", patient.resources())
    return f"{hapi}/fhir"
