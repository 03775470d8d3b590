"""Third-party records as hook requests, grouped by patient, with a diagnosis of RLS added."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders.service import bare, bundle, rls

Resource = dict[str, Any]

#: Prefetch keys and their resource types in all versions.
KINDS: Mapping[str, frozenset[str]] = {
    "conditions": frozenset({"Condition"}),
    "labs": frozenset({"Observation", "DiagnosticReport"}),
    "medications": frozenset({"MedicationRequest", "MedicationStatement", "Medication", "MedicationAdministration"}),
    "allergies": frozenset({"AllergyIntolerance"}),
    "procedures": frozenset({"Procedure"}),
    "orders": frozenset({"ServiceRequest", "ProcedureRequest", "DiagnosticOrder", "ReferralRequest"}),
}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True)
class Record:
    """The resources of one patient from a file or folder."""

    name: str
    patient: Resource
    resources: tuple[Resource, ...]

    @property
    def newest_result(self) -> date:
        """Return the day of the newest Observation, or an arbitrary day if none is dated."""
        days = [str(each.get("effectiveDateTime", ""))[:10] for each in self.resources]
        return max((date.fromisoformat(day) for day in days if len(day) == 10), default=date(2026, 6, 29))

    def request(self) -> Resource:
        """Build a patient-view call with everything in the record prefetched."""
        name = self.patient["id"]
        prefetch: Resource = {"patient": self.patient}
        for key, kinds in KINDS.items():
            prefetch[key] = bundle(*(each for each in self.resources if each["resourceType"] in kinds))
        prefetch["conditions"]["entry"].append({"resource": rls(name)})
        return bare(context={"userId": "Practitioner/1", "patientId": name}, prefetch=prefetch)

    def day_after(self) -> datetime:
        return datetime.combine(self.newest_result + timedelta(days=1), datetime.min.time(), UTC).replace(hour=12)


def records(data: Path) -> Iterator[Record]:
    """Yield every patient of every data set."""
    for folder in ("epic-sandbox", "cerner-sandbox", "meditech-sandbox"):
        yield from _by_reference(folder, _resources(sorted((data / folder).glob("*.json"))))
    smart = sorted((data / "smart-iron-deficient-8888803").glob("*.json"))
    yield from _by_reference("smart", _resources(smart))
    for folder in ("uk-gp-connect-stu3", "ips", "synthea-r4"):
        for file in sorted((data / folder).glob("*.json")):
            yield from _as_one(f"{folder}/{file.stem}", list(_resources([file])))
    for folder in ("au-test-data", "hl7-r4-examples"):
        found = list(_resources(sorted((data / folder).glob("*.json"))))
        yield from _as_one(folder, [{"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"}, *found])


def export_of(data: Path) -> list[Resource]:
    """Return everything of every record as one export, in which each Patient has a diagnosis of RLS."""
    held = [each for record in records(data) for each in record.resources]
    people = {str(each["id"]) for each in held if each["resourceType"] == "Patient" and each.get("id")}
    return [*held, *(rls(each) | {"id": f"rls-{each}"} for each in sorted(people))]


def _resources(files: Iterable[Path]) -> Iterator[Resource]:
    for file in files:
        yield from _inside(json.loads(file.read_text(encoding="utf-8")))


def _inside(value: Any) -> Iterator[Resource]:
    """Yield the resource, or the resources of a Bundle or of a recorded response."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") == "Bundle":
        for entry in value.get("entry", []):
            yield from _inside(entry.get("resource"))
    elif "resourceType" in value:
        yield value
    else:
        for inner in value.values():
            yield from _inside(inner)


def _by_reference(name: str, found: Iterable[Resource]) -> Iterator[Record]:
    """Yield one record for each referenced patient."""
    held = list(found)
    people = {each["id"]: each for each in held if each["resourceType"] == "Patient"}
    owned: dict[str, list[Resource]] = {}
    for each in held:
        reference = (each.get("subject") or each.get("patient") or {}).get("reference", "")
        owned.setdefault(reference.rpartition("/")[2], []).append(each)
    for owner, resources in sorted(owned.items()):
        if owner:
            person = people.get(owner, {"resourceType": "Patient", "id": owner, "birthDate": "1970-01-01"})
            yield Record(f"{name}/{owner}", person, tuple(resources))


def _as_one(name: str, held: list[Resource]) -> Iterator[Record]:
    """Return the record of a document as a server would store it, with every resource about its patient."""
    person = next((each for each in held if each["resourceType"] == "Patient"), None)
    if person is None:
        return
    own = str(person.get("id", ""))
    person = person if _ID.fullmatch(own) else person | {"id": "p1"}
    mine = {"reference": f"Patient/{person['id']}"}
    resources = [
        {**each, **{member: mine for member in ("subject", "patient") if member in each}}
        for each in held
        if each is not person
    ]
    yield Record(name, person, tuple(resources))
