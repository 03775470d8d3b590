"""The synthetic patients and draft orders that the console offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fhir_fixtures import PatientFile, draft, draft_names, load_patients

__all__ = ["PatientFile", "Samples", "samples", "shipped_samples"]

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Samples:
    """Synthetic patients by the name of their file, in the order of their titles, with dates around `today`."""

    patients: Mapping[str, PatientFile]
    today: date
    first: str

    def draft(self, name: str, patient_id: str) -> Resource:
        """A draft order of today for this patient. `KeyError` for a name that is not in `drafts`."""
        if name not in self.drafts:
            raise KeyError(name)
        return draft(name, patient_id, self.today)

    @property
    def drafts(self) -> Mapping[str, str]:
        """Every draft order: its name, and the name as words."""
        return {name: _in_words(name) for name in draft_names()}


def samples(patients: Iterable[PatientFile], today: date, first: str) -> Samples:
    """Offer these patients; `first` is the one the page opens with."""
    ordered = sorted(patients, key=lambda each: each.title)
    return Samples({each.slug: each for each in ordered}, today, first)


def shipped_samples(today: date, first: str) -> Samples:
    """Offer every patient that ships with the package."""
    return samples(load_patients(today), today, first)


def _in_words(name: str) -> str:
    words = name.replace("-", " ")
    return words[0].upper() + words[1:]
