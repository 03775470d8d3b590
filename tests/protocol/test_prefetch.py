"""What counts as known, key by key: protocol F-xx and contract section 5."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from cards.reading.resource_types import LIST_TYPES
from tests.builders.deadlines import unhurried
from tests.builders.service import (
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
    missing_keys,
    prefetch,
    reporting,
    rls,
    settings,
)
from tests.fakes.fault_server import FaultServer, answer, empty, fault_server, page, status

ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
FATAL = {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]}
NOTE = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}


def known(**changes: Any) -> dict[str, Any]:
    """Return a prefetch with restless legs syndrome and a low ferritin, with changes; `...` omits a key."""
    sent = prefetch() | {"conditions": bundle(rls()), "labs": bundle(ferritin(20))} | changes
    return {key: value for key, value in sent.items() if value is not ...}


def ask(app: Flask, sent: dict[str, Any], server: FaultServer, path: str = VIEW, **members: Any) -> Any:
    body = bare(prefetch=sent, fhirServer=server.base, **members)
    return app.test_client().post(path, json=body)


@pytest.mark.row("F-01", "F-03", "F-04", "E-06")
def test_nothing_is_read_when_everything_is_known(app: Flask) -> None:
    nothing = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    with fault_server(status(500)) as server:
        found = is_response(ask(app, known(), server))
        none = is_response(ask(app, known(labs=None, medications=nothing, orders=nothing), server))
        assert server.connections == 0
    assert "IRONLOW" in card_codes(found)
    assert card_codes(none) == ["IRONTEST"]


@pytest.mark.row("F-01", "F-02")
@pytest.mark.parametrize("key", ["conditions", "labs", "medications", "procedures", "orders", "patient"])
def test_only_the_missing_key_is_read(app: Flask, key: str) -> None:
    sent = known()
    sent.pop(key)
    kinds = {"conditions": "Condition", "labs": "Observation", "medications": "MedicationRequest"}
    kinds |= {"procedures": "Procedure", "orders": "ServiceRequest", "patient": "Patient/p1"}
    beside = ["MedicationAdministration", "MedicationDispense", "MedicationStatement"] if key == "medications" else []
    with fault_server(empty) as server:
        is_response(ask(app, sent, server))
        assert server.paths() == sorted([kinds[key], *beside])


@pytest.mark.row("F-05")
@pytest.mark.parametrize("value", [ERROR, FATAL, {**bundle(ERROR)}, {**bundle(ferritin(20), FATAL)}])
def test_a_failed_prefetch_is_not_read_again(app: Flask, value: Any) -> None:
    with fault_server(empty) as server:
        [issue] = is_outcome(ask(app, known(labs=value), server), 412)
        assert server.connections == 0
    assert missing_keys(issue) == "labs"


@pytest.mark.row("F-05")
def test_an_informational_outcome_is_no_failure(app: Flask) -> None:
    with fault_server(status(500)) as server:
        found = is_response(ask(app, known(labs=bundle(NOTE, ferritin(20))), server))
        assert server.connections == 0
    assert "IRONLOW" in card_codes(found)


@pytest.mark.row("F-09", "F-10", "F-11")
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
def test_a_wrong_shape_type_or_patient_counts_as_missing(app: Flask, value: Any) -> None:
    with fault_server(answer(bundle(ferritin(20)))) as server:
        found = is_response(ask(app, known(labs=value), server))
        assert server.paths() == ["Observation"]
    assert "IRONLOW" in card_codes(found)


@pytest.mark.row("F-11")
def test_a_resource_of_another_patient_is_left_out(app: Flask) -> None:
    reports: list[Any] = []
    with (
        fault_server(status(500)) as server,
        application(**reporting(reports)) as watched,
    ):
        found = is_response(ask(watched, known(labs=bundle(ferritin(8, "other"), ferritin(20))), server))
    assert "8 ng/mL" not in str(found) and "IRONLOW" in card_codes(found)
    assert reports[-1]["discarded"] == 1


@pytest.mark.row("F-11")
def test_a_draft_for_another_patient_is_left_out_and_counted() -> None:
    reports: list[Any] = []
    order = {
        "resourceType": "MedicationRequest",
        "id": "first",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/other"},
        "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
    }
    with application(**reporting(reports)) as watched:
        body = bare(prefetch=known(), hook="order-sign")
        body["context"]["draftOrders"] = bundle(order, order | {"id": "second"})
        found = watched.test_client().post(SIGN, json=body)
    assert found.get_json() == {"cards": []}
    assert reports[-1]["discarded"] == 2


@pytest.mark.row("F-11")
@pytest.mark.parametrize(
    "value", [{"resourceType": "Patient", "id": "other"}, bundle({"resourceType": "Patient", "id": "x"})]
)
def test_the_patient_record_of_another_patient_is_read_again(app: Flask, value: Any) -> None:
    with fault_server(answer({"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"})) as server:
        is_response(ask(app, known(patient=value), server))
        assert server.paths() == ["Patient/p1"]


@pytest.mark.row("F-08")
def test_reads_and_searches_may_arrive_in_each_others_shape(app: Flask) -> None:
    sent = known(patient=bundle(prefetch()["patient"]), conditions=rls(), labs=ferritin(20))
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, sent, server)))
        assert server.connections == 0


@pytest.mark.row("F-09")
def test_the_old_wrapper_is_unwrapped(app: Flask) -> None:
    wrapped = {"response": {"status": "200 OK"}, "resource": bundle(ferritin(20))}
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, known(labs=wrapped), server)))


@pytest.mark.row("F-12")
def test_extra_keys_are_ignored(app: Flask) -> None:
    with fault_server(status(500)) as server:
        assert "IRONLOW" in card_codes(is_response(ask(app, known(user="x", nothing=None), server)))
        assert server.connections == 0


def test_a_null_patient_is_412_without_a_read(app: Flask) -> None:
    with fault_server(empty) as server:
        is_outcome(ask(app, known(patient=None), server), 412)
        assert server.connections == 0


@pytest.mark.row("F-06")
def test_the_next_page_is_followed_with_the_token(app: Flask) -> None:
    """The old result came with the call, the recent one is on the second page."""
    with fault_server(answer(bundle(ferritin(20, name="new")))) as server:
        first = page(f"{server.base}/Observation?page=2") | {"entry": [{"resource": ferritin(120, on="2025-01-01")}]}
        token = {"access_token": "opaque", "expires_in": 300}
        found = is_response(ask(app, known(labs=first), server, fhirAuthorization=token))
        assert any(asked.path == "/fhir/Observation?page=2" for asked in server.asked)
        assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer opaque"}
    assert "IRONLOW" in card_codes(found)
    assert "list was cut" not in str(found)


def test_a_cut_list_with_a_recent_ferritin_is_used_and_named_as_cut(app: Flask) -> None:
    with fault_server(status(404)) as server:
        first = page(f"{server.base}/Observation?page=2") | {"entry": [{"resource": ferritin(20)}]}
        found = is_response(ask(app, known(labs=first), server))
    assert "IRONLOW" in card_codes(found)
    assert not any("suggestions" in card for card in found["cards"])


def test_a_cut_list_never_means_that_there_is_no_ferritin(app: Flask) -> None:
    with fault_server(status(404)) as server:
        first = page(f"{server.base}/Observation?page=2")
        [issue] = is_outcome(ask(app, known(labs=first), server), 412)
    assert issue["diagnostics"].endswith("labs: 0 read, the rest: the read failed with status 404")


@pytest.mark.row("F-07")
@pytest.mark.control("SSRF-6")
@pytest.mark.parametrize(
    "link",
    [
        "http://evil.example/other/Observation?page=2",
        "http://evil.example?page=2",
        "{address}/Observation?page=2",
        "{base}evil/Observation?page=2",
        "{base}@evil.example/x",
        "{base}/../admin?page=2",
        "{base}/%2e%2E/admin?page=2",
        "{base}/%252e%252E/admin?page=2",
        "{base}/..;/admin?page=2",
        "{base}/..%2fadmin?page=2",
        "{base}/Observation%5C..%5Cadmin?page=2",
        "{base}/Observation?page=2#x",
        "{base}\\@evil.example/",
        "{base}/Observation?page=2\r\nX-A: b",
        "{base}/Observation?page=2%0D%0AX-A: b",
        "{base}/Observation?a=\u2028",
        "//evil.example/Observation?page=2",
        "evil.example/fhir/Observation?page=2",
        "ftp://evil.example/fhir/Observation?page=2",
        "javascript:alert(1)",
        "urn:uuid:0",
        "Observation/../../admin",
        "{base}",
        "{base}/",
        "/",
        "",
    ],
)
def test_a_next_link_to_another_server_is_not_followed(link: str) -> None:
    """The permitted server only gets the narrow question for the cut list."""
    reports: list[Any] = []
    with (
        fault_server(status(500)) as server,
        application(**reporting(reports)) as app,
    ):
        first = page(None, kind="Observation") | {"entry": [{"resource": ferritin(20)}]}
        first["link"] = [{"relation": "next", "url": link.format(base=server.base, address=server.address)}]
        found = is_response(ask(app, known(labs=first), server, fhirAuthorization={"access_token": "t"}))
        assert [asked.path.partition("&code=2276-4,")[0] for asked in server.asked] == ["/fhir/Observation?patient=p1"]
    assert "IRONLOW" in card_codes(found)
    assert reports[-1]["gaps"]["labs"] == "1 read, the next page leads elsewhere"


#: The `next` link of a page, the `self` link beside it, and the path at which the page is read below the base.
FOLLOWED = [
    ("{base}/Observation?sessionID=1", None, "/Observation?sessionID=1"),
    ("{base}?_getpages=1", None, "?_getpages=1"),
    ("{base}/?_getpages=1", None, "/?_getpages=1"),
    ("Observation?sessionID=1", None, "/Observation?sessionID=1"),
    ("Observation/_search?page=2", None, "/Observation/_search?page=2"),
    ("?p=2", None, "/Observation?p=2"),
    ("/fhir/Observation?page=2", None, "/Observation?page=2"),
    ("//other.example/fhir/Observation?page=2", None, "/Observation?page=2"),
    ("https://{host}/fhir/Observation?page=2", None, "/Observation?page=2"),
    ("http://evil.example/fhir/Observation?page=2", None, "/Observation?page=2"),
    ("HTTPS://user:secret@evil.example:1/fhir/Observation?page=2", None, "/Observation?page=2"),
    ("http://internal:8080/fhir?_getpages=1&_count=20", None, "?_getpages=1&_count=20"),
    ("http://10.0.0.5/hapi/r4?_getpages=1", "http://10.0.0.5/hapi/r4/Observation?patient=p1", "?_getpages=1"),
    ("/hapi/r4?_getpages=1", "/hapi/r4/Observation?patient=p1", "?_getpages=1"),
    ("http://10.0.0.5?_getpages=1", "http://10.0.0.5/Observation", "?_getpages=1"),
    ("http://10.0.0.5/r4/Observation?p=2", "http://10.0.0.5/r4/Patient/p1/Observation", "/Observation?p=2"),
    (
        "http://10.0.0.5/r4/Observation/_search?p=2",
        "http://10.0.0.5/r4/Observation/_search",
        "/Observation/_search?p=2",
    ),
    ("{base}/Observation?p=2", "http://10.0.0.5/Observation", "/Observation?p=2"),
    ('{base}/Observation?x=a b&t={{"t":1}}&n=é|%zz', None, "/Observation?x=a%20b&t=%7B%22t%22:1%7D&n=%C3%A9%7C%25zz"),
    ("{base}/Observation?cursor=a%20b%252F%5C", None, "/Observation?cursor=a%20b%252F%5C"),
]


@pytest.mark.row("F-06")
@pytest.mark.control("SSRF-6")
@pytest.mark.parametrize(("link", "own", "asked"), FOLLOWED)
def test_forms_of_next_links_that_vendors_use(app: Flask, link: str, own: str | None, asked: str) -> None:
    """Only path and query are used, on the configured base; the `self` link shows the server's own base path."""
    with fault_server(answer(bundle(ferritin(20)))) as server:
        first = page(link.format(base=server.base, host=server.address.removeprefix("http://")))
        first["link"] += [{"relation": "self", "url": own}] if own else []
        assert "IRONLOW" in card_codes(is_response(ask(app, known(labs=first), server)))
        paths = [each.path for each in server.asked if "code=2276-4" not in each.path]
        assert paths == [f"/fhir{asked}"]


@pytest.mark.row("F-13")
def test_duplicates_count_once(app: Flask) -> None:
    with fault_server(status(500)) as server:
        once = is_response(ask(app, known(labs=bundle(ferritin(20))), server))
        twice = is_response(ask(app, known(labs=bundle(ferritin(20), ferritin(20))), server))
    assert card_codes(once) == card_codes(twice)


def test_an_unreadable_secondary_list_removes_the_suggestions(app: Flask) -> None:
    sent = known(labs=None, medications=...)
    with fault_server(status(403)) as server:
        found = is_response(ask(app, sent, server))
    assert card_codes(found) == ["IRONTEST"]
    assert "suggestions" not in found["cards"][0]


@pytest.mark.row("E-01", "E-05")
@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["patient", "conditions", "labs"], "patient, conditions"),
        (["conditions"], "conditions"),
        (["labs"], "labs"),
        (["labs", "medications"], "labs"),
    ],
)
def test_412_names_the_keys(app: Flask, missing: list[str], named: str) -> None:
    body = bare(prefetch={key: value for key, value in known().items() if key not in missing})
    [issue] = is_outcome(app.test_client().post(VIEW, json=body), 412)
    assert issue["code"] == "required"
    assert missing_keys(issue) == named


FAILED_READ = "the read failed with status 403"
STRANGER = rls("p2")


@pytest.mark.row("E-01")
@pytest.mark.parametrize(
    ("value", "own", "read"),
    [
        (..., "not sent", FAILED_READ),
        ("<html>", "sent in a shape that is not FHIR", FAILED_READ),
        (ferritin(8), "sent in a shape that is not FHIR", FAILED_READ),
        (bundle(ferritin(8)), "sent in a shape that is not FHIR", FAILED_READ),
        (bundle(STRANGER), "about another patient", FAILED_READ),
        (ERROR, "the record system could not look it up", None),
        (bundle(ERROR), "the record system could not look it up", None),
    ],
)
def test_a_412_and_its_log_line_name_the_cause(value: Any, own: str, read: str | None) -> None:
    """Each key has the cause from the request, or if a server may be read, why the read failed."""
    reports: list[Any] = []
    sent = known(conditions=value)
    with (
        application(**reporting(reports)) as app,
        fault_server(status(403)) as server,
    ):
        alone = app.test_client().post(VIEW, json=bare(prefetch=sent))
        elsewhere = app.test_client().post(VIEW, json=bare(prefetch=sent, fhirServer="https://ehr.example/fhir"))
        expired = {"access_token": "t", "expires_in": 0}
        unusable = ask(app, sent, server, fhirAuthorization=expired)
        assert server.connections == 0
        tried = ask(app, sent, server)
    forbidden, token = "the record server may not be read", "the access token could not be used"
    expected = [own, forbidden if value is ... else own, token if value is ... else own, read or own]
    for answered, cause, report in zip((alone, elsewhere, unusable, tried), expected, reports, strict=True):
        [issue] = is_outcome(answered, 412)
        assert issue["diagnostics"] == f"Missing prefetch keys: conditions; conditions: {cause}"
        assert report["gaps"] == {"conditions": cause}


@pytest.mark.row("E-01")
def test_a_412_names_each_key_with_its_own_cause() -> None:
    """The counts of a cut list are named; nothing of its content is."""
    reports: list[Any] = []
    first = page("http://elsewhere.example/secret", *(f"secret{n}" for n in range(20)), kind="Condition") | {
        "total": 66
    }
    sent = known(patient={"resourceType": "Patient", "id": "secret"}, conditions=first, medications="secret")
    with application(**reporting(reports)) as app:
        [issue] = is_outcome(app.test_client().post(VIEW, json=bare(prefetch=sent)), 412)
    assert issue["diagnostics"].endswith("; patient: about another patient")
    assert reports[-1]["gaps"] == {
        "patient": "about another patient",
        "conditions": "20 of 66 read",
        "medications": "sent in a shape that is not FHIR",
    }


def test_a_call_with_nothing_missing_has_no_causes_to_log() -> None:
    reports: list[Any] = []
    with application(**reporting(reports)) as app:
        is_response(app.test_client().post(VIEW, json=bare(prefetch=known())))
    assert reports[-1]["gaps"] == {}


def test_out_of_scope_needs_no_results(app: Flask) -> None:
    """Patients who are deceased, newborn or without RLS get 200 and no card, even if labs cannot be read."""
    people = [{"deceasedBoolean": True}, {"birthDate": "2026-06-20"}]
    for person in people:
        sent = known(patient=prefetch()["patient"] | person, labs=...)
        assert is_response(app.test_client().post(VIEW, json=bare(prefetch=sent))) == {"cards": []}
    sent = known(conditions=None, labs=...)
    assert is_response(app.test_client().post(VIEW, json=bare(prefetch=sent))) == {"cards": []}


def test_a_client_may_have_a_card_instead_of_412() -> None:
    with application(settings(profile=unhurried("sandbox"))) as app:
        found = is_response(app.test_client().post(VIEW, json=bare(prefetch=known(labs=...))))
    assert card_codes(found) == ["NOTEVALUATED"]


@pytest.mark.parametrize("kind", sorted(LIST_TYPES["medications"].answering))
def test_a_drug_list_of_any_one_type_is_an_answer_and_is_not_asked_for_again(app: Flask, kind: str) -> None:
    record = {"resourceType": kind, "id": "d1", "subject": {"reference": "Patient/p1"}}
    with fault_server(empty) as server:
        is_response(ask(app, known(medications=bundle(record)), server))
        assert "MedicationRequest" not in server.paths()


def test_a_report_alone_is_no_list_of_results(app: Flask) -> None:
    report = {"resourceType": "DiagnosticReport", "id": "r1", "subject": {"reference": "Patient/p1"}}
    with fault_server(empty) as server:
        is_response(ask(app, known(labs=bundle(report)), server))
        assert "Observation" in server.paths()


@pytest.mark.parametrize("key", ["labs"])
def test_a_stop_that_needs_no_labs_is_shown_beside_one_not_evaluated_card(app: Flask, key: str) -> None:
    body = good("order-sign", "haemochromatosis-after-phlebotomy")
    del body["prefetch"][key], body["fhirServer"]
    assert card_codes(is_response(app.test_client().post(SIGN, json=body))) == ["OSIRONOVL", "NOTEVALUATED"]


def of_another(resource: dict[str, Any]) -> dict[str, Any]:
    return resource | {"subject": {"reference": "Patient/p2"}}


@pytest.mark.control("TOK-2")
def test_a_read_that_answers_wholly_about_another_patient_is_not_read(app: Flask) -> None:
    """It is never an empty list: nothing is concluded from it, and the other patient's resources are counted."""
    behaviours = {
        "Observation": answer(bundle(of_another(ferritin(20)))),
        "Condition": answer(bundle(of_another(rls()))),
    }
    with fault_server(empty, behaviours) as server:
        [labs] = is_outcome(ask(app, known(labs=...), server), 412)
        [conditions] = is_outcome(ask(app, known(conditions=...), server), 412)
    assert missing_keys(labs) == "labs"
    assert missing_keys(conditions) == "conditions"


def test_a_read_that_answers_null_is_not_read(app: Flask) -> None:
    """`null` means none only in a prefetch (protocol F-03); from a server it is not FHIR."""
    with fault_server(empty, {"Observation": answer(None)}) as server:
        [issue] = is_outcome(ask(app, known(labs=...), server), 412)
    assert missing_keys(issue) == "labs"
