"""One validator for all tests, which knows what the export defines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.validator.emitted import definitions
from tests.interop.validator.program import Validator, running_validator


@pytest.fixture(scope="session")
def validator() -> Iterator[Validator]:
    with running_validator() as made:
        for each in definitions():
            made.define("R4", each)
        yield made
