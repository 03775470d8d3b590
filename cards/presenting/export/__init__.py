"""The knowledge as FHIR R4 for other programs: what it is, never a service that acts on a patient."""
