"""Runners of SQL on FHIR by others, in an environment of their own: `.ci/run` says how it is made."""
