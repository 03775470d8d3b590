"""The services that these tests share end with the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.protocol.totality import services


@pytest.fixture(scope="session", autouse=True)
def services_end() -> Iterator[None]:
    with services.ended:
        yield
