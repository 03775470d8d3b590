"""Plots as inline SVG: bars, drawn by numbers alone, with the values in words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABELS, _ROW, _BAR = 760, 300, 26, 16


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, how long it is, what is written behind it, and a class of the style sheet."""

    label: str
    value: int
    said: str
    kind: str = ""


def bars(title: str, drawn: Sequence[Bar]) -> str:
    """Return a plot of horizontal bars; the longest fills its width."""
    most = max((bar.value for bar in drawn), default=0) or 1
    height = _ROW * len(drawn) + 8
    room = _WIDTH - _LABELS - 150
    rows = "".join(_row(number, bar, bar.value * room // most) for number, bar in enumerate(drawn))
    words = "; ".join(f"{bar.label} {bar.said}" for bar in drawn)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}: {escape(words)}">{rows}</svg>'


def _row(number: int, bar: Bar, length: int) -> str:
    top = number * _ROW + 4
    middle = top + _BAR - 3
    return (
        f'<text class="label" x="{_LABELS - 8}" y="{middle}">{escape(bar.label)}</text>'
        f'<rect class="{escape(bar.kind)}" x="{_LABELS}" y="{top}" width="{max(length, 1)}" height="{_BAR}"/>'
        f'<text x="{_LABELS + max(length, 1) + 6}" y="{middle}">{escape(bar.said)}</text>'
    )
