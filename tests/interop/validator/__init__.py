"""The HL7 validator of HAPI FHIR, and its CDS Hooks classes, in a small Java program of ours."""
