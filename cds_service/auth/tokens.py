"""Parse JSON Web Tokens strictly, and check their claims against the clock."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass

#: The longest token in bytes (reliability JWT-6), and the longest kid and jti in characters (reliability JWT-3).
LONGEST_TOKEN = 8 * 1024
LONGEST_ID = 128
#: Times lie below this many seconds since 1970 (the year 5138), so that those in milliseconds are refused.
_LATEST = 10**11
_BEARER = re.compile(r"bearer +([^ ]+) *", re.IGNORECASE | re.ASCII)
_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class BadToken(ValueError):
    """The token is not acceptable; `code` is a constant for the counter and holds nothing of the token."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ClientJwt:
    """The parsed content of a token, not to be trusted until its signature is verified."""

    text: str
    header: Mapping[str, object]
    claims: Mapping[str, object]


def bearer(authorization: str | None) -> str:
    """Return the token of an Authorization header with the Bearer scheme."""
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


def read_token(text: str) -> ClientJwt:
    """Parse a token: three base64url segments, of which two are JSON objects without repeated members.

    A member that is null is absent (reliability JWT-5).
    """
    if not _SEGMENTS.fullmatch(text):
        raise BadToken("malformed")
    header, claims, _ = text.split(".")
    return ClientJwt(text, _read_object(header), _read_object(claims))


def names_weak_algorithm(text: str) -> bool:
    """Return whether the header claims no signature or a shared secret (protocol J-03, J-04)."""
    try:
        pairs = _members(text.partition(".")[0])
    except BadToken:
        return False
    named = [value for name, value in pairs if name == "alg"]
    return any(isinstance(alg, str) and alg.strip().casefold().startswith(("none", "hs")) for alg in named)


class _Members(list[tuple[str, object]]):
    """The members of a JSON object in order, repeated ones included."""


def _read_object(segment: str) -> Mapping[str, object]:
    pairs = _members(segment)
    members = dict(pairs)
    if len(members) != len(pairs) or not _is_text(members):
        raise BadToken("malformed")
    return {name: value for name, value in members.items() if value is not None}


def _is_text(value: object) -> bool:
    """Return whether no string in a value holds half of a surrogate pair, which JSON can escape."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _members(segment: str) -> _Members:
    """Return the members of the JSON object in a segment."""
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


def check_header(header: Mapping[str, object], algorithms: Collection[str], jku: tuple[str, ...]) -> tuple[str, str]:
    """Check a header and return its key id and algorithm; `jwk`, `x5u` and `x5c` are ignored (reliability JWT-2).

    A `jku` must be one of those given.
    """
    typ, alg, kid = header.get("typ"), header.get("alg"), header.get("kid")
    if not isinstance(typ, str) or typ.upper() != "JWT":
        raise BadToken("typ")
    if not isinstance(alg, str) or alg not in algorithms:
        raise BadToken("alg")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_ID:
        raise BadToken("kid")
    if "crit" in header or "b64" in header:
        raise BadToken("crit")
    if "jku" in header and header["jku"] not in jku:
        raise BadToken("jku")
    return kid, alg


@dataclass(frozen=True, slots=True)
class ClaimRequirements:
    """What the claims are checked against: audiences of the called path, the time, and limits in seconds."""

    audiences: Collection[str]
    now: float
    leeway: int
    max_age: int


def check_claims(claims: Mapping[str, object], required: ClaimRequirements) -> tuple[str, float]:
    """Check the claims and return their jti and exp (reliability JWT-4 to JWT-6)."""
    if not _names_audience(claims.get("aud"), required.audiences):
        raise BadToken("aud")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_ID:
        raise BadToken("jti")
    return jti, _check_times(claims, required)


def _names_audience(aud: object, audiences: Collection[str]) -> bool:
    """Return whether `aud`, a string or a list of strings, names one of the audiences exactly."""
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or isinstance(named, _Members) or not all(isinstance(name, str) for name in named):
        return False
    return any(name in audiences for name in named)


def _check_times(claims: Mapping[str, object], required: ClaimRequirements) -> float:
    exp, iat = _seconds(claims, "exp"), _seconds(claims, "iat")
    if exp <= required.now - required.leeway:
        raise BadToken("expired")
    if iat > required.now + required.leeway:
        raise BadToken("iat")
    if exp - iat > required.max_age or required.now - iat > required.max_age + required.leeway:
        raise BadToken("too-old")
    if "nbf" in claims and _seconds(claims, "nbf") > required.now + required.leeway:
        raise BadToken("nbf")
    return exp


def _seconds(claims: Mapping[str, object], name: str) -> float:
    """Return a NumericDate of RFC 7519, which may have a fraction."""
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise BadToken(name)
    return value
