"""Geometry of the plots: convert values and dates to coordinates, which templates/_plot.html draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_STEPS = (1, 2, 2.5, 5, 10)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MAX_DATES = 6
_NAME_HEIGHT = 12
#: Margin before the oldest result.
_MARGIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class PlottedResult:
    """One result to plot.

    `text` is the value as a card prints it, `source` how it was obtained. `used` is false for an unusable result;
    `comparator` is as in `Quantity`.
    """

    when: date
    value: Decimal
    text: str
    source: str
    comparator: str = ""
    used: bool = True

    @property
    def number(self) -> str:
        """Return the label of the point."""
        return f"{self.comparator}{self.plain}"

    @property
    def plain(self) -> str:
        """Return the value without comparator."""
        return _number(self.value)


@dataclass(frozen=True, slots=True)
class Level:
    """A limit to draw: `name` is its label, `meaning` its explanation."""

    value: Decimal
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A band of values from `low` to `high` (None: to the top); `kind` selects its colour."""

    low: Decimal
    high: Decimal | None
    kind: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a plot and its margins in pixels."""

    width: int
    height: int
    left: int = 44
    right: int = 62
    top: int = 14
    bottom: int = 26


@dataclass(frozen=True, slots=True)
class Point:
    """A plotted result with its coordinates."""

    x: float
    y: float
    result: PlottedResult

    @property
    def title(self) -> str:
        """Return the tooltip: value, date and origin."""
        return f"{self.result.text}, {self.result.when.isoformat()}, {self.result.source}"


@dataclass(frozen=True, slots=True)
class Plot:
    """The elements to draw. Lines are (y, label y, level), ticks (coordinate, text), bands (y, height, kind)."""

    frame: Frame
    points: tuple[Point, ...]
    bands: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[float, float, Level], ...]
    values: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str], ...]
    old_until: float | None = None

    @property
    def path(self) -> str:
        """Return the SVG path through the used results, oldest first."""
        used = [f"{point.x} {point.y}" for point in self.points if point.result.used]
        return f"M{' L'.join(used)}" if len(used) > 1 else ""


def plot(
    results: Iterable[PlottedResult],
    frame: Frame,
    *,
    today: date,
    levels: Sequence[Level] = (),
    zones: Iterable[Zone] = (),
    at_least: Decimal = Decimal(0),
    fresh_days: int | None = None,
    value_ticks: int = 4,
) -> Plot:
    """Lay out results over time.

    The value axis reaches at least to `at_least`, and levels above it are omitted; the time axis goes back a year or to
    the oldest result. `fresh_days` marks where results become too old.
    """
    ordered = sorted(results, key=lambda each: each.when)
    top, step = _scale(max([at_least, *(each.value for each in ordered)]), value_ticks)
    first = min([today - timedelta(days=400), *(each.when - min(_MARGIN, each.when - date.min) for each in ordered)])
    last = max([today, *(each.when for each in ordered)]) + timedelta(days=12)
    to_x, to_y = _x_scale(frame, first, last), _y_scale(frame, top)
    visible = [level for level in levels if level.value <= top]
    old = None if fresh_days is None else to_x(max(first, today - timedelta(days=fresh_days)))
    return Plot(
        frame=frame,
        points=tuple(Point(to_x(each.when), to_y(each.value), each) for each in ordered),
        bands=tuple(_band(zone, top, to_y) for zone in zones if zone.low < top),
        lines=_lines(visible, to_y),
        values=tuple((to_y(step * n), _number(step * n)) for n in range(int(top / step) + 1)),
        dates=tuple((to_x(day), text) for day, text in _dates(first, last)),
        old_until=old,
    )


def _lines(levels: Iterable[Level], to_y: Callable[[Decimal], float]) -> tuple[tuple[float, float, Level], ...]:
    """Return the lines from the lowest up, with labels at least a line's height apart."""
    found, free = [], float("inf")
    for level in sorted(levels, key=lambda each: each.value):
        y = to_y(level.value)
        free = min(y, free - _NAME_HEIGHT)
        found.append((y, free, level))
    return tuple(found)


def _scale(most: Decimal, ticks: int) -> tuple[Decimal, Decimal]:
    """Return the top of the value axis and the step of its ticks: 1, 2, 2.5 or 5 times a power of ten."""
    rough = max(most, Decimal("0.1")) * Decimal("1.08") / ticks
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(power * Decimal(str(each)) for each in _STEPS if power * Decimal(str(each)) >= rough)
    return step * ticks, step


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _x_scale(frame: Frame, first: date, last: date) -> Callable[[date], float]:
    """Return a function from days to pixels from the left."""
    wide, days = frame.width - frame.left - frame.right, max(1, (last - first).days)
    return lambda day: round(frame.left + wide * (day - first).days / days, 1)


def _y_scale(frame: Frame, top: Decimal) -> Callable[[Decimal], float]:
    """Return a function from values to pixels from the top."""
    high = frame.height - frame.top - frame.bottom
    return lambda value: round(frame.top + high * float(1 - value / top), 1)


def _band(zone: Zone, top: Decimal, to_y: Callable[[Decimal], float]) -> tuple[float, float, str]:
    upper = to_y(min(top, zone.high) if zone.high is not None else top)
    return upper, round(to_y(zone.low) - upper, 1), zone.kind


def _dates(first: date, last: date) -> list[tuple[date, str]]:
    """Return at most six first days of months, with their labels."""
    months = (last.year - first.year) * 12 + last.month - first.month
    every = next((each for each in _MONTHS if months / each <= _MAX_DATES), _MONTHS[-1])
    found = []
    for number in range(first.year * 12 + first.month, last.year * 12 + last.month):
        if number % every == 0:
            day = date(number // 12, number % 12 + 1, 1)
            found.append((day, f"{day:%Y}" if every >= 12 else f"{day:%Y-%m}"))
    return found
