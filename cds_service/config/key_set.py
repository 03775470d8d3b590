"""Parse a JSON Web Key Set into usable verification keys (reliability JWT-10); a broken key never discards the set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_KEYS = 50
_RSA_BITS = range(2048, 8193)
#: Shorter RSA keys are accepted and warned of: from 2031 on they no longer count as strong (NIST SP 800-57, table 4).
_STRONG_RSA = 3072
REPLACE_WEAK_KEY = f"ask the EHR for an RSA key of {_STRONG_RSA} bits or more, or an EC key"
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the algorithms it may verify, which follow from its type and curve; `rsa_bits` 0 for others."""

    kid: str
    algorithms: frozenset[str]
    public: Any = field(repr=False)
    rsa_bits: int = 0


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by id. `unusable` has one sentence for each key left out because it is broken or weak."""

    by_kid: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()

    def find(self, kid: str, algorithm: str) -> tuple[Key, ...]:
        """Return the keys with this id that may verify this algorithm; a set may hold several during a rotation."""
        return tuple(key for key in self.by_kid.get(kid, ()) if algorithm in key.algorithms)

    @property
    def weak(self) -> tuple[Key, ...]:
        """Return the keys that are accepted and should be replaced by longer ones."""
        every = (key for keys in self.by_kid.values() for key in keys)
        return tuple(key for key in every if 0 < key.rsa_bits < _STRONG_RSA)


class UnusableKey(ValueError):
    """A key that must not be used; the message says why."""


def read_key_set(content: object) -> KeySet:
    """Return every usable signing key; none if the content is no key set or has more than 50 keys."""
    entries = content.get("keys") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        return KeySet(unusable=("no key set: `keys` is missing or is no list",))
    if len(entries) > _MAX_KEYS:
        return KeySet(unusable=(f"more than {_MAX_KEYS} keys",))
    found: dict[str, tuple[Key, ...]] = {}
    unusable = []
    for number, entry in enumerate(entries):
        try:
            members = _members(entry)
            if not _is_for_signatures(members):
                continue
            key = _read_key(members)
        except UnusableKey as reason:
            unusable.append(f"key {number + 1}: {reason}")
        else:
            found[key.kid] = (*found.get(key.kid, ()), key)
    return KeySet(found, tuple(unusable))


def _members(entry: object) -> Mapping[str, object]:
    """Return the members of a key; one that is null is absent."""
    if not isinstance(entry, Mapping):
        raise UnusableKey("it is no object")
    return {name: value for name, value in entry.items() if value is not None}


def _is_for_signatures(entry: Mapping[str, object]) -> bool:
    if entry.get("use", "sig") != "sig":
        return False
    operations = entry.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _read_key(entry: Mapping[str, object]) -> Key:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= 128:
        raise UnusableKey("its kid is missing or longer than 128 characters")
    if not _PRIVATE.isdisjoint(entry):
        raise UnusableKey("it holds a private or shared secret")
    algorithms, public = _rsa(entry) if entry.get("kty") == "RSA" else _curve(entry)
    named = entry.get("alg")
    if named is not None:
        algorithms &= {named} if isinstance(named, str) else set()
    if not algorithms:
        raise UnusableKey("its alg does not fit its type")
    return Key(kid, algorithms, public, public.key_size if entry.get("kty") == "RSA" else 0)


def _rsa(entry: Mapping[str, object]) -> tuple[frozenset[str], Any]:
    from jwt.algorithms import RSAAlgorithm

    public = _load(RSAAlgorithm, entry)
    if public.key_size not in _RSA_BITS:
        raise UnusableKey("an RSA key must have 2048 to 8192 bits")
    exponent = public.public_numbers().e
    if exponent < 65537 or exponent % 2 == 0:
        raise UnusableKey("the exponent of an RSA key must be odd and at least 65537")
    return _RSA, public


def _curve(entry: Mapping[str, object]) -> tuple[frozenset[str], Any]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm

    crv = entry.get("crv")
    algorithm = _CURVES.get(crv) if isinstance(crv, str) else None
    kty = "OKP" if algorithm == "EdDSA" else "EC"
    if algorithm is None or entry.get("kty") != kty:
        raise UnusableKey("it is neither RSA nor EC on P-256, P-384 or P-521 nor Ed25519")
    return frozenset({algorithm}), _load(OKPAlgorithm if kty == "OKP" else ECAlgorithm, entry)


def _load(kind: Any, entry: Mapping[str, object]) -> Any:
    """Load the key with cryptography, which checks that a point is on its curve."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from jwt.exceptions import PyJWTError

    try:
        return kind.from_jwk(dict(entry))
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError):
        raise UnusableKey("its numbers are missing or do not make a key") from None
