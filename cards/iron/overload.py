"""What speaks for iron overload or polycythaemia, in words and as facts, so that a reader sees which of them it was."""

from __future__ import annotations

from cards.chart import Chart, Diagnosis, Drug, Procedure
from cards.finding import Fact
from cards.scope import overload, polycythaemia, probable_overload


def overload_in_words(chart: Chart) -> str:
    """For a summary: the diagnosis, else the chelator, else that it is only probable; empty where there is nothing."""
    found = overload(chart)
    if any(isinstance(fact, Diagnosis) for fact in found):
        return "iron overload is recorded"
    chelators = _drugs(found)
    if chelators:
        names = sorted({name for drug in chelators for name in drug.product.ingredient_names()})
        return f"an iron chelator is active ({', '.join(names)})"
    return "iron overload is probable" if probable_overload(chart) else ""


def overload_facts(chart: Chart) -> dict[str, Fact]:
    """`overload` says what is recorded; each active chelator is named beside it."""
    found = overload(chart)
    chelators = _drugs(found)
    if any(isinstance(fact, Diagnosis) for fact in found):
        said = "recorded as a diagnosis"
    else:
        said = "an iron chelator is active" if chelators else "probable by a recorded diagnosis, to be excluded"
    return {"overload": said, **{f"chelator{number or ''}": drug for number, drug in enumerate(chelators)}}


def polycythaemia_in_words(chart: Chart) -> str:
    """For a summary: the diagnosis, else the phlebotomy."""
    found = polycythaemia(chart)
    named = any(isinstance(fact, Diagnosis) for fact in found)
    return "polycythaemia vera is recorded" if named else "therapeutic phlebotomy is recorded" if found else ""


def polycythaemia_facts(chart: Chart) -> dict[str, Fact]:
    """`polycythaemia` says what is recorded; the newest phlebotomy that counts is dated beside it."""
    found = polycythaemia(chart)
    dates = [fact.when for fact in found if isinstance(fact, Procedure) and fact.when]
    named = any(isinstance(fact, Diagnosis) for fact in found)
    said = "recorded as a diagnosis" if named else "no diagnosis, therapeutic phlebotomy alone"
    return {
        "polycythaemia": said,
        **({"phlebotomy": max(dates, key=lambda moment: moment.order)} if dates else {}),
    }


def _drugs(found: tuple[Diagnosis | Drug, ...]) -> tuple[Drug, ...]:
    return tuple(fact for fact in found if isinstance(fact, Drug))
