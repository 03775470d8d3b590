"""Forged and misused tokens are refused: protocol J-01 to J-18, reliability JWT-1 to JWT-11."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_service.auth.authentication import AuthenticationFailed, ReplayStoreFull, ReplayStoreUnavailable
from cds_service.store.databases.faults import StoreFull, StoreUnavailable
from tests.builders.tokens import (
    BASE,
    CLIENT,
    DROP,
    ISSUER,
    JKU,
    NOW,
    OTHER,
    SECONDS,
    SERVICE,
    Guard,
    b64,
    bearer,
    by_hand,
    by_joserfc,
    by_pyjwt,
    claims,
    header,
    jwk,
    pem,
    token_authenticator,
    with_secret,
)

Sign = Callable[..., str]
SIGNERS = [pytest.param(by_pyjwt, id="PyJWT"), pytest.param(by_joserfc, id="joserfc")]


def code_of(authorization: str | None, path: str = SERVICE) -> str:
    """Return the counter label of a refusal, which callers never see."""
    guard = Guard()
    with pytest.raises(AuthenticationFailed) as caught:
        token_authenticator(guard=guard).authenticate(
            {"Authorization": authorization} if authorization is not None else {}, path
        )
    assert (str(caught.value), caught.value.args) == ("not authenticated", ("not authenticated",))
    assert caught.value.__cause__ is None
    assert not guard.seen, "only the id of a token that passed all checks is noted"
    return caught.value.code


@pytest.mark.parametrize("sign", SIGNERS)
@pytest.mark.parametrize(
    ("head", "body"),
    [
        ({}, {}),
        ({"jku": DROP}, {}),
        ({"typ": "jwt"}, {}),
        ({}, {"aud": ["https://elsewhere.example.org", BASE + SERVICE]}),
        ({}, {"sub": "x", "nbf": SECONDS - 300, "tenant": "a", "more": {"a": [1]}}),
        ({"jwk": jwk("other-p384", "ec/+=1")}, {}),
        ({"x5u": "https://evil.example.org/x", "x5c": ["AAAA"]}, {}),
        ({}, {"jti": "x"}),
        ({}, {"jti": "x" * 128}),
        ({}, {"exp": SECONDS + 900}),
        ({}, {"exp": SECONDS + 300.5, "iat": SECONDS - 0.5, "nbf": SECONDS - 0.25}),
        ({}, {"exp": SECONDS + 300.0, "iat": float(SECONDS), "nbf": float(SECONDS)}),
    ],
    ids=[
        "plain",
        "no jku",
        "typ in small letters",
        "one audience of two",
        "other claims",
        "jwk is not looked at",
        "x5u and x5c are not looked at",
        "a jti of one",
        "a jti of 128",
        "Epic's 15 minutes",
        "times with a fraction",
        "times with a fraction of zero",
    ],
)
def test_a_good_token_is_accepted(sign: Sign, head: dict[str, object], body: dict[str, object]) -> None:
    assert token_authenticator().authenticate(bearer(sign(header(**head), claims(**body))), SERVICE) is CLIENT


@pytest.mark.control("JWT-1")
@pytest.mark.parametrize("sign", SIGNERS)
def test_both_recommended_algorithms_are_accepted(sign: Sign) -> None:
    token = sign(header(alg="RS384", kid="rsa-1"), claims(), "rsa")
    assert token_authenticator().authenticate(bearer(token), SERVICE) is CLIENT


@pytest.mark.control("JWT-1")
@pytest.mark.parametrize(("algorithm", "kid", "key"), [("ES256", "p256-1", "p256"), ("ES512", "p521-1", "p521")])
def test_other_asymmetric_algorithms_must_be_configured(algorithm: str, kid: str, key: str) -> None:
    token = by_pyjwt(header(alg=algorithm, kid=kid), claims(), key)
    assert code_of(f"Bearer {token}") == "alg"
    allowing = replace(CLIENT, algorithms=("ES384", algorithm))
    assert token_authenticator(allowing).authenticate(bearer(token), SERVICE) is allowing


HEADERS = [
    ("no typ", {"typ": DROP}, "typ"),
    ("empty typ", {"typ": ""}, "typ"),
    ("typ JOSE", {"typ": "JOSE"}, "typ"),
    ("typ at+jwt", {"typ": "at+jwt"}, "typ"),
    ("no kid", {"kid": DROP}, "kid"),
    ("empty kid", {"kid": ""}, "kid"),
    ("kid of 129", {"kid": "k" * 129}, "kid"),
    ("unknown kid", {"kid": "ec-2"}, "unknown-key"),
    ("kid in other letters", {"kid": "EC/+=1"}, "unknown-key"),
    ("kid is a path", {"kid": "../../../../dev/null"}, "unknown-key"),
    ("kid is SQL", {"kid": "' UNION SELECT 'key' --"}, "unknown-key"),
    ("kid with NUL", {"kid": "ec/+=1\x00"}, "unknown-key"),
    ("kid is a template", {"kid": "{{7*7}}${7*7}"}, "unknown-key"),
    ("kid of another type", {"kid": "rsa-1"}, "unknown-key"),
    ("kid of another curve", {"kid": "p256-1"}, "unknown-key"),
    ("kid of another client", {"kid": "other-1"}, "unknown-key"),
    ("foreign jku", {"jku": "https://evil.example.org/keys"}, "jku"),
    ("jku with a slash more", {"jku": JKU + "/"}, "jku"),
    ("jku with a query", {"jku": JKU + "?x"}, "jku"),
    ("jku with a user", {"jku": "https://ehr.example.org@evil.example.org/keys"}, "jku"),
    ("jku in capitals", {"jku": "https" + JKU[5:].upper()}, "jku"),
    ("jku on this machine", {"jku": "http://127.0.0.1/keys"}, "jku"),
    ("jku is the metadata service", {"jku": "http://169.254.169.254/latest"}, "jku"),
]
CLAIMS = [
    *((f"no {name}", {name: DROP}, code) for name, code in
      [("iss", "unknown-issuer"), ("aud", "aud"), ("exp", "exp"), ("iat", "iat"), ("jti", "jti")]),
    ("unknown iss", {"iss": "https://evil.example.org"}, "unknown-issuer"),
    ("iss with a slash more", {"iss": ISSUER + "/"}, "unknown-issuer"),
    ("iss shorter", {"iss": ISSUER[:-1]}, "unknown-issuer"),
    ("iss empty", {"iss": ""}, "unknown-issuer"),
    ("iss in a list", {"iss": [ISSUER]}, "unknown-issuer"),
    ("iss in an object", {"iss": {ISSUER: 1}}, "unknown-issuer"),
    ("iss of another client", {"iss": OTHER.issuer}, "jku"),
    ("aud is the base", {"aud": BASE}, "aud"),
    ("aud is discovery", {"aud": BASE + "/cds-services"}, "aud"),
    ("aud is another service", {"aud": BASE + "/cds-services/rls-order-sign"}, "aud"),
    ("aud is its feedback", {"aud": BASE + SERVICE + "/feedback"}, "aud"),
    ("aud is longer", {"aud": BASE + SERVICE + "x"}, "aud"),
    ("aud with a slash more", {"aud": BASE + SERVICE + "/"}, "aud"),
    ("aud with two slashes", {"aud": BASE + "//cds-services/rls-patient-view"}, "aud"),
    ("aud by http", {"aud": "http://cds.example.org" + SERVICE}, "aud"),
    ("aud in capitals", {"aud": (BASE + SERVICE).upper()}, "aud"),
    ("aud with a port", {"aud": "https://cds.example.org:443" + SERVICE}, "aud"),
    ("aud is the path", {"aud": SERVICE}, "aud"),
    ("aud is another host", {"aud": "https://evil.example.org" + SERVICE}, "aud"),
    ("aud is an object", {"aud": {BASE + SERVICE: 1}}, "aud"),
    ("aud is an empty list", {"aud": []}, "aud"),
    ("aud is a number", {"aud": 1}, "aud"),
    ("aud in a list in a list", {"aud": [[BASE + SERVICE]]}, "aud"),
    ("aud beside a number", {"aud": [BASE + SERVICE, 1]}, "aud"),
    ("aud is empty", {"aud": ""}, "aud"),
    ("exp in words", {"exp": str(SECONDS + 300)}, "exp"),
    ("exp is true", {"exp": True}, "exp"),
    ("exp is a list", {"exp": [SECONDS + 300]}, "exp"),
    ("exp is null", {"exp": None}, "exp"),
    ("exp 1e308", {"exp": 1e308}, "exp"),
    ("exp negative", {"exp": -1}, "exp"),
    ("exp of 4,000 digits", {"exp": 10**3999}, "exp"),
    ("exp in ten years", {"exp": SECONDS + 315_360_000}, "too-old"),
    ("expired an hour ago", {"exp": SECONDS - 3600, "iat": SECONDS - 3900}, "expired"),
    ("iat in words", {"iat": str(SECONDS)}, "iat"),
    ("iat is false", {"iat": False}, "iat"),
    ("exp in milliseconds", {"exp": SECONDS * 1000 + 300_000}, "exp"),
    ("iat in ten minutes", {"iat": SECONDS + 600, "exp": SECONDS + 900}, "iat"),
    ("iat a year ago", {"iat": SECONDS - 31_536_000}, "too-old"),
    ("nbf in an hour", {"nbf": SECONDS + 3600}, "nbf"),
    ("nbf in words", {"nbf": "now"}, "nbf"),
    ("jti empty", {"jti": ""}, "jti"),
    ("jti of 129", {"jti": "x" * 129}, "jti"),
    ("jti is a number", {"jti": 1}, "jti"),
    ("jti is a list", {"jti": ["x"]}, "jti"),
    ("tenant is a number", {"tenant": 1}, "tenant"),
    ("tenant is a list", {"tenant": ["a"]}, "tenant"),
]  # fmt: skip


@pytest.mark.control("JWT-1", "JWT-2", "JWT-3", "JWT-6")
@pytest.mark.parametrize("sign", SIGNERS)
@pytest.mark.parametrize(("head", "code"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_a_header_that_is_refused(sign: Sign, head: dict[str, object], code: str) -> None:
    assert code_of(f"Bearer {sign(header(**head), claims())}") == code


@pytest.mark.control("JWT-5", "JWT-6")
@pytest.mark.parametrize("sign", SIGNERS)
@pytest.mark.parametrize(("body", "code"), [row[1:] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_claims_that_are_refused(sign: Sign, body: dict[str, object], code: str) -> None:
    assert code_of(f"Bearer {sign(header(), claims(**body))}") == code


@pytest.mark.parametrize("head", [{}, {"jku": None}, {"jku": None, "cty": None, "x5t": None}])
@pytest.mark.parametrize("body", [{}, {"nbf": None}, {"tenant": None}, {"nbf": None, "tenant": None, "sub": None}])
def test_null_is_absent(head: dict[str, object], body: dict[str, object]) -> None:
    authorization = bearer(by_hand(header(**head), claims(**body)))
    assert token_authenticator().authenticate(authorization, SERVICE) is CLIENT


def with_number(name: str, number: str) -> bytes:
    """Return claims in which a time is written as this text."""
    return json.dumps(claims(**{name: 4711.25})).replace("4711.25", number).encode()


def good() -> str:
    return by_pyjwt(header(), claims())


def parts(token: str) -> list[str]:
    return token.split(".")


def altered_claims() -> str:
    head, _, signature = parts(good())
    return f"{head}.{b64(claims())}.{signature}"


def altered_header() -> str:
    _, body, signature = parts(good())
    return f"{b64(header(x=1))}.{body}.{signature}"


def signature_of_another_token() -> str:
    head, body, _ = parts(good())
    return f"{head}.{body}.{parts(good())[2]}"


def unsigned(name: str, signature: str = "") -> str:
    return f"{b64(header(alg=name))}.{b64(claims())}.{signature}"


def embedded_key() -> str:
    return by_pyjwt(header(jwk=jwk("attacker", "ec/+=1")), claims(), "attacker")


def deep(levels: int) -> bytes:
    return b'{"x":' + b"[" * levels + b"]" * levels + b"}"


#: Half of a surrogate pair, which JSON can escape but UTF-8 cannot encode.
HALF = "\ud800"


def doubled(name: str, value: str, members: dict[str, object]) -> bytes:
    """Return `members` as JSON with one of them repeated in front."""
    return json.dumps({name: value}).encode()[:-1] + b"," + json.dumps(members).encode()[1:]


def with_signature(signature: bytes) -> str:
    return ".".join([*parts(good())[:2], b64(signature)])


RAW: list[tuple[str, Callable[[], str | None], str]] = [
    ("no header", lambda: None, "no-token"),
    ("an empty header", lambda: "", "no-token"),
    ("no scheme", good, "no-bearer"),
    ("scheme Basic", lambda: "Basic dTpw", "no-bearer"),
    ("scheme alone", lambda: "Bearer", "no-bearer"),
    ("scheme and blanks", lambda: "Bearer   ", "no-bearer"),
    ("a tab between", lambda: f"Bearer\t{good()}", "no-bearer"),
    ("two tokens", lambda: f"Bearer {good()} {good()}", "no-bearer"),
    ("two headers, joined", lambda: f"Bearer {good()}, Bearer {good()}", "no-bearer"),
    ("in quotes", lambda: f'Bearer "{good()}"', "malformed"),
    ("an opaque token", lambda: "Bearer 2YotnFZFEjr1zCsicMWpAA", "malformed"),
    ("two segments", lambda: "Bearer " + ".".join(parts(good())[:2]), "malformed"),
    ("four segments", lambda: f"Bearer {good()}.e30", "malformed"),
    ("five segments", lambda: f"Bearer {good()}.e30.e30", "malformed"),
    ("no signature", lambda: "Bearer " + ".".join([*parts(good())[:2], ""]), "malformed"),
    ("padded", lambda: f"Bearer {good()}=", "malformed"),
    ("the other base64", lambda: f"Bearer {good()[:-1]}/", "malformed"),
    ("a line break at the end", lambda: f"Bearer {good()}\n", "no-bearer|malformed"),
    ("a digit of another script", lambda: f"Bearer {good()}\u0661", "malformed"),
    ("9 KiB", lambda: f"Bearer {by_pyjwt(header(), claims(more='x' * 7000))}", "too-long"),
    ("a megabyte", lambda: "Bearer " + "A" * 1_000_000, "too-long"),
    ("no JSON", lambda: f"Bearer {by_hand(b'{', claims())}", "malformed"),
    ("header is a list", lambda: f"Bearer {by_hand([1], claims())}", "malformed"),
    ("claims are a list", lambda: f"Bearer {by_hand(header(), [claims()])}", "malformed"),
    ("claims are null", lambda: f"Bearer {by_hand(header(), b'null')}", "malformed"),
    ("claims are empty", lambda: f"Bearer {by_hand(header(), {})}", "unknown-issuer"),
    ("no UTF-8", lambda: "Bearer " + by_hand(header(), b'{"iss":"\xff"}'), "malformed"),
    ("UTF-16", lambda: f"Bearer {by_hand(header(), json.dumps(claims()).encode('utf-16'))}", "malformed"),
    ("a byte order mark", lambda: f"Bearer {by_hand(header(), chr(0xFEFF).encode() + b'{}')}", "malformed"),
    ("NaN", lambda: f"Bearer {by_hand(header(), claims(exp=float('nan')))}", "malformed"),
    ("Infinity", lambda: f"Bearer {by_hand(header(), claims(exp=float('inf')))}", "malformed"),
    ("5,000 digits", lambda: "Bearer " + by_hand(header(), b'{"exp":1' + b"0" * 5000 + b"}"), "malformed"),
    ("a deep header", lambda: f"Bearer {by_hand(deep(2900), b'{}')}", "malformed"),
    *((f"claims {levels} deep", lambda levels=levels: f"Bearer {by_hand(header(), deep(levels))}",
       "malformed|unknown-issuer") for levels in (100, 300, 450, 600, 900, 1100)),
    *((f"half a surrogate pair in {name}", lambda name=name: f"Bearer {by_hand(header(), claims(**{name: HALF}))}",
       "malformed") for name in ("jti", "iss", "aud", "sub", "tenant", "exp", HALF)),
    *((f"half a surrogate pair in {name}", lambda name=name: f"Bearer {by_hand(header(**{name: HALF}), claims())}",
       "malformed") for name in ("kid", "alg", "typ", "jku", "x")),
    ("half a surrogate pair inside", lambda: f"Bearer {by_hand(header(), claims(x=[{'y': [HALF]}]))}", "malformed"),
    ("alg twice", lambda: "Bearer " + by_hand(doubled("alg", "none", header()), claims()), "malformed"),
    ("iss twice", lambda: "Bearer " + by_hand(header(), doubled("iss", "x", claims())), "malformed"),
    ("aud twice", lambda: "Bearer " + by_hand(header(), doubled("aud", "x", claims())), "malformed"),
    *((f"alg {name}", lambda name=name: f"Bearer {unsigned(name)}", "malformed")
      for name in ("none", "None", "NONE", "nOnE")),
    *((f"alg {name} with a signature", lambda name=name: f"Bearer {unsigned(name, parts(good())[2])}", "alg")
      for name in ("none", "None", "NONE", "")),
    *((f"{name} with the public key", lambda name=name: f"Bearer {with_secret(name, pem('p384').encode())}", "alg")
      for name in ("HS256", "HS384", "HS512")),
    ("HS384 with the RSA key", lambda: f"Bearer {with_secret('HS384', pem('rsa').encode())}", "alg"),
    ("HS256 with an empty secret", lambda: f"Bearer {with_secret('HS256', b'')}", "alg"),
    ("alg is missing", lambda: f"Bearer {by_hand(header(alg=DROP), claims())}", "alg"),
    ("alg is null", lambda: f"Bearer {by_hand(header(alg=None), claims())}", "alg"),
    ("alg is a list", lambda: f"Bearer {by_hand(header(alg=['ES384']), claims())}", "alg"),
    ("alg in small letters", lambda: f"Bearer {by_hand(header(alg='es384'), claims())}", "alg"),
    ("alg with a blank", lambda: f"Bearer {by_hand(header(alg='ES384 '), claims())}", "alg"),
    ("alg RS1", lambda: f"Bearer {by_hand(header(alg='RS1'), claims())}", "alg"),
    ("alg ES256K", lambda: f"Bearer {by_hand(header(alg='ES256K'), claims())}", "alg"),
    ("RS256 is not listed", lambda: f"Bearer {by_pyjwt(header(alg='RS256', kid='rsa-1'), claims(), 'rsa')}", "alg"),
    ("PS384 is not listed", lambda: f"Bearer {by_pyjwt(header(alg='PS384', kid='rsa-1'), claims(), 'rsa')}", "alg"),
    ("RS384 signed, ES384 said", lambda: f"Bearer {by_hand(header(kid='rsa-1'), claims(), 'rsa')}", "unknown-key"),
    ("ES384 signed, RS384 said", lambda: f"Bearer {by_hand(header(alg='RS384', kid='rsa-1'), claims())}", "signature"),
    ("typ is a list", lambda: f"Bearer {by_hand(header(typ=['JWT']), claims())}", "typ"),
    ("kid is a number", lambda: f"Bearer {by_hand(header(kid=1), claims())}", "kid"),
    ("kid is an object", lambda: f"Bearer {by_hand(header(kid={'a': 1}), claims())}", "kid"),
    ("jku is a list", lambda: f"Bearer {by_hand(header(jku=[JKU]), claims())}", "jku"),
    ("crit", lambda: f"Bearer {by_hand(header(crit=['exp'], exp=1), claims())}", "crit"),
    ("b64 is false", lambda: f"Bearer {by_hand(header(b64=False, crit=['b64']), claims())}", "crit"),
    ("exp without an end", lambda: f"Bearer {by_hand(header(), with_number('exp', '1e400'))}", "exp"),
    ("exp Infinity", lambda: f"Bearer {by_hand(header(), with_number('exp', 'Infinity'))}", "malformed"),
    ("iat NaN", lambda: f"Bearer {by_hand(header(), with_number('iat', 'NaN'))}", "malformed"),
    ("exp at 10^11", lambda: f"Bearer {by_hand(header(), with_number('exp', '1e11'))}", "exp"),
    ("exp just below 10^11", lambda: f"Bearer {by_hand(header(), with_number('exp', '99999999999.5'))}", "too-old"),
    ("iat below zero", lambda: f"Bearer {by_hand(header(), with_number('iat', '-0.5'))}", "iat"),
    ("b64 without crit", lambda: f"Bearer {by_hand(header(b64=False), claims())}", "crit"),
    ("claims altered", lambda: f"Bearer {altered_claims()}", "signature"),
    ("header altered", lambda: f"Bearer {altered_header()}", "signature"),
    ("signature of another token", lambda: f"Bearer {signature_of_another_token()}", "signature"),
    ("signature of zeros", lambda: f"Bearer {with_signature(bytes(96))}", "signature"),
    ("signature too short", lambda: "Bearer " + good()[:-8], "signature"),
    ("signature in DER form", lambda: f"Bearer {with_signature(bytes.fromhex('3006020101020101'))}", "signature"),
    ("signed by an attacker", lambda: f"Bearer {by_pyjwt(header(), claims(), 'attacker')}", "signature"),
    ("key of the attacker inside", lambda: f"Bearer {embedded_key()}", "signature"),
    ("signed by the other client", lambda: f"Bearer {by_pyjwt(header(), claims(), 'other-p384')}", "signature"),
    ("by the other's kid", lambda: f"Bearer {by_pyjwt(header(kid='other-1'), claims(), 'other-p384')}", "unknown-key"),
]  # fmt: skip


@pytest.mark.control("JWT-2", "V9.1.1")
@pytest.mark.parametrize(("make", "code"), [row[1:] for row in RAW], ids=[row[0] for row in RAW])
def test_a_token_that_is_refused(make: Callable[[], str | None], code: str) -> None:
    assert code_of(make()) in code.split("|")


def test_the_table_is_long_enough() -> None:
    assert len(HEADERS) * 2 + len(CLAIMS) * 2 + len(RAW) >= 60


@pytest.mark.control("JWT-4")
def test_the_host_header_is_ignored() -> None:
    token = by_pyjwt(header(), claims(aud="https://evil.example.org" + SERVICE))
    spoofed = {**bearer(token), "Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org"}
    with pytest.raises(AuthenticationFailed):
        token_authenticator().authenticate(spoofed, SERVICE)


@pytest.mark.control("JWT-4")
@pytest.mark.parametrize(
    ("aud", "path", "opens"),
    [
        ("/cds-services", "/cds-services", True),
        ("/cds-services/a/feedback", "/cds-services/a/feedback", True),
        ("/cds-services/a", "/cds-services/a/feedback", True),
        ("/cds-services/b", "/cds-services/a/feedback", False),
        ("/cds-services/a/feedback", "/cds-services/a", False),
        ("/cds-services", "/cds-services/a", False),
        ("/cds-services//a", "/cds-services//a", True),
        ("/cds-services/a", "/cds-services//a", True),
        ("/cds-services//a", "/cds-services/a", False),
        ("/cds-services//a", "/cds-services//a//feedback", False),
        ("/cds-services//a", "/cds-services//a/feedback", True),
        ("/cds-services/a/", "/cds-services/a/", True),
        ("/cds-services/a", "/cds-services/a/", True),
        ("/cds-services/a/", "/cds-services/a", False),
        ("/cds-services/a//", "/cds-services/a/", False),
        ("/cds-services/a//", "/cds-services/a//", True),
        ("/cds-services/a/", "/cds-services/a//", True),
        ("/cds-services/a/feedback/", "/cds-services/a/feedback/", True),
        ("/cds-services/a", "/cds-services/a/feedback/", True),
        ("/cds-services/a/", "/cds-services/a/feedback", False),
        ("/cds-services/", "/cds-services/a/", False),
    ],
)
def test_the_audience_is_the_address_called(aud: str, path: str, opens: bool) -> None:
    token = by_pyjwt(header(), claims(aud=BASE + aud))
    try:
        token_authenticator().authenticate(bearer(token), path)
    except AuthenticationFailed as fault:
        assert (opens, fault.code) == (False, "aud")
    else:
        assert opens


def test_another_public_base_is_accepted_only_if_configured() -> None:
    token = by_pyjwt(header(), claims(aud="https://old.example.org" + SERVICE))
    assert code_of(f"Bearer {token}") == "aud"
    old = replace(CLIENT, audiences=("https://old.example.org",))
    assert token_authenticator(old).authenticate(bearer(token), SERVICE) is old


@pytest.mark.control("V8.4.1")
@pytest.mark.parametrize(("tenant", "opens"), [("a", True), ("b", True), ("c", False), ("", False), (DROP, False)])
def test_tenants_are_an_allow_list(tenant: object, opens: bool) -> None:
    listed = replace(CLIENT, tenants=("a", "b"))
    token = by_pyjwt(header(), claims(tenant=tenant))
    if opens:
        assert token_authenticator(listed).authenticate(bearer(token), SERVICE) is listed
        return
    with pytest.raises(AuthenticationFailed) as caught:
        token_authenticator(listed).authenticate(bearer(token), SERVICE)
    assert caught.value.code == "tenant"


def test_the_tenant_distinguishes_clients_of_one_issuer() -> None:
    first, second = replace(CLIENT, tenants=("a",)), replace(CLIENT, name="second", tenants=("b",))
    both = token_authenticator(first, second)
    assert both.authenticate(bearer(by_pyjwt(header(), claims(tenant="a"))), SERVICE) is first
    assert both.authenticate(bearer(by_pyjwt(header(), claims(tenant="b"))), SERVICE) is second


def test_the_scheme_may_be_written_in_small_letters() -> None:
    assert token_authenticator().authenticate({"Authorization": f"bearer {good()}"}, SERVICE) is CLIENT


@pytest.mark.control("JWT-6")
def test_a_token_of_8_kib_is_read_and_one_byte_more_is_not() -> None:
    """Base64 grows in steps, so header and claims together reach the exact length."""
    sizes = {}
    for width in range(5700, 5900):
        token = by_hand(header(), claims(more="x" * width))
        sizes[len(token)] = token
    under = max(size for size in sizes if size <= 8192)
    over = min(size for size in sizes if size > 8192)
    assert (under >= 8190, over <= 8196) == (True, True)
    assert token_authenticator().authenticate(bearer(sizes[under]), SERVICE) is CLIENT
    assert code_of(f"Bearer {sizes[over]}") == "too-long"


@pytest.mark.control("JWT-8")
@pytest.mark.parametrize(
    ("fault", "raised"),
    [(StoreUnavailable("x"), ReplayStoreUnavailable), (StoreFull("x"), ReplayStoreFull)],
    ids=["no answer", "no room"],
)
def test_without_a_replay_guard_no_token_is_accepted(fault: Exception, raised: type[Exception]) -> None:
    class Broken:
        def first_use(self, *_: object) -> bool:
            raise fault

    with pytest.raises(raised) as caught:
        token_authenticator(guard=Broken()).authenticate(bearer(good()), SERVICE)
    assert caught.value.__cause__ is None


def test_a_token_is_remembered_until_its_end_and_the_leeway() -> None:
    noted = []

    class Noting:
        def first_use(self, issuer: str, jti: str, expires: object, now: object) -> bool:
            noted.append((issuer, jti, expires, now))
            return True

    token_authenticator(guard=Noting()).authenticate(bearer(by_pyjwt(header(), claims(jti="one"))), SERVICE)
    [(issuer, jti, expires, now)] = noted
    assert (issuer, jti, now) == (ISSUER, "one", NOW)
    assert expires.timestamp() == SECONDS + 330
