"""The same answers whichever version of FHIR a record is written in."""
