"""From a JSON Web Key Set to the keys that may verify a signature (JWT-10). One broken key never discards the set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MOST_KEYS = 50
_RSA_BITS = range(2048, 8193)
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the signatures it may verify: those that its type and its curve demand, and no others."""

    kid: str
    algorithms: frozenset[str]
    public: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by id. `unusable`: a sentence of ours for each key that was left out because it is broken or weak."""

    by_kid: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()

    def find(self, kid: str, algorithm: str) -> Key | None:
        """The key of this id that may verify this kind of signature."""
        return next((key for key in self.by_kid.get(kid, ()) if algorithm in key.algorithms), None)


class Unusable(ValueError):
    """A key that must not be used; the text says why in our words."""


def read_key_set(content: object) -> KeySet:
    """Every usable signing key of a key set; nothing of it where it is no key set or holds more than 50 keys."""
    entries = content.get("keys") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        return KeySet(unusable=("no key set: `keys` is missing or is no list",))
    if len(entries) > _MOST_KEYS:
        return KeySet(unusable=(f"more than {_MOST_KEYS} keys",))
    found: dict[str, tuple[Key, ...]] = {}
    unusable = []
    for number, entry in enumerate(entries):
        try:
            if not _is_for_signatures(entry):
                continue
            key = _read_key(entry)
        except Unusable as reason:
            unusable.append(f"key {number + 1}: {reason}")
        else:
            found[key.kid] = (*found.get(key.kid, ()), key)
    return KeySet(found, tuple(unusable))


def _is_for_signatures(entry: object) -> bool:
    if not isinstance(entry, Mapping):
        raise Unusable("it is no object")
    if entry.get("use", "sig") != "sig":
        return False
    operations = entry.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _read_key(entry: Mapping[str, object]) -> Key:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= 128:
        raise Unusable("its kid is missing or longer than 128 characters")
    if not _PRIVATE.isdisjoint(entry):
        raise Unusable("it holds a private or shared secret")
    algorithms, public = _rsa(entry) if entry.get("kty") == "RSA" else _curve(entry)
    named = entry.get("alg")
    if named is not None:
        algorithms &= {named} if isinstance(named, str) else set()
    if not algorithms:
        raise Unusable("its alg does not fit its type")
    return Key(kid, algorithms, public)


def _rsa(entry: Mapping[str, object]) -> tuple[frozenset[str], Any]:
    from jwt.algorithms import RSAAlgorithm

    public = _load(RSAAlgorithm, entry)
    if public.key_size not in _RSA_BITS:
        raise Unusable("an RSA key must have 2048 to 8192 bits")
    exponent = public.public_numbers().e
    if exponent < 65537 or exponent % 2 == 0:
        raise Unusable("the exponent of an RSA key must be odd and at least 65537")
    return _RSA, public


def _curve(entry: Mapping[str, object]) -> tuple[frozenset[str], Any]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm

    crv = entry.get("crv")
    algorithm = _CURVES.get(crv) if isinstance(crv, str) else None
    kty = "OKP" if algorithm == "EdDSA" else "EC"
    if algorithm is None or entry.get("kty") != kty:
        raise Unusable("it is neither RSA nor EC on P-256, P-384 or P-521 nor Ed25519")
    return frozenset({algorithm}), _load(OKPAlgorithm if kty == "OKP" else ECAlgorithm, entry)


def _load(kind: Any, entry: Mapping[str, object]) -> Any:
    """The key as cryptography reads it, which checks that a point lies on its curve."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from jwt.exceptions import PyJWTError

    try:
        return kind.from_jwk(dict(entry))
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError):
        raise Unusable("its numbers are missing or do not make a key") from None
