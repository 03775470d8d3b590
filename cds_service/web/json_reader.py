"""Read JSON of requests, feedback and FHIR answers alike, within limits (reliability DOS-3, DOS-4).

Tolerated is what JSON allows a sender and what does not change the meaning: a byte-order mark, and half of a surrogate
pair, which programs write that cut a text in the middle of a character. It becomes U+FFFD, since it can be neither
stored nor logged.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import orjson

from cds_service.web.errors import BadRequest, BodyTooLarge, RequestFault
from cds_service.web.flawed_json import ReadAgain, may_be_out_of_range, read_again, repeats_a_member

MEBIBYTE = 1024 * 1024
DEEPEST = 64
MOST_NODES = 500_000
LONGEST_STRING = MEBIBYTE
MOST_ENTRIES = 20_000

#: Text without half of a pair (whole pairs and other escapes included), and then half of one. Nothing is tried twice.
_UP_TO_HALF_PAIR = re.compile(
    rb"((?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+)"
    rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    re.DOTALL,
)
_BACKSLASH = ord("\\")
#: What holds further values.
_NESTS = (dict, list)
#: No chart has more texts that were cut in the middle of a character.
_MOST_HALF_PAIRS = 10_000


@dataclass(frozen=True, slots=True)
class JsonText:
    """A document and the text that it was parsed from, which any JSON parser reads."""

    text: bytes
    document: Any


def parse_json(raw: bytes) -> Any:
    """Return the document of `read_json`."""
    return read_json(raw).document


def read_json(raw: bytes, checked_one_by_one: str = "") -> JsonText:
    """Parse a JSON document within the limits of depth, nodes, string length and entries.

    `checked_one_by_one` names a member whose values are limited one by one, as draft orders are: one that is nested too
    deep is replaced by an empty object, which is no FHIR, instead of refusing the document. A string above the limit
    costs its attachment, narrative or annotation, or else its resource. A member that is sent twice or a number out of
    range costs its resource.

    NaN, infinity and encodings other than UTF-8 are refused. Raises `BadRequest` or `BodyTooLarge`.
    """
    if len(raw) > MOST_NODES and sum(raw.count(sign) for sign in (b"{", b"[", b",")) > MOST_NODES:
        raise BodyTooLarge(f"At most {MOST_NODES} values are read. Send fewer at once.")
    text, document, again = _parse(raw)
    _limit_depth(document, checked_one_by_one)
    if again is None and repeats_a_member(text, document):
        again = read_again(text, is_json=True) or _refuse("JSON of which more members are sent twice than are told")
    if again:
        document = again.document
        _limit_depth(document, checked_one_by_one)
        faults = tuple(again.faults(checked_one_by_one))
        if faults:
            raise BadRequest(faults)
    if _may_hold_long_strings(text):
        _shorten(document, "", is_in_resource=False)
    return JsonText(text, document)


def _parse(raw: bytes) -> tuple[bytes, Any, ReadAgain | None]:
    try:
        return raw, orjson.loads(raw), None
    except orjson.JSONDecodeError:
        repaired = _without_half_pairs(raw.removeprefix(BOM_UTF8))
    try:
        return repaired, orjson.loads(repaired), None
    except orjson.JSONDecodeError:
        again = read_again(repaired, is_json=False) if may_be_out_of_range(repaired) else None
        if again:
            return repaired, again.document, again
        _refuse(f"no JSON in UTF-8, or nested deeper than {DEEPEST}, or with a number out of range")


def _refuse(found: str) -> NoReturn:
    raise BadRequest([RequestFault("", found, "one JSON object", "Check the body with a JSON parser.")]) from None


def _may_hold_long_strings(text: bytes) -> bool:
    """Return whether quotes that are not escaped lie more than the longest string apart somewhere."""
    start = 0
    while len(text) - start > LONGEST_STRING:
        quote = text.rfind(b'"', start, start + LONGEST_STRING + 2)
        while quote > start and text[quote - 1] == _BACKSLASH:
            quote = text.rfind(b'"', start, quote)
        if quote <= start:
            return True
        start = quote
    return False


def _without_half_pairs(raw: bytes) -> bytes:
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return raw
    parts: list[bytes] = []
    start = 0
    while len(parts) < _MOST_HALF_PAIRS and (found := _UP_TO_HALF_PAIR.match(raw, start)):
        parts.append(found[1])
        start = found.end()
    return rb"\ufffd".join((*parts, raw[start:]))


def _limit_depth(document: Any, checked_one_by_one: str) -> None:
    values = document.get(checked_one_by_one) if checked_one_by_one and isinstance(document, dict) else None
    if not isinstance(values, dict | list):
        _refuse_deep(document)
        return
    _refuse_deep({name: value for name, value in document.items() if name != checked_one_by_one})
    _empty_deep(values)


def _empty_deep(values: dict[str, Any] | list[Any]) -> None:
    """Replace each value that is nested too deep by an empty object."""
    if _is_shallow(*(values.values() if isinstance(values, dict) else values)):
        return
    for name, value in list(values.items() if isinstance(values, dict) else enumerate(values)):
        if not _is_shallow(value):
            values[name] = {}  # type: ignore[index,call-overload]


def _refuse_deep(document: Any) -> None:
    if _is_shallow(document):
        return
    drafts = _drafts_of(document)
    _empty_deep(drafts)
    held, drafts[:] = list(drafts), []
    is_shallow = _is_shallow(document)
    drafts[:] = held
    if not is_shallow:
        allowed = f"values nested at most {DEEPEST} deep"
        raise BadRequest([RequestFault("", "nested too deep", allowed, "Send plain CDS Hooks JSON.")])


def _drafts_of(document: Any) -> list[Any]:
    """Return the entries of the draft orders of a request, an empty list where there are none."""
    for name in ("context", "draftOrders", "entry"):
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, list) else []


def _is_shallow(*documents: Any) -> bool:
    """Return whether values are nested at most `DEEPEST` deep; raises `BodyTooLarge` for too many entries."""
    level = [each for each in documents if type(each) in _NESTS]
    for _ in range(DEEPEST + 1):
        if not level:
            return True
        below = [
            value
            for each in level
            for value in (each.values() if type(each) is dict else each)
            if type(value) in _NESTS
        ]
        if max(map(len, below), default=0) > MOST_ENTRIES and any(map(_has_too_many_entries, level)):
            raise BodyTooLarge(f"At most {MOST_ENTRIES} entries are read per Bundle. Send fewer resources.")
        level = below
    return False


def _has_too_many_entries(value: Any) -> bool:
    entries = value.get("entry") if type(value) is dict else None
    return type(entries) is list and len(entries) > MOST_ENTRIES


#: What becomes of a value that holds a string above the limit: it is left out, or costs its resource.
_Cost = Literal["", "left out", "resource"]


def _shorten(value: Any, name: str, *, is_in_resource: bool) -> _Cost:
    """Take out of a value, the member `name`, what strings above the limit cost; return what they cost around it.

    An unreadable resource becomes an empty object, which is no FHIR, so that its list is cut.
    """
    if isinstance(value, str):
        return "resource" if len(value) > LONGEST_STRING else ""
    if isinstance(value, list):
        return _shorten_list(value, name, is_in_resource=is_in_resource)
    if not isinstance(value, dict):
        return ""
    is_resource = isinstance(value.get("resourceType"), str)
    cost: _Cost = ""
    for key, member in list(value.items()):
        if len(key) > LONGEST_STRING:
            found: _Cost = "resource"
        elif not is_resource and "resource" not in value and _is_dispensable(key, member, name):
            found = "left out" if len(member) > LONGEST_STRING else ""
            if found:
                return found
        else:
            found = _shorten(member, key, is_in_resource=is_in_resource or is_resource)
            if found == "left out":
                del value[key]
                found = ""
        cost = found or cost
        if cost and is_resource:
            value.clear()
            return ""
    return cost if is_in_resource else ""


def _shorten_list(values: list[Any], name: str, *, is_in_resource: bool) -> _Cost:
    costs = [_shorten(each, name, is_in_resource=is_in_resource) for each in values]
    if "left out" in costs:
        values[:] = [each for each, cost in zip(values, costs, strict=True) if cost != "left out"]
    return "resource" if "resource" in costs else ""


def _is_dispensable(key: str, member: Any, name: str) -> bool:
    """Return whether a text is that of an attachment, a narrative or an annotation; no decision reads one."""
    if not isinstance(member, str):
        return False
    if key == "data":
        return not name.endswith(("ampledData", "ignature"))
    if key == "url":
        return member.startswith("data:")
    return (key, name) in (("div", "text"), ("text", "note"))
