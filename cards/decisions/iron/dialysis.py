"""What RLS on dialysis may be treated with beside iron, by the gabapentinoid that is taken (clinical amendments 2)."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.iron.studies import IronStudies
from cards.decisions.shared.doses import fullest_mg, names_of_class
from cards.decisions.shared.kidney_bands import Band, KidneyBand
from cards.decisions.shared.most_a_day import NOT_HERE, most_a_day
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred, render_caution
from cards.facts.drugs import Drug
from cards.facts.finding import Text
from cards.knowledge.limits import meets
from cards.wording.phrases import as_a_beginning, joined, names, say

NAME = "iron_status"
_CLASS = "gabapentinoid"


def taken(studies: IronStudies) -> tuple[Drug, ...]:
    """Return the gabapentinoids that are active."""
    return studies.chart.active_drugs(_CLASS)


def render_without_iron(studies: IronStudies) -> Text:
    """Return the option without iron: a gabapentinoid as a new one, or a look at the dose of the one that is taken."""
    chart, rules = studies.chart, studies.rules
    if not chart.knows("medications") or not chart.knows("allergies") or gabapentinoid_is_barred(chart):
        return say(rules, NAME, "without_iron_ask")
    active = taken(studies)
    if not active:
        return say(rules, NAME, "without_iron_new", caution=render_caution(chart, rules))
    told = [_of_dose(studies, drug, active) for drug in active]
    return next((words for words in told if words), None) or say(
        rules, NAME, "without_iron_taken", drug=_name(active[0])
    )


def _of_dose(studies: IronStudies, drug: Drug, active: tuple[Drug, ...]) -> Text | None:
    """Return that a gabapentinoid is not for dialysis, or that its dose is above the most a day; None where it fits.

    Products of one ingredient are taken side by side: their doses add up.
    """
    most = most_a_day(drug, KidneyBand(Band.DIALYSIS), studies.rules)
    if most is None:
        return None
    if most is NOT_HERE:
        return say(studies.rules, NAME, "without_iron_not_here", drug=as_a_beginning(_name(drug)))
    own = names_of_class(drug, _CLASS)
    doses = [fullest_mg(each, _CLASS) for each in active if names_of_class(each, _CLASS) == own]
    known = sum((dose for dose in doses if dose is not None), Decimal(0))
    if meets(known, most):
        return say(studies.rules, NAME, "without_iron_above", drug=as_a_beginning(_name(drug)), mg=known, limit=most)
    return (
        say(studies.rules, NAME, "without_iron_unread", drug=as_a_beginning(_name(drug)), limit=most)
        if None in doses
        else None
    )


def _name(drug: Drug) -> Text:
    return joined(names(names_of_class(drug, _CLASS)))
