"""Requests that real clients send, by the kind and letter of their first report, each with a signed token over HTTP.

What each kind is about stands beside its neighbours in the other suites; here every letter is sent once as it came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.builders.service import bundle, card_codes
from tests.fakes.fault_server import FaultServer, Line, answer, empty, fault_server, head, status
from tests.protocol.ehr import CLIENT, SELECT, SIGN, VIEW, Ehr, hospital_settings, outcome, served
from tests.protocol.paging.cases import many, weight
from tests.protocol.test_references import (
    FERRITIN,
    IRON,
    LONG,
    MEDICATION,
    OVERLOAD,
    PERSON,
    RLS,
    SATURATION,
    Resource,
    basket,
    call,
    concept,
    removals,
    sent,
    without_concept,
)

U = "urn:uuid:6d0f4a8e-1b7c-4d51-9c6e-0f2b7a9d3e11"
OF_U = {"subject": {"reference": U}}
PATIENT_U = {"fullUrl": U, "resource": PERSON}
FAILURE = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
DIAGNOSES = bundle(RLS, OVERLOAD)
STOPPED = ["OSIRONOVL"]


@dataclass(frozen=True)
class Case:
    """A call and its answer: the codes of its cards, or a status; the drafts that a card offers to remove.

    records   what the FHIR server holds; without any, none is named
    headers   further headers, and `body` the bytes that are sent in place of the JSON
    """

    path: str
    body: Any
    cards: list[str] = field(default_factory=list)
    status: int = 200
    removed: list[str] | None = None
    records: Callable[[Line], None] | None = None
    scope: str | None = None
    token: str = "t"
    encoded: Callable[[Any], bytes] = lambda body: json.dumps(body).encode()
    headers: Mapping[str, str] = field(default_factory=dict)


def view(*cards: str, **changes: Any) -> Case:
    return Case(VIEW, call("patient-view", sent(**changes)), list(cards))


def sign(drafts: Any, *cards: str, **changes: Any) -> Case:
    prefetch = sent(**{"conditions": DIAGNOSES, **changes})
    return Case(SIGN, call("order-sign", prefetch, draftOrders=drafts), list(cards))


def select(drafts: Any, selections: Any) -> Case:
    prefetch = sent(conditions=DIAGNOSES)
    return Case(SELECT, call("order-select", prefetch, draftOrders=drafts, selections=selections), STOPPED)


def refused(case: Case, code: int) -> Case:
    return replace(case, status=code)


def named(reference: str) -> Resource:
    return without_concept(IRON) | {"medicationReference": {"reference": reference}}


# ------------------------------------------------------------------ what the FHIR server answers


def kind_of(line: Line) -> str:
    """The type that is asked for; a page by its query alone is one of results."""
    return line.asked.path.partition("?")[0].removeprefix("/fhir").strip("/").partition("/")[0] or "Observation"


def holding(**more: Any) -> Callable[[Line], None]:
    """A record with RLS, a ferritin of 38 and a saturation of 24 %; `more` replaces the answer of a type."""
    found = {"Patient": PERSON, "Condition": bundle(RLS), "Observation": bundle(FERRITIN, SATURATION)} | more

    def behave(line: Line) -> None:
        held = found.get(kind_of(line))
        held(line) if callable(held) else answer(held)(line) if held is not None else empty(line)

    return behave


def medication_at(expected: str) -> Callable[[Line], None]:
    """A server that holds one Medication, at this path below its base, for a patient with iron overload."""

    def found(line: Line) -> None:
        (
            answer(MEDICATION | {"id": expected.rpartition("/")[2]})
            if line.asked.path == f"/fhir/{expected}"
            else status(404)
        )(line)

    return holding(Medication=found, Condition=DIAGNOSES)


def two_pages(link: str) -> Callable[[Line], None]:
    def behave(line: Line) -> None:
        if "page=2" in line.asked.path:
            answer(bundle(FERRITIN))(line)
            return
        own = line.server.base
        url = link.format(own=own, https=own.replace("http:", "https:"))
        answer(bundle(SATURATION) | {"link": [{"relation": "next", "url": url}]})(line)

    return holding(Observation=behave)


def pages_of(size: int, place: int, length: int) -> Callable[[Line], None]:
    results = [*many(place - 1, weight()), FERRITIN, SATURATION, *many(length - place, weight("after"))]

    def behave(line: Line) -> None:
        start = int(line.asked.path.partition("offset=")[2] or 0)
        onward = [{"relation": "next", "url": f"Observation?offset={start + size}"}]
        content = bundle(*results[start : start + size])
        answer(content | ({"link": onward} if start + size < len(results) else {}))(line)

    return holding(Observation=behave)


def raw(content: bytes) -> Callable[[Line], None]:
    return lambda line: line.send(head(200, len(content)) + content)


def of_old_media_types(line: Line) -> None:
    offered = [each.partition(";")[0] for each in line.asked.headers["accept"].split(", ")]
    (holding() if "application/json" in offered else status(406))(line)


def empty_for_strangers(line: Line) -> None:
    (holding() if "authorization" in line.asked.headers else answer(bundle()))(line)


def bare_view(records: Callable[[Line], None], *cards: str, **how: Any) -> Case:
    return Case(VIEW, {**call("patient-view", {}), "prefetch": {}}, list(cards), records=records, **how)


def bare_sign(draft: Resource, records: Callable[[Line], None]) -> Case:
    body = call("order-sign", {}, draftOrders=basket({"resource": draft}))
    return Case(SIGN, body, STOPPED, records=records)


# ------------------------------------------------------------------ the letters

CUT = FERRITIN | {"note": [{"text": "cut \ud83d"}]}
SUBSTANCE = {"resourceType": "Substance", "id": "s1", "code": concept("24947")}
HELD = {"resourceType": "Medication", "id": "m1", "ingredient": [{"itemReference": {"reference": "#s1"}}]}
ORDERED = IRON | {"status": "active", "authoredOn": "2026-06-01"}
DIPHENHYDRAMINE = MEDICATION | {"code": concept("3498")}
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
GRANTS = "patient/Patient.rs patient/Condition.rs"
BOM = b"\xef\xbb\xbf"
PHOTO = {"photo": [{"data": "A" * 1_070_000}]}
DRAFT = basket({"resource": IRON})


def with_id(draft_id: str) -> Resource:
    return basket({"resource": IRON | {"id": draft_id}})


CASES: dict[str, Case] = {
    "1a": replace(sign(with_id(LONG), *STOPPED), removed=[f"MedicationRequest/{LONG}"]),
    "1b": replace(select(with_id(LONG), [f"MedicationRequest/{LONG}"]), removed=[f"MedicationRequest/{LONG}"]),
    "1d": replace(sign(with_id("temp_1"), *STOPPED), removed=["MedicationRequest/temp_1"]),
    "2a": bare_sign(named("Medication/" + "a" * 109), medication_at("Medication/" + "a" * 109)),
    "2b": bare_sign(named("https://127.0.0.1:1/x/Medication/m77"), medication_at("Medication/m77")),
    "2c": bare_sign(named("https://fhir.hospital.example/x/Medication/m77"), medication_at("Medication/m77")),
    "2f": bare_sign(named("Medication/med_1"), medication_at("Medication/med_1")),
    "5a": sign(basket({"resource": named(U)}, {"fullUrl": U, "resource": MEDICATION}), *STOPPED),
    "5b": sign(
        basket(
            {"resource": named("http://ehr.test/fhir/Medication/abc")},
            {"fullUrl": "http://ehr.test/fhir/Medication/abc", "resource": MEDICATION},
        ),
        *STOPPED,
    ),
    "5c": sign(bundle(named("#m1") | {"contained": [MEDICATION | {"id": "#m1"}]}), *STOPPED),
    "5d": sign(bundle(named("m1") | {"contained": [MEDICATION]}), *STOPPED),
    "5e": view(
        "IRONLOW",
        "AGGACTIVE",
        medications=basket(
            {"resource": without_concept(ORDERED) | {"medicationReference": {"reference": U}}},
            {"fullUrl": U, "resource": DIPHENHYDRAMINE},
        ),
    ),
    "5i": sign(bundle(named("#m1") | {"contained": [HELD, SUBSTANCE]}), *STOPPED),
    "6a": view("IRONLOW", labs=basket(PATIENT_U, *({"resource": each | OF_U} for each in (FERRITIN, SATURATION)))),
    "6b": view("IRONLOW", conditions=basket(PATIENT_U, {"resource": RLS | OF_U})),
    "6c": sign(DRAFT, *STOPPED, patient=basket(PATIENT_U), conditions=bundle(RLS, OVERLOAD | OF_U)),
    "6d": sign(basket(PATIENT_U, {"resource": IRON | OF_U}), *STOPPED),
    "6g": refused(view(labs=bundle(FERRITIN | OF_U, SATURATION)), 412),
    "7a": refused(sign(FAILURE), 400),
    "7b": refused(sign(bundle(FAILURE)), 400),
    "7c": sign({"resourceType": "Bundle", "entry": [IRON]}, *STOPPED),
    "7d": sign({"entry": [{"resource": IRON}]}, *STOPPED),
    "7g": refused(sign({"resourceType": "Bundle", "entry": [{"fullUrl": "http://ehr/MedicationRequest/d1"}]}), 412),
    "7i": select(DRAFT, ["MedicationRequest/zzz"]),
    "7j": select(
        basket(
            {"fullUrl": "urn:uuid:X1", "resource": {name: each for name, each in IRON.items() if name != "id"}},
        ),
        ["MedicationRequest/X1"],
    ),
    "8a": view("IRONLOW", labs=bundle(CUT, SATURATION)),
    "8b": bare_view(holding(Observation=raw(json.dumps(bundle(CUT, SATURATION)).encode())), "IRONLOW"),
    "8c": replace(view("IRONLOW"), encoded=lambda body: BOM + json.dumps(body).encode()),
    "8d": bare_view(holding(Observation=raw(BOM + json.dumps(bundle(FERRITIN, SATURATION)).encode())), "IRONLOW"),
    "9a": bare_view(two_pages("/fhir/Observation?page=2"), "IRONLOW"),
    "9b": bare_view(two_pages("{https}/Observation?page=2"), "IRONLOW"),
    "9c": bare_view(two_pages("http://internal:8080/fhir?_getpages=1&page=2"), "IRONLOW"),
    "9f": bare_view(two_pages('{own}/Observation?x=a b&t={{"t":1}}&n=é&page=2'), "IRONLOW"),
    "10a": bare_view(pages_of(20, 71, 100), "IRONLOW"),
    "10b": bare_view(pages_of(100, 311, 450), "IRONLOW"),
    "11a": bare_view(of_old_media_types, "IRONLOW"),
    "12a": bare_view(
        holding(Observation=bundle()), "IRONTEST", scope=f"{GRANTS} patient/Observation.rs?category={LABORATORY}"
    ),
    "12b": bare_view(
        holding(), "IRONLOW", scope="patient/Patient.read, patient/Observation.read, patient/Condition.read"
    ),
    "12c": bare_view(
        holding(), "IRONLOW", scope="Observation.Read (Labs) Condition.Search Patient.Read user/Patient.read"
    ),
    "12f": bare_view(
        holding(), "IRONLOW", scope="patient/Patient.read patient/Observation.Read patient/Condition.Read"
    ),
    "13a": bare_view(empty_for_strangers, "IRONLOW", token="5|ZNDi5"),
    "13b": bare_view(empty_for_strangers, "IRONLOW", token="abc\n"),
    "16a": replace(view("IRONLOW"), headers={"Content-Encoding": "utf-8"}),
    "16b": replace(view("IRONLOW"), headers={"Content-Encoding": ""}),
    "17a": replace(view("IRONLOW"), headers={"X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "https"}),
    "17b": replace(view("IRONLOW"), headers={"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"}),
    "20a": view("IRONLOW", patient=PERSON | PHOTO),
    "20b": view("IRONLOW", somethingElse=PERSON | PHOTO),
    "small: encounter of a number": Case(VIEW, call("patient-view", sent(), encounterId=7), ["IRONLOW"]),
    "small: encounter of an object": Case(VIEW, call("patient-view", sent(), encounterId={"id": "7"}), ["IRONLOW"]),
    "small: empty fhirServer": Case(VIEW, call("patient-view", sent()) | {"fhirServer": ""}, ["IRONLOW"]),
    "small: no authorization": Case(VIEW, call("patient-view", sent()) | {"fhirAuthorization": {}}, ["IRONLOW"]),
    "small: one selection": select(DRAFT, "MedicationRequest/d1"),
    "small: selection of null": select(DRAFT, [None]),
}


@pytest.fixture(scope="module")
def records() -> Iterator[FaultServer]:
    with fault_server(empty) as server:
        yield server


@pytest.fixture(scope="module")
def site(records: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    allowed = {"allow_http": True, "allowed_networks": ("127.0.0.0/8",), "deadline_ms": 5000}
    client = replace(CLIENT, fhir_base=records.base, **allowed)
    with served(hospital_settings(tmp_path_factory.mktemp("letters"), clients=(client,))) as ehr:
        ehr.client = client
        ehr.post(VIEW, CASES["8a"].body)  # the first call reads every table, and may be late on a busy machine
        yield ehr


def asked(site: Ehr, records: FaultServer, case: Case, **claims: object) -> requests.Response:
    body = dict(case.body)
    if case.records:
        records.otherwise = case.records
        access = {"access_token": case.token, "token_type": "Bearer", "expires_in": 300}
        granted = {"scope": case.scope} if case.scope else {}
        body |= {"fhirServer": records.base, "fhirAuthorization": access | granted}
    written = {"Content-Type": "application/json", "Authorization": f"Bearer {site.token(case.path, **claims)}"}
    return site.session.post(
        site.base + case.path, data=case.encoded(body), headers=written | dict(case.headers), timeout=20
    )


@pytest.mark.row("R-01")
@pytest.mark.parametrize("letter", list(CASES))
def test_every_reported_call_gets_the_answer_that_it_should(site: Ehr, records: FaultServer, letter: str) -> None:
    case = CASES[letter]
    found = asked(site, records, case)
    assert found.status_code == case.status, found.text
    if case.status == 200:
        cards = found.json()["cards"]
        assert card_codes({"cards": cards}) == case.cards
        assert case.removed is None or removals(cards) == case.removed
    if letter == "12a":
        assert "covers laboratory results, not all" in found.text


@pytest.mark.row("J-06")
@pytest.mark.parametrize("claims", [{"exp": 300.5}, {"iat": 0.0}, {"nbf": -0.5}, {"nbf": None}, {"tenant": None}])
def test_tokens_with_fractions_and_nulls_are_taken(site: Ehr, records: FaultServer, claims: dict[str, Any]) -> None:
    """14a to 14c; the times are seconds from now."""
    now = site.claims(VIEW)["iat"]
    shifted = {name: now + value if isinstance(value, float) else value for name, value in claims.items()}
    assert asked(site, records, CASES["8a"], **shifted).status_code == 200


def test_a_path_in_the_public_base_may_stay_in_the_call(site: Ehr) -> None:
    """18a: the tokens name the address with its path."""
    body = CASES["8a"].body | {"hookInstance": str(uuid4())}
    assert card_codes(site.call("POST", f"/rls{VIEW}", body, token=site.token(VIEW)).json()) == ["IRONLOW"]


@pytest.mark.parametrize("names", ["traceparent, content-type", "x-correlation-id"])
def test_a_preflight_allows_the_names_that_a_script_asks_for(site: Ehr, names: str) -> None:
    """19a, 19b."""
    asking = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": names}  # fmt: skip
    found = site.session.options(site.base + VIEW, headers=asking, timeout=20)
    allowed = {each.strip().lower() for each in found.headers["Access-Control-Allow-Headers"].split(",")}
    assert set(names.split(", ")) <= allowed


# ------------------------------------------------------------------ feedback

NOW = "2026-06-30T14:59:00Z"
_EPIC = "com.epic.cdshooks.feedback.overrideReason."


def dismissed(card: str, **members: Any) -> Resource:
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": NOW} | members


REASON = {"code": "patient-refuses", "system": "http://x", "display": "Patient refuses"}
FEEDBACK: dict[str, list[Resource]] = {
    "3a": [{"overrideReasons": {"reason": REASON, "userComment": "free text"}}],
    "3b": [{"overrideReasons": {"extension": {f"{_EPIC}reasonCategory": "45", f"{_EPIC}reasonDisplay": "Not met"}}}],
    "3e": [{"overrideReason": {}}, {"overrideReason": {"reason": None, "userComment": ""}}],
    "4a": [{}] * 101,
    "4b": [{"overrideReason": {"userComment": "x" * 1500}}] * 45,
    "4d": [{"outcomeTimestamp": "2026-06-30T15:06:00Z"}],
    "4e": [{"outcomeTimestamp": "2026-06-30T14:05:08.000+0000"}],
    "4f": [{"outcomeTimestamp": "2026-06-30T14:05:08"}],
    "4i": [{"overrideReason": {"reason": {"code": 45}}}],
    "4j": [{"outcome": "accepted", "acceptedSuggestions": {"id": str(uuid4())}}],
}


@pytest.mark.row("B-05")
@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "8g"])
@pytest.mark.parametrize("letter", list(FEEDBACK))
def test_every_reported_feedback_is_kept(site: Ehr, letter: str, mark: bytes) -> None:
    card = str(uuid4())
    path = f"{VIEW}/feedback"
    entries = [dismissed(card, **members) for members in FEEDBACK[letter]]
    written = {"Content-Type": "application/json", "Authorization": f"Bearer {site.token(path)}"}
    raw_body = mark + json.dumps({"feedback": entries}).encode()
    found = site.session.post(site.base + path, data=raw_body, headers=written, timeout=20)
    assert (found.status_code, found.json()) == (200, {"status": "ok"})


def test_one_bad_entry_is_refused_alone(site: Ehr) -> None:
    """4c."""
    card = str(uuid4())
    entries = [dismissed(card), dismissed(card, outcome="ignored"), dismissed(card)]
    found = site.post(f"{VIEW}/feedback", {"feedback": entries})
    assert found.status_code == 200 and [each["index"] for each in found.json()["refused"]] == [1]


def test_a_call_without_a_token_is_refused(site: Ehr) -> None:
    """The control of this page."""
    outcome(site.post(VIEW, CASES["8a"].body, token=None), 401)
