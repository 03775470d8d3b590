"""Iron treatment as the chart shows it, and the transferrin saturation that goes with a ferritin."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from cards.dates import Days, PartialDate
from cards.drugs.words import IRON_UNTOLD
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Text
from cards.knowledge.definitions import defined
from cards.knowledge.limits import due_on, meets, misses
from cards.knowledge.rules import Rules
from cards.patient.given import is_as_given
from cards.patient.status import is_child
from cards.patient.weight import body_weight
from cards.values import frozen
from cards.wording.phrases import phrase

#: The states of a record that says that something was given.
_SURELY_GIVEN = frozenset({"completed", "in-progress"})


@frozen
class IronTreatment:
    """Therapeutic iron (clinical amendments 1).

    oral        active oral iron products, if together they bring more than the low-dose limit of elemental iron on the
                fullest day, however seldom they are taken; a dose that cannot be read counts, but not that of vitamins
                with iron of unknown content, which are none of them
    last_iv     the latest infusion on record, however long ago
    planned     the next infusion that is ordered for a day ahead
    today       the day of the chart
    """

    oral: tuple[Drug, ...]
    last_iv: Drug | None
    today: date
    rules: Rules
    planned: Drug | None = None

    @property
    def start(self) -> PartialDate | None:
        """Return the earliest recorded start of the oral products, or None where none is recorded."""
        known = [drug.start for drug in self.oral if drug.start]
        return min(known, key=lambda moment: moment.order) if known else None

    @property
    def infused_on(self) -> date | None:
        """Return the last possible day of the latest infusion."""
        return self.infusion_day.last if self.infusion_day else None

    @property
    def infusion_day(self) -> PartialDate | None:
        """Return the day of the latest infusion as precisely as it is recorded."""
        return self.last_iv.given_on if self.last_iv else None

    @property
    def infusion_is_only_ordered(self) -> bool:
        """Return whether no record says that the latest infusion was given, only that it was ordered or reported.

        A record of what was given that is on hold, broken off or of unsaid status does not say so either.
        """
        last = self.last_iv
        return last is not None and not (is_as_given(last) and last.status in _SURELY_GIVEN)

    @property
    def washed_out_on(self) -> date | None:
        """Return the day from which iron studies are meaningful after the latest infusion.

        What was given was given by today, however imprecisely its day is recorded.
        """
        given = self.infused_on
        return due_on(self.rules.limit("iv_washout"), min(given, self.today)) if given else None

    @property
    def iv_counts(self) -> bool:
        """Return whether the latest infusion is recent enough to be treatment under way."""
        given = self.infused_on
        return given is not None and meets((self.today - given).days, self.rules.limit("iv_active_days"))

    @property
    def is_active(self) -> bool:
        """Return whether oral iron is taken, or an infusion is treatment under way or ordered."""
        return bool(self.oral) or self.iv_counts or self.planned is not None

    def precedes_infusion(self, drawn: PartialDate) -> bool:
        """Return whether a ferritin drawn then is not surely from after the latest infusion.

        On the day of the infusion only times of day can tell. Of a treatment that no record ends only the first day is
        sure: a ferritin that is low after it is low.
        """
        given = self.infusion_day
        if given is None or self.last_iv is None:
            return False
        last = given.first if self.last_iv.may_go_on else given.last
        if drawn.last < last:
            return True
        on_its_day = drawn.first <= last
        return on_its_day and not (drawn.at and given.at and drawn.at > given.at)

    @property
    def planned_day(self) -> PartialDate | None:
        """Return the day for which the next infusion is ordered."""
        return self.planned.planned_on if self.planned else None

    @property
    def recheck_after_planned(self) -> date | None:
        """Return the day from which iron studies are meaningful after the infusion that is ordered."""
        day = self.planned_day
        return due_on(self.rules.limit("iv_washout"), day.last) if day else None

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
        if self.washed_out_on and (self.iv_counts or not self.start):
            return self.washed_out_on
        return due_on(self.rules.limit("oral_recheck"), self.start.first) if self.start else self.today

    def may_be_in_washout(self, drawn: PartialDate) -> bool:
        """Return whether a ferritin drawn then may read falsely high, before or after the latest infusion."""
        given = self.infused_on
        return given is not None and not meets(drawn.days_since(given), self.rules.limit("iv_washout"))

    @property
    def facts(self) -> dict[str, Drug]:
        """Return the treatment as facts for a card's *why*."""
        named = {f"therapy{number or ''}": drug for number, drug in enumerate(self.oral)}
        infused = {"last_iv": self.last_iv} if self.last_iv and self.iv_counts else {}
        return {**named, **infused, **({"planned_iv": self.planned} if self.planned else {})}

    @property
    def rendered(self) -> Text:
        """Return the treatment in short, for a summary."""
        if self.iv_counts and not self.oral and self.infusion_day:
            return phrase("iron.infusion_of", day=self.infusion_day)
        if self.start is None:
            return phrase("iron.start_unknown")
        return phrase("iron.ordered_for" if self.start.first > self.today else "iron.since", day=self.start)


def iron_treatment(chart: Chart, rules: Rules) -> IronTreatment:
    """Return the therapeutic iron of a chart; binders, contraceptive packs and low-dose products do not count."""
    infusions = [drug for drug in chart.drugs if drug.has("iron-iv") and drug.given_on]
    past = [drug for drug in infusions if drug.given_on and drug.given_on.first <= chart.today + timedelta(days=1)]
    last = max(past, key=lambda drug: drug.given_on.order) if past else None  # type: ignore[union-attr]
    ordered = [drug for drug in chart.drugs if drug.has("iron-iv") and drug.planned_on]
    first = min(ordered, key=lambda drug: drug.planned_on.order, default=None)  # type: ignore[union-attr]
    planned = replace(first, given_on=None) if first else None
    oral = tuple(drug for drug in chart.active_drugs("iron-oral") if not holds_iron_untold(drug))
    if not exceeds_low_dose(oral, chart, rules):
        oral = ()
    return IronTreatment(oral, last, chart.today, rules, planned)


def holds_iron_untold(drug: Drug) -> bool:
    """Return whether it is vitamins with iron of unknown content: a low dose, never treatment."""
    return IRON_UNTOLD in drug.product.ingredient_names()


def exceeds_low_dose(drugs: tuple[Drug, ...], chart: Chart, rules: Rules) -> bool:
    """Return whether the drugs together bring more elemental iron than a low dose, on the fullest day.

    An unread dose counts as more, but not that of vitamins with iron of unknown content. In a child the dose per
    kilogram must be low as well; a small child whose weight is not known has no low dose (clinical amendments 2,
    section 1).
    """
    doses = [drug.daily.elemental_iron_mg if drug.daily else None for drug in drugs if not holds_iron_untold(drug)]
    total = sum([dose for dose in doses if dose is not None], Decimal(0))
    if None in doses or misses(total, rules.limit("fe.lowdose")):
        return True
    return bool(doses) and is_child(chart) and _exceeds_in_a_child(total, chart, rules)


def _exceeds_in_a_child(total: Decimal, chart: Chart, rules: Rules) -> bool:
    weight = body_weight(chart, rules)
    if weight is None:
        return meets(chart.age, defined("child.low_dose_years"))
    return misses(total / weight.value, rules.limit("fe.child_lowdose_kg"))


def usual_child_dose(kilograms: Decimal) -> Decimal:
    """Return the elemental iron a day that is usual in a child of this weight, never above an adult's dose."""
    return min(defined("child.iron_kg").value * kilograms, defined("adult.iron_mg").value)


def render_due(day: date, today: date) -> Text:
    """Return when something is to be done that is due on a day, as a text."""
    if day > today:
        return phrase("iron.due_later", day=day)
    return phrase("iron.due_since", day=day) if day < today else phrase("iron.due_now")
