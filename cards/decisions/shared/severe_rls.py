"""What remains for RLS that stays severe although iron is replete (clinical amendments 2, section 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from cards.decisions.shared.doses import fullest_mg, names_of_class
from cards.decisions.shared.kidney_bands import Band, KidneyBand
from cards.decisions.shared.most_a_day import most_a_day
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Text
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.pregnancy import pregnancy
from cards.patient.status import Rls, is_child, is_esrd, rls_status
from cards.wording.phrases import NOTHING, as_a_beginning, combined, listed, names, phrase

_GABAPENTINOIDS = frozenset({"gabapentin", "gabapentin enacarbil", "pregabalin"})
#: What may hide a gabapentinoid, a reaction to one, a pregnancy, or a caution.
_ASKED = ("medications", "allergies", "conditions")


def render_review(chart: Chart, rules: Rules, state: Text | None = None) -> Text:
    """Return the line that asks to review prescription treatment; nothing where a gabapentinoid is no new option.

    Where a list that would speak against it was not read to its end,
    nothing is named.

    state  the iron with which RLS is still severe; None means replete
    """
    unread = any(not chart.knows(name) for name in _ASKED)
    if unread or rls_status(chart) is Rls.SUSPECTED or not gabapentinoid_is_new_option(chart):
        return NOTHING
    caution = render_caution(chart, rules)
    first = phrase("severe_rls.in_dialysis" if is_esrd(chart) else "severe_rls.first", caution=caution)
    return phrase("severe_rls.review", state=state or phrase("severe_rls.replete"), first=first)


class TooMuch(NamedTuple):
    """A gabapentinoid that is taken in dialysis above the most a day there; `most` is None where no dose is for it."""

    taken: Text
    most: Threshold | None

    @property
    def rendered(self) -> Text:
        """Return it with what to consider, as a whole sentence without its end."""
        taken = as_a_beginning(self.taken)
        if self.most is None:
            return phrase("severe_rls.none_in_dialysis", taken=taken)
        return phrase("severe_rls.too_much_in_dialysis", taken=taken, most=self.most)

    @property
    def in_short(self) -> Text:
        """Return it for a summary."""
        if self.most is None:
            return phrase("severe_rls.none_in_short", taken=self.taken)
        return phrase("severe_rls.too_much_in_short", taken=self.taken, most=self.most)


def too_much_in_dialysis(chart: Chart, rules: Rules) -> TooMuch | None:
    """Return the first gabapentinoid that is taken above the most a day in dialysis, None where none is known to be."""
    if not is_esrd(chart):
        return None
    return next(filter(None, (_too_much(drug, rules) for drug in chart.active_drugs("gabapentinoid"))), None)


def _too_much(drug: Drug, rules: Rules) -> TooMuch | None:
    most = most_a_day(drug, KidneyBand(Band.DIALYSIS), rules)
    dose = fullest_mg(drug, "gabapentinoid")
    if not isinstance(most, Threshold):
        return None if most is None else TooMuch(_taken(drug, dose), None)
    return TooMuch(_taken(drug, dose), most) if meets(dose, most) else None


def _taken(drug: Drug, dose: Decimal | None) -> Text:
    """Return the names with the dose of the fullest day, where it was read."""
    named = combined(names(names_of_class(drug, "gabapentinoid")))
    return named if dose is None else phrase("severe_rls.taken", drug=named, mg=dose)


def render_caution(chart: Chart, rules: Rules) -> Text:
    """Return what this patient has that calls for care with a gabapentinoid, as the end of a sentence, or nothing."""
    risks = (
        ("severe_rls.opioid", bool(chart.active_drugs("opioid"))),
        ("severe_rls.copd", bool(chart.diagnosed("copd"))),
        ("severe_rls.sleep_apnoea", bool(chart.diagnosed("sleep-apnoea"))),
        ("severe_rls.age", meets(chart.age, rules.limit("gaba.age"))),
    )
    named = listed(phrase(name) for name, holds in risks if holds)
    return phrase("severe_rls.caution", risks=named) if named else NOTHING


def gabapentinoid_is_new_option(chart: Chart) -> bool:
    """Return whether a gabapentinoid may be named: none is active, no reaction to one, an adult, no pregnancy."""
    return not (chart.active_drugs("gabapentinoid") or gabapentinoid_is_barred(chart))


def gabapentinoid_is_barred(chart: Chart) -> bool:
    """Return whether age, pregnancy or an earlier reaction speak against naming a gabapentinoid."""
    return reacted_to_gabapentinoid(chart) or is_child(chart) or pregnancy(chart).is_pregnant


def reacted_to_gabapentinoid(chart: Chart) -> bool:
    """Return whether an allergy or intolerance to a gabapentinoid is on record."""
    return any(not allergy.ingredients.isdisjoint(_GABAPENTINOIDS) for allergy in chart.allergies)
