"""A call and its answer, as the pipeline hands them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cards.card import Card
from cards.chart import UnusableResult
from cards.finding import Finding
from cards.reading import Site
from cards.rules import Rules
from cds_service.clients.client import Client, Mode
from cds_service.deadline import Deadline
from cds_service.fhir.access import FhirAccess
from cds_service.gather import Gathered
from cds_service.hook_request import HookRequest
from cds_service.services import Service
from cds_service.settings import Settings
from cds_service.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything an answer needs that outlives a call."""

    settings: Settings
    rules: Rules
    store: Store
    fhir: FhirAccess
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
    sites: Mapping[str, Site] = field(default_factory=dict)

    def site(self, client: Client) -> Site:
        """The local codes and assay factors for what this client sends."""
        return self.sites.get(client.name, _NO_SITE)


_NO_SITE = Site()


@dataclass(frozen=True, slots=True)
class Call:
    """One call by one client; `mode` is live or shadow."""

    service: Service
    client: Client
    mode: Mode
    request: HookRequest
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Answered:
    """`status` 200 with `cards`, or 412 with the prefetch keys `missing`. In shadow mode nothing of it is shown.

    `suppressed` are cards that an earlier override silences. `findings` and `unusable` are for counting only.
    """

    status: int = 200
    cards: tuple[Card, ...] = ()
    missing: tuple[str, ...] = ()
    suppressed: tuple[Card, ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    gathered: Gathered = field(default_factory=lambda: Gathered({}))
    discarded: int = 0
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    unusable: tuple[UnusableResult, ...] = ()
