"""What is at hand when the cards of one call are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cards.card import Action
from cards.chart import Chart, Listing
from cards.decide import ORDER_HOOKS
from cards.rules import Rules

#: Lists whose failure takes the suggestions away: an action without safety data is unsafe.
_SECONDARY = ("medications", "procedures", "orders")


@dataclass(frozen=True, slots=True)
class CardProfile:
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
    site_orderables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: (reference, revision, our name for the order) to an update of a draft; `None` where the request is not at hand
    revise: Callable[[str, str, str], Action | None] | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything needed to write one card."""

    chart: Chart
    rules: Rules
    profile: CardProfile
    hook: str
    new_uuid: Callable[[], str]

    @property
    def secondary(self) -> tuple[str, ...]:
        return (*_SECONDARY, "allergies") if self.hook in ORDER_HOOKS else _SECONDARY

    @property
    def unread(self) -> tuple[str, ...]:
        return tuple(name for name in self.secondary if self.chart.listing(name) is Listing.NOT_KNOWN)

    @property
    def cut(self) -> tuple[str, ...]:
        names = ("conditions", "labs", *self.secondary)
        return tuple(name for name in names if self.chart.listing(name) is Listing.CUT)

    @property
    def is_checked(self) -> bool:
        return not self.unread and not self.cut

    @property
    def may_suggest(self) -> bool:
        return self.is_checked and self.profile.fhir_version != "DSTU2"
