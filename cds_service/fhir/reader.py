"""Reads prefetch keys from one FHIR server for one call, and tells the server's breaker how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from cards.chart import Listing
from cards.reading import Listed, unwrap
from cards.reading.bundles import NOT_READ
from cds_service.deadline import Deadline
from cds_service.fhir.crew import Crew
from cds_service.fhir.pages import follow
from cds_service.fhir.scopes import UNTOLD, Cover, Scopes
from cds_service.fhir.server import FhirServer, NotRead
from cds_service.fhir.wire import Wire
from cds_service.fhir_version import kind_of
from cds_service.services import PATIENT, parameters


@dataclass(slots=True)
class Reader:
    """For one call only: it holds the call's token."""

    server: FhirServer
    crew: Crew
    _token: str | None = field(repr=False)
    deadline: Deadline
    fhir_version: str = "R4"
    scopes: Scopes = UNTOLD
    #: why reads failed, in words of ours, by prefetch key
    faults: dict[str, str] = field(default_factory=dict)
    #: how long each key took to read, with all its pages; a key that was cut off is not in it
    seconds: dict[str, float] = field(default_factory=dict)
    _answered: int = 0
    _failed: int = 0
    _allowed: bool | None = None

    def search(self, keys: Iterable[str], patient_id: str, first_pages: Mapping[str, Any]) -> dict[str, Listed]:
        """Each key, read from the server; a key of `first_pages` goes on from the page the client sent.

        What the scopes do not cover is not asked for, and is not known; what they cover in part is cut.
        """
        jobs = {key: partial(self._rest_of, key, page) for key, page in first_pages.items()}
        jobs |= {key: partial(self._all_of, key, patient_id=patient_id) for key in keys}
        covers = {key: self._cover(key) for key in jobs}
        self.faults.update({key: "scope" for key, cover in covers.items() if cover is Cover.NONE})
        allowed = {key: partial(self._timed, key, job) for key, job in jobs.items() if covers[key] is not Cover.NONE}
        return {key: _as_covered(listed, covers[key]) for key, listed in self._run(allowed).items()}

    def _cover(self, key: str) -> Cover:
        """A record that is read by its id is whole, whatever others a scope leaves out."""
        kind = kind_of(key, self.fhir_version)
        if key != "patient":
            return self.scopes.search(kind)
        return Cover.NONE if self.scopes.read(kind) is Cover.NONE else Cover.WHOLE

    def _timed(self, key: str, job: Callable[[Wire], Listed], wire: Wire) -> Listed:
        began = time.monotonic()
        try:
            return job(wire)
        finally:
            self.seconds[key] = time.monotonic() - began

    def by_reference(self, references: Iterable[str]) -> tuple[dict[str, Any], ...]:
        """The resources behind `Type/id` references, as far as they can be read."""
        allowed = [each for each in references if self.scopes.read(each.partition("/")[0]) is not Cover.NONE]
        jobs = {reference: partial(self._one, reference) for reference in allowed}
        found = self._run(jobs, "by-reference")
        return tuple(resource for listed in found.values() for resource in listed.resources)

    def _run(self, jobs: Mapping[str, Any], named: str = "") -> dict[str, Listed]:
        """What the jobs read. Faults are kept under the job's key, or under `named` where the key is of the request:
        references and their ids must not reach a log or a metric."""
        if not jobs or not self._may_read():
            self.faults.update({named or key: "breaker-open" for key in jobs})
            return {}
        done: dict[str, Listed] = self.crew.read_all(jobs, self.server.new_wire, self.deadline)
        for key in jobs.keys() - done.keys():
            self.faults.setdefault(named or key, "timeout" if not self.deadline.left() else "busy")
            self._failed += not self.deadline.left()
        return done

    def _may_read(self) -> bool:
        """The breaker is asked once per call, and only by a call that has something to read."""
        if self._allowed is None:
            self._allowed = self.server.breaker.allows()
        return self._allowed

    def _all_of(self, key: str, wire: Wire, *, patient_id: str) -> Listed:
        kind = kind_of(key, self.fhir_version)
        try:
            first = self._read(address(self.server.base, key, patient_id, self.fhir_version), wire)
        except NotRead as fault:
            self.faults[key] = fault.reason
            return NOT_READ
        return follow(first, kind, self.server.base, partial(self._read, wire=wire))

    def _rest_of(self, key: str, page: Any, wire: Wire) -> Listed:
        return follow(page, kind_of(key, self.fhir_version), self.server.base, partial(self._read, wire=wire))

    def _one(self, reference: str, wire: Wire) -> Listed:
        kind, _, name = reference.partition("/")
        try:
            return unwrap(self._read(f"{self.server.base}/{kind}/{quote(name, safe='')}", wire), kind=kind)
        except NotRead:
            return NOT_READ

    def _read(self, url: str, wire: Wire) -> Any:
        try:
            found = self.server.read(url, self._token, self.deadline, wire)
        except NotRead as fault:
            self._failed += fault.is_outage
            self._answered += not fault.is_outage
            raise
        self._answered += 1
        if found is None:
            raise NotRead("not-json")
        return found

    def close(self) -> None:
        """Tell the breaker: one good answer is enough, a call without any is one failure."""
        if self._answered:
            self.server.breaker.succeeded()
        elif self._failed:
            self.server.breaker.failed()


def _as_covered(listed: Listed, cover: Cover) -> Listed:
    is_short = cover is Cover.PART and listed.listing is Listing.COMPLETE
    return replace(listed, listing=Listing.CUT) if is_short else listed


def address(base: str, key: str, patient_id: str, fhir_version: str = "R4") -> str:
    """Where a prefetch key is read: the template of discovery with the patient filled in, every value encoded."""
    if key == "patient":
        return f"{base}/Patient/{quote(patient_id, safe='')}"
    filled = [(name, value.replace(PATIENT, patient_id)) for name, value in parameters(key)]
    return f"{base}/{kind_of(key, fhir_version)}?{urlencode(filled, safe=':/,')}"
