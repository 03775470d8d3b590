"""A draft order of iron, with what its rules need."""

from __future__ import annotations

from decimal import Decimal

from cards.decisions.iron.studies import ADULT_LIMITS, IronStudies, read_iron_studies
from cards.decisions.iron.treatment import exceeds_low_dose, holds_iron_untold
from cards.decisions.shared.basket_doses import drugs_beside
from cards.decisions.shared.firing import fires
from cards.decisions.shared.orders import earlier_orders
from cards.facts.chart import Chart, Draft
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Suggestion, Text
from cards.facts.results import LabResult
from cards.knowledge.rules import Rules
from cards.labs.latest import Kind
from cards.patient.status import is_child, is_esrd
from cards.patient.unread import not_excluded
from cards.patient.weight import body_weight
from cards.quantity import to_one_place
from cards.values import frozen
from cards.wording.phrases import printed, say

_IRON = ("iron-oral", "iron-iv", "iron-binder")
#: The decision whose texts describe the dose, also for the decision on infusions.
_DECISION = "iron_order"

#: Problems that are another indication for iron (clinical amendments 3).
_OTHER_PROBLEMS = ("iron-indication",)
#: The cards that name a route or a dose; they are incomplete while a contraindication may stand in what was not read.
_OFFERS_IRON = frozenset({"OS-IRON-ORAL-MID", "OS-IRON-DOSE"})
_KIDNEY_FAILURE = frozenset({"esrd", "ckd", "ckd-stage-5"})


@frozen
class IronOrder:
    """One iron draft over one chart. `studies` uses the window before signing."""

    draft: Draft
    drug: Drug
    studies: IronStudies

    @property
    def chart(self) -> Chart:
        """Return the chart of the studies."""
        return self.studies.chart

    @property
    def rules(self) -> Rules:
        """Return the rules of the studies."""
        return self.studies.rules

    @property
    def is_iv(self) -> bool:
        """Return whether the order is an infusion."""
        return self.drug.has("iron-iv")

    @property
    def is_binder(self) -> bool:
        """Return whether the order is iron given to bind phosphate, not as treatment."""
        return self.drug.has("iron-binder") and not self.drug.has("iron-oral")

    @property
    def is_low_dose(self) -> bool:
        """Return whether the order, with the other oral iron, brings at most the low-dose limit of elemental iron.

        That is on the fullest day. A dose that cannot be read is not low. An active order of the same product is taken
        as renewed by this one. Iron of unknown content is low whatever stands beside it.
        """
        if holds_iron_untold(self.drug):
            return not self.is_iv
        own = self.drug.product.ingredient_names()
        active = [drug for drug in self.chart.drugs_that_go_on("iron-oral") if drug.product.ingredient_names() != own]
        others = (*active, *[drug for drug in drugs_beside(self.chart, self.draft) if drug.has("iron-oral")])
        return not self.is_iv and not exceeds_low_dose((self.drug, *others), self.chart, self.rules)

    @property
    def is_low_dose_product(self) -> bool:
        """Return whether the order alone brings at most the low-dose limit of elemental iron."""
        return not self.is_iv and not exceeds_low_dose((self.drug,), self.chart, self.rules)

    @property
    def is_low_dose_supplement(self) -> bool:
        """Return whether only limits apply, to a multi-ingredient product with little iron (clinical rationale 1.8)."""
        return self.drug.has("multi-ingredient") and self.is_low_dose

    @property
    def states_another_indication(self) -> bool:
        """Return whether the order states a readable reason other than RLS."""
        return self.drug.reasons.name_another_indication

    @property
    def another_problem(self) -> bool:
        """Return whether the problem list holds another indication for iron."""
        return bool(self.chart.diagnosed(*_OTHER_PROBLEMS))

    @property
    def another_problem_than_kidney(self) -> bool:
        """Return whether the problem list holds another indication for iron than kidney failure.

        Kidney failure would otherwise silence the rows about it.
        """
        problems = self.chart.diagnosed(*_OTHER_PROBLEMS)
        return any(problem.concepts.isdisjoint(_KIDNEY_FAILURE) for problem in problems)

    @property
    def reason_is_rls_or_none(self) -> bool:
        """Return whether the order states RLS, or no readable reason."""
        return not self.states_another_indication

    @property
    def is_renewal(self) -> bool:
        """Return whether an earlier order was for this iron, not just another ingredient (clinical rationale 4.8)."""
        return any(drug.has(*_IRON) for drug in earlier_orders(self.chart, self.draft))

    @property
    def ferritin(self) -> LabResult | None:
        """Return the usable ferritin, or None if an infusion of iron makes it unreliable or out of date."""
        return None if self.drawn_in_washout or self.drawn_before_infusion else self.studies.ferritin

    @property
    def waits_for_tsat(self) -> bool:
        """Return whether iron waits for a saturation; at a low ferritin one surely below the stop is enough."""
        studies = self.studies
        return studies.tsat is None and not (studies.tsat_is_below_stop and studies.ferritin_meets("ferritin.low"))

    @property
    def drawn_in_washout(self) -> bool:
        """Return whether the ferritin is above 75 and was drawn within the washout of an infusion."""
        found, given = self.studies.ferritin, self.studies.treatment.infused_on
        if found is None or given is None or not self.studies.ferritin_misses("ferritin.low"):
            return False
        return given <= found.when.last and self.studies.treatment.may_be_in_washout(found.when)

    @property
    def drawn_before_infusion(self) -> bool:
        """Return whether the ferritin would let iron be given, and is from before an infusion that it does not show.

        While the infusion is treatment under way, a further one has a rule of its own; dialysis has its own limits.
        """
        found, treatment = self.studies.ferritin, self.studies.treatment
        if found is None or treatment.iv_counts or is_esrd(self.chart) or self._ferritin_is_enough:
            return False
        return treatment.precedes_infusion(found.when)

    @property
    def _ferritin_is_enough(self) -> bool:
        """Return whether the ferritin speaks against iron, however much an infusion has added to it since.

        A child's warns above its replete limit. From the lower one on it only informs, which stands where another
        problem silences the request for a test.
        """
        if not is_child(self.chart):
            return self.studies.ferritin_misses("ferritin.mid")
        not_low = self.another_problem and self.studies.ferritin_misses("child.ferritin")
        return not_low or self.studies.ferritin_meets("child.ferritin_replete")


def iron_order(chart: Chart, rules: Rules, draft: Draft) -> IronOrder:
    """Return the draft with the iron studies of the window before signing."""
    if draft.drug is None:
        raise ValueError("only a draft of a drug can be an iron order")
    studies = read_iron_studies(chart, rules, window="fresh_days_order", limits=_limits(chart))
    return IronOrder(draft, draft.drug, studies)


def _limits(chart: Chart) -> tuple[str, ...]:
    if is_esrd(chart):
        return ("esrd.hold_ferritin",)
    if is_child(chart):
        return "child.ferritin", "child.ferritin_replete", "ferritin.high"
    return ADULT_LIMITS


def iron_order_fires(
    decision: str,
    order: IronOrder,
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    texts: tuple[str, ...] = (),
    suggestions: tuple[Suggestion, ...] = (),
    why: tuple[str, ...] | None = None,
    safety_without_labs: bool = False,
) -> Finding:
    """Return the finding about one iron draft, with the daily dose before the facts."""
    dose = _dose(order)
    return fires(
        decision,
        card,
        order.chart,
        order.rules,
        {**dose, **facts},
        indicator=indicator,
        why=tuple(dict.fromkeys((*dose, *(tuple(facts) if why is None else why)))),
        texts=texts,
        suggestions=suggestions,
        drafts=(order.draft,),
        safety_without_labs=safety_without_labs,
        open_questions=not_excluded(order.chart) if card in _OFFERS_IRON else (),
    )


def _dose(order: IronOrder) -> dict[str, Fact]:
    """Return the daily dose of an oral order, which the low-dose limit is compared with (clinical rationale 1.8)."""
    if order.is_iv:
        return {}
    amount = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    if amount is None:
        return {"dose": say(order.rules, _DECISION, "dose_unread_treatment")}
    return {"dose": dose_in_words(order, amount)}


def dose_in_words(order: IronOrder, amount: Decimal, per_kg: Decimal | None = None) -> Text:
    """Return the elemental iron of a day, or of the days on which it is taken; in a child by body weight as well.

    per_kg  the amount per kilogram as it is printed, where it is compared with a limit
    """
    every_day = order.drug.daily is None or order.drug.daily.iron_every_day
    said = say(order.rules, _DECISION, "dose" if every_day else "dose_some_days", mg=amount)
    weight = body_weight(order.chart, order.rules) if is_child(order.chart) else None
    if weight is None:
        return said
    return say(
        order.rules,
        _DECISION,
        "dose_by_weight",
        dose=said,
        per_kg=amount / weight.value if per_kg is None else per_kg,
        kg=to_one_place(weight.value),
        day=weight.when,
    )


def unusable_texts(order: IronOrder) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """Return why there is no usable ferritin, as text blocks with their facts."""
    reading = order.studies.ferritin_reading
    if order.drawn_in_washout and order.studies.ferritin:
        return ("washout",), {"ferritin": order.studies.ferritin}
    if order.drawn_before_infusion and order.studies.treatment.last_iv:
        return ("before_infusion",), {"last_iv": order.studies.treatment.last_iv}
    if reading.kind is Kind.CONFLICT:
        return ("conflict",), {}
    if reading.kind is Kind.STALE and reading.others:
        return ("stale",), {"stale": reading.others[0], "window": printed(order.studies.window)}
    if reading.kind is Kind.CENSORED and reading.others:
        return ("censored",), {"censored": reading.others[0]}
    return (), {}
