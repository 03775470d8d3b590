"""The rows of the iron table that speak against iron: overload, polycythaemia vera, a high saturation."""

from __future__ import annotations

from cards.decisions.iron.overload import overload_facts, polycythaemia_facts, render_overload, render_polycythaemia
from cards.decisions.iron.rows import NAME, STUDIES, row_fires
from cards.decisions.iron.studies import IronStudies
from cards.decisions.shared.levels import numbered
from cards.decisions.shared.orders import with_evidence
from cards.facts.finding import Fact, Finding, Indicator, OrderTests, Text
from cards.facts.results import UnusableResult
from cards.patient.status import is_esrd, overload, polycythaemia, probable_overload
from cards.patient.unread import open_questions
from cards.wording.phrases import NOTHING, as_a_beginning, say


def overload_row(studies: IronStudies) -> Finding | None:
    """Return the card on iron overload, or None where none is recorded."""
    chart = studies.chart
    certain, probable = overload(chart), probable_overload(chart)
    if not (certain or probable):
        return None
    iron = chart.active_drugs("iron-oral", "iron-binder") or studies.treatment.is_active
    pause = _what_is_taken(studies)
    words = say(
        studies.rules,
        NAME,
        "overload_summary_taken" if pause else "overload_summary",
        named=as_a_beginning(render_overload(chart)),
        taken=pause,
    )
    texts = ("ferric_citrate",) if chart.active_drugs("iron-binder") else ()
    facts: dict[str, Fact] = {
        **overload_facts(chart),
        "overload_summary": words,
        "overload_advice": say(studies.rules, NAME, "overload_taken" if pause else "overload_not_taken"),
        **studies.facts,
        **studies.treatment.facts,
    }
    found = row_fires(studies, "IRON-OVL", Indicator.WARNING if iron else Indicator.INFO, facts, texts=texts)
    return with_evidence(found, certain or probable)


def polycythaemia_row(studies: IronStudies) -> Finding | None:
    """Return the card on polycythaemia vera, or None where neither it nor a phlebotomy is recorded."""
    causes = polycythaemia(studies.chart)
    if not causes:
        return None
    pause = _what_is_taken(studies) if studies.treatment.is_active else NOTHING
    named = as_a_beginning(render_polycythaemia(studies.chart))
    facts: dict[str, Fact] = {
        **polycythaemia_facts(studies.chart),
        "pv_summary": say(studies.rules, NAME, "pv_summary_taken" if pause else "pv_summary", named=named, taken=pause),
        "pv_advice": say(studies.rules, NAME, "pv_taken" if pause else "pv_not_taken"),
        **studies.facts,
        **studies.treatment.facts,
    }
    indicator = Indicator.WARNING if studies.treatment.is_active else Indicator.INFO
    found = row_fires(studies, "IRON-PV", indicator, facts)
    return with_evidence(found, causes)


def _what_is_taken(studies: IronStudies) -> Text:
    """Return the iron that is given although it should not be, as a part of a summary; nothing where there is none."""
    treatment, binders = studies.treatment, studies.chart.active_drugs("iron-binder")
    if studies.chart.active_drugs("iron-oral"):
        return say(studies.rules, NAME, "iron_is_taken")
    if binders:
        return say(studies.rules, NAME, "binder_is_taken")
    if treatment.iv_counts and treatment.infusion_day:
        key = "infusion_was_ordered" if treatment.infusion_is_only_ordered else "iron_was_infused"
        return say(studies.rules, NAME, key, day=treatment.infusion_day)
    return (
        say(studies.rules, NAME, "infusion_is_planned", day=treatment.planned_day) if treatment.planned_day else NOTHING
    )


def high_tsat_row(studies: IronStudies) -> Finding | None:
    """Return the card on a saturation that is or may be at the stop, or None where there is none."""
    if studies.blocking is None:
        return None
    unusable = isinstance(studies.blocking, UnusableResult)
    on_oral = bool(studies.treatment.oral) and studies.ferritin_meets("ferritin.low") and not unusable
    post_dose = on_oral and studies.tsat_may_be_post_dose
    manner = _manner(studies, post_dose=post_dose)
    words = "unusable_hold" if unusable and manner == "hold" else "unusable" if unusable else manner
    facts: dict[str, Fact] = {
        **studies.facts,
        "tsat": studies.blocking,
        **_iron_beside_high_tsat(studies),
        "tsat_summary": say(studies.rules, NAME, f"tsat_{words}", result=studies.blocking),
        "tsat_advice": say(studies.rules, NAME, _high_tsat_advice(studies, manner)),
    }
    facts.pop("tsat_missing", None)
    both = studies.ferritin_meets("ferritin.high") and not is_esrd(studies.chart)
    indicator = Indicator.INFO if post_dose else Indicator.WARNING
    texts = (
        *(("advice_unusable_tsat",) if unusable else ()),
        *(("both_must_fall",) if both else ()),
        *(("women_easl",) if studies.chart.person.sex == "female" else ()),
    )
    repeat = OrderTests(STUDIES, due=studies.chart.today)
    return row_fires(studies, "IRON-HIGH-TSAT", indicator, facts, texts=texts, suggestions=(repeat,))


def _manner(studies: IronStudies, *, post_dose: bool) -> str:
    """Return what becomes of the iron that is taken at a high saturation, as an order of the same iron is answered."""
    if post_dose:  # whether it goes on is left open while something that speaks against iron was not read
        return "high" if open_questions(studies.chart) else "post_dose"
    if studies.treatment.oral:
        return "hold"
    return "binder" if studies.chart.active_drugs("iron-binder") else "high"


def _high_tsat_advice(studies: IronStudies, manner: str) -> str:
    """Return the advice on a high saturation, as a key of the texts.

    No saturation alone lets iron go on where ferritin is high as well, or in dialysis.
    """
    if manner != "hold":
        return {"post_dose": "post_dose_advice", "binder": "tsat_binder_advice"}.get(manner, "tsat_advice")
    if is_esrd(studies.chart):
        return "hold_dialysis_advice"
    return "hold_both_advice" if studies.ferritin_meets("ferritin.high") else "hold_advice"


def _iron_beside_high_tsat(studies: IronStudies) -> dict[str, Fact]:
    """Return the iron that is given, be it to bind phosphate, as facts."""
    return {**studies.treatment.facts, **numbered("drug", studies.chart.active_drugs("iron-binder"))}
