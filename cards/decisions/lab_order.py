"""Draft orders of iron studies: complete, and not needlessly repeated (clinical rationale 3)."""

from __future__ import annotations

from collections.abc import Callable

from cards.decisions.iron.studies import IronStudies, ferritin_limits, read_iron_studies
from cards.decisions.shared.drug_orders import awaited_tests, out_of_scope
from cards.decisions.shared.firing import fires
from cards.decisions.shared.judged import judges_tests
from cards.decisions.shared.levels import without_labs
from cards.facts.chart import Chart, Draft, Listing
from cards.facts.finding import Fact, Finding, OrderTests, quiet, unknown
from cards.knowledge.rules import Rules
from cards.labs.latest import newest_within
from cards.values import frozen
from cards.wording.phrases import say

NAME = "lab_order"
_BINDERS = frozenset({"tibc", "transferrin"})


@frozen
class _LabDrafts:
    """The selected drafts that ask for iron studies; `ordered` holds every test drafted or still awaited."""

    chart: Chart
    rules: Rules
    drafts: tuple[Draft, ...]
    ordered: frozenset[str]

    @property
    def ferritin(self) -> tuple[Draft, ...]:
        """Return the drafts that ask for ferritin."""
        return tuple(draft for draft in self.drafts if "ferritin" in draft.tests)

    @property
    def saturation(self) -> tuple[Draft, ...]:
        """Return the drafts that together give a transferrin saturation."""
        drafted = frozenset().union(*(draft.tests for draft in self.drafts))
        parts = {"iron-panel", "tsat", *(("iron", *_BINDERS) if _gives_saturation(drafted) else ())}
        return tuple(draft for draft in self.drafts if not draft.tests.isdisjoint(parts))


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return the findings on one study without the other, and on a ferritin that is repeated too soon."""
    drafts = tuple(draft for draft in chart.drafts if draft.selected and draft.tests)
    lab_drafts = _LabDrafts(chart, rules, drafts, awaited_tests(chart, rules))
    if not judges_tests(NAME, chart.drafts, rules):
        return (quiet(NAME, "no_draft"),)
    outside = out_of_scope(NAME, chart, next(iter((*lab_drafts.ferritin, *lab_drafts.saturation))))
    if outside:
        return (outside,)
    rows: tuple[Callable[[_LabDrafts], Finding | None], ...] = (_alone, _without_ferritin, _again)
    return tuple(finding for row in rows if (finding := row(lab_drafts)))


def _gives_saturation(tests: frozenset[str]) -> bool:
    return not tests.isdisjoint({"iron-panel", "tsat"}) or ("iron" in tests and not tests.isdisjoint(_BINDERS))


def _alone(lab_drafts: _LabDrafts) -> Finding | None:
    """Return the finding on a ferritin without a saturation, ordered with it or measured in the days before."""
    if not lab_drafts.ferritin:
        return None
    tsat = newest_within(lab_drafts.chart, "tsat", lab_drafts.rules.limit("pair_days"))
    if _gives_saturation(lab_drafts.ordered) or tsat:
        return quiet(NAME, "complete")
    if _is_known(_studies(lab_drafts)):
        return quiet(NAME, "said_with_the_repeat")  # else one card adds to the draw that the other leaves out
    return _card(lab_drafts, lab_drafts.ferritin, "OS-LAB-TSAT", {}, "iron-panel")


def _without_ferritin(lab_drafts: _LabDrafts) -> Finding | None:
    if not lab_drafts.saturation:
        return None
    if "ferritin" in lab_drafts.ordered:
        return quiet(NAME, "complete")
    ferritin = newest_within(lab_drafts.chart, "ferritin", lab_drafts.rules.limit("pair_days"))
    if ferritin:
        return quiet(NAME, "ferritin_known", ferritin=ferritin)
    return _no_value(lab_drafts) or _card(lab_drafts, lab_drafts.saturation, "OS-LAB-FERR", {}, "ferritin")


def _again(lab_drafts: _LabDrafts) -> Finding | None:
    """Return a card if the last 30 days hold a final, undoubted ferritin and no iron was given since."""
    if not lab_drafts.ferritin:
        return None
    studies = _studies(lab_drafts)
    if studies.ferritin is None:
        return _no_value(lab_drafts) or quiet(NAME, "not_measured")
    if studies.treatment.is_active:
        return quiet(NAME, "on_iron")
    if studies.blocking:
        return quiet(NAME, "repeat_wanted")
    lacks = studies.tsat is None and not _gives_saturation(lab_drafts.ordered)
    facts: dict[str, Fact] = {"ferritin": studies.ferritin}
    said = {
        "repeat": say(lab_drafts.rules, NAME, "repeat_lacks_tsat" if lacks else "repeat_rarely_adds"),
        "instead": say(lab_drafts.rules, NAME, "panel_instead" if lacks else "leave_out"),
    }
    tests = ("iron-panel",) if lacks else ()
    return _card(lab_drafts, lab_drafts.ferritin, "OS-LAB-DUP", {**facts, **said}, *tests, why=tuple(facts))


def _is_known(studies: IronStudies) -> bool:
    """Return whether the ferritin on record makes another one needless."""
    return studies.ferritin is not None and not studies.treatment.is_active and not studies.blocking


def _studies(lab_drafts: _LabDrafts) -> IronStudies:
    return read_iron_studies(
        lab_drafts.chart, lab_drafts.rules, window="dup_days", limits=ferritin_limits(lab_drafts.chart)
    )


def _no_value(lab_drafts: _LabDrafts) -> Finding | None:
    """Return an unknown finding for unread results; a cut list leaves the question open without stopping the call."""
    if lab_drafts.chart.listing("labs") is Listing.CUT:
        return unknown(NAME, "labs_cut")
    return without_labs(NAME, lab_drafts.chart)


def _card(
    lab_drafts: _LabDrafts,
    drafts: tuple[Draft, ...],
    card: str,
    facts: dict[str, Fact],
    *tests: str,
    why: tuple[str, ...] | None = None,
) -> Finding:
    return fires(
        NAME,
        card,
        lab_drafts.chart,
        lab_drafts.rules,
        facts,
        why=why,
        suggestions=(OrderTests(tests),) if tests else (),
        drafts=drafts,
    )
