"""FHIR shapes without clinical meaning: JSON members, bundles, versions, local codes."""
