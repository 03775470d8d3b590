"""Who the patient is to the rules: restless legs, child, newborn, dialysis, overload, polycythaemia.

Where a question has facts behind it, one function returns these facts for the evidence (none = no) and another, named
as a sentence, only the answer. Whether the lists they stand on were read to the end is `Chart.knows`.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from cards.chart import Certainty, Chart, Diagnosis, Drug, Procedure
from cards.definitions import whole
from cards.moment import Moment, lies_in_future
from cards.pregnancy import Pregnancy, pregnancy

__all__ = [
    "Pregnancy",
    "Rls",
    "end_stage_kidney",
    "haemodialysis",
    "is_child",
    "is_esrd",
    "is_newborn",
    "is_on_haemodialysis",
    "kidney_failure",
    "overload",
    "polycythaemia",
    "pregnancy",
    "probable_overload",
    "rls",
    "rls_status",
]


class Rls(StrEnum):
    YES = "yes"
    SUSPECTED = "suspected"
    NO = "no"


def rls_status(chart: Chart) -> Rls:
    """Clinical page 0.2: one confirmed diagnosis is enough, whatever else doubts it."""
    found = rls(chart)
    if not found:
        return Rls.NO
    return Rls.YES if found[0].certainty is Certainty.CONFIRMED else Rls.SUSPECTED


def rls(chart: Chart) -> tuple[Diagnosis, ...]:
    """The diagnoses of restless legs syndrome that count: the confirmed ones, else the suspected ones."""
    found = chart.diagnosed("rls")
    return tuple(each for each in found if each.certainty is Certainty.CONFIRMED) or found


def is_child(chart: Chart) -> bool:
    """Under 18, or under the site's own limit, on the day of the call; where the age is not known, an adult."""
    return chart.age is not None and chart.age < chart.adult_age


def is_newborn(chart: Chart) -> bool:
    """Under 28 days old; a birth date of less precision is taken as the latest it allows."""
    birth = chart.person.birth
    return birth is not None and (chart.today - birth.last).days < whole("newborn.days")


def is_esrd(chart: Chart) -> bool:
    return bool(end_stage_kidney(chart))


def end_stage_kidney(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """End-stage kidney disease or maintenance dialysis (clinical page 4.3).

    Stage 5 needs dialysis beside it. A transplant ends it unless there was dialysis within 90 days. Dialysis for acute
    kidney injury is not end-stage disease.
    """
    dialysis: tuple[Diagnosis | Procedure, ...] = (
        *chart.diagnosed("dialysis-dependence"),
        *_procedures(chart, "dialysis-procedure", whole("dialysis.days")),
    )
    named = chart.diagnosed("esrd")
    if chart.diagnosed("kidney-transplant") and not any(_is_recent_dialysis(fact, chart.today) for fact in dialysis):
        return ()
    if named:
        return (*named, *dialysis)
    stage_5 = chart.diagnosed("ckd-stage-5") if dialysis else ()
    if stage_5:
        return (*stage_5, *dialysis)
    return () if chart.diagnosed("acute-kidney-injury") else dialysis


def kidney_failure(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """What end-stage kidney disease rests on: facts by verified codes where they carry it, else all."""
    found = end_stage_kidney(chart)
    return tuple(fact for fact in found if not fact.unverified and "ckd-stage-5" not in fact.concepts) or found


def _is_recent_dialysis(fact: Diagnosis | Procedure, today: date) -> bool:
    dates = (fact.when,) if isinstance(fact, Procedure) else (fact.onset, fact.recorded)
    return any(when is not None and _is_within(when, whole("dialysis.days"), today) for when in dates)


def is_on_haemodialysis(chart: Chart) -> bool:
    return bool(haemodialysis(chart))


def haemodialysis(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Dialysis through the blood, acute or for good: named as such, and no later peritoneal dialysis within 90 days.

    Dialysis of a kind that is not told is none.
    """
    through_blood = _procedures(chart, "haemodialysis-procedure", whole("dialysis.days"))
    peritoneal = _procedures(chart, "peritoneal-dialysis-procedure", whole("dialysis.days"))
    if peritoneal and _newest(peritoneal) >= _newest(through_blood):
        return ()
    return (*chart.diagnosed("haemodialysis-dependence"), *through_blood)


def _newest(procedures: tuple[Procedure, ...]) -> date:
    return max((each.when.last for each in procedures if each.when), default=date.min)


def overload(chart: Chart) -> tuple[Diagnosis | Drug, ...]:
    """Iron overload, or an active chelator (clinical amendments, section 1); inherited disease also when inactive."""
    return (*chart.diagnosed("overload"), *chart.active_drugs("chelator"))


def probable_overload(chart: Chart) -> tuple[Diagnosis, ...]:
    """E83.19 and porphyria cutanea tarda: overload has to be excluded before iron."""
    return chart.diagnosed("probable-overload")


def polycythaemia(chart: Chart) -> tuple[Diagnosis | Procedure, ...]:
    """Polycythaemia vera; or therapeutic phlebotomy within 365 days without a diagnosis of overload."""
    coded = chart.diagnosed("polycythaemia-vera")
    if chart.diagnosed("overload"):
        return coded
    return (*coded, *_procedures(chart, "therapeutic-phlebotomy", whole("phlebotomy.days")))


def _procedures(chart: Chart, concept: str, days: int) -> tuple[Procedure, ...]:
    return tuple(
        each
        for each in chart.procedures
        if concept in each.concepts and each.when and _is_within(each.when, days, chart.today)
    )


def _is_within(when: Moment, days: int, today: date) -> bool:
    """The first possible day lies inside the window, which includes its last day; tomorrow's date counts as today."""
    return when.first >= today - timedelta(days=days) and not lies_in_future(when, today)
