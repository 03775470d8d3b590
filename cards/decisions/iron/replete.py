"""What a card on another nutrient says where iron is replete (clinical amendments 2, section 5)."""

from __future__ import annotations

from cards.decisions.iron.inflammation import raising_crp
from cards.decisions.iron.newer_lower import may_be_lower
from cards.decisions.iron.recheck import recheck_decides
from cards.decisions.iron.studies import IronStudies, current_iron_studies, is_replete
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
    studies = current_iron_studies(chart, rules)
    known = is_replete(studies) and not may_be_otherwise(studies)
    return ((TEXT,), {TEXT: said}) if known else ((), {})


def may_be_otherwise(studies: IronStudies) -> bool:
    """Return whether an iron that reads as replete is not known to be so, and the iron cards ask for other results.

    A saturation stops iron, a newer result may be lower, or the ferritin may read falsely high: after iron, or with
    inflammation.
    """
    doubted = bool(studies.blocking) or may_be_lower(studies) or recheck_decides(studies)
    return doubted or raising_crp(studies) is not None
