"""The demo's patients get the same cards from a third-party FHIR server as from our own.

Four ways to the same answer: our server's records prefetched; the other server's records prefetched by GET, by POST
(as the public sandbox searches), and read by the service itself.
"""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from fhir_fixtures import PatientFile
from tests.interop.asking import DRAFTS, Json, body, cards, prefetched
from tests.interop.conftest import PATIENTS

pytestmark = pytest.mark.interop

#: Rare resource types; charts with one of them are tested with orders too, and so is every sixth chart.
_RARE = ("AllergyIntolerance", "Procedure", "ServiceRequest", "Medication")
WITH_ORDERS = [one for index, one in enumerate(PATIENTS) if index % 6 == 0 or any(one.resources(*_RARE))]


def slug(patient: PatientFile) -> str:
    return patient.slug


def assert_same(service: FlaskClient, real: str, own: str, request: Json) -> None:
    expected = cards(service, prefetched(service, own, request))
    assert cards(service, request | {"fhirServer": own}) == expected
    assert cards(service, prefetched(service, real, request)) == expected
    assert cards(service, request | {"fhirServer": real}) == expected


@pytest.mark.parametrize("patient", PATIENTS, ids=slug)
def test_patient_view(service: FlaskClient, real: str, own: str, patient: PatientFile) -> None:
    request = body("patient-view", patient)
    assert_same(service, real, own, request)
    assert cards(service, prefetched(service, real, request, posted=True)) == cards(
        service, prefetched(service, own, request)
    )


@pytest.mark.parametrize("patient", WITH_ORDERS, ids=slug)
def test_order_sign(service: FlaskClient, real: str, own: str, patient: PatientFile) -> None:
    assert_same(service, real, own, body("order-sign", patient, DRAFTS))
