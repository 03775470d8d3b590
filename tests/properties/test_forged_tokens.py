"""Thousands of forged tokens and hostile URLs from a seed; the long forms run with `-m full`."""

from __future__ import annotations

import random
import socket
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_service.auth.authentication import AnonymousAccess, AuthenticationFailed, TokenAuthenticator
from cds_service.auth.keys import ClientKeys
from cds_service.config.profiles import open_client
from cds_service.fhir.base import accepted_base
from cds_service.fhir.links import address_below
from tests.builders.hostile_addresses import HOSTILE, made_up
from tests.builders.tokens import (
    BASE,
    CLIENT,
    DROP,
    NOW,
    OTHER,
    SECONDS,
    SERVICE,
    Guard,
    bearer,
    by_hand,
    by_joserfc,
    by_pyjwt,
    claims,
    header,
    jwk,
    token_authenticator,
)
from tests.fakes.keys_server import keys_server, serve_keys
from tests.fakes.socket_spy import watched_sockets

#: A short form that always runs, and the long form.
TOKENS = [pytest.param(200, id="200"), pytest.param(1_000, id="1000", marks=pytest.mark.full)]
ADDRESSES = [pytest.param(500, id="500"), pytest.param(5_000, id="5000", marks=pytest.mark.full)]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
Damage = Callable[[random.Random, Callable[..., str]], str]


def one_sign(chance: random.Random, sign: Callable[..., str]) -> str:
    """Replace one character of one segment, so that its bytes differ."""
    token = sign(header(), claims()).split(".")
    while True:
        number = chance.randrange(3)
        index = chance.randrange(len(token[number]))
        changed = token[number][:index] + chance.choice(ALPHABET) + token[number][index + 1 :]
        if _bytes(changed) != _bytes(token[number]):
            return ".".join([*token[:number], changed, *token[number + 1 :]])


def _bytes(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def cut_short(chance: random.Random, sign: Callable[..., str]) -> str:
    token = sign(header(), claims())
    return token[: chance.randrange(len(token) - 2)]


def swapped(chance: random.Random, sign: Callable[..., str]) -> str:
    """Combine segments of two good tokens."""
    first, second = sign(header(), claims()).split("."), sign(header(), claims(sub="x")).split(".")
    return chance.choice([f"{first[0]}.{second[1]}.{first[2]}", f"{first[0]}.{first[1]}.{second[2]}"])


def bad_claim(chance: random.Random, sign: Callable[..., str]) -> str:
    name = chance.choice(["iss", "aud", "exp", "iat", "jti"])
    value = chance.choice([DROP, None, True, [], {}, "", -1, 0.5, 2**80, "x" * 200, "\ud800", ["x"], {"a": "b"}])
    return sign(header(), claims(**{name: value}))


def bad_time(chance: random.Random, sign: Callable[..., str]) -> str:
    far = chance.randrange(1000, 10**8)
    times = [{"exp": SECONDS - far}, {"iat": SECONDS + far}, {"iat": SECONDS - far}, {"exp": SECONDS + far}]
    return sign(header(), claims(**chance.choice(times)))


def bad_header(chance: random.Random, sign: Callable[..., str]) -> str:
    change = chance.choice(
        [
            {"kid": DROP},
            {"kid": chance.choice(HOSTILE)[:128] or " "},
            {"kid": chance.randbytes(chance.randrange(1, 40)).hex()},
            {"typ": chance.choice(["JWS", "x", "JWT "])},
            {"jku": "https://" + chance.choice(["evil.example.org", "127.0.0.1", "169.254.169.254"]) + "/keys"},
        ]
    )
    return sign(header(**change), claims())


def bad_key(chance: random.Random, sign: Callable[..., str]) -> str:
    head = chance.choice([{}, {"jwk": jwk("attacker", "ec/+=1")}, {"x5u": "https://evil.example.org/x"}])
    return sign(header(**head), claims(), chance.choice(["attacker", "other-p384"]))


def bad_algorithm(chance: random.Random, sign: Callable[..., str]) -> str:
    wrong = ["none", "None", "HS256", "HS384", "HS512", "RS256", "PS384", "ES256", "EdDSA", "RS384", "", "A128KW"]
    return by_hand(header(alg=chance.choice(wrong)), claims(), chance.choice(["p384", "rsa"]))


DAMAGES: tuple[Damage, ...] = (
    one_sign,
    cut_short,
    swapped,
    bad_claim,
    bad_time,
    bad_header,
    bad_key,
    bad_algorithm,
)


@pytest.mark.control("JWT-2", "JWT-11", "V9.1.1")
@pytest.mark.parametrize("count", TOKENS)
def test_no_forged_or_damaged_token_is_accepted(count: int) -> None:
    chance, guard = random.Random(20261122), Guard()  # noqa: S311 - repeatable, not secret
    closed = token_authenticator(guard=guard)
    for number in range(count):
        damage, sign = DAMAGES[number % len(DAMAGES)], (by_pyjwt, by_joserfc)[number // len(DAMAGES) % 2]
        token = damage(chance, sign)
        with pytest.raises(AuthenticationFailed, match=r"^not authenticated$"):
            closed.authenticate(bearer(token), SERVICE)
            pytest.fail(f"{damage.__name__} was accepted: {token}")
    assert not guard.seen
    for sign in (by_pyjwt, by_joserfc):
        assert closed.authenticate(bearer(sign(header(), claims())), SERVICE) is CLIENT


@pytest.mark.parametrize("count", TOKENS)
def test_no_header_breaks_anonymous_access(count: int) -> None:
    chance, everybody = random.Random(7), open_client("generic")  # noqa: S311 - repeatable, not secret
    for number in range(count):
        token = DAMAGES[number % len(DAMAGES)](chance, by_pyjwt)
        try:
            assert AnonymousAccess(everybody).authenticate(bearer(token), SERVICE) is everybody
        except AuthenticationFailed as fault:
            assert fault.code == "alg"


@pytest.mark.control("SSRF-1", "SSRF-5")
@pytest.mark.parametrize("count", ADDRESSES)
def test_no_hostile_address_opens_a_socket(count: int) -> None:
    """The URL is sent as `fhirServer`, as `next`, and in `jku`, `kid`, `iss` and `aud` of a well-signed token."""
    with keys_server(serve_keys(jwk("p384", "ec/+=1"))) as server:
        fetched = replace(CLIENT, name="fetched", jwks_inline=None, jwks_url=server.url, jku=(server.url,))
        keys = ClientKeys([fetched])
        closed = TokenAuthenticator([fetched], Guard(), keys, lambda: NOW, BASE)
        assert closed.authenticate(bearer(by_pyjwt(header(jku=server.url), claims())), SERVICE) is fetched
        keys.stop()
        with watched_sockets() as tried:
            for address in [*HOSTILE, *made_up(11, count - len(HOSTILE))]:
                _try_as_server(address)
                for change in ({"jku": address}, {"kid": address[:100]}):
                    with pytest.raises(AuthenticationFailed):
                        closed.authenticate(bearer(by_hand(header(**change), claims())), SERVICE)
                for change in ({"iss": address}, {"aud": address}):
                    with pytest.raises(AuthenticationFailed):
                        closed.authenticate(bearer(by_hand(header(jku=server.url), claims(**change))), SERVICE)
        assert (tried, server.asked) == ([], ["/keys"])


def _try_as_server(address: str) -> None:
    base = "https://ehr.example.org/fhir"
    for client in (CLIENT, OTHER, open_client("generic")):
        assert accepted_base(client, address) is None
    following = address_below(base, address)
    assert following is None or following.startswith((f"{base}/", f"{base}?"))


def test_the_spy_sees_what_it_should() -> None:
    with watched_sockets() as tried:
        with pytest.raises(OSError, match="spy"):
            socket.create_connection(("127.0.0.1", 9))
        with pytest.raises(OSError, match="spy"), socket.socket() as sock:
            sock.connect(("127.0.0.1", 9))
    assert tried == [("127.0.0.1", 9)] * 2
