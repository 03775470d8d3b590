"""What IHE's Basic Audit Log Patterns (BALP 1.1) demand of a PatientQuery and a PatientRead, in our words.

Each row says what must hold, for which profile, and how an event is spoilt so that it no longer does: a row that
spoils nothing would prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]

_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
QUERY, READ = f"{_PROFILES}PatientQuery", f"{_PROFILES}PatientRead"

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_ENTITY_TYPE, _OBJECT_ROLE = f"{_TERMINOLOGY}audit-entity-type", f"{_TERMINOLOGY}object-role"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_USER = (f"{_TERMINOLOGY}v3-ParticipationType", "IRCP")
_SOURCE, _DESTINATION = (_DCM, "110153"), (_DCM, "110152")
_PERSON, _OBJECT = (_ENTITY_TYPE, "1"), (_ENTITY_TYPE, "2")


@dataclass(frozen=True, slots=True)
class Row:
    """One demand: its words, the profiles that make it, whether an event meets it, and a change that breaks it."""

    says: str
    profiles: tuple[str, ...]
    holds: Callable[[Event], bool]
    spoil: Callable[[Event], object]


def _code(coding: Event | None) -> tuple[str, str] | None:
    return (coding["system"], coding["code"]) if coding else None


def agents(event: Event, role: tuple[str, str]) -> list[Event]:
    """Return the agents of a role: an agent belongs to a slice by one of the codings of its type."""
    return [each for each in event["agent"] if role in map(_code, each.get("type", {}).get("coding", ()))]


def entities(event: Event, kind: tuple[str, str]) -> list[Event]:
    return [each for each in event["entity"] if _code(each.get("type")) == kind]


def client(event: Event) -> list[Event]:
    """The client sends a search and is its source; what is read goes to it, and it is the destination."""
    return agents(event, _DESTINATION if READ in event["meta"]["profile"] else _SOURCE)


def server(event: Event) -> list[Event]:
    return agents(event, _SOURCE if READ in event["meta"]["profile"] else _DESTINATION)


def _drop(name: str) -> Callable[[Event], object]:
    return lambda holder: holder.pop(name)


def _all(found: list[Event], holds: Callable[[Event], bool]) -> bool:
    return all(map(holds, found))


def _change_sides(event: Event) -> None:
    ours, theirs = client(event)[0], server(event)[0]
    ours["type"], theirs["type"] = theirs["type"], ours["type"]


BOTH = (QUERY, READ)
_ROWS = [
    Row(
        "the type is a restful operation",
        BOTH,
        lambda e: _code(e["type"]) == (f"{_TERMINOLOGY}audit-event-type", "rest"),
        lambda e: e["type"].update(code="access"),
    ),
    Row(
        "exactly one subtype is a search of any kind",
        (QUERY,),
        lambda e: (
            sum(
                _code(s) in {(_INTERACTION, c) for c in ("search", "search-type", "search-system")}
                for s in e["subtype"]
            )
            == 1
        ),
        lambda e: e["subtype"][0].update(code="read"),
    ),
    Row(
        "exactly one subtype is a read of any kind",
        (READ,),
        lambda e: sum(_code(s) in {(_INTERACTION, c) for c in ("read", "vread")} for s in e["subtype"]) == 1,
        lambda e: e["subtype"][0].update(code="search"),
    ),
    Row("a search is executed", (QUERY,), lambda e: e["action"] == "E", lambda e: e.update(action="R")),
    Row("a read is read", (READ,), lambda e: e["action"] == "R", lambda e: e.update(action="E")),
    Row("it says when it was recorded", BOTH, lambda e: bool(e.get("recorded")), _drop("recorded")),
    Row("it succeeded", BOTH, lambda e: e.get("outcome") == "0", lambda e: e.update(outcome="4")),
    Row("it says who observed it", BOTH, lambda e: bool(e.get("source", {}).get("observer")), _drop("source")),
    Row(
        "there is one client, and one server",
        BOTH,
        lambda e: len(client(e)) == len(server(e)) == 1,
        lambda e: e["agent"].append(server(e)[0]),
    ),
    Row(
        "we are the client, whichever side that is",
        BOTH,
        lambda e: _all(client(e), lambda a: a["who"].get("display") == "rls-cds"),
        _change_sides,
    ),
    Row(
        "client and server are named",
        BOTH,
        lambda e: _all([*client(e), *server(e)], lambda a: bool(a.get("who"))),
        lambda e: server(e)[0].pop("who"),
    ),
    Row(
        "the network of the client is known",
        BOTH,
        lambda e: _all(client(e), lambda a: bool(a.get("network", {}).get("address"))),
        lambda e: client(e)[0].pop("network"),
    ),
    Row(
        "the network of the server is known",
        BOTH,
        lambda e: _all(server(e), lambda a: bool(a.get("network", {}).get("address"))),
        lambda e: server(e)[0].pop("network"),
    ),
    Row(
        "client and server are on no medium",
        BOTH,
        lambda e: _all([*client(e), *server(e)], lambda a: "media" not in a),
        lambda e: client(e)[0].update(media={"code": "110030"}),
    ),
    Row(
        "there is one user at most",
        BOTH,
        lambda e: len(agents(e, _USER)) <= 1,
        lambda e: e["agent"].extend(2 * agents(e, _USER)),
    ),
    Row(
        "the user is named, asked for it, and is no machine",
        BOTH,
        lambda e: _all(
            agents(e, _USER),
            lambda a: bool(a.get("who")) and a["requestor"] is True and not {"network", "media"} & set(a),
        ),
        lambda e: agents(e, _USER)[0].update(requestor=False),
    ),
    Row(
        "there is one patient",
        BOTH,
        lambda e: len(entities(e, _PERSON)) == 1,
        lambda e: e["entity"].remove(entities(e, _PERSON)[0]),
    ),
    Row(
        "the patient has the role of a patient and is a Patient",
        BOTH,
        lambda e: _all(
            entities(e, _PERSON),
            lambda a: _code(a.get("role")) == (_OBJECT_ROLE, "1") and a["what"].get("type") == "Patient",
        ),
        lambda e: entities(e, _PERSON)[0]["what"].update(type="Person"),
    ),
    Row(
        "there is one query, or one thing that was read",
        BOTH,
        lambda e: len(entities(e, _OBJECT)) == 1,
        lambda e: e["entity"].append(entities(e, _OBJECT)[0]),
    ),
    Row(
        "the query has the role of a query and is there",
        (QUERY,),
        lambda e: _all(
            entities(e, _OBJECT), lambda a: _code(a.get("role")) == (_OBJECT_ROLE, "24") and bool(a.get("query"))
        ),
        lambda e: entities(e, _OBJECT)[0].pop("query"),
    ),
    Row(
        "the query is no thing, no stage of one, and has no detail",
        (QUERY,),
        lambda e: _all(entities(e, _OBJECT), lambda a: not {"what", "lifecycle", "detail"} & set(a)),
        lambda e: entities(e, _OBJECT)[0].update(what={"display": "x"}),
    ),
    Row(
        "what was read is named and is a resource, a report or a job",
        (READ,),
        lambda e: _all(
            entities(e, _OBJECT),
            lambda a: (
                bool(a.get("what")) and _code(a.get("role")) in {(_OBJECT_ROLE, role) for role in ("4", "3", "20")}
            ),
        ),
        lambda e: entities(e, _OBJECT)[0].pop("what"),
    ),
    Row(
        "a read has two entities or more",
        (READ,),
        lambda e: len(e["entity"]) >= 2,
        lambda e: e.update(entity=e["entity"][:1]),
    ),
    Row(
        "an entity has a name or a query, not both",
        BOTH,
        lambda e: not any({"name", "query"} <= set(a) for a in e["entity"]),
        lambda e: e["entity"][0].update(name="a", query="YQ=="),
    ),
    Row(
        "what is called a request id is one",
        BOTH,
        lambda e: not any(a.get("type", {}).get("code") == "XrequestId" for a in e["entity"]),
        lambda e: e["entity"][0]["type"].update(code="XrequestId"),
    ),
]


def rows_of(profile: str) -> Iterator[Row]:
    """Yield what a profile demands."""
    yield from (row for row in _ROWS if profile in row.profiles)


def broken(event: Event) -> list[str]:
    """Return the words of every demand of its profiles that an event does not meet."""
    return [row.says for profile in event["meta"]["profile"] for row in rows_of(profile) if not row.holds(event)]
