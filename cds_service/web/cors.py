"""CORS headers of the CDS Hooks routes: any origin in open mode, otherwise only the origins that clients list.

Other routes have none: pages of other sites are not to read probes, metrics or the console. See protocol K-01 to K-05
and reliability OUT-6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask, Response, request

_PREFLIGHT = {"Access-Control-Allow-Methods": "GET, POST, OPTIONS", "Access-Control-Max-Age": "600"}
_HEADERS_READ = ("authorization", "content-type")
#: What a script may read of an answer besides its body.
_EXPOSED = {"Access-Control-Expose-Headers": "Retry-After, X-Request-Id"}
#: Further headers that a preflight may name: tokens of RFC 9110, such as those of tracing tools.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,64}", re.ASCII)
_MOST_NAMES = 20
#: The first segment of the paths that pages of other sites may call.
_CDS_HOOKS = "cds-services"


@dataclass(frozen=True, slots=True)
class OriginPolicy:
    """The origins that may call from a browser; None allows any, without credentials."""

    allowed: frozenset[str] | None = None

    def headers_for(self, origin: str | None) -> dict[str, str]:
        """Return the CORS headers for a request from `origin`."""
        if self.allowed is None:
            return {"Access-Control-Allow-Origin": "*", **_EXPOSED}
        if not origin or origin not in self.allowed:
            return {"Vary": "Origin"}
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, **_EXPOSED}


def install_cors(app: Flask, origins: OriginPolicy) -> None:
    """Answer preflight requests without authentication, and add the headers to all responses of CDS Hooks routes."""

    def preflight() -> Response | None:
        if request.method == "OPTIONS" and request.url_rule is not None:
            return Response(status=204, headers={"Allow": ", ".join(sorted(request.url_rule.methods or ()))})
        return None

    def add_headers(answer: Response) -> Response:
        if request.path.lstrip("/").partition("/")[0] != _CDS_HOOKS:
            return answer
        granted = origins.headers_for(request.headers.get("Origin"))
        answer.headers.update(granted)
        if request.method == "OPTIONS" and "Access-Control-Allow-Origin" in granted:
            answer.headers.update(_PREFLIGHT)
            asked = request.headers.get("Access-Control-Request-Headers", "")
            answer.headers["Access-Control-Allow-Headers"] = ", ".join(_allowed_headers(asked))
        return answer

    app.before_request(preflight)
    app.after_request(add_headers)


def _allowed_headers(asked: str) -> tuple[str, ...]:
    """Return the headers that are read, and the first 20 plain names that a preflight asks for."""
    names = dict.fromkeys(name.strip().lower() for name in asked.split(","))
    plain = [name for name in names if name not in _HEADERS_READ and _NAME.fullmatch(name)]
    return (*_HEADERS_READ, *plain[:_MOST_NAMES])
