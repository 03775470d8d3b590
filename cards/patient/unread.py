"""Questions left open because a list of the chart was not read to its end (contract section 5)."""

from __future__ import annotations

from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.knowledge.definitions import defined
from cards.knowledge.limits import misses
from cards.patient.given import may_have_been_given

#: What a reader must exclude before iron is given, by the list that would show it; keys of `[open_questions]` in
#: cards/wording/wording.toml.
_BY_CONDITIONS = ("polycythaemia", "dialysis")
_BY_MEDICATIONS = ("chelator", "iron_taken")
_BY_PROCEDURES = ("dialysis_sessions", "phlebotomy")


def open_questions(chart: Chart) -> tuple[str, ...]:
    """Return what speaks against iron, or changes its route or dose, and may stand in what was not read."""
    overload = () if _excludes_overload(chart) else ("overload",)
    conditions = (
        () if chart.knows("conditions") else (*_BY_CONDITIONS, *(("pregnancy",) if _may_conceive(chart) else ()))
    )
    medications = () if chart.knows("medications") else _BY_MEDICATIONS
    procedures = () if chart.knows("procedures") else _BY_PROCEDURES
    saturation = () if _shows_every_iron_study(chart) else ("saturation",)
    return (*overload, *conditions, *medications, *procedures, *saturation)


def not_excluded(chart: Chart) -> tuple[str, ...]:
    """Return the open questions, and a recent infusion where one is recorded without its day."""
    return (*open_questions(chart), *(("undated_infusion",) if undated_infusions(chart) else ()))


def undated_infusions(chart: Chart) -> tuple[Drug, ...]:
    """Return the infusions of iron that are recorded without a day: each may be a recent one (data amendments 4)."""
    return tuple(
        drug for drug in chart.drugs if drug.has("iron-iv") and _is_undated(drug) and may_have_been_given(drug)
    )


def _is_undated(drug: Drug) -> bool:
    return drug.given_on is None and drug.start is None and drug.planned_on is None


def may_hide_overload(chart: Chart) -> bool:
    """Return whether iron overload, a chelator or a high saturation may stand in what was not read."""
    return not (_excludes_overload(chart) and chart.knows("medications") and _shows_every_iron_study(chart))


def _excludes_overload(chart: Chart) -> bool:
    return chart.is_exhaustive("conditions", "overload", "probable-overload")


def _shows_every_iron_study(chart: Chart) -> bool:
    return chart.is_exhaustive("labs", "ferritin", "tsat")


def _may_conceive(chart: Chart) -> bool:
    return chart.person.sex != "male" and not misses(chart.age, defined("pregnancy.oldest"))
