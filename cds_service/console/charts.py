"""The synthetic patients and draft orders offered by the console."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from cards.drugs.recognise import recognise
from fhir_fixtures import PatientFile, draft, draft_names, load_patients

__all__ = ["PatientFile", "Samples", "samples", "shipped_samples"]

Resource = dict[str, Any]


#: Kinds of draft orders in display order with their drug classes; the first match counts.
_CLASSES = {
    "Iron infusions": frozenset({"iron-iv"}),
    "Iron by mouth": frozenset({"iron-oral", "contraceptive-pack"}),
    "Vitamins and magnesium": frozenset({"b12", "b6", "folate", "vitc", "vitd", "magnesium-oral"}),
    "Drugs for restless legs": frozenset({"da", "levodopa", "gabapentinoid"}),
    "Drugs that can worsen restless legs": frozenset({"agg-sub", "agg-psy-antidepressant", "agg-psy-antipsychotic"}),
}
_OTHER = "Other drugs"
_KINDS = (*_CLASSES, _OTHER, "Laboratory")
_UNITS = {"MG": "mg", "ML": "mL", "UNT": "units"}
_FORM = re.compile(r"\b(?:Delayed Release )?(?:Oral|Chewable) (?:Tablet|Capsule)|Injection|Hydrochloride")


@dataclass(frozen=True, slots=True)
class DraftOption:
    """A draft order that can be chosen: its name, its label (drug, dose, route) and its kind."""

    name: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Synthetic patients by file name, ordered by title, with dates relative to `today`."""

    patients: Mapping[str, PatientFile]
    today: date
    first: str

    def draft(self, name: str, patient_id: str) -> Resource:
        """Return a draft order of today for this patient. Raises `KeyError` for an unknown name."""
        if name not in self.drafts:
            raise KeyError(name)
        return draft(name, patient_id, self.today)

    @property
    def drafts(self) -> Mapping[str, DraftOption]:
        """Return every draft order by name, ordered by kind and label."""
        return draft_options()

    @property
    def drafts_by_kind(self) -> Mapping[str, tuple[DraftOption, ...]]:
        """Return the draft orders of each kind."""
        return {kind: tuple(each for each in self.drafts.values() if each.kind == kind) for kind in _KINDS}


@cache
def draft_options() -> Mapping[str, DraftOption]:
    """Return every draft order of the fixtures by name, labelled from its resource."""
    found = [_draft_option(name) for name in draft_names()]
    return {each.name: each for each in sorted(found, key=lambda each: (_KINDS.index(each.kind), each.label.lower()))}


def _draft_option(name: str) -> DraftOption:
    order = draft(name, "nobody", date(2026, 6, 15))
    concept = order.get("medicationCodeableConcept") or order["code"]
    parts = [concept.get("text") or concept["coding"][0]["display"]]
    parts += [each["text"] for each in order.get("dosageInstruction", ()) if "text" in each]
    return DraftOption(name, _label(": ".join(parts)), _kind(order))


def _kind(order: Resource) -> str:
    if order["resourceType"] == "ServiceRequest":
        return "Laboratory"
    product = recognise(order["medicationCodeableConcept"])
    classes = product.classes if product else frozenset()
    return next((kind for kind, members in _CLASSES.items() if classes & members), _OTHER)


def _label(text: str) -> str:
    """Replace RxNorm's capital units and dose forms by their usual spelling, and capitalize the text."""
    for written, plain in _UNITS.items():
        text = re.sub(rf"\b{written}\b", plain, text)
    text = _FORM.sub(lambda found: found[0].lower(), text)
    return text[0].upper() + text[1:]


def samples(patients: Iterable[PatientFile], today: date, first: str) -> Samples:
    """Collect these patients; `first` is the one the page opens with."""
    ordered = sorted(patients, key=lambda each: each.title)
    return Samples({each.slug: each for each in ordered}, today, first)


def shipped_samples(today: date, first: str) -> Samples:
    """Collect every patient of the fixtures."""
    return samples(load_patients(today), today, first)
