"""Findings to cards and suggestions, and the rules as FHIR resources."""
