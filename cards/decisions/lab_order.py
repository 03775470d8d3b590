"""Draft orders of iron studies: complete, and not needlessly repeated (clinical page 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cards.chart import Chart, Draft, Listing
from cards.drug_orders import awaited_tests, out_of_scope, without_labs
from cards.finding import Fact, Finding, Indicator, OrderTests, quiet, unknown
from cards.iron.studies import IronStudies, ferritin_limits, read_iron_studies
from cards.orders import about_drafts
from cards.person_in_words import person_in_words
from cards.readings import newest_within
from cards.rules import Rules

NAME = "lab_order"
_BINDERS = frozenset({"tibc", "transferrin"})


@dataclass(frozen=True, slots=True)
class _Basket:
    """The selected drafts that ask for iron studies; `ordered` holds every test of the basket or still awaited."""

    chart: Chart
    rules: Rules
    drafts: tuple[Draft, ...]
    ordered: frozenset[str]

    @property
    def ferritin(self) -> tuple[Draft, ...]:
        return tuple(draft for draft in self.drafts if "ferritin" in draft.tests)

    @property
    def saturation(self) -> tuple[Draft, ...]:
        """The drafts that together give a transferrin saturation."""
        drafted = frozenset().union(*(draft.tests for draft in self.drafts))
        parts = {"iron-panel", "tsat", *(("iron", *_BINDERS) if _gives_saturation(drafted) else ())}
        return tuple(draft for draft in self.drafts if not draft.tests.isdisjoint(parts))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Ferritin without saturation, saturation without ferritin, ferritin again too soon."""
    drafts = tuple(draft for draft in chart.drafts if draft.selected and draft.tests)
    basket = _Basket(chart, rules, drafts, awaited_tests(chart, rules))
    studies = (*basket.ferritin, *basket.saturation)
    if not studies:
        return (quiet(NAME, "no_draft"),)
    outside = out_of_scope(NAME, chart, studies[0])
    if outside:
        return (outside,)
    rows: tuple[Callable[[_Basket], Finding | None], ...] = (_alone, _without_ferritin, _again)
    return tuple(finding for row in rows if (finding := row(basket)))


def _gives_saturation(tests: frozenset[str]) -> bool:
    return not tests.isdisjoint({"iron-panel", "tsat"}) or ("iron" in tests and not tests.isdisjoint(_BINDERS))


def _alone(basket: _Basket) -> Finding | None:
    """Ferritin without a transferrin saturation, ordered with it or measured in the days before."""
    if not basket.ferritin:
        return None
    tsat = newest_within(basket.chart, "tsat", basket.rules.limit("pair_days").days)
    if _gives_saturation(basket.ordered) or tsat:
        return quiet(NAME, "complete")
    return _card(basket, basket.ferritin, "OS-LAB-TSAT", {}, "iron-panel")


def _without_ferritin(basket: _Basket) -> Finding | None:
    if not basket.saturation:
        return None
    if "ferritin" in basket.ordered:
        return quiet(NAME, "complete")
    ferritin = newest_within(basket.chart, "ferritin", basket.rules.limit("pair_days").days)
    if ferritin:
        return quiet(NAME, "ferritin_known", ferritin=ferritin)
    return _no_value(basket) or _card(basket, basket.saturation, "OS-LAB-FERR", {}, "ferritin")


def _again(basket: _Basket) -> Finding | None:
    """A final ferritin of the last 30 days that nothing puts in doubt, and no iron since."""
    if not basket.ferritin:
        return None
    studies = _studies(basket)
    if studies.ferritin is None:
        return _no_value(basket) or quiet(NAME, "not_measured")
    if studies.treatment.is_active:
        return quiet(NAME, "on_iron")
    if studies.blocking:
        return quiet(NAME, "repeat_wanted")
    return _card(basket, basket.ferritin, "OS-LAB-DUP", {"ferritin": studies.ferritin})


def _studies(basket: _Basket) -> IronStudies:
    days = basket.rules.limit("dup_days").days
    return read_iron_studies(basket.chart, basket.rules, window=days, extra_limits=ferritin_limits(basket.chart))


def _no_value(basket: _Basket) -> Finding | None:
    """Results that were not read; a cut list leaves the question open without stopping the call."""
    if basket.chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut", ())
    return without_labs(NAME, basket.chart)


def _card(basket: _Basket, drafts: tuple[Draft, ...], card: str, facts: dict[str, Fact], *tests: str) -> Finding:
    person = person_in_words(basket.chart, basket.rules.limit("cause_age_women").days)
    return about_drafts(
        NAME,
        drafts,
        card,
        Indicator.INFO,
        {"person": person, **facts},
        why=("person", *facts),
        suggest=(OrderTests(tests),) if tests else (),
    )
