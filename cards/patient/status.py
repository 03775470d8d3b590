"""The patient as the rules see them: restless legs, child, newborn, dialysis, overload, polycythaemia.

Where an answer rests on facts, one function returns these facts as evidence (none means no), and another, named as a
sentence, only the answer. `Chart.knows` says whether the lists behind them were read to the end.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from cards.dates import PartialDate, lies_in_future
from cards.facts.chart import Certainty, Chart, Diagnosis, Procedure
from cards.facts.drugs import Drug
from cards.knowledge.definitions import defined
from cards.knowledge.limits import Limit, meets


class Rls(StrEnum):
    YES = "yes"
    SUSPECTED = "suspected"
    NO = "no"


def rls_status(chart: Chart) -> Rls:
    """Return whether the patient has RLS; one confirmed diagnosis outweighs doubtful ones (clinical rationale 0.2)."""
    return chart.once(_rls_status)


def _rls_status(chart: Chart) -> Rls:
    found = rls(chart)
    if not found:
        return Rls.NO
    return Rls.YES if found[0].certainty is Certainty.CONFIRMED else Rls.SUSPECTED


def excludes_rls(chart: Chart) -> bool:
    """Return whether no diagnosis of RLS was found and none can stand in what was not read."""
    return rls_status(chart) is Rls.NO and chart.is_exhaustive("conditions", "rls")


def rls(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return the diagnoses of restless legs syndrome that count: the confirmed ones, else the suspected ones."""
    found = chart.diagnosed("rls")
    return tuple([each for each in found if each.certainty is Certainty.CONFIRMED]) or found


def is_child(chart: Chart) -> bool:
    """Return whether the patient is under 18, or under the site's own limit; False where the age is not known."""
    age = chart.age
    return age is not None and age < chart.adult_age


def is_newborn(chart: Chart) -> bool:
    """Return whether the patient is under 28 days old, by the latest day of birth that the record allows."""
    birth = chart.person.birth
    return birth is not None and meets((chart.today - birth.last).days, defined("newborn.days"))


def is_esrd(chart: Chart) -> bool:
    """Return whether the patient has end-stage kidney disease, as `end_stage_kidney` finds it."""
    return bool(chart.once(end_stage_kidney))


def end_stage_kidney(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Return the facts that show end-stage kidney disease or maintenance dialysis (clinical rationale 4.3).

    Stage 5 counts only beside dialysis. After a transplant, without dialysis within 90 days, only codes that are surely
    later than it count: it may have failed. Dialysis for acute kidney injury is not end-stage disease.
    """
    dialysis, named, stage_5 = on_dialysis(chart), chart.diagnosed("esrd"), chart.diagnosed("ckd-stage-5")
    transplants = chart.diagnosed("kidney-transplant")
    if transplants and not any(is_recent_dialysis(fact, chart.today) for fact in dialysis):
        codes = (*chart.diagnosed("dialysis-dependence"), *named, *stage_5)
        later = [each for each in codes if all(_is_surely_later(each, transplant) for transplant in transplants)]
        dialysis = tuple(each for each in dialysis if each in later)
        named, stage_5 = (tuple(each for each in found if each in later) for found in (named, stage_5))
    if named:
        return (*named, *dialysis)
    if dialysis and stage_5:
        return (*stage_5, *dialysis)
    return () if chart.diagnosed("acute-kidney-injury") else dialysis


def on_dialysis(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Return the facts that show dialysis of any kind, be it for acute kidney injury: codes, and acts of 90 days."""
    return (
        *chart.diagnosed("dialysis-dependence"),
        *_procedures(chart, "dialysis-procedure", defined("dialysis.days")),
    )


def _is_surely_later(code: Diagnosis, transplant: Diagnosis) -> bool:
    """Return whether every date of a code lies after the transplant; without a date of both it does not surely."""
    dates, done = [each for each in (code.onset, code.recorded) if each], transplant.onset or transplant.recorded
    return bool(dates) and done is not None and all(each.first > done.last for each in dates)


def kidney_failure(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Return what end-stage kidney disease rests on: facts by verified codes if they suffice, else all."""
    found = end_stage_kidney(chart)
    return tuple(fact for fact in found if not fact.unverified and "ckd-stage-5" not in fact.concepts) or found


def is_recent_dialysis(fact: Diagnosis | Procedure, today: date) -> bool:
    """Return whether a dialysis is dated within 90 days."""
    dates = (fact.when,) if isinstance(fact, Procedure) else (fact.onset, fact.recorded)
    return any(when is not None and _is_within(when, defined("dialysis.days"), today) for when in dates)


def is_on_haemodialysis(chart: Chart) -> bool:
    """Return whether the patient is on haemodialysis, as `haemodialysis` finds it."""
    return bool(haemodialysis(chart))


def haemodialysis(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Return the facts that show haemodialysis, acute or permanent, with no later peritoneal dialysis within 90 days.

    Dialysis of an unstated kind does not count.
    """
    through_blood = _procedures(chart, "haemodialysis-procedure", defined("dialysis.days"))
    peritoneal = _procedures(chart, "peritoneal-dialysis-procedure", defined("dialysis.days"))
    if peritoneal and _newest(peritoneal) >= _newest(through_blood):
        return ()
    return (*chart.diagnosed("haemodialysis-dependence"), *through_blood)


def _newest(procedures: tuple[Procedure, ...]) -> date:
    return max((each.when.last for each in procedures if each.when), default=date.min)


def overload(chart: Chart) -> tuple[Diagnosis | Drug, ...]:
    """Return the facts that show iron overload, or a chelator that is active or ordered (clinical amendments 1).

    Inherited disease also counts when it is inactive.
    """
    return (*chart.diagnosed("overload"), *chart.active_drugs("chelator"), *ordered_chelators(chart))


def ordered_chelators(chart: Chart) -> tuple[Drug, ...]:
    """Return the chelators among the draft orders, but for those that are active already."""
    return chart.once(_ordered_chelators)


def _ordered_chelators(chart: Chart) -> tuple[Drug, ...]:
    active = {name for drug in chart.active_drugs("chelator") for name in drug.product.ingredient_names()}
    ordered = (draft.drug for draft in chart.drafts if draft.drug and draft.drug.has("chelator"))
    return tuple(drug for drug in ordered if not active.issuperset(drug.product.ingredient_names()))


def probable_overload(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return diagnoses (E83.19, porphyria cutanea tarda) after which overload is excluded before iron is given."""
    return chart.diagnosed("probable-overload")


def polycythaemia(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Return the facts that show polycythaemia vera, or phlebotomy within 365 days without iron overload."""
    coded = chart.diagnosed("polycythaemia-vera")
    if overload(chart):
        return coded
    return (*coded, *_procedures(chart, "therapeutic-phlebotomy", defined("phlebotomy.days")))


def _procedures(chart: Chart, concept: str, window: Limit) -> tuple[Procedure, ...]:
    return tuple(
        each
        for each in chart.procedures
        if concept in each.concepts and each.when and _is_within(each.when, window, chart.today)
    )


def _is_within(when: PartialDate, window: Limit, today: date) -> bool:
    """Return whether the first possible day lies inside the window; tomorrow's date counts as today."""
    return meets(when.days_before(today), window) and not lies_in_future(when, today)
