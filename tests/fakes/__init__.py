"""Servers of others, as fakes at our ports: FHIR servers that work or fail, key servers, and a look at the sockets."""
