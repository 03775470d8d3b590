"""Every order that a card suggests is stored by HAPI FHIR, which refuses what it cannot parse or refer to."""

from __future__ import annotations

import pytest
import requests
from flask.testing import FlaskClient

from tests.interop.asking import DRAFTS, body, cards, prefetched
from tests.interop.conftest import PATIENTS
from tests.interop.hapi.records import ANSWERS
from tests.interop.real_server import FHIR_JSON
from tests.interop.test_other_answers import to_create

pytestmark = pytest.mark.interop
_HEADERS = {"Content-Type": FHIR_JSON}


def test_every_suggested_order_is_stored(service: FlaskClient, demo: str) -> None:
    requests_made = [body(hook, patient, DRAFTS) for hook in ("patient-view", "order-sign") for patient in PATIENTS]
    orders = [order for one in requests_made for order in to_create(cards(service, prefetched(service, demo, one)))]
    assert len(orders) > 30
    for order in orders:
        answer = requests.post(f"{demo}/{order['resourceType']}", json=order, headers=_HEADERS, timeout=ANSWERS)
        assert answer.status_code == 201, (order, answer.text)
        # Other tests read the same patient.
        assert requests.delete(answer.headers["Location"], timeout=ANSWERS).status_code == 200


def test_an_order_for_nobody_is_refused(service: FlaskClient, demo: str) -> None:
    """This gives meaning to the acceptance above."""
    request = prefetched(service, demo, body("order-sign", PATIENTS[0], DRAFTS))
    wrong = request["context"]["draftOrders"]["entry"][0]["resource"] | {"subject": {"reference": "Patient/nobody"}}
    answer = requests.post(f"{demo}/MedicationRequest", json=wrong, headers=_HEADERS, timeout=ANSWERS)
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
