"""Resolve the link to the next page of a search, on the configured base only (reliability SSRF-6).

Only the path and the query of a link are used. A server behind a proxy may know itself by another base URL, so the path
is taken relative to the configured base, or to the base that the server reports.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_LONGEST = 8_000
_PARTS = re.compile(r"(?P<host>(?:https?:)?//[^/?]*)?(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.IGNORECASE | re.DOTALL)
#: A relative path begins with a resource type, unlike a host without `//`.
_RELATIVE = re.compile(r"(?:[A-Z][A-Za-z]+(?:[/;].*)?)?", re.DOTALL)
#: A dot segment in a path, also where a server would decode it first (even repeatedly) or drop what follows a ";".
_UP = re.compile(
    r"(?:^|/|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?:/|;|%(?:25)*(?:2f|5c|3b)|$)",
    re.IGNORECASE,
)
_BACKSLASH = re.compile(r"%(?:25)*5c", re.IGNORECASE)
_CONTROL = re.compile(r"%(?:25)*(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Unicode categories: control, format, surrogate and unassigned characters; line and paragraph separators.
_INVISIBLE = ("C", "Zl", "Zp")


def path_of_server(self_link: str, kind: str) -> str | None:
    """Return the path of the base URL that a server reports for itself, from the `self` link of a search for `kind`.

    The search may be inside a patient compartment. Returns None if the link does not fit.
    """
    path = _parts(self_link).path if _is_plain(self_link) else ""
    found = re.fullmatch(rf"(.*?)(?:/Patient/[^/]+)?/{kind}(?:/_search)?/?", path, re.DOTALL)
    return found[1] if found else None


def address_below(base: str, link: str, server_path: str | None = None, page: str = "") -> str | None:
    """Return the link as a URL below `base`, or None if it leads anywhere else.

    `server_path` is the path of the base that the server reports for itself (`path_of_server`). `page` is the URL of
    the page that holds the link, for a link that is a query alone.
    """
    if not _is_plain(link):
        return None
    parts = _parts(link)
    if link.startswith("?") and page:
        rest: str | None = page.partition("?")[0].removeprefix(base)
    elif parts.is_relative:
        rest = f"/{parts.path}" if _RELATIVE.fullmatch(parts.path) else None
    else:
        rest = _below(parts.path, urlsplit(base).path, server_path)
    if rest is None or not (rest.strip("/") or parts.query) or _UP.search(rest) or _BACKSLASH.search(rest):
        return None
    return f"{base}{_escaped(rest)}" + (f"?{_escaped(parts.query)}" if parts.query else "")


def _is_plain(link: str) -> bool:
    """Return whether no character of the link could be read differently by a server or proxy."""
    if len(link) > _LONGEST or "\\" in link or "#" in link or _CONTROL.search(link):
        return False
    return not any(unicodedata.category(sign).startswith(_INVISIBLE) for sign in link)


class _Parts(NamedTuple):
    """The parts of a URL; a relative one is taken as below the base."""

    is_relative: bool
    path: str
    query: str


def _parts(link: str) -> _Parts:
    found = _PARTS.fullmatch(link)
    host, path, query = found.group("host", "path", "query") if found else (None, "", None)
    return _Parts(host is None and not path.startswith("/"), path, query or "")


def _below(path: str, *bases: str | None) -> str | None:
    """Return what follows the longest of `bases` that is a prefix of `path`, or None."""
    known = sorted((each for each in bases if each is not None), key=len, reverse=True)
    fitting = (each for each in known if path == each or path.startswith(f"{each}/"))
    return next((path[len(each) :] for each in fitting), None)


def _escaped(part: str) -> str:
    """Percent-encode characters that a URL may not contain, keeping existing escapes."""
    return quote(_LONE_PERCENT.sub("%25", part), safe="%/:@!$&'()*+,;=?~")
