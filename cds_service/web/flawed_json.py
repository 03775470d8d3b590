"""Read JSON again that the fast parser passes over or refuses: members sent twice, numbers out of range.

Of a member that is sent twice the fast parser keeps the last without a word; a number beyond a float makes it refuse
the whole text. Each such flaw invalidates the resource it lies in, which becomes `{}`: that is no FHIR, so that its
list is cut. What lies in no resource is a fault of the document.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_service.web.errors import RequestFault

#: A colon, written as such or as an escape in a string.
_COLONS = (b":", rb"\u003a", rb"\u003A")
#: A number that may be out of range. A run of digits is tried from its start alone, so that the time stays linear.
_LARGE = re.compile(rb"[eE]\+?0*+[1-9][0-9]{2}|(?<![0-9])[0-9]{309}")
#: Whole numbers beyond these are read as floats, as the fast parser does.
_LEAST, _MOST, _LONGEST = -(2**63), 2**64 - 1, 20


class _OutOfRange:
    """Stands where such a number stood."""


_OUT_OF_RANGE = _OutOfRange()
#: What may be flawed; texts and numbers, which are most of a document, are passed over.
_MAY_BE_FLAWED = frozenset({dict, list, _OutOfRange})
#: Texts beyond these are read no slower than others: a longer one is searched for no number, and one with more objects
#: that have a member twice is no JSON.
_LONGEST_TEXT, _MOST_REPEATED = 2 * 1024 * 1024, 1_000
#: Values nested deeper are passed over by the slow parser, which can read no more than a thousand levels; none so deep
#: is used.
_DEEPEST = 128
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
#: The members that a message may name: a message quotes no text of the sender.
_NAMED = frozenset(
    {"hook", "hookInstance", "fhirServer", "fhirAuthorization", "context", "prefetch", "extension", "feedback"}
    | {"userId", "patientId", "encounterId", "selections", "draftOrders", "entry", "resource", "resourceType"}
)
#: A Bundle that is a part of the request itself, so that a fault of it is named.
_OF_THE_REQUEST = "context.draftOrders"


@dataclass(slots=True)
class ReadAgain:
    """A document as the slow parser reads it, and the names that objects of it have twice."""

    document: Any = None
    _repeated: list[tuple[dict[str, Any], list[str]]] = field(default_factory=list)

    def faults(self, checked_one_by_one: str) -> Iterator[RequestFault]:
        """Take every flaw out of the document, and yield those that lie in no resource.

        A flaw in a value of the member `checked_one_by_one` invalidates that value alone.
        """
        names = {id(held): repeated for held, repeated in self._repeated}
        is_object = bool(checked_one_by_one) and isinstance(self.document, dict)
        values = self.document.get(checked_one_by_one) if is_object else None
        if isinstance(values, dict | list):
            for name, value in list(values.items() if isinstance(values, dict) else enumerate(values)):
                if name in names.get(id(values), ()) or any(_flaws(value, "", names)):
                    values[name] = {}
            names.pop(id(values), None)
        yield from _flaws(self.document, "", names)


def repeats_a_member(text: bytes, document: Any) -> bool:
    """Return whether the text may have a member twice that the document has once.

    Written anew the document has as many colons as its text: one for each member, and those in its strings. A text
    that says `\\u003a` of something else is a false alarm, which costs a second parse.
    """
    return sum(map(text.count, _COLONS)) != orjson.dumps(document).count(b":")


def may_be_out_of_range(text: bytes) -> bool:
    """Return whether the text holds what may be a number beyond a float."""
    return len(text) <= _LONGEST_TEXT and _LARGE.search(text) is not None


def read_again(text: bytes, *, is_json: bool) -> ReadAgain | None:
    """Parse a text, or return None where it is no JSON or has flaws beyond number.

    Of what another parser found to be JSON, and this one finds nested too deep, what is nested deepest is null.
    """
    try:
        return _read_again(text)
    except RecursionError:
        return _read_again(_without_depths(text)) if is_json else None


def _without_depths(text: bytes) -> bytes:
    kept: list[bytes] = []
    depth = start = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in b"[{":
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(text[start : found.start()])
        elif found[0] in b"]}":
            if depth == _DEEPEST + 1:
                kept.append(b"null")
                start = found.end()
            depth -= 1
    return b"".join((*kept, text[start:]))


def _read_again(text: bytes) -> ReadAgain | None:
    found = ReadAgain()

    def joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        one = dict(pairs)
        if len(one) < len(pairs):
            if len(found._repeated) >= _MOST_REPEATED:
                raise ValueError
            counts = Counter(name for name, _ in pairs)
            found._repeated.append((one, [name for name, count in counts.items() if count > 1]))
        return one

    try:
        found.document = json.loads(
            text.decode(), object_pairs_hook=joined, parse_float=_number, parse_int=_whole, parse_constant=_refuse
        )
    except ValueError:
        return None
    return found


def _number(written: str) -> Any:
    value = float(written)
    return value if math.isfinite(value) else _OUT_OF_RANGE


def _whole(written: str) -> Any:
    return int(written) if len(written) <= _LONGEST and _LEAST <= int(written) <= _MOST else _number(written)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _flaws(value: Any, place: str, names: dict[int, list[str]]) -> list[RequestFault]:
    if value is _OUT_OF_RANGE:
        return [
            RequestFault(
                place, "JSON with a number out of range", "numbers below 1e308", "Send the number as it was meant."
            )
        ]
    if isinstance(value, list):
        return [flaw for each in value if type(each) in _MAY_BE_FLAWED for flaw in _flaws(each, place, names)]
    if not isinstance(value, dict):
        return []
    found = [_sent_twice(place, name) for name in names.pop(id(value))] if id(value) in names else []
    for name, member in value.items():
        if type(member) in _MAY_BE_FLAWED:
            found += _flaws(member, _below(place, name), names)
    if found and place != _OF_THE_REQUEST and ("resourceType" in value or "resource" in value):
        value.clear()
        return []
    return found


def _below(place: str, name: str) -> str:
    return place if name not in _NAMED else f"{place}.{name}" if place else name


def _sent_twice(place: str, name: str) -> RequestFault:
    found = "sent more than once" if name in _NAMED else "JSON with a member that is sent more than once"
    return RequestFault(_below(place, name), found, "each member once", "Send the member once.")
