"""Routes, methods, CORS and headers: protocol T-xx, K-xx, E-xx and reliability OUT-6, OUT-8."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.config.client import Client
from cds_service.store import StoreFull, StoreUnavailable
from cds_service.web.errors import NotAuthenticated, Overloaded, TooManyRequests
from tests.builders.service import (
    SIGN,
    VIEW,
    application,
    bare,
    card_codes,
    good,
    is_outcome,
    is_response,
    prefetch,
    settings,
)

ROUTES = ["/cds-services", VIEW, f"{VIEW}/feedback", SIGN, "/healthz", "/readyz", "/openapi.json"]
EHR = Client("clinic", issuer="https://ehr.example.org", allowed_origins=("https://ehr.example.org",))


@pytest.mark.row("K-01", "K-02", "K-03")
@pytest.mark.parametrize("path", ROUTES)
def test_every_route_answers_a_preflight_without_authentication(http: FlaskClient, path: str) -> None:
    asks = {
        "Origin": "https://sandbox.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = http.options(path, headers=asks)
    assert (answer.status_code, answer.data) == (204, b"")
    if not path.startswith("/cds-services"):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        return
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Private-Network" not in answer.headers


@pytest.mark.row("K-04")
@pytest.mark.control("OUT-6")
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://ehr.example.org", True),
        ("https://ehr.example.org.evil.example", False),
        ("https://evil.ehr.example.org", False),
        ("http://ehr.example.org", False),
        ("https://ehr.example.org:8443", False),
        ("HTTPS://EHR.EXAMPLE.ORG", False),
        ("null", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_with_clients_only_the_origins_they_list(method: str, origin: str | None, allowed: bool) -> None:
    with application(settings(clients=(EHR,)), authenticate=lambda header, path: EHR) as app:
        answer = app.test_client().open("/cds-services", method=method, headers={"Origin": origin} if origin else {})
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert answer.headers["Vary"] == "Origin"
    assert ("Access-Control-Allow-Headers" in answer.headers) == (allowed and method == "OPTIONS")


@pytest.mark.control("V4.1.4")
@pytest.mark.row("T-12")
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", VIEW, {"POST", "OPTIONS"}),
        ("PUT", VIEW, {"POST", "OPTIONS"}),
        ("DELETE", f"{VIEW}/feedback", {"POST", "OPTIONS"}),
        ("GET", f"{VIEW}/feedback", {"POST", "OPTIONS"}),
        ("POST", "/cds-services", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405_with_allow(http: FlaskClient, method: str, path: str, allow: set[str]) -> None:
    answer = http.open(path, method=method)
    is_outcome(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allow


@pytest.mark.row("R-12")
@pytest.mark.parametrize(
    "path", ["/", "/x", "/cds-services/nope", "/cds-services/nope/feedback", "/analytics/1", "/fhir"]
)
def test_what_does_not_exist_is_404_in_json(http: FlaskClient, path: str) -> None:
    is_outcome(http.get(path) if "nope" not in path else http.post(path, json=bare()), 404)
    assert http.options(path).status_code == (204 if "nope" in path else 404)


@pytest.mark.control("V4.1.2")
@pytest.mark.row("T-11")
@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services///", "/cds-services//rls-patient-view"])
def test_slashes_are_folded_without_a_redirect(app: Flask, path: str) -> None:
    http = app.test_client()
    view = "patient-view" in path
    answer = http.post(path, json=good()) if view else http.get(path)
    assert answer.status_code == 200


def test_a_doubled_slash_at_the_start_and_before_feedback_is_folded_too(app: Flask) -> None:
    environ = {"PATH_INFO": "//cds-services//rls-patient-view//feedback"}
    is_outcome(app.test_client().post("/", environ_overrides=environ, json={}), 400)


@pytest.mark.row("T-09")
@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        *(f"application/json; charset={name}" for name in ("UTF-8", "utf8", '"utf-8"', "us-ascii", "ISO-8859-1", "")),
        "application/json;odata=verbose",
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/json+fhir",
        "application/vnd.api+json",
        "text/plain",
        "text/plain; charset=utf-8",
        "",
        None,
    ],
)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_json_is_read_under_every_name_that_clients_give_it(http: FlaskClient, kind: str | None, before: bytes) -> None:
    answer = http.post(VIEW, data=before + orjson.dumps(good()), content_type=kind)
    assert card_codes(is_response(answer)) == ["IRONLOW"]


@pytest.mark.row("T-09")
@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/html",
        "text/json",
        "application/xml",
        "application/fhir+xml",
        "application/jsonp",
        "application/+json",
        "xapplication/json",
        "*/*",
        "json",
        "é",
    ],
)
def test_other_types_are_415(http: FlaskClient, kind: str) -> None:
    is_outcome(http.post(VIEW, data=b"{}", content_type=kind), 415)


@pytest.mark.row("T-09")
@pytest.mark.parametrize("kind", [None, "text/plain"])
@pytest.mark.parametrize("raw", [b"", b"x", b"hook=1", b"[1]", b"\xef\xbb\xbf"])
def test_a_body_without_a_type_is_read_only_where_it_begins_like_json(
    http: FlaskClient, kind: str | None, raw: bytes
) -> None:
    is_outcome(http.post(VIEW, data=raw, content_type=kind), 415)


@pytest.mark.control("OUT-8")
@pytest.mark.parametrize("kind", [None, "", "text/plain"])
@pytest.mark.parametrize("path", [VIEW, f"{VIEW}/feedback"])
def test_a_page_of_another_site_cannot_send_a_body_without_asking_first(
    http: FlaskClient, kind: str | None, path: str
) -> None:
    """Only a verified token opens these types to a browser; in open mode there is none."""
    origin = {"Origin": "https://evil.example"}
    is_outcome(http.post(path, data=b"{}", content_type=kind, headers=origin), 415)
    with application(settings(clients=(EHR,)), authenticate=lambda header, path: EHR) as app:
        is_outcome(app.test_client().post(path, data=b"{}", content_type=kind, headers=origin), 400)


UNCODED = ["", " ", "identity", "Identity", "none", "utf-8", "UTF-8", "utf8", "iso-8859-1", "identity, utf-8"]


@pytest.mark.control("DOS-2")
@pytest.mark.parametrize("encoding", UNCODED)
def test_a_content_encoding_that_codes_nothing_changes_nothing(http: FlaskClient, encoding: str) -> None:
    assert card_codes(is_response(http.post(VIEW, json=good(), headers={"Content-Encoding": encoding}))) == ["IRONLOW"]


@pytest.mark.control("DOS-2")
@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "deflate", "zstd", "zip", "gzip, identity", "utf-8, gzip", "x", "*"]
)
def test_an_encoded_body_is_415(http: FlaskClient, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    answer = http.post(VIEW, data=b"{}", content_type="application/json", headers=headers)
    is_outcome(answer, 415)
    assert answer.headers["Accept-Encoding"] == "identity"


def raising(fault: Exception) -> Callable[[str | None, str], Client]:
    def authenticate(header: str | None, path: str) -> Client:
        raise fault

    return authenticate


FAULTS = [
    (NotAuthenticated(), 401, "WWW-Authenticate", "Bearer"),
    (TooManyRequests(7), 429, "Retry-After", "7"),
    (Overloaded(), 503, "Retry-After", "1"),
    (StoreUnavailable("secret"), 503, "Retry-After", "1"),
    (StoreFull("secret"), 507, None, None),
    (KeyError("secret"), 500, None, None),
    (RecursionError("secret"), 500, None, None),
    (MemoryError("secret"), 500, None, None),
]


@pytest.mark.control("V4.1.1")
@pytest.mark.row("E-03", "E-04", "E-08")
@pytest.mark.control("OUT-8")
@pytest.mark.parametrize(("fault", "status", "header", "value"), FAULTS, ids=lambda value: str(value)[:20])
def test_every_fault_is_an_outcome_with_all_headers(
    fault: Exception, status: int, header: str | None, value: str | None
) -> None:
    with application(authenticate=raising(fault)) as app:
        answer = app.test_client().post(VIEW, json=good(), headers={"Origin": "https://ehr.example.org"})
    is_outcome(answer, status)
    assert b"secret" not in answer.data and b"Traceback" not in answer.data
    assert header is None or answer.headers[header] == value
    assert_safe(answer)


@pytest.mark.row("J-17")
def test_a_refused_caller_learns_nothing() -> None:
    bodies = set()
    for path, headers in ((VIEW, {}), (SIGN, {"Authorization": "Bearer x"}), (f"{VIEW}/feedback", {"Host": "evil"})):
        with application(authenticate=raising(NotAuthenticated())) as app:
            answer = app.test_client().post(path, json=good(), headers=headers)
        bodies.add((answer.data, answer.headers["WWW-Authenticate"]))
    assert len(bodies) == 1


@pytest.mark.control("LOG-7")
def test_a_bug_shows_only_a_correlation_id() -> None:
    with application(authenticate=raising(KeyError("secret"))) as app:
        answer = app.test_client().post(VIEW, json=good())
    [issue] = is_outcome(answer, 500)
    assert issue["diagnostics"] == f"Correlation id: {answer.headers['X-Request-Id']}"


def assert_safe(answer: TestResponse) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.content_type == "application/json; charset=utf-8"


@pytest.mark.control("OUT-8")
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/cds-services", None, 200),
        ("POST", VIEW, bare(prefetch=prefetch()), 200),
        ("POST", VIEW, {}, 400),
        ("GET", "/cds-services/a/b/c", None, 404),
        ("PUT", VIEW, None, 405),
        ("POST", VIEW, bare(), 412),
    ],
)
def test_headers_of_ordinary_answers(http: FlaskClient, method: str, path: str, body: object, status: int) -> None:
    answer = http.open(path, method=method, json=body)
    assert answer.status_code == status
    assert_safe(answer)
    assert answer.headers["X-Request-Id"]


def test_health_and_readiness() -> None:
    with application(checks={"keys": lambda: ("no key set was fetched yet",)}) as app:
        http = app.test_client()
        assert http.get("/healthz").get_json() == {"status": "ok"}
        [issue] = is_outcome(http.get("/readyz"), 503)
    assert issue["diagnostics"] == "keys: no key set was fetched yet"


def test_ready_when_all_checks_pass(http: FlaskClient) -> None:
    assert http.get("/readyz").get_json() == {"status": "ready", "checks": ["store"]}


@pytest.mark.control("DOS-6")
def test_calls_beyond_the_limit_are_refused_and_feedback_has_its_own_limit() -> None:
    with application(settings(max_inflight=1)) as app:
        http, nested = app.test_client(), []

        def busy(header: str | None, path: str) -> Client:
            return settings().profile

        class Slow:
            """Sends a second call while the first one holds the only slot."""

            def __getattr__(self, name: str) -> object:
                return getattr(app.extensions["rls_cds"].store, name)

            def within(self, ends: float) -> Slow:
                return self

            def record_answer(self, answer: object) -> None:
                nested.append(http.post(VIEW, json=bare(prefetch=prefetch())))
                nested.append(http.post(f"{VIEW}/feedback", json={}))

        with application(settings(max_inflight=1), authenticate=busy, store=Slow()) as slow:
            http = slow.test_client()
            is_response(http.post(VIEW, json=bare(prefetch=prefetch())))
    refused, feedback = nested
    is_outcome(refused, 503)
    assert refused.headers["Retry-After"] == "1"
    is_outcome(feedback, 400)


def test_configured_clients_require_an_authenticator() -> None:
    with pytest.raises(ValueError, match="authenticate"), application(settings(clients=(EHR,))):
        pass


def test_additional_routes_are_registered(app: Flask) -> None:
    def add(to: Flask) -> None:
        to.add_url_rule("/extra/", "extra", lambda: "hello")

    with application(register=[add]) as made:
        answer = made.test_client().get("/extra")
    assert (answer.status_code, answer.data) == (200, b"hello")
