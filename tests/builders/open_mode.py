"""An application in open mode, once per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.builders.service import application


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    with application() as made:
        yield made


@pytest.fixture(scope="module")
def http(app: Flask) -> FlaskClient:
    return app.test_client()
