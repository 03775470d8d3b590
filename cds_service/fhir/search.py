"""Read everything that one call needs in parallel: lists page by page, narrow questions, referenced medications."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from cards.facts.chart import Gap, Listing
from cards.fhir.bundles import Listed
from cards.reading.resource_types import MORE_DRUGS, asked_type
from cds_service.fhir.connection import ReadFailed
from cds_service.fhir.paging import Pages
from cds_service.fhir.parallel import ReadBatch
from cds_service.fhir.reader import Reader, address, narrow_address
from cds_service.fhir.scopes import Coverage
from cds_service.fhir.transport import CancellableConnection

Resource = Mapping[str, Any]
#: Why a list that was read to its end is cut all the same.
_GAPS = {Coverage.PART: Gap("scope-part"), Coverage.UNCLEAR: Gap("scope-unclear")}
#: The lists of drugs, which refer to Medications.
_OF_DRUGS = ("medications", *MORE_DRUGS)
#: Returns the references to read, given the drug orders known so far and whether these are all.
References = Callable[[Iterable[Resource], bool], Iterable[str]]


class SentPage(NamedTuple):
    """The first page of a list that the client sent in part: the page itself, and its content."""

    page: Any
    listed: Listed


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What was read: lists by key, the answers to their narrow questions by the same key, referenced resources."""

    lists: Mapping[str, Listed] = field(default_factory=dict)
    narrow: Mapping[str, tuple[Listed, ...]] = field(default_factory=dict)
    referred: tuple[dict[str, Any], ...] = ()


def search(
    reader: Reader, patient_id: str, keys: Iterable[str], sent: Mapping[str, SentPage], references: References
) -> SearchResults:
    """Read `keys` from the server, and continue the lists that were `sent` in part.

    Lists that the scopes do not cover are not read and not known; lists that they cover in part, or perhaps, are cut.
    """
    with reader.pool.batch(reader.server.new_connection, reader.deadline) as batch:
        work = _Search(reader, batch, patient_id, references)
        work.start(tuple(keys), sent)
        for name in batch.completed():
            work.on_completed(name)
        return work.found()


class _Search:
    """The state of one call's reads.

    The reading threads only store pages and referenced resources; everything else runs in the thread of the call.
    """

    def __init__(self, reader: Reader, batch: ReadBatch, patient_id: str, references: References) -> None:
        self._reader, self._batch, self._patient_id, self._references = reader, batch, patient_id, references
        self._covers: dict[str, Coverage] = {}
        self._pages: dict[str, Pages] = {}
        self._narrow: dict[str, tuple[str, ...]] = {}
        self._referred: dict[str, Listed | None] = {}
        self._started_at: dict[str, float] = {}

    def start(self, keys: tuple[str, ...], sent: Mapping[str, SentPage]) -> None:
        """Start to read `keys`, and to continue the lists that were `sent`."""
        reader = self._reader
        self._covers = {key: reader.coverage(key) for key in (*keys, *sent)}
        self._pages = {key: self._new(key, address=self._address(key)) for key in keys}
        for key, (page, listed) in sent.items():
            self._pages[key] = Pages.from_client(reader.server.base, asked_type(key, reader.fhir_version), page, listed)
        self._refuse_where("scope", Gap("scope"), lambda key: self._covers[key] is Coverage.NONE)
        self._refuse_where("breaker-open", Gap("unreachable"), lambda key: not reader.may_read())
        self._read_referenced()
        for key in keys:
            if self._pages[key].next:
                self._read(key, partial(self._read_page, key))
        for key in sent:
            self._continue(key)

    def _refuse_where(self, fault: str, why: Gap, is_refused: Callable[[str], bool]) -> None:
        """End the lists that may not be read."""
        for key in [key for key, pages in self._pages.items() if pages.next and is_refused(key)]:
            self._reader.faults[key] = fault
            self._pages[key] = self._pages[key].stopped(why)

    def _new(self, key: str, *, address: str) -> Pages:
        return Pages(self._reader.server.base, asked_type(key, self._reader.fhir_version), address)

    def _address(self, key: str) -> str:
        return address(self._reader.server.base, key, self._patient_id, self._reader.fhir_version)

    def _read(self, name: str, job: Callable[[CancellableConnection], None]) -> None:
        self._started_at.setdefault(name, time.monotonic())
        self._batch.add(name, job)

    def on_completed(self, name: str) -> None:
        """Continue after a job has ended."""
        if name in self._covers:
            self._continue(name)

    def _continue(self, key: str) -> None:
        """Continue a list after its first page, or after all of them."""
        pages = self._pages[key]
        listed = pages.listed()
        if listed.listing is Listing.CUT:
            self._ask_narrow_question(key)
        else:
            for name in self._narrow.get(key, ()):
                self._batch.cancel(name)
        if pages.next:
            self._read(key, partial(self._read_all_pages, key))
        elif key in self._started_at:
            self._reader.seconds[key] = time.monotonic() - self._started_at[key]
        if key in _OF_DRUGS:
            self._read_referenced()

    def _ask_narrow_question(self, key: str) -> None:
        reader, question = self._reader, self._reader.narrow_questions.get(key)
        if question is None or key in self._narrow or not reader.may_read():
            return
        if self._covers[key] not in (Coverage.WHOLE, Coverage.LABORATORY):
            return  # an empty answer would prove nothing
        names = []
        for number, codes in enumerate(question.parts):
            name = f"{key} narrow {number}"
            kind = asked_type(key, reader.fhir_version)
            self._pages[name] = self._new(
                key, address=narrow_address(reader.server.base, kind, codes, self._patient_id)
            )
            self._batch.add(name, partial(self._read_all_pages, name))
            names.append(name)
        self._narrow[key] = tuple(names)

    def _read_referenced(self) -> None:
        """Read the resources that drafts and the drugs read so far refer to."""
        scopes = self._reader.scopes
        lists = [self._pages[key] for key in _OF_DRUGS if key in self._pages]
        drugs = [each for pages in lists for each in pages.listed().resources]
        for reference in self._references(drugs, not any(pages.next for pages in lists)):
            if scopes.read(reference.partition("/")[0]) is Coverage.NONE:
                continue
            if not self._reader.may_read():
                self._reader.faults["by-reference"] = "breaker-open"
                return
            self._referred[reference] = None
            self._batch.add(reference, partial(self._read_reference, reference))

    def _read_reference(self, reference: str, connection: CancellableConnection) -> None:
        self._referred[reference] = self._reader.read_reference(reference, connection)

    def _read_all_pages(self, name: str, connection: CancellableConnection) -> None:
        while self._pages[name].next:
            self._read_page(name, connection)

    def _read_page(self, name: str, connection: CancellableConnection) -> None:
        """Read the next page."""
        pages = self._pages[name]
        try:
            page = self._reader.read(pages.next or "", connection)
        except ReadFailed as fault:
            if name in self._covers and not pages.is_begun:
                self._reader.faults[name] = fault.reason
            self._pages[name] = pages.stopped(fault.gap)
        else:
            self._pages[name] = pages.with_page(page)

    def found(self) -> SearchResults:
        """Return the results; unfinished lists are ended with a cause."""
        pages = dict(self._pages)
        for key in self._covers:
            if pages[key].next:
                pages[key] = self._unfinished(key, pages[key])
        if any(listed is None for listed in self._referred.values()):
            self._reader.note_missed("by-reference")
        return SearchResults(
            lists={key: _as_covered(pages[key].listed(), cover) for key, cover in self._covers.items()},
            narrow={key: tuple(pages[name].listed() for name in names) for key, names in self._narrow.items()},
            referred=tuple(one for listed in self._referred.values() if listed for one in listed.resources),
        )

    def _unfinished(self, key: str, pages: Pages) -> Pages:
        """End a list whose next page did not arrive in time, or got no slot."""
        if not pages.is_begun:
            self._reader.note_missed(key)
        return pages.stopped(Gap("deadline" if not self._reader.deadline.left() else "busy"))


def _as_covered(listed: Listed, cover: Coverage) -> Listed:
    """Return the list as far as the scopes let it be seen."""
    if cover is Coverage.LABORATORY:
        return replace(listed, laboratory_only=True)
    why = _GAPS.get(cover)
    return replace(listed, listing=Listing.CUT, gap=why) if why and listed.listing is Listing.COMPLETE else listed
