"""The signs of iron overload or polycythaemia, as text and as facts, so that a reader sees which one it was."""

from __future__ import annotations

from cards.decisions.shared.levels import numbered
from cards.facts.chart import Chart, Diagnosis, Procedure
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Text
from cards.patient.status import ordered_chelators, overload, polycythaemia, probable_overload
from cards.wording.phrases import NOTHING, listed, names, phrase


def render_overload(chart: Chart) -> Text:
    """Return the diagnosis for a summary, else the chelator, else that overload is probable; empty if there is none."""
    found = overload(chart)
    if any(isinstance(fact, Diagnosis) for fact in found):
        return phrase("iron.overload")
    chelators = chart.active_drugs("chelator") or ordered_chelators(chart)
    if chelators:
        known = sorted({name for drug in chelators for name in drug.product.ingredient_names()})
        return phrase(_chelator(chart)[0], names=listed(names(known)))
    return phrase("iron.overload_probable") if probable_overload(chart) else NOTHING


def overload_facts(chart: Chart) -> dict[str, Fact]:
    """Return what is recorded as `overload`, with each chelator, active or ordered, beside it."""
    found = overload(chart)
    chelators = _drugs(found)
    if any(isinstance(fact, Diagnosis) for fact in found):
        said = phrase("iron.overload_recorded")
    else:
        said = phrase(_chelator(chart)[1] if chelators else "iron.overload_to_exclude")
    return {"overload": said, **numbered("chelator", chelators)}


def render_polycythaemia(chart: Chart) -> Text:
    """Return the diagnosis for a summary, else the phlebotomy; empty if there is neither."""
    found = polycythaemia(chart)
    if not found:
        return NOTHING
    named = any(isinstance(fact, Diagnosis) for fact in found)
    return phrase("iron.polycythaemia" if named else "iron.phlebotomy")


def polycythaemia_facts(chart: Chart) -> dict[str, Fact]:
    """Return what is recorded as `polycythaemia`, with the date of the newest phlebotomy that counts."""
    found = polycythaemia(chart)
    dates = [fact.when for fact in found if isinstance(fact, Procedure) and fact.when]
    named = any(isinstance(fact, Diagnosis) for fact in found)
    return {
        "polycythaemia": phrase("iron.polycythaemia_recorded" if named else "iron.phlebotomy_alone"),
        **({"phlebotomy": max(dates, key=lambda moment: moment.order)} if dates else {}),
    }


def _chelator(chart: Chart) -> tuple[str, str]:
    """Return the names of the phrases for a chelator, active or only ordered: with and without the drugs named."""
    if chart.active_drugs("chelator"):
        return "iron.chelator", "iron.chelator_recorded"
    return "iron.chelator_ordered", "iron.chelator_ordered_recorded"


def _drugs(found: tuple[Diagnosis | Drug, ...]) -> tuple[Drug, ...]:
    return tuple(fact for fact in found if isinstance(fact, Drug))
