"""Inflammation near a ferritin: it only raises ferritin, which then may hide that iron is low."""

from __future__ import annotations

from cards.decisions.iron.studies import IronStudies
from cards.facts.results import LabResult
from cards.knowledge.limits import meets


def crp_near(studies: IronStudies) -> tuple[LabResult, ...]:
    """Return every CRP within 14 days of the ferritin, the newest first."""
    if studies.ferritin is None:
        return ()
    when, window = studies.ferritin.when, studies.rules.limit("crp_window")
    return tuple(each for each in studies.chart.results("crp") if meets(each.when.days_apart(when), window))


def high_crp(studies: IronStudies) -> LabResult | None:
    """Return the newest CRP above the limit within 14 days of the ferritin."""
    limit = studies.rules.limit("crp_hi")
    return next((result for result in crp_near(studies) if meets(result, limit)), None)


def raising_crp(studies: IronStudies) -> LabResult | None:
    """Return the high CRP with which the ferritin may read falsely high; None where it stays low, or high enough."""
    crp = high_crp(studies)
    upper = "ferritin.inflamed" if meets(crp, studies.rules.limit("crp_very_high")) else "ferritin.mid"
    return crp if studies.ferritin_misses("ferritin.low") and studies.ferritin_meets(upper) else None
