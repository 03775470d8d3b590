"""Cross-origin calls: any origin in open mode, with clients only the origins they list (K-01 to K-05, OUT-6)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, request

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "600",
}


@dataclass(frozen=True, slots=True)
class Origins:
    """Who may call from a browser. `allowed` None: anybody, without credentials; else exactly these."""

    allowed: frozenset[str] | None = None

    def headers_for(self, origin: str | None) -> dict[str, str]:
        if self.allowed is None:
            return {"Access-Control-Allow-Origin": "*"}
        allowed = {"Access-Control-Allow-Origin": origin} if origin in self.allowed and origin else {}
        return {"Vary": "Origin", **allowed}


def install_cors(app: Flask, origins: Origins) -> None:
    """Answer every preflight without authentication, and put the headers on every answer, errors too."""

    def preflight() -> Response | None:
        if request.method == "OPTIONS" and request.url_rule is not None:
            return Response(status=204, headers={"Allow": ", ".join(sorted(request.url_rule.methods or ()))})
        return None

    def add_headers(answer: Response) -> Response:
        granted = origins.headers_for(request.headers.get("Origin"))
        answer.headers.update(granted)
        if request.method == "OPTIONS" and "Access-Control-Allow-Origin" in granted:
            answer.headers.update(_PREFLIGHT)
        return answer

    app.before_request(preflight)
    app.after_request(add_headers)
