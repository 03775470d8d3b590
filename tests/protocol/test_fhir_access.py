"""Which server is read, and with which token: protocol A-xx, reliability SSRF-1 to SSRF-8, LOG-1, TOK-1 to TOK-3."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from cds_service.config.client import Client
from cds_service.config.profiles import open_client
from cds_service.fhir.access import access_token_of
from cds_service.fhir.base import accepted_base
from cds_service.hooks.request import FhirAuthorization, HookRequest
from cds_service.web.address_policy import AddressPolicy
from tests.builders.service import (
    FIRST_READS,
    VIEW,
    application,
    bare,
    bundle,
    card_codes,
    ferritin,
    is_outcome,
    is_response,
    rls,
    settings,
)
from tests.fakes.fault_server import FaultServer, Line, answer, empty, fault_server, status

BASE = "https://ehr.example.org/fhir/r4"
CLINIC = Client("clinic", issuer="https://ehr.example.org", fhir_base=BASE)
OPEN = open_client("generic")

#: None of these is BASE, however a parser reads it.
HOSTILE = [
    "",
    "/",
    BASE + "//",
    BASE.upper(),
    BASE + "/../r4",
    BASE + "?",
    BASE + "#",
    BASE + " ",
    " " + BASE,
    BASE + "\r\n",
    BASE + "\r\nHost: evil.example",
    BASE + "/x",
    BASE[:-1],
    BASE.replace("https", "http"),
    BASE.replace("https", "HTTPS"),
    BASE.replace("https://", "//"),
    BASE.replace("ehr.example.org", "ehr.example.org:443"),
    BASE.replace("ehr.example.org", "ehr.example.org."),
    BASE.replace("ehr.example.org", "EHR.example.org"),
    BASE.replace("ehr.example.org", "user:pw@ehr.example.org"),
    BASE.replace("ehr.example.org", "ehr.example.org@evil.example"),
    BASE.replace("ehr.example.org", "ehr.example.org\\@evil.example"),
    BASE.replace("ehr.example.org", "ehr.example.org%2eevil.example"),
    BASE.replace("ehr.example.org", "ehr.example.org.evil.example"),
    BASE.replace("e", "е"),  # Cyrillic
    BASE.replace("https://", "https:\\\\"),
    "https://evil.example/fhir/r4",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/fhir/r4",
    "https://127.0.0.1/fhir/r4",
    "https://10.0.0.1/fhir/r4",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "javascript:alert(1)",
]


def request(server: str | None, **authorization: Any) -> HookRequest:
    given = FhirAuthorization(**{"access_token": "t", **authorization}) if authorization else None
    return HookRequest("patient-view", "i", "p1", "Practitioner/1", fhir_server=server, authorization=given)


@pytest.mark.row("A-07")
@pytest.mark.control("SSRF-1")
@pytest.mark.parametrize("server", [BASE, BASE + "/"])
def test_with_clients_the_configured_address_is_used(server: str) -> None:
    assert accepted_base(CLINIC, server) == BASE


@pytest.mark.control("SSRF-1", "SSRF-3")
@pytest.mark.parametrize("server", [None, *HOSTILE])
def test_any_other_url_counts_as_absent(server: str | None) -> None:
    assert accepted_base(CLINIC, server) is None


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.1:8080/fhir",
        "https://localhost/fhir/r4/",
        "http://[::1]:9/fhir",
        "http://127.8.9.10",
        "http://localhost:1",
    ],
)
def test_in_open_mode_this_machine_is_read(server: str) -> None:
    assert accepted_base(OPEN, server) == server.removesuffix("/")


@pytest.mark.parametrize(
    "server",
    [
        *(each for each in HOSTILE if "127.0.0.1/fhir" not in each and "[::1]" not in each),
        "http://127.0.0.1.evil.example/fhir",
        "http://127.0.0.1@evil.example/fhir",
        "http://localhost@evil.example/fhir",
        "http://localhost.evil.example/fhir",
        "http://localhost\\@evil.example",
        "http://evil.example#@localhost/",
        "http://127.0.0.1:80a/fhir",
        "http://127.0.0.1/fhir?x=http://evil.example",
        "http://127.1/fhir",
        "http://0.0.0.0/fhir",
        "http://2130706433/fhir",
        "http://[::ffff:127.0.0.1]/fhir",
        "http://127.0.0.1/a/../b%2f",
    ],
)
def test_in_open_mode_no_other_machine_is_read(server: str) -> None:
    assert accepted_base(OPEN, server) is None


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Collect every address that is connected to or looked up."""
    tried: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: tried.append(asked) or [])
    yield tried


@pytest.mark.row("A-08")
@pytest.mark.control("SSRF-1")
@pytest.mark.parametrize("server", HOSTILE)
def test_a_hostile_address_opens_no_socket(no_sockets: list[Any], server: str) -> None:
    """It is no error: a complete prefetch is answered, an incomplete one is 412."""
    with application(settings(clients=(CLINIC,)), authenticate=lambda header, path: CLINIC) as app:
        body = bare(fhirServer=server) if server else bare()
        is_outcome(app.test_client().post(VIEW, json=body), 412)
    assert no_sockets == []


@pytest.mark.control("SSRF-5")
@pytest.mark.parametrize(
    "peer",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "192.0.0.192",
        "100.100.100.200",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2002:7f00:1::",
        "fe80::1%eth0",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:ffff::1",
        "::127.0.0.1",
        "::169.254.169.254",
        "::10.1.2.3",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "nonsense",
    ],
)
def test_addresses_without_a_fhir_server_are_refused(peer: str) -> None:
    assert not AddressPolicy.for_client(()).allow(peer)
    assert not AddressPolicy.for_client(("10.0.0.0/8",)).allow(peer)
    of_this_machine = peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "2002:7f00:1::")
    assert AddressPolicy.for_client(("0.0.0.0/0", "::/0")).allow(peer) is of_this_machine


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.168.0.1", "172.16.0.1", "8.8.8.8", "2001:4860::8888"])
def test_hospital_networks_and_the_internet_may_be_read(peer: str) -> None:
    assert AddressPolicy.for_client(()).allow(peer)
    assert not AddressPolicy(loopback_only=True).allow(peer)


def test_an_allowed_network_takes_precedence() -> None:
    assert AddressPolicy.for_client(("127.0.0.0/8",)).allow("127.0.0.1")
    assert AddressPolicy(loopback_only=True).allow("::ffff:127.0.0.1")


@pytest.mark.control("SSRF-5")
def test_the_address_is_checked_after_the_connection_is_made() -> None:
    """The configured name resolves to this machine, which is not allowed, so nothing is sent."""
    with fault_server(empty) as server:
        base = server.base.replace("127.0.0.1", "localhost")
        client = Client("c", issuer="i", fhir_base=base, allow_http=True)
        with application(settings(clients=(client,)), authenticate=lambda header, path: client) as app:
            is_outcome(app.test_client().post(VIEW, json=bare(fhirServer=base)), 412)
        assert server.asked == []
        allowed = Client("c", issuer="i", fhir_base=base, allow_http=True, allowed_networks=("127.0.0.0/8", "::1/128"))
        with application(settings(clients=(allowed,)), authenticate=lambda header, path: allowed) as app:
            is_response(app.test_client().post(VIEW, json=bare(fhirServer=base)))
        assert len(server.asked) == len(FIRST_READS)


@pytest.mark.control("SSRF-3")
def test_one_clients_token_never_goes_to_another_clients_server() -> None:
    with fault_server(empty) as mine, fault_server(empty) as theirs:
        ours, others = (
            Client(name, issuer=name, fhir_base=base, allow_http=True, allowed_networks=("127.0.0.0/8",))
            for name, base in (("a", mine.base), ("b", theirs.base))
        )
        with application(settings(clients=(ours, others)), authenticate=lambda header, path: ours) as app:
            body = bare(fhirServer=theirs.base, fhirAuthorization={"access_token": "secret"})
            is_outcome(app.test_client().post(VIEW, json=body), 412)
        assert theirs.connections == mine.connections == 0


@pytest.mark.row("A-04")
@pytest.mark.control("LOG-1", "TOK-2", "TOK-3")
@pytest.mark.parametrize(
    ("given", "value", "usable"),
    [
        ({"access_token": "abc.DEF-1_2~3+4/5=="}, "abc.DEF-1_2~3+4/5==", True),
        ({"access_token": "5|ZNDi5"}, "5|ZNDi5", True),
        ({"access_token": "a,b"}, "a,b", True),
        ({"access_token": "a b"}, "a b", True),
        ({"access_token": 'a"\\~'}, 'a"\\~', True),
        ({"access_token": "abc\n"}, "abc", True),
        ({"access_token": " \t\r\nabc\r\n"}, "abc", True),
        ({"access_token": "\n"}, None, False),
        ({"access_token": "a\r\nX: b"}, None, False),
        ({"access_token": "a\tb"}, None, False),
        ({"access_token": "☃"}, None, False),
        ({"access_token": "é"}, None, False),
        ({"access_token": "\u00a0abc"}, None, False),
        ({"access_token": "a\x7f"}, None, False),
        ({"access_token": "a\0"}, None, False),
        ({"access_token": "a" * 16_385}, None, False),
        ({"access_token": "a" * 16_384}, "a" * 16_384, True),
        ({"access_token": "a" * 16_384 + "\n"}, "a" * 16_384, True),
        ({"access_token": "t", "expires_in": 1}, "t", True),
        ({"access_token": "t", "expires_in": 0}, None, False),
        ({"access_token": "t", "expires_in": -5}, None, False),
        ({"access_token": "t", "expires_in": float("nan")}, None, False),
        ({"access_token": "t", "patient": "p1"}, "t", True),
        ({"access_token": "t", "patient": "p2"}, None, False),
    ],
)
def test_which_tokens_are_usable(given: dict[str, Any], value: str | None, usable: bool) -> None:
    token = access_token_of(request(BASE, **given))
    assert (token.value, token.usable) == (value, usable)
    assert not value or value not in repr(token)


@pytest.mark.control("LOG-1")
def test_every_printable_sign_may_be_part_of_a_token_and_no_other() -> None:
    """Blanks and line ends around a token are cut; anywhere else they are part of it or make it unusable."""
    for number in (*range(0x250), 0x2028, 0x3000, 0xFEFF, 0xFF41, 0x1F600):
        sign, is_printable = chr(number), 0x20 <= number < 0x7F
        inside = access_token_of(request(BASE, access_token=f"a{sign}b"))
        assert (inside.value, inside.usable) == ((f"a{sign}b", True) if is_printable else (None, False)), number
        around = access_token_of(request(BASE, access_token=f"{sign}ab{sign}"))
        meant = "ab" if sign in " \t\r\n" else f"{sign}ab{sign}" if is_printable else None
        assert (around.value, around.usable) == (meant, meant is not None), number


@pytest.mark.row("A-04")
@pytest.mark.control("TOK-2")
@pytest.mark.parametrize(
    "authorization",
    [
        {"access_token": "t", "expires_in": 0},
        {"access_token": "t", "patient": "p2"},
        {"access_token": "a\nb"},
        {"access_token": "a" * 16_385},
    ],
)
def test_an_unusable_token_prevents_every_read(app: Flask, authorization: dict[str, Any]) -> None:
    with fault_server(empty) as server:
        body = bare(fhirServer=server.base, fhirAuthorization=authorization)
        is_outcome(app.test_client().post(VIEW, json=body), 412)
        assert server.connections == 0


def chart(line: Line) -> None:
    kind = line.asked.path.removeprefix("/fhir/").partition("?")[0]
    known = {
        "Patient/p1": {"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"},
        "Condition": bundle(rls()),
        "Observation": bundle(ferritin(20)),
    }
    answer(known.get(kind, bundle()))(line)


@pytest.mark.row("A-02", "A-07", "A-09")
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_read_carries_the_token_and_asks_for_fhir(app: Flask, slash: str) -> None:
    with fault_server(chart) as server:
        body = bare(fhirServer=server.base + slash, fhirAuthorization={"access_token": "opaque", "expires_in": 300})
        found = is_response(app.test_client().post(VIEW, json=body))
        assert server.paths() == [*FIRST_READS]
        for asked in server.asked:
            assert asked.headers["authorization"] == "Bearer opaque"
            assert asked.headers["accept"].split(", ")[0] == "application/fhir+json"
            assert asked.headers["accept-encoding"] == "gzip"
            assert asked.headers["cache-control"] == "no-cache"
            assert asked.path.endswith("&_count=200") or asked.path == "/fhir/Patient/p1"
            assert "cookie" not in asked.headers
        labs = next(asked.path for asked in server.asked if "Observation" in asked.path)
    assert "IRONLOW" in card_codes(found)
    assert labs.startswith("/fhir/Observation?patient=p1&code=http://loinc.org%7C29463-7,http://loinc.org%7C2276-4,")
    assert labs.endswith("&_sort=-date&_count=200")


@pytest.mark.row("A-06")
def test_without_a_token_an_open_server_is_read_without_one(app: Flask) -> None:
    with fault_server(chart) as server:
        is_response(app.test_client().post(VIEW, json=bare(fhirServer=server.base)))
        assert not any("authorization" in asked.headers for asked in server.asked)


def test_order_hooks_read_the_same_lists(app: Flask) -> None:
    iron = {"text": "ferrous sulfate 325 mg tablet"}
    draft = {"resourceType": "MedicationRequest", "id": "d", "status": "draft", "medicationCodeableConcept": iron}
    with fault_server(chart) as server:
        context = {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": bundle(draft)}
        body = bare(fhirServer=server.base) | {"hook": "order-sign", "context": context}
        is_response(app.test_client().post("/cds-services/rls-order-sign", json=body))
        assert server.paths() == [*FIRST_READS]


@pytest.mark.control("SSRF-8")
def test_environment_proxies_and_netrc_are_ignored(app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login u password p\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    with fault_server(chart) as server, fault_server(empty) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)
        body = bare(fhirServer=server.base, fhirAuthorization={"access_token": "opaque"})
        is_response(app.test_client().post(VIEW, json=body))
        assert proxy.connections == 0
        assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer opaque"}


@pytest.mark.row("A-02")
@pytest.mark.control("TOK-1")
def test_tokens_of_concurrent_calls_never_mix(app: Flask) -> None:
    """Each patient has a token of their own, and the server checks which token came with which."""
    with fault_server(empty) as server, ThreadPoolExecutor(4) as threads:

        def ask(number: int) -> None:
            body = bare(fhirServer=server.base, fhirAuthorization={"access_token": f"token{number}"})
            body["context"]["patientId"] = f"p{number}"
            is_response(app.test_client().post(VIEW, json=body))

        list(threads.map(ask, range(12)))
        for asked in server.asked:
            number = asked.path.partition("patient=p")[2].partition("&")[0] or asked.path.rpartition("/p")[2]
            assert asked.headers["authorization"] == f"Bearer token{number}"
        assert len(server.asked) == 12 * len(FIRST_READS)


def test_cookies_are_not_kept(app: Flask) -> None:
    with fault_server(status(200, Set_Cookie="a=b; Path=/")) as server:
        for _ in range(2):
            app.test_client().post(VIEW, json=bare(fhirServer=server.base))
        assert not any("cookie" in asked.headers for asked in server.asked)


def orders(*drugs: dict[str, Any]) -> dict[str, Any]:
    return bundle(
        *({"resourceType": "MedicationRequest", "id": f"m{n}", "status": "active"} | d for n, d in enumerate(drugs))
    )


def read_medications(app: Flask, server: FaultServer, drugs: dict[str, Any]) -> list[str]:
    sent = {
        "patient": {"resourceType": "Patient", "id": "p1"},
        "conditions": bundle(rls()),
        "labs": bundle(ferritin(20)),
    }
    sent |= {"medications": drugs, "allergies": None, "procedures": None, "orders": None}
    is_response(app.test_client().post(VIEW, json=bare(fhirServer=server.base, prefetch=sent)))
    return server.paths()


def test_medications_that_orders_refer_to_are_read_on_demand(app: Flask) -> None:
    with fault_server(empty) as server:
        drugs = orders(
            {"medicationReference": {"reference": "Medication/a"}},
            {"medicationReference": {"reference": f"{server.base}/Medication/b"}},
            {"medicationReference": {"reference": "Medication/a/_history/2"}},
            {"medicationReference": {"reference": "#contained"}},
            {"medicationReference": {"reference": "https://elsewhere.example/Medication/c"}},
            {"medicationReference": {"reference": "Medication/../../admin"}},
            {"medicationReference": {"reference": "Medication/.."}},
            {"medicationReference": {"reference": "Patient/p1"}},
            {"medication": {"reference": {"reference": "Medication/r5"}}},
            {"medicationCodeableConcept": {"text": "x"}},
        )
        assert read_medications(app, server, drugs) == [f"Medication/{name}" for name in ("a", "b", "c", "r5")]


def test_at_most_ten_medications_are_read_active_orders_first(app: Flask) -> None:
    with fault_server(empty) as server:
        old = [{"status": "stopped", "medicationReference": {"reference": f"Medication/old{n}"}} for n in range(9)]
        new = [{"medicationReference": {"reference": f"Medication/new{n}"}} for n in range(9)]
        paths = read_medications(app, server, orders(*old, *new))
    assert sorted(paths) == sorted([f"Medication/new{n}" for n in range(9)] + ["Medication/old0"])
