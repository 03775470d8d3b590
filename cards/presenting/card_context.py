"""What is at hand when the cards of one call are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from cards.facts.card import Action
from cards.facts.chart import Chart, Listing
from cards.knowledge.rules import Rules
from cards.values import frozen

#: Lists whose failure takes the suggestions away: an action without safety data is unsafe.
_SECONDARY = ("medications", "procedures", "orders", "allergies")


@frozen
class ClientCapabilities:
    """What the calling EHR's cards support, and where the source-attributes page of the service lives."""

    patient_id: str
    source_url: str = ""
    selection_behavior: str = "at-most-one"
    #: clients of CDS Hooks 1.0 take a card that says `any` for an error
    knows_any: bool = True
    one_action_per_suggestion: bool = False
    actions: frozenset[str] = frozenset({"create", "delete"})
    fhir_version: str = "R4"
    max_cards: int = 5
    #: a card says what is missing, for clients that show an error (412) as an all-clear
    says_what_is_missing: bool = False
    #: lists that the client can never send: no card repeats it, though what rests on them stays away
    cannot_send: frozenset[str] = frozenset()
    site_orderables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: the client can order a test only by a code of `site_orderables`, not by LOINC alone
    needs_site_codes: bool = False
    #: (reference, revision, our name for the order) to an update of a draft; `None` where the request is not at hand
    revise: Callable[[str, str, str], Action | None] | None = None


def without_never_sent(lists: Iterable[str], chart: Chart, never_sent: frozenset[str]) -> tuple[str, ...]:
    """Return these lists without those that are not known because the client can never send them."""
    return tuple(name for name in lists if name not in never_sent or chart.listing(name) is not Listing.NOT_KNOWN)


@frozen
class CardContext:
    """Everything needed to write one card."""

    chart: Chart
    rules: Rules
    profile: ClientCapabilities
    hook: str
    new_uuid: Callable[[], str]

    @property
    def secondary(self) -> tuple[str, ...]:
        return _SECONDARY

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Return the lists to name on a card: not read to their end, but for those that this client can never send."""
        return without_never_sent(self._unread, self.chart, self.profile.cannot_send)

    @property
    def is_checked(self) -> bool:
        return not self._unread

    @property
    def _unread(self) -> tuple[str, ...]:
        """A card that stands without laboratory results or diagnoses at all needs none of them."""
        if self.chart.knows("conditions", "labs", *self.secondary):
            return ()
        cut = [name for name in ("conditions", "labs") if self.chart.listing(name) is Listing.CUT]
        return (*cut, *[name for name in self.secondary if not self.chart.knows(name)])

    @property
    def may_suggest(self) -> bool:
        return self.is_checked and self.profile.fhir_version != "DSTU2"
