"""Orders, short pages and refusals between the service and a third-party FHIR server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from flask.testing import FlaskClient

from fhir_fixtures import PatientFile
from tests.interop.asking import DRAFTS, Json, answer_of, body, cards, prefetched, templates
from tests.interop.conftest import PATIENTS
from tests.interop.real_server import ANSWERS

pytestmark = pytest.mark.interop

_LOW = next(patient for patient in PATIENTS if patient.slug == "ferritin-38-inside-the-lab-range")


def codes(answered: list[Json]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answered]


def to_create(answered: list[Json]) -> Iterator[Json]:
    for card in answered:
        for suggestion in card.get("suggestions", ()):
            for action in suggestion.get("actions", ()):
                if action["type"] == "create":
                    yield action["resource"]


def test_every_suggested_order_is_stored(service: FlaskClient, real: str, empty: str) -> None:
    """Suggested orders are valid FHIR for the other server's validator too."""
    requests_made = [body(hook, patient, DRAFTS) for hook in ("patient-view", "order-sign") for patient in PATIENTS]
    orders = [order for one in requests_made for order in to_create(cards(service, prefetched(service, real, one)))]
    assert len(orders) > 30
    for order in orders:
        answer = requests.post(f"{empty}/{order['resourceType']}", json=order, timeout=ANSWERS)
        assert answer.status_code == 201, (order, answer.text)


def test_the_other_server_validates(empty: str) -> None:
    """This gives meaning to its acceptance of every fixture and every suggested order."""
    wrong = {"resourceType": "Observation", "id": "wrong", "status": "final", "code": {"text": "x"}}
    answer = requests.put(
        f"{empty}/Observation/wrong", json=wrong | {"valueQuantity": {"value": "38"}}, timeout=ANSWERS
    )
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(("results", "said"), [(1, True), (2, True), (3, False)])
def test_a_short_page_without_a_next_link_is_cut(service: FlaskClient, real: str, results: int, said: bool) -> None:
    """The server's `total` is three, and there is no link to the rest: the card says what is missing."""
    answered = cards(service, _with_labs_page(service, real, _LOW, results))
    assert codes(answered) == ["IRONLOW"]
    assert ("Not read to the end:** laboratory results" in answered[0]["detail"]) is said


def test_an_empty_first_page_is_no_empty_list(service: FlaskClient, real: str) -> None:
    answer = service.post("/cds-services/rls-patient-view", json=_with_labs_page(service, real, _LOW, 0))
    assert answer.status_code == 412
    assert "labs" in answer.text


def _with_labs_page(service: FlaskClient, real: str, patient: PatientFile, results: int) -> Json:
    request = prefetched(service, real, body("patient-view", patient))
    query = templates(service, "patient-view")["labs"].replace("{{context.patientId}}", patient.patient_id)
    page = answer_of(f"{real}/{query.replace('_count=200', f'_count={results}')}")
    assert page["total"] == 3 and "link" not in page
    return request | {"prefetch": request["prefetch"] | {"labs": page}}


def test_a_patient_unknown_to_the_server_is_a_failed_read(service: FlaskClient, real: str) -> None:
    """Its 404 is a failed read, although the searches find nothing rather than fail."""
    request = body("patient-view", _LOW)
    request["context"]["patientId"] = "nobody"
    answer = service.post("/cds-services/rls-patient-view", json=request | {"fhirServer": real})
    assert answer.status_code == 412
    assert "patient" in answer.text
