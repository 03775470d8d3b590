"""Load in the master what every worker needs, so that the workers share its memory and start quickly."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from importlib import import_module

from cards.remembered import forget_counts
from cds_service.config.settings import Settings
from cds_service.knowledge.load import national_rules
from cds_service.monitoring.self_test import REFERENCE_PATIENTS, ReferencePatient, SelfTest, reference_apps
from cds_service.web.log import log

#: What a worker imports when a token is verified or a row is encrypted.
_IMPORTED_LATE = ("jwt", "cryptography.hazmat.primitives.ciphers.aead", "cds_service.store.sql_store")
#: Patients whose charts need tables that those of the self-test do not: drugs by name alone, in other words, on order.
_MORE_PATIENTS = tuple(
    ReferencePatient(slug, frozenset())
    for slug in ("drugs-by-reference", "ferritin-180-low-saturation-heart-failure", "iron-studies-already-ordered")
)


def warm_up(settings: Settings, clock: Callable[[], datetime]) -> None:
    """Answer the patients of the self-test and a few more, and keep what that loaded: modules, tables and vocabulary.

    The applications that answer have no store, clients or log: no connection, file or thread is there to be shared
    across a fork. Whether the answers are right, and whether there are any, is for the self-test of each worker.
    """
    try:
        _answer_patients(settings, clock)
    except Exception as fault:  # noqa: BLE001 - workers start without it, and their self-test tells what is wrong
        log("not warmed up", logging.WARNING, fault=type(fault).__name__)
    for name in _IMPORTED_LATE:
        import_module(name)
    forget_counts()


def _answer_patients(settings: Settings, clock: Callable[[], datetime]) -> None:
    patients = SelfTest(
        *reference_apps(settings, national_rules(), clock),
        lambda: clock().astimezone(settings.time_zone).date(),
        (*REFERENCE_PATIENTS, *_MORE_PATIENTS),
    )
    patients.run()
