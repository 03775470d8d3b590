"""No text of a request or a record reaches a card: protocol C-11, V-01 and reliability OUT-1.

Every string of every resource that is no code, date, reference or number is replaced by a unique one with HTML and
Markdown in it; none of these may come back.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import load_patients
from tests.builders.service import SIGN, TODAY, VIEW, card_codes

#: Members that decide what a card says; all others are free text or irrelevant.
_MEANT = frozenset(
    {"resourceType", "system", "code", "status", "intent", "reference", "id", "value", "comparator", "gender", "unit"}
    | {"birthDate", "periodUnit", "url", "type", "use", "criticality", "relation", "valueString", "text", "mode"}
)
CANARY = "<img src=x onerror=alert(1)>[canary](javascript:x)**canary**"
#: Its drugs have no code and are known only by the display of a reference.
NAMED_BY_DISPLAY = "drugs-by-reference"
DRAFTS = ["ferrous-sulfate-325-once-daily", "diphenhydramine-25-at-bedtime", "ferritin-lab"]


def tainted(value: Any, name: str = "") -> Any:
    """Return the record with a canary in each member that only people read."""
    if isinstance(value, dict):
        made = {key: tainted(inner, key) for key, inner in value.items()}
        reads_text = "resourceType" in value or "coding" in value
        return made | ({"note": [{"text": CANARY}], "language": CANARY} if reads_text else {})
    if isinstance(value, list):
        return [tainted(each, name) for each in value]
    if isinstance(value, str) and name not in _MEANT and not value[:4].isdigit():
        return CANARY
    return value


@pytest.mark.slow
@pytest.mark.row("C-11", "V-01")
@pytest.mark.parametrize("patient", load_patients(TODAY), ids=lambda patient: patient.slug)
def test_no_text_of_the_record_is_shown(http: FlaskClient, patient: Any) -> None:
    for path, hook, drafts in ((VIEW, "patient-view", ()), (SIGN, "order-sign", DRAFTS)):
        body = hook_request("generic", hook, patient, today=TODAY, drafts=drafts)
        plain = http.post(path, json=body)
        odd = dict(body, prefetch=tainted(body["prefetch"]), context=tainted(body["context"], "id"))
        odd["context"] |= {name: body["context"][name] for name in ("patientId", "userId")}
        found = http.post(path, json=odd)
        assert found.status_code == plain.status_code == 200
        if patient.slug != NAMED_BY_DISPLAY:
            assert card_codes(found.get_json()) == card_codes(plain.get_json())
        assert "canary" not in json.dumps(found.get_json()), patient.slug


def test_names_and_words_of_the_patient_appear_nowhere(http: FlaskClient) -> None:
    patient = load_patients(TODAY)[0]
    body = hook_request("generic", "patient-view", patient, today=TODAY)
    body["prefetch"]["patient"]["name"] = [{"family": CANARY, "given": [CANARY]}]
    body["prefetch"]["conditions"]["entry"][0]["resource"]["code"]["text"] = CANARY
    body["prefetch"]["conditions"]["entry"][0]["resource"]["code"]["coding"][0]["display"] = CANARY
    assert "canary" not in json.dumps(http.post(VIEW, json=body).get_json())
