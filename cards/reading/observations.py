"""Observations taken apart into single measurements: panels, components, contained members, each once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo

from cards.dates import PartialDate, names_no_day, parse_known, parse_partial_date
from cards.fhir.identity import newest_versions
from cards.fhir.json_values import (
    Json,
    code_of_status,
    codings,
    first,
    items,
    objects,
    own_reference,
    reference_of,
    text,
    text_of,
)
from cards.fhir.ownership import subject_is
from cards.fhir.references import Resolve, resolver, within
from cards.knowledge.code_systems import SNOMED, system_of
from cards.labs.analytes import analytes
from cards.values import frozen

_DATED = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming")


@frozen
class Measurement:
    """One code with one value. `content` holds code and value; the rest comes from the Observation around it.

    names        the analytes or measures that its codings mean
    is_dated     it says when it was taken, be it in a form that cannot be read
    known_by     when it was issued, else last updated
    is_unmapped  its code is one that nothing maps; `names` are those that its words or code name
    code         the code by which it was recognised
    """

    names: frozenset[str]
    content: Mapping[str, Json]
    status: str
    when: PartialDate | None
    issued: datetime | None
    reference: str
    not_blood: bool
    qualified: bool
    is_dated: bool = False
    known_by: PartialDate | None = None
    is_unmapped: bool = False
    code: str = ""


@frozen
class Meaning:
    """What a code means to us: no names for what no decision needs. Not `mapped`: named by words or a foreign code.

    `code` is the one that a table of ours or the map of the site has: of LOINC as it is, of others as system|code.
    Not `told`: neither code nor words tell that it is anything.
    """

    names: frozenset[str] = frozenset()
    mapped: bool = True
    code: str = ""
    told: bool = True


NamesOf = Callable[[Json], Meaning]


def measurements(
    resources: Iterable[Json], *, patient_id: str, zone: tzinfo, names_of: NamesOf, resolve: Resolve | None = None
) -> tuple[Measurement, ...]:
    """Return the measurements about this patient that mean something to us, in order.

    `resolve` finds referred Specimens; without it they are looked for among `resources`.
    """
    held = objects(list(resources))
    find = resolve or resolver(held)
    own = [each for resource in held for each in _observations(resource) if subject_is(each, patient_id)]
    return tuple([part for each in newest_versions(own) for part in _parts(each, find, zone, names_of)])


def _observations(resource: Mapping[str, Json]) -> Iterable[Mapping[str, Json]]:
    """The Observation itself and the Observations contained in it or in a report.

    A contained one has no life of its own: what it does not say of patient and time, its container says, and its status
    is never better than that of its container.
    """
    kind = resource.get("resourceType")
    alone = (resource,) if kind == "Observation" else ()
    if kind not in ("Observation", "DiagnosticReport") or not resource.get("contained"):
        return alone
    return (*alone, *_contained_observations(resource))


def _contained_observations(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    shared = {key: resource[key] for key in ("subject", "patient", *_DATED) if key in resource}
    beside = within(resource, lambda reference: None)
    for member in objects(resource.get("contained")):
        if text(member.get("resourceType")) == "Observation":
            inherited = {} if any(key in member for key in _DATED) else shared
            specimen = beside(reference_of(first(member.get("specimen"))))
            around = {**inherited, "subject": resource.get("subject"), "contained": [specimen]}
            status = _limited(member.get("status"), resource.get("status"))
            yield {**around, **member, "status": status, "id": _contained_id(resource, member)}


#: The most that a result is worth in a container that is no final report.
_LIMITS = {
    "entered-in-error": "entered-in-error",
    "cancelled": "cancelled",
    "registered": "preliminary",
    "partial": "preliminary",
    "preliminary": "preliminary",
}
#: The strictest first; what is registered has no value yet.
_STRICTNESS = {"entered-in-error": 0, "cancelled": 1, "preliminary": 2, "registered": 2}
_FINAL = 3


def _limited(own: Json, container: Json) -> Json:
    """Return the status of a contained Observation, which withdraws or holds back no less than its container's."""
    limit = _LIMITS.get(code_of_status(container))
    if limit is None or _STRICTNESS.get(code_of_status(own), _FINAL) <= _STRICTNESS[limit]:
        return own
    return limit


def _contained_id(resource: Mapping[str, Json], member: Mapping[str, Json]) -> str:
    """Empty where the container has none: nothing then tells two such results apart but what they say."""
    around = text(resource.get("id"))
    return f"{around}#{text(member.get('id'))}" if around else ""


def _parts(resource: Mapping[str, Json], resolve: Resolve, zone: tzinfo, names_of: NamesOf) -> list[Measurement]:
    contents = (resource, *objects(resource["component"])) if "component" in resource else (resource,)
    around = _as_part(names_of(resource.get("code"))) if len(contents) > 1 and not _has_own(resource) else Meaning()
    found = []
    for content in contents:
        meaning = names_of(content.get("code"))
        if content is not resource and not meaning.told:
            meaning = around
        if meaning.names and not is_only_a_panel(content) and (meaning.mapped or has_value(content)):
            found.append(_measurement(resource, content, meaning, resolve, zone))
    return found


def _as_part(whole: Meaning) -> Meaning:
    """Return what a part is whose own code tells nothing: perhaps the result of the test around it, never compared.

    A laboratory that codes the test alone may send its one value so (ours: data amendments 3 know no such shape).
    """
    return Meaning(whole.names & analytes().keys(), mapped=False)


def _has_own(resource: Mapping[str, Json]) -> bool:
    """Return whether an Observation has a value of its own."""
    return any(isinstance(key, str) and key.startswith("value") and items(resource[key]) for key in resource)


def _measurement(
    resource: Mapping[str, Json], content: Mapping[str, Json], meaning: Meaning, resolve: Resolve, zone: tzinfo
) -> Measurement:
    issued, when = parse_known(resource.get("issued"), zone), _taken(resource, zone)
    return Measurement(
        names=meaning.names,
        content=content,
        status=code_of_status(resource.get("status")),
        when=when,
        issued=issued.at if issued else None,
        reference=own_reference(resource).partition("#")[0],
        not_blood="specimen" in resource and is_not_blood(resource, within(resource, resolve)),
        qualified=_is_qualified(resource) or (content is not resource and _is_qualified(content)),
        is_dated=when is not None
        or any(each not in (None, "") and not names_no_day(each) for each in _dates(resource)),
        known_by=issued or parse_known(first(resource.get("meta")).get("lastUpdated"), zone),
        is_unmapped=not meaning.mapped,
        code=meaning.code,
    )


def _is_qualified(element: Mapping[str, Json]) -> bool:
    """Return whether an extension stands on it that changes what it means."""
    return "modifierExtension" in element and bool(items(element["modifierExtension"]))


def _taken(resource: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    """When the specimen was taken (clinical rationale 0.3, rule 2); never `issued`.

    A period or timing dates it by its end, else by its start (data amendments 3). A day of the year 9999 lies in the
    future and dates nothing; as the end of a period it leaves the period open.
    """
    taken = parse_partial_date(resource.get("effectiveDateTime"), zone)
    if taken:
        return taken
    timing = first(resource.get("effectiveTiming"))
    events = [each for event in items(timing.get("event")) if (each := parse_known(event, zone))]
    return (
        _end_or_start(first(resource.get("effectivePeriod")), zone)
        or parse_partial_date(resource.get("effectiveInstant"), zone)
        or max(events, key=lambda event: event.order, default=None)
        or _end_or_start(first(first(timing.get("repeat")).get("boundsPeriod")), zone)
    )


def _dates(resource: Mapping[str, Json]) -> Iterator[Json]:
    """Yield every date that an Observation says it was taken at, as it was sent."""
    timing = first(resource.get("effectiveTiming"))
    periods = (first(resource.get("effectivePeriod")), first(first(timing.get("repeat")).get("boundsPeriod")))
    yield from (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), *items(timing.get("event")))
    yield from (period.get(end) for period in periods for end in ("start", "end"))


def _end_or_start(period: Mapping[str, Json], zone: tzinfo) -> PartialDate | None:
    return parse_known(period.get("end"), zone) or parse_known(period.get("start"), zone)


def has_value(content: Mapping[str, Json]) -> bool:
    """Return whether there is a value, or a stated reason why there is none."""
    return _has_own(content) or bool(items(content.get("dataAbsentReason")))


#: Where a panel carries its members.
_MEMBERS = frozenset({"component", "hasMember", "related"})


def is_only_a_panel(content: Mapping[str, Json]) -> bool:
    """Return whether it carries other results and none of its own; each member is read by itself."""
    if _MEMBERS.isdisjoint(content) or has_value(content):
        return False
    return any(items(content.get(key)) for key in _MEMBERS)


#: SNOMED CT specimens (from memory, unverified): urine, cerebrospinal fluid, saliva, stool, tissue, bone marrow, hair.
_OTHER_SNOMED = frozenset(
    {"122575003", "258450006", "119342007", "119339001", "119376003", "119359002", "119326000"},
)
#: The same in the letters of HL7 table 0487, with sputum, sweat, semen, amniotic, pleural and peritoneal fluid.
_OTHER_LETTERS = frozenset(
    {"UR", "CSF", "SAL", "STL", "SPT", "TISS", "BON", "HAR", "SWT", "SMN", "AMN", "PLR", "PRT"},
)
_OTHER_WORDS = re.compile(
    r"\b(urine|urin|urina|cerebrospinal|csf|liquor|saliva|speichel|stool|stuhl|fa?eces|sputum|tissue|biopsy"
    r"|marrow|hair|sweat|semen|amniotic|pleural|peritoneal|ascites|ascitic|synovial|dialysate|effluent|swab|milk|fluid"
    r"|gastric|bile|vitreous)\b",
    re.IGNORECASE,
)


def is_not_blood(resource: Mapping[str, Json], resolve: Resolve) -> bool:
    """Return whether the specimen is recognised as something other than blood, serum or plasma.

    `resolve` finds the Specimens at hand. A specimen that nobody describes contradicts nothing: the code of the test
    says what it was made from.
    """
    named = first(resource.get("specimen"))
    held = resolve(reference_of(named)) if reference_of(named) else None
    return any(map(_is_other, (text(named.get("display")), (held or {}).get("type"))))


def _is_other(description: Json) -> bool:
    for system, code in codings(description):
        if code in _OTHER_SNOMED if system_of(system) == SNOMED else code.upper() in _OTHER_LETTERS:
            return True
    return bool(_OTHER_WORDS.search(text_of(description)[:200]))
