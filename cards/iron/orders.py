"""A draft order of iron with what its rules need to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cards.chart import Chart, Draft, Drug, LabResult
from cards.finding import Fact, Finding, Indicator, Suggestion
from cards.iron.studies import IronStudies, read_iron_studies
from cards.iron.treatment import exceeds_low_dose
from cards.orders import about_drafts, earlier_orders
from cards.person_in_words import person_in_words
from cards.quantity import plain, to_one_place
from cards.readings import Kind
from cards.rules import Rules
from cards.scope import is_child, is_esrd

_IRON = ("iron-oral", "iron-iv", "iron-binder")

#: Problems that are another indication for iron (clinical amendments, section 3).
_OTHER_PROBLEMS = ("iron-indication",)
_KIDNEY_FAILURE = frozenset({"esrd", "ckd", "ckd-stage-5"})


@dataclass(frozen=True, slots=True)
class IronOrder:
    """One iron draft over one chart. `studies` uses the window before signing."""

    draft: Draft
    drug: Drug
    studies: IronStudies

    @property
    def chart(self) -> Chart:
        return self.studies.chart

    @property
    def rules(self) -> Rules:
        return self.studies.rules

    @property
    def is_iv(self) -> bool:
        return self.drug.has("iron-iv")

    @property
    def is_binder(self) -> bool:
        return self.drug.has("iron-binder") and not self.drug.has("iron-oral")

    @property
    def is_low_dose(self) -> bool:
        """At most the low-dose limit of elemental iron a day; a dose that cannot be read is not low."""
        return not self.is_iv and not exceeds_low_dose((self.drug,), self.rules.limit("fe.lowdose").value)

    @property
    def is_low_dose_supplement(self) -> bool:
        """A multi-ingredient product with little iron: only limits speak about it (clinical page 1.8)."""
        return self.drug.has("multi-ingredient") and self.is_low_dose

    @property
    def states_another_indication(self) -> bool:
        return self.drug.reasons.name_another_indication

    @property
    def another_problem(self) -> bool:
        return bool(self.chart.diagnosed(*_OTHER_PROBLEMS))

    @property
    def another_problem_than_kidney(self) -> bool:
        """The same in kidney failure, which is on that list itself and would silence its own rows."""
        problems = self.chart.diagnosed(*_OTHER_PROBLEMS)
        return any(problem.concepts.isdisjoint(_KIDNEY_FAILURE) for problem in problems)

    @property
    def reason_is_rls_or_none(self) -> bool:
        return not self.states_another_indication

    @property
    def is_renewal(self) -> bool:
        """An earlier order of this iron; one that shares another ingredient alone is none (clinical page 4.8)."""
        return any(drug.has(*_IRON) for drug in earlier_orders(self.chart, self.draft))

    @property
    def ferritin(self) -> LabResult | None:
        """The usable ferritin: none where a value above 75 was drawn within the washout of an infusion."""
        found = self.studies.ferritin
        return None if found is None or self.drawn_in_washout else found

    @property
    def drawn_in_washout(self) -> bool:
        found, given = self.studies.ferritin, self.studies.treatment.infused_on
        if found is None or given is None or not self.studies.ferritin_above("ferritin.low"):
            return False
        return given <= found.when.last and found.when.first < given + timedelta(days=self.studies.treatment.washout)


def iron_drafts(chart: Chart) -> tuple[Draft, ...]:
    """The selected drafts that hold iron, binders included; contraceptive packs are none."""
    return tuple(draft for draft in chart.drafts if draft.selected and draft.drug and draft.drug.has(*_IRON))


def iron_order(chart: Chart, rules: Rules, draft: Draft) -> IronOrder:
    """The draft with the iron studies of the window before signing."""
    if draft.drug is None:
        raise ValueError("only a draft of a drug can be an iron order")
    window = rules.limit("fresh_days_order").days
    studies = read_iron_studies(chart, rules, window=window, extra_limits=_limits(chart))
    return IronOrder(draft, draft.drug, studies)


def _limits(chart: Chart) -> dict[str, bool]:
    if is_esrd(chart):
        return {"esrd.hold_ferritin": False}
    if is_child(chart):
        return {"child.ferritin": False, "child.ferritin_replete": True, "ferritin.high": True}
    return {"ferritin.low": True, "ferritin.mid": True, "ferritin.high": True}


def order_fires(
    decision: str,
    order: IronOrder,
    card: str,
    indicator: Indicator,
    facts: dict[str, Fact],
    *,
    texts: tuple[str, ...] = (),
    suggest: tuple[Suggestion, ...] = (),
    why: tuple[str, ...] | None = None,
    without_labs: bool = False,
) -> Finding:
    """The finding about one iron draft, with the patient in words and the daily dose before the facts."""
    patient: dict[str, Fact] = {
        "person": person_in_words(order.chart, order.rules.limit("cause_age_women").days),
        **_dose(order),
    }
    return about_drafts(
        decision,
        (order.draft,),
        card,
        indicator,
        {**patient, **facts},
        why=tuple(dict.fromkeys((*patient, *(tuple(facts) if why is None else why)))),
        texts=texts,
        suggest=suggest,
        without_labs=without_labs,
    )


def _dose(order: IronOrder) -> dict[str, Fact]:
    """The daily dose of an oral order, on which the low-dose limit turns (clinical page 1.8)."""
    if order.is_iv:
        return {}
    amount = order.drug.daily.elemental_iron_mg if order.drug.daily else None
    if amount is None:
        return {"dose": "could not be read; judged as iron treatment"}
    return {"dose": f"{plain(to_one_place(amount))} mg elemental iron a day"}


def unusable_texts(order: IronOrder) -> tuple[tuple[str, ...], dict[str, Fact]]:
    """Why there is no usable ferritin, as text blocks with their facts."""
    reading = order.studies.ferritin_reading
    if order.drawn_in_washout and order.studies.ferritin:
        return ("washout",), {"ferritin": order.studies.ferritin}
    if reading.kind is Kind.CONFLICT:
        return ("conflict",), {}
    if reading.kind is Kind.STALE and reading.others:
        return ("stale",), {"stale": reading.others[0], "window": f"{order.studies.window} days"}
    if reading.kind is Kind.CENSORED and reading.others:
        return ("censored",), {"censored": reading.others[0]}
    return (), {}
