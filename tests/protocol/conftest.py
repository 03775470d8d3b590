"""A service with registered clients, and one in open mode, each on a real port for as long as a module runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.http.build import application
from tests.protocol.ehr import Ehr, hospital_settings, served


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    with served(hospital_settings(tmp_path_factory.mktemp("store"))) as made:
        yield made


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()
