"""Whom a site wants the rules to be for, applied before any decision (clinical rationale 0.2, 6.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cards.facts.chart import Certainty, Chart, Diagnosis, Draft, Gap
from cards.knowledge.limits import Limit, first_above, in_days, meets
from cards.knowledge.rules import Rules


def as_the_site_counts(chart: Chart, rules: Rules) -> Chart:
    """Return the chart with the site's first adult year and, where it wants it, PLMD counted as RLS.

    A year or month of birth that makes a child or an adult is as one that cannot be read.
    Restless legs syndrome of an encounter longer ago than the site's `encounter_months` is only suspected, unless the
    diagnosis stands elsewhere too (clinical rationale 0.2). `rules` must be those of the day.
    """
    adult_age = first_above(rules.limit("adult_age"))
    counted = chart if chart.adult_age == adult_age else replace(chart, adult_age=adult_age)
    counted = without_an_age_in_doubt(counted, rules)
    if rules.is_on("include_plmd"):
        counted = replace(
            counted,
            diagnoses=tuple(_with_plmd(each) for each in chart.diagnoses),
            drafts=tuple(_draft_with_plmd(each) for each in chart.drafts),
        )
    return _with_old_encounters_in_doubt(counted, rules.limit("encounter_months"))


def without_an_age_in_doubt(chart: Chart, rules: Rules) -> Chart:
    """Return the chart with an age not known that is of a child or an adult by what the date of birth allows.

    `rules` must be those of the day.
    """
    person, adult = chart.person, first_above(rules.limit("adult_age"))
    youngest, oldest = person.age_on(chart.today), person.oldest_on(chart.today)
    if youngest is None or oldest is None or not youngest < adult <= oldest:
        return chart
    gaps = {**chart.gaps, "patient": Gap("birth-date")}
    return replace(chart, person=replace(person, birth=None, birth_is_unreadable=True), gaps=gaps)


def _with_old_encounters_in_doubt(chart: Chart, months: Limit) -> Chart:
    of_rls = chart.diagnosed("rls")
    if not of_rls or not all(each.from_encounter for each in of_rls):
        return chart
    limit = in_days(months, chart.today)
    return replace(chart, diagnoses=tuple(_doubted_if_old(each, limit, chart.today) for each in chart.diagnoses))


def _doubted_if_old(diagnosis: Diagnosis, limit: Limit, today: date) -> Diagnosis:
    """Of an encounter the day it was recorded counts, else that of its onset; an unknown day is no old one."""
    day = diagnosis.recorded or diagnosis.onset
    is_old = "rls" in diagnosis.concepts and day is not None and meets((today - day.last).days, limit)
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
