"""A registered EHR that calls the whole service over a socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import requests

from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.server.assembly import assemble
from tests.builders.bugs import bugs_shown
from tests.builders.deadlines import UNHURRIED_MS
from tests.builders.service import ALL_ON, NOW
from tests.builders.serving import in_threads
from tests.builders.tokens import by_joserfc, by_pyjwt, changed, jwk

PUBLIC = "https://cds.example.org/rls"
VIEW, SIGN, SELECT = (f"/cds-services/rls-{hook}" for hook in ("patient-view", "order-sign", "order-select"))
FHIR = "https://ehr.example.org/fhir/r4"
JKU = "https://ehr.example.org/keys"
SECONDS = int(NOW.timestamp())
TIMEOUT = 20

CLIENT = Client(
    "hospital",
    issuer="https://ehr.example.org",
    jku=(JKU,),
    jwks_inline={"keys": [jwk("p384", "kid/+=1"), jwk("rsa", "rsa-1")]},
    fhir_base=FHIR,
    allowed_origins=("https://ehr.example.org",),
    deadline_ms=UNHURRIED_MS,
)
OTHER = Client(
    "clinic",
    issuer="https://other.example.org",
    jwks_inline={"keys": [jwk("other-p384", "other-1")]},
    deadline_ms=UNHURRIED_MS,
)


@dataclass
class Ehr:
    """One client of a running service; `base` is the URL it listens at, `public` the one that tokens name."""

    base: str
    client: Client = CLIENT
    public: str = PUBLIC
    kid: str = "kid/+=1"
    key: str = "p384"
    algorithm: str = "ES384"
    session: requests.Session = field(default_factory=requests.Session)

    def head(self, **changes: object) -> dict[str, object]:
        good = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid, "jku": next(iter(self.client.jku), None)}
        return changed({name: value for name, value in good.items() if value}, changes)

    def claims(self, path: str, **changes: object) -> dict[str, object]:
        """Return the claims of a valid token for `path`, issued at the time of the service."""
        good: dict[str, object] = {
            "iss": self.client.issuer,
            "aud": self.public + path,
            "iat": SECONDS,
            "exp": SECONDS + 300,
            "jti": str(uuid4()),
        }
        return changed(good, changes)

    def token(self, path: str, **changes: object) -> str:
        sign = by_joserfc if self.algorithm == "RS384" else by_pyjwt
        return sign(self.head(), self.claims(path, **changes), self.key)

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = "", **headers: str
    ) -> requests.Response:
        """Send a call with a new token, or without one if `token` is None."""
        written = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = self.token(path) if token == "" else token
        if shown:
            written.setdefault("Authorization", f"Bearer {shown}")
        return self.session.request(
            method, self.base + path, json=body, headers=written, timeout=TIMEOUT, allow_redirects=False
        )

    def post(self, path: str, body: Any, *, token: str | None = "", **headers: str) -> requests.Response:
        return self.call("POST", path, body, token=token, **headers)

    def of(self, client: Client, kid: str, key: str, algorithm: str = "ES384") -> Ehr:
        """Return another client of the same service, or the same one with another key."""
        return replace(self, client=client, kid=kid, key=key, algorithm=algorithm)


def hospital_settings(folder: Path, **changes: Any) -> Settings:
    """Return settings with two clients with keys of their own, and a store in `folder`."""
    given: dict[str, Any] = {
        "public_base": PUBLIC,
        "clients": (CLIENT, OTHER),
        "services": ALL_ON,
        "time_zone": ZoneInfo("America/New_York"),
        "data_folder": str(folder),
        "failures_per_minute": 1_000_000,
        "pseudonym_key": bytes(range(32)),
        "encryption_key": bytes(range(32, 64)),
        **changes,
    }
    return Settings(**given)


@contextmanager
def served(settings: Settings, now: datetime = NOW) -> Iterator[Ehr]:
    """Serve the whole service on a real port, with its clock fixed at `now`."""
    app = assemble(settings, clock=lambda: now)
    try:
        with bugs_shown(), in_threads(app) as base:
            ehr = Ehr(base)
            with ehr.session:
                yield ehr
    finally:
        app.extensions["rls_cds_scheduler"].stop()
        app.extensions["rls_cds"].fhir.close()


def outcome(answer: requests.Response, status: int) -> Mapping[str, Any]:
    """Return the one issue of an OperationOutcome with that status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome" and body["issue"]
    first: Mapping[str, Any] = body["issue"][0]
    return first
