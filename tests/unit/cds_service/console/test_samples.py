"""Samples of unmapped codes and units help to write the code map and reveal nothing about a patient."""

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
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.console.telemetry import RegistryTelemetry, Unmapped
from cds_service.monitoring.metrics import Metrics
from cds_service.monitoring.unknown_samples import (
    MOST_KEPT,
    MOST_LISTED,
    PersonalWords,
    UnknownSamples,
    is_code,
    is_system,
    is_unit,
    personal_words,
)
from cds_service.monitoring.workers import render
from cds_service.store import NullStore
from tests.builders.service import bundle, ferritin, rls
from tests.unit.cds_service.console.conftest import NOON

OWN = "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282"
NOBODY = PersonalWords("somebody", frozenset())
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


def test_an_unmapped_code_is_shown_with_system_and_count(client: FlaskClient) -> None:
    for _ in range(2):
        text = watched(client, call(result("LAB68")))
    found = row(text, "labs")
    assert f'<code>LAB68</code> <span class="unit">{OWN}</span>' in found and '<td class="num">2</td>' in found
    assert "Jane" not in text and "Doe" not in text
    assert "are gone after a restart" in text and "each worker" not in text


def test_public_codes_that_tell_nothing_are_shown_by_system_and_count_alone(client: FlaskClient) -> None:
    snomed = "http://snomed.info/sct"
    untold = rls("p1") | {"id": "d", "code": {"coding": [{"system": snomed, "code": "999999991"}]}}
    text = watched(client, call(ferritin(38, "p1"), conditions=bundle(rls("p1"), untold)))
    found = row(text, "conditions")
    assert f"code in {snomed}, below no code that we list" in found and '<td class="num">1</td>' in found
    assert "999999991" not in text


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


def test_malformed_codes_are_counted_but_not_shown(client: FlaskClient) -> None:
    for number, (kind, code) in enumerate(HOSTILE.items(), start=1):
        text = watched(client, call(result(code)))
        found = row(text, "labs")
        assert "<code>" not in found and f'<td class="num">{number}</td>' in found, kind
        assert code not in text and "<script>alert" not in text, kind
    assert [kind for kind, code in HOSTILE.items() if is_code(code)] == []


SYSTEMS = {
    "none": "", "words": "Laboratory of Jane Doe", "markup": "<b>", "user in it": "https://jane:doe@lab.example.org/x",
    "question in it": "https://lab.example.org/codes?patient=p1", "script": "javascript:alert(1)",
    "a patient's address": "https://lab.example.org/Patient/4711", "long": "https://lab.example.org/" + "a/" * 200,
    "port": "http://127.0.0.1:9/x",
}  # fmt: skip


def test_a_code_with_a_malformed_system_is_not_shown(client: FlaskClient) -> None:
    for kind, system in SYSTEMS.items():
        text = watched(client, call(result("LAB68", system)))
        assert "LAB68" not in text and "<code>" not in row(text, "labs"), kind
    assert [kind for kind, system in SYSTEMS.items() if is_system(system)] == []


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
def test_text_of_the_record_is_no_sample(client: FlaskClient, record: dict[str, Any]) -> None:
    for code in ("MRN4711", "MRN-4711", "MRN.4711"):
        text = watched(client, call(result(code), record=record))
        assert code not in text and "<code>" not in row(text, "labs"), code


def test_the_id_of_the_patient_is_no_sample(client: FlaskClient) -> None:
    for code in ("PAT-8841", "PAT8841", "X-8841-PAT8841"):
        assert code not in watched(client, call(result(code, patient="PAT-8841"), patient="PAT-8841")), code


def test_another_patient_with_the_same_code_shows_it(client: FlaskClient) -> None:
    """A code that happens to be a word in one patient's record is still a code."""
    assert "FERR" not in watched(client, call(result("FERR"), record={"name": [{"family": "Ferr"}]}))
    assert "<code>FERR</code>" in watched(client, call(result("FERR", patient="p2"), patient="p2"))


#: Units not accepted for ferritin.
UNITS = {"mmol/L": True, "MEQ/L": True, "g": True, "mcmol/L": True, "10*3/uL": True} | dict.fromkeys(
    ("bananas", "Jane", "mg/Jane", "mg/dL of Jane Doe", "{Jane}", "<b>", "1961-04-05", "mg" * 30), False
)


def test_a_unit_is_shown_where_it_is_spelled_from_units(client: FlaskClient) -> None:
    for unit in UNITS:
        text = watched(client, call(ferritin(38, "p1") | {"valueQuantity": {"value": 38, "unit": unit}}))
        assert "Jane" not in text and "<b>" not in row(text, "Ferritin"), unit
    found = row(text, "Ferritin")
    assert {unit: f"<code>{unit}</code>" in found for unit in UNITS} == UNITS
    assert {unit: is_unit(unit) for unit in UNITS} == UNITS


def test_samples_stay_out_of_the_metrics_the_log_and_the_store(
    app: Flask, client: FlaskClient, store_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "<code>LAB68</code>" in watched(client, call(result("LAB68")))
    doors = [
        client.get("/metrics").data,
        caplog.text.encode(),
        *(each.read_bytes() for each in store_file.parent.iterdir()),
    ]
    doors += [render(app.extensions["rls_cds_monitor"].metrics.registry)]
    assert not any(b"LAB68" in door or OWN.encode() in door for door in doors)


@pytest.mark.parametrize("needed", [2, 3])
def test_with_clients_a_code_is_shown_after_several_patients(needed: int) -> None:
    samples = UnknownSamples(needed)
    for n in range(needed):
        for _ in range(5):
            assert samples.codes("labs", "oid") == ()
            samples.add_codes("labs", "oid", [(OWN, "LAB68")], PersonalWords(f"p{n}", frozenset()))
            if n == needed - 1:
                break
    assert samples.codes("labs", "oid") == ((OWN, "LAB68"),)


def test_several_patients_are_required_only_with_clients() -> None:
    from cds_service.server.assembly import assemble

    for clients, needed in (((), 1), ((Client("north", issuer="https://north.example.org"),), 3)):
        app = assemble(Settings(clients=clients, database_url="", public_base="https://cds.example.org"))
        assert app.extensions["rls_cds_monitor"].metrics.samples.patients == needed
        app.extensions["rls_cds_scheduler"].stop()


def test_few_samples_are_shown_most_frequent_first() -> None:
    samples = UnknownSamples(1)
    for n in range(20):
        for _ in range(n + 1):
            samples.add_codes("labs", "oid", [(OWN, f"L{n}")], NOBODY)
    assert samples.codes("labs", "oid") == tuple((OWN, f"L{n}") for n in range(19, 19 - MOST_LISTED, -1))
    assert samples.codes("labs", "other") == () and samples.codes("medications", "oid") == ()


def rows_kept(samples: UnknownSamples) -> int:
    return sum(len(each.rows) for each in (*samples._codes.values(), *samples._units.values()))


@pytest.mark.slow
def test_many_codes_use_bounded_memory_and_do_not_hide_the_common_one() -> None:
    samples = UnknownSamples(1)
    for n in range(100_000):
        samples.add_codes("labs", "oid", [(OWN, f"X{n}")], NOBODY)
        if n % 50 == 0:
            samples.add_codes("labs", "oid", [(OWN, "LAB68")], NOBODY)
    assert rows_kept(samples) == MOST_KEPT
    assert samples.codes("labs", "oid")[0] == (OWN, "LAB68")


def test_many_codes_in_one_call_are_cheap(client: FlaskClient) -> None:
    samples, codes = UnknownSamples(1), [(OWN, f"X{n}") for n in range(100_000)]
    started = time.perf_counter()
    samples.add_codes("labs", "oid", codes, personal_words(["p1"], [{"name": ["word"] * 1000}]))
    assert time.perf_counter() - started < 1 and rows_kept(samples) <= MOST_KEPT


def every_unit() -> Iterator[str]:
    atoms = ("g", "mol", "L", "U", "%", "Jane", "Doe", "doe", "x", "10*9", "mg", "kDoe")
    return ("/".join(each) for each in product(atoms, repeat=2))


def test_no_word_passes_as_a_unit() -> None:
    assert not [each for each in every_unit() if is_unit(each) and ("oe" in each.lower() or "ane" in each.lower())]


@pytest.mark.parametrize("code", ["LAB68", "1234-5", "FERR", "B12", "123456", "a1", "1.2.3", "FER-NEW", "12345.67"])
def test_laboratory_codes_are_well_formed(code: str) -> None:
    assert is_code(code)


@pytest.mark.parametrize("sample", [("", "LAB68"), (OWN, "Doe, Jane"), (OWN, "<b>"), ("<b>", "LAB68")])
def test_the_page_never_shows_a_malformed_sample(sample: tuple[str, str]) -> None:
    assert Unmapped("code", "labs", "oid", 1, (sample,)).shown == ()
    assert Unmapped("unit", "Ferritin", "", 1, (("", "Jane"),)).shown == ()


def test_with_several_workers_the_page_says_that_samples_are_of_one() -> None:
    metrics = Metrics()
    metrics.unknown_codes.labels("labs", "oid").inc(3)
    settings = Settings(database_url="", workers=4)
    app = console_app(settings, NullStore(), clock=lambda: NOON,
                      telemetry=lambda: RegistryTelemetry(metrics.registry, metrics.samples))  # fmt: skip
    text = unescape(app.test_client().get("/console/watch").text)
    assert "by each worker for itself: these are of the one that answered, while the counts are of all 4" in text
    assert "A code is shown once 3 patients had it." in text


def test_telemetry_without_samples_has_none() -> None:
    assert RegistryTelemetry(CollectorRegistry()).unmapped() == ()


def test_the_unit_is_that_of_the_unreadable_result() -> None:
    from cards.facts.results import UnusableResult

    sent = {"a": {"unit": "mg"}, "b": {"code": "mol"}, "c": None, "d": {"unit": "g"}}
    labs = [result("1", id=name, valueQuantity=quantity) for name, quantity in sent.items()]
    why = {"a": "unknown-unit", "b": "unit-contradicts-itself", "c": "no-unit", "d": "preliminary"}
    unusable = [UnusableResult("ferritin", reason, reference=f"Observation/{name}") for name, reason in why.items()]
    assert unread_units(labs, unusable) == (
        ("ferritin", "unknown-unit", "mg"), ("ferritin", "unit-contradicts-itself", "mol"), ("ferritin", "no-unit", ""),
    )  # fmt: skip
