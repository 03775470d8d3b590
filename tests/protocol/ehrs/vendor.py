"""A vendor's record system: what it sends as a client, and how it writes its records."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir_fixtures.loading import PatientFile
from fhir_fixtures.shapes import epic_resource, oracle_resource

Resource = dict[str, Any]


@dataclass(frozen=True)
class Vendor:
    """One entry of vendors.toml; its comments say what each member means."""

    name: str
    sources: tuple[str, ...]
    profile: str
    hooks: tuple[str, ...]
    path: str
    own_base: str
    media: tuple[str, ...]
    page: int
    most: int
    total: str
    next: str
    notes: bool
    by_code: tuple[str, ...]
    repeats: bool
    patient_id: str
    user: str
    drug: str
    draft_id: int
    algorithm: str
    claims: Mapping[str, Any]
    token_length: int
    scope: str
    feedback: tuple[str, ...]
    grants: str = "whole"
    withholds: bool = False
    references: str = "relative"
    values: str = "quantity"
    mistakes: bool = False
    encounter: str = ""
    category: str = "list"
    extension: Mapping[str, str] = field(default_factory=dict)
    triggers: Mapping[str, str] = field(default_factory=dict)

    def extensions(self, hook: str) -> Mapping[str, str]:
        """Return the extension of a request."""
        started = {"com.epic.cdshooks.request.bpa-trigger-action": self.triggers[hook]} if self.triggers else {}
        return started | self.extension

    @property
    def access_token(self) -> str:
        """Return an access token of the vendor's length, with every character that a token may have."""
        signs = "".join(map(chr, range(0x21, 0x7F)))
        return (signs * (self.token_length // len(signs) + 1))[: self.token_length]

    def chart(self, patient: PatientFile, fillers: int = 0) -> list[Resource]:
        """Return the patient's records as this vendor writes them, with further body weights before the results."""
        text = json.dumps([*patient.resources()]).replace(f'"{patient.patient_id}"', f'"{self.patient_id}"')
        found = json.loads(text.replace(f"Patient/{patient.patient_id}", f"Patient/{self.patient_id}"))
        found += [self._mistake()] if self.mistakes else []
        written = json.dumps([*self._weights(fillers), *(each for one in found for each in self.written(one))])
        if self.references == "absolute":
            written = written.replace('"reference": "', f'"reference": "{self.own_base}/').replace(
                f"{self.own_base}/#", "#"
            )
        records: list[Resource] = json.loads(written)
        return records

    def written(self, resource: Resource) -> Iterator[Resource]:
        """Yield a resource as this vendor writes it, and the Medication that it refers to."""
        if resource["resourceType"] == "Observation" and self.values != "quantity":
            yield self._with_value(resource)
        elif self.name == "epic" and resource["resourceType"] != "MedicationRequest":
            yield epic_resource(resource)
        elif self.name == "oracle-health":
            yield oracle_resource(resource)
        elif self.drug == "concept" or "medicationCodeableConcept" not in resource:
            yield copy.deepcopy(resource)
        else:
            yield from self._with_medication(resource)

    def _with_value(self, resource: Resource) -> Resource:
        made = copy.deepcopy(resource)
        value = made.get("valueQuantity")
        if not value or "value" not in value:
            return made
        unit = value.get("unit", value.get("code", ""))
        if self.values == "text":
            made["valueString"] = f"{made.pop('valueQuantity')['value']} {unit}"
        else:
            made["valueQuantity"] = {"value": str(value["value"]), "unit": unit, "system": value.get("system", "")}
            made["effectiveDateTime"] = f"{made['effectiveDateTime'][:10]}T15:10:56.296677"
        return made

    def _mistake(self) -> Resource:
        """Return a diagnosis of iron overload that was entered in error, as most in one public sandbox were."""
        system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
        return {
            "resourceType": "Condition",
            "id": "mistake",
            "verificationStatus": {"coding": [{"system": system, "code": "entered-in-error"}]},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "35400008"}]},
            "subject": {"reference": f"Patient/{self.patient_id}"},
        }

    def _with_medication(self, resource: Resource) -> Iterator[Resource]:
        made = copy.deepcopy(resource)
        drug = {
            "resourceType": "Medication",
            "id": f"{made['id'][-40:]}.drug",
            "code": made["medicationCodeableConcept"],
        }
        made["medicationReference"] = {"reference": f"Medication/{drug['id']}"}
        del made["medicationCodeableConcept"]
        if self.category == "object" and made.get("category"):
            made["category"] = made["category"][0]
        yield from (made, drug)

    def _weights(self, count: int) -> Iterator[Resource]:
        for number in range(count):
            yield {
                "resourceType": "Observation",
                "id": f"weight-{number}",
                "status": "final",
                "category": [{"coding": [{"code": "vital-signs"}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                "subject": {"reference": f"Patient/{self.patient_id}"},
                "effectiveDateTime": "2025-01-01T08:00:00Z",
                "valueQuantity": {"value": 70, "system": "http://unitsofmeasure.org", "code": "kg"},
            }

    def drafts(self, order: Resource) -> tuple[str, Resource]:
        """Return the reference of a draft order with an id of this vendor's length, and the Bundle it comes in."""
        named = order | {"id": f"e{'z067mnw.OAKP5z-' * 40}"[: self.draft_id - 1] + "3"}
        named["subject"] = {"reference": f"Patient/{self.patient_id}"}
        entries = [{"resource": each} for each in self.written(named)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        return f"{named['resourceType']}/{named['id']}", bundle

    def override(self, shape: str, reason: Mapping[str, str]) -> Resource:
        """Return what a feedback entry says about an override in one of the shapes of the vendor."""
        given = {name: reason[name] for name in ("code", "system", "display")}
        if shape == "epic reason":
            return {"overrideReasons": {"reason": given, "userComment": "seen"}}
        if shape == "epic extension":
            prefix = "com.epic.cdshooks.feedback.overrideReason"
            said = {"reasonCategory": "45", "reasonDisplay": "Does not meet criteria", "reasonTitle": "Does not"}
            extension = {f"{prefix}.{name}": value for name, value in said.items()}
            return {"overrideReasons": {"extension": extension, "userComment": "seen"}}
        return {"overrideReason": {"reason": given, "userComment": "seen"}}


def read_vendors() -> tuple[Vendor, ...]:
    """Return every vendor of vendors.toml."""
    content = tomllib.loads((Path(__file__).parent / "vendors.toml").read_text(encoding="utf-8"))
    return tuple(
        Vendor(name=name, **{key: _as_value(each) for key, each in entry.items()}) for name, entry in content.items()
    )


def _as_value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
