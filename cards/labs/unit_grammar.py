"""Units read by the grammar of UCUM: atoms with prefixes, exponents, `.` and `/`, and annotations in braces.

Two units mean the same where their size and their dimension are the same: `ng/mL`, `ng.mL-1`, `ug/L` and
`ng/mL{serum}` do. Only what laboratories measure with is known here; a published library brings all of UCUM and reads
it case by case, and the few Python ones are neither maintained nor small. Source: UCUM 2.1, sections 2 to 4.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from cards.values import frozen

#: A longer text is prose, not a unit.
LONGEST_UNIT = 40
_WIDEST_EXPONENT = 30

_PREFIXES = {"k": 3, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}
#: atom -> (size in g, mol, m, s; dimension); those of the first table take prefixes.
_METRIC: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "g": ("1", {"mass": 1}),
    "mol": ("1", {"amount": 1}),
    "m": ("1", {"length": 1}),
    "s": ("1", {"time": 1}),
    "L": ("0.001", {"length": 3}),
    "l": ("0.001", {"length": 3}),
    "eq": ("1", {"charge": 1}),
    "[iU]": ("1", {"activity": 1}),
    "[IU]": ("1", {"activity": 1}),
}
_OTHER: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "%": ("0.01", {}),
    "min": ("60", {"time": 1}),
    "h": ("3600", {"time": 1}),
    "d": ("86400", {"time": 1}),
    "wk": ("604800", {"time": 1}),
    "[lb_av]": ("453.59237", {"mass": 1}),
}
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_NUMBER = re.compile(r"\d+")
#: Body surface: `/1.73 m2`, `per 1,73m²`, `/{1.73_m2}`, `/[1.73m*2]`, `/1.73 m(2)`, `/1.73 sq m`, `/1.73` alone.
_PER_AREA = re.compile(
    r"(?:(?:/|\bper\b)\s*+[\[({]?|\{)\s*+1[.,]73(?!\d)\s*+_?\s*+"
    r"(?:m\s*+[*^(]*+\s*+2\)?|(?:sq\.?|square)\s*+m(?:et(?:er|re)s?)?|qm)?\s*+[\])}]?",
    re.IGNORECASE,
)
_AREA = "/{1.73_m2}"


@frozen
class Unit:
    """The size of a unit in base units and its dimension; `per_area`: per 1.73 m² of body surface."""

    size: Decimal
    dimension: frozenset[tuple[str, int]]
    per_area: bool = False

    def is_like(self, other: Unit) -> bool:
        """Return whether both measure the same kind of thing, be it by other sizes."""
        return self.dimension == other.dimension and self.per_area == other.per_area


def parse_unit(written: str) -> Unit | None:
    """Return the unit that a text means by the grammar, or None where it is none that is known here."""
    return _parse(written[: LONGEST_UNIT + 1])


def with_one_area(written: str) -> str:
    """Return a unit with the body surface in it, however it is written, as UCUM writes it."""
    return _PER_AREA.sub(_AREA, written)


@lru_cache(maxsize=1024)
def _parse(written: str) -> Unit | None:
    plain = unicodedata.normalize("NFKC", written).replace("μ", "u").strip()
    if len(plain) > LONGEST_UNIT:
        return None
    bare, areas = _PER_AREA.subn("", plain)
    term = _ANNOTATION.sub("", bare).replace(" ", "")
    if areas > 1 or not plain or (term.isdecimal() and term != "1"):
        return None
    if not term:
        return None if areas else Unit(Decimal(1), frozenset())
    return _product(term, per_area=bool(areas))


def _product(term: str, *, per_area: bool) -> Unit | None:
    """Read components joined by `.` and `/`; each `/` concerns the component after it alone."""
    size, dimension = Decimal(1), dict[str, int]()
    signs = re.findall(r"[./]", term if term.startswith("/") else f".{term}")
    parts = re.split(r"[./]", term.removeprefix("/"))
    for sign, part in zip(signs, parts, strict=True):
        found = _component(part)
        if found is None:
            return None
        size = size * found[0] if sign == "." else size / found[0]
        for name, power in found[1].items():
            dimension[name] = dimension.get(name, 0) + (power if sign == "." else -power)
    return Unit(size.normalize(), frozenset((name, power) for name, power in dimension.items() if power), per_area)


def _component(part: str) -> tuple[Decimal, Mapping[str, int]] | None:
    if _NUMBER.fullmatch(part):
        return (Decimal(part), {}) if 0 < int(part) < 10**_WIDEST_EXPONENT else None
    found = re.fullmatch(r"(\[[A-Za-z_]+\]|[A-Za-z%]+(?:\[[A-Za-z_]+\])?)([+-]?\d)?", part)
    if not found:
        return None
    atom, power = _atom(found[1]), int(found[2] or 1)
    if atom is None or not power:
        return None
    return atom[0] ** power, {name: each * power for name, each in atom[1].items()}


def _atom(name: str) -> tuple[Decimal, Mapping[str, int]] | None:
    for table in (_OTHER, _METRIC):
        if name in table:
            return Decimal(table[name][0]), table[name][1]
    prefix, rest = _PREFIXES.get(name[:1]), name[1:]
    if prefix is None or rest not in _METRIC:
        return None
    size, dimension = _METRIC[rest]
    return Decimal(size).scaleb(prefix), dimension
