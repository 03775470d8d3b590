"""The pages of one search: what was read, where it continues, and why it ended (reliability SSRF-6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cards.facts.chart import Gap, Listing
from cards.fhir.bundles import Listed, count_matches, next_link, self_link, total_of, unwrap
from cds_service.fhir.links import address_below, path_of_server

MOST_PAGES = 50
MOST_RESOURCES = 5_000

#: The cause if no other is known: there was no time to read the rest.
_NO_TIME = Gap("deadline")


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one search so far; immutable, so that every thread sees a consistent state.

    next     URL of the next page, None if there is none that may be read
    unread   why the rest was not read
    """

    base: str
    kind: str
    next: str | None = None
    unread: Gap | None = None
    _read: tuple[Listed, ...] = ()
    _seen: frozenset[str] = frozenset()
    _total: int = 0
    _server_path: str | None = None

    @classmethod
    def from_client(cls, base: str, kind: str, page: Any, listed: Listed) -> Pages:
        """Return the pages that start with a page sent by the client; `listed` is its content."""
        begun = cls(base, kind)
        return begun.with_page(page) if next_link(page) is not None else replace(begun, _read=(listed,))

    def with_page(self, page: Any) -> Pages:
        """Return these pages with the next one added, as the server answered it."""
        listed = unwrap(page, kind=self.kind, pages_followed=True)
        if listed.listing is Listing.NOT_KNOWN and self._read:
            return self.stopped(listed.gap or _NO_TIME)
        seen = self._seen | {self.next} if self.next else self._seen
        path = self._server_path if self._server_path is not None else path_of_server(self_link(page), self.kind)
        more = replace(
            self,
            next=None,
            _read=(*self._read, listed),
            _seen=seen,
            _total=max(self._total, total_of(page)),
            _server_path=path,
        )
        link = next_link(page) if listed.listing is not Listing.NOT_KNOWN else None
        return more if link is None else more._before(link, self.next or f"{self.base}/{self.kind}")

    def _before(self, link: str, page: str) -> Pages:
        """Return these pages with a link on `page` to the next one, if that may be followed."""
        address = address_below(self.base, link, self._server_path, page)
        if address is None:
            return self.stopped(Gap("cut-elsewhere"))
        is_enough = len(self._read) >= MOST_PAGES or sum(len(page.resources) for page in self._read) >= MOST_RESOURCES
        return self.stopped(Gap("cut")) if is_enough or address in self._seen else replace(self, next=address)

    def stopped(self, why: Gap) -> Pages:
        """Return these pages, ended for the given cause."""
        return replace(self, next=None, unread=why)

    @property
    def is_begun(self) -> bool:
        """Return whether at least one page was read."""
        return bool(self._read)

    def listed(self) -> Listed:
        """Return everything that was read as one list."""
        if not self._read:
            return Listed(listing=Listing.NOT_KNOWN, gap=self.unread or _NO_TIME)
        first = self._read[0]
        if first.listing is Listing.NOT_KNOWN:
            return first
        resources = tuple(resource for page in self._read for resource in page.resources)
        withheld = any(page.withheld for page in self._read)
        gap = self._gap(count_matches(self._read), withheld)
        listing = Listing.CUT if gap else Listing.COMPLETE
        addresses = tuple(pair for page in self._read for pair in page.addresses)
        return Listed(resources, listing, withheld, gap=gap, addresses=addresses)

    def _gap(self, count: int, withheld: bool) -> Gap | None:
        """Return what is missing: pages, entries that the server counts but did not send, or unreadable entries."""
        total = self._total if self._total > count else None
        if self.next or self.unread:
            return replace(self.unread or _NO_TIME, read=count, total=total)
        if total is not None and not withheld:
            return Gap("cut", read=count, total=total)
        return next((page.gap for page in self._read if page.listing is Listing.CUT), None)
