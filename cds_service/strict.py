"""Which resources of an input are not valid FHIR R4, for `rls-cds evaluate --strict`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError


def invalid_resources(resources: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """One line per fault: type, position, element and what the model wanted; no value of the resource."""
    from fhir.resources.R4B import get_fhir_model_class

    faults: list[str] = []
    for number, resource in enumerate(resources, 1):
        kind = str(resource.get("resourceType", ""))
        try:
            model = get_fhir_model_class(kind)
        except KeyError:
            faults.append(f"resource {number}: {kind or 'no resourceType'} is not a FHIR R4 type")
            continue
        try:
            model.model_validate(resource)
        except ValidationError as fault:
            faults += [f"{kind} {number}: {_element(each['loc'])}: {each['msg']}" for each in fault.errors()]
        except KeyError:
            faults.append(f"{kind} {number}: holds a contained resource of unknown type")
    return tuple(faults)


def _element(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place)) or "resource"
