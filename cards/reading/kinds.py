"""Which types of resource the list under each prefetch key is made of, in every FHIR version."""

from __future__ import annotations

from collections.abc import Mapping

from cards.reading.drafts import DRUG_ORDERS
from cards.reading.lab_orders import KINDS as LAB_ORDERS

#: Anything else in a list (Specimen, Practitioner) only accompanies. A Medication may be the only entry of its list: it
#: is brought along by `_include`, or read on demand.
KINDS: Mapping[str, frozenset[str]] = {
    "conditions": frozenset({"Condition"}),
    "labs": frozenset({"Observation", "DiagnosticReport"}),
    "medications": DRUG_ORDERS
    | {"MedicationStatement", "MedicationAdministration", "MedicationDispense", "Medication"},
    "allergies": frozenset({"AllergyIntolerance"}),
    "procedures": frozenset({"Procedure"}),
    "orders": LAB_ORDERS,
}
