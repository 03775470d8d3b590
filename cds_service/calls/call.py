"""The call and its answer, as they pass through the pipeline."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cards.facts.card import Card
from cards.facts.chart import DRAFTS, Gap
from cards.facts.finding import Finding
from cards.facts.results import UnusableResult
from cards.knowledge.repetition import Repetition, repetition
from cards.knowledge.rules import Rules
from cards.reading import Site
from cards.review import Review
from cds_service.calls.gather import Gathered
from cds_service.config.client import Client, Mode
from cds_service.config.settings import Settings
from cds_service.fhir.access import FhirAccess
from cds_service.hooks.request import HookRequest
from cds_service.hooks.services import Service
from cds_service.store import Silence, Store
from cds_service.web.deadline import CpuBudget, CpuClock, Deadline


@dataclass(frozen=True, slots=True)
class AppContext:
    """What every call needs and no call changes."""

    settings: Settings
    rules: Rules
    store: Store
    fhir: FhirAccess
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
    repetition: Repetition = field(default_factory=repetition)
    sites: Mapping[str, Site] = field(default_factory=dict)
    host: str = field(default_factory=platform.node)
    cpu_clock: CpuClock = time.thread_time

    def site(self, client: Client) -> Site:
        """Return the local codes and assay factors of this client."""
        return self.sites.get(client.name, _NO_SITE)


_NO_SITE = Site()


@dataclass(frozen=True, slots=True)
class Call:
    """One hook call by one client; `mode` is live or shadow."""

    service: Service
    client: Client
    mode: Mode
    request: HookRequest
    deadline: Deadline
    budget: CpuBudget


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a call; in shadow mode it is recorded but not shown to the client.

    status      200 with `cards`, or 412 with the prefetch keys in `missing`
    suppressed  cards that are no news, and are not shown
    silences    why they are silent, by uuid
    held        cards that are held back from this patient, to learn whether they help
    review      None if there was nothing to judge
    foreign_drafts  how many drafts were about another patient, where there is no review
    """

    status: int = 200
    cards: tuple[Card, ...] = ()
    missing: tuple[str, ...] = ()
    suppressed: tuple[Card, ...] = ()
    held: tuple[Card, ...] = ()
    silences: Mapping[str, Silence] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    gathered: Gathered = field(default_factory=lambda: Gathered({}))
    reason: str = ""
    review: Review | None = None
    foreign_drafts: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the finding of every decision."""
        return self.review.verdict.findings if self.review else ()

    @property
    def unusable(self) -> tuple[UnusableResult, ...]:
        """Return the results that could not be compared."""
        return self.review.chart.unusable if self.review else ()

    @property
    def discarded(self) -> int:
        """Return how many resources were about another patient."""
        return self.review.chart.discarded if self.review else self.foreign_drafts

    @property
    def gaps(self) -> Mapping[str, Gap]:
        """Return the cause for each list that is not complete, from gathering or from reading it."""
        read = self.review.chart.gaps if self.review else {}
        known = {*self.gathered.lists, DRAFTS}
        return {**{key: gap for key, gap in read.items() if key in known}, **self.gathered.gaps}
