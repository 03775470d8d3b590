"""Plots as inline SVG: bars, drawn by numbers alone, with the values in words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _ROW, _BAR = 760, 26, 16
#: Room for one letter of a label at the size of the style sheet, and the most that labels may take of the width.
_LETTER, _MOST_LABELS = 6.6, 420


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: label and length, what is written behind it, a class of the style sheet, and a word after the label."""

    label: str
    value: int
    said: str
    kind: str = ""
    level: str = ""

    @property
    def name(self) -> str:
        """Return the label, cut to its room, and the word that tells two bars of one label apart."""
        most = int((_MOST_LABELS - 16) / _LETTER) - len(self._ending)
        label = self.label if len(self.label) <= most else f"{self.label[: most - 1]}…"
        return label + self._ending

    @property
    def full_name(self) -> str:
        """Return the name with the whole label, for whoever does not see the plot."""
        return self.label + self._ending

    @property
    def _ending(self) -> str:
        return f", {self.level}" if self.level else ""


def bars(title: str, drawn: Sequence[Bar]) -> str:
    """Return a plot of horizontal bars; the longest fills its width."""
    most = max((bar.value for bar in drawn), default=0) or 1
    height = _ROW * len(drawn) + 8
    left = min(_MOST_LABELS, 16 + round(_LETTER * max((len(bar.name) for bar in drawn), default=0)))
    room = _WIDTH - left - 150
    rows = "".join(_row(number, bar, left, bar.value * room // most) for number, bar in enumerate(drawn))
    words = "; ".join(f"{bar.full_name} {bar.said}" for bar in drawn)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}: {escape(words)}">{rows}</svg>'


def _row(number: int, bar: Bar, left: int, length: int) -> str:
    top = number * _ROW + 4
    middle = top + _BAR - 3
    return (
        f'<text class="label" x="{left - 8}" y="{middle}">{escape(bar.name)}</text>'
        f'<rect class="{escape(bar.kind)}" x="{left}" y="{top}" width="{max(length, 1)}" height="{_BAR}"/>'
        f'<text x="{left + max(length, 1) + 6}" y="{middle}">{escape(bar.said)}</text>'
    )
