"""The demo's patients get the same cards from HAPI FHIR as from our own server, on five ways to their records."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from fhir_fixtures import PatientFile
from tests.interop.asking import DRAFTS, Json, answer_of, body, cards, prefetched, queries
from tests.interop.conftest import PATIENTS

pytestmark = pytest.mark.interop

#: Entries on a page of the prefetch of which the service reads the rest.
SHORT = 1


def ways(service: FlaskClient, demo: str, request: Json) -> dict[str, Json]:
    """Return the same call with its records sent, sent after searches by POST, read, sent in part, and cut."""
    whole = prefetched(service, demo, request)
    some = dict(list(whole["prefetch"].items())[::2])
    return {
        "prefetched by GET": whole,
        "prefetched by POST": prefetched(service, demo, request, posted=True),
        "read": request | {"fhirServer": demo},
        "prefetched in part, the rest read": request | {"fhirServer": demo, "prefetch": some},
        "first pages prefetched, the rest read": request
        | {"fhirServer": demo, "prefetch": first_pages(service, demo, request)},
    }


def first_pages(service: FlaskClient, demo: str, request: Json) -> Json:
    short = {key: query.replace("_count=200", f"_count={SHORT}") for key, query in queries(service, request).items()}
    return {key: answer_of(f"{demo}/{query}") for key, query in short.items()}


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.slug)
def test_cards_are_the_same_on_five_ways(
    service: FlaskClient, demo: str, own: str, patient: PatientFile, hook: str
) -> None:
    request = body(hook, patient, DRAFTS)
    expected = cards(service, prefetched(service, own, request))
    found = {way: cards(service, call) for way, call in ways(service, demo, request).items()}
    assert found == dict.fromkeys(found, expected)


def test_first_pages_lead_on(service: FlaskClient, demo: str) -> None:
    """This gives meaning to the last way above."""
    cut = [
        page
        for patient in PATIENTS
        for page in first_pages(service, demo, body("patient-view", patient)).values()
        if any(link["relation"] == "next" for link in page.get("link", ()))
    ]
    assert len(cut) > 100
