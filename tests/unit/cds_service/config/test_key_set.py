"""Which published keys are used (reliability JWT-10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.auth.authentication import AuthenticationFailed
from cds_service.config.key_set import read_key_set
from tests.builders.tokens import CLIENT, SERVICE, bearer, by_pyjwt, claims, header, jwk, token_authenticator

GOOD = jwk("p384", "good")
RSA = jwk("rsa", "x")
EC = jwk("p384", "x")
NUMBERS = "its numbers are missing or do not make a key"
CURVE = "it is neither RSA nor EC on P-256, P-384 or P-521 nor Ed25519"
KID = "its kid is missing or longer than 128 characters"
EXPONENT = "the exponent of an RSA key must be odd and at least 65537"

BROKEN = [
    ("a text", "key", "it is no object"),
    ("null", None, "it is no object"),
    ("an empty object", {}, KID),
    ("no kid", {**EC, "kid": None}, KID),
    ("an empty kid", {**EC, "kid": ""}, KID),
    ("a kid that is a number", {**EC, "kid": 7}, KID),
    ("a kid of 129", {**EC, "kid": "k" * 129}, KID),
    ("no type", {"kid": "x"}, CURVE),
    ("a type that is a list", {**EC, "kty": ["EC"]}, CURVE),
    ("a shared secret", {"kty": "oct", "k": "AAAA", "kid": "x"}, "it holds a private or shared secret"),
    ("a private key", {**EC, "d": "AAAA"}, "it holds a private or shared secret"),
    ("a weak RSA key", jwk("rsa-1024", "x"), "an RSA key must have 2048 to 8192 bits"),
    ("an RSA key of 16,384 bits", {**RSA, "n": "_" + "_" * 2730 + "8"}, "an RSA key must have 2048 to 8192 bits"),
    ("the exponent 1", {**RSA, "e": "AQ"}, (NUMBERS, EXPONENT)),
    ("the exponent 3", {**RSA, "e": "Aw"}, EXPONENT),
    ("an even exponent", {**RSA, "e": "AQAC"}, (NUMBERS, EXPONENT)),
    ("an RSA key without n", {"kty": "RSA", "e": "AQAB", "kid": "x"}, NUMBERS),
    ("an RSA key with numbers", {**RSA, "n": 5}, NUMBERS),
    ("a point off the curve", {**EC, "y": EC["x"]}, NUMBERS),
    ("a short point", {**EC, "x": "AAAA"}, NUMBERS),
    ("no point", {"kty": "EC", "crv": "P-384", "kid": "x"}, NUMBERS),
    ("no base64", {**EC, "x": "%%%"}, NUMBERS),
    ("half a surrogate pair", {**EC, "x": "\ud800"}, NUMBERS),
    ("half a surrogate pair for a curve", {**EC, "crv": "\ud800"}, CURVE),
    ("an unknown curve", {**EC, "crv": "secp256k1"}, CURVE),
    ("a curve that is a list", {**EC, "crv": ["P-384"]}, CURVE),
    ("a curve of another type", {**EC, "kty": "OKP"}, CURVE),
    ("Ed25519 as EC", {**jwk("ed25519", "x"), "kty": "EC"}, CURVE),
    ("an alg of another type", {**EC, "alg": "RS384"}, "its alg does not fit its type"),
    ("an alg of another curve", {**EC, "alg": "ES256"}, "its alg does not fit its type"),
    ("alg HS256", {**EC, "alg": "HS256"}, "its alg does not fit its type"),
    ("alg none", {**RSA, "alg": "none"}, "its alg does not fit its type"),
    ("an alg that is a number", {**RSA, "alg": 5}, "its alg does not fit its type"),
]  # fmt: skip


@pytest.mark.control("JWT-10")
@pytest.mark.parametrize(("entry", "reason"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_key_is_left_out_and_the_others_stay(entry: object, reason: str | tuple[str, ...]) -> None:
    keys = read_key_set({"keys": [entry, GOOD]})
    reasons = (reason,) if isinstance(reason, str) else reason
    assert list(keys.by_kid) == ["good"]
    assert keys.unusable in [(f"key 1: {text}",) for text in reasons]


@pytest.mark.control("JWT-10")
@pytest.mark.parametrize("member", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}, {"key_ops": "verify"}])
def test_a_key_for_another_purpose_is_skipped(member: dict[str, object]) -> None:
    keys = read_key_set({"keys": [{**EC, **member}]})
    assert (keys.by_kid, keys.unusable) == ({}, ())


@pytest.mark.parametrize(
    ("entry", "algorithms"),
    [
        (jwk("p256", "x"), {"ES256"}),
        (EC, {"ES384"}),
        (jwk("p521", "x"), {"ES512"}),
        (jwk("ed25519", "x"), {"EdDSA"}),
        (RSA, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ({**RSA, "alg": "RS384"}, {"RS384"}),
        ({**EC, "use": "sig", "key_ops": ["verify", "sign"], "x5c": ["AAAA"]}, {"ES384"}),
        ({**EC, "use": None}, {"ES384"}),
        ({**EC, "key_ops": None}, {"ES384"}),
        ({**EC, "use": None, "key_ops": None, "alg": None, "x5c": None, "d": None}, {"ES384"}),
    ],
)
def test_a_key_verifies_what_its_type_and_curve_demand(entry: dict[str, object], algorithms: set[str]) -> None:
    [key] = read_key_set({"keys": [entry]}).by_kid["x"]
    assert key.algorithms == algorithms


def test_two_keys_of_one_id_are_distinguished_by_algorithm() -> None:
    keys = read_key_set({"keys": [EC, RSA]})
    assert () != keys.find("x", "ES384") != keys.find("x", "RS384") != ()
    assert keys.find("x", "ES256") == ()


@pytest.mark.parametrize("names", [("p384", "other-p384"), ("other-p384", "p384")])
@pytest.mark.parametrize("signer", ["p384", "other-p384"])
def test_two_keys_of_one_id_are_both_tried(names: tuple[str, str], signer: str) -> None:
    """A key set may hold the old and the new key of one id."""
    client = replace(CLIENT, jwks_inline={"keys": [jwk(name, "ec/+=1") for name in names]})
    opened = token_authenticator(client).authenticate(bearer(by_pyjwt(header(), claims(), signer)), SERVICE)
    assert opened is client
    with pytest.raises(AuthenticationFailed):
        token_authenticator(client).authenticate(bearer(by_pyjwt(header(), claims(), "attacker")), SERVICE)


@pytest.mark.parametrize("content", [None, [], "x", 5, {}, {"keys": {}}, {"keys": None}, {"keys": [GOOD] * 51}])
def test_other_content_is_an_empty_key_set(content: object) -> None:
    keys = read_key_set(content)
    assert not keys.by_kid
    assert len(keys.unusable) == 1


def test_fifty_keys_are_a_key_set() -> None:
    assert len(read_key_set({"keys": [{**GOOD, "kid": str(number)} for number in range(50)]}).by_kid) == 50
