"""What goes out with every page: the policy that keeps it alone, and how long style and script may be kept."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Response, request

#: Nothing inline, nothing from elsewhere, no framing. {may_call}: where the checks of Connect may call.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'{may_call}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def static_version() -> str:
    """Changes with the style, the script and the icon, so that a browser may keep each for as long as it is true."""
    folder = Path(__file__).parent / "static"
    content = b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


def with_policy(answer: Response, *, may_call: str = "") -> Response:
    """The answer to the current request with its headers; `may_call` is one further origin, or none."""
    answer.headers["Content-Security-Policy"] = _POLICY.format(may_call=f" {may_call}" if may_call else "")
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    answer.headers["X-Frame-Options"] = "DENY"
    if request.endpoint == "console.static" and request.args.get("v") == static_version():
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
