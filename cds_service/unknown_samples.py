"""Samples of what nothing maps, for whoever writes the local code map: codes with their systems, and units.

Nothing of a patient can be among them:

* Looked at are only `Coding.system` and `Coding.code` of what a result measures, what a drug is and what a diagnosis
  says, and the unit of a number: names of kinds of things. Never a display, a text, a value, a date, an id.
* A code without a system is not kept, nor one that has not the shape of a code (`is_code`, `is_system`): no blanks, no
  words, no dates, no long numbers. Of units only those are kept that are put together from units we can spell.
* A code that the call or its Patient record knows as an id, a name, a number or a date of the person is not kept.
* Where clients are configured, a code is told only after several patients had it: what they share names none of them.

They live in the memory of one process and nowhere else: not in the metrics, the log or the store.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from threading import Lock
from typing import Any

#: A code is told once so many patients had it, where the service is not on a test bench.
PATIENTS = 3
#: So many codes are kept for each list and kind of system, so many new ones looked at in a call, so many told.
KEPT, A_CALL, TOLD = 64, 200, 8

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,17}")
_DATE = re.compile(r"(?:19|20)\d\d[.\-]?\d\d[.\-]?\d\d|\d\d[.\-]\d\d[.\-](?:19|20)?\d\d")
#: Numbers of patients, orders and insurance are longer than those of a laboratory's catalogue.
_LONGEST_NUMBER = 7
_OID = re.compile(r"(?:urn:oid:)?[0-2](?:\.\d{1,10}){2,20}")
_ADDRESS = re.compile(
    r"(?:https?://[a-z0-9.\-]{4,60}(?:/[A-Za-z][A-Za-z0-9.\-]{0,30}){0,6}/?|urn:[a-z0-9\-]{2,20}(?::[a-z][a-z0-9\-]{0,20}){0,2})"
)
_LONGEST_SYSTEM = 120
_ATOM = (
    r"(?:[pnuµμmcdkf]?(?:g|mol|eq|l|iu|u|\[iu\]|kat|m|s|osm)|mcg|mcmol|gm|min|hr?|day|d|kg|m2|%|units?|ratio"
    r"|10[*^]\d\d?)"
)
_UNIT = re.compile(rf"{_ATOM}(?:[./ ]{{1,2}}{_ATOM}){{0,3}}", re.IGNORECASE)
_LONGEST_UNIT = 20
#: Members of a Patient record that say nothing of the person.
_OF_NOBODY = frozenset({"resourceType", "system", "url", "code", "use", "status", "gender", "lastUpdated", "profile"})
_PIECES = re.compile(r"[^\W_]+")
_SHORTEST_INSIDE = 4

Pair = tuple[str, str]


def is_code(code: str) -> bool:
    """Short and in one piece; letters alone only as capitals (a mnemonic, no word); no date and no long number."""
    digits = re.sub(r"[.\-]", "", code)
    if not _CODE.fullmatch(code) or _DATE.fullmatch(code):
        return False
    return len(digits) <= _LONGEST_NUMBER if digits.isdigit() else any(map(str.isdigit, digits)) or code.isupper()


def is_system(system: str) -> bool:
    """An object identifier, or an address without a question, a port or a user in it."""
    return len(system) <= _LONGEST_SYSTEM and bool(_OID.fullmatch(system) or _ADDRESS.fullmatch(system))


def is_unit(unit: str) -> bool:
    """Put together from units that we can spell, with prefixes, in any case."""
    return len(unit) <= _LONGEST_UNIT and bool(_UNIT.fullmatch(unit))


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a call is about. `id` tells patients apart; `words` is everything that is known as a word of this person."""

    id: str
    words: frozenset[str]

    def is_named_by(self, pair: Pair) -> bool:
        """Some word of the person is the code, a piece of code or system, or lies inside the code."""
        system, code = pair
        whole = _folded(code)
        pieces = {*_pieces(system), *_pieces(code), whole}
        return bool(pieces & self.words) or any(word in whole for word in self.words if len(word) >= _SHORTEST_INSIDE)


def person(ids: Iterable[str | None], records: Iterable[Mapping[str, Any]]) -> Person:
    """The first of `ids` is the patient's; `records` are Patient resources of any shape."""
    known = [each for each in ids if each]
    written = [*known, *(text for record in records for text in _texts(record))]
    words = {word for text in written for word in (*_pieces(text), _folded(text)) if len(word) > 1}
    return Person(known[0] if known else "", frozenset(words))


def _pieces(text: str) -> list[str]:
    return [each.casefold() for each in _PIECES.findall(text)]


def _folded(text: str) -> str:
    return "".join(_pieces(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str | int):
        yield str(value)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in _OF_NOBODY:
                yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


@dataclass(slots=True)
class _Seen:
    """`times` goes on from `before`, the count of the one whose row it took; `patients` are marks, not ids."""

    times: int = 0
    before: int = 0
    patients: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class _Table:
    """The commonest of many, in KEPT rows: a new one takes the row of the least seen and goes on counting from there,
    so that what is common is never crowded out by many that are not."""

    rows: dict[Pair, _Seen] = field(default_factory=dict)

    def seen(self, pair: Pair) -> _Seen:
        row = self.rows.get(pair) or self._new(pair)
        row.times += 1
        return row

    def _new(self, pair: Pair) -> _Seen:
        before = 0
        if len(self.rows) >= KEPT:
            before = self.rows.pop(min(self.rows, key=lambda each: self.rows[each].times)).times
        return self.rows.setdefault(pair, _Seen(before, before))

    def commonest(self, patients: int) -> tuple[Pair, ...]:
        """Of those that so many patients had."""
        told = [(row.before - row.times, pair) for pair, row in self.rows.items() if len(row.patients) >= patients]
        return tuple(pair for _, pair in sorted(told)[:TOLD])


class UnknownSamples:
    """What came most often, by table. May be used by several threads."""

    def __init__(self, patients: int = PATIENTS) -> None:
        """`patients`: how many different ones must have had a code before it is told."""
        self.patients = patients
        self._key = secrets.token_bytes(16)
        self._codes: defaultdict[Pair, _Table] = defaultdict(_Table)
        self._units: defaultdict[Pair, _Table] = defaultdict(_Table)
        self._lock = Lock()

    def note_codes(self, place: str, about: str, codes: Iterable[Pair], whose: Person) -> None:
        """(system, code) of one call. `place` and `about` are words of ours, so that there are few tables."""
        shaped = (each for each in islice(codes, A_CALL) if is_system(each[0]) and is_code(each[1]))
        kept = [each for each in shaped if not whose.is_named_by(each)]
        mark = blake2b(whose.id.encode(), key=self._key, digest_size=8).digest()
        with self._lock:
            for pair in kept:
                row = self._codes[place, about].seen(pair)
                if len(row.patients) < self.patients:
                    row.patients.add(mark)

    def note_units(self, analyte: str, why: str, units: Iterable[str]) -> None:
        """Units of results that could not be read. What they are put together from is ours: told at once."""
        kept = [each for each in islice(units, A_CALL) if is_unit(each)]
        with self._lock:
            for unit in kept:
                self._units[analyte, why].seen(("", unit))

    def codes(self, place: str, about: str) -> tuple[Pair, ...]:
        """(system, code), the most seen first, TOLD at most."""
        with self._lock:
            return self._codes[place, about].commonest(self.patients) if (place, about) in self._codes else ()

    def units(self, analyte: str, why: str) -> tuple[str, ...]:
        """The most seen first, TOLD at most."""
        with self._lock:
            table = self._units[analyte, why] if (analyte, why) in self._units else _Table()
            return tuple(unit for _, unit in table.commonest(0))
