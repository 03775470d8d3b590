"""The public CDS Hooks Sandbox as a client: how it joins URLs, resolves prefetch and signs, as observed."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

import requests

from tests.builders.service import NOW
from tests.builders.tokens import by_pyjwt

ORIGIN = "https://sandbox.cds-hooks.org"
KEY_ID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
USER = "Practitioner/COREPRACTITIONER1"
TIMEOUT = 20
_TOKEN = re.compile(r"\{\{([^}]+)\}\}")


@dataclass
class Sandbox:
    """A browser with the sandbox: one discovery URL, one FHIR server, one patient."""

    discovery: str
    fhir: str
    patient: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    session: requests.Session = field(default_factory=requests.Session)

    def headers(self, url: str, key: str = "other-p384") -> dict[str, str]:
        """Return headers with a token for exactly the URL called; its key is public, so it proves nothing."""
        now = int(NOW.timestamp())
        claims = {"iss": ORIGIN, "aud": url, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        head = {"alg": "ES384", "typ": "JWT", "kid": KEY_ID, "jku": f"{ORIGIN}/.well-known/jwks.json"}
        return {
            "Accept": "application/json",
            "Authorization": f"Bearer {by_pyjwt(head, claims, key)}",
            "Origin": ORIGIN,
        }

    def discover(self) -> dict[str, dict[str, Any]]:
        """Return the services by hook, after the preflight of the browser."""
        self.preflight(self.discovery, "GET", "authorization")
        answer = self.session.get(self.discovery, headers=self.headers(self.discovery), timeout=TIMEOUT)
        answer.raise_for_status()
        return {each["hook"]: each for each in answer.json()["services"]}

    def preflight(self, url: str, method: str, headers: str) -> None:
        asks = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        }
        granted = self.session.options(url, headers=asks, timeout=TIMEOUT, allow_redirects=False)
        assert granted.status_code in (200, 204), granted.status_code
        assert granted.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN)
        allowed = granted.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
        assert set(headers.split(",")) <= set(allowed)

    def call(self, service: dict[str, Any], **context: Any) -> requests.Response:
        """Send one hook call; a discovery URL that ends in a slash leads to two slashes in a row."""
        url = f"{self.discovery}/{service['id']}"
        self.preflight(url, "POST", "authorization,content-type")
        body: dict[str, Any] = {
            "hookInstance": str(uuid.uuid4()),
            "hook": service["hook"],
            "fhirServer": self.fhir,
            "context": {"patientId": self.patient, "userId": USER, **context},
        }
        filled = self.prefetch(service.get("prefetch", {}))
        body |= {"prefetch": filled} if filled else {}
        return self.session.post(url, json=body, headers=self.headers(url), timeout=TIMEOUT, allow_redirects=False)

    def feedback(self, service: dict[str, Any], entry: dict[str, Any]) -> requests.Response:
        url = f"{self.discovery}/{service['id']}/feedback"
        self.preflight(url, "POST", "authorization,content-type")
        body = {"feedback": [entry]}
        return self.session.post(url, json=body, headers=self.headers(url), timeout=TIMEOUT, allow_redirects=False)

    def prefetch(self, templates: dict[str, str]) -> dict[str, Any]:
        """Resolve prefetch: reads by GET, searches by POST of sorted parameters or GET; failed keys are omitted."""
        known = {"context.patientId": self.patient, "context.userId": USER}
        filled = {}
        for key, template in templates.items():
            query = _TOKEN.sub(lambda found: known.get(found[1], found[0]), template)
            answer = self._ask(query)
            if answer.ok:
                filled[key] = answer.json()
        return filled

    def _ask(self, query: str) -> requests.Response:
        kind, _, rest = query.partition("?")
        accept = {"Accept": "application/json+fhir"}
        if not rest:
            self.asked.append(("GET", kind))
            return self.session.get(f"{self.fhir}/{kind}", headers=accept, timeout=TIMEOUT)
        joined: dict[str, str] = {}
        for name, _, value in (pair.partition("=") for pair in rest.split("&")):
            joined[name] = ",".join(each for each in (joined.get(name), unquote(value)) if each)
        form = urlencode(sorted(joined.items()))
        self.asked.append(("POST", f"{kind}/_search?{form}"))
        typed = accept | {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.session.post(f"{self.fhir}/{kind}/_search", data=form, headers=typed, timeout=TIMEOUT)
        if answer.ok:
            return answer
        self.asked.append(("GET", f"{kind}?{form}"))
        return self.session.get(f"{self.fhir}/{kind}?{form}", headers=accept, timeout=TIMEOUT)
