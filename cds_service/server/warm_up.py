"""Load in the master what every worker needs, so that the workers share its memory and start quickly."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import datetime
from importlib import import_module

from cds_service.config.settings import Settings
from cds_service.knowledge.load import national_rules
from cds_service.monitoring.self_test import SelfTest, reference_apps

#: What a worker imports when a token is verified or a row is encrypted.
_IMPORTED_LATE = ("jwt", "cryptography.hazmat.primitives.ciphers.aead", "cds_service.store.sql_store")


def warm_up(settings: Settings, clock: Callable[[], datetime]) -> None:
    """Answer the patients of the self-test, and keep what that loaded: modules, tables and vocabulary.

    The applications that answer have no store, clients or log: no connection, file or thread is there to be shared
    across a fork. Whether the answers are right is for the self-test of each worker.
    """
    patients = SelfTest(
        *reference_apps(settings, national_rules(), clock), lambda: clock().astimezone(settings.time_zone).date()
    )
    patients.run()
    for name in _IMPORTED_LATE:
        import_module(name)


def settle_memory() -> None:
    """Take what is loaded out of the sight of the garbage collector, since it stays as long as the process.

    A collection writes into every object that it looks at, and a page that is written to is shared no longer.
    """
    gc.collect()
    gc.freeze()
