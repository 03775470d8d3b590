"""Whether a record tells what was given, or what may have been."""

from __future__ import annotations

from cards.facts.drugs import Drug

#: Records of what was given, not of what was ordered.
_AS_GIVEN = ("MedicationAdministration/", "Procedure/")
#: Orders and statements of what is not given yet, or not now.
_WAITS = frozenset({"on-hold", "intended"})


def is_as_given(drug: Drug) -> bool:
    """Return whether the record tells what was given, not what was ordered or reported."""
    return drug.reference.startswith(_AS_GIVEN)


def may_have_been_given(drug: Drug) -> bool:
    """Return whether something of it was given or may have been; what was never taken is no drug of the chart.

    One that was broken off or is of unsaid status may have been, and so may one of a status that is not known.
    """
    return is_as_given(drug) or drug.status not in _WAITS
