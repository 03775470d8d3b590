"""What a machine may lack: a browser, a database, a runtime."""

from __future__ import annotations

import os
from typing import NoReturn


def missing(what: str) -> NoReturn:
    """Skip the test for want of a component, or fail it where all of them must be there (RLS_CDS_CI=1)."""
    import pytest  # here, since the programs of others are built before pytest is installed

    if os.environ.get("RLS_CDS_CI") == "1":
        pytest.fail(f"{what} (RLS_CDS_CI=1: nothing may be missing)", pytrace=False)
    pytest.skip(what)
