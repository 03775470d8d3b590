"""What a card on another nutrient says where iron is replete (clinical amendments 2, section 5)."""

from __future__ import annotations

from cards.decisions.iron.newer_lower import may_be_lower
from cards.decisions.iron.studies import ADULT_LIMITS, is_replete, read_iron_studies
from cards.decisions.shared.severe_rls import render_review
from cards.facts.chart import Chart
from cards.facts.finding import Fact
from cards.knowledge.rules import Rules
from cards.patient.status import overload, polycythaemia, probable_overload

#: The text that prints the line, in every decision that says it.
TEXT = "still_severe"


def review_if_replete(chart: Chart, rules: Rules) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """Return the text on prescription treatment with its fact, where iron is known to be replete; else neither."""
    said = render_review(chart, rules)
    if not said or overload(chart) or probable_overload(chart) or polycythaemia(chart):
        return (), {}
    studies = read_iron_studies(chart, rules, window="fresh_days", limits=ADULT_LIMITS)
    known = is_replete(studies) and not studies.blocking and not may_be_lower(studies)
    return ((TEXT,), {TEXT: said}) if known else ((), {})
