"""Load the synthetic patients and draft orders from the JSON files of this package."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from fhir_fixtures.dates import shift_resource

Resource = dict[str, Any]

_HERE = Path(__file__).parent
_EXTENSIONS = "https://rls-cds.example.org/StructureDefinition/fixture-"


@dataclass(frozen=True, slots=True)
class PatientFile:
    """One synthetic patient as a collection Bundle, whose first entry is the Patient; `slug` is the file name."""

    slug: str
    title: str
    what_it_shows: str
    bundle: Resource
    patient_id: str

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources in file order, only those of the types `kinds` if any are given."""
        for entry in self.bundle.get("entry", []):
            if not kinds or entry["resource"]["resourceType"] in kinds:
                yield entry["resource"]


def load_patients(today: date) -> tuple[PatientFile, ...]:
    """Load every patient, ordered by file name, with dates shifted from the anchor day to `today`."""
    return tuple(_patient(path, today) for path in sorted((_HERE / "patients").glob("*.json")))


def load_patient(slug: str, today: date) -> PatientFile:
    """Load one patient by file name. Raises FileNotFoundError if there is none."""
    return _patient(_HERE / "patients" / f"{slug}.json", today)


@cache
def draft_names() -> tuple[str, ...]:
    """Return the names of all draft orders."""
    return tuple(sorted(path.stem for path in (_HERE / "drafts").glob("*.json")))


def draft(name: str, patient_id: str, today: date, *, id: str | None = None) -> Resource:
    """Return a draft order by name (`draft_names`), written today for this patient; its id is the name unless given.

    The caller owns the returned resource and may change it.
    """
    order = copy.deepcopy(_draft_file(name))
    order["subject"]["reference"] = f"Patient/{patient_id}"
    order["authoredOn"] = today.isoformat()
    order["id"] = id or name
    return order


@cache
def _draft_file(name: str) -> Resource:
    return _read(_HERE / "drafts" / f"{name}.json")


def _patient(path: Path, today: date) -> PatientFile:
    written = _read(path)
    notes = {note["url"].removeprefix(_EXTENSIONS): note["valueString"] for note in written["meta"]["extension"]}
    anchor = date.fromisoformat(written["timestamp"][: len("2026-06-15")])
    bundle = shift_resource(written, today, anchor)
    return PatientFile(path.stem, notes["title"], notes["shows"], bundle, bundle["entry"][0]["resource"]["id"])


def _read(path: Path) -> Resource:
    content: Resource = json.loads(path.read_text(encoding="utf-8"))
    return content
