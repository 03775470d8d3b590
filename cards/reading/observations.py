"""Observations taken apart into single measurements: panels, components, contained members, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from cards.moment import Moment, parse_moment
from cards.reading.shapes import Json, code_of_status, first, items, objects, own_reference, subject_is, text
from cards.reading.specimens import is_not_blood

#: Of two copies of one resource the later counts; without dates the one that takes most back.
_STATUS_ORDER = ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error")
_DATED = ("effectiveDateTime", "effectivePeriod", "effectiveInstant")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One code with one value. `content` holds code and value; the rest comes from the Observation around it.

    `names` are the analytes or measures that its codings mean.
    """

    names: frozenset[str]
    content: Mapping[str, Json]
    status: str
    when: Moment | None
    issued: datetime | None
    reference: str
    not_blood: bool
    qualified: bool


class Found(NamedTuple):
    measurements: tuple[Measurement, ...]
    discarded: int


#: What a code means to us; empty for what no decision needs.
NamesOf = Callable[[Json], frozenset[str]]


def measurements(resources: Iterable[Json], *, patient_id: str, zone: tzinfo, names_of: NamesOf) -> Found:
    """The measurements about this patient that mean something to us, in order.

    `discarded` counts the Observations about anyone else.
    """
    held = objects(list(resources))
    specimens = {text(each.get("id")): each for each in held if each.get("resourceType") == "Specimen"}
    candidates = [each for resource in held for each in _observations(resource)]
    own = [each for each in candidates if subject_is(each, patient_id)]
    single = [part for each in _once_each(own) for part in _parts(each, specimens, zone, names_of)]
    return Found(tuple(single), len(candidates) - len(own))


def _observations(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The Observation itself and the Observations contained in it or in a report.

    A contained one has no life of its own: what it does not say of patient and time, its container says.
    """
    kind = resource.get("resourceType")
    if kind == "Observation":
        yield resource
    if kind not in ("Observation", "DiagnosticReport"):
        return
    shared = {key: resource[key] for key in ("subject", "patient", *_DATED) if key in resource}
    for member in objects(resource.get("contained")):
        if member.get("resourceType") == "Observation":
            inherited = {} if any(key in member for key in _DATED) else shared
            yield {**inherited, "subject": resource.get("subject"), **member, "id": _contained_id(resource, member)}


def _contained_id(resource: Mapping[str, Json], member: Mapping[str, Json]) -> str:
    return f"{text(resource.get('id'))}#{text(member.get('id'))}"


def _once_each(resources: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """One resource per id: the same result may come from the request and from the server (cds-hooks F-13)."""
    newest: dict[str, Mapping[str, Json]] = {}
    for number, resource in enumerate(resources):
        key = own_reference(resource) or f"without id {number}"
        if key not in newest or _version(resource) > _version(newest[key]):
            newest[key] = resource
    yield from newest.values()


def _version(resource: Mapping[str, Json]) -> tuple[str, int]:
    status = code_of_status(resource.get("status"))
    rank = _STATUS_ORDER.index(status) if status in _STATUS_ORDER else -1
    return text(first(resource.get("meta")).get("lastUpdated")), rank


def _parts(
    resource: Mapping[str, Json], specimens: Mapping[str, Mapping[str, Json]], zone: tzinfo, names_of: NamesOf
) -> Iterator[Measurement]:
    for content in (resource, *objects(resource.get("component"))):
        names = names_of(content.get("code"))
        if names and not is_only_a_panel(content):
            issued = parse_moment(resource.get("issued"), zone)
            yield Measurement(
                names=names,
                content=content,
                status=code_of_status(resource.get("status")),
                when=_taken(resource, zone),
                issued=issued.at if issued else None,
                reference=own_reference(resource).partition("#")[0],
                not_blood=is_not_blood(resource, specimens),
                qualified=bool(items(resource.get("modifierExtension")) or items(content.get("modifierExtension"))),
            )


def _taken(resource: Mapping[str, Json], zone: tzinfo) -> Moment | None:
    """When the specimen was taken (clinical page 0.3, rule 2); never `issued`, never the start of an open period."""
    return (
        parse_moment(resource.get("effectiveDateTime"), zone)
        or parse_moment(first(resource.get("effectivePeriod")).get("end"), zone)
        or parse_moment(resource.get("effectiveInstant"), zone)
    )


def has_value(content: Mapping[str, Json]) -> bool:
    """A value, or a stated reason why there is none."""
    return any(key.startswith("value") and items(content[key]) for key in content if isinstance(key, str)) or bool(
        items(content.get("dataAbsentReason"))
    )


def is_only_a_panel(content: Mapping[str, Json]) -> bool:
    """It carries other results and none of its own; each member is read by itself."""
    return not has_value(content) and any(items(content.get(key)) for key in ("component", "hasMember", "related"))
