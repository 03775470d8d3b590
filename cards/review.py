"""Review of one patient, from lists of records to cards, for hooks, command line, console and screening."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from cards.decisions.decide import Verdict, decide, to_be_shown
from cards.facts.card import Card
from cards.facts.chart import Chart, Diagnosis, Listing
from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import (
    NOT_EVALUATED_IN_SHORT,
    CardInShort,
    in_short,
    lists_not_evaluated,
    lists_that_can_come,
    not_evaluated,
    present,
    within_budget,
)
from cards.reading import Site, read_chart
from cards.reading.drafts import Drafts
from cards.site.choices import without_an_age_in_doubt
from cards.values import frozen


@frozen
class ReviewContext:
    """The patient a review is about, the hook and the time.

    now          a moment with a zone; thresholds and ages count on its day in `zone`
    selections   the drafts to judge, as an order-select names them; None for all
    orders       the drafts as `read_orders` found them, where it was given the resources of the very lists to review
    assume_rls   read the chart as that of a patient with confirmed RLS, for records that never carry the diagnosis
    new_uuid     source of the uuids of cards and suggestions
    after_stage  called with a name after each stage but the last; what it raises ends the review, since this package
                 knows no clock
    """

    hook: str
    patient_id: str
    now: datetime
    zone: tzinfo
    new_uuid: Callable[[], str]
    site: Site
    selections: Sequence[str] | None = None
    orders: Drafts | None = None
    assume_rls: bool = False
    after_stage: Callable[[str], None] = lambda stage: None


@frozen
class Review:
    """The outcome of one review.

    cards     every card that fires, the most urgent first, without a cap
    missing   the prefetch keys without which there is no answer (412); empty where a card says so instead
    unread    the card that says what could not be reviewed, where one is needed
    unread_alone  makes that card where every card of the review is silent, which would look like an all-clear
    """

    chart: Chart
    verdict: Verdict
    cards: tuple[Card, ...] = ()
    missing: tuple[str, ...] = ()
    unread: Card | None = None
    unread_alone: Callable[[], Card | None] = lambda: None

    def shown(self, cards: tuple[Card, ...], most: int) -> tuple[Card, ...]:
        """Return the first `most` of these cards of the review (0 for all), and the one that says what was not read."""
        unread = self.unread or (self.unread_alone() if self.cards and not cards else None)
        return (*within_budget(cards, most), *((unread,) if unread else ()))


@frozen
class ReviewInShort:
    """The outcome of a review whose cards nobody reads; `missing` as in `Review`."""

    verdict: Verdict
    cards: tuple[CardInShort, ...]
    missing: tuple[str, ...] = ()


def review(
    lists: Mapping[str, Listed], drafts: Json, context: ReviewContext, rules: Rules, profile: ClientCapabilities
) -> Review:
    """Read the lists as a chart, ask every decision of the hook, and write the cards.

    `lists` holds what was gathered under each prefetch key, and a key that is absent was not read; `drafts` is the
    Bundle of an order hook. No data makes it raise, but `after_stage` may.
    """
    chart = read_chart(
        lists,
        patient_id=context.patient_id,
        now=context.now,
        zone=context.zone,
        drafts=drafts,
        selections=context.selections,
        site=context.site,
        orders=context.orders,
    )
    context.after_stage("reading the chart")
    chart = without_an_age_in_doubt(_with_rls(chart) if context.assume_rls else chart, rules.on(chart.today))
    verdict = decide(chart, rules, context.hook)
    context.after_stage("deciding")
    fired = to_be_shown(verdict, chart)
    cards = present(fired, chart, rules, profile=replace(profile, max_cards=0), new_uuid=context.new_uuid)
    if not _is_answered(verdict, fired, profile):
        return Review(chart, verdict, cards, missing=verdict.missing)

    def unread_of(lists: Iterable[str]) -> Card | None:
        names = _unread_lists(verdict, lists)
        if not names and not verdict.unread:
            return None
        return not_evaluated(names, chart, results=verdict.unread, profile=profile, new_uuid=context.new_uuid)

    return Review(
        chart,
        verdict,
        cards,
        unread=unread_of(lists_not_evaluated(verdict, fired, chart, profile)),
        unread_alone=lambda: unread_of(lists_that_can_come(verdict, chart, profile)),
    )


def review_in_short(chart: Chart, rules: Rules, hook: str, profile: ClientCapabilities) -> ReviewInShort:
    """Ask every decision of a hook about a chart, and tell which cards a client is shown if none is overridden.

    `review` with no word written, for who asks of a whole population how often a card fires.
    """
    chart = without_an_age_in_doubt(chart, rules.on(chart.today))
    verdict = decide(chart, rules, hook)
    fired = to_be_shown(verdict, chart)
    cards = in_short(fired, chart, rules, most=profile.max_cards)
    if not _is_answered(verdict, fired, profile):
        return ReviewInShort(verdict, cards, verdict.missing)
    if _unread_lists(verdict, lists_not_evaluated(verdict, fired, chart, profile)) or verdict.unread:
        cards = (*cards, NOT_EVALUATED_IN_SHORT)
    return ReviewInShort(verdict, cards)


def _is_answered(verdict: Verdict, fired: Verdict, profile: ClientCapabilities) -> bool:
    return not verdict.missing or bool(fired.fired) or profile.says_what_is_missing


def _unread_lists(verdict: Verdict, lists: Iterable[str]) -> tuple[str, ...]:
    """The lists that the card of what was not read names; the card stands for results that may not be used too."""
    return tuple(dict.fromkeys((*verdict.missing, *lists)))


def _with_rls(chart: Chart) -> Chart:
    assumed = Diagnosis(frozenset({"rls"}), counts=True)
    listings = {**chart.listings, "conditions": Listing.COMPLETE}
    return replace(chart, diagnoses=(*chart.diagnoses, assumed), listings=listings)
