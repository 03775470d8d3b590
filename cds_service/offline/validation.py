"""Validate the resources of an input against FHIR R4, for `rls-cds evaluate --strict`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from cards.presenting.fhir_models import INVALID
from cds_service.web.errors import MOST_NAMED


def invalid_resources(resources: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return one line for each fault, with type, position, element and expectation, but no value of the resource.

    The first 20 are named and the rest counted.
    """
    from fhir.resources.R4B import get_fhir_model_class

    faults: list[str] = []
    for number, resource in enumerate(resources, 1):
        kind = str(resource.get("resourceType", ""))
        try:
            model = get_fhir_model_class(kind)
        except (KeyError, ValueError):  # which of them depends on the release of the library
            faults.append(f"resource {number}: {kind or 'no resourceType'} is not a FHIR R4 type")
            continue
        try:
            model.model_validate(resource)
        except ValidationError as fault:
            faults += [f"{kind} {number}: {_element(each['loc'])}: {each['msg']}" for each in fault.errors()]
        except INVALID:
            faults.append(f"{kind} {number}: holds what no model takes, such as a contained resource of unknown type")
    further = len(faults) - MOST_NAMED
    return (*faults[:MOST_NAMED], *((f"{further} further faults",) if further > 0 else ()))


def _element(path: tuple[int | str, ...]) -> str:
    return ".".join(map(str, path)) or "resource"
