"""How certain a code of ICD-10-GM is: the mark that German records put beside each diagnosis (data amendments 2).

It stands in an extension of the Coding (or beside its `code` or `userSelected`, where JSON holds the extensions of a
plain value), as a letter behind the code itself, in an extension of the CodeableConcept, or as a second Coding of a
code system of such marks. It is said of the code, and so overrules what the statuses of the Condition say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum

from cards.facts.chart import Certainty, Diagnosis
from cards.fhir.json_values import Json, code_of_status, cut, objects, text
from cards.knowledge.code_systems import ICD_SYSTEMS, split_certainty, system_of

#: Part of every address of the extension and of the code systems.
_NAME = "diagnosesicherheit"
_PLACES = ("_code", "_userSelected", "_system", "_display")
#: What "state after" never ends: iron that was taken off, and a low ferritin that is the treatment.
_NEVER_OVER = frozenset({"overload", "hereditary-overload", "probable-overload", "polycythaemia-vera"})


class Mark(StrEnum):
    """The certainty of a diagnosis by its German letter."""

    EXCLUDED = "A"
    SUSPECTED = "V"
    OVER = "Z"
    CONFIRMED = "G"


_MARKS = {mark.value: mark for mark in Mark}


class Marks:
    """The marks of the codings of one diagnosis; what a CodeableConcept says of all its codes is read once."""

    def __init__(self) -> None:
        self._beside: dict[int, tuple[str, ...]] = {}

    def mark_of(self, coding: Mapping[str, Json], concept: Mapping[str, Json]) -> Mark | None:
        """Return the mark of a Coding in its CodeableConcept, or None where it has none that is known."""
        letters = (*_extended(coding), _behind(coding), *(self._beside_all(concept) if _is_icd(coding) else ()))
        return next((_MARKS[letter] for letter in letters if letter in _MARKS), None)

    def _beside_all(self, concept: Mapping[str, Json]) -> tuple[str, ...]:
        if id(concept) not in self._beside:
            self._beside[id(concept)] = tuple(_beside(concept))
        return self._beside[id(concept)]


def ruled_by(known: Diagnosis, mark: Mark | None) -> Iterator[Diagnosis]:
    """Yield a diagnosis as its mark has it: refuted, suspected, over or confirmed.

    What is over counts no more, but for iron overload and polycythaemia vera, whatever the clinical status says.
    """
    if mark is Mark.EXCLUDED:
        yield replace(known, counts=False, cleared=True)
    elif mark is Mark.SUSPECTED:
        yield replace(known, certainty=Certainty.SUSPECTED)
    elif mark is Mark.CONFIRMED:
        yield replace(known, certainty=Certainty.CONFIRMED)
    elif mark is Mark.OVER:
        if known.concepts & _NEVER_OVER:
            yield replace(known, concepts=known.concepts & _NEVER_OVER, counts=not known.cleared)
        if known.concepts - _NEVER_OVER:
            yield replace(known, concepts=known.concepts - _NEVER_OVER, counts=False)
    else:
        yield known


def _is_icd(coding: Mapping[str, Json]) -> bool:
    return system_of(coding.get("system")) in ICD_SYSTEMS


def _behind(coding: Mapping[str, Json]) -> str:
    """The letter behind the code itself: `E83.1 G`."""
    system = system_of(coding.get("system"))
    return split_certainty(system, text(coding.get("code")))[1] if system else ""


def _extended(element: Mapping[str, Json]) -> Iterator[str]:
    """Every letter in an extension of an element, or of a plain value in it."""
    for place in (element, *(each for name in _PLACES for each in objects(element.get(name)))):
        for extension in objects(place.get("extension")):
            if _NAME in text(extension.get("url")).lower():
                yield from (
                    code_of_status(value).upper() for name, value in extension.items() if name.startswith("value")
                )


def _beside(concept: Mapping[str, Json]) -> Iterator[str]:
    """What the CodeableConcept says of all its codes: in an extension, or as a Coding of its own."""
    yield from _extended(concept)
    for sibling in objects(cut(concept.get("coding"))):
        if _NAME in text(sibling.get("system")).lower():
            yield text(sibling.get("code")).upper()
