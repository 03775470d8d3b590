"""Hook requests in the style of real clients, and the vignettes as FHIR."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_fixtures import CLIENTS, draft, hook_request, load_patient
from fhir_fixtures.dates import ANCHOR
from fhir_fixtures.searchset import Quirks
from fhir_fixtures.server import create_fhir_app
from tests.golden.vignettes.build import VignetteCase, as_patient_file, as_request, build, load_vignettes
from tests.unit.fhir_fixtures.recorded_requests import FOLDER, TABLE, written

INSTANCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
SLUG = "haemochromatosis-after-phlebotomy"
ORDER = ["ferrous-sulfate-325-three-times-daily"]


def _request(client: str, hook: str, slug: str = SLUG, **more: Any) -> dict[str, Any]:
    return hook_request(client, hook, load_patient(slug, ANCHOR), today=ANCHOR, **more)


def _only_draft(body: dict[str, Any]) -> dict[str, Any]:
    (entry,) = body["context"]["draftOrders"]["entry"]
    order: dict[str, Any] = entry["resource"]
    return order


@pytest.mark.parametrize("name", TABLE)
def test_the_file_matches_the_builder(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == written(name)


def test_every_file_is_used() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(TABLE)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("hook", ["patient-view", "order-sign", "order-select"])
def test_every_client_sends_a_valid_request(client: str, hook: str) -> None:
    body = _request(client, hook, drafts=ORDER)
    assert (body["hook"], body["context"]["patientId"]) == (hook, load_patient(SLUG, ANCHOR).patient_id)
    assert INSTANCE.match(body["hookInstance"])
    assert ("draftOrders" in body["context"]) == (hook != "patient-view")
    assert "allergies" in body["prefetch"]
    if hook == "order-select":
        order = _only_draft(body)
        assert body["context"]["selections"] == [f"{order['resourceType']}/{order['id']}"]


@pytest.mark.parametrize("client", ["generic", "epic", "oracle-health"])
def test_all_but_the_sandbox_send_valid_fhir(client: str) -> None:
    body = _request(client, "order-sign", drafts=[*ORDER, "ferritin-lab"])
    for bundle in (*list(body["prefetch"].values())[1:], body["context"]["draftOrders"]):
        get_fhir_model_class("Bundle").model_validate(bundle)


def test_prefetch_can_be_partial_or_missing() -> None:
    assert "prefetch" not in _request("generic", "patient-view", prefetch="none")
    assert set(_request("generic", "patient-view", prefetch="half")["prefetch"]) == {"patient", "conditions"}
    assert "fhirServer" not in _request("generic", "patient-view", fhir_server="")


def test_epic_sends_references_notes_and_an_extension() -> None:
    body = _request("epic", "order-sign", drafts=ORDER)
    order = _only_draft(body)
    assert order["medicationReference"]["reference"] == f"#{order['contained'][0]['id']}"
    assert order["contained"][0]["code"]["coding"][0]["system"] == "urn:oid:2.16.840.1.113883.6.88"
    assert "com.epic.cdshooks.request.fhir-version" in body["extension"]
    empty = body["prefetch"]["allergies"]
    issues = empty["entry"][0]["resource"]["issue"]
    assert empty["total"] == 0
    assert [issue["details"]["coding"][0]["code"] for issue in issues] == ["59204", "4101"]


def test_oracle_health_puts_its_own_codes_first_and_gives_no_total() -> None:
    labs = _request("oracle-health", "patient-view")["prefetch"]["labs"]
    assert "total" not in labs
    codings = labs["entry"][0]["resource"]["code"]["coding"]
    assert codings[0]["system"].endswith("codeSet/72") and codings[1]["system"] == "http://loinc.org"


def test_the_sandbox_writes_objects_where_r4_wants_lists() -> None:
    order = draft(ORDER[0], "demo-boxwood", ANCHOR) | {"reasonCode": [{"text": "Restless legs syndrome"}]}
    body = _request("sandbox", "order-select", drafts=[order])
    sent = _only_draft(body)
    assert "type" not in body["context"]["draftOrders"]
    assert (sent["id"], sent["reasonCode"]) == ("request-123", {"text": "Restless legs syndrome"})
    assert sent["category"]["coding"][0]["code"] == "community"
    dosage = sent["dosageInstruction"][0]
    assert (dosage["timing"]["repeat"]["frequency"], dosage["doseAndRate"][0]["doseQuantity"]["code"]) == (3, "{pill}")
    assert list(body)[:4] == ["hookInstance", "hook", "fhirServer", "context"]


def test_the_sandbox_before_anything_was_chosen_and_on_a_second_click() -> None:
    nothing = _only_draft(_request("sandbox", "order-select", drafts=[]))
    assert "medicationCodeableConcept" not in nothing and "intent" not in nothing
    assert set(_request("sandbox", "order-select", drafts=None)["context"]) == {"patientId", "userId"}


def test_the_sandbox_names_its_laboratory_order() -> None:
    sent = _only_draft(_request("sandbox", "order-sign", drafts=["iron-panel-lab"]))
    assert (sent["id"], sent["intent"]) == ("example-request-id", "plan")


@pytest.mark.parametrize("client", ["generic", "epic", "oracle-health"])
def test_a_truncated_list_of_labs_has_a_working_next_link(client: str) -> None:
    patient = load_patient("vitamin-d-toxic", ANCHOR)
    quirks = Quirks(epic_style=client == "epic", without_total=client == "oracle-health")
    server = create_fhir_app([patient], quirks=quirks).test_client()
    body = _request(client, "patient-view", patient.slug, prefetch="cut", fhir_server="http://localhost/fhir")
    labs = body["prefetch"]["labs"]
    onward = next(link["url"] for link in labs["link"] if link["relation"] == "next")
    found = [*labs["entry"], *json.loads(server.get(onward).text)["entry"]]
    ids = [one["resource"]["id"] for one in found if one["resource"]["resourceType"] == "Observation"]
    assert sorted(ids) == sorted(one["id"] for one in patient.resources("Observation"))


def test_every_vignette_becomes_valid_fhir(shared: Path) -> None:
    cases = [build(vignette) for vignette in load_vignettes(shared / "spec")]
    assert len(cases) == 116
    for case in cases:
        drafts = [entry["resource"] for entry in case.drafts["entry"]]
        assert bool(drafts) == (case.hook == "order-sign")
        for resource in (*as_patient_file(case).resources(), *drafts):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def _case(shared: Path, name: str, today: date = ANCHOR) -> VignetteCase:
    return build(next(one for one in load_vignettes(shared / "spec") if one["id"] == name), today)


def _value(case: VignetteCase, place: int = 0) -> Any:
    lab = case.resources["labs"][place]
    return lab.get("valueString") or lab["valueQuantity"]


UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A01", {"value": 38, "unit": "ng/mL", "system": UCUM, "code": "ng/mL"}),
        ("A07", {"value": 168.5, "unit": "pmol/L", "system": UCUM, "code": "pmol/L"}),
        ("A08", "<5 ng/mL"),
        ("A11", {"value": 38}),
        ("A12", {"value": 38, "unit": "mcg/L"}),
    ],
)
def test_a_laboratory_row_keeps_its_value_and_unit(shared: Path, name: str, value: Any) -> None:
    assert _value(_case(shared, name)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("C01", "ferrous sulfate 325 MG Oral Tablet 1x1"),
        ("C20", "ferrous sulfate 325 MG Oral Tablet 1x3"),
        ("C55", "ferrous sulfate 250 MG Oral Tablet 2x2"),
        ("C23", "Prenatal multivitamin with 27 mg iron 1x1"),
        ("C57", "gabapentin 300 MG Oral Capsule 1x3"),
        ("C49", "Ascorbic Acid 1000 MG Oral Tablet 1x1"),
    ],
)
def test_a_daily_amount_becomes_a_product_and_a_number(shared: Path, name: str, text: str) -> None:
    order = _case(shared, name).drafts["entry"][0]["resource"]
    dosage = order["dosageInstruction"][0]
    dose, repeat = dosage["doseAndRate"][0]["doseQuantity"]["value"], dosage["timing"]["repeat"]
    assert f"{order['medicationCodeableConcept']['text']} {dose}x{repeat['frequency']}" == text


def test_details_of_a_vignette_are_kept(shared: Path) -> None:
    once = _case(shared, "C32").drafts["entry"][0]["resource"]
    assert once["dosageInstruction"][0]["timing"]["repeat"] == {"count": 1}
    heart_failure = _case(shared, "C26").drafts["entry"][0]["resource"]
    assert heart_failure["reasonCode"][0]["coding"][0]["code"] == "I50.9"
    infusion = _case(shared, "N02").resources["medications"][0]
    assert (infusion["status"], infusion["authoredOn"]) == ("completed", "2026-06-05")
    assert _case(shared, "A48").resources["medications"][0]["status"] == "active"
    assert _case(shared, "C17").resources["allergies"][0]["code"]["coding"][0]["code"] == "1433693"
    week = _case(shared, "C18").resources["labs"][-1]
    assert (week["code"]["coding"][0]["code"], week["effectiveDateTime"]) == ("11884-4", "2026-06-15")
    assert _case(shared, "C55").resources["labs"][-1]["valueQuantity"]["value"] == 20


def test_both_code_systems_are_used_for_diagnoses(shared: Path) -> None:
    cases = [build(vignette) for vignette in load_vignettes(shared / "spec")]
    systems = {one["code"]["coding"][0]["system"] for case in cases for one in case.resources["conditions"]}
    assert systems == {"http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"}


def test_a_vignette_on_another_day_has_shifted_dates(shared: Path) -> None:
    later = _case(shared, "A01", ANCHOR + timedelta(days=500))
    assert later.resources["labs"][0]["effectiveDateTime"] == "2027-10-02"
    eighteen = _case(shared, "A38", date(2030, 1, 7)).resources["patient"][0]
    assert eighteen["birthDate"] == "2012-01-07"


def test_a_case_is_asked_on_three_hooks(shared: Path) -> None:
    case = _case(shared, "C28")
    full, half = as_request(case), as_request(case, "half", "http://127.0.0.1:9/fhir")
    assert set(full["prefetch"]) == {
        "patient", "conditions", "labs", "medications", "allergies", "procedures", "orders",
    }  # fmt: skip
    assert set(half["prefetch"]) == {"patient", "conditions"} and half["fhirServer"] == "http://127.0.0.1:9/fhir"
    assert "prefetch" not in as_request(case, "none")
    selected = as_request(case, hook="order-select")
    assert selected["context"]["selections"] == ["MedicationRequest/vignette-c28-draft-1"]
    assert json.loads(json.dumps(full)) == full
