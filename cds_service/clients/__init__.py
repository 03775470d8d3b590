"""Who calls: client profiles, proof of identity, their keys, how often they may call, and their FHIR server."""
