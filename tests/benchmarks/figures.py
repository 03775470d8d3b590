"""Figures beside their baselines, as one table and as JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, with the values of every round and those of its baselines in the same rounds.

    measure   what was measured, such as `calls a second, 16 connections`
    who       whose figure it is
    case      for which body, empty where it is for none
    against   the values of each baseline, by its short name
    note      what makes the figure doubtful
    """

    measure: str
    who: str
    unit: str
    values: Sequence[float]
    case: str = ""
    against: Mapping[str, Sequence[float]] = field(default_factory=dict)
    note: str = ""

    @property
    def value(self) -> float:
        """Return the median over the rounds."""
        return median(self.values)

    def ratio(self, baseline: str) -> float | None:
        """Return the median of the ratios, round by round where both have as many; None without that baseline."""
        theirs = self.against.get(baseline, ())
        if not theirs or not all(theirs):
            return None
        if len(theirs) == len(self.values):
            return median(ours / other for ours, other in zip(self.values, theirs, strict=True))
        return self.value / median(theirs)

    def as_json(self) -> dict[str, Any]:
        """Return the figure for the file."""
        ratios = {name: ratio for name in self.against if (ratio := self.ratio(name)) is not None}
        kept = {"measure": self.measure, "case": self.case, "who": self.who, "unit": self.unit, "value": self.value}
        return kept | {"values": list(self.values), "ratios": ratios, "note": self.note}


#: The bare views on both servers; a baseline that only few figures have is named beside its ratio.
COLUMNS = ("(a)", "(b)")


def table(figures: Sequence[Figure]) -> str:
    """Return all figures as one table in Markdown, with the ratio of each to its baselines."""
    heads = ["measure", "body", "who", "value", "", *(f"x {name}" for name in COLUMNS), "beside, and doubts"]
    rows = [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    ruler = ["-" * width for width in widths]
    return "\n".join(_line(row, widths) for row in (heads, ruler, *rows))


def _row(figure: Figure) -> list[str]:
    columns = [_shown(figure.ratio(name)) for name in COLUMNS]
    others = [f"{_shown(figure.ratio(name))} x {name}" for name in figure.against if name not in COLUMNS]
    beside = "; ".join([*others, *((figure.note,) if figure.note else ())])
    return [figure.measure, figure.case, figure.who, f"{figure.value:.4g}", figure.unit, *columns, beside]


def _shown(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.3g}" if ratio < 100 else f"{ratio:.0f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    return {"python": platform.python_version(), "system": platform.platform(), "machine": platform.machine()}
