"""A service with registered clients, and one in open mode, once per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.open_mode import app, http
from tests.protocol.ehr import Ehr, hospital_settings, served

__all__ = ["app", "http"]


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    with served(hospital_settings(tmp_path_factory.mktemp("store"))) as made:
        yield made
