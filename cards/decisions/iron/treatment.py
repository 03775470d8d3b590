"""Iron treatment as the chart shows it, and the transferrin saturation that goes with a ferritin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from cards.dates import Days, PartialDate
from cards.facts.chart import Chart, Drug, Measure
from cards.facts.finding import Text
from cards.knowledge.definitions import defined
from cards.knowledge.limits import due_on, is_recent, meets, misses
from cards.knowledge.rules import Rules
from cards.patient.status import is_child
from cards.wording.phrases import phrase


@dataclass(frozen=True, slots=True)
class IronTreatment:
    """Therapeutic iron (clinical amendments 1).

    oral        active oral iron products, if together they bring more than the low-dose limit of elemental iron on the
                fullest day, however seldom they are taken; a dose that cannot be read counts
    last_iv     the latest infusion on record, however long ago
    today       the day of the chart
    """

    oral: tuple[Drug, ...]
    last_iv: Drug | None
    today: date
    rules: Rules

    @property
    def start(self) -> PartialDate | None:
        """Return the earliest recorded start of the oral products, or None where none is recorded."""
        known = [drug.start for drug in self.oral if drug.start]
        return min(known, key=lambda moment: moment.order) if known else None

    @property
    def infused_on(self) -> date | None:
        """Return the last possible day of the latest infusion."""
        return self.last_iv.given_on.last if self.last_iv and self.last_iv.given_on else None

    @property
    def iv_counts(self) -> bool:
        """Return whether the latest infusion is recent enough to be treatment under way."""
        given = self.infused_on
        return given is not None and meets((self.today - given).days, self.rules.limit("iv_active_days"))

    @property
    def is_active(self) -> bool:
        """Return whether oral iron is taken, or an infusion is treatment under way."""
        return bool(self.oral) or self.iv_counts

    @property
    def oral_is_due(self) -> bool:
        """Return whether oral iron surely was taken long enough to be checked; False where no start is recorded."""
        return meets(self._days_taken, self.rules.limit("oral_recheck"))

    @property
    def is_recent(self) -> bool:
        """Return whether oral iron surely began too lately to be checked, or an infusion is under way."""
        return misses(self._days_taken, self.rules.limit("oral_recheck")) or self.iv_counts

    @property
    def _days_taken(self) -> Days | None:
        return self.start.days_before(self.today) if self.oral and self.start else None

    @property
    def recheck_on(self) -> date:
        """Return the day from which iron studies are meaningful again.

        That is after the washout of an infusion, or the set time after the start of oral iron.
        """
        if self.infused_on and (self.iv_counts or not self.start):
            return due_on(self.rules.limit("iv_washout"), self.infused_on)
        return due_on(self.rules.limit("oral_recheck"), self.start.first) if self.start else self.today

    def may_be_in_washout(self, drawn: PartialDate) -> bool:
        """Return whether a ferritin drawn then may read falsely high, before or after the latest infusion."""
        given = self.infused_on
        return given is not None and not meets(drawn.days_since(given), self.rules.limit("iv_washout"))

    @property
    def facts(self) -> dict[str, Drug]:
        """Return the treatment as facts for a card's *why*."""
        named = {f"therapy{number or ''}": drug for number, drug in enumerate(self.oral)}
        return {**named, **({"last_iv": self.last_iv} if self.last_iv and self.iv_counts else {})}

    @property
    def rendered(self) -> Text:
        """Return the treatment in short, for a summary."""
        if self.iv_counts and not self.oral and self.infused_on:
            return phrase("iron.infusion_of", day=self.infused_on)
        return phrase("iron.since", day=self.start) if self.start else phrase("iron.start_unknown")


def iron_treatment(chart: Chart, rules: Rules) -> IronTreatment:
    """Return the therapeutic iron of a chart; binders, contraceptive packs and low-dose products do not count."""
    infusions = [drug for drug in chart.drugs if drug.has("iron-iv") and drug.given_on]
    past = [drug for drug in infusions if drug.given_on and drug.given_on.first <= chart.today + timedelta(days=1)]
    last = max(past, key=lambda drug: drug.given_on.order) if past else None  # type: ignore[union-attr]
    oral = chart.active_drugs("iron-oral")
    if not exceeds_low_dose(oral, chart, rules):
        oral = ()
    return IronTreatment(oral, last, chart.today, rules)


def exceeds_low_dose(drugs: tuple[Drug, ...], chart: Chart, rules: Rules) -> bool:
    """Return whether the drugs together bring more elemental iron than a low dose, on the fullest day.

    An unread dose counts as more. In a child the dose per kilogram must be low as well; a small child whose weight is
    not known has no low dose (clinical amendments 2, section 1).
    """
    doses = [drug.daily.elemental_iron_mg if drug.daily else None for drug in drugs]
    known = [dose for dose in doses if dose is not None]
    total = sum(known, Decimal(0))
    if len(known) < len(doses) or misses(total, rules.limit("fe.lowdose")):
        return True
    return bool(drugs) and is_child(chart) and _exceeds_in_a_child(total, chart, rules)


def _exceeds_in_a_child(total: Decimal, chart: Chart, rules: Rules) -> bool:
    weight = body_weight(chart, rules)
    if weight is None:
        return meets(chart.age, defined("child.low_dose_years"))
    return misses(total / weight.value, rules.limit("fe.child_lowdose_kg"))


def body_weight(chart: Chart, rules: Rules) -> Measure | None:
    """Return the latest weight inside its window, which is shorter in an infant."""
    infant = meets(chart.age, defined("infant.years"))
    window = rules.limit("weight.infant_days" if infant else "weight.days")
    fresh = [m for m in chart.measures if m.kind == "body-weight" and is_recent(m.when, window, chart.today)]
    return max(fresh, key=lambda measure: measure.when.order) if fresh else None


def usual_child_dose(kilograms: Decimal) -> Decimal:
    """Return the elemental iron a day that is usual in a child of this weight, never above an adult's dose."""
    return min(defined("child.iron_kg").value * kilograms, defined("adult.iron_mg").value)


def render_due(day: date, today: date) -> Text:
    """Return when something is to be done that is due on a day, as a text."""
    if day > today:
        return phrase("iron.due_later", day=day)
    return phrase("iron.due_since", day=day) if day < today else phrase("iron.due_now")
