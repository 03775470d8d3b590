"""FHIR JSON as it is really sent: accessors that answer for any shape and never raise.

A list where one value belongs, one value where a list belongs, a string where a CodeableConcept belongs (STU3, DSTU2),
`null`, numbers, nonsense: what cannot be read is as if it were absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import Any

from cards.moment import Moment, parse_moment

Json = Any  # any value that a JSON document can hold
NOTHING: Mapping[str, Json] = {}


def items(value: Json) -> tuple[Json, ...]:
    """A list as it is, a single value as a list of one, an absent value as an empty list."""
    if value is None:
        return ()
    return tuple(entry for entry in value if entry is not None) if isinstance(value, list | tuple) else (value,)


def objects(value: Json) -> tuple[Mapping[str, Json], ...]:
    """The JSON objects among `items`."""
    return tuple(entry for entry in items(value) if isinstance(entry, Mapping))


def first(value: Json) -> Mapping[str, Json]:
    """The first JSON object of a value that should be one object; an empty one where there is none."""
    return next(iter(objects(value)), NOTHING)


def text(value: Json) -> str:
    """A string without surrounding blanks; empty where it is not a string."""
    return value.strip() if isinstance(value, str) else ""


def codings(concept: Json) -> Iterator[tuple[str, str]]:
    """(system, code) of every coding of one or several CodeableConcepts, or of the concept of a CodeableReference (R5).

    A bare Coding is read as well. Codings without a code are left out; the system may be empty. A whole number is
    read as the code of its digits.
    """
    for each in _concepts(concept):
        for coding in objects(each.get("coding")) or (each,):
            code = _code(coding.get("code"))
            if code:
                yield text(coding.get("system")), code


def _code(value: Json) -> str:
    """A code that is all digits comes as a whole number from some senders."""
    return str(value) if type(value) is int else text(value)


def text_of(concept: Json) -> str:
    """The words of a CodeableConcept: its text, else the displays. Only for matching; never for a card."""
    words = [entry.strip() for entry in items(concept) if isinstance(entry, str)]
    words += [text(each.get("text")) or _displays(each) for each in _concepts(concept)]
    return " ; ".join(word for word in words if word)


def _concepts(value: Json) -> Iterator[Mapping[str, Json]]:
    for each in objects(value):
        yield from objects(each.get("concept")) or (each,)


def _displays(concept: Mapping[str, Json]) -> str:
    shown = (text(coding.get("display")) for coding in objects(concept.get("coding")) or (concept,))
    return " ; ".join(word for word in shown if word)


def code_of_status(value: Json) -> str:
    """A status in lower case, whether it is a code, a Coding or a CodeableConcept; empty where there is none."""
    if isinstance(value, str):
        return value.strip().lower()
    found = next((code for _, code in codings(value)), "")
    return (found or text(first(value).get("text"))).lower()


def reference_of(value: Json) -> str:
    """The reference of a Reference, or of the reference inside a CodeableReference; a bare string is one as well."""
    if isinstance(value, str):
        return value.strip()
    inner = first(value).get("reference")
    return text(first(inner).get("reference")) if isinstance(inner, Mapping) else text(inner)


def reference_id(value: Json) -> str:
    """The logical id a reference points at: `Patient/7`, `https://ehr.example/fhir/Patient/7/_history/2` → `7`."""
    reference = reference_of(value).split("?")[0].split("/_history/")[0].rstrip("/")
    return reference.rsplit("/", 1)[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:").removeprefix("#")


def reference_type(value: Json) -> str:
    """The resource type a reference names: `Patient` of `Patient/7`; empty for `#p1`, `urn:uuid:` and the like."""
    parts = reference_of(value).split("?")[0].split("/_history/")[0].rstrip("/").split("/")
    return parts[-2] if len(parts) > 1 else text(first(value).get("type"))


def subject_is(resource: Mapping[str, Json], patient_id: str) -> bool:
    """Whether a resource is about this patient.

    `subject`, else `patient` (some versions use the one, some the other), relative or absolute. A resource that names
    somebody else, or a group, is foreign. One that names nobody (masked, an identifier only, or a contained patient)
    came out of a query for this patient and counts as theirs.

    Of an absolute reference the id decides, not the server (TOK-2): a server goes by several addresses, and records
    keep that of the gateway they came through. The list was asked for this patient, by the client or by us, of the
    client's one server; to drop what names that server otherwise could hide iron overload, or a newer ferritin.
    """
    named = reference_of(resource.get("subject")) or reference_of(resource.get("patient"))
    if not named or named.startswith("#"):
        return True
    return reference_type(named) in ("", "Patient") and reference_id(named) == patient_id


def own_reference(resource: Mapping[str, Json]) -> str:
    """`Condition/12`: how the evidence points at a resource; empty where it has no id."""
    kind, logical_id = text(resource.get("resourceType")), text(resource.get("id"))
    return f"{kind}/{logical_id}" if kind and logical_id else ""


def moment_of(resource: Mapping[str, Json], *names: str, zone: tzinfo) -> Moment | None:
    """The first of these elements that holds a date; a Period or Timing answers with its end, else its start."""
    for name in names:
        for value in items(resource.get(name)):
            found = parse_moment(value, zone) or _end_of(value, zone)
            if found:
                return found
    return None


def _end_of(value: Json, zone: tzinfo) -> Moment | None:
    if not isinstance(value, Mapping):
        return None
    return parse_moment(value.get("end"), zone) or parse_moment(value.get("start"), zone)


def once_each(resources: Iterable[dict[str, Json]]) -> tuple[dict[str, Json], ...]:
    """Every resource once, by type and id: one may come from prefetch, from a read and from two pages.

    Of two versions the later counts (`meta.lastUpdated`); where that does not tell, the choice does not depend on
    their order. Resources without an id are all kept.
    """
    kept: dict[tuple[str, str], dict[str, Json]] = {}
    nameless: list[dict[str, Json]] = []
    for each in resources:
        name = text(each.get("resourceType")), text(each.get("id"))
        if not name[1]:
            nameless.append(each)
        elif name not in kept or _is_later(each, kept[name]):
            kept[name] = each
    return (*kept.values(), *nameless)


def _is_later(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    if one == other:
        return False
    return (text(first(one.get("meta")).get("lastUpdated")), repr(one)) > (
        text(first(other.get("meta")).get("lastUpdated")),
        repr(other),
    )
