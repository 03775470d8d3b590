"""The shell around the clinical core: HTTP, clients, FHIR access, storage, command line."""

#: What the service calls itself where it reads something from others.
USER_AGENT = "rls-cds"
