"""The FHIR server of the demo: searches, paging, and that it is read-only."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.server.threads import bind_threaded_server
from fhir_fixtures import PatientFile, load_patients
from fhir_fixtures.dates import ANCHOR
from fhir_fixtures.searchset import Quirks
from fhir_fixtures.server import LONGEST_FORM, create_fhir_app

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def _observation(name: str, code: str, on: str | None, status: str = "final", system: str = LOINC) -> dict[str, Any]:
    coded = {"coding": [{"system": system, "code": code}]}
    made = {"resourceType": "Observation", "id": name, "status": status, "code": coded}
    return made | {"subject": {"reference": "Patient/p"}} | ({"effectiveDateTime": on} if on else {})


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def _condition(name: str, code: str, clinical: str, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": _status("condition-clinical", clinical),
        "category": [_status("condition-category", category)],
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "subject": {"reference": "Patient/p"},
        "onsetDateTime": "2020-05",
    }


RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "urn:oid:1.2.3", "value": "A 7"}],
        "name": [{"family": "Example-Oak", "given": ["Nora", "B."]}],
        "gender": "female",
        "birthDate": "1980-02-03",
    },
    {"resourceType": "Patient", "id": "q", "name": [{"family": "Other", "given": ["Max"]}], "birthDate": "1990"},
    _observation("f1", "2276-4", "2026-05-20"),
    _observation("f2", "2276-4", "2026-05-20T10:00:00Z", "preliminary"),
    _observation("f3", "14723-1", "2026-03"),
    _observation("t1", "2502-3", "2026-06-01T00:30:00+02:00"),
    _observation("x1", "2276-4", "2026-05-21", system="urn:oid:9.9"),
    _observation("n1", "2500-7", None, "entered-in-error"),
    _condition("c1", "32914008", "active", "problem-list-item"),
    _condition("c2", "399187006", "resolved", "encounter-diagnosis"),
    {"resourceType": "Medication", "id": "m1", "code": {"text": "iron"}},
    {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "Medication/m1"},
        "subject": {"reference": "Patient/p"},
        "authoredOn": "2026-05-16",
    },
    {
        "resourceType": "MedicationRequest",
        "id": "r2",
        "status": "stopped",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "310325"}]
        },
        "subject": {"reference": "Patient/q"},
    },
    {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "code": {"text": "iron dextran"},
        "patient": {"reference": "Patient/p"},
        "criticality": "high",
    },
    {
        "resourceType": "Procedure",
        "id": "d1",
        "status": "completed",
        "code": {"coding": [{"system": SNOMED, "code": "302497006"}]},
        "subject": {"reference": "Patient/p"},
        "performedPeriod": {"start": "2026-06-12T08:00:00Z", "end": "2026-06-12T12:00:00Z"},
    },
]


_BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in RESOURCES]}
PATIENT = PatientFile("p", "p", "p", _BUNDLE, "p")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _client(quirks: Quirks | None = None, page_size: int = 100) -> FlaskClient:
    return create_fhir_app([PATIENT], quirks=quirks or Quirks(), page_size=page_size).test_client()


@pytest.fixture
def client() -> FlaskClient:
    return _client()


@pytest.fixture(scope="module")
def demo() -> FlaskClient:
    return create_fhir_app(load_patients(ANCHOR)).test_client()


def _body(answer: TestResponse) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.text)
    return body


def _ids(answer: TestResponse, mode: str = "match") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["resource"]["id"] for one in _body(answer).get("entry", ()) if one["search"]["mode"] == mode]


def _link(answer: TestResponse, relation: str) -> str | None:
    return next((link["url"] for link in _body(answer)["link"] if link["relation"] == relation), None)


SEARCHES = [
    ("Patient", {}, "p q"),
    ("Patient", {"_id": "q"}, "q"),
    ("Patient", {"_id": "p,q,z"}, "p q"),
    ("Patient", {"name": "nor"}, "p"),
    ("Patient", {"name": "NORA"}, "p"),
    ("Patient", {"family": "exam"}, "p"),
    ("Patient", {"given": "b."}, "p"),
    ("Patient", {"family": "Nora"}, ""),
    ("Patient", {"birthdate": "1980-02-03"}, "p"),
    ("Patient", {"birthdate": "ge1985"}, "q"),
    ("Patient", {"identifier": "urn:oid:1.2.3|A 7"}, "p"),
    ("Patient", {"identifier": "A 7"}, "p"),
    ("Patient", {"identifier": "urn:oid:9|A 7"}, ""),
    ("Patient", {"gender": "female"}, "p"),
    ("Observation", {"patient": "p"}, "f1 f2 f3 t1 x1 n1"),
    ("Observation", {"patient": "Patient/p"}, "f1 f2 f3 t1 x1 n1"),
    ("Observation", {"subject": "Patient/p", "status": "preliminary"}, "f2"),
    ("Observation", {"subject:Patient": "p", "status": "preliminary"}, "f2"),
    ("Observation", {"patient": "q"}, ""),
    ("Observation", {"code": "2276-4"}, "f1 f2 x1"),
    ("Observation", {"code": f"{LOINC}|2276-4"}, "f1 f2"),
    ("Observation", {"code": f"{LOINC}|2276-4,{LOINC}|14723-1"}, "f1 f2 f3"),
    ("Observation", {"code": "|2276-4"}, ""),
    ("Observation", {"code": "urn:oid:9.9|"}, "x1"),
    ("Observation", {"status": "final,entered-in-error"}, "f1 f3 t1 x1 n1"),
    ("Observation", {"date": "2026-05-20"}, "f1 f2"),
    ("Observation", {"date": "2026-05"}, "f1 f2 t1 x1"),
    ("Observation", {"date": "2026"}, "f1 f2 f3 t1 x1"),
    ("Observation", {"date": "ge2026-05-21"}, "t1 x1"),
    ("Observation", {"date": "gt2026-05-20"}, "t1 x1"),
    ("Observation", {"date": "le2026-05-20"}, "f1 f2 f3"),
    ("Observation", {"date": "lt2026-05-20"}, "f3"),
    ("Observation", {"date": "ne2026-05-20"}, "f3 t1 x1"),
    ("Observation", {"date": "sa2026-05-20"}, "t1 x1"),
    ("Observation", {"date": "eb2026-05-20"}, "f3"),
    ("Observation", {"date": "ge2026-06-01T00:00:00+02:00"}, "t1"),
    ("Observation", {"date": "2026-03,2026-06,ge2026-05-31"}, "f3 t1"),
    ("Condition", {"patient": "p", "clinical-status": "active"}, "c1"),
    ("Condition", {"clinical-status": "http://terminology.hl7.org/CodeSystem/condition-clinical|resolved"}, "c2"),
    ("Condition", {"category": "problem-list-item"}, "c1"),
    ("Condition", {"onset-date": "2020-05"}, "c1 c2"),
    ("MedicationRequest", {"patient": "p", "status": "active"}, "r1"),
    ("MedicationRequest", {"medication": "Medication/m1"}, "r1"),
    ("MedicationRequest", {"code": "310325"}, "r2"),
    ("MedicationRequest", {"authoredon": "ge2026-05-16"}, "r1"),
    ("AllergyIntolerance", {"patient": "p"}, "a1"),
    ("AllergyIntolerance", {"criticality": "low"}, ""),
    ("Procedure", {"patient": "p", "date": "2026-06-12"}, "d1"),
    ("ServiceRequest", {"patient": "p"}, ""),
    ("Encounter", {"patient": "p"}, ""),
]


@pytest.mark.parametrize(("kind", "asked", "expected"), SEARCHES)
def test_a_search_finds_matching_resources(
    client: FlaskClient, kind: str, asked: dict[str, str], expected: str
) -> None:
    answer = client.get(f"/fhir/{kind}?{urlencode(asked)}")
    assert _ids(answer) == expected.split()
    assert _body(answer)["total"] == len(expected.split())
    posted = client.post(f"/fhir/{kind}/_search", data=asked)
    assert (_ids(posted), _body(posted)["total"]) == (_ids(answer), _body(answer)["total"])


def test_repeated_parameters_are_combined(client: FlaskClient) -> None:
    assert _ids(client.get("/fhir/Observation?date=ge2026-05-20&date=lt2026-05-21")) == ["f1", "f2"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("date", "f3 f1 f2 x1 t1 n1"),
        ("-date", "t1 x1 f2 f1 f3 n1"),
        ("-_id", "x1 t1 n1 f3 f2 f1"),
        ("status,-date", "n1 t1 x1 f1 f3 f2"),
        ("wished-for", "f1 f2 f3 t1 x1 n1"),
    ],
)
def test_results_are_sorted_with_undated_ones_last(client: FlaskClient, sort: str, expected: str) -> None:
    assert _ids(client.get(f"/fhir/Observation?_sort={sort}")) == expected.split()


def test_pages_follow_each_other_to_the_end(client: FlaskClient) -> None:
    answer = client.post("/fhir/Observation/_search", data={"patient": "p", "_sort": "-date", "_count": "4"})
    assert (_ids(answer), _body(answer)["total"]) == (["t1", "x1", "f2", "f1"], 6)
    onward = _link(answer, "next")
    assert onward is not None
    last = client.get(onward)
    assert (_ids(last), _body(last)["total"], _link(last, "next")) == (["f3", "n1"], 6, None)


def test_the_default_page_has_the_default_size() -> None:
    assert _link(_client(page_size=6).get("/fhir/Observation"), "next") is None
    assert _link(_client(page_size=5).get("/fhir/Observation"), "next") is not None


@pytest.mark.parametrize("asked", ["_count=0", "_summary=count", "_summary=count&_count=2"])
@pytest.mark.parametrize("quirks", [Quirks(), Quirks(without_total=True), Quirks(epic_style=True)])
def test_a_search_may_only_count(asked: str, quirks: Quirks) -> None:
    answer = _client(quirks).get(f"/fhir/Observation?{asked}")
    assert (_body(answer)["total"], _ids(answer), _link(answer, "next")) == (6, [], None)
    assert "entry" not in _body(answer) or quirks.epic_style  # Epic's note stands alone


@pytest.mark.parametrize("asked", ["patient=q", "_count=0", "code=nothing&_sort=-date"])
def test_a_search_without_a_result_has_no_list_of_entries(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/fhir/Observation?{asked}")
    assert answer.status_code == 200 and "entry" not in _body(answer)
    get_fhir_model_class("Bundle").model_validate(_body(answer))


def test_an_included_medication_is_returned_but_not_counted(client: FlaskClient) -> None:
    answer = client.get("/fhir/MedicationRequest?patient=p&_include=MedicationRequest:medication")
    assert (_ids(answer), _ids(answer, "include"), _body(answer)["total"]) == (["r1"], ["m1"], 1)


@pytest.mark.parametrize("asked", ["flavour=sweet", "code:in=http://example.org/vs", "_lastUpdated=ge2020"])
def test_an_unknown_parameter_is_ignored_with_a_note(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/fhir/Condition?patient=p&{asked}")
    assert (_ids(answer), _body(answer)["total"]) == (["c1", "c2"], 2)
    note = next(one["resource"] for one in _body(answer)["entry"] if one["search"]["mode"] == "outcome")
    assert [issue["severity"] for issue in note["issue"]] == ["information"]
    assert "sweet" not in answer.text.split('"entry"')[1]
    assert [link["url"] for link in _body(answer)["link"]] == ["http://localhost/fhir/Condition?patient=p"]


@pytest.mark.parametrize(
    "asked", ["_elements=id", "_summary=text", "_include=Condition:patient", "_sort=x", "_format=xml"]
)
def test_what_is_asked_of_the_result_and_not_done_is_noted(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/fhir/Condition?patient=p&{asked}")
    assert _ids(answer) == ["c1", "c2"]
    assert [one["search"]["mode"] for one in _body(answer)["entry"]] == ["match", "match", "outcome"]


def test_a_note_has_a_full_url_of_its_own_that_is_the_same_each_time(client: FlaskClient) -> None:
    notes = [_body(client.get(f"/fhir/Condition?{asked}"))["entry"][-1] for asked in ("a=1", "a=1", "a=1&b=2")]
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", note["fullUrl"]) for note in notes)
    assert notes[0]["fullUrl"] == notes[1]["fullUrl"] != notes[2]["fullUrl"]


STRICT = [
    "handling=strict",
    "return=minimal, handling=strict",
    "Handling = STRICT",
    'handling="strict"',
    "handling=strict; x=1",
]
UNSUPPORTED = ["flavour=sweet", "code:in=http://example.org/vs", "_elements=id", "_summary=text", "_sort=flavour"]


@pytest.mark.parametrize("asked", UNSUPPORTED)
@pytest.mark.parametrize("preference", STRICT)
def test_what_is_not_supported_is_refused_where_that_is_preferred(
    client: FlaskClient, asked: str, preference: str
) -> None:
    answer = client.get(f"/fhir/Condition?patient=p&{asked}", headers={"Prefer": preference})
    assert (answer.status_code, _body(answer)["issue"][0]["code"]) == (400, "not-supported")
    get_fhir_model_class("OperationOutcome").model_validate(_body(answer))
    posted = client.post("/fhir/Condition/_search", data=asked, headers={"Prefer": preference, **FORM})
    assert posted.status_code == 400


@pytest.mark.parametrize("preference", ["handling=lenient", "handling=stricter", "x-handling=strict", "return=minimal"])
def test_other_preferences_refuse_nothing(client: FlaskClient, preference: str) -> None:
    assert client.get("/fhir/Condition?flavour=sweet", headers={"Prefer": preference}).status_code == 200


def test_strict_handling_refuses_nothing_that_is_supported(client: FlaskClient) -> None:
    asked = "patient=p&code=2276-4&_sort=-date&_count=2&_summary=false&_format=application/fhir+json&_total=accurate"
    assert client.get(f"/fhir/Observation?{asked}", headers={"Prefer": "handling=strict"}).status_code == 200


# --- bodies -----------------------------------------------------------------------------------------------------


@contextmanager
def _listening() -> Iterator[tuple[str, int]]:
    """Serve over a socket, as chunks need one."""
    with bind_threaded_server(create_fhir_app([PATIENT]), "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "127.0.0.1", server.port
        finally:
            server.shutdown()
            thread.join()


def _talk(place: tuple[str, int], headers: bytes, body: bytes) -> tuple[int, dict[str, Any]]:
    head = b"POST /fhir/Observation/_search HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    with socket.create_connection(place, 10) as sock:
        sock.sendall(head + headers + b"\r\n" + body)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)


def _chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


TYPED, CHUNKED = b"Content-Type: application/x-www-form-urlencoded\r\n", b"Transfer-Encoding: chunked\r\n"


def test_a_search_may_be_posted_in_chunks() -> None:
    with _listening() as place:
        for parts in ([b"_id=f1"], [b"_i", b"d=", b"f1"], [b"_id=f1&pat", b"ient=p"]):
            for typed in (TYPED, b""):
                status, found = _talk(place, typed + CHUNKED, _chunks(*parts))
                assert (status, [one["resource"]["id"] for one in found["entry"]]) == (200, ["f1"])


def test_a_body_that_breaks_off_is_refused_and_finds_nobody() -> None:
    with _listening() as place:
        for headers, body in (
            (CHUNKED, b"6\r\n_id"),
            (CHUNKED, b"zz\r\n_id=f1\r\n0\r\n\r\n"),
            (b"Content-Length: 99\r\n", b"_id=f1"),
        ):
            status, answer = _talk(place, TYPED + headers, body)
            assert (status, answer["issue"][0]["code"]) == (400, "incomplete")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_posted_search_that_is_too_long_is_refused_and_finds_nobody(chunked: bool) -> None:
    with _listening() as place:
        for length, expected in ((LONGEST_FORM, 200), (LONGEST_FORM + 1, 413), (3 * LONGEST_FORM, 413)):
            body = b"_id=f1&_pretty=".ljust(length, b"x")
            headers = CHUNKED if chunked else b"Content-Length: %d\r\n" % length
            status, answer = _talk(place, TYPED + headers, _chunks(body) if chunked else body)
            assert status == expected
            assert ("total" in answer) == (expected == 200)


def test_a_search_posted_without_a_type_is_read_as_a_form(client: FlaskClient) -> None:
    assert _ids(client.post("/fhir/Observation/_search", data=b"_id=f1", content_type="")) == ["f1"]


REFUSALS = [
    ("GET", "/fhir/Patient/nobody", 404, "not-found"),
    ("GET", "/fhir/Observation/p", 404, "not-found"),
    ("GET", "/fhir/Patient/p/_history", 404, "not-found"),
    ("GET", "/fhir/Spaceship", 404, "not-found"),
    ("GET", "/fhir/", 404, "not-found"),
    ("POST", "/fhir/_services/smart/Launch", 404, "not-found"),
    ("GET", "/fhir/Observation?date=yesterday", 400, "invalid"),
    ("GET", "/fhir/Observation?date=2026-13-01", 400, "invalid"),
    ("GET", "/fhir/Observation?date=2026-05-20-07", 400, "invalid"),
    ("GET", "/fhir/Observation?date=gt9999-12-31", 400, "invalid"),
    ("GET", "/fhir/Observation?date=ge{{today()}}", 400, "invalid"),
    ("GET", "/fhir/Observation?code=,", 400, "invalid"),
    ("GET", "/fhir/Observation?_count=many", 400, "invalid"),
    ("GET", "/fhir/Observation?_count=-1", 400, "invalid"),
    ("GET", "/fhir/Observation?sessionID=forgotten", 410, "expired"),
    ("GET", "/fhir/Observation/_search", 405, "not-supported"),
    ("POST", "/fhir/Observation", 405, "not-supported"),
    ("PUT", "/fhir/Patient/p", 405, "not-supported"),
    ("PATCH", "/fhir/Patient/p", 405, "not-supported"),
    ("DELETE", "/fhir/Patient/p", 405, "not-supported"),
    ("POST", "/fhir/metadata", 405, "not-supported"),
    ("POST", "/fhir/Observation/_search", 415, "not-supported"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), REFUSALS)
def test_a_refusal_is_an_operation_outcome(client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.open(path, method=method, json={} if method in ("POST", "PUT") else None)
    assert (answer.status_code, _body(answer)["issue"][0]["code"]) == (status, code)
    get_fhir_model_class("OperationOutcome").model_validate(_body(answer))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "accept", [None, "application/json", "application/fhir+json", "application/json+fhir", "*/*", "text/html,*/*;q=0.1"]
)
def test_every_way_to_ask_for_json_is_understood(client: FlaskClient, accept: str | None) -> None:
    answer = client.get("/fhir/Patient/p", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (200, "application/fhir+json")


def test_xml_alone_is_refused(client: FlaskClient) -> None:
    assert client.get("/fhir/Patient/p", headers={"Accept": "application/fhir+xml"}).status_code == 406


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir//metadata", "/fhir//Patient//p"])
def test_a_doubled_slash_is_read_as_one(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_browser_may_call_from_anywhere(client: FlaskClient) -> None:
    asked = {
        "Origin": "http://127.0.0.1:18081",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    for path in ("/fhir/Patient/p", "/fhir/Observation/_search", "/fhir/_services/smart/Launch"):
        answer = client.options(path, headers=asked)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]


def test_a_head_request_has_no_body(client: FlaskClient) -> None:
    answer = client.head("/fhir/Patient/p")
    assert (answer.status_code, answer.data) == (200, b"")


def test_the_server_has_a_capability_statement(client: FlaskClient) -> None:
    answer = client.get("/fhir/metadata")
    get_fhir_model_class("CapabilityStatement").model_validate(_body(answer))
    assert (_body(answer)["fhirVersion"], _body(answer)["rest"][0]["mode"]) == ("4.0.1", "server")


def test_full_urls_resolve(client: FlaskClient) -> None:
    answer = client.get("/fhir/Condition?patient=p")
    assert [_body(client.get(one["fullUrl"]))["id"] for one in _body(answer)["entry"]] == ["c1", "c2"]


def test_a_server_may_ignore_sort_and_count() -> None:
    client = _client(Quirks(ignores_sort=True, ignores_count=True))
    assert _ids(client.get("/fhir/Observation?_sort=-date&_count=1")) == ["f1", "f2", "f3", "t1", "x1", "n1"]


def test_an_expired_next_link_is_gone() -> None:
    client = _client(Quirks(next_cut=True))
    onward = _link(client.get("/fhir/Observation?_count=4"), "next")
    assert onward is not None
    assert client.get(onward).status_code == 410


def test_epic_style_pages_are_opaque_and_carry_a_note() -> None:
    client = _client(Quirks(epic_style=True))
    answer = client.get("/fhir/Observation?patient=p&_sort=-date&_count=4")
    onward = _link(answer, "next")
    assert onward is not None and onward.partition("?")[2].startswith("sessionID=")
    assert (_body(answer)["total"], _ids(client.get(onward))) == (4, ["f3", "n1"])
    note = _body(answer)["entry"][-1]["resource"]
    assert (note["resourceType"], note["issue"][0]["code"]) == ("OperationOutcome", "suppressed")


def test_oracle_health_gives_no_total() -> None:
    assert "total" not in _body(_client(Quirks(without_total=True)).get("/fhir/Observation"))


def test_every_search_of_the_demonstration_is_a_valid_searchset(demo: FlaskClient) -> None:
    for kind in ("Patient", "Condition", "Observation", "MedicationRequest", "Procedure", "AllergyIntolerance"):
        for asked in ("_count=20&flavour=sweet", "_id=nobody", "_summary=count"):
            answer = demo.get(f"/fhir/{kind}?{asked}")
            get_fhir_model_class("Bundle").model_validate(_body(answer))
            assert not list(_empty_members(_body(answer)))
            assert all(one["fullUrl"] for one in _body(answer).get("entry", ()))


def _empty_members(value: Any, path: str = "") -> Iterator[str]:
    """Yield where JSON holds what FHIR does not know: an empty list, object or text, and null."""
    if value in ([], {}, "", None):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _empty_members(inner, f"{path}.{key}")


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/nobody", "/fhir/Patient/demo-alder"])
def test_no_answer_has_an_empty_member(demo: FlaskClient, path: str) -> None:
    assert list(_empty_members(_body(demo.get(path)))) == []


def test_every_patient_can_be_read_page_by_page(demo: FlaskClient) -> None:
    answer, seen = demo.get("/fhir/Patient?_count=9"), []
    while True:
        seen += _ids(answer)
        onward = _link(answer, "next")
        if onward is None:
            break
        answer = demo.get(onward)
    assert sorted(seen) == sorted(patient.patient_id for patient in load_patients(ANCHOR))


def test_the_first_requests_of_the_sandbox_are_answered(demo: FlaskClient, shared: Path) -> None:
    text = (shared / "data" / "sandbox-requests" / "fhir-startup-queries.json").read_text(encoding="utf-8")
    for recorded in json.loads(text):
        path = recorded["path"].replace("/r4/", "/fhir/").replace("pat-1", "demo-alder")
        headers = [(name, value) for name, value in recorded["requestHeaders"] if name != "Host"]
        answer = demo.open(path, method=recorded["method"], headers=headers)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        if "Condition" in path:
            assert _body(answer)["total"] > 0


def test_what_the_sandbox_sends_for_prefetch_is_answered(demo: FlaskClient, shared: Path) -> None:
    text = (shared / "data" / "sandbox-requests" / "prefetch-template-mapping.json").read_text(encoding="utf-8")
    for recorded in json.loads(text).values():
        for fallback in recorded.get("getFallback", []):
            path = f"/fhir{fallback}".replace("pat-1", "demo-alder")
            refused = "%7B%7Btoday" in path
            assert demo.get(path).status_code == (400 if refused else 200), path
            posted = path.partition("?")
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = demo.post(f"{posted[0]}/_search", data=posted[2], headers=form)
            assert answer.status_code == (400 if refused else 200)
