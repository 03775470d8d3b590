"""Synthetic patients, hook requests as real clients send them, and a small read-only FHIR R4 server."""
