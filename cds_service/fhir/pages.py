"""One search with its pages: followed on the same server only, and not without end (SSRF-6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cards.chart import Listing
from cards.reading import Listed, unwrap
from cds_service.fhir.server import NotRead

MOST_PAGES = 3
MOST_RESOURCES = 500

#: Printable ASCII without fragment, backslash, quotes and braces.
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%|]{1,4096}")
_RELATIVE = re.compile(r"(?:[A-Z][A-Za-z]+)?\?.+")
#: A step up, or none, in a path: also where a server decodes it first (once or often) or cuts off what follows a ";".
_UP = re.compile(
    r"(?:^|/|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?:/|;|%(?:25)*(?:2f|5c|3b)|$)",
    re.IGNORECASE,
)

Read = Callable[[str], Any]


def follow(first: Any, kind: str, base: str, read: Read) -> Listed:
    """All pages of a search whose first page is `first`. What cannot be followed leaves the list cut."""
    pages, listed = [first], [unwrap(first, kind=kind)]
    while link := next_link(pages[-1]):
        address = address_below(base, link)
        enough = len(pages) >= MOST_PAGES or sum(len(page.resources) for page in listed) >= MOST_RESOURCES
        if address is None or enough:
            return _together(listed, Listing.CUT)
        try:
            page = read(address)
        except NotRead:
            return _together(listed, Listing.CUT)
        pages.append(page)
        listed.append(unwrap(page, kind=kind, pages_followed=True))
        if listed[-1].listing is Listing.NOT_KNOWN:
            return _together(listed[:-1], Listing.CUT)
    return listed[0] if len(pages) == 1 else _together(listed, _whole(first, kind, listed))


def _whole(first: Any, kind: str, listed: list[Listed]) -> Listing:
    """All pages were followed: the list is complete unless one of them has a hole of its own."""
    inner = [unwrap(first, kind=kind, pages_followed=True), *listed[1:]]
    return Listing.CUT if any(page.listing is Listing.CUT for page in inner) else Listing.COMPLETE


def _together(pages: list[Listed], listing: Listing) -> Listed:
    """One list of all pages; a first page that failed stays failed."""
    if pages[0].listing is Listing.NOT_KNOWN:
        return pages[0]
    resources = tuple(resource for page in pages for resource in page.resources)
    return Listed(resources, listing, any(page.withheld for page in pages))


def next_link(page: Any) -> str | None:
    """The address of the next page, as the Bundle gives it."""
    links = page.get("link") if isinstance(page, Mapping) and page.get("resourceType") == "Bundle" else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"]) or None
    return None


def address_below(base: str, link: str) -> str | None:
    """The link as an address below `base`, or None where it leads anywhere else."""
    if not _PLAIN.fullmatch(link):
        return None
    if link.startswith((f"{base}/", f"{base}?")):
        rest = link[len(base) :]
        return None if _UP.search(rest.partition("?")[0]) else link
    return f"{base}/{link}" if _RELATIVE.fullmatch(link) else None
