"""A newer result that may not be used and may be lower than the one that is used.

An older normal result then proves nothing: the test is asked for, never silence (clinical amendments 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cards.decisions.iron.studies import IronStudies, ferritin_limits
from cards.facts.results import UnusableResult
from cards.knowledge.limits import SIDES
from cards.knowledge.rules import Threshold
from cards.labs.latest import Kind, Reading
from cards.labs.saturation import may_lie

#: Between them a low saturation calls for something else than a normal one.
_TSAT_LIMITS = ("tsat.low",)
#: The laboratory took them back: such a number may stop iron, and is no reason to measure again.
_WITHDRAWN = frozenset({"cancelled", "entered-in-error"})


def without_ferritin(studies: IronStudies) -> IronStudies | None:
    """Return the studies as if no ferritin could be used, where a newer one may lie in a lower band; else None."""
    low = [name for name in ferritin_limits(studies.chart) if studies.ferritin_misses(name)]
    newer = _lower(studies, studies.ferritin_reading, low)
    return replace(studies, ferritin_reading=_unread(studies.ferritin_reading, newer)) if newer else None


def without_tsat(studies: IronStudies) -> IronStudies | None:
    """Return the studies as if no saturation could be used, where a newer one may be low; else None."""
    newer = None if studies.tsat_meets("tsat.low") else _lower(studies, studies.tsat_reading, _TSAT_LIMITS)
    return replace(studies, tsat_reading=_unread(studies.tsat_reading, newer)) if newer else None


def as_known_now(studies: IronStudies) -> IronStudies:
    """Return the studies without what a newer one may put out of date; a ferritin beyond the stop stays."""
    if studies.ferritin_meets("ferritin.high"):
        return studies
    return without_ferritin(studies) or without_tsat(studies) or studies


def may_be_lower(studies: IronStudies) -> bool:
    """Return whether what is used may be out of date: a newer ferritin or saturation may lie in a lower band."""
    return bool(without_ferritin(studies) or without_tsat(studies))


def _lower(studies: IronStudies, reading: Reading, limits: Iterable[str]) -> UnusableResult | None:
    low = [limit for name in limits if not SIDES[(limit := studies.rules.limit(name)).side].upper]
    newer = (each for each in reading.unusable if each.why not in _WITHDRAWN)
    return next((each for each in newer if any(_may_be(each, limit) for limit in low)), None)


def _may_be(result: UnusableResult, limit: Threshold) -> bool:
    """Return whether it may lie on the stated side of a limit, in the unit that stands beside it if one does."""
    return may_lie(replace(result, possible=result.stated or result.possible), limit)


def _unread(reading: Reading, newer: UnusableResult) -> Reading:
    """Return the reading without its result, which stays named beside the one that may be lower, the first unusable."""
    others = (each for each in reading.unusable if each is not newer)
    used = (reading.result,) if reading.result else reading.others
    return Reading(Kind.UNREADABLE, others=used, unusable=(newer, *others))
