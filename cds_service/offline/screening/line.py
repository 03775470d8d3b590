"""What a line of an export tells before it is parsed. What cannot be told is `None`, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from cards.fhir.json_values import reference_of, text
from cards.fhir.references import address_of
from cds_service.web.errors import BadRequest, BodyTooLarge
from cds_service.web.flawed_json import repeats_a_member
from cds_service.web.json_reader import DEEPEST, parse_json

Resource = dict[str, Any]

_PLAIN_BEGINNING = b'{"resourceType":"'
_PLAIN_LENGTH = len(_PLAIN_BEGINNING)
#: Types of lines met so far; FHIR has fewer than so many.
_types_met: dict[bytes, str] = {}
_MOST_TYPES, _LONGEST_TYPE = 256, 65
_TYPE_FIRST = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_PATIENT_FIRST = re.compile(rb'\s*\{\s*"resourceType"\s*:\s*"Patient"\s*,\s*"id"\s*:\s*"([A-Za-z0-9._~\-]+)"')
#: `Patient/` and an id, wherever it stands; for lines without odd escapes.
NAMED = re.compile(rb"Patient/([A-Za-z0-9._~\-]*)")
#: A reference that may name a patient by no `Patient/`: by `urn:`, as a bare id, with a type in other letters, or by an
#: address whose last parts are no type and id. DuckDB is asked for the same pattern; it knows no `*+`.
UNPLAIN = re.compile(
    rb'"reference"\s*:\s*"(?:[^A-Zh#]|[A-Z][^a-z]|[A-Z][a-z][A-Za-z]*+[^A-Za-z/]|h[^"/:]*[/"]'
    rb'|h[^"]*/(?:[^A-Z"/][^"/]*|[A-Z](?:[^a-z"/][^"/]*)?|[A-Z][a-z][A-Za-z]*[^A-Za-z"/][^"/]*)/[^"/]*")'
)
_SUBJECT = re.compile(rb'"subject"\s*:\s*\{\s*"reference"\s*:\s*"Patient/([A-Za-z0-9._~\-]+)"')
_OWNER_KEY = re.compile(rb'"(?:subject|patient)"')
#: A letter, a digit or one of `/.-_` written as an escape: no encoder needs it, but JSON allows it.
ODD_ESCAPE = re.compile(rb"\\(?:/|u00(?:2[dDeEfF]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA]))")
#: Ids that a line may be filed under: the tolerant form of `cards.fhir.ownership`.
_ID = re.compile(r"[A-Za-z0-9._~\-]{1,512}")


def type_of(line: bytes) -> str | None:
    """Return the type of the resource in a line, or None where only parsing it tells."""
    if line.startswith(_PLAIN_BEGINNING):
        kind_of_line, quote, _ = line[_PLAIN_LENGTH : _PLAIN_LENGTH + _LONGEST_TYPE].partition(b'"')
        if quote and (known := _types_met.get(kind_of_line)):
            return known
    found = _TYPE_FIRST.match(line)
    if found is None and line.count(b'"resourceType"') == 1:
        found = _TYPE.search(line)
    if found is None:
        return None
    kind = found[1].decode()
    if len(_types_met) < _MOST_TYPES:
        _types_met[found[1]] = kind
    return kind


def looks_whole(line: bytes) -> bool:
    """Return whether a line begins and ends as a JSON object does; a line that was cut off does not."""
    bare = line.strip()
    return bare.startswith(b"{") and bare.endswith(b"}")


def may_be_cut(line: bytes) -> bool:
    """Return whether a line may have been cut off, so that only parsing it tells; braces inside a string say so too."""
    return not looks_whole(line) or line.count(b"{") != line.count(b"}")


def parsed(line: bytes) -> Resource | None:
    """Return the resource in a line, or None for what the service would not read.

    Of a member that is sent twice it has the last, as is enough to tell whose line it is; see `parsed_for_chart`.
    """
    try:
        found = orjson.loads(line) if line.count(b"{") + line.count(b"[") <= DEEPEST else parse_json(line)
    except orjson.JSONDecodeError:
        found = _repaired(line)
    except (BadRequest, BodyTooLarge):
        return None
    return _resource(found)


def parsed_for_chart(line: bytes) -> Resource | None:
    """Return the resource in a line as the service reads it: a member that is sent twice invalidates its resource."""
    found = parsed(line)
    return _resource(_repaired(line)) if found is not None and repeats_a_member(line, found) else found


def _resource(found: Any) -> Resource | None:
    return found if isinstance(found, dict) and isinstance(found.get("resourceType"), str) else None


def _repaired(line: bytes) -> Any:
    try:
        return parse_json(line)
    except (BadRequest, BodyTooLarge):
        return None


def patient_id_of(line: bytes) -> str | None:
    """Return the id of the Patient in a line, or None where only parsing it tells."""
    found = _PATIENT_FIRST.match(line)
    return found[1].decode() if found else None


def named_patients(line: bytes) -> Iterator[str]:
    """Yield every id after `Patient/` in a line."""
    for each in NAMED.findall(line):
        yield each.decode()


def subject_of(line: bytes) -> str | None:
    """Return the id of the patient whose record a line holds, or None where only parsing it tells."""
    if len(_OWNER_KEY.findall(line)) != 1 or ODD_ESCAPE.search(line):
        return None
    found = _SUBJECT.search(line)
    return found[1].decode() if found else None


def owner_of(resource: Resource) -> str:
    """Return the id of the patient whose record this is, as its reference names it; empty where it names nobody.

    Of an absolute reference the last part counts, as in `cards.fhir.ownership`; a `urn:uuid:` by what it holds.
    """
    named = reference_of(resource.get("subject")) or reference_of(resource.get("patient"))
    address = address_of(named)
    if address.is_contained or not address.id or address.type not in ("", "patient"):
        return ""
    return address.id


def usable_id(value: object) -> str:
    """Return an id that a line may be filed under; empty where it is none."""
    found = text(value)
    return found if _ID.fullmatch(found) else ""
