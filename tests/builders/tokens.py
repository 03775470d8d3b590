"""Good and forged tokens, signed by two libraries and by hand, and the authenticator that judges them."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from cds_service.auth.authentication import ReplayGuard, TokenAuthenticator
from cds_service.config.client import Client
from cds_service.config.key_set import Key, read_key_set
from tests.builders.deadlines import UNHURRIED_MS

BASE = "https://cds.example.org"
SERVICE = "/cds-services/rls-patient-view"
ISSUER = "https://ehr.example.org/fhir"
JKU = "https://ehr.example.org/keys"
#: Not in UTC, and with a fraction of a second, which claims do not have.
NOW = datetime(2026, 11, 22, 14, 30, 0, tzinfo=UTC).astimezone()
SECONDS = int(NOW.timestamp())
DROP = object()


@lru_cache
def private_key(name: str) -> Any:
    """Return a key, made once per run: p384, other-p384, p256, p521, rsa, rsa-3072, rsa-1024, ed25519."""
    made: Mapping[str, Callable[[], Any]] = {
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
        "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    return made.get(name, lambda: ec.generate_private_key(ec.SECP384R1()))()


def jwk(name: str, kid: str, **members: object) -> dict[str, object]:
    """Return the public half of a key, as a client publishes it."""
    public = private_key(name).public_key()
    kind = {"rsa": RSAAlgorithm, "ed2": OKPAlgorithm}.get(name[:3], ECAlgorithm)
    return {**kind.to_jwk(public, as_dict=True), "kid": kid, "use": "sig", **members}


def pem(name: str) -> str:
    public = private_key(name).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


CLIENT = Client(
    "general",
    issuer=ISSUER,
    jku=(JKU,),
    jwks_inline={"keys": [jwk("p384", "ec/+=1"), jwk("rsa", "rsa-1"), jwk("p256", "p256-1"), jwk("p521", "p521-1")]},
    fhir_base="https://ehr.example.org/fhir",
    deadline_ms=UNHURRIED_MS,
)
OTHER = Client(
    "other",
    issuer="https://other.example.org",
    jwks_inline={"keys": [jwk("other-p384", "other-1")]},
    deadline_ms=UNHURRIED_MS,
)


def claims(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "iss": ISSUER,
        "aud": BASE + SERVICE,
        "exp": SECONDS + 300,
        "iat": SECONDS,
        "jti": str(uuid4()),
    }
    return changed(good, changes)


def header(**changes: object) -> dict[str, object]:
    return changed({"alg": "ES384", "typ": "JWT", "kid": "ec/+=1", "jku": JKU}, changes)


def changed(good: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**good, **changes}.items() if value is not DROP}


def b64(content: bytes | object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_pyjwt(head: Mapping[str, object], body: Mapping[str, object], key: str = "p384") -> str:
    given = {**head, "typ": head.get("typ")}
    payload = json.dumps(body).encode()
    return jwt.PyJWS().encode(payload, private_key(key), algorithm=str(head["alg"]), headers=given)


def by_joserfc(head: Mapping[str, object], body: Mapping[str, object], key: str = "p384") -> str:
    form = private_key(key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    imported = (RSAKey if key.startswith("rsa") else ECKey).import_key(form)
    registry = jws.JWSRegistry(algorithms=[str(head["alg"])], strict_check_header=False)
    return jws.serialize_compact(dict(head), json.dumps(body).encode(), imported, registry=registry)


def by_hand(head: bytes | object, body: bytes | object, key: str = "p384") -> str:
    """Sign any bytes with a valid signature (ES384, or RS384 for an RSA key)."""
    text = f"{b64(head)}.{b64(body)}"
    if key.startswith("rsa"):
        signature = private_key(key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA384())
    else:
        r, s = decode_dss_signature(private_key(key).sign(text.encode(), ec.ECDSA(hashes.SHA384())))
        signature = r.to_bytes(48, "big") + s.to_bytes(48, "big")
    return f"{text}.{b64(signature)}"


def with_secret(algorithm: str, secret: bytes) -> str:
    """Sign with a shared secret, such as the text of the public key in a key confusion attack."""
    text = f"{b64(header(alg=algorithm))}.{b64(claims())}"
    digest = hmac.new(secret, text.encode(), getattr(hashlib, f"sha{algorithm[2:]}")).digest()
    return f"{text}.{b64(digest)}"


class Guard:
    """A replay guard in memory."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def first_use(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        with self._lock:
            is_first = (issuer, jti) not in self.seen
            self.seen.add((issuer, jti))
            return is_first


class FixedKeys:
    """A key finder with the inline keys of each client."""

    def find(self, client: Client, kid: str, algorithm: str) -> tuple[Key, ...]:
        return read_key_set(client.jwks_inline).find(kid, algorithm)

    def are_there(self, client: Client) -> bool:
        return True


def token_authenticator(*clients: Client, guard: ReplayGuard | None = None, late: float = 0) -> TokenAuthenticator:
    """Return an authenticator whose clock stands `late` seconds after `NOW`."""
    moment = NOW + timedelta(seconds=late)
    return TokenAuthenticator(clients or (CLIENT, OTHER), guard or Guard(), FixedKeys(), lambda: moment, BASE)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
