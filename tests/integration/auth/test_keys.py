"""Key sets from a real local server: fresh, stale, rotated, slow, broken (reliability JWT-9, protocol J-16, J-19)."""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cds_service.auth.authentication import AuthenticationFailed, TokenAuthenticator
from cds_service.auth.fetch_keys import Fetched, FetchFailed, fetch_key_set
from cds_service.auth.keys import ClientKeys, KeySource
from cds_service.config.key_set import read_key_set
from tests.builders.clock import Clock
from tests.builders.monitored import log_read_back
from tests.builders.tokens import (
    BASE,
    CLIENT,
    NOW,
    SERVICE,
    Guard,
    bearer,
    by_pyjwt,
    claims,
    header,
    jwk,
    private_key,
)
from tests.fakes.keys_server import KeysServer, keys_server, serve, serve_keys

OLD, NEW = jwk("p384", "old"), jwk("other-p384", "new")
Answer = Callable[[BaseHTTPRequestHandler], None]


def hang(server: KeysServer) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        server.over.wait(30)

    return answer


def drip(head: bytes, piece: bytes, server: KeysServer) -> Answer:
    """Return a server that never ends: one piece every 50 ms."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while not server.over.wait(0.05):
            handler.wfile.write(piece)
            handler.wfile.flush()

    return answer


def failure(url: str, seconds: float = 2.0) -> str:
    begun = time.monotonic()
    with pytest.raises(FetchFailed) as caught:
        fetch_key_set(url, seconds=seconds)
    assert time.monotonic() - begun < seconds + 1
    return caught.value.code


def test_a_fetched_key_set_carries_its_max_age() -> None:
    with keys_server(serve_keys(OLD, NEW, Cache_Control="public, max-age=77")) as server:
        fetched = fetch_key_set(server.url)
    assert (sorted(fetched.keys.by_kid), fetched.max_age) == (["new", "old"], 77)


def test_the_query_of_the_url_is_sent() -> None:
    with keys_server(serve_keys(OLD)) as server:
        fetch_key_set(f"{server.url}?site=a%20b&v=2")
        fetch_key_set(server.url)
        path = server.asked[1]
    assert server.asked == [f"{path}?site=a%20b&v=2", path]


@pytest.mark.parametrize(
    ("header_value", "age"),
    [
        ("", None),
        ("public", None),
        ("max-age=0", 0),
        ("MAX-AGE=9", 9),
        ('max-age="9"', 9),
        ("no-store", 0),
        ("max-age=90, no-cache", 0),
        ("s-maxage=5", None),
        ("max-age=-1", None),
        ("max-age=x", None),
    ],
)
def test_max_age_is_read_from_cache_control(header_value: str, age: int | None) -> None:
    with keys_server(serve_keys(OLD, Cache_Control=header_value)) as server:
        assert fetch_key_set(server.url).max_age == age


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (serve(b"", 404), "status"),
        (serve(b"", 500), "status"),
        (serve(b"", 204), "status"),
        (serve(b"not json"), "not-json"),
        (serve(b"\xff\xfe{"), "not-json"),
        (serve(b"[" * 60_000), "not-json"),
        (serve(b""), "not-json"),
        (serve(b"[]"), "no-key-set"),
        (serve(b'{"keys": 5}'), "no-key-set"),
        (serve_keys(*[OLD] * 51), "no-key-set"),
        (serve(b"{}", Content_Encoding="gzip"), "encoding"),
        (serve(b" " * 65_537), "too-large"),
        (serve(b" " * 10_000_000), "too-large"),
    ],
    ids=[
        "404",
        "500",
        "204",
        "text",
        "UTF-16",
        "deep",
        "empty",
        "list",
        "keys 5",
        "51 keys",
        "gzip",
        "a byte over",
        "10 MB",
    ],
)
def test_an_answer_that_is_no_key_set(answer: Answer, code: str) -> None:
    with keys_server(answer) as server:
        assert failure(server.url) == code


def test_64_kib_are_read() -> None:
    body = b'{"keys": []}'.ljust(65_536)
    with keys_server(serve(body)) as server:
        assert fetch_key_set(server.url).keys.by_kid == {}


@pytest.mark.control("SSRF-4")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with keys_server(serve_keys(OLD)) as elsewhere, keys_server(serve(b"", status, Location=elsewhere.url)) as server:
        assert failure(server.url) == "status"
        assert (server.asked, elsewhere.asked) == (["/keys"], [])


@pytest.mark.control("JWT-9")
@pytest.mark.parametrize(
    "slow",
    [
        hang,
        lambda server: drip(b"", b"H", server),
        lambda server: drip(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n", server),
        lambda server: drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ", server),
        lambda server: drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", server),
    ],
    ids=["silent", "drips its first line", "drips headers", "drips the body", "drips chunks"],
)
def test_a_slow_server_is_abandoned_in_time(slow: Callable[[KeysServer], Answer]) -> None:
    with keys_server(serve(b"")) as server:
        server.answer = slow(server)
        assert failure(server.url, 0.3) == "timeout"


def test_unreachable_servers_and_invalid_urls_are_failures() -> None:
    with keys_server(serve(b"")) as server:
        gone = server.url
        server.answer = lambda handler: handler.wfile.write(b"220 mail ready\r\n") and None
        assert failure(server.url) == "unreachable"
        server.answer = lambda handler: handler.connection.close()
        assert failure(server.url) in ("unreachable", "timeout")
    assert failure(gone) == "unreachable"
    assert failure("http://no-such-host.invalid/keys", 5) == "unreachable"
    assert failure("https://" + gone.removeprefix("http://")) == "unreachable"


@pytest.mark.control("SSRF-8")
def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login u password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with keys_server(serve(b"", 500)) as proxy, keys_server(serve_keys(OLD)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert list(fetch_key_set(server.url).keys.by_kid) == ["old"]
        assert proxy.asked == []
        assert "Authorization" not in server.headers[0]


def certificate(folder: Path) -> Path:
    """Write a self-signed certificate for 127.0.0.1, with its key in the same file."""
    key, name = private_key("p256"), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keys")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "keys.pem"
    form = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(built.public_bytes(Encoding.PEM) + form)
    return path


@pytest.mark.control("V12.3.2")
def test_https_needs_a_certificate_that_the_site_trusts(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with keys_server(serve_keys(OLD), lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        assert list(fetch_key_set(server.url, str(path)).keys.by_kid) == ["old"]
        assert failure(server.url) == "unreachable"
        assert len(server.asked) == 1


def test_a_stalled_handshake_is_abandoned_in_time() -> None:
    with keys_server(serve(b"")) as server:
        server.answer = hang(server)
        assert failure("https://" + server.url.removeprefix("http://"), 0.3) in ("timeout", "unreachable")


def test_a_set_is_fresh_for_thirty_seconds_to_ten_minutes() -> None:
    for says, lasts in ((None, 600), (601, 600), (599, 599), (31, 31), (30, 30), (5, 30), (0, 30)):
        clock = Clock()
        source = KeySource("x", lambda url, says=says: Fetched(read_key_set({"keys": [OLD]}), says), clock)
        source.refresh()
        assert source._due - clock.now == lasts
        assert source.age() == 0


class Flaky:
    """A fetch that the test turns on and off."""

    def __init__(self, *keys: object) -> None:
        self.keys, self.works, self.asked = keys, True, 0

    def __call__(self, url: str) -> Fetched:
        self.asked += 1
        if not self.works:
            raise FetchFailed("unreachable")
        return Fetched(read_key_set({"keys": list(self.keys)}), None)


@pytest.mark.control("JWT-9")
@pytest.mark.parametrize(("age", "usable"), [(24 * 3600 - 1, True), (24 * 3600, True), (24 * 3600 + 1, False)])
def test_after_failures_the_last_good_set_is_used_for_a_day(age: int, usable: bool) -> None:
    clock, fetch = Clock(), Flaky(OLD)
    source = KeySource("x", fetch, clock)
    source.refresh()
    fetch.works = False
    clock.now += age
    source.refresh()
    assert (source.failure, source._due - clock.now) == ("unreachable", 30)
    assert ("old" in source.current().by_kid) is usable
    fetch.works = True
    source.refresh()
    assert (source.failure, source.age()) == ("", 0)


@pytest.mark.control("JWT-9")
@pytest.mark.parametrize("now_served", [(NEW,), (), ("broken",)], ids=["rotated", "emptied", "only broken"])
def test_a_key_absent_from_a_newer_set_is_gone_at_once(now_served: tuple[object, ...]) -> None:
    fetch = Flaky(OLD, NEW)
    source = KeySource("x", fetch, Clock())
    source.refresh()
    assert source.current().find("old", "ES384")
    fetch.keys = now_served
    source.refresh()
    assert not source.current().find("old", "ES384")


def test_the_first_call_waits_for_the_first_fetch_and_many_cause_only_one() -> None:
    with keys_server(serve_keys(OLD)) as server:
        source, found = KeySource(server.url, fetch_key_set), []
        threads = [threading.Thread(target=lambda: found.append(source.find("old", "ES384", 5))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        source.stop()
    assert len(found) == 20
    assert None not in found
    assert len(server.asked) == 1


def test_a_new_key_is_found_by_the_next_call_and_100_unknown_ids_cost_one_fetch() -> None:
    clock = Clock()
    with keys_server(serve_keys(OLD)) as server:
        source = KeySource(server.url, fetch_key_set, clock)
        assert source.find("old", "ES384", 5)
        server.answer = serve_keys(OLD, NEW)
        assert source.find("new", "ES384", 5)
        assert len(server.asked) == 2
        for number in range(100):
            assert not source.find(f"unknown-{number}", "ES384", 5)
        assert len(server.asked) == 2
        clock.now += 29.9
        assert not source.find("unknown", "ES384", 5)
        assert len(server.asked) == 2
        clock.now += 0.1
        assert not source.find("unknown", "ES384", 5)
        assert len(server.asked) == 3
        assert not source.find("old", "RS384", 5)
        source.stop()


def test_a_known_id_for_another_algorithm_causes_no_fetch() -> None:
    fetch = Flaky(OLD)
    source = KeySource("x", fetch, Clock())
    assert source.find("old", "ES384", 5)
    assert not source.find("old", "RS384", 5)
    assert fetch.asked == 1
    source.stop()


def test_a_known_key_never_waits_for_a_fetch() -> None:
    """When the server stops answering, known keys are found at once, and unknown ones wait for their timeout."""
    with keys_server(serve_keys(OLD)) as server:
        source = KeySource(server.url, fetch_key_set)
        assert source.find("old", "ES384", 5)
        server.answer = hang(server)
        begun = time.monotonic()
        assert not source.find("unknown", "ES384", 0.2)
        waited = time.monotonic() - begun
        assert 0.15 < waited < 1
        begun = time.monotonic()
        for _ in range(1000):
            assert source.find("old", "ES384", 5)
        assert time.monotonic() - begun < 0.5
        source.stop()


@pytest.mark.parametrize(("deadline_ms", "seconds"), [(400, 0.2), (3000, 1.5), (5000, 2.0)])
def test_without_any_set_a_call_waits_half_its_deadline_and_two_seconds_at_most(
    deadline_ms: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(KeySource, "find", lambda self, kid, algorithm, timeout: waits.append(timeout) or ())
    client = replace(CLIENT, jwks_inline=None, jwks_url="https://ehr.example.org/keys", deadline_ms=deadline_ms)
    keys = ClientKeys([client])
    assert not keys.find(client, "old", "ES384")
    assert waits == [seconds]
    assert not keys.are_ready()


def test_a_set_is_renewed_in_the_background_when_due() -> None:
    clock, renewed = Clock(), threading.Event()
    served = Flaky(OLD)

    def fetch(url: str) -> Fetched:
        fetched = served(url)
        if NEW in served.keys:
            renewed.set()
        return fetched

    source = KeySource("x", fetch, clock)
    source.find("old", "ES384", 5)
    served.keys = (NEW,)
    with source._changed:
        clock.now += 600
        source._changed.notify_all()
    assert renewed.wait(10)
    assert source.find("new", "ES384", 5)
    assert not source.find("old", "ES384", 0)
    source.stop()


def test_a_set_that_arrives_just_before_the_wait_is_not_missed() -> None:
    """The first call of a worker must not be refused because its fetch was quick."""

    def clock() -> float:
        if source is not None and not fetch.asked:
            source.refresh()
        return 1000.0

    fetch = Flaky(OLD)
    source: KeySource | None = None
    source = KeySource("x", fetch, clock)
    source.stop()  # without its thread the fetch ends exactly where the clock is read
    assert source.find("old", "ES384", 5)


def test_a_forked_process_starts_a_new_thread() -> None:
    """A fork leaves the set and a thread that does not run."""
    source = KeySource("x", Flaky(OLD), Clock())
    source._thread = threading.Thread(target=list)
    assert source.find("old", "ES384", 5)
    source.stop()
    source._thread.join(10)
    source.start()
    assert not source._is_running(), "a stopped source does not start again"


@pytest.mark.control("JWT-10")
def test_a_short_rsa_key_is_accepted_and_logged_once() -> None:
    keys = [jwk("rsa", "short"), jwk("rsa-3072", "long"), OLD]
    with log_read_back() as log, keys_server(serve_keys(*keys)) as server:
        source = KeySource(server.url, fetch_key_set)
        for _ in range(3):
            source.refresh()
    assert source.current().find("short", "RS384")
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["level"], line["kid"], line["bits"]) == ("weak key", "warning", "short", 2048)
    assert "3072 bits or more" in line["reason"]


def test_keys_of_each_client_come_from_its_own_source() -> None:
    with keys_server(serve_keys(NEW)) as server:
        by_address = replace(CLIENT, name="second", jwks_inline=None, jwks_url=server.url)
        sharing = replace(by_address, name="third")
        keys = ClientKeys([CLIENT, by_address, sharing])
        assert keys.are_ready()
        keys.start()
        assert keys.find(by_address, "new", "ES384") == keys.find(sharing, "new", "ES384") != ()
        assert not keys.find(CLIENT, "new", "ES384")
        assert keys.find(CLIENT, "ec/+=1", "ES384")
        assert not keys.find(by_address, "ec/+=1", "ES384")
        assert list(keys.sources) == [server.url]
        keys.stop()


@pytest.mark.control("JWT-2")
def test_keys_are_fetched_only_from_the_configured_url() -> None:
    """Forged jku, x5u and jwk headers cause no connection (reliability JWT-2); the next call finds a rotated key."""
    with keys_server(serve_keys(jwk("attacker", "ec/+=1"))) as evil, keys_server(serve_keys(OLD)) as server:
        client = replace(CLIENT, jwks_inline=None, jwks_url=server.url, jku=(server.url,), deadline_ms=5000)
        keys = ClientKeys([client])
        token_authenticator = TokenAuthenticator([client], Guard(), keys, lambda: NOW, BASE)

        def use_token(kid: str, key: str, **head: object) -> object:
            token = by_pyjwt(header(kid=kid, jku=server.url) | head, claims(), key)
            return token_authenticator.authenticate(bearer(token), SERVICE)

        assert use_token("old", "p384") is client
        for head in ({"jku": evil.url}, {"x5u": evil.url}, {"jwk": jwk("attacker", "old")}):
            with pytest.raises(AuthenticationFailed):
                use_token("old", "attacker", **head)
        server.answer = serve_keys(NEW)
        assert use_token("new", "other-p384") is client
        with pytest.raises(AuthenticationFailed):
            use_token("old", "p384")
        assert (evil.asked, server.asked) == ([], ["/keys", "/keys"])
        keys.stop()
