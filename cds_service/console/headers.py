"""Response headers of the console: content security policy, and caching of static files."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Response, request

#: Nothing inline, nothing from other origins, no framing; {may_call} is the origin that the checks of Connect call.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'{may_call}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def static_version() -> str:
    """Return a digest of the static files, which lets browsers cache each version without limit."""
    folder = Path(__file__).parent / "static"
    content = b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


def add_headers(answer: Response, *, may_call: str = "") -> Response:
    """Add the headers to the response to the current request; `may_call` is a further origin that scripts may call.

    A page that has set a policy of its own keeps it. The referrer policy lets browsers name the origin of what these
    pages post, and nothing to anybody else.
    """
    answer.headers.setdefault("Content-Security-Policy", _POLICY.format(may_call=f" {may_call}" if may_call else ""))
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint == "console.static" and request.args.get("v") == static_version():
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
