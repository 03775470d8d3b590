"""Calls of a registered EHR whose FHIR server is read: rows R-xx, A-xx, F-xx, V-03, H-02, H-03."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.http.build import bare, bundle, card_codes, ferritin, good, prefetch, rls
from tests.http.fault_server import FaultServer, Line, answer, empty, fault_server
from tests.protocol.ehr import CLIENT, SIGN, VIEW, Ehr, hospital_settings, outcome, served


@contextmanager
def read_from(folder: Path, server: FaultServer, **changes: Any) -> Iterator[Ehr]:
    """The service with a client whose FHIR server is `server`."""
    given = {"allow_http": True, "allowed_networks": ("127.0.0.0/8",), **changes}
    client = replace(CLIENT, fhir_base=server.base, **given)
    with served(hospital_settings(folder, clients=(client,))) as ehr:
        ehr.client = client
        yield ehr


def low_ferritin(line: Line) -> None:
    """A record with restless legs syndrome and a low ferritin."""
    kind = line.asked.path.removeprefix("/fhir/").partition("?")[0]
    found = {"Condition": [rls()], "Observation": [ferritin(20)]}.get(kind)
    answer(bundle(*found))(line) if found else empty(line)


def test_with_server_and_token_the_record_is_read_a01_a02_a09_f02(tmp_path: Path) -> None:
    with fault_server(low_ferritin) as server, read_from(tmp_path, server) as ehr:
        body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "opaque", "expires_in": 300})
        assert "IRONLOW" in card_codes(ehr.post(VIEW, body).json())
        assert server.paths() == [
            "Condition", "MedicationRequest", "Observation", "Patient/p1", "Procedure", "ServiceRequest",
        ]  # fmt: skip
        for asked in server.asked:
            assert asked.headers["authorization"] == "Bearer opaque"
            assert asked.headers["accept"] == "application/fhir+json"


def test_tokens_of_calls_at_the_same_time_are_never_mixed_a02(tmp_path: Path) -> None:
    with fault_server(low_ferritin) as server, read_from(tmp_path, server) as ehr:

        def call(number: int) -> int:
            context = {"userId": "Practitioner/1", "patientId": f"p{number}"}
            token = {"access_token": f"token-{number}", "expires_in": 300}
            body = bare(fhirServer=server.base, fhirAuthorization=token, context=context)
            return ehr.post(VIEW, body).status_code

        with ThreadPoolExecutor(6) as several:
            assert set(several.map(call, range(24))) <= {200, 412}
        for asked in server.asked:
            number = asked.path.rpartition("Patient/")[2] if "Patient/p" in asked.path else _patient_of(asked.path)
            assert asked.headers["authorization"] == f"Bearer token-{number.removeprefix('p')}"


def _patient_of(path: str) -> str:
    return path.partition("patient=")[2].partition("&")[0]


def test_plain_http_is_not_read_in_production_r07(tmp_path: Path) -> None:
    """An address that is not the configured one is as if absent; a configured one must be https (see the settings)."""
    with fault_server(empty) as server, served(hospital_settings(tmp_path)) as ehr:
        outcome(ehr.post(VIEW, bare(fhirServer=server.base)), 412)
        assert server.connections == 0


def test_data_is_fresh_at_every_call_v03(tmp_path: Path) -> None:
    values = iter([20, 120, 120, 120])
    current = [0]

    def changing(line: Line) -> None:
        if "Observation" in line.asked.path:
            current[0] = next(values)
            answer(bundle(ferritin(current[0])))(line)
        else:
            low_ferritin(line)

    with fault_server(changing) as server, read_from(tmp_path, server) as ehr:
        first, second = (card_codes(ehr.post(VIEW, bare(fhirServer=server.base)).json()) for _ in range(2))
    assert "IRONLOW" in first and "IRONLOW" not in second


@pytest.mark.parametrize("body", [{}, {"hook": "patient-view"}, {"context": {}}, bare(context={"patientId": 1})])
def test_a_request_that_does_not_conform_is_always_400_r14(ehr: Ehr, body: dict[str, Any]) -> None:
    outcome(ehr.post(VIEW, body), 400)


def test_hooks_of_earlier_and_later_clients_are_served_h02_h03(ehr: Ehr) -> None:
    """1.0 knows fewer members, 3.0 adds some: none of them breaks a call."""
    old = good()
    del old["context"]["encounterId"]
    new = good() | {"hookVersion": "1.1", "extension": {"org.example.more": {"a": [1]}}}
    new["context"] |= {"somethingNew": {"of": "a later version"}}
    for body in (old, new):
        assert card_codes(ehr.post(VIEW, body).json()) == ["IRONLOW"]


def test_failures_of_a_server_are_never_a_200_without_cards_s06(tmp_path: Path) -> None:
    failed = answer({"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]})
    with fault_server(failed) as server, read_from(tmp_path, server) as ehr:
        outcome(ehr.post(VIEW, bare(fhirServer=server.base)), 412)


@pytest.mark.parametrize("encounter", [True, False])
def test_prefetch_alone_is_enough_f01_p16(ehr: Ehr, encounter: bool) -> None:
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))})
    body["context"] |= {"encounterId": "e1"} if encounter else {}
    assert "IRONLOW" in card_codes(ehr.post(VIEW, body).json())


def test_older_servers_are_asked_by_their_own_names_r18(tmp_path: Path) -> None:
    expected = {"STU3": ("MedicationRequest", "ProcedureRequest"), "DSTU2": ("DiagnosticOrder", "MedicationOrder")}
    for version, names in expected.items():
        with fault_server(low_ferritin) as server, read_from(tmp_path, server, fhir_version=version) as ehr:
            assert "IRONLOW" in card_codes(ehr.post(VIEW, bare(fhirServer=server.base)).json())
            rest = {"Condition", "Observation", "Patient/p1", "Procedure"}
            assert sorted(set(server.paths()) - rest) == list(names)


def test_drafts_are_judged_over_http_r01(ehr: Ehr) -> None:
    found = ehr.post(SIGN, good("order-sign", "haemochromatosis-after-phlebotomy")).json()
    assert card_codes(found)[0] == "OSIRONOVL"


@pytest.mark.parametrize("without", [0, 1])
def test_two_drafts_of_which_one_has_no_directions_share_a_card_r19(ehr: Ehr, without: int) -> None:
    """Found by generated calls: the dose of the one was to stand beside a dose that the other had not."""
    body = good("order-sign", "haemochromatosis-after-phlebotomy", drafts=["vitamin-c-500-once-daily"] * 2)
    first, second = (entry["resource"] for entry in body["context"]["draftOrders"]["entry"])
    first["id"], second["id"] = "d1", "d2"
    del (first, second)[without]["dosageInstruction"]
    found = ehr.post(SIGN, body).json()
    assert card_codes(found) == ["OSVITC"] and "Dose: 500 mg" in found["cards"][0]["detail"]
