"""Serve the documentation in the console, if it was built: `mkdocs build` writes the site beside this module.

A wheel that was built after it holds the site as well; a plain clone has none, and then nothing points at it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from flask import Response, redirect, send_from_directory, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as BaseResponse

BUILT_SITE = Path(__file__).parent / "docs_site"

#: As for the other pages, but the theme needs its icons (data:), the worker of its search and the scripts in its pages.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'{scripts}; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def is_built(site: Path) -> bool:
    """Return whether there is a site to show."""
    return (site / "index.html").is_file()


def docs_page(site: Path) -> Callable[[str], Response]:
    """Return the view of one file of the site."""

    def docs(page: str) -> Response:
        answer = send_from_directory(site, page)
        answer.headers["Content-Security-Policy"] = _policy(safe_join(str(site), page) or "")
        return answer

    return docs


def to_first_page() -> BaseResponse:
    """Lead to the first page by its name, since the links of the site are relative."""
    return redirect(url_for("console.docs", page="index.html"))


def _policy(file: str) -> str:
    """Return the policy of a file: of a page, with the scripts that stand in it and no others."""
    text = Path(file).read_text(encoding="utf-8") if file.endswith(".html") else ""
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in _INLINE.findall(text))
    return _POLICY.format(scripts="".join(f" 'sha256-{each}'" for each in hashes))
