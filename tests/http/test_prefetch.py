"""What counts as known, key by key: rows F-xx of the CDS Hooks checklist and product.md section 5."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from cds_service.clients.profiles import open_client
from tests.http.build import (
    SIGN,
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    good,
    is_outcome,
    is_response,
    prefetch,
    rls,
    settings,
)
from tests.http.fault_server import FaultServer, answer, empty, fault_server, page, status

ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
FATAL = {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}
NOTE = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}


def known(**changes: Any) -> dict[str, Any]:
    """Restless legs syndrome and one low ferritin, but for what is changed; `...` leaves a key out."""
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))} | changes
    return {key: value for key, value in sent.items() if value is not ...}


def ask(app: Flask, sent: dict[str, Any], server: FaultServer, path: str = VIEW, **members: Any) -> Any:
    body = bare(prefetch=sent, fhirServer=server.base, **members)
    return app.test_client().post(path, json=body)


def test_nothing_is_read_when_everything_is_known_f01_f03_f04_e06(app: Flask) -> None:
    nothing = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    with fault_server(status(500)) as server:
        found = is_response(ask(app, known(), server))
        none = is_response(ask(app, known(labs=None, medications=nothing, orders=nothing), server))
        assert server.connections == 0
    assert "IRONLOW" in card_codes(found)
    assert card_codes(none) == ["IRONTEST"]


@pytest.mark.parametrize("key", ["conditions", "labs", "medications", "procedures", "orders", "patient"])
def test_only_the_missing_key_is_read_f01_f02(app: Flask, key: str) -> None:
    sent = known()
    sent.pop(key)
    kinds = {"conditions": "Condition", "labs": "Observation", "medications": "MedicationRequest"}
    kinds |= {"procedures": "Procedure", "orders": "ServiceRequest", "patient": "Patient/p1"}
    with fault_server(empty) as server:
        is_response(ask(app, sent, server))
        assert server.paths() == [kinds[key]]


@pytest.mark.parametrize("value", [ERROR, FATAL, {**bundle(ERROR)}, {**bundle(ferritin(20), FATAL)}])
def test_a_failed_look_is_not_repeated_f05(app: Flask, value: Any) -> None:
    with fault_server(empty) as server:
        [issue] = is_outcome(ask(app, known(labs=value), server), 412)
        assert server.connections == 0
    assert issue["diagnostics"] == "Missing prefetch keys: labs"


def test_a_note_is_no_failure_f05(app: Flask) -> None:
    with fault_server(status(500)) as server:
        found = is_response(ask(app, known(labs=bundle(NOTE, ferritin(20))), server))
        assert server.connections == 0
    assert "IRONLOW" in card_codes(found)


@pytest.mark.parametrize(
    "value",
    [
        "123",
        "<html></html>",
        7,
        [],
        [{"resourceType": "Bundle"}],
        {},
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Bundle", "entry": "x"},
        bundle({"resourceType": "Patient", "id": "p1"}),
        bundle(ferritin(8, "other")),
        bundle(ferritin(8, "other"), ferritin(9, "another")),
    ],
)
def test_a_wrong_shape_type_or_patient_is_as_if_missing_f09_f10_f11(app: Flask, value: Any) -> None:
    with fault_server(answer(bundle(ferritin(20)))) as server:
        found = is_response(ask(app, known(labs=value), server))
        assert server.paths() == ["Observation"]
    assert "IRONLOW" in card_codes(found)


def test_one_stranger_among_many_is_left_out_f11(app: Flask) -> None:
    reports: list[Any] = []
    with fault_server(status(500)) as server, application(observers=[reports.append]) as watched:
        found = is_response(ask(watched, known(labs=bundle(ferritin(8, "other"), ferritin(20))), server))
    assert "8 ng/mL" not in str(found) and "IRONLOW" in card_codes(found)
    assert reports[-1]["discarded"] == 1


@pytest.mark.parametrize(
    "value", [{"resourceType": "Patient", "id": "other"}, bundle({"resourceType": "Patient", "id": "x"})]
)
def test_somebody_elses_patient_record_is_read_again_f11(app: Flask, value: Any) -> None:
    with fault_server(answer({"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"})) as server:
        is_response(ask(app, known(patient=value), server))
        assert server.paths() == ["Patient/p1"]


def test_reads_and_searches_may_arrive_in_each_others_shape_f08(app: Flask) -> None:
    sent = known(patient=bundle(prefetch()["patient"]), conditions=rls(), labs=ferritin(20))
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, sent, server)))
        assert server.connections == 0


def test_the_old_wrapper_is_unwrapped_f09(app: Flask) -> None:
    wrapped = {"response": {"status": "200 OK"}, "resource": bundle(ferritin(20))}
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, known(labs=wrapped), server)))


def test_extra_keys_are_ignored_f12(app: Flask) -> None:
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, known(user="x", nothing=None), server)))
        assert server.connections == 0


def test_a_null_patient_is_412_without_a_read(app: Flask) -> None:
    with fault_server(empty) as server:
        is_outcome(ask(app, known(patient=None), server), 412)
        assert server.connections == 0


def test_the_next_page_is_followed_with_the_token_f06(app: Flask) -> None:
    """The old result came with the call, the new one is on the second page."""
    with fault_server(answer(bundle(ferritin(20, name="new")))) as server:
        first = page(f"{server.base}/Observation?page=2") | {"entry": [{"resource": ferritin(120, on="2025-01-01")}]}
        token = {"access_token": "opaque", "expires_in": 300}
        found = is_response(ask(app, known(labs=first), server, fhirAuthorization=token))
        assert server.paths() == ["Observation"]
        assert server.asked[0].headers["authorization"] == "Bearer opaque"
    assert "IRONLOW" in card_codes(found)
    assert "list was cut" not in str(found)


def test_a_cut_list_with_a_fresh_ferritin_is_used_and_said_to_be_cut(app: Flask) -> None:
    with fault_server(status(404)) as server:
        first = page(f"{server.base}/Observation?page=2") | {"entry": [{"resource": ferritin(20)}]}
        found = is_response(ask(app, known(labs=first), server))
    assert "IRONLOW" in card_codes(found)
    assert not any("suggestions" in card for card in found["cards"])


def test_no_ferritin_may_be_concluded_from_a_cut_list(app: Flask) -> None:
    with fault_server(status(404)) as server:
        first = page(f"{server.base}/Observation?page=2")
        is_outcome(ask(app, known(labs=first), server), 412)


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.example/fhir/Observation?page=2",
        "{address}/Observation?page=2",
        "{base}evil/Observation?page=2",
        "{base}@evil.example/x",
        "{base}/../admin?page=2",
        "{base}/%2e%2E/admin?page=2",
        "{base}/Observation?page=2#x",
        "{base}\\@evil.example/",
        "{base}/Observation?page=2\r\nX-A: b",
        "{base}/Observation?a=\u2028",
        "//evil.example/Observation?page=2",
        "ftp://evil.example/",
        "Observation/../../admin",
        "",
    ],
)
def test_a_next_link_leads_nowhere_else_f07_ssrf6(app: Flask, link: str) -> None:
    with fault_server(status(500)) as server:
        first = page(None, kind="Observation") | {"entry": [{"resource": ferritin(20)}]}
        first["link"] = [{"relation": "next", "url": link.format(base=server.base, address=server.address)}]
        found = is_response(ask(app, known(labs=first), server, fhirAuthorization={"access_token": "t"}))
        assert server.connections == 0
    assert "IRONLOW" in card_codes(found)


@pytest.mark.parametrize(
    "link", ["{base}/Observation?sessionID=1", "{base}?_getpages=1", "Observation?sessionID=1", "?p=2"]
)
def test_forms_of_next_links_that_vendors_use(app: Flask, link: str) -> None:
    with fault_server(answer(bundle(ferritin(20)))) as server:
        first = page(link.format(base=server.base))
        assert "IRONLOW" in card_codes(is_response(ask(app, known(labs=first), server)))
        assert server.connections == 1


def test_duplicates_count_once_f13(app: Flask) -> None:
    with fault_server(status(500)) as server:
        once = is_response(ask(app, known(labs=bundle(ferritin(20))), server))
        twice = is_response(ask(app, known(labs=bundle(ferritin(20), ferritin(20))), server))
    assert card_codes(once) == card_codes(twice)


def test_a_secondary_list_that_cannot_be_read_takes_the_suggestions_away(app: Flask) -> None:
    sent = known(labs=None, medications=...)
    with fault_server(status(403)) as server:
        found = is_response(ask(app, sent, server))
    assert card_codes(found) == ["IRONTEST"]
    assert "suggestions" not in found["cards"][0]


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["patient", "conditions", "labs"], "patient, conditions"),
        (["conditions"], "conditions"),
        (["labs"], "labs"),
        (["labs", "medications"], "labs"),
    ],
)
def test_412_names_the_keys_e01_e05(app: Flask, missing: list[str], named: str) -> None:
    body = bare(prefetch={key: value for key, value in known().items() if key not in missing})
    [issue] = is_outcome(app.test_client().post(VIEW, json=body), 412)
    assert issue["code"] == "required"
    assert issue["diagnostics"] == f"Missing prefetch keys: {named}"


def test_out_of_scope_needs_no_results(app: Flask) -> None:
    """Deceased, newborn or without restless legs syndrome: 200 and no card, whether or not labs could be read."""
    people = [{"deceasedBoolean": True}, {"birthDate": "2026-06-20"}]
    for person in people:
        sent = known(patient=prefetch()["patient"] | person, labs=...)
        assert is_response(app.test_client().post(VIEW, json=bare(prefetch=sent))) == {"cards": []}
    sent = known(conditions=None, labs=...)
    assert is_response(app.test_client().post(VIEW, json=bare(prefetch=sent))) == {"cards": []}


def test_a_client_may_have_a_card_instead_of_412() -> None:
    with application(settings(profile=open_client("sandbox"))) as app:
        found = is_response(app.test_client().post(VIEW, json=bare(prefetch=known(labs=...))))
    assert card_codes(found) == ["NOTEVALUATED"]


@pytest.mark.parametrize("key", ["labs"])
def test_a_stop_that_needs_no_labs_is_shown_beside_one_not_evaluated_card(app: Flask, key: str) -> None:
    body = good("order-sign", "haemochromatosis-after-phlebotomy")
    del body["prefetch"][key], body["fhirServer"]
    assert card_codes(is_response(app.test_client().post(SIGN, json=body))) == ["OSIRONOVL", "NOTEVALUATED"]


def of_another(resource: dict[str, Any]) -> dict[str, Any]:
    return resource | {"subject": {"reference": "Patient/p2"}}


def test_a_read_that_answers_wholly_about_another_patient_is_not_read_tok2(app: Flask) -> None:
    """Never an empty list: nothing is concluded from it, and the foreign resources are counted."""
    behaviours = {
        "Observation": answer(bundle(of_another(ferritin(20)))),
        "Condition": answer(bundle(of_another(rls()))),
    }
    with fault_server(empty, behaviours) as server:
        [labs] = is_outcome(ask(app, known(labs=...), server), 412)
        [conditions] = is_outcome(ask(app, known(conditions=...), server), 412)
    assert labs["diagnostics"] == "Missing prefetch keys: labs"
    assert conditions["diagnostics"] == "Missing prefetch keys: conditions"


def test_a_read_that_answers_null_is_not_read(app: Flask) -> None:
    """`null` means none in a prefetch alone (F-03); from a server it is no FHIR."""
    with fault_server(empty, {"Observation": answer(None)}) as server:
        [issue] = is_outcome(ask(app, known(labs=...), server), 412)
    assert issue["diagnostics"] == "Missing prefetch keys: labs"
