"""Calls of a registered EHR whose FHIR server is read: protocol R-xx, A-xx, F-xx, V-03, H-02, H-03."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders.service import FIRST_READS, bare, bundle, card_codes, ferritin, good, prefetch, rls
from tests.fakes.fault_server import FaultServer, Line, answer, empty, fault_server
from tests.protocol.ehr import CLIENT, SIGN, VIEW, Ehr, hospital_settings, outcome, served


@contextmanager
def read_from(folder: Path, server: FaultServer, **changes: Any) -> Iterator[Ehr]:
    """Serve the service with a client whose FHIR server is `server`."""
    given = {"allow_http": True, "allowed_networks": ("127.0.0.0/8",), **changes}
    client = replace(CLIENT, fhir_base=server.base, **given)
    with served(hospital_settings(folder, clients=(client,))) as ehr:
        ehr.client = client
        yield ehr


def low_ferritin(line: Line) -> None:
    """Answer with a record of restless legs syndrome and a low ferritin."""
    kind = line.asked.path.removeprefix("/fhir/").partition("?")[0]
    found = {"Condition": [rls()], "Observation": [ferritin(20)]}.get(kind)
    answer(bundle(*found))(line) if found else empty(line)


@pytest.mark.row("A-01", "A-02", "A-09", "F-02")
def test_with_server_and_token_the_record_is_read(tmp_path: Path) -> None:
    with fault_server(low_ferritin) as server, read_from(tmp_path, server) as ehr:
        body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "opaque", "expires_in": 300})
        assert "IRONLOW" in card_codes(ehr.post(VIEW, body).json())
        assert server.paths() == [*FIRST_READS]
        for asked in server.asked:
            assert asked.headers["authorization"] == "Bearer opaque"
            assert asked.headers["accept"].split(",")[0] == "application/fhir+json"


@pytest.mark.row("A-02")
def test_tokens_of_concurrent_calls_are_never_mixed(tmp_path: Path) -> None:
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


@pytest.mark.row("R-07")
def test_plain_http_is_not_read_in_production(tmp_path: Path) -> None:
    """A URL other than the configured one counts as absent, and a configured one must be https."""
    with fault_server(empty) as server, served(hospital_settings(tmp_path)) as ehr:
        outcome(ehr.post(VIEW, bare(fhirServer=server.base)), 412)
        assert server.connections == 0


@pytest.mark.row("V-03")
def test_data_is_fresh_at_every_call(tmp_path: Path) -> None:
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


@pytest.mark.row("R-14")
@pytest.mark.parametrize("body", [{}, {"hook": "patient-view"}, {"context": {}}, bare(context={"patientId": 1})])
def test_a_nonconforming_request_is_always_400(ehr: Ehr, body: dict[str, Any]) -> None:
    outcome(ehr.post(VIEW, body), 400)


@pytest.mark.row("H-02", "H-03")
def test_hooks_of_earlier_and_later_clients_are_served(ehr: Ehr) -> None:
    """Version 1.0 has fewer members and 3.0 adds some; neither breaks a call."""
    old = good()
    del old["context"]["encounterId"]
    new = good() | {"hookVersion": "1.1", "extension": {"org.example.more": {"a": [1]}}}
    new["context"] |= {"somethingNew": {"of": "a later version"}}
    for body in (old, new):
        assert card_codes(ehr.post(VIEW, body).json()) == ["IRONLOW"]


@pytest.mark.row("S-06")
def test_failures_of_a_server_are_never_a_200_without_cards(tmp_path: Path) -> None:
    failed = answer({"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]})
    with fault_server(failed) as server, read_from(tmp_path, server) as ehr:
        outcome(ehr.post(VIEW, bare(fhirServer=server.base)), 412)


@pytest.mark.row("F-01", "P-16")
@pytest.mark.parametrize("encounter", [True, False])
def test_prefetch_alone_is_enough(ehr: Ehr, encounter: bool) -> None:
    body = bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))})
    body["context"] |= {"encounterId": "e1"} if encounter else {}
    assert "IRONLOW" in card_codes(ehr.post(VIEW, body).json())


@pytest.mark.row("R-18")
def test_older_servers_are_read_by_their_own_resource_types(tmp_path: Path) -> None:
    expected = {"STU3": ("MedicationRequest", "ProcedureRequest"), "DSTU2": ("DiagnosticOrder", "MedicationOrder")}
    for version, names in expected.items():
        with fault_server(low_ferritin) as server, read_from(tmp_path, server, fhir_version=version) as ehr:
            assert "IRONLOW" in card_codes(ehr.post(VIEW, bare(fhirServer=server.base)).json())
            older = set(FIRST_READS) - {"MedicationRequest", "ServiceRequest"}
            assert sorted(set(server.paths()) - older) == list(names)


@pytest.mark.row("R-01")
def test_drafts_are_judged_over_http(ehr: Ehr) -> None:
    found = ehr.post(SIGN, good("order-sign", "haemochromatosis-after-phlebotomy")).json()
    assert card_codes(found)[0] == "OSIRONOVL"


@pytest.mark.row("R-19")
@pytest.mark.parametrize("without", [0, 1])
def test_two_drafts_of_which_one_has_no_directions_share_a_card(ehr: Ehr, without: int) -> None:
    """Found by generated calls: one draft has a dose that the other lacks."""
    body = good("order-sign", "haemochromatosis-after-phlebotomy", drafts=["vitamin-c-500-once-daily"] * 2)
    first, second = (entry["resource"] for entry in body["context"]["draftOrders"]["entry"])
    first["id"], second["id"] = "d1", "d2"
    del (first, second)[without]["dosageInstruction"]
    found = ehr.post(SIGN, body).json()
    assert card_codes(found) == ["OSVITC"] and "Dose: 500 mg" in found["cards"][0]["detail"]
