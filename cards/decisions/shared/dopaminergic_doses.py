"""Daily doses of dopaminergic drugs in RLS, as their labels count them, and the usual most."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from cards.decisions.shared.doses import known_daily_mg
from cards.facts.drugs import Drug
from cards.facts.finding import Text
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.quantity import in_print
from cards.wording.phrases import phrase

#: The drugs for which a usual most in RLS is known, each with the limit `da.<name>`.
WITH_USUAL_MOST = ("pramipexole", "ropinirole", "rotigotine", "levodopa")


class DopaminergicDose(NamedTuple):
    """What all products together surely bring of a drug, in mg a day, with the usual most."""

    name: str
    mg: Decimal
    most: Threshold

    @property
    def is_high(self) -> bool:
        return meets(self.mg, self.most)

    @property
    def rendered(self) -> Text:
        """Return the dose in words, printed as more than the usual most where it is more."""
        return phrase(f"dopaminergic.dose_of_{self.name}", mg=in_print(self.mg, above=self.most.value))

    @property
    def rendered_most(self) -> Text:
        return phrase(f"dopaminergic.most_of_{self.name}", most=self.most)


def dopaminergic_doses(drugs: Iterable[Drug], rules: Rules) -> tuple[DopaminergicDose, ...]:
    """Return the dose of each drug with a usual most; a dose that could not be read does not count."""
    held = tuple(drugs)
    doses = (DopaminergicDose(name, known_daily_mg(held, name), rules.limit(f"da.{name}")) for name in WITH_USUAL_MOST)
    return tuple(each for each in doses if each.mg)
