"""The searchsets and draft orders of each kind of client: shapes observed in practice, with synthetic content."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fhir_fixtures.loading import Resource
from fhir_fixtures.search import count_records
from fhir_fixtures.searchset import opaque_page

UCUM = "http://unitsofmeasure.org"
_RXNORM_OID = "urn:oid:2.16.840.1.113883.6.88"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_EPIC = "urn:oid:1.2.840.114350.1.13.0.1.7.2."
_EPIC_LOCAL = {"Observation": _EPIC + "768282", "Condition": "urn:oid:2.16.840.1.113883.3.247.1.1"}
_ORACLE = "https://fhir.example.org/tenant/"


@dataclass(frozen=True, slots=True)
class Search:
    """A client's search for a prefetch key: server, type, parameters, and the number of matches on its first page."""

    base: str
    kind: str
    pairs: tuple[tuple[str, str], ...]
    page: int

    def entries(self, found: Sequence[Resource]) -> list[Resource]:
        """Return the Bundle entries of the first page."""
        return [
            {"fullUrl": f"{self.base}/{self.kind}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for one in found[: self.page]
        ]

    def links(self, total: int, onward: Callable[[Search], str]) -> list[Resource]:
        """Return the Bundle links, with `next` if there are more matches; `onward` writes its query."""
        links = [{"relation": "self", "url": f"{self.base}/{self.kind}?{urlencode(self.pairs)}"}]
        if self.page < total:
            links.append({"relation": "next", "url": f"{self.base}/{self.kind}?{onward(self)}"})
        return links


def plain_searchset(search: Search, found: Sequence[Resource]) -> Resource:
    """Build a searchset as in R4: `total` counts the matches, `next` is the query with an offset."""
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": count_records(found),
        "link": search.links(len(found), lambda s: urlencode([*s.pairs, ("_offset", str(s.page))])),
    }
    entries = search.entries(found)
    return bundle | ({"entry": entries} if entries else {})


def epic_searchset(search: Search, found: Sequence[Resource]) -> Resource:
    """Build a searchset of Epic: `total` counts the page, `next` is opaque, and a note names omitted records."""
    notes = [("suppressed", "59204", f"Outside records of type {search.kind} are not included in this result.")]
    if not found:
        notes.append(("processing", "4101", "The search has no results."))
    issues = [
        {
            "severity": "warning",
            "code": kind,
            "details": {"coding": [{"system": _EPIC + "657369", "code": code}], "text": text},
        }
        for kind, code, text in notes
    ]
    note = {"resource": {"resourceType": "OperationOutcome", "issue": issues}, "search": {"mode": "outcome"}}
    entries = search.entries([epic_resource(one) for one in found])
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
        "link": search.links(len(found), lambda s: opaque_page([*s.pairs, ("_offset", str(s.page))])),
        "entry": [*entries, note],
    }


def oracle_searchset(search: Search, found: Sequence[Resource]) -> Resource:
    """Build a searchset of Oracle Health: an id, no `total`, its own codes before the standard ones."""
    links = search.links(len(found), lambda s: urlencode([*s.pairs, ("_offset", str(s.page))]))
    bundle: Resource = {"resourceType": "Bundle", "id": "b0c1d2e3-0000-4000-8000-000000000001", "type": "searchset"}
    entries = search.entries([oracle_resource(one) for one in found])
    return bundle | {"link": links} | ({"entry": entries} if entries else {})


def epic_resource(resource: Resource) -> Resource:
    """Convert a resource to the style of Epic.

    Drugs become a reference to a contained Medication with an OID system; results and problems get local codes.
    """
    made = copy.deepcopy(resource)
    if "medicationCodeableConcept" in made:
        concept = made.pop("medicationCodeableConcept")
        display = concept.get("text", "")
        for coding in concept.get("coding", []):
            coding["system"] = coding["system"].replace(_RXNORM, _RXNORM_OID)
        concept["coding"] = [*concept.get("coding", []), {"system": _EPIC + "698288", "code": "9900"}]
        made["contained"] = [{"resourceType": "Medication", "id": "drug", "code": concept}]
        made["medicationReference"] = {"reference": "#drug", "display": display}
    elif made["resourceType"] in _EPIC_LOCAL:
        local = {"system": _EPIC_LOCAL[made["resourceType"]], "code": "9901"}
        made["code"]["coding"] = [*made["code"].get("coding", []), local]
    return made


def oracle_resource(resource: Resource) -> Resource:
    """Convert a resource to the style of Oracle Health: local codes first, orders with intent plan."""
    made = copy.deepcopy(resource)
    if made["resourceType"] == "MedicationRequest":
        made["intent"] = "plan"
        concept, system = made.get("medicationCodeableConcept"), _ORACLE + "synonym"
    elif made["resourceType"] == "Observation":
        concept, system = made["code"], _ORACLE + "codeSet/72"
    else:
        return made
    if concept is not None:
        local = {"system": system, "code": "2700001", "display": concept.get("text", ""), "userSelected": True}
        concept["coding"] = [local, *({**coding, "userSelected": False} for coding in concept.get("coding", []))]
    return made


def sandbox_order(order: Resource, reason: Resource | None) -> Resource:
    """Convert a draft to the style of the sandbox: fixed ids, objects where R4 has lists, doses as a count of pills."""
    if order["resourceType"] == "ServiceRequest":
        made = {key: order[key] for key in ("resourceType", "status", "code", "subject")}
        return made | {"id": "example-request-id", "intent": "plan"} | ({"reasonCode": [reason]} if reason else {})
    made = sandbox_nothing_chosen(order["subject"]["reference"], order["authoredOn"])
    repeat = order["dosageInstruction"][0]["timing"]["repeat"]
    made |= {
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": repeat.get("frequency", 1), "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "system": UCUM, "code": "{pill}"}}],
            }
        ],
        "dispenseRequest": {
            "expectedSupplyDuration": {"value": 30, "unit": "days", "system": UCUM, "code": "d"},
        },
        "intent": "order",
        "category": order["category"][0],
        "medicationCodeableConcept": order["medicationCodeableConcept"],
    }
    return made | ({"reasonCode": reason} if reason else {})


def sandbox_nothing_chosen(subject: str, written_on: str) -> Resource:
    """Build the draft that the sandbox sends before a drug was chosen."""
    return {
        "resourceType": "MedicationRequest",
        "id": "request-123",
        "status": "draft",
        "subject": {"reference": subject},
        "authoredOn": written_on,
    }


Shaper = Callable[[Search, Sequence[Resource]], Resource]
