"""A service that nothing is too costly for, so that what a call costs can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
from flask.testing import FlaskClient

from cds_service.config.profiles import open_client
from cds_service.server.assembly import assemble
from tests.builders.bugs import bugs_shown
from tests.builders.service import NOW, SIGN, VIEW, good, settings


@pytest.fixture(scope="package")
def http() -> Iterator[FlaskClient]:
    """Yield a client of the whole service, store and metrics too, with every suggestion and no limit of cards."""
    profile = replace(open_client("generic"), deadline_ms=3_600_000, drug_orders=True)
    with TemporaryDirectory() as folder, bugs_shown():
        app = assemble(settings(profile=profile, max_cards=0, data_folder=folder), clock=lambda: NOW)
        client = app.test_client()
        client.post(VIEW, json=good())  # what the first call builds is counted for none of the others
        client.post(SIGN, json=good("order-sign"))
        yield client
        app.extensions["rls_cds_scheduler"].stop()
        app.extensions["rls_cds"].fhir.close()
        app.extensions["rls_cds"].store.close()
