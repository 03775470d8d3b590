"""Whom a site wants the rules to be for, applied to a chart before any decision sees it (clinical pages 0.2, 6.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cards.chart import Certainty, Chart, Diagnosis, Draft
from cards.moment import months_before
from cards.rules import Rules


def as_the_site_counts(chart: Chart, rules: Rules) -> Chart:
    """The chart with the site's first adult year; where the site wants it, PLMD counts as restless legs syndrome.

    Restless legs syndrome of an encounter longer ago than the site's `encounter_months` is only suspected, unless the
    diagnosis stands elsewhere too (clinical page 0.2). `rules` must be those of the day.
    """
    counted = replace(chart, adult_age=rules.limit("adult_age").days)
    if rules.is_on("include_plmd"):
        counted = replace(
            counted,
            diagnoses=tuple(_with_plmd(each) for each in chart.diagnoses),
            drafts=tuple(_draft_with_plmd(each) for each in chart.drafts),
        )
    return _with_old_encounters_in_doubt(counted, rules.limit("encounter_months").days)


def _with_old_encounters_in_doubt(chart: Chart, months: int) -> Chart:
    of_rls = chart.diagnosed("rls")
    if not of_rls or not all(each.from_encounter for each in of_rls):
        return chart
    oldest = months_before(chart.today, months)
    return replace(chart, diagnoses=tuple(_doubted_if_before(oldest, each) for each in chart.diagnoses))


def _doubted_if_before(oldest: date, diagnosis: Diagnosis) -> Diagnosis:
    """Of an encounter the day it was recorded counts, else that of its onset; an unknown day is no old one."""
    day = diagnosis.recorded or diagnosis.onset
    is_old = "rls" in diagnosis.concepts and day is not None and day.last < oldest
    return replace(diagnosis, certainty=Certainty.SUSPECTED) if is_old else diagnosis


def _with_plmd(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, concepts=_counted(diagnosis.concepts))


def _draft_with_plmd(draft: Draft) -> Draft:
    if draft.drug is None:
        return draft
    reasons = replace(draft.drug.reasons, concepts=_counted(draft.drug.reasons.concepts))
    return replace(draft, drug=replace(draft.drug, reasons=reasons))


def _counted(concepts: frozenset[str]) -> frozenset[str]:
    return concepts | {"rls"} if "plmd" in concepts else concepts
