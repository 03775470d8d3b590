"""Rules over one exchange, in our words, each with ways to spoil an exchange so that it no longer keeps the rule."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its answer; `name` says which."""

    name: str
    body: Json
    answer: Json

    @property
    def cards(self) -> list[Json]:
        return list(self.answer["cards"])

    def drafts(self) -> list[Json]:
        return [entry["resource"] for entry in self.body["context"].get("draftOrders", {}).get("entry", ())]

    def suggestions(self) -> Iterator[Json]:
        for card in self.cards:
            yield from card.get("suggestions", ())


def _lacks(holder: Mapping[str, Any], members: Mapping[str, type]) -> Iterator[str]:
    """Yield the members that are missing, of another type, or empty."""
    for name, kind in members.items():
        value = holder.get(name)
        if not isinstance(value, kind) or value in ("", [], {}):
            yield f"{name} is {value!r}"


def _lacks_if_there(holder: Mapping[str, Any], members: Mapping[str, type]) -> Iterator[str]:
    return _lacks(holder, {name: kind for name, kind in members.items() if name in holder})


def request_members(told: Exchange) -> Iterator[str]:
    yield from _lacks(told.body, {"hook": str, "hookInstance": str, "context": dict})
    try:
        uuid.UUID(str(told.body.get("hookInstance")))
    except ValueError:
        yield "hookInstance is no UUID"
    if "fhirAuthorization" in told.body and not told.body.get("fhirServer"):
        yield "a token without its server"


def request_optional_members(told: Exchange) -> Iterator[str]:
    yield from _lacks_if_there(told.body, {"fhirServer": str, "fhirAuthorization": dict, "prefetch": dict})


def request_context(told: Exchange) -> Iterator[str]:
    context = told.body["context"]
    yield from _lacks(context, {"userId": str, "patientId": str})
    if not re.fullmatch(r"(Practitioner|PractitionerRole)/[^/]+", str(context.get("userId"))):
        yield "userId is no reference to a practitioner"
    if "/" in str(context.get("patientId")):
        yield "patientId is a reference"
    if told.body["hook"] == "patient-view":
        return
    yield from _lacks(context, {"draftOrders": dict})
    drafts = {f"{each['resourceType']}/{each.get('id', '')}" for each in told.drafts()}
    if not drafts or any(each.endswith("/") for each in drafts):
        yield "drafts without an id, or none"
    if told.body["hook"] == "order-select" and not (context.get("selections") and {*context["selections"]} <= drafts):
        yield "selections that are not among the drafts"


def card_members(told: Exchange) -> Iterator[str]:
    for card in told.cards:
        yield from _lacks(card, {"summary": str, "indicator": str, "source": dict})
        if len(str(card.get("summary"))) >= 140:
            yield "summary of 140 characters or more"
        if card.get("indicator") not in ("info", "warning", "critical"):
            yield "indicator of another name"
        source = card.get("source") or {}
        yield from _lacks(source, {"label": str, "topic": dict})
        yield from _lacks(source.get("topic") or {}, {"code": str, "system": str})


def card_optional_members(told: Exchange) -> Iterator[str]:
    members = {"uuid": str, "detail": str, "suggestions": list, "overrideReasons": list, "links": list}
    for card in told.cards:
        yield from _lacks_if_there(card, members)
        if "suggestions" in card and card.get("selectionBehavior") not in ("at-most-one", "any"):
            yield "suggestions without a selectionBehavior"
        for reason in card.get("overrideReasons", ()):
            yield from _lacks(reason, {"code": str, "system": str, "display": str})
        for link in card.get("links", ()):
            yield from _link(link)
    for suggestion in told.suggestions():
        yield from _lacks(suggestion, {"label": str})
        yield from _lacks_if_there(suggestion, {"actions": list})
        for action in suggestion.get("actions", ()):
            yield from _action(action)


def _link(link: Json) -> Iterator[str]:
    yield from _lacks(link, {"label": str, "type": str, "url": str})
    address = urlsplit(str(link.get("url")))
    if address.scheme not in ("http", "https") or not address.netloc:
        yield f"url is {link.get('url')}"
    if link.get("type") not in ("absolute", "smart"):
        yield "a link of another type"
    if link.get("type") == "absolute" and link.get("appContext"):
        yield "an absolute link with appContext"


def _action(action: Json) -> Iterator[str]:
    yield from _lacks(action, {"type": str, "description": str})
    if action.get("type") in ("create", "update"):
        yield from _lacks(action, {"resource": dict})
        yield from _lacks(action.get("resource") or {}, {"resourceType": str})
    elif action.get("type") == "delete":
        if not re.fullmatch(r"[A-Za-z]+/[^/]+", str(action.get("resourceId"))):
            yield f"resourceId is {action.get('resourceId')!r}"
    else:
        yield "an action of another type"


def only_absolute_links(told: Exchange) -> Iterator[str]:
    for card in told.cards:
        if not card.get("links") or any(link["type"] != "absolute" for link in card["links"]):
            yield f"{card['summary']}: no links, or one that is not absolute"


def suggestion_uuids(told: Exchange) -> Iterator[str]:
    for suggestion in told.suggestions():
        yield from _lacks(suggestion, {"uuid": str})


#: What CRD names as further orders.
_ORDERS = (
    "CommunicationRequest",
    "Device",
    "DeviceRequest",
    "Medication",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
)


def created_orders(told: Exchange) -> Iterator[str]:
    for suggestion in told.suggestions():
        for action in suggestion["actions"]:
            if action["type"] == "create" and action["resource"].get("resourceType") not in _ORDERS:
                yield f"{action['resource'].get('resourceType')} is created"


def changed_drafts(told: Exchange) -> Iterator[str]:
    drafts = {f"{each['resourceType']}/{each['id']}" for each in told.drafts()}
    for suggestion in told.suggestions():
        kinds = {action["type"] for action in suggestion["actions"]}
        created = {each["resource"]["resourceType"] for each in suggestion["actions"] if each["type"] == "create"}
        for action in suggestion["actions"]:
            if action["type"] == "create":
                continue
            changed = action.get("resource") or {}
            named = action.get("resourceId") or f"{changed.get('resourceType')}/{changed.get('id')}"
            if named not in drafts:
                yield f"{named} is changed and no draft"
            if {"create", "delete"} <= kinds and action["type"] == "delete" and named.split("/")[0] not in created:
                yield f"{named} is replaced by nothing of its kind"


Rule = Callable[[Exchange], Iterator[str]]
Spoil = Callable[[Exchange], None]

RULES: Mapping[str, Rule] = {
    each.__name__: each
    for each in (
        request_members,
        request_optional_members,
        request_context,
        card_members,
        card_optional_members,
        only_absolute_links,
        suggestion_uuids,
        created_orders,
        changed_drafts,
    )
}


def _card(**changes: Any) -> Spoil:
    return lambda told: told.answer["cards"][0].update(changes)


def _suggestion(**changes: Any) -> Spoil:
    return lambda told: next(told.suggestions()).update(changes)


def _action_is(**changes: Any) -> Spoil:
    return lambda told: next(told.suggestions())["actions"][0].update(changes)


def _body(**changes: Any) -> Spoil:
    return lambda told: told.body.update(changes)


def _context(**changes: Any) -> Spoil:
    return lambda told: told.body["context"].update(changes)


def _link_is(**changes: Any) -> Spoil:
    return lambda told: told.answer["cards"][0]["links"][0].update(changes)


_NO_DRAFT = {"type": "update", "resource": {"resourceType": "MedicationRequest", "id": "nobody"}}
_REPLACED = {"actions": [
    {"type": "create", "resource": {"resourceType": "Device"}},
    {"type": "delete", "resourceId": "MedicationRequest/nobody"},
]}  # fmt: skip

#: An exchange that each of these has changed breaks the rule: a rule that nothing can break proves nothing.
SPOILS: Mapping[str, tuple[Spoil, ...]] = {
    "request_members": (
        _body(hook=""), _body(hookInstance="7"), _body(context=[]), _body(fhirServer="", fhirAuthorization={}),
    ),
    "request_optional_members": (_body(fhirServer=7), _body(fhirAuthorization={}), _body(prefetch=[])),
    "request_context": (
        _context(userId="Patient/1"), _context(userId=""), _context(patientId="Patient/1"), _context(patientId=""),
        _context(draftOrders={}), _context(draftOrders={"entry": [{"resource": {"resourceType": "X"}}]}),
        _context(selections=["MedicationRequest/nobody"]),
    ),
    "card_members": (
        _card(summary=""), _card(summary="x" * 140), _card(indicator="low"), _card(source={}),
        _card(source={"label": "x"}), _card(source={"label": "", "topic": {"code": "x", "system": "x"}}),
        _card(source={"label": "x", "topic": {"code": "x"}}),
    ),
    "card_optional_members": (
        _card(uuid=7), _card(detail=""), _card(suggestions=[]), _card(overrideReasons={}), _card(links=[]),
        _card(selectionBehavior="all", suggestions=[{"label": "x"}]),
        _card(overrideReasons=[{"code": "x", "system": "y"}]),
        _link_is(url="here"), _link_is(type="other"), _link_is(appContext="x"), _link_is(label=""),
        _suggestion(label=""), _suggestion(actions=[]), _action_is(description=""), _action_is(type="write"),
        _action_is(type="create", resource={}), _action_is(type="delete", resourceId="7"),
    ),
    "only_absolute_links": (_card(links=[]), _link_is(type="smart")),
    "suggestion_uuids": (_suggestion(uuid=""),),
    "created_orders": (_action_is(type="create", resource={"resourceType": "Coverage"}),),
    "changed_drafts": (_suggestion(actions=[_NO_DRAFT]), _suggestion(**_REPLACED)),
}  # fmt: skip
