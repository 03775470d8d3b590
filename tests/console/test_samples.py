"""Samples of codes and units that nothing maps: shown to whoever writes the code map, never anything of a patient."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from cards.reading.unknown import unread_units
from cds_service.clients.client import Client
from cds_service.console import console_app
from cds_service.console.telemetry import RegistryTelemetry, Unmapped
from cds_service.metrics import Metrics
from cds_service.metrics_workers import render
from cds_service.settings import Settings
from cds_service.store import NoStore
from cds_service.unknown_samples import KEPT, TOLD, Person, UnknownSamples, is_code, is_system, is_unit, person
from tests.console.conftest import NOON
from tests.http.build import bundle, ferritin, rls

OWN = "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282"
NOBODY = Person("somebody", frozenset())
VIEW = "/cds-services/rls-patient-view"


def call(*labs: dict[str, Any], patient: str = "p1", record: dict[str, Any] | None = None, **lists: Any) -> Any:
    who = {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1961-04-05"} | (record or {})
    prefetch = {"patient": who, "conditions": bundle(rls(patient)), "labs": bundle(*labs)} | lists
    empty = dict.fromkeys(("medications", "procedures", "orders"))
    return {
        "hook": "patient-view", "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e12",
        "context": {"userId": "Practitioner/u1", "patientId": patient}, "prefetch": empty | prefetch,
    }  # fmt: skip


def result(code: str, system: str = OWN, patient: str = "p1", **others: Any) -> dict[str, Any]:
    coding = {"system": system, "code": code, "display": "Jane Doe's ferritin"}
    return ferritin(38, patient) | {"id": "l1", "code": {"coding": [coding], "text": "Ferritin of Jane Doe"}} | others


def row(text: str, place: str) -> str:
    table = text.split('class="unmapped"')[1].split("</table>")[0]
    return next(each for each in table.split("<tr>") if f'<th scope="row">{place}</th>' in each)


def watched(client: FlaskClient, body: Any) -> str:
    assert client.post(VIEW, json=body).status_code == 200
    return client.get("/console/watch").text


def test_an_unmapped_code_is_shown_with_its_system_and_how_often_it_came(client: FlaskClient) -> None:
    for _ in range(2):
        text = watched(client, call(result("LAB68")))
    found = row(text, "labs")
    assert f'<code>LAB68</code> <span class="unit">{OWN}</span>' in found and '<td class="num">2</td>' in found
    assert "Jane" not in text and "Doe" not in text
    assert "are gone after a restart" in text and "each worker" not in text


def test_codes_of_drugs_and_diagnoses_are_shown_too(client: FlaskClient) -> None:
    about = {"subject": {"reference": "Patient/p1"}}
    drug = {
        "resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", **about,
        "medicationCodeableConcept": {"coding": [{"system": OWN, "code": "DRUG-7"}]},
    }  # fmt: skip
    diagnosis = {"resourceType": "Condition", "id": "c9", **about, "code": {"coding": [{"system": OWN, "code": "DX9"}]}}
    lists = {"medications": bundle(drug), "conditions": bundle(rls("p1"), diagnosis)}
    text = watched(client, call(**lists))
    assert "<code>DRUG-7</code>" in row(text, "medications") and "<code>DX9</code>" in row(text, "conditions")


HOSTILE = {
    "markup": "<script>alert(1)</script>", "entity": "&lt;b&gt;", "attribute": 'x"onmouseover=1', "long": "A1" * 40,
    "name": "Jane Doe", "surname": "Doe-Smith", "word": "hypertension", "email": "jane@example.org",
    "phone": "+1-555-010-9988", "social security": "123-45-6789", "record number": "00481516",
    "birth date": "1961-04-05", "birth date as digits": "19610405", "date of another order": "05-04-1961",
    "uuid": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e12", "reference": "Patient/p1", "newline": "LAB\n68",
    "control": "LAB\x0068", "right to left": "LAB\u202e68", "accents": "LÄB68", "full-width digits": "\uff16\uff18",
}  # fmt: skip


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_code_is_counted_and_not_shown(client: FlaskClient, code: str) -> None:
    text = watched(client, call(result(code)))
    found = row(text, "labs")
    assert "<code>" not in found and '<td class="num">1</td>' in found
    assert code not in text and "<script>alert" not in text
    assert not is_code(code)


SYSTEMS = {
    "none": "", "words": "Laboratory of Jane Doe", "markup": "<b>", "user in it": "https://jane:doe@lab.example.org/x",
    "question in it": "https://lab.example.org/codes?patient=p1", "script": "javascript:alert(1)",
    "a patient's address": "https://lab.example.org/Patient/4711", "long": "https://lab.example.org/" + "a/" * 200,
    "port": "http://127.0.0.1:9/x",
}  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_code_whose_system_is_no_system_is_not_shown(client: FlaskClient, system: str) -> None:
    text = watched(client, call(result("LAB68", system)))
    assert "LAB68" not in text and "<code>" not in row(text, "labs")
    assert not is_system(system)


@pytest.mark.parametrize(
    "record",
    [
        {"identifier": [{"system": "urn:mrn", "value": "MRN-4711"}]},
        {"identifier": [{"value": "4711"}, {"value": "MRN4711"}]},
        {"identifier": {"value": 4711}, "name": "MRN"},
        {"name": [{"family": "Mrn", "given": ["4711"]}]},
        {"text": {"div": "<div>Record <b>mrn4711</b></div>"}},
        {"contact": [{"telecom": [{"value": "mrn 4711"}]}]},
    ],
)
@pytest.mark.parametrize("code", ["MRN4711", "MRN-4711", "MRN.4711"])
def test_what_the_record_of_the_patient_says_is_no_sample(
    client: FlaskClient, record: dict[str, Any], code: str
) -> None:
    text = watched(client, call(result(code), record=record))
    assert code not in text and "<code>" not in row(text, "labs")


@pytest.mark.parametrize("code", ["PAT-8841", "PAT8841", "X-8841-PAT8841"])
def test_the_id_of_the_patient_is_no_sample(client: FlaskClient, code: str) -> None:
    text = watched(client, call(result(code, patient="PAT-8841"), patient="PAT-8841"))
    assert code not in text


def test_another_patient_with_the_same_code_shows_it(client: FlaskClient) -> None:
    """A code that is by chance a word of one patient is still a code."""
    assert "FERR" not in watched(client, call(result("FERR"), record={"name": [{"family": "Ferr"}]}))
    assert "<code>FERR</code>" in watched(client, call(result("FERR", patient="p2"), patient="p2"))


#: Units that no ferritin is read in.
UNITS = {"mmol/L": True, "MEQ/L": True, "g": True, "mcmol/L": True, "10*3/uL": True} | dict.fromkeys(
    ("bananas", "Jane", "mg/Jane", "mg/dL of Jane Doe", "{Jane}", "<b>", "1961-04-05", "mg" * 30), False
)


@pytest.mark.parametrize(("unit", "is_shown"), UNITS.items())
def test_a_unit_is_shown_where_it_is_spelled_from_units(client: FlaskClient, unit: str, is_shown: bool) -> None:
    text = watched(client, call(ferritin(38, "p1") | {"valueQuantity": {"value": 38, "unit": unit}}))
    found = row(text, "Ferritin")
    assert (f"<code>{unit}</code>" in found) is is_shown and ("Jane" in text, "<b>" in found) == (False, False)
    assert is_unit(unit) is is_shown


def test_samples_stay_out_of_the_metrics_the_log_and_the_store(
    app: Flask, client: FlaskClient, store_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "<code>LAB68</code>" in watched(client, call(result("LAB68")))
    doors = [
        client.get("/metrics").data,
        caplog.text.encode(),
        *(each.read_bytes() for each in store_file.parent.iterdir()),
    ]
    doors += [render(app.extensions["rls_cds_oversight"].metrics.registry)]
    assert not any(b"LAB68" in door or OWN.encode() in door for door in doors)


@pytest.mark.parametrize("needed", [2, 3])
def test_with_clients_a_code_is_told_once_several_patients_had_it(needed: int) -> None:
    samples = UnknownSamples(needed)
    for n in range(needed):
        for _ in range(5):
            assert samples.codes("labs", "oid") == ()
            samples.note_codes("labs", "oid", [(OWN, "LAB68")], Person(f"p{n}", frozenset()))
            if n == needed - 1:
                break
    assert samples.codes("labs", "oid") == ((OWN, "LAB68"),)


def test_the_service_asks_for_several_patients_where_it_has_clients_and_for_one_on_a_test_bench() -> None:
    from cds_service.assembly import assemble

    for clients, needed in (((), 1), ((Client("north", issuer="https://north.example.org"),), 3)):
        app = assemble(Settings(clients=clients, database_url="", public_base="https://cds.example.org"))
        assert app.extensions["rls_cds_oversight"].metrics.samples.patients == needed
        app.extensions["rls_cds_rounds"].stop()


def test_the_most_seen_are_shown_first_and_few() -> None:
    samples = UnknownSamples(1)
    for n in range(20):
        for _ in range(n + 1):
            samples.note_codes("labs", "oid", [(OWN, f"L{n}")], NOBODY)
    assert samples.codes("labs", "oid") == tuple((OWN, f"L{n}") for n in range(19, 19 - TOLD, -1))
    assert samples.codes("labs", "other") == () and samples.codes("medications", "oid") == ()


def rows_kept(samples: UnknownSamples) -> int:
    return sum(len(each.rows) for each in (*samples._codes.values(), *samples._units.values()))


def test_a_hundred_thousand_codes_take_no_more_room_and_do_not_hide_the_common_one() -> None:
    samples = UnknownSamples(1)
    for n in range(100_000):
        samples.note_codes("labs", "oid", [(OWN, f"X{n}")], NOBODY)
        if n % 50 == 0:
            samples.note_codes("labs", "oid", [(OWN, "LAB68")], NOBODY)
    assert rows_kept(samples) == KEPT
    assert samples.codes("labs", "oid")[0] == (OWN, "LAB68")


def test_a_hundred_thousand_codes_in_one_call_cost_little(client: FlaskClient) -> None:
    samples, codes = UnknownSamples(1), [(OWN, f"X{n}") for n in range(100_000)]
    started = time.perf_counter()
    samples.note_codes("labs", "oid", codes, person(["p1"], [{"name": ["word"] * 1000}]))
    assert time.perf_counter() - started < 1 and rows_kept(samples) <= KEPT


def every_unit() -> Iterator[str]:
    atoms = ("g", "mol", "L", "U", "%", "Jane", "Doe", "doe", "x", "10*9", "mg", "kDoe")
    return ("/".join(each) for each in product(atoms, repeat=2))


def test_no_word_passes_as_a_unit() -> None:
    assert not [each for each in every_unit() if is_unit(each) and ("oe" in each.lower() or "ane" in each.lower())]


@pytest.mark.parametrize("code", ["LAB68", "1234-5", "FERR", "B12", "123456", "a1", "1.2.3", "FER-NEW", "12345.67"])
def test_codes_of_laboratories_are_codes(code: str) -> None:
    assert is_code(code)


@pytest.mark.parametrize("sample", [("", "LAB68"), (OWN, "Doe, Jane"), (OWN, "<b>"), ("<b>", "LAB68")])
def test_the_page_shows_nothing_that_has_not_the_shape_whoever_kept_it(sample: tuple[str, str]) -> None:
    assert Unmapped("code", "labs", "oid", 1, (sample,)).shown == ()
    assert Unmapped("unit", "Ferritin", "", 1, (("", "Jane"),)).shown == ()


def test_with_several_workers_the_page_says_whose_samples_these_are() -> None:
    metrics = Metrics()
    metrics.unknown_codes.labels("labs", "oid").inc(3)
    settings = Settings(database_url="", workers=4)
    told = console_app(settings, NoStore(), clock=lambda: NOON,
                       telemetry=lambda: RegistryTelemetry(metrics.registry, metrics.samples))  # fmt: skip
    text = unescape(told.test_client().get("/console/watch").text)
    assert "by each worker for itself: these are of the one that answered, while the counts are of all 4" in text
    assert "A code is shown once 3 patients had it." in text


def test_a_telemetry_without_samples_has_none() -> None:
    assert RegistryTelemetry(CollectorRegistry()).unmapped() == ()


def test_the_unit_is_that_of_the_result_that_could_not_be_read() -> None:
    from cards.chart import UnusableResult

    sent = {"a": {"unit": "mg"}, "b": {"code": "mol"}, "c": None, "d": {"unit": "g"}}
    labs = [result("1", id=name, valueQuantity=quantity) for name, quantity in sent.items()]
    why = {"a": "unknown-unit", "b": "unit-contradicts-itself", "c": "no-unit", "d": "preliminary"}
    unusable = [UnusableResult("ferritin", reason, reference=f"Observation/{name}") for name, reason in why.items()]
    assert unread_units(labs, unusable) == (
        ("ferritin", "unknown-unit", "mg"), ("ferritin", "unit-contradicts-itself", "mol"), ("ferritin", "no-unit", ""),
    )  # fmt: skip
