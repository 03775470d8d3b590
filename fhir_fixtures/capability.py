"""The CapabilityStatement of the demo server, built from its table of search parameters."""

from __future__ import annotations

from typing import Any

from fhir_fixtures.search import PARAMETERS, parameters_of


def capability_statement(base: str) -> dict[str, Any]:
    """Build the CapabilityStatement of the server under `base`, for FHIR 4.0.1."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-06-15",
        "kind": "instance",
        "implementation": {"description": "Synthetic patients with restless legs syndrome, read-only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{"mode": "server", "resource": [_resource(kind) for kind in PARAMETERS]}],
    }


def _resource(kind: str) -> dict[str, Any]:
    parameters = [{"name": name, "type": one.kind} for name, one in parameters_of(kind).items()]
    described: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": parameters,
    }
    if kind == "MedicationRequest":
        described["searchInclude"] = ["MedicationRequest:medication"]
    return described
