"""What is tried: a synthetic patient, or a Bundle or hook request that somebody dropped in, as one hook request.

Nothing of it is kept: it lives in the form of the page and in the one call.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.belonging import once_each
from cds_service.body import parse_json
from cds_service.errors import BadRequest
from cds_service.evaluate import KEY_OF_TYPE, hook_fault
from cds_service.services import Service

Resource = dict[str, Any]
_USER = "Practitioner/console"


class NotUsable(ValueError):
    """A file that holds no patient and no hook request. The text is ours and names what was expected."""


@dataclass(frozen=True, slots=True)
class Material:
    """One patient's data. `request` is the hook request as it came; without one, `resources` are the chart."""

    patient_id: str
    resources: tuple[Resource, ...] = ()
    request: Mapping[str, Any] | None = None

    @property
    def hook(self) -> str:
        """The hook that the file itself names, or none."""
        hook = self.request.get("hook") if self.request else None
        return hook if isinstance(hook, str) else ""


def from_file(raw: bytes) -> Material:
    """Read a dropped file, or NDJSON about one patient. Raises `NotUsable`, or what `parse_json` raises for text that
    is no JSON or too large."""
    try:
        content = parse_json(raw)
    except BadRequest:
        lines = [line for line in raw.splitlines() if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0]):
            raise
        return _from_lines(lines)
    if not isinstance(content, dict):
        raise NotUsable("Expected one JSON object: a patient Bundle or a hook request.")
    return _from_request(content) if "hook" in content else from_bundle(content)


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except BadRequest:
        return False
    return True


def _from_lines(lines: Sequence[bytes]) -> Material:
    """NDJSON: the resources of one patient, one or a Bundle a line."""
    resources: list[Any] = []
    for number, line in enumerate(lines, 1):
        content = parse_json(line) if _is_json(line) else None
        if not isinstance(content, dict):
            raise NotUsable(f"Line {number} of this NDJSON file holds no JSON object. Expected one on every line.")
        if "hook" in content:
            raise NotUsable("This file holds several hook requests. Drop in one, or let rls-cds evaluate answer all.")
        resources += _held(content)
    return from_bundle({"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]})


def _from_request(content: Resource) -> Material:
    context = content.get("context")
    patient_id = context.get("patientId") if isinstance(context, dict) else None
    if not isinstance(patient_id, str):
        raise NotUsable("This is a hook request without context.patientId.")
    fault = hook_fault(content["hook"])
    if fault:
        raise NotUsable(f"{fault[0].upper()}{fault[1:]}, so no service answers it.")
    return Material(patient_id.removeprefix("Patient/"), request=content)


def from_bundle(content: Mapping[str, Any]) -> Material:
    """A Bundle with one Patient in it, or a Patient alone. Raises `NotUsable`, also where several could be mixed up."""
    resources = tuple(_held(content))
    people = once_each(each for each in resources if each.get("resourceType") == "Patient")
    if not people:
        raise NotUsable("There is no Patient in it. Expected a Bundle with one Patient and that patient's resources.")
    if len(people) > 1:
        raise NotUsable(f"This file holds {len(people)} patients. Drop in one, or let rls-cds evaluate answer for all.")
    return Material(str(people[0].get("id", "")), resources)


def _held(content: Mapping[str, Any]) -> list[Resource]:
    """The resources of a Bundle, or the one resource."""
    entries = content.get("entry") if content.get("resourceType") == "Bundle" else [{"resource": content}]
    held = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [each for each in held if isinstance(each, dict)]


def body_of(material: Material, service: Service, drafts: Sequence[Resource], instance: str) -> Resource:
    """The hook request that asks about this material: everything prefetched where it came as a chart."""
    if material.request is None:
        body: Resource = {"hook": service.hook, "hookInstance": instance}
        body["context"] = {"userId": _USER, "patientId": material.patient_id}
        body["prefetch"] = {key: _searchset(material, key) for key in service.keys}
        own = [each for each in material.resources if each.get("status") == "draft"]
    else:
        body = copy.deepcopy(dict(material.request)) | {"hook": service.hook, "hookInstance": instance}
        own = []
    if service.judges_orders:
        _put_in_basket(body["context"], service, [*own, *drafts])
    else:
        body["context"] = {k: v for k, v in body["context"].items() if k not in ("draftOrders", "selections")}
    return body


def _searchset(material: Material, key: str) -> Resource | None:
    found = [copy.deepcopy(each) for each in material.resources if KEY_OF_TYPE.get(_kind(each)) == key]
    if key == "patient":
        return next((each for each in found if str(each.get("id", "")) == material.patient_id), None)
    found = [each for each in found if each.get("status") != "draft"]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}


def _kind(resource: Resource) -> str:
    return str(resource.get("resourceType"))


def _put_in_basket(context: Resource, service: Service, drafts: Sequence[Resource]) -> None:
    basket = context.get("draftOrders")
    entries = basket.get("entry", []) if isinstance(basket, dict) else []
    orders = [*(entries if isinstance(entries, list) else []), *({"resource": each} for each in drafts)]
    shell = basket if isinstance(basket, dict) else {"resourceType": "Bundle", "type": "collection"}
    context["draftOrders"] = {**shell, "entry": orders}
    if service.hook == "order-select":
        chosen = [f"{_kind(each)}/{each.get('id')}" for each in drafts]
        selected = context.get("selections")
        context["selections"] = [*(selected if isinstance(selected, list) else []), *chosen]
