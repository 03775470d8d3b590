"""What was measured of a patient: laboratory results, usable or not, and plain clinical measures."""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime
from decimal import Decimal

from cards.dates import PartialDate
from cards.quantity import Quantity
from cards.values import frozen


@frozen
class LabResult:
    """A result that may be compared: final, dated, in the analyte's canonical unit, rounded as it is shown.

    `how`: reported, converted (another unit was reported, see `reported`) or calculated (see `parts`).
    """

    analyte: str
    quantity: Quantity
    when: PartialDate
    status: str = "final"
    how: str = "reported"
    reported: Quantity | None = None
    parts: tuple[LabResult, ...] = ()
    reference: str = ""
    issued: datetime | None = None
    low_priority: bool = False
    raw: Quantity | None = None  # before an assay factor, where one applies
    exact: Decimal | None = field(default=None, compare=False)  # `quantity` before it was rounded, where known
    #: every code by which it was recognised still awaits verification; the same in the classes below
    unverified: bool = False
    #: the code by which it was recognised, from our tables or the site's map: for counts, never for a card
    code: str = field(default="", compare=False)


@frozen
class UnusableResult:
    """A result that exists and must not be compared. `why` is a key of cards/wording/reasons.toml.

    possible  every value that it may have: as written, converted, by either reading of its digits; empty where it has
              no number
    numbers   the readings of its number as it was written, for ratios
    known_by  where `when` tells no day in the past: the day by which it had been collected, which is when it was issued
              or else last updated
    stated    those of `possible` that it has in the unit that stands behind its number in a text, or in its reference
              range where it has none itself; empty where none does. It says what is likely, and never lifts a stop.
    """

    analyte: str
    why: str
    when: PartialDate | None = None
    quantity: Quantity | None = None  # only where it can be named safely (preliminary, stale, implausible)
    reference: str = ""
    possible: tuple[Quantity, ...] = ()
    numbers: tuple[Decimal, ...] = ()
    known_by: PartialDate | None = None
    stated: tuple[Quantity, ...] = ()

    @property
    def collected(self) -> PartialDate | None:
        """Return when it was collected, or else by which day it had been; None where nothing tells."""
        return self.known_by or self.when


@frozen
class Measure:
    """A plain clinical measure that is not a laboratory result.

    `kind`: gestational-age (weeks), body-weight (kg), irls (points of 40), or due-date (then `day` holds it and
    `value` is zero).
    """

    kind: str
    value: Decimal
    when: PartialDate
    day: date | None = None
    reference: str = ""
