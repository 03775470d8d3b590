"""The geometry of the plots. Numbers become coordinates here and nowhere else; templates/_plot.html draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_STEPS = (1, 2, 2.5, 5, 10)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MOST_DATES = 6
_NAME_HEIGHT = 12
#: Left free before the oldest result.
_ROOM = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing to plot. `text` is the value as a card prints it, `source` how it was obtained; `used`: false for a
    result that is not compared; `comparator` as in `Quantity`."""

    when: date
    value: Decimal
    text: str
    source: str
    comparator: str = ""
    used: bool = True

    @property
    def number(self) -> str:
        """What is printed beside the point."""
        return f"{self.comparator}{self.plain}"

    @property
    def plain(self) -> str:
        return _number(self.value)


@dataclass(frozen=True, slots=True)
class Level:
    """A limit to draw: `name` is what is printed beside it, `meaning` what it stands for."""

    value: Decimal
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A band of values from `low` up to `high` (None: to the top); `kind` chooses its colour."""

    low: Decimal
    high: Decimal | None
    kind: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of a plot and the room around its field."""

    width: int
    height: int
    left: int = 44
    right: int = 62
    top: int = 14
    bottom: int = 26


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    reading: Reading

    @property
    def title(self) -> str:
        return f"{self.reading.text}, {self.reading.when.isoformat()}, {self.reading.source}"


@dataclass(frozen=True, slots=True)
class Plot:
    """What a template draws. Lines are (y, y of the name, level), ticks (place, text), bands (y, height, kind)."""

    frame: Frame
    points: tuple[Point, ...]
    bands: tuple[tuple[float, float, str], ...]
    lines: tuple[tuple[float, float, Level], ...]
    values: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str], ...]
    old_until: float | None = None

    @property
    def path(self) -> str:
        """The line through the results that are compared, oldest first."""
        used = [f"{point.x} {point.y}" for point in self.points if point.reading.used]
        return f"M{' L'.join(used)}" if len(used) > 1 else ""


def plot(
    readings: Iterable[Reading],
    frame: Frame,
    *,
    today: date,
    levels: Sequence[Level] = (),
    zones: Iterable[Zone] = (),
    at_least: Decimal = Decimal(0),
    fresh_days: int | None = None,
    value_ticks: int = 4,
) -> Plot:
    """Lay out readings over time. The field reaches at least to `at_least`, and a year back or to the oldest one;
    levels above it are left out. `fresh_days` marks where results become too old."""
    ordered = sorted(readings, key=lambda each: each.when)
    top, step = _scale(max([at_least, *(each.value for each in ordered)]), value_ticks)
    first = min([today - timedelta(days=400), *(each.when - min(_ROOM, each.when - date.min) for each in ordered)])
    last = max([today, *(each.when for each in ordered)]) + timedelta(days=12)
    across, up = _across(frame, first, last), _up(frame, top)
    seen = [level for level in levels if level.value <= top]
    old = None if fresh_days is None else across(max(first, today - timedelta(days=fresh_days)))
    return Plot(
        frame=frame,
        points=tuple(Point(across(each.when), up(each.value), each) for each in ordered),
        bands=tuple(_band(zone, top, up) for zone in zones if zone.low < top),
        lines=_lines(seen, up),
        values=tuple((up(step * n), _number(step * n)) for n in range(int(top / step) + 1)),
        dates=tuple((across(day), text) for day, text in _dates(first, last)),
        old_until=old,
    )


def _lines(levels: Iterable[Level], up: Callable[[Decimal], float]) -> tuple[tuple[float, float, Level], ...]:
    """From the lowest up; names are kept a line's height apart, however near their lines are."""
    found, free = [], float("inf")
    for level in sorted(levels, key=lambda each: each.value):
        y = up(level.value)
        free = min(y, free - _NAME_HEIGHT)
        found.append((y, free, level))
    return tuple(found)


def _scale(most: Decimal, ticks: int) -> tuple[Decimal, Decimal]:
    """The top of the field and the step of its ticks: 1, 2, 2.5 or 5 times a power of ten."""
    rough = max(most, Decimal("0.1")) * Decimal("1.08") / ticks
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(power * Decimal(str(each)) for each in _STEPS if power * Decimal(str(each)) >= rough)
    return step * ticks, step


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _across(frame: Frame, first: date, last: date) -> Callable[[date], float]:
    """Days to pixels from the left."""
    wide, days = frame.width - frame.left - frame.right, max(1, (last - first).days)
    return lambda day: round(frame.left + wide * (day - first).days / days, 1)


def _up(frame: Frame, top: Decimal) -> Callable[[Decimal], float]:
    """Values to pixels from the top."""
    high = frame.height - frame.top - frame.bottom
    return lambda value: round(frame.top + high * float(1 - value / top), 1)


def _band(zone: Zone, top: Decimal, up: Callable[[Decimal], float]) -> tuple[float, float, str]:
    upper = up(min(top, zone.high) if zone.high is not None else top)
    return upper, round(up(zone.low) - upper, 1), zone.kind


def _dates(first: date, last: date) -> list[tuple[date, str]]:
    """First days of months, at most six, as year and month."""
    months = (last.year - first.year) * 12 + last.month - first.month
    every = next((each for each in _MONTHS if months / each <= _MOST_DATES), _MONTHS[-1])
    found = []
    for number in range(first.year * 12 + first.month, last.year * 12 + last.month):
        if number % every == 0:
            day = date(number // 12, number % 12 + 1, 1)
            found.append((day, f"{day:%Y}" if every >= 12 else f"{day:%Y-%m}"))
    return found
