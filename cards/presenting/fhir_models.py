"""The fhir.resources model of a resource type in a FHIR version; imported when asked for, because that is slow."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

_PACKAGES = {"R5": "fhir.resources", "STU3": "fhir.resources.STU3"}


#: What validating raises: pydantic's ValidationError is a ValueError, and validators of fhir.resources take every
#: member for one of the type that belongs there.
INVALID = (ValueError, KeyError, TypeError, AttributeError)


@cache
def model_of(resource_type: str, fhir_version: str) -> Any:
    """Return the model class; R4 resources are held against R4B. Raises `KeyError` for a type the version does not
    have.
    """
    package = import_module(_PACKAGES.get(fhir_version, "fhir.resources.R4B"))
    return package.get_fhir_model_class(resource_type)
