"""Samples of codes and units that nothing maps, for those who write the local code map.

No sample can identify a patient:

* Only `Coding.system` and `Coding.code` of laboratory tests, drugs and diagnoses, and the units of values, are
  sampled; never a display, a text, a value, a date or an id.
* A code is dropped if it has no system or does not look like a code (`is_code`, `is_system`): no blanks, words, dates
  or long numbers. Units are dropped unless they are composed of known units.
* A code that occurs in the call or its Patient record as an id, a name, a number or a date is dropped.
* If clients are configured, a code is shown only after several patients had it.

Samples live in the memory of one process only: not in the metrics, the log or the store.
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

#: How many patients must have a code before it is shown, if clients are configured.
LEAST_PATIENTS = 3
#: The most codes that are kept for each list and kind of system, taken from one call, and shown.
MOST_KEPT, MOST_PER_CALL, MOST_LISTED = 64, 200, 8

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,17}")
_DATE = re.compile(r"(?:19|20)\d\d[.\-]?\d\d[.\-]?\d\d|\d\d[.\-]\d\d[.\-](?:19|20)?\d\d")
#: Numbers of patients, orders and insurance are longer than those of laboratory tests.
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
#: Members of a Patient record that do not identify the person.
_OF_NOBODY = frozenset({"resourceType", "system", "url", "code", "use", "status", "gender", "lastUpdated", "profile"})
_PIECES = re.compile(r"[^\W_]+")
_SHORTEST_INSIDE = 4

Pair = tuple[str, str]


def is_code(code: str) -> bool:
    """Return whether a code is short and neither a word, a date nor a long number; capital mnemonics are allowed."""
    digits = re.sub(r"[.\-]", "", code)
    if not _CODE.fullmatch(code) or _DATE.fullmatch(code):
        return False
    return len(digits) <= _LONGEST_NUMBER if digits.isdigit() else any(map(str.isdigit, digits)) or code.isupper()


def is_system(system: str) -> bool:
    """Return whether a system is an OID, or a URI without query, port and user."""
    return len(system) <= _LONGEST_SYSTEM and bool(_OID.fullmatch(system) or _ADDRESS.fullmatch(system))


def is_unit(unit: str) -> bool:
    """Return whether a unit is composed of known units with prefixes, in any case."""
    return len(unit) <= _LONGEST_UNIT and bool(_UNIT.fullmatch(unit))


@dataclass(frozen=True, slots=True)
class PersonalWords:
    """The words that could identify the patient of a call; `id` tells patients apart."""

    id: str
    words: frozenset[str]

    def is_named_by(self, pair: Pair) -> bool:
        """Return whether a word of the patient is the code, a part of code or system, or inside the code."""
        system, code = pair
        whole = _folded(code)
        pieces = {*_pieces(system), *_pieces(code), whole}
        return bool(pieces & self.words) or any(word in whole for word in self.words if len(word) >= _SHORTEST_INSIDE)


def personal_words(ids: Iterable[str | None], records: Iterable[Mapping[str, Any]]) -> PersonalWords:
    """Collect the words of a patient; the first of `ids` is the patient's, `records` are Patient resources."""
    known = [each for each in ids if each]
    written = [*known, *(text for record in records for text in _texts(record))]
    words = {word for text in written for word in (*_pieces(text), _folded(text)) if len(word) > 1}
    return PersonalWords(known[0] if known else "", frozenset(words))


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
class _Row:
    """One row of a table: `times` continues from `before`, the count of the code it replaced; `patients` are hashes."""

    times: int = 0
    before: int = 0
    patients: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class _Table:
    """The most frequent codes, in at most MOST_KEPT rows (the space-saving algorithm).

    A new code takes over the row of the least frequent one and counts on from there, so that many rare codes never
    displace a frequent one.
    """

    rows: dict[Pair, _Row] = field(default_factory=dict)

    def seen(self, pair: Pair) -> _Row:
        """Count one occurrence and return its row."""
        row = self.rows.get(pair) or self._new(pair)
        row.times += 1
        return row

    def _new(self, pair: Pair) -> _Row:
        before = 0
        if len(self.rows) >= MOST_KEPT:
            before = self.rows.pop(min(self.rows, key=lambda each: self.rows[each].times)).times
        return self.rows.setdefault(pair, _Row(before, before))

    def most_frequent(self, patients: int) -> tuple[Pair, ...]:
        """Return the most frequent codes that at least `patients` patients had."""
        ranked = [(row.before - row.times, pair) for pair, row in self.rows.items() if len(row.patients) >= patients]
        return tuple(pair for _, pair in sorted(ranked)[:MOST_LISTED])


class UnknownSamples:
    """The most frequent unmapped codes and units; safe to use from several threads."""

    def __init__(self, patients: int = LEAST_PATIENTS) -> None:
        """`patients` is how many different patients must have had a code before it is shown."""
        self.patients = patients
        self._key = secrets.token_bytes(16)
        self._codes: defaultdict[Pair, _Table] = defaultdict(_Table)
        self._units: defaultdict[Pair, _Table] = defaultdict(_Table)
        self._lock = Lock()

    def add_codes(self, key: str, system_kind: str, codes: Iterable[Pair], whose: PersonalWords) -> None:
        """Add the (system, code) pairs of one call; `key` and `system_kind` come from small fixed sets."""
        shaped = (each for each in islice(codes, MOST_PER_CALL) if is_system(each[0]) and is_code(each[1]))
        kept = [each for each in shaped if not whose.is_named_by(each)]
        mark = blake2b(whose.id.encode(), key=self._key, digest_size=8).digest()
        with self._lock:
            for pair in kept:
                row = self._codes[key, system_kind].seen(pair)
                if len(row.patients) < self.patients:
                    row.patients.add(mark)

    def add_units(self, analyte: str, why: str, units: Iterable[str]) -> None:
        """Add units of results that could not be read; known units identify nobody, so they are shown at once."""
        kept = [each for each in islice(units, MOST_PER_CALL) if is_unit(each)]
        with self._lock:
            for unit in kept:
                self._units[analyte, why].seen(("", unit))

    def codes(self, key: str, system_kind: str) -> tuple[Pair, ...]:
        """Return up to MOST_LISTED pairs of (system, code), the most frequent first."""
        with self._lock:
            return (
                self._codes[key, system_kind].most_frequent(self.patients) if (key, system_kind) in self._codes else ()
            )

    def units(self, analyte: str, why: str) -> tuple[str, ...]:
        """Return up to MOST_LISTED units, the most frequent first."""
        with self._lock:
            table = self._units[analyte, why] if (analyte, why) in self._units else _Table()
            return tuple(unit for _, unit in table.most_frequent(0))
