"""Plots of laboratory results: which results are drawn against which limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cards.facts.chart import Chart
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.rules import Rules, Threshold
from cards.labs.analytes import analyte, analytes
from cards.patient.pregnancy import pregnancy
from cards.patient.status import is_child, is_esrd
from cards.quantity import plain
from cards.wording.reasons import reason_sentence
from cards.wording.render import display_name, render_quantity, wording
from cds_service.console.plots import Frame, Level, Plot, PlottedResult, Zone, plot

_WIDE = Frame(640, 236)
_SMALL = Frame(250, 96, left=34, right=40, top=10, bottom=20)
_SIGNS = {"below": "<", "at or below": "≤", "above": ">", "at or above": "≥"}
#: Limits of the ferritin plot for adults, children and patients on dialysis, from the lowest band up.
_ADULT = ("ferritin.low", "ferritin.mid", "ferritin.high")
_CHILD = ("child.ferritin",)
_DIALYSIS = ("esrd.discord_ferritin", "esrd.ferritin", "esrd.hold_ferritin")
_KINDS = ("low", "middle", "", "high")
_MAIN = ("ferritin", "tsat")
#: Limits drawn in the small plots; those of haemoglobin depend on sex and pregnancy.
SMALL_LIMITS = {
    "b12": ("b12.def", "b12.border"),
    "mma": ("mma.high",),
    "folate": ("folate.def", "folate.border"),
    "vitd": ("vitd.def", "vitd.high"),
    "magnesium": ("mg.low", "mg.high"),
    "plp": ("plp.low", "plp.high"),
    "crp": ("crp_hi",),
    "mcv": ("mcv.high",),
    "egfr": ("egfr_mg", "gaba.egfr"),
    "calcium": ("ca_hi",),
    "phosphate": ("phosphate.low",),
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One analyte with its plot. `latest` is the newest usable value as text, or empty."""

    analyte: str
    name: str
    unit: str
    plot: Plot
    latest: str = ""
    latest_day: str = ""


@dataclass(frozen=True, slots=True)
class LabPlots:
    """The two main plots and the small ones."""

    main: tuple[Panel, ...]
    small: tuple[Panel, ...]


def lab_plots(chart: Chart, rules: Rules) -> LabPlots:
    """Plot ferritin and transferrin saturation, and every other analyte that has a result."""
    having = {each.analyte for each in chart.labs} | {each.analyte for each in chart.unusable}
    small = [name for name in analytes() if name in having and name not in _MAIN]
    return LabPlots(
        main=(_ferritin(chart, rules), _tsat(chart, rules)),
        small=tuple(_panel(name, chart, _levels(_limits_of(name, chart, rules)), (), _SMALL) for name in small),
    )


def _ferritin(chart: Chart, rules: Rules) -> Panel:
    names = _DIALYSIS if is_esrd(chart) else _CHILD if is_child(chart) else _ADULT
    limits = [rules.limit(name) for name in names]
    return _panel("ferritin", chart, _levels(limits), _zones(limits, _KINDS), _WIDE, Decimal(120), _fresh(rules))


def _tsat(chart: Chart, rules: Rules) -> Panel:
    names = ("esrd.tsat", "esrd.hold_tsat") if is_esrd(chart) else ("tsat.low", "tsat.high")
    limits = [rules.limit(name) for name in names]
    return _panel(
        "tsat", chart, _levels(limits), _zones(limits, ("low", "", "high")), _WIDE, Decimal(55), _fresh(rules)
    )


def _fresh(rules: Rules) -> int:
    return rules.limit("fresh_days").days


def _zones(limits: Iterable[Threshold], kinds: Iterable[str]) -> tuple[Zone, ...]:
    edges = [Decimal(0), *(limit.value for limit in limits), None]
    bands = zip(edges, edges[1:], kinds, strict=False)  # a child has two bands only
    return tuple(Zone(low, high, kind) for low, high, kind in bands if kind and low is not None)


def _levels(limits: Iterable[Threshold]) -> tuple[Level, ...]:
    """Return one level for each value, even if several limits share it."""
    found: dict[Decimal, Level] = {}
    for limit in limits:
        name = f"{_SIGNS.get(limit.side, '')} {plain(limit.value)}".strip()
        found.setdefault(limit.value, Level(limit.value, name, f"{limit.meaning}: {limit.side} {plain(limit.value)}"))
    return tuple(found.values())


def _limits_of(name: str, chart: Chart, rules: Rules) -> list[Threshold]:
    """Return the limits to draw for this patient."""
    names = _haemoglobin(chart) if name == "haemoglobin" else SMALL_LIMITS.get(name, ())
    return [rules.limit(each) for each in names]


def _haemoglobin(chart: Chart) -> tuple[str, ...]:
    """Return the haemoglobin limits; none for a child, whose limit depends on age and laboratory."""
    if is_child(chart):
        return ()
    if pregnancy(chart).is_pregnant:
        return ("hb.pregnant",)
    return ("hb.men",) if chart.person.sex == "male" else ("hb.women",)


def _panel(
    name: str,
    chart: Chart,
    levels: tuple[Level, ...],
    zones: tuple[Zone, ...],
    frame: Frame,
    at_least: Decimal | None = None,
    fresh_days: int | None = None,
) -> Panel:
    results = chart.results(name)
    plotted = [*map(_plotted, results), *_unusable(chart, name)]
    lowest = min((level.value for level in levels), default=Decimal(0))
    drawn = plot(
        plotted,
        frame,
        today=chart.today,
        levels=levels,
        zones=zones,
        at_least=lowest * Decimal("1.1") if at_least is None else at_least,
        fresh_days=fresh_days,
        value_ticks=4 if frame is _WIDE else 2,
    )
    latest = results[0] if results else None
    return Panel(
        name,
        display_name(name),
        analyte(name).unit,
        drawn,
        render_quantity(latest.quantity) if latest else "",
        latest.when.text if latest else "",
    )


def _plotted(result: LabResult) -> PlottedResult:
    quantity = result.quantity
    text = f"{display_name(result.analyte)} {render_quantity(quantity)}"
    return PlottedResult(result.when.last, quantity.value, text, describe_origin(result), quantity.comparator)


def _unusable(chart: Chart, name: str) -> list[PlottedResult]:
    """Return results that are not used, but whose number can be shown safely."""
    return [
        PlottedResult(
            each.when.last,
            each.quantity.value,
            f"{display_name(name)} {render_quantity(each.quantity)}",
            f"not used: {reason_sentence(each.why)}",
            each.quantity.comparator,
            used=False,
        )
        for each in chart.unusable
        if each.analyte == name and each.quantity and each.when and _can_be_plotted(each, chart)
    ]


def _can_be_plotted(result: UnusableResult, chart: Chart) -> bool:
    """Return whether a result has the canonical unit and a past date, and would not dwarf all other results."""
    if result.why.startswith("implausib"):
        return False
    same_unit = result.quantity is not None and result.quantity.unit == analyte(result.analyte).unit
    return same_unit and result.when is not None and result.when.last <= chart.today


def describe_origin(result: LabResult) -> str:
    """Say how the value was obtained: reported, or converted or calculated from which values."""
    phrases = wording()["how"]
    if result.parts:
        parts = " and ".join(
            f"{display_name(each.analyte).lower()} {render_quantity(each.quantity)}" for each in result.parts
        )
        return str(phrases["calculated"].format(parts=parts))
    if result.reported:
        return str(phrases["converted"].format(reported=render_quantity(result.reported)))
    return "reported"
