"""The page Try: its form, its content, and data that must never reach it."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.config.load import load_settings
from cds_service.console import console_app
from cds_service.console.charts import draft_options
from cds_service.console.uploads import UnusableUpload, from_file
from cds_service.store import NullStore
from fhir_fixtures import hook_request, load_patient, load_patients
from tests.unit.cds_service.console.conftest import NOON, browser

TODAY = NOON.date()
FIRST = "ferritin-38-inside-the-lab-range"
_ONE_DRAFT: dict[str, Any] = {"order-sign": ["ferrous-sulfate-325-once-daily"], "patient-view": []}
SLUGS = [each.slug for each in load_patients(TODAY)]


def page(reader: FlaskClient, **fields: Any) -> str:
    answer = reader.post("/console", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.text
    return answer.text


def upload(content: object) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"patient": "file", "upload": (io.BytesIO(text.encode()), "chart.json")}


def cards(text: str) -> list[str]:
    return [part.split('"')[0] for part in text.split('data-card="')[1:]]


def test_the_first_page_shows_the_card_of_the_first_patient(reader: FlaskClient) -> None:
    assert cards(reader.get("/console").text) == ["IRONLOW"]


@pytest.mark.slow
@pytest.mark.parametrize("slug", SLUGS)
def test_the_page_shows_the_cards_that_the_service_answers(reader: FlaskClient, slug: str) -> None:
    patient = load_patient(slug, TODAY)
    body = hook_request("generic", "patient-view", patient, today=TODAY, fhir_server="")
    answered = reader.post("/cds-services/rls-patient-view", json=body).json["cards"]
    shown = reader.get("/console", query_string={"patient": slug}).text
    assert cards(shown) == [card["source"]["topic"]["code"] for card in answered]
    assert all(card["summary"] in unescape(shown) for card in answered)


def test_draft_orders_are_judged_on_order_hooks(reader: FlaskClient) -> None:
    fields = {"patient": "haemochromatosis-after-phlebotomy", "draft": "ferrous-sulfate-325-once-daily"}
    for service in ("rls-order-sign", "rls-order-select"):
        assert cards(page(reader, service=service, **fields)) == ["OSIRONOVL"]
    assert "OSIRONOVL" not in cards(page(reader, service="rls-patient-view", **fields))


def test_without_a_draft_order_the_page_says_what_to_do(reader: FlaskClient) -> None:
    text = page(reader, service="rls-order-sign", patient=FIRST)
    assert "no draft order that a rule judges" in text and cards(text) == []


def test_an_uploaded_bundle_is_answered(reader: FlaskClient) -> None:
    text = page(reader, **upload(load_patient("vitamin-d-toxic", TODAY).bundle))
    assert cards(text) == ["VITDTOX"]


def test_an_uploaded_hook_request_is_answered(reader: FlaskClient) -> None:
    patient = load_patient(FIRST, TODAY)
    text = page(reader, **upload(hook_request("epic", "patient-view", patient, today=TODAY, fhir_server="")))
    assert cards(text) == ["IRONLOW"]


def test_an_uploaded_order_request_keeps_its_draft_orders(reader: FlaskClient) -> None:
    patient = load_patient("haemochromatosis-after-phlebotomy", TODAY)
    drafts = ["ferrous-sulfate-325-once-daily"]
    body = hook_request("generic", "order-sign", patient, today=TODAY, drafts=drafts, fhir_server="")
    assert cards(page(reader, service="rls-order-sign", **upload(body))) == ["OSIRONOVL"]


@pytest.mark.parametrize(("chosen", "hook"), [("rls-patient-view", "order-sign"), ("rls-order-sign", "patient-view")])
def test_an_uploaded_request_selects_its_hook_and_can_be_tried_on_another(
    reader: FlaskClient, chosen: str, hook: str
) -> None:
    patient = load_patient("haemochromatosis-after-phlebotomy", TODAY)
    body = hook_request("generic", hook, patient, today=TODAY, drafts=_ONE_DRAFT[hook], fhir_server="")
    text = page(reader, service=chosen, **upload(body))
    assert f'value="rls-{hook}" selected' in text
    assert cards(text) == (["OSIRONOVL"] if hook == "order-sign" else ["IRONOVL"])
    data = unescape(text.split('name="data"')[1].split(">", 1)[1].split("</textarea>")[0])
    assert f'value="{chosen}" selected' in page(reader, service=chosen, patient="file", data=data)


def test_an_uploaded_bundle_is_tried_on_the_selected_hook(reader: FlaskClient) -> None:
    text = page(reader, service="rls-order-sign", **upload(load_patient(FIRST, TODAY).bundle))
    assert 'value="rls-order-sign" selected' in text


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"birthDate": "1968-03-02", "gender": "female"}, "Woman, 58 years"),
        ({"birthDate": "1968-03-02"}, "Adult, sex not recorded, 58 years"),
        ({"birthDate": "2018-03-02", "gender": "male"}, "Child, 8 years, boy"),
        ({"gender": "male"}, "Man, age not recorded"),
        ({}, "Sex not recorded, age not recorded"),
        ({"birthDate": "second of March", "gender": "female"}, "Woman, birth date not readable"),
        ({"birthDate": "second of March"}, "Sex not recorded, birth date not readable"),
    ],
)
def test_the_page_says_whom_the_chart_is_about(reader: FlaskClient, person: dict[str, str], said: str) -> None:
    request = hook_request("generic", "patient-view", load_patient(FIRST, TODAY), today=TODAY)
    request["prefetch"]["patient"] = {"resourceType": "Patient", "id": request["context"]["patientId"], **person}
    assert f">{said}<" in unescape(page(reader, service="rls-patient-view", **upload(request)))


def test_the_file_is_kept_in_the_form_only(reader: FlaskClient) -> None:
    first = page(reader, **upload(load_patient(FIRST, TODAY).bundle))
    data = unescape(first.split('name="data"')[1].split(">", 1)[1].split("</textarea>")[0])
    assert json.loads(data)["resourceType"] == "Bundle"
    assert cards(page(reader, patient="file", data=data)) == ["IRONLOW"]
    assert 'name="data"' not in reader.get("/console").text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("no json", "no JSON in UTF-8"),
        ("[]", "Expected one JSON object"),
        ("{}", "There is no Patient in it"),
        ({"resourceType": "Bundle", "entry": 7}, "There is no Patient in it"),
        ({"hook": "patient-view"}, "without context.patientId"),
        (
            {"hook": "patient-view", "context": {"patientId": "../x", "userId": "Practitioner/1"}},
            "refuses this request",
        ),
        ({"hook": 7, "context": {"patientId": "p"}}, "Its hook is none of patient-view, order-sign, order-select"),
        (
            {"hook": "appointment-book", "context": {"patientId": "p"}, "prefetch": {}},
            "Hook appointment-book is none of",
        ),
        (
            {
                "resourceType": "Bundle",
                "entry": [{"resource": {"resourceType": "Patient", "id": each}} for each in "ab"],
            },
            "This file holds 2 patients. Drop in one",
        ),
        ("[" * 200 + "]" * 200, "nested"),
    ],
)
def test_an_unusable_file_gets_an_explanation(reader: FlaskClient, content: object, says: str) -> None:
    assert says in unescape(page(reader, **upload(content)))


def test_without_a_file_the_page_asks_for_one(reader: FlaskClient) -> None:
    assert "drop one in, or choose a synthetic patient" in page(reader, patient="file")


def test_a_file_above_the_limit_is_refused(reader: FlaskClient) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="upload"; filename="x.json"\r\n\r\n'
    body = head + b"x" * (12 * 1024 * 1024) + b"\r\n--b--\r\n"
    answer = reader.post("/console", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 413


def fields_of(text: str) -> dict[str, str]:
    """Return the laboratory fields of a page by name."""
    found = {}
    for part in text.split('<input id="lab-')[1:]:
        name = part.split('name="')[1].split('"')[0]
        found[name] = part.split('value="')[1].split('"')[0]
    return found


def typed(reader: FlaskClient, value: str, patient: str = FIRST, **others: str) -> str:
    fields = fields_of(reader.get("/console", query_string={"patient": patient}).text)
    name = next(name for name, text in fields.items() if text == "38")
    return page(reader, patient=patient, of=patient, **{**fields, name: value}, **others)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("38", ["IRONLOW"]),
        ("75", ["IRONLOW"]),
        ("75.1", ["IRONMID"]),
        ("140", []),
        ("<5", ["IRONLOW"]),
        ("> 300", []),
        ("", ["IRONTEST"]),
    ],
)
def test_a_changed_ferritin_changes_the_card(reader: FlaskClient, value: str, expected: list[str]) -> None:
    shown = [card for card in cards(typed(reader, value)) if card.startswith("IRON") and card != "IRONCAUSE"]
    assert shown == expected


@pytest.mark.parametrize("value", ["many", "1e9", "-3", "38,5", "<script>", "٣"])
def test_an_invalid_value_is_marked_and_ignored(reader: FlaskClient, value: str) -> None:
    text = typed(reader, value)
    assert cards(text) == ["IRONLOW"] and 'aria-invalid="true"' in text and "<script>" not in text


def test_a_value_typed_for_another_patient_is_not_used(reader: FlaskClient) -> None:
    fields = dict.fromkeys(fields_of(reader.get("/console").text), "140")
    assert cards(page(reader, patient=FIRST, of="vitamin-d-toxic", **fields)) == ["IRONLOW"]


def test_every_usable_number_of_the_chart_can_be_changed(reader: FlaskClient) -> None:
    assert sorted(fields_of(reader.get("/console").text).values()) == ["13.1", "24", "38"]


def test_on_another_day_nothing_is_recorded(client: FlaskClient) -> None:
    later = TODAY + timedelta(days=366)
    text = page(client, patient=FIRST, as_of=later.isoformat())
    assert cards(text) == ["IRONTEST"]
    assert "nothing is recorded" in text and "No card in this period" in client.get("/console/watch").text
    assert "data-code=" not in text


@pytest.mark.parametrize(
    "day", ["", "yesterday", "2026-W24-1", "20260615", "2026-99-99", "0001-01-01", "9999-12-31", "２０２６-06-15"]
)
def test_a_missing_day_means_today(reader: FlaskClient, day: str) -> None:
    assert f'value="{TODAY}"' in page(reader, patient=FIRST, as_of=day)


def test_an_overridden_card_is_silenced_and_shown_as_silenced(client: FlaskClient) -> None:
    first = client.get("/console").text
    uuid = first.split('data-uuid="')[1].split('"')[0]
    entry = {"card": uuid, "outcome": "overridden", "outcomeTimestamp": NOON.isoformat()}
    answer = client.post("/cds-services/rls-patient-view/feedback", json={"feedback": [entry]})
    assert answer.status_code == 200
    second = client.get("/console").text
    assert "No news: dismissed without a reason by this user on" in second
    assert "Every card is silent" not in first and "Warning · silenced" in second
    assert cards(typed(client, "37")) == ["IRONLOW"] and "· silenced" not in typed(client, "37")


def every_string(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in every_string(each, (*path, key))]
    if isinstance(value, list):
        return [found for n, each in enumerate(value) for found in every_string(each, (*path, n))]
    return [path] if isinstance(value, str) else []


@pytest.mark.parametrize("slug", [FIRST, "magnesium-low-on-omeprazole", "anaphylaxis-to-carboxymaltose"])
def test_no_text_of_a_file_is_quoted_outside_the_raw_request(reader: FlaskClient, slug: str) -> None:
    """All free text of a record (names, displays, notes) is replaced by canaries."""
    bundle = json.loads(json.dumps(load_patient(slug, TODAY).bundle))
    for path in every_string(bundle):
        if path[-1] in ("display", "text", "family", "value", "title") or path[-2:-1] == ("given",):
            holder = bundle
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = "canary<script>alert(1)</script>"
    text = page(reader, **upload(bundle))
    assert "<script>alert" not in text
    raw_from, carried = text.index('id="raw-title"'), text.index('id="carried"')
    outside = text[:carried] + text[text.index('id="said"') : raw_from]
    assert "canary" not in outside and cards(text)


@pytest.mark.slow
@pytest.mark.parametrize("odd", [None, 7, -1e300, [], {}, "", "0001-01-01", "9999-12-31", "x" * 300, True])
def test_the_page_answers_any_file(reader: FlaskClient, odd: object) -> None:
    """Each member of a record in turn is replaced by an invalid value."""
    whole = json.dumps(load_patient("magnesium-low-on-omeprazole", TODAY).bundle)
    for path in every_string(json.loads(whole))[8::7]:
        bundle = holder = json.loads(whole)
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = odd
        for service in ("rls-patient-view", "rls-order-sign"):
            page(reader, service=service, draft="magnesium-oxide-400-once-daily", **upload(bundle))


@pytest.mark.parametrize("value", [0, 1, 99999, 1e-7, 1e6, 10**6])
def test_any_number_can_be_plotted(reader: FlaskClient, value: float) -> None:
    bundle = json.loads(json.dumps(load_patient(FIRST, TODAY).bundle))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Observation":
            entry["resource"]["valueQuantity"]["value"] = value
    assert "<svg" in page(reader, **upload(bundle))


def test_a_cross_site_form_is_refused(reader: FlaskClient) -> None:
    answer = reader.post("/console", data={"patient": FIRST}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.control("V3.6.1")
@pytest.mark.parametrize("path", ["/console", "/console/rules", "/console/watch", "/console/connect"])
def test_every_page_has_a_strict_policy_and_nothing_inline(reader: FlaskClient, path: str) -> None:
    answer = reader.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert " style=" not in answer.text and "<style" not in answer.text and " onclick=" not in answer.text


@pytest.mark.control("V5.2.2")
def test_from_file_refuses_several_patients_and_deduplicates() -> None:
    def held(*ids: str) -> bytes:
        people = [{"resource": {"resourceType": "Patient", "id": each}} for each in ids]
        return json.dumps({"resourceType": "Bundle", "entry": people}).encode()

    with pytest.raises(UnusableUpload, match="holds 2 patients"):
        from_file(held("a", "b"))
    assert from_file(held("a", "a")).patient_id == "a"
    with pytest.raises(UnusableUpload, match="no Patient"):
        from_file(b'{"resourceType": "Observation"}')


def test_a_separate_console_records_nothing_and_has_no_services() -> None:
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": ""})
    own = browser(console_app(settings, NullStore(), clock=lambda: NOON))
    text = own.get("/console").text
    assert cards(text) == ["IRONLOW"] and "is not recorded" in text
    assert own.get("/cds-services").status_code == 404
    assert own.post("/cds-services/rls-patient-view", json={}).status_code == 404
    assert "Access-Control-Allow-Origin" not in own.get("/console/watch").headers
    assert "Nothing is recorded" in own.get("/console/watch").text


def test_a_separate_console_does_not_read_the_server_of_a_file() -> None:
    settings = load_settings(None, {"RLS_CDS_DATABASE_URL": ""})
    own = browser(console_app(settings, NullStore(), clock=lambda: NOON))
    body = hook_request("sandbox", "patient-view", load_patient(FIRST, TODAY), today=date(2026, 6, 15), prefetch="none")
    text = own.post("/console", data=upload(body), content_type="multipart/form-data").text
    assert "status 412" in text and "fhirServer" not in text.split('id="raw-title"')[1].split("</pre>")[0]


def test_the_console_is_off_unless_mounted() -> None:
    from cds_service.app import create_app

    client = create_app(load_settings(None, {"RLS_CDS_DATABASE_URL": ""})).test_client()
    assert client.get("/console").status_code == 404


def carried(text: str) -> str:
    return unescape(text.split('name="data"')[1].split(">", 1)[1].split("</textarea>")[0])


def sent(raw: bytes) -> dict[str, Any]:
    return {"patient": "file", "upload": (io.BytesIO(raw), "chart.json")}


def test_an_empty_file_does_not_show_the_previous_one(reader: FlaskClient) -> None:
    data = carried(page(reader, **upload(load_patient(FIRST, TODAY).bundle)))
    for raw in (b"", b" \n", b"\xef\xbb\xbf"):
        text = page(reader, data=data, **sent(raw))
        assert "This file is empty" in text and cards(text) == [] and 'name="data"' not in text


def test_a_file_over_the_limit_is_refused_on_the_page_with_the_limit_and_what_to_do(reader: FlaskClient) -> None:
    for size in (10_485_761, 13_000_000):
        head = b'--part\r\nContent-Disposition: form-data; name="upload"; filename="chart.json"\r\n\r\n'
        body = head + b" " * size + b"\r\n--part--\r\n"
        answer = reader.post("/console", data=body, content_type="multipart/form-data; boundary=part")
        assert answer.status_code == 413 and answer.mimetype == "text/html" and cards(answer.text) == []
        assert "larger than 10 MiB" in answer.text and "max_body" in answer.text


_DAYS = ["1900-01-01", "0001-01-01", "2500-01-01", "9999-12-31", "2100-01-01", "1999-12-31", "", "banana", "2026-02-30"]


def test_an_invalid_day_is_a_fault(client: FlaskClient) -> None:
    for day in _DAYS:
        for text in (client.get("/console", query_string={"as_of": day}).text, page(client, as_of=day)):
            assert "As of is no day from 2000-01-01 to 2099-12-31" in text and cards(text) == [], day
    assert "No card in this period" in client.get("/console/watch").text


@pytest.mark.parametrize("day", ["2000-01-01", "2099-12-31"])
def test_the_first_and_last_day_are_valid(reader: FlaskClient, day: str) -> None:
    text = page(reader, as_of=day)
    assert f"As of {day}, not today" in text and 'min="2000-01-01" max="2099-12-31"' in text


def test_a_byte_order_mark_is_no_fault(reader: FlaskClient) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(load_patient(FIRST, TODAY).bundle).encode()
    assert cards(page(reader, **sent(raw))) == ["IRONLOW"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(reader: FlaskClient, encoding: str) -> None:
    bundle = json.loads(json.dumps(load_patient(FIRST, TODAY).bundle))
    bundle["entry"][0]["resource"]["name"] = [{"family": "Müller"}]
    text = page(reader, **sent(json.dumps(bundle, ensure_ascii=False).encode(encoding)))
    assert "is not text in UTF-8" in text and cards(text) == [] and 'name="data"' not in text


def ndjson(*bundles: dict[str, Any]) -> bytes:
    lines = [json.dumps(entry["resource"]) for bundle in bundles for entry in bundle["entry"]]
    return "\n".join([*lines, ""]).encode()


def test_ndjson_of_one_patient_is_answered(reader: FlaskClient) -> None:
    bundle = load_patient(FIRST, TODAY).bundle
    text = page(reader, **sent(ndjson(bundle)))
    assert cards(text) == ["IRONLOW"]
    assert cards(page(reader, patient="file", data=carried(text).replace("\n", "\r\n"))) == ["IRONLOW"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (ndjson(load_patient(FIRST, TODAY).bundle, load_patient("vitamin-d-toxic", TODAY).bundle), "holds 2 patients"),
        (b'{"resourceType": "Patient", "id": "a"}\nno json', "Line 2 of this NDJSON"),
        (b'{"resourceType": "Patient", "id": "a"}\n[]', "Line 2 of this NDJSON"),
        (b'{"hook": "patient-view"}\n{"hook": "patient-view"}', "several hook requests"),
        (b'{"resourceType": "Observation"}\n{"resourceType": "Observation"}', "There is no Patient in it"),
        (b'{\n"resourceType": \n', "no JSON in UTF-8"),
    ],
)
def test_unusable_ndjson_gets_an_explanation(reader: FlaskClient, raw: bytes, said: str) -> None:
    text = page(reader, **sent(raw))
    assert said in unescape(text) and cards(text) == []


def test_labs_of_a_multi_line_file_can_be_edited(reader: FlaskClient) -> None:
    """A browser returns text with other line ends."""
    first = page(reader, **upload(json.dumps(load_patient(FIRST, TODAY).bundle, indent=2)))
    of = first.split('name="of" value="')[1].split('"')[0]
    place = first.split('name="lab.')[1].split('"')[0]
    data = carried(first).replace("\n", "\r\n")
    assert cards(page(reader, patient="file", data=data, of=of, **{f"lab.{place}": "140"})) == []


def no_card_reasons(text: str) -> dict[str, list[str]]:
    """Return the reasons shown for decisions that fire without a card, by card."""
    found: dict[str, list[str]] = {}
    for row in text.split('<tr data-outcome="fires">')[1:]:
        row = row.split("</tr>")[0]
        card = row.split("<code>")[1].split("</code>")[0]
        parts = row.split('no-card">')
        found.setdefault(card, []).append(unescape(parts[1].split("<")[0]) if len(parts) > 1 else "")
    return found


def test_every_decision_that_fires_without_a_card_says_why(reader: FlaskClient) -> None:
    text = page(reader, patient="vitamin-d-toxic", service="rls-order-sign", draft=list(draft_options()))
    reasons = no_card_reasons(text)
    shown = cards(text)
    assert len(shown) == 5
    own = {card.replace("-", "") for card, words in reasons.items() if "" in words}
    assert own == set(shown)
    for card, words in reasons.items():
        if card.replace("-", "") not in shown:
            assert all("left out, for at most 5 are shown (max_cards)" in each for each in words)
    assert any("On the same card as order 1." in each for each in reasons["OS-IRON-REPLETE"])
    last = unescape(text).split(" more, not shown: ")[1].split("</p>")[0]
    assert "Boxed warning of an intravenous iron" in last and "Choice of intravenous iron" in last


def test_a_silenced_decision_is_explained(client: FlaskClient) -> None:
    uuid = client.get("/console").text.split('data-uuid="')[1].split('"')[0]
    entry = {"card": uuid, "outcome": "overridden", "outcomeTimestamp": NOON.isoformat()}
    client.post("/cds-services/rls-patient-view/feedback", json={"feedback": [entry]})
    assert no_card_reasons(client.get("/console").text)["IRON-LOW"] == [
        f"No card: dismissed without a reason by this user on {TODAY}; silent for this user until "
        f"{TODAY + timedelta(days=14)}, unless it becomes news before."
    ]


def test_the_root_redirects_to_the_console(reader: FlaskClient) -> None:
    own = console_app(load_settings(None, {"RLS_CDS_DATABASE_URL": ""}), NullStore()).test_client()
    for client in (reader, own):
        answer = client.get("/")
        assert answer.status_code == 302 and answer.headers["Location"] == "/console"


@pytest.mark.parametrize("path", ["nope", "rules/nope", "rules/a/b", "connect?client=zzz", "static/nope.css"])
def test_an_unknown_address_gives_a_page_with_a_link_back(reader: FlaskClient, path: str) -> None:
    answer = reader.get(f"/console/{path}")
    assert answer.status_code == 404 and answer.mimetype == "text/html"
    assert 'href="/console/rules"' in answer.text and "nope" not in answer.text and "zzz" not in answer.text


def test_an_unknown_period_is_explained(reader: FlaskClient) -> None:
    assert "the choices are 7, 30, 90, 365 days, and 30 are shown" in reader.get("/console/watch?days=5").text
    assert "the choices are" not in reader.get("/console/watch?days=7").text
