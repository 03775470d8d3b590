"""Whether iron treatment under way decides before the numbers do, and when iron studies are meaningful again."""

from __future__ import annotations

from datetime import date

from cards.decisions.iron.routes import oral_iron_works
from cards.decisions.iron.studies import IronStudies
from cards.facts.results import LabResult
from cards.knowledge.limits import due_on, meets, misses
from cards.patient.status import is_esrd


def newest_ferritin(studies: IronStudies) -> LabResult | None:
    """Return the newest usable ferritin, however old."""
    results = studies.chart.results("ferritin")
    return results[0] if results else None


def recheck_is_due(studies: IronStudies) -> bool:
    """Return whether iron that was infused, is ordered or is taken makes a recheck decide, not the present ferritin."""
    return infusion_decides(studies) or planned_decides(studies) or oral_without_recheck(studies)


def infusion_decides(studies: IronStudies) -> bool:
    """Return whether the last infusion is later than the newest usable ferritin, or made it unreliable.

    A ferritin above 75 that was drawn too soon after the infusion is unreliable.
    """
    newest = newest_ferritin(studies)
    if newest is None:
        return studies.treatment.iv_counts
    if studies.treatment.precedes_infusion(newest.when):
        return True
    too_soon = studies.treatment.may_be_in_washout(newest.when)
    return too_soon and misses(newest, studies.rules.limit("ferritin.low"))


def planned_decides(studies: IronStudies) -> bool:
    """Return whether an infusion is ordered for a day ahead, and the ferritin alone would call for iron."""
    known = studies.ferritin is not None and not studies.ferritin_misses("ferritin.mid")
    return known and studies.treatment.planned is not None and not infusion_decides(studies)


def oral_without_recheck(studies: IronStudies) -> bool:
    """Return whether oral iron was taken for 90 days with no ferritin drawn 60 days or more after its start."""
    treatment, rules = studies.treatment, studies.rules
    if not treatment.oral_is_due or treatment.start is None:
        return False
    began, long_enough = treatment.start.last, rules.limit("oral_recheck_drawn")
    return not any(meets(each.when.days_since(began), long_enough) for each in studies.chart.results("ferritin"))


def recheck_decides(studies: IronStudies) -> bool:
    """Return whether iron studies are to be repeated first, after iron; dialysis has rows of its own, without this."""
    return recheck_is_due(studies) and not is_esrd(studies.chart)


def iron_under_way_decides(studies: IronStudies) -> bool:
    """Return whether the iron that is given stands against more of it, as IRON-RECHECK, IRON-ONTX or IRON-LOW says.

    It is to be rechecked, is too recent to be judged, works, or was begun at an unknown time and ferritin is low.
    """
    treatment = studies.treatment
    if recheck_is_due(studies):
        return True
    unknown = bool(treatment.oral) and treatment.start is None and studies.ferritin_meets("ferritin.low")
    return treatment.is_recent or unknown or oral_iron_works(studies)


def recheck_on(studies: IronStudies) -> date:
    """Return the day from which iron studies are meaningful again: after an infusion, or on oral iron."""
    treatment, rules, ferritin = studies.treatment, studies.rules, studies.ferritin
    if treatment.washed_out_on and infusion_decides(studies):
        return treatment.washed_out_on
    if treatment.recheck_after_planned and planned_decides(studies):
        return treatment.recheck_after_planned
    # The first recheck counts from the start of oral iron; further ones count from the ferritin that showed it works.
    awaits_first = treatment.is_recent or oral_without_recheck(studies)
    if ferritin and not awaits_first and oral_iron_works(studies):
        again = due_on(rules.limit("oral_recheck"), ferritin.when.last)
        return max(treatment.recheck_on, again, studies.chart.today)
    return treatment.recheck_on
