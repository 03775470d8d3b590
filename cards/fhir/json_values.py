"""FHIR JSON as it is really sent: accessors that answer for any shape and never raise.

A list where one value belongs, one value where a list belongs, a string where a CodeableConcept belongs (STU3, DSTU2),
`null`, numbers, nonsense: what cannot be read is as if it were absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from cards.dates import PartialDate, parse_known
from cards.remembered import remembered

Json = Any  # any value that a JSON document can hold
NOTHING: Mapping[str, Json] = {}
#: What holds several values; a union of types would be made anew by every call.
_SEVERAL = (list, tuple)
#: The system and code of a Coding, the Coding, and its CodeableConcept.
CodingElement = tuple[str, str, Mapping[str, Json], Mapping[str, Json]]
#: A code as a text: with its system before a bar, or without.
_CODE = re.compile(r"(?:([^\s|]{1,200})\|)?(?=[^\s|]{0,63}\d)([^\s|]{2,64})")
#: The most CodeableConcepts in one place, and codings of one, that are read; nobody codes a thing in more ways.
MOST_CODINGS = 100
#: The most characters of one text of a concept that are read; no name of a diagnosis, drug or test is longer.
LONGEST_WORDS = 2_000
#: The most characters of a code and of the name of its system that are read; what is longer is no code that is known.
LONGEST_CODE, LONGEST_SYSTEM = 200, 200


def items(value: Json) -> tuple[Json, ...]:
    """Return a list as it is, a single value as a list of one, an absent value as an empty list."""
    if value is None:
        return ()
    return tuple([entry for entry in value if entry is not None]) if isinstance(value, _SEVERAL) else (value,)


def objects(value: Json) -> tuple[Mapping[str, Json], ...]:
    """Return the JSON objects among `items`."""
    if value is None:
        return ()
    if type(value) is dict:
        return (value,)
    if isinstance(value, _SEVERAL):
        return tuple([entry for entry in value if type(entry) is dict or isinstance(entry, Mapping)])
    return (value,) if isinstance(value, Mapping) else ()


def cut(value: Json) -> Json:
    """Return a list without what stands behind its first `MOST_CODINGS` entries, and any other value as it is."""
    return value[:MOST_CODINGS] if isinstance(value, _SEVERAL) else value


def is_cut(concept: Json) -> bool:
    """Return whether one or several CodeableConcepts have more codings, or are more, than are read."""
    if type(concept) is dict and "concept" not in concept:
        return _holds_more(concept.get("coding"))
    if isinstance(concept, _SEVERAL) and len(concept) > MOST_CODINGS:
        return True
    held = (each for outer in objects(concept) for each in (outer, *objects(outer.get("concept"))))
    return any(_holds_more(each.get("coding")) for each in held)


def _holds_more(codings: Json) -> bool:
    return isinstance(codings, _SEVERAL) and len(codings) > MOST_CODINGS


def first(value: Json) -> Mapping[str, Json]:
    """Return the first JSON object of a value that should be one object; an empty one where there is none."""
    if value is None:
        return NOTHING
    if type(value) is dict:
        return value
    return next(iter(objects(value)), NOTHING)


def text(value: Json) -> str:
    """Return a string without surrounding blanks; empty where it is not a string."""
    return value.strip() if isinstance(value, str) else ""


def codings(concept: Json) -> tuple[tuple[str, str], ...]:
    """Return (system, code) of every coding of one or several CodeableConcepts, or of the concept of a
    CodeableReference (R5).

    A bare Coding is read as well. Codings without a code are left out; the system may be empty. A whole number is
    read as the code of its digits, and a text without blanks that holds a digit as a code, with its system before a
    bar or without one: `E83.110`, `http://hl7.org/fhir/sid/icd-10-cm|E83.110`.
    """
    return _codings(concept) if concept else ()


@remembered
def _codings(concept: Json) -> tuple[tuple[str, str], ...]:
    return tuple([(system, code) for system, code, _, _ in coding_elements(concept)])


def coding_elements(concept: Json) -> Iterator[CodingElement]:
    """Yield (system, code) of every coding as `codings` does, with the Coding and its CodeableConcept.

    For what stands beside a code: extensions and sibling codings that say how it is meant.
    """
    for word in items(concept):
        if isinstance(word, str):
            yield from _written_code(word, NOTHING)
    for each in _concepts(concept):
        listed = items(cut(each.get("coding")))
        for coding in objects(listed) or (() if listed else (each,)):
            code = _code(coding.get("code"))
            if code:
                yield text(coding.get("system"))[:LONGEST_SYSTEM], code[:LONGEST_CODE], coding, each
        for word in listed:
            if isinstance(word, str):
                yield from _written_code(word, each)


def _written_code(word: str, concept: Mapping[str, Json]) -> Iterator[CodingElement]:
    """A code that stands where a Coding belongs."""
    found = _CODE.fullmatch(word.strip())
    if found:
        yield found[1] or "", found[2], {"system": found[1] or "", "code": found[2]}, concept


def codes_without_system(concept: Json) -> tuple[str, ...]:
    """Return the codes of a concept that names no system for any of them; its text counts where it is but a code."""
    sent = [*codings(concept), *(each for held in _concepts(concept) for each in codings(text(held.get("text"))))]
    return () if any(system for system, _ in sent) else tuple(code for _, code in sent)


def _code(value: Json) -> str:
    """A code that is all digits comes as a whole number from some senders."""
    return str(value) if type(value) is int else text(value)


def text_of(concept: Json) -> str:
    """Return the words of a CodeableConcept: its text, else the displays. Only for matching; never for a card."""
    return _text_of(concept) if concept else ""


@remembered
def _text_of(concept: Json) -> str:
    words = _plain_words(concept)
    words += [_words_of(each, "text") or _displays(each) for each in _concepts(concept)]
    return " ; ".join(word for word in words if word)


@remembered
def text_and_displays(concept: Json) -> str:
    """Return all words of a CodeableConcept: its text and the displays of its codes. Only for matching."""
    words = _plain_words(concept)
    words += [word for each in _concepts(concept) for word in (_words_of(each, "text"), _displays(each))]
    return " ; ".join(word for word in words if word)


def _plain_words(concept: Json) -> list[str]:
    return [text(entry)[:LONGEST_WORDS] for entry in items(cut(concept))]


def _words_of(element: Mapping[str, Json], name: str) -> str:
    return text(element.get(name))[:LONGEST_WORDS]


def _concepts(value: Json) -> Iterator[Mapping[str, Json]]:
    for each in objects(cut(value)):
        yield from objects(cut(each.get("concept"))) or (each,)


def _displays(concept: Mapping[str, Json]) -> str:
    shown = (_words_of(coding, "display") for coding in objects(cut(concept.get("coding"))) or (concept,))
    return " ; ".join(word for word in shown if word)


def code_of_status(value: Json) -> str:
    """Return a status in lower case, whether it is a code, a Coding or a CodeableConcept; empty where there is none."""
    if isinstance(value, str):
        return value.strip().lower()
    if value is None:
        return ""
    found = next((code for _, code in codings(value)), "")
    return (found or text(first(value).get("text"))).lower()


def reference_of(value: Json) -> str:
    """Return the reference of a Reference, or of the reference inside a CodeableReference; a bare string is one as
    well.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    inner = first(value).get("reference")
    if type(inner) is str:
        return inner.strip()
    return text(first(inner).get("reference")) if isinstance(inner, Mapping) else text(inner)


def type_and_id(resource: Mapping[str, Json]) -> tuple[str, str]:
    """Return the type and the id of a resource, each empty where it has none."""
    kind, logical_id = resource.get("resourceType"), resource.get("id")
    # `text` written out: every resource of every list is asked several times.
    return (
        kind.strip() if isinstance(kind, str) else "",
        logical_id.strip() if isinstance(logical_id, str) else "",
    )


def own_reference(resource: Mapping[str, Json]) -> str:
    """Return the reference of a resource, such as `Condition/12`; empty where it has no id."""
    kind, logical_id = type_and_id(resource)
    return f"{kind}/{logical_id}" if kind and logical_id else ""


def partial_date_of(resource: Mapping[str, Json], *names: str, zone: tzinfo) -> PartialDate | None:
    """Return the first of these elements that holds a known date; a Period or Timing answers with its end, else its
    start.
    """
    for name in names:
        for value in items(resource.get(name)):
            found = parse_known(value, zone) or _end_of(value, zone)
            if found:
                return found
    return None


def _end_of(value: Json, zone: tzinfo) -> PartialDate | None:
    if not isinstance(value, Mapping):
        return None
    return parse_known(value.get("end"), zone) or parse_known(value.get("start"), zone)
