"""What real clients send at the edges of JSON and of the specification.

Each is answered as the same call without its oddity would be.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from cds_service.server.assembly import now, open_store_of
from cds_service.store import Store
from cds_service.web.json_reader import LONGEST_STRING
from tests.builders.service import (
    NOW,
    SELECT,
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
from tests.fakes.fault_server import Line, fault_server
from tests.protocol.ehr import CLIENT, PUBLIC, Ehr, hospital_settings, served

BOM = b"\xef\xbb\xbf"
LONG = "x" * (LONGEST_STRING + 1)
PHOTO = {"photo": [{"contentType": "image/png", "data": "A" * (780 * 1024 * 4 // 3)}]}
FEEDBACK = f"{VIEW}/feedback"


def saturation() -> dict[str, Any]:
    made = ferritin(24, name="l2")
    made["code"]["coding"][0]["code"] = "2502-3"
    made["valueQuantity"]["code"] = "%"
    return made


def view(**changed: Any) -> dict[str, Any]:
    """Return a call that is answered with IRONLOW, with other prefetch keys or other lists."""
    labs = bundle(ferritin(38), saturation())
    return bare(prefetch=prefetch() | {"conditions": bundle(rls()), "labs": labs} | changed)


def with_note(note: str) -> dict[str, Any]:
    return view(labs=bundle(ferritin(38) | {"note": [{"text": note}]}, saturation()))


def post(http: FlaskClient, raw: bytes, path: str = VIEW) -> list[str]:
    return card_codes(is_response(http.post(path, data=raw, content_type="application/json")))


# ------------------------------------------------------------------ one odd character


@pytest.mark.control("DOS-3", "DOS-4")
@pytest.mark.parametrize("note", ["cut \ud83d", "\ude00 cut", "\ud83d\ud83d\ude00", "\udfff", "\\ud83d \ud83d"])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_cut_character_or_a_byte_order_mark_closes_no_call(http: FlaskClient, note: str, mark: bytes) -> None:
    assert post(http, mark + json.dumps(with_note(note)).encode()) == ["IRONLOW"]


def test_characters_cut_anywhere_in_a_note_close_no_call(http: FlaskClient) -> None:
    choose = random.Random(8)  # noqa: S311 - it makes test data
    signs = ["\ud83d", "\ude00", "\U0001f600", "\\", '"', "u", "d83d", "é", "\n"]
    for _ in range(200):
        note = "".join(choose.choices(signs, k=choose.randrange(1, 12)))
        assert post(http, json.dumps(with_note(note)).encode()) == ["IRONLOW"], note


@pytest.mark.row("R-13")
@pytest.mark.parametrize("raw", [b"", BOM, b"\xff\xfe{}", '{"é": 1}'.encode("latin-1"), b'{"a": "\xed\xa0\xbd"}'])
def test_what_is_no_utf8_is_still_refused(http: FlaskClient, raw: bytes) -> None:
    is_outcome(http.post(VIEW, data=raw, content_type="application/json; charset=ISO-8859-1"), 400)


def by_kind(body: bytes) -> Any:
    """Return a behaviour that answers Observation with these bytes and the rest with a patient with RLS."""

    def answer(line: Line) -> None:
        kind = line.asked.path.removeprefix("/fhir/").partition("?")[0]
        others = {"Condition": bundle(rls()), "Patient/p1": prefetch()["patient"]}
        raw = body if kind == "Observation" else json.dumps(others.get(kind, bundle())).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(raw)}\r\n\r\n"
        line.send(head.encode() + raw)

    return answer


LABS = {
    "a cut character": json.dumps(with_note("cut \ud83d")["prefetch"]["labs"]).encode(),
    "a byte-order mark": BOM + json.dumps(view()["prefetch"]["labs"]).encode(),
    "both": BOM + json.dumps(with_note("\ud83d")["prefetch"]["labs"]).encode(),
}


@pytest.mark.control("DOS-4")
@pytest.mark.parametrize("case", ["a cut character", "a byte-order mark", "both"])
def test_a_server_may_write_the_same_oddities(http: FlaskClient, case: str) -> None:
    with fault_server(by_kind(LABS[case])) as server:
        assert card_codes(is_response(http.post(VIEW, json=bare(fhirServer=server.base)))) == ["IRONLOW"]


def test_a_long_note_of_a_server_is_left_out_too(http: FlaskClient) -> None:
    raw = json.dumps(bundle(ferritin(38) | {"note": [{"text": LONG}]}, saturation())).encode()
    with fault_server(by_kind(raw)) as server:
        assert card_codes(is_response(http.post(VIEW, json=bare(fhirServer=server.base)))) == ["IRONLOW"]


def test_feedback_may_begin_with_a_byte_order_mark(http: FlaskClient) -> None:
    raw = BOM + json.dumps({"feedback": [dismissed()]}).encode()
    answer = http.post(FEEDBACK, data=raw, content_type="application/json")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


# ------------------------------------------------------------------ long strings


@pytest.mark.control("DOS-3")
@pytest.mark.parametrize(
    "changed",
    [
        {"patient": prefetch()["patient"] | PHOTO},
        {"patient": prefetch()["patient"] | {"photo": [{"data": "A" * 4 * LONGEST_STRING}]}},
        {"documents": bundle({"resourceType": "DocumentReference", "content": [{"attachment": {"data": LONG}}]})},
        {"questionnaire": {"resourceType": "Binary", "data": LONG}},
        {"labs": bundle(ferritin(38) | {"text": {"div": LONG}}, saturation())},
        {"conditions": bundle(rls() | {"note": [{"text": LONG}]})},
        {"more": LONG},
    ],
    ids=[
        "a photo",
        "a larger photo",
        "under a key that nobody asked for",
        "a document",
        "a narrative",
        "a note",
        "a text",
    ],
)
def test_a_photo_or_report_closes_no_chart(http: FlaskClient, changed: dict[str, Any]) -> None:
    assert post(http, json.dumps(view(**changed)).encode()) == ["IRONLOW"]


@pytest.mark.control("DOS-3")
def test_any_other_long_string_leaves_its_list_cut(http: FlaskClient) -> None:
    """The ferritin cannot be read, so what is in the list is not all: never a suggestion to test."""
    labs = bundle(ferritin(38) | {"method": {"text": LONG}}, saturation())
    [issue] = is_outcome(http.post(VIEW, json=view(labs=labs)), 412)
    assert issue["diagnostics"] == "Missing prefetch keys: labs; labs: an entry could not be read"


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"item": value}
    return value


@pytest.mark.control("DOS-3")
@pytest.mark.parametrize("levels", [70, 500, 900])
def test_a_value_nested_too_deep_is_a_key_of_wrong_shape(http: FlaskClient, levels: int) -> None:
    form = {"resourceType": "QuestionnaireResponse"} | nested(levels)
    assert post(http, json.dumps(view(forms=form)).encode()) == ["IRONLOW"]
    raw = json.dumps(view(labs=bundle(ferritin(38), form))).encode()
    [issue] = is_outcome(http.post(VIEW, data=raw, content_type="application/json"), 412)
    assert missing_keys(issue) == "labs"


def test_a_context_nested_too_deep_is_refused(http: FlaskClient) -> None:
    body = view()
    body["context"]["more"] = nested(70)
    is_outcome(http.post(VIEW, json=body), 400)


# ------------------------------------------------------------------ members of the envelope


@pytest.mark.row("R-05")
@pytest.mark.parametrize("encounter", [4711, {"reference": "Encounter/1"}, ["e1"], True, 1.5, "", " ", "x" * 999])
def test_any_encounter_is_tolerated(http: FlaskClient, encounter: Any) -> None:
    body = view()
    body["context"]["encounterId"] = encounter
    assert post(http, json.dumps(body).encode()) == ["IRONLOW"]


@pytest.mark.row("R-16")
@pytest.mark.parametrize("named", [4711, "4711", "Patient/4711"])
def test_a_patient_may_be_named_by_a_number(http: FlaskClient, named: Any) -> None:
    lists = {"patient": prefetch("4711")["patient"], "conditions": bundle(rls("4711"))}
    body = view(**lists, labs=bundle(ferritin(38, "4711")))
    body["context"]["patientId"] = named
    assert post(http, json.dumps(body).encode()) == ["IRONLOW"]


@pytest.mark.parametrize("named", [1.5, True, None, [], {}, -1.0, 10**30])
def test_a_patient_is_named_by_nothing_else(http: FlaskClient, named: Any) -> None:
    body = view()
    body["context"]["patientId"] = named
    is_outcome(http.post(VIEW, json=body), 400)


@pytest.mark.row("R-06", "R-08")
@pytest.mark.parametrize(
    "empty",
    [
        {"fhirServer": ""},
        {"fhirServer": None},
        {"fhirServer": "", "fhirAuthorization": {}},
        {"fhirServer": None, "fhirAuthorization": {"access_token": None, "expires_in": None, "scope": None}},
        {"fhirAuthorization": {}},
        {"fhirAuthorization": {"access_token": None}},
        {"fhirServer": "", "fhirAuthorization": {"access_token": "abc"}},
    ],
)
def test_empty_members_are_absent(http: FlaskClient, empty: dict[str, Any]) -> None:
    assert post(http, json.dumps(view() | empty).encode()) == ["IRONLOW"]
    is_outcome(http.post(VIEW, json=bare() | empty), 412)


@pytest.mark.row("R-08")
@pytest.mark.parametrize("given", [{"access_token": 5}, {"expires_in": 300}, {"access_token": None, "scope": "x"}, "x"])
def test_a_token_that_is_half_there_is_refused(http: FlaskClient, given: Any) -> None:
    is_outcome(http.post(VIEW, json=view() | {"fhirServer": "http://127.0.0.1", "fhirAuthorization": given}), 400)


@pytest.mark.row("R-03")
@pytest.mark.parametrize("version", "0123456789abcdefF")
def test_an_instance_of_any_uuid_version_is_taken(http: FlaskClient, version: str) -> None:
    body = view() | {"hookInstance": f"00000000-007b-{version}f33-e810-E841a57c502c"}
    assert post(http, json.dumps(body).encode()) == ["IRONLOW"]


@pytest.mark.parametrize(
    "selections", ["MedicationRequest/d1", ["MedicationRequest/d1"], ["MedicationRequest/d1", None]]
)
def test_a_selection_may_come_without_its_list_or_with_null_in_it(http: FlaskClient, selections: Any) -> None:
    body = good("order-select", "haemochromatosis-after-phlebotomy")
    [entry] = body["context"]["draftOrders"]["entry"]
    entry["resource"]["id"] = "d1"
    body["context"]["selections"] = selections
    assert "OSIRONOVL" in post(http, json.dumps(body).encode(), SELECT)


@pytest.mark.row("F-09")
@pytest.mark.parametrize("labs", [[ferritin(38)], [ferritin(38), saturation()]])
def test_a_bare_list_is_read_and_proves_no_absence(http: FlaskClient, labs: list[Any]) -> None:
    found = is_response(http.post(VIEW, json=view(labs=labs, conditions=[rls()])))
    [card] = found["cards"]
    assert card_codes(found) == ["IRONLOW"]
    assert card["indicator"] == "info", "iron overload is not excluded by a list that may be cut"


@pytest.mark.row("F-09")
def test_a_bare_list_without_a_ferritin_is_no_reason_to_test(http: FlaskClient) -> None:
    answer = http.post(VIEW, json=view(labs=[saturation()]))
    assert answer.status_code == 412 or "IRONTEST" not in card_codes(answer.get_json())


@pytest.mark.row("R-21")
@pytest.mark.parametrize("entry", [..., [], None])
@pytest.mark.parametrize("name", ["entries", "orders", "contained", "resources"])
def test_orders_under_another_name_are_refused(http: FlaskClient, name: str, entry: Any) -> None:
    body = good("order-sign", "haemochromatosis-after-phlebotomy")
    drafts = body["context"]["draftOrders"]
    drafts[name] = drafts.pop("entry")
    if entry is not ...:
        drafts["entry"] = entry
    [issue] = is_outcome(http.post(SIGN, json=body), 400)
    assert issue["expression"] == ["context.draftOrders"]


@pytest.mark.row("R-21")
@pytest.mark.parametrize("more", [{}, {"link": [{"relation": "self", "url": "x"}]}, {"extension": [{}]}, {"total": 0}])
def test_no_order_is_no_card(http: FlaskClient, more: dict[str, Any]) -> None:
    body = good("order-sign", "haemochromatosis-after-phlebotomy")
    body["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection", **more}
    assert post(http, json.dumps(body).encode(), SIGN) == []


@pytest.mark.row("R-14")
@pytest.mark.parametrize("count", [1, 19, 20, 21, 50, 998, 1_500, 100_000])
def test_the_first_twenty_faults_are_named_and_the_rest_counted(http: FlaskClient, count: int) -> None:
    body = good("order-select")
    body["context"]["selections"] = [7] * count
    issues = is_outcome(http.post(SELECT, json=body), 400)
    assert len([each for each in issues if "expression" in each]) == min(count, 20)
    assert [each["expression"] for each in issues[:20]] == [[f"context.selections[{n}]"] for n in range(min(count, 20))]
    rest = [each["details"]["text"] for each in issues[20:]]
    counted = f"{count - 20}" if count < 1_000 else "980 or more"
    assert rest == ([f"{counted} further faults are not named."] if count > 20 else [])


# ------------------------------------------------------------------ the log


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_server_that_is_not_the_clients_is_named_as_the_reason_in_the_log(is_complete: bool) -> None:
    client = replace(CLIENT, fhir_base="https://ehr.example.org/fhir")
    logged: list[dict[str, Any]] = []
    body = (view() if is_complete else bare()) | {"fhirServer": "https://slip.example.org/fhir/Canary"}
    with application(settings(clients=(client,)), authenticate=lambda header, path: client, **reporting(logged)) as app:
        assert app.test_client().post(VIEW, json=body).status_code == (200 if is_complete else 412)
    [line] = logged
    assert line["reason"] == "fhirServer is not that of the client"
    assert "slip" not in str(line) and "Canary" not in str(line)


# ------------------------------------------------------------------ feedback


def dismissed(**members: Any) -> dict[str, Any]:
    entry = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-06-30T14:30:15.250Z"} | members
    return {name: value for name, value in entry.items() if value is not ...}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store_of(hospital_settings(tmp_path))
    try:
        yield opened
    finally:
        opened.close()


def issued(ehr: Ehr) -> str:
    """Return the uuid of a card that was just shown."""
    return str(ehr.post(VIEW, good()).json()["cards"][0]["uuid"])


EPIC = "com.epic.cdshooks.feedback.overrideReason."
REASONS = {
    "a reason as Epic names the member": (
        {
            "overrideReasons": {
                "reason": {"code": "patient-refuses", "system": "http://x", "display": "Patient refuses"},
                "userComment": "free text",
            }
        },
        "patient-refuses (Patient refuses): free text",
    ),
    "a reason in the extension": (
        {
            "overrideReasons": {
                "extension": {f"{EPIC}reasonCategory": "45", f"{EPIC}reasonDisplay": "Does not meet criteria"},
                "userComment": "free text",
            }
        },
        "45 (Does not meet criteria): free text",
    ),
    "a display alone in the extension": (
        {"overrideReasons": {"extension": {f"{EPIC}reasonDisplay": "Does not meet criteria"}}},
        "(Does not meet criteria)",
    ),
    "an empty reason": ({"overrideReason": {}}, "none given"),
    "a reason of null": ({"overrideReason": {"reason": None, "userComment": ""}}, "none given"),
    "an offset as Java writes it": ({"outcomeTimestamp": "2026-06-30T14:30:15.000+0000"}, "none given"),
    "a time without an offset": ({"outcomeTimestamp": "2026-06-30T14:30:15"}, "none given"),
    "a leap second": ({"outcomeTimestamp": "2026-06-30T14:59:60Z"}, "none given"),
    "a time ahead of the clock": ({"outcomeTimestamp": "2026-06-30T15:06:00Z"}, "none given"),
    "a code that is a number": ({"overrideReason": {"reason": {"code": 45}}}, "45"),
    "a long comment": ({"overrideReason": {"userComment": "x" * 2_001}}, "x" * 2_000 + " [cut]"),
    "a cut character": ({"overrideReason": {"userComment": "a\ud83d"}}, "a\ufffd"),
}


@pytest.mark.slow
@pytest.mark.control("FB-4", "FB-6")
@pytest.mark.row("B-07", "B-08")
@pytest.mark.parametrize("case", REASONS)
def test_feedback_is_kept_and_exported_whatever_its_form(tmp_path: Path, case: str) -> None:
    members, exported = REASONS[case]
    with served(hospital_settings(tmp_path)) as ehr:
        answer = ehr.post(FEEDBACK, {"feedback": [dismissed(card=issued(ehr), **members)]})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    with closing(open_store_of(hospital_settings(tmp_path))) as store:
        [row] = store.export_feedback(None, "test", now())
    assert (row.action, row.feedback) == ("overridden", exported)
    assert row.date <= NOW.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "a time ahead of the clock is set to it"


@pytest.mark.row("B-06")
def test_one_accepted_suggestion_may_come_without_its_list(tmp_path: Path) -> None:
    untested = bare(prefetch=prefetch() | {"conditions": bundle(rls())})
    with served(hospital_settings(tmp_path)) as ehr:
        [card] = ehr.post(VIEW, untested).json()["cards"]
        accepted = {"outcome": "accepted", "acceptedSuggestions": {"id": card["suggestions"][0]["uuid"]}}
        assert ehr.post(FEEDBACK, {"feedback": [dismissed(card=card["uuid"], **accepted)]}).json() == {"status": "ok"}
    assert kept(tmp_path) == 1


@pytest.mark.control("FB-3", "FB-6")
@pytest.mark.row("B-09")
def test_the_same_event_ahead_of_the_clock_is_kept_once(tmp_path: Path) -> None:
    """Reliability FB-3: it is told by the time that the client gave, not by that of its arrival."""
    ahead = ["2026-06-30T16:00:00Z", "2026-06-30T12:00:00.000-0400", "2026-06-30T16:00:01Z"]
    with served(hospital_settings(tmp_path)) as ehr:
        card = issued(ehr)
        for at in ahead:
            assert ehr.post(FEEDBACK, {"feedback": [dismissed(card=card, outcomeTimestamp=at)]}).status_code == 200
    assert kept(tmp_path) == 2


@pytest.mark.control("FB-4")
@pytest.mark.row("B-03")
@pytest.mark.parametrize("count", [101, 1_000])
def test_a_nights_batch_is_kept(tmp_path: Path, count: int) -> None:
    with served(hospital_settings(tmp_path)) as ehr:
        card = issued(ehr)
        minutes = [f"2026-06-{1 + n // 60:02}T10:{n % 60:02}:00Z" for n in range(count)]
        entries = [dismissed(card=card, outcomeTimestamp=at) for at in minutes]
        assert ehr.post(FEEDBACK, {"feedback": entries}).json() == {"status": "ok"}
    assert kept(tmp_path) == count


@pytest.mark.row("B-14")
def test_long_comments_of_a_batch_are_kept(http: FlaskClient) -> None:
    """45 comments of 1,500 characters; and as many as fit into a MiB."""
    for count in (45, 600):
        entries = [dismissed(overrideReason={"userComment": "x" * 1_500}) for _ in range(count)]
        assert http.post(FEEDBACK, json={"feedback": entries}).get_json() == {"status": "ok"}


def test_a_batch_that_is_too_long_is_refused_whole(http: FlaskClient) -> None:
    is_outcome(http.post(FEEDBACK, json={"feedback": [dismissed()] * 1_001}), 400)
    is_outcome(http.post(FEEDBACK, data=b" " * (1024 * 1024 + 1), content_type="application/json"), 413)


@pytest.mark.row("B-04")
def test_a_batch_without_a_readable_entry_names_twenty_faults(http: FlaskClient) -> None:
    issues = is_outcome(http.post(FEEDBACK, json={"feedback": [{}] * 30}), 400)
    assert len(issues) == 21 and issues[20]["details"]["text"] == "70 further faults are not named."


def kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "rls-cds.sqlite")) as store:
        return int(store.execute("select count(*) from feedback_event").fetchone()[0])


# ------------------------------------------------------------------ a path in the public base


@pytest.mark.row("T-11")
@pytest.mark.parametrize("before", ["", "/rls", "//rls", "/rls/"])
def test_a_call_below_the_path_of_the_public_base_is_the_same_call(ehr: Ehr, before: str) -> None:
    """The token names the public address however the proxy calls the service."""
    assert PUBLIC.endswith("/rls")
    for path, body, status in ((VIEW, good(), 200), (FEEDBACK, {"feedback": [dismissed()]}, 200), (VIEW, {}, 400)):
        answer = ehr.post(before + path, body, token=ehr.token(path))
        assert answer.status_code == status, answer.text
    for path in ("/cds-services", "/healthz", "/openapi.json", f"{VIEW}/source-attributes"):
        found = ehr.call("GET", before + path, token=None)
        assert found.status_code == 200 and found.content == ehr.call("GET", path, token=None).content
    [card] = ehr.post(before + VIEW, good(), token=ehr.token(VIEW)).json()["cards"]
    assert card["source"]["url"].startswith(f"{PUBLIC}{VIEW}/source-attributes")


@pytest.mark.parametrize("path", ["/rls", "/rls/", "/rlsx/cds-services", "/x/rls/cds-services", "/RLS/cds-services"])
def test_nothing_else_answers_below_it(ehr: Ehr, path: str) -> None:
    assert ehr.call("GET", path, token=None).status_code == 404


@pytest.mark.parametrize("base", ["/a/b", "/a.b+c", "/cds-services", "/healthz", "/cds-services/rls-patient-view"])
def test_any_path_works_even_that_of_a_route(base: str) -> None:
    with application(settings(public_base=f"https://cds.example.org{base}")) as app:
        http = app.test_client()
        for before in ("", base):
            assert card_codes(is_response(http.post(before + VIEW, json=view()))) == ["IRONLOW"]
            assert http.get(f"{before}/cds-services").status_code == 200
            assert http.get(f"{before}/healthz").status_code == 200


# ------------------------------------------------------------------ preflights


ASKED = {
    "of tracing": ("traceparent, content-type", ["traceparent"]),
    "of a correlation": ("x-correlation-id", ["x-correlation-id"]),
    "in capitals and twice": ("X-Request-Id,x-request-id , TraceParent", ["x-request-id", "traceparent"]),
    "no names": ("", []),
    "no tokens": ("a b, c:d, é, <x>, (y), *, x\ty", ["*"]),
    "too long": ("x" * 65 + ", " + "y" * 64, ["y" * 64]),
    "too many": (",".join(f"x-{n}" for n in range(500)), [f"x-{n}" for n in range(20)]),
}


@pytest.mark.control("OUT-6")
@pytest.mark.row("K-01")
@pytest.mark.parametrize("case", ASKED)
@pytest.mark.parametrize("path", [VIEW, FEEDBACK, "/cds-services"])
def test_a_preflight_allows_the_plain_names_that_are_asked_for(ehr: Ehr, path: str, case: str) -> None:
    asked, names = ASKED[case]
    headers = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}
    found = ehr.session.options(
        ehr.base + path, headers=headers | {"Access-Control-Request-Headers": asked.encode("latin-1")}, timeout=20
    )
    assert found.status_code == 204
    assert found.headers["Access-Control-Allow-Headers"] == ", ".join(["authorization", "content-type", *names])
    assert "Access-Control-Allow-Credentials" not in found.headers


@pytest.mark.row("K-04")
def test_an_origin_that_is_not_allowed_is_told_no_names(ehr: Ehr) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Headers": "traceparent"}
    found = ehr.session.options(ehr.base + VIEW, headers=headers, timeout=20)
    assert not {name for name in found.headers if name.startswith("Access-Control")}


@pytest.mark.row("K-03")
@pytest.mark.parametrize("status", [200, 400, 401, 404])
def test_a_script_may_read_when_to_try_again_and_which_call_it_was(ehr: Ehr, status: int) -> None:
    sent: dict[int, Any] = {200: good(), 400: {}, 401: good(), 404: good()}
    token = None if status == 401 else ""
    path = "/cds-services/nope" if status == 404 else VIEW
    answer = ehr.post(path, sent[status], token=token, Origin="https://ehr.example.org")
    assert answer.status_code == status
    assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-Id"
