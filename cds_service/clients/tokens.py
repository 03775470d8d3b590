"""Reads a compact JSON Web Token, strictly, without believing any of it; and checks its claims against the clock."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass

#: Longest token in bytes (JWT-6) and longest kid and jti in characters (JWT-3, JWT-6).
LONGEST_TOKEN = 8 * 1024
LONGEST_ID = 128
_BEARER = re.compile(r"bearer +([^ ]+) *", re.IGNORECASE | re.ASCII)
_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class BadToken(ValueError):
    """The token must not be accepted. `code` is a word of ours for the counter; nothing of the token is in it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. Nothing of it is true until its signature is verified."""

    text: str
    header: Mapping[str, object]
    claims: Mapping[str, object]


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header of scheme Bearer."""
    if not authorization:
        raise BadToken("no-token")
    if len(authorization) > LONGEST_TOKEN + 16:
        raise BadToken("too-long")
    found = _BEARER.fullmatch(authorization)
    if not found:
        raise BadToken("no-bearer")
    if len(found[1]) > LONGEST_TOKEN:
        raise BadToken("too-long")
    return found[1]


def read_token(text: str) -> Token:
    """Three segments in plain base64url, two of them JSON objects that name no member twice."""
    if not _SEGMENTS.fullmatch(text):
        raise BadToken("malformed")
    header, claims, _ = text.split(".")
    return Token(text, _read_object(header), _read_object(claims))


def names_weak_algorithm(text: str) -> bool:
    """The header says that nobody signed the token, or that it is signed with a shared secret (J-03, J-04)."""
    try:
        pairs = _members(text.partition(".")[0])
    except BadToken:
        return False
    named = [value for name, value in pairs if name == "alg"]
    return any(isinstance(alg, str) and alg.strip().casefold().startswith(("none", "hs")) for alg in named)


class _Members(list[tuple[str, object]]):
    """The members of a JSON object in order, repeated ones too."""


def _read_object(segment: str) -> Mapping[str, object]:
    pairs = _members(segment)
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadToken("malformed")
    return members


def _members(segment: str) -> _Members:
    """The members of the JSON object that a segment holds."""
    try:
        raw = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_Members, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadToken("malformed") from None
    if not isinstance(content, _Members):
        raise BadToken("malformed")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def check_header(header: Mapping[str, object], algorithms: Collection[str], jku: str | None) -> tuple[str, str]:
    """Key id and algorithm of a header that may be looked at further. `jwk`, `x5u` and `x5c` are ignored (JWT-2)."""
    typ, alg, kid = header.get("typ"), header.get("alg"), header.get("kid")
    if not isinstance(typ, str) or typ.upper() != "JWT":
        raise BadToken("typ")
    if not isinstance(alg, str) or alg not in algorithms:
        raise BadToken("alg")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_ID:
        raise BadToken("kid")
    if "crit" in header or "b64" in header:
        raise BadToken("crit")
    if "jku" in header and header["jku"] != jku:
        raise BadToken("jku")
    return kid, alg


@dataclass(frozen=True, slots=True)
class Terms:
    """What a token must meet: the audiences of the path called, `now` and the limits in seconds."""

    audiences: Collection[str]
    now: float
    leeway: int
    max_age: int


def check_claims(claims: Mapping[str, object], terms: Terms) -> tuple[str, int]:
    """The jti and exp of claims that hold now and here (JWT-4 to JWT-6)."""
    if not _names_audience(claims.get("aud"), terms.audiences):
        raise BadToken("aud")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_ID:
        raise BadToken("jti")
    return jti, _check_times(claims, terms)


def _names_audience(aud: object, audiences: Collection[str]) -> bool:
    """One of the audiences, alone or in a list of texts; no prefix, case or slash is folded."""
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or isinstance(named, _Members) or not all(isinstance(name, str) for name in named):
        return False
    return any(name in audiences for name in named)


def _check_times(claims: Mapping[str, object], terms: Terms) -> int:
    exp, iat = _seconds(claims, "exp"), _seconds(claims, "iat")
    if exp <= terms.now - terms.leeway:
        raise BadToken("expired")
    if iat > terms.now + terms.leeway:
        raise BadToken("iat")
    if exp - iat > terms.max_age or terms.now - iat > terms.max_age + terms.leeway:
        raise BadToken("too-old")
    if "nbf" in claims and _seconds(claims, "nbf") > terms.now + terms.leeway:
        raise BadToken("nbf")
    return exp


def _seconds(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise BadToken(name)
    return value
