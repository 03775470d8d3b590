"""Patient data for Try: a synthetic patient, or an uploaded Bundle or hook request, converted to a hook request.

An upload is never stored; it exists only in the form of the page and during the call.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cards.reading.resource_types import KEY_OF_TYPE
from cds_service.hooks.services import Service
from cds_service.offline.ownership import deduplicate
from cds_service.offline.patient_files import hook_fault
from cds_service.web.errors import BadRequest
from cds_service.web.json_reader import parse_json

Resource = dict[str, Any]
_USER = "Practitioner/console"


class UnusableUpload(ValueError):
    """A file without a patient or a hook request; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class PatientData:
    """The data of one patient: an uploaded hook `request`, or the `resources` of a chart."""

    patient_id: str
    resources: tuple[Resource, ...] = ()
    request: Mapping[str, Any] | None = None

    @property
    def hook(self) -> str:
        """Return the hook that the uploaded request names, or an empty text."""
        hook = self.request.get("hook") if self.request else None
        return hook if isinstance(hook, str) else ""


def from_file(raw: bytes) -> PatientData:
    """Read an uploaded file: a Bundle, a hook request, or NDJSON about one patient.

    Raises `UnusableUpload`, and the errors of `parse_json` for text that is no JSON or too large.
    """
    try:
        content = parse_json(raw)
    except BadRequest:
        lines = [line for line in raw.splitlines() if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0]):
            raise
        return _from_lines(lines)
    if not isinstance(content, dict):
        raise UnusableUpload("Expected one JSON object: a patient Bundle or a hook request.")
    return _from_request(content) if "hook" in content else from_bundle(content)


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except BadRequest:
        return False
    return True


def _from_lines(lines: Sequence[bytes]) -> PatientData:
    """Read NDJSON about one patient, with a resource or a Bundle on each line."""
    resources: list[Any] = []
    for number, line in enumerate(lines, 1):
        content = parse_json(line) if _is_json(line) else None
        if not isinstance(content, dict):
            raise UnusableUpload(f"Line {number} of this NDJSON file holds no JSON object. Expected one on every line.")
        if "hook" in content:
            raise UnusableUpload(
                "This file holds several hook requests. Drop in one, or let rls-cds evaluate answer all."
            )
        resources += _resources_in(content)
    return from_bundle({"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]})


def _from_request(content: Resource) -> PatientData:
    context = content.get("context")
    patient_id = context.get("patientId") if isinstance(context, dict) else None
    if not isinstance(patient_id, str):
        raise UnusableUpload("This is a hook request without context.patientId.")
    fault = hook_fault(content["hook"])
    if fault:
        raise UnusableUpload(f"{fault[0].upper()}{fault[1:]}, so no service answers it.")
    return PatientData(patient_id.removeprefix("Patient/"), request=content)


def from_bundle(content: Mapping[str, Any]) -> PatientData:
    """Read a Bundle with one Patient, or a single Patient. Raises `UnusableUpload` for none or several."""
    resources = tuple(_resources_in(content))
    people = deduplicate(each for each in resources if each.get("resourceType") == "Patient")
    if not people:
        raise UnusableUpload(
            "There is no Patient in it. Expected a Bundle with one Patient and that patient's resources."
        )
    if len(people) > 1:
        raise UnusableUpload(
            f"This file holds {len(people)} patients. Drop in one, or let rls-cds evaluate answer for all."
        )
    return PatientData(str(people[0].get("id", "")), resources)


def _resources_in(content: Mapping[str, Any]) -> list[Resource]:
    """Return the resources of a Bundle, or the single resource."""
    entries = content.get("entry") if content.get("resourceType") == "Bundle" else [{"resource": content}]
    held = [entry.get("resource") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [each for each in held if isinstance(each, dict)]


def build_request(patient_data: PatientData, service: Service, drafts: Sequence[Resource], instance: str) -> Resource:
    """Build the hook request for this patient; a chart is prefetched completely."""
    if patient_data.request is None:
        body: Resource = {"hook": service.hook, "hookInstance": instance}
        body["context"] = {"userId": _USER, "patientId": patient_data.patient_id}
        body["prefetch"] = {key: _searchset(patient_data, key) for key in service.keys}
        own = [each for each in patient_data.resources if each.get("status") == "draft"]
    else:
        body = copy.deepcopy(dict(patient_data.request)) | {"hook": service.hook, "hookInstance": instance}
        own = []
    if service.judges_orders:
        _add_drafts(body["context"], service, [*own, *drafts])
    else:
        body["context"] = {k: v for k, v in body["context"].items() if k not in ("draftOrders", "selections")}
    return body


def _searchset(patient_data: PatientData, key: str) -> Resource | None:
    found = [copy.deepcopy(each) for each in patient_data.resources if KEY_OF_TYPE.get(_kind(each)) == key]
    if key == "patient":
        return next((each for each in found if str(each.get("id", "")) == patient_data.patient_id), None)
    found = [each for each in found if each.get("status") != "draft"]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}


def _kind(resource: Resource) -> str:
    return str(resource.get("resourceType"))


def _add_drafts(context: Resource, service: Service, drafts: Sequence[Resource]) -> None:
    draft_orders = context.get("draftOrders")
    entries = draft_orders.get("entry", []) if isinstance(draft_orders, dict) else []
    orders = [*(entries if isinstance(entries, list) else []), *({"resource": each} for each in drafts)]
    shell = draft_orders if isinstance(draft_orders, dict) else {"resourceType": "Bundle", "type": "collection"}
    context["draftOrders"] = {**shell, "entry": orders}
    if service.hook == "order-select":
        chosen = [f"{_kind(each)}/{each.get('id')}" for each in drafts]
        selected = context.get("selections")
        context["selections"] = [*(selected if isinstance(selected, list) else []), *chosen]
