"""Narrow questions: searches by code that settle a few facts when a list is cut (contract section 5, item 4).

A list of hundreds of diagnoses may not be read to its end in time, while the handful that decide can be read at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from cards.facts.chart import Listing
from cards.fhir.bundles import Listed
from cards.fhir.json_values import codings, own_reference
from cards.fhir.local_codes import Code
from cards.knowledge.code_systems import ICD_9_CM, ICD_SYSTEMS, plain_code
from cards.knowledge.valuesets import load_valueset
from cards.reading import Site

#: The facts that a complete answer settles, named by the value sets that are searched for.
_DIAGNOSES = ("rls", "overload", "probable-overload")
#: Value sets that mean restless legs syndrome only with text beside the code, or where a site counts them.
_AS_RLS = ("rls-by-text-only-code", "plmd")
_RESULTS = ("ferritin", "tsat", "iron", "tibc", "uibc", "transferrin")
_PANELS = ("iron-panel",)

#: The longest encoded list of codes in one URL, beside the base and the patient's id. Some servers and proxies refuse
#: URLs above 8,000 characters.
_LONGEST = 6_500
_SPECIAL = re.compile(r"([\\,$|])")


@dataclass(frozen=True, slots=True)
class NarrowSearch:
    """The narrow question of one list.

    parts     values of the search parameter `code`, one search each
    answers   the facts that complete answers to all parts settle
    codes     every code that is asked for, whatever its system
    """

    parts: tuple[str, ...]
    answers: frozenset[str]
    codes: frozenset[str]


def narrow_questions(site: Site) -> Mapping[str, NarrowSearch]:
    """Return the narrow question of each list that has one, with the site's codes beside the public ones."""
    diagnoses = (*_DIAGNOSES, *_AS_RLS)
    results = tuple(f"lab-{name}" for name in (*_RESULTS, *_PANELS))
    own_diagnoses = (code for code, names in site.diagnosis_codes.items() if names.intersection(diagnoses))
    own_results = (code for code, name in site.local_codes.items() if name in results)
    return {
        "conditions": _narrow_question(_DIAGNOSES, (*_codes_of(diagnoses), *own_diagnoses)),
        "labs": _narrow_question(_RESULTS, (*_codes_of(results), *own_results)),
    }


def with_narrow_answers(listed: Listed, answers: tuple[Listed, ...], question: NarrowSearch) -> Listed:
    """Add the answers of a narrow question to a cut list, and set `answered` to what they prove.

    If the server found fewer entries by code than the list already holds, it does not search by code, and nothing is
    proven.
    """
    found = [each for answer in answers for each in answer.resources]
    held = {own_reference(each): each for each in listed.resources}
    new = tuple(each for each in found if held.get(own_reference(each)) != each)
    names = frozenset(map(own_reference, found))
    is_whole = all(answer.listing is Listing.COMPLETE for answer in answers)
    is_sound = all(own_reference(each) in names for each in listed.resources if _is_asked_for(each, question))
    return replace(
        listed,
        resources=(*listed.resources, *new),
        withheld=listed.withheld or any(answer.withheld for answer in answers),
        answered=question.answers if is_whole and is_sound else frozenset(),
    )


def _is_asked_for(resource: Mapping[str, Any], question: NarrowSearch) -> bool:
    named = own_reference(resource)
    return bool(named) and any(code in question.codes for _, code in codings(resource.get("code")))


def _codes_of(names: Iterable[str]) -> Iterator[Code]:
    """Yield every code of these value sets; none holds a category, whose descendants could not be listed."""
    for name in names:
        yield from load_valueset(name).codes


def _narrow_question(answers: Iterable[str], codes: Iterable[Code]) -> NarrowSearch:
    """Build the question for these codes, each with and without its system.

    A bare code is found under every URI and OID of its system; the code with its system is for servers that take a
    bare code to mean a code without a system.
    """
    wanted = tuple(dict.fromkeys(codes))
    bare = dict.fromkeys(each for system, code in wanted for each in _spellings(system, code))
    full = (f"{_escaped(system)}|{_escaped(code)}" for system, code in wanted if system)
    parts = tuple(_parted((*map(_escaped, bare), *full)))
    return NarrowSearch(parts, frozenset(answers), frozenset(bare))


def _spellings(system: str, code: str) -> Iterator[str]:
    """Yield the spellings of a code: ICD with and without its dot, ICD-10 also with a dagger."""
    if system not in ICD_SYSTEMS:
        yield code
        return
    plain = plain_code(system, code)
    before = 4 if system == ICD_9_CM and plain.startswith("E") else 3
    dotted = f"{plain[:before]}.{plain[before:]}" if len(plain) > before else plain
    yield from (dotted, plain)
    if system != ICD_9_CM:
        yield from (f"{dotted}+", f"{plain}+")


def _escaped(token: str) -> str:
    """Escape characters with a meaning inside a search value (FHIR R4, search, escaping)."""
    return _SPECIAL.sub(r"\\\1", token)


def _parted(tokens: Iterable[str]) -> Iterator[str]:
    """Join the tokens to as few parameter values as fit into a URL."""
    part, length = list[str](), 0
    for token in tokens:
        size = len(quote_plus(token, safe=":/,")) + 1
        if part and length + size > _LONGEST:
            yield ",".join(part)
            part, length = [], 0
        part.append(token)
        length += size
    yield ",".join(part)
