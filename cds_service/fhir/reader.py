"""Read from one FHIR server for one call, and report the result to its circuit breaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from cards.fhir.bundles import NOT_READ, Listed, unwrap
from cards.reading.resource_types import asked_type
from cds_service.fhir.connection import FhirServer, ReadFailed
from cds_service.fhir.narrow_questions import NarrowSearch
from cds_service.fhir.parallel import ReadPool
from cds_service.fhir.scopes import UNSPECIFIED, Coverage, Scopes
from cds_service.fhir.transport import CancellableConnection
from cds_service.hooks.services import PATIENT, Parameters, parameters, parameters_for_codes
from cds_service.web.deadline import Deadline


@dataclass(slots=True)
class Reader:
    """The reader of one call; it holds the token of the call.

    narrow_questions   what to search for when a list is cut, by prefetch key
    faults             why reads failed, as constants, by prefetch key
    seconds            how long each key took to read with all its pages; absent for keys that were cancelled
    """

    server: FhirServer
    pool: ReadPool
    _token: str | None = field(repr=False)
    deadline: Deadline
    fhir_version: str = "R4"
    scopes: Scopes = UNSPECIFIED
    narrow_questions: Mapping[str, NarrowSearch] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _answered: int = 0
    _failed: int = 0
    _allowed: bool | None = None

    def coverage(self, key: str) -> Coverage:
        """Return how much of a list the scopes cover; a patient read by id is always covered whole."""
        kind = asked_type(key, self.fhir_version)
        if key != "patient":
            return self.scopes.search(kind)
        return Coverage.NONE if self.scopes.read(kind) is Coverage.NONE else Coverage.WHOLE

    def may_read(self) -> bool:
        """Return whether the circuit breaker allows this call to read; it is asked once per call, on first use."""
        if self._allowed is None:
            self._allowed = self.server.breaker.allows()
        return self._allowed

    def read_reference(self, reference: str, connection: CancellableConnection) -> Listed:
        """Read the resource behind a reference `Type/id`."""
        kind, _, name = reference.partition("/")
        try:
            return unwrap(self.read(f"{self.server.base}/{kind}/{quote(name, safe='')}", connection), kind=kind)
        except ReadFailed:
            return NOT_READ

    def read(self, url: str, connection: CancellableConnection) -> Any:
        """Return the JSON at `url`, which must lie below the server's base; raises `ReadFailed`."""
        try:
            found = self.server.read(url, self._token, self.deadline, connection)
        except ReadFailed as fault:
            self._failed += fault.is_outage
            self._answered += not fault.is_outage
            raise
        self._answered += 1
        if found is None:
            raise ReadFailed("not-json")
        return found

    def note_missed(self, name: str) -> None:
        """Record a read that got no answer in time, or no slot."""
        is_late = not self.deadline.left()
        self.faults.setdefault(name, "timeout" if is_late else "busy")
        self._failed += is_late

    def close(self) -> None:
        """Report to the circuit breaker: one good answer is a success, a call without any is one failure."""
        if self._answered:
            self.server.breaker.succeeded()
        elif self._failed:
            self.server.breaker.failed()


def address(base: str, key: str, patient_id: str, fhir_version: str = "R4") -> str:
    """Return the URL of a prefetch key: the template of discovery with the patient filled in and values encoded."""
    if key == "patient":
        return f"{base}/Patient/{quote(patient_id, safe='')}"
    return _search(base, asked_type(key, fhir_version), parameters(key), patient_id)


def narrow_address(base: str, kind: str, codes: str, patient_id: str) -> str:
    """Return the URL of a search for entries with these codes."""
    return _search(base, kind, parameters_for_codes(codes), patient_id)


def _search(base: str, kind: str, asked: Parameters, patient_id: str) -> str:
    filled = [(name, value.replace(PATIENT, patient_id)) for name, value in asked]
    return f"{base}/{kind}?{urlencode(filled, safe=':/,')}"
