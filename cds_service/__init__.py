"""The shell around the clinical core: HTTP, clients, FHIR access, storage, command line."""
