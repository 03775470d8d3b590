"""Who may open the console: hosts, the token, pages of other sites, and how many charts are tried at once."""

from __future__ import annotations

import io
import json
import threading
import time
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.config.settings import Settings
from cds_service.console import console_app, pages
from cds_service.console.guard import HostGate, TokenGate, gates
from cds_service.store import NullStore
from tests.builders.monitored import log_read_back
from tests.unit.cds_service.console.conftest import NOON, browser

TOKEN = "q7Gk2vPz9LwXc4TnRb8YdMh3"
PATHS = ["/", "/console", "/console/rules", "/console/watch", "/console/connect", "/console/static/console.css", "/x"]


@pytest.fixture(scope="module")
def own() -> Flask:
    """Return a console of its own, as `serve` has it on a loopback address."""
    return made()


def made(**changes: object) -> Flask:
    settings = replace(Settings(console_bind="127.0.0.1:8081", database_url=""), **changes)  # type: ignore[arg-type]
    return console_app(settings, NullStore(), clock=lambda: NOON)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def by_host(app: Flask, host: str, path: str = "/console/rules", **headers: str) -> TestResponse:
    return app.test_client().get(path, headers={"Host": host, **headers})


LOCAL = ["localhost", "localhost:8081", "LOCALHOST:8081", "127.0.0.1", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081"]
FOREIGN = [
    "attacker.example.org", "attacker.example.org:8081", "127.0.0.1.attacker.example.org", "localhost.example.org",
    "10.1.2.3", "[2001:db8::1]:8081", "0.0.0.0", "[::ffff:10.1.2.3]", "localhost.", "", "[", "127.0.0.1@x", "x:y:z",
]  # fmt: skip


@pytest.mark.control("CON-1", "V4.1.3")
@pytest.mark.parametrize("host", LOCAL)
def test_the_console_is_opened_under_the_names_of_this_machine(own: Flask, host: str) -> None:
    assert by_host(own, host).status_code == 200


@pytest.mark.control("CON-1")
@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_leads_to_this_machine_from_elsewhere_is_refused(own: Flask, host: str) -> None:
    with log_read_back() as log:
        for path in PATHS:
            answer = by_host(own, host, path)
            assert answer.status_code in (400, 403), path
            assert host in ("", "[") or host not in answer.text
    assert [each["reason"] for each in lines(log) if each["status"] == 403] != [] or host in ("x:y:z",)
    assert {each["caller"] for each in lines(log)} == {"127.0.0.1"}


@pytest.mark.control("CON-1")
def test_headers_of_proxies_make_no_host_known(own: Flask) -> None:
    assert by_host(own, "attacker.example.org", **{"X-Forwarded-Host": "localhost"}).status_code == 403
    assert by_host(own, "attacker.example.org", Forwarded="host=localhost").status_code == 403


@pytest.mark.control("CON-1")
def test_hosts_of_the_settings_and_of_the_bind_are_known() -> None:
    app = made(console_bind="10.1.2.3:8081", console_hosts=("cds-console.example.org", "[2001:db8::1]"))
    for host in (
        "cds-console.example.org",
        "CDS-Console.example.org:8081",
        "10.1.2.3:8081",
        "[2001:db8::1]",
        "localhost",
    ):
        assert by_host(app, host).status_code == 200, host
    for host in ("other.example.org", "x.cds-console.example.org", "10.1.2.4:8081"):
        assert by_host(app, host).status_code == 403, host


@pytest.mark.control("CON-1")
@pytest.mark.parametrize("path", ["/", "/console", "/console/watch", "/metrics", "//console", "/console/connect"])
def test_the_demos_pages_are_opened_under_the_names_of_this_machine(reader: FlaskClient, path: str) -> None:
    assert reader.get(path, headers={"Host": "attacker.example.org"}).status_code == 403
    assert reader.get(path, headers={"Host": "127.0.0.1:8080"}).status_code in (200, 302)


def test_the_demos_services_and_fhir_server_are_called_under_any_name(reader: FlaskClient) -> None:
    for path in ("/cds-services", "/fhir/metadata", "/healthz"):
        assert reader.get(path, headers={"Host": "demo.example.org"}).status_code == 200


@pytest.mark.control("OUT-6", "V3.4.2")
@pytest.mark.parametrize(
    ("path", "is_open"),
    [("/cds-services", True), ("/cds-services/nothing", True),
     ("/cds-services/rls-patient-view/source-attributes", True),
     ("/fhir/metadata", True), ("/", False), ("/console", False), ("/console/watch", False),
     ("/metrics", False), ("/healthz", False), ("/readyz", False), ("/openapi.json", False), ("/nothing", False)],
)  # fmt: skip
def test_pages_of_other_sites_may_read_the_services_alone(reader: FlaskClient, path: str, is_open: bool) -> None:
    headers = {"Origin": "https://elsewhere.example.org", "Host": "localhost"}
    for answer in (reader.get(path, headers=headers), reader.options(path, headers=headers)):
        assert ("Access-Control-Allow-Origin" in answer.headers) is is_open, path
        assert is_open or not [name for name, _ in answer.headers if name.startswith("Access-Control")]


#: Headers with which a browser says that the page itself, or the person, sent the form.
OWN = [
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost"},
    {"Origin": "https://LOCALHOST"},  # behind a proxy that ends TLS
    {"Referer": "http://localhost/console?patient=x"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]
FOREIGN_POSTS = [
    {},
    {"Origin": "https://elsewhere.example.org"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "http://localhost.elsewhere.example.org"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Referer": "https://elsewhere.example.org/localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example.org"},
    {"Origin": "https://elsewhere.example.org", "Referer": "http://localhost/console"},
]


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_a_form_of_this_console_is_answered(own: Flask, headers: dict[str, str]) -> None:
    assert own.test_client().post("/console", data={}, headers=headers).status_code == 200


@pytest.mark.control("CON-3", "V3.5.1")
@pytest.mark.parametrize("headers", FOREIGN_POSTS, ids=str)
def test_a_form_of_another_site_is_refused(own: Flask, headers: dict[str, str]) -> None:
    with log_read_back() as log:
        answer = own.test_client().post("/console", data={}, headers=headers)
    assert answer.status_code == 403 and "not opened from there" in answer.text
    assert [(each["reason"], each["route"]) for each in lines(log)] == [("turned away: console-origin", "try_it")]


def test_pages_let_browsers_name_the_origin_of_what_they_post(own: Flask) -> None:
    assert by_host(own, "localhost").headers["Referrer-Policy"] == "same-origin"


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.control("CON-2")
def test_the_token_opens_the_console_for_any_user_name() -> None:
    client = made(console_token=TOKEN).test_client()
    for path in PATHS:
        asked = client.get(path)
        assert asked.status_code == 401, path
        assert asked.headers["WWW-Authenticate"].startswith("Basic realm=")
    for user in ("anybody", "", "ä"):
        assert client.get("/console/watch", headers=basic(TOKEN, user)).status_code == 200
    wrong = ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.lower(), f"x{TOKEN}", "ä" * 24]
    for given in wrong:
        assert client.get("/console/watch", headers=basic(given)).status_code == 401, given
    for header in (f"Bearer {TOKEN}", TOKEN, "Basic", "Basic !", f"Digest username={TOKEN}"):
        assert client.get("/console/watch", headers={"Authorization": header}).status_code == 401, header


@pytest.mark.control("CON-2", "LOG-2")
def test_no_token_is_logged_or_shown() -> None:
    client = made(console_token=TOKEN, failures_per_minute=3).test_client()
    with log_read_back() as log:
        shown = [client.get("/console", headers=basic(f"canary-{number}")) for number in range(5)]
        shown.append(client.get("/console", headers=basic(TOKEN)))
    assert [each.status_code for each in shown] == [401] * 3 + [429] * 2 + [200]
    assert [each.get("reason") for each in lines(log)] == [
        *["turned away: console-token"] * 3, *["turned away: too-many-failures"] * 2, None,
    ]  # fmt: skip
    texts = [log.getvalue(), *(each.text + str(each.headers) for each in shown)]
    assert not [
        text for text in texts if "canary" in text or TOKEN in text or TOKEN in repr(Settings(console_token=TOKEN))
    ]


def test_a_host_is_checked_before_the_token() -> None:
    assert by_host(made(console_token=TOKEN), "attacker.example.org", **basic(TOKEN)).status_code == 403


def test_the_settings_decide_what_must_be_passed() -> None:
    local, guarded = gates(Settings(console_bind="[::1]:8081")), gates(Settings(console_token=TOKEN))
    assert [type(each) for each in local] == [HostGate] and [type(each) for each in guarded] == [HostGate, TokenGate]


@pytest.mark.control("CON-4", "DOS-6")
def test_charts_are_tried_in_slots_of_their_own(own: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are tried and two wait; further ones are refused at once, and pages that try nothing are answered."""
    monkeypatch.setattr("cds_service.console.pages._TRY_TIMEOUT", 30.0)
    app, may_end = made(), threading.Event()
    original = pages.try_form

    def slow(*args: Any, **how: Any) -> Any:
        assert may_end.wait(30)
        return original(*args, **how)

    monkeypatch.setattr(pages, "try_form", slow)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(browser(app).post("/console", data={}).status_code))
        for _ in range(7)
    ]
    with log_read_back() as log:
        for thread in threads:
            thread.start()
        ends = time.monotonic() + 30
        while len(answers) < 3 and time.monotonic() < ends:
            time.sleep(0.01)
        assert answers == [503] * 3
        assert browser(app).get("/console/rules").status_code == 200
        may_end.set()
        for thread in threads:
            thread.join(30)
    assert sorted(answers) == [200] * 4 + [503] * 3
    refused = [each["reason"] for each in lines(log) if each["status"] == 503]
    assert refused == ["all slots for the console are taken"] * 3
