"""Synthetic patients, hook requests as real clients send them, and a small read-only FHIR R4 server."""

from __future__ import annotations

from fhir_fixtures.clients import CLIENTS, hook_request
from fhir_fixtures.loading import PatientFile, draft, draft_names, load_patient, load_patients

__all__ = ["CLIENTS", "PatientFile", "draft", "draft_names", "hook_request", "load_patient", "load_patients"]
