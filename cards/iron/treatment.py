"""Iron treatment as the chart shows it, and the transferrin saturation that goes with a ferritin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from cards.chart import Chart, Drug
from cards.moment import Moment
from cards.rules import Rules


@dataclass(frozen=True, slots=True)
class IronTreatment:
    """Therapeutic iron (clinical amendments, section 1).

    oral        active oral iron products, if together they bring more than the low-dose limit of elemental iron a day;
                a dose that cannot be read counts
    last_iv     the latest infusion on record, however long ago
    today       the day of the chart; `washout` the days after an infusion during which it still counts
    """

    oral: tuple[Drug, ...]
    last_iv: Drug | None
    today: date
    washout: int

    @property
    def start(self) -> Moment | None:
        """The earliest recorded start of the oral products; `None` where none is recorded."""
        known = [drug.start for drug in self.oral if drug.start]
        return min(known, key=lambda moment: moment.order) if known else None

    @property
    def infused_on(self) -> date | None:
        """The last possible day of the latest infusion."""
        return self.last_iv.given_on.last if self.last_iv and self.last_iv.given_on else None

    @property
    def iv_counts(self) -> bool:
        """The latest infusion lies within the washout."""
        return self.infused_on is not None and self.infused_on >= self.today - timedelta(days=self.washout)

    @property
    def is_active(self) -> bool:
        return bool(self.oral) or self.iv_counts

    def oral_for_at_least(self, days: int) -> bool:
        """Surely: where no start is recorded the answer is no."""
        return bool(self.oral) and self.start is not None and self.start.last <= self.today - timedelta(days=days)

    def oral_for_less_than(self, days: int) -> bool:
        """Surely: where no start is recorded the answer is no."""
        return bool(self.oral) and self.start is not None and self.start.first > self.today - timedelta(days=days)

    def recent(self, oral_days: int) -> bool:
        """Iron treatment that began less than `oral_days` ago, or an infusion within the washout."""
        return self.oral_for_less_than(oral_days) or self.iv_counts

    def recheck_on(self, oral_days: int) -> date:
        """When iron studies mean something again: after the infusion's washout, or `oral_days` after the start."""
        if self.infused_on and (self.iv_counts or not self.start):
            return self.infused_on + timedelta(days=self.washout)
        if self.start:
            return self.start.first + timedelta(days=oral_days)
        return self.today

    @property
    def facts(self) -> dict[str, Drug]:
        """The treatment as facts for a card's *why*."""
        named = {f"therapy{number or ''}": drug for number, drug in enumerate(self.oral)}
        return {**named, **({"last_iv": self.last_iv} if self.last_iv and self.iv_counts else {})}

    @property
    def in_words(self) -> str:
        """Short, for a summary."""
        if self.iv_counts and not self.oral and self.infused_on:
            return f"infusion of {self.infused_on.isoformat()}"
        return f"since {self.start.text}" if self.start else "start not recorded"


def iron_treatment(chart: Chart, rules: Rules) -> IronTreatment:
    """The therapeutic iron of a chart. Binders, contraceptive packs and low-dose products are none."""
    infusions = [drug for drug in chart.drugs if drug.has("iron-iv") and drug.given_on]
    past = [drug for drug in infusions if drug.given_on and drug.given_on.first <= chart.today + timedelta(days=1)]
    last = max(past, key=lambda drug: drug.given_on.order) if past else None  # type: ignore[union-attr]
    oral = chart.active_drugs("iron-oral")
    if not exceeds_low_dose(oral, rules.limit("fe.lowdose").value):
        oral = ()
    return IronTreatment(oral, last, chart.today, rules.limit("iv_washout").days)


def exceeds_low_dose(drugs: tuple[Drug, ...], limit: Decimal) -> bool:
    """Together more elemental iron a day than `limit` mg; an unread dose counts as more."""
    doses = [drug.daily.elemental_iron_mg if drug.daily else None for drug in drugs]
    known = [dose for dose in doses if dose is not None]
    return len(known) < len(doses) or sum(known, Decimal(0)) > limit


def due_in_words(day: date, today: date) -> str:
    """When something is to be done that is due on a day."""
    if day > today:
        return f"on or after {day}"
    return f"now (due since {day})" if day < today else "now"
