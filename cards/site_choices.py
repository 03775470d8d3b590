"""Whom a site wants the rules to be for, applied to a chart before any decision sees it (clinical page 6.3)."""

from __future__ import annotations

from dataclasses import replace

from cards.chart import Chart, Diagnosis, Draft
from cards.rules import Rules


def as_the_site_counts(chart: Chart, rules: Rules) -> Chart:
    """The chart with the site's first adult year; where the site wants it, PLMD counts as restless legs syndrome.

    Without such choices it is the chart that was read. `rules` must be those of the day.
    """
    counted = replace(chart, adult_age=rules.limit("adult_age").days)
    if not rules.is_on("include_plmd"):
        return counted
    return replace(
        counted,
        diagnoses=tuple(_with_plmd(each) for each in chart.diagnoses),
        drafts=tuple(_draft_with_plmd(each) for each in chart.drafts),
    )


def _with_plmd(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, concepts=_counted(diagnosis.concepts))


def _draft_with_plmd(draft: Draft) -> Draft:
    if draft.drug is None:
        return draft
    reasons = replace(draft.drug.reasons, concepts=_counted(draft.drug.reasons.concepts))
    return replace(draft, drug=replace(draft.drug, reasons=reasons))


def _counted(concepts: frozenset[str]) -> frozenset[str]:
    return concepts | {"rls"} if "plmd" in concepts else concepts
