"""Thousands of hostile ids and URLs through the whole service (reliability SSRF-1, SSRF-6, SSRF-7).

They must open no connection except to the permitted server, and send it only requests that the service intends. The
long forms run with `-m full`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flask.testing import FlaskClient

from cards.reading.resource_types import MORE_DRUGS, asked_type
from cds_service.fhir.reader import address
from cds_service.hooks.services import BY_ID, parameters
from tests.builders.deadlines import UNHURRIED_MS
from tests.builders.hostile_addresses import HOSTILE, HOSTILE_IDS, made_up, made_up_ids
from tests.builders.service import (
    OVERLOAD,
    SIGN,
    VIEW,
    application,
    bare,
    bundle,
    ferritin,
    good,
    prefetch,
    rls,
    settings,
)
from tests.builders.tokens import CLIENT
from tests.fakes.fault_server import FaultServer, Line, RecordedRequest, answer, empty, fault_server
from tests.fakes.socket_spy import watched_sockets

IDS = [pytest.param(500, id="500"), pytest.param(5_000, id="5000", marks=pytest.mark.full)]
LINKS = [pytest.param(1_000, id="1000"), pytest.param(5_000, id="5000", marks=pytest.mark.full)]
#: A FHIR id, defined here again so that the code is not checked against itself.
GOOD_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9.-]{1,64}")
#: What a Medication may be read by: one step of a path, whatever its id, percent-encoded.
ONE_STEP = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+")
#: An id of a draft that is given back (protocol X-05): the client's own, of harmless letters.
DRAFT_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9.-][A-Za-z0-9._~:-]{0,511}")
#: Valid references before and after the hostile ones in every call; if these are read, the hostile ones were reached.
FIRST, LAST = "Medication/first", "Medication/last"
HEADERS = {"host", "user-agent", "accept", "accept-encoding", "cache-control", "connection", "authorization"}
TOKEN = "good-token"
VIEW_KEYS, ORDER_KEYS = BY_ID["rls-patient-view"].keys, BY_ID["rls-order-sign"].keys


def hostile_ids(count: int) -> list[str]:
    listed = [*HOSTILE_IDS, *HOSTILE]
    return [*listed, *made_up_ids(13, max(0, count - len(listed)))]


def drug_order(name: object, reference: object, **members: Any) -> dict[str, Any]:
    subject = {"reference": "Patient/p1"}
    fields = {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "subject": subject,
    }
    return fields | {"medicationReference": {"reference": reference}} | members


def drug_orders(name: str, base: str) -> list[dict[str, Any]]:
    """Return orders that refer to their drugs by this id, each in another spelling."""
    spelled = [f"Medication/{name}", name, f"{base}/Medication/{name}", f"Medication/{name}/_history/{name}"]
    orders = [drug_order(name, reference) for reference in spelled]
    in_r5 = drug_order(name, "") | {"medication": {"reference": {"reference": f"Medication/{name}"}}}
    del in_r5["medicationReference"]
    return [drug_order("a", FIRST), *orders, in_r5, drug_order("z", LAST)]


def page(name: str, base: str) -> dict[str, Any]:
    """Return a page of drug orders with this id in every position and in its next link."""
    entries = [{"fullUrl": f"{base}/MedicationRequest/{name}", "resource": order} for order in drug_orders(name, base)]
    links = [{"relation": "next", "url": f"{base}/MedicationRequest/{name}"}, {"relation": "self", "url": name}]
    return {"resourceType": "Bundle", "id": name, "type": "searchset", "link": links, "entry": entries}


def order_call(name: str, base: str, *, sent: bool) -> dict[str, Any]:
    """Return an order hook with this id in every position; with `sent` the drug orders are prefetched, not read."""
    condition = rls() | {"id": name, "encounter": {"reference": f"Encounter/{name}"}}
    result = ferritin(38, name=name) | {"hasMember": [{"reference": name}], "encounter": {"reference": name}}
    foreign = ferritin(20, patient_id=name)
    known = prefetch() | {"conditions": bundle(condition), "labs": bundle(result, foreign)}
    known |= {"medications": page(name, base)} if sent else {}
    draft = drug_order(name, "", status="draft")
    draft["medicationReference"] = {"reference": f"Medication/{name}"}
    iron = drug_order("iron", "", status="draft") | {"reasonReference": [{"reference": name}]}
    iron |= {"medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"}}
    del iron["medicationReference"]
    context = {"userId": name[:512] or "x", "patientId": "p1", "encounterId": name, "draftOrders": bundle(iron, draft)}
    return bare(hook="order-sign", context=context, prefetch=known if sent else _without(known, "medications"))


def _without(known: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name != key}


def drugs_meant(name: str) -> set[str]:
    """Return the valid ids that references with this id may mean; blanks around a reference do not count."""
    whole = {name.rstrip(), name.strip().removeprefix("Medication/")} if "Medication/" in name else {name.rstrip()}
    return {one for one in (each.partition("/_history/")[0] for each in whole) if GOOD_ID.fullmatch(one)}


@dataclass
class ServiceUnderTest:
    """A service with one registered client, and the FHIR server of that client.

    `name` is the id of the server's drug orders, None if it has none.
    """

    http: FlaskClient
    server: FaultServer
    name: str | None = None

    def post(self, path: str, body: dict[str, Any], to: str = "") -> int:
        """Send a call that names its server, or the URL `to` instead, and return the status."""
        grant = {"access_token": TOKEN, "token_type": "Bearer", "subject": "x", "scope": "patient/*.rs"}
        whole = body | {"fhirServer": to or self.server.base, "fhirAuthorization": grant}
        return self.http.post(path, json=whole).status_code

    def asked(self) -> list[RecordedRequest]:
        found, self.server.asked = self.server.asked, []
        return found


@contextmanager
def reading() -> Iterator[tuple[ServiceUnderTest, list[object]]]:
    """Yield a `ServiceUnderTest`, and the list of other addresses that were tried."""

    def drugs(line: Line) -> None:
        way = empty if made.name is None else answer(page(made.name, line.server.base))
        way(line)

    with fault_server(empty, {"MedicationRequest": drugs}) as server:
        networks = ("127.0.0.0/8",)
        client = replace(
            CLIENT, fhir_base=server.base, allow_http=True, allowed_networks=networks, deadline_ms=UNHURRIED_MS
        )
        with application(settings(clients=(client,)), authenticate=lambda header, path: client) as app:
            made = ServiceUnderTest(app.test_client(), server)
            host, _, port = urlsplit(server.base).netloc.partition(":")
            with watched_sockets((host, int(port))) as tried:
                yield made, tried


def assert_meant(asked: list[RecordedRequest], server: FaultServer, patient: str) -> None:
    """Check that every request is one that the service intends for this patient, with its own headers only."""
    for each in asked:
        assert set(each.headers) <= HEADERS, each
        assert each.headers["host"] == server.address.removeprefix("http://")
        assert each.headers["authorization"] == f"Bearer {TOKEN}"
        kind, rest = re.fullmatch(r"/fhir/([A-Z][A-Za-z]+)([/?].*)", each.path).groups()
        if kind == "MedicationRequest" and rest.startswith("/"):
            assert is_safe_page(rest), each
        elif rest.startswith("/"):
            assert kind == "Medication" or (kind == "Patient" and GOOD_ID.fullmatch(rest[1:])), each
            assert is_one_step(rest[1:]), each
        else:
            assert [value for name, value in parse_qsl(rest[1:]) if name == "patient"] == [patient], each


def is_one_step(written: str) -> bool:
    """Return whether an id is one step of a path however often it is decoded, and leads nowhere else."""
    decoded = unquote(written)
    unsafe = re.search(r"[\x00-\x1f\x7f/\\?#]", decoded) or set(decoded) <= {"."}
    return ONE_STEP.fullmatch(written) is not None and not unsafe


def is_safe_page(rest: str) -> bool:
    """Return whether a `next` link stays below the base, however often it is decoded."""
    path = rest.partition("?")[0]
    while (decoded := unquote(path)) != path:
        path = decoded
    steps = {step.partition(";")[0] for step in re.split(r"[/\\]", path)}
    return re.fullmatch(r"[!-~]+", rest) is not None and "#" not in rest and not {".", ".."} & steps


@pytest.mark.parametrize("count", IDS)
def test_no_hostile_id_leads_a_read_elsewhere(count: int) -> None:
    """The id is that of user, encounter, drafts, resources and pages, and part of references to drugs, sent or read."""
    drugs_read = 0
    with reading() as (service, tried):
        for number, name in enumerate(hostile_ids(count)):
            service.name = name
            sent = number % 2 == 0
            assert service.post(SIGN, order_call(name, service.server.base, sent=sent)) == 200, name
            asked = service.asked()
            assert_meant(asked, service.server, "p1")
            paths = [each.path.removeprefix("/fhir/") for each in asked]
            assert {FIRST, LAST} <= set(paths), (name, paths)
            assert ("MedicationRequest?patient=p1&_count=200" in paths) is not sent
            read = {path for path in paths if path.startswith("Medication/")} - {FIRST, LAST}
            meant = {one for one in drugs_meant(name) if ".." not in one}  # such a reference is not read (SSRF-7)
            assert {f"Medication/{one}" for one in meant} <= read, (name, paths)
            assert all(is_one_step(path.removeprefix("Medication/")) for path in read), (name, paths)
            drugs_read += bool(read)
    assert tried == []
    assert drugs_read > count / 100  # the good ids among them were read, so the bad ones could have been


@pytest.mark.parametrize("count", IDS)
def test_no_hostile_patient_leads_a_read_elsewhere(count: int) -> None:
    """Nothing is prefetched: an invalid id is refused without a read, for a valid one everything is read."""
    with reading() as (service, tried):
        for name in hostile_ids(count):
            for spelled in (name, f"Patient/{name}"):
                bare_id, body = spelled.removeprefix("Patient/"), bare()
                body["context"]["patientId"] = spelled
                status, asked = service.post(VIEW, body), service.asked()
                if GOOD_ID.fullmatch(bare_id):
                    assert (status, len(asked)) == (200, len(VIEW_KEYS) + len(MORE_DRUGS)), spelled
                    assert f"/fhir/Patient/{bare_id}" in [each.path for each in asked]
                    assert_meant(asked, service.server, bare_id)
                else:
                    assert (status, asked) == (400, []), spelled
    assert tried == []


@pytest.mark.parametrize("count", IDS)
def test_no_hostile_id_of_a_draft_is_given_back(count: int) -> None:
    """The card that would remove the draft names it only if its id is valid."""
    body = good("order-sign", OVERLOAD)
    [entry] = body["context"]["draftOrders"]["entry"]
    with application() as app:
        http, removed = app.test_client(), 0
        for name in hostile_ids(count):
            entry["resource"]["id"] = name
            answered = http.post(SIGN, json=body)
            assert answered.status_code == 200, name
            [card] = answered.get_json()["cards"]
            actions = [action for one in card.get("suggestions", []) for action in one["actions"]]
            named = [action["resourceId"] for action in actions if action["type"] == "delete"]
            assert named == ([f"MedicationRequest/{name.strip()}"] if DRAFT_ID.fullmatch(name.strip()) else []), name
            removed += bool(named)
    assert removed > count / 100


@pytest.mark.parametrize("count", IDS)
def test_an_address_takes_no_meaning_from_an_id(count: int) -> None:
    """Even without validation an id stays a single path segment or parameter value."""
    base = "https://ehr.example.org/fhir"
    for name in hostile_ids(count):
        for key in ORDER_KEYS:
            kind, built = asked_type(key), address(base, key, name)
            assert re.fullmatch(r"[!-~]+", built) and "#" not in built
            if key == "patient":
                rest = built.removeprefix(f"{base}/Patient/")
                assert unquote(rest) == name and not re.search(r"[/?#\\@:]", rest)
            else:
                query = built.removeprefix(f"{base}/{kind}?")
                expected = [(one, name if one == "patient" else value) for one, value in parameters(key)]
                assert parse_qsl(query, keep_blank_values=True) == expected


@pytest.mark.parametrize("count", IDS)
def test_no_hostile_server_is_read(count: int) -> None:
    """As `fhirServer` of a registered client and in open mode, the URL counts as absent."""
    with reading() as (service, tried), application() as app:
        for name in [*HOSTILE, *made_up(11, count - len(HOSTILE))]:
            if name:
                assert service.post(VIEW, bare(), to=name) == 412, name
                assert app.test_client().post(VIEW, json=bare(fhirServer=name)).status_code == 412, name
        assert service.asked() == []
        assert service.post(VIEW, bare()) == 200
        assert len(service.asked()) == len(VIEW_KEYS) + len(MORE_DRUGS)
    assert tried == []


@pytest.mark.parametrize("count", LINKS)
def test_no_hostile_next_page_is_read_elsewhere(count: int) -> None:
    """In a page that was sent or read, the link is followed below the base or not at all, and is never an error."""
    followed: list[str] = []
    with reading() as (service, tried):
        for number, name in enumerate([*HOSTILE, *made_up(17, count - len(HOSTILE))]):
            first = bundle(ferritin(38)) | {"link": [{"relation": "next", "url": name}]}
            sent = prefetch() | {"conditions": bundle(rls()), "labs": first}
            if number % 2:
                service.server.behaviours["Observation"] = answer(first)
                del sent["labs"]
            assert service.post(VIEW, bare(prefetch=sent)) == 200, name
            asked = [each.path for each in service.asked()]
            ours = [path for path in asked if path.startswith("/fhir/Observation?patient=p1&code=")]
            followed += [path for path in asked if path not in ours]
            assert len(ours) == number % 2 + 1, (name, asked)  # the narrow question, since the list was cut
    assert tried == []
    assert all(path.startswith(("/fhir/", "/fhir?")) and is_safe_page(path) for path in followed), followed
