"""The synthetic patients and draft orders that the console offers."""

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


#: Kinds of draft orders in the order of the list: the classes of drugs that each holds, the first that fits.
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
class Offer:
    """A draft order: its name, what it orders and how (drug, dose, route), and which kind of order it is."""

    name: str
    label: str
    kind: str


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
    def drafts(self) -> Mapping[str, Offer]:
        """Every draft order by name, those of one kind together and in the order of their words."""
        return offers()

    @property
    def drafts_by_kind(self) -> Mapping[str, tuple[Offer, ...]]:
        return {kind: tuple(each for each in self.drafts.values() if each.kind == kind) for kind in _KINDS}


@cache
def offers() -> Mapping[str, Offer]:
    """Every draft order that ships, as it reads in its own resource."""
    found = [_offer(name) for name in draft_names()]
    return {each.name: each for each in sorted(found, key=lambda each: (_KINDS.index(each.kind), each.label.lower()))}


def _offer(name: str) -> Offer:
    order = draft(name, "nobody", date(2026, 6, 15))
    concept = order.get("medicationCodeableConcept") or order["code"]
    said = [concept.get("text") or concept["coding"][0]["display"]]
    said += [each["text"] for each in order.get("dosageInstruction", ()) if "text" in each]
    return Offer(name, _in_words(": ".join(said)), _kind(order))


def _kind(order: Resource) -> str:
    if order["resourceType"] == "ServiceRequest":
        return "Laboratory"
    product = recognise(order["medicationCodeableConcept"])
    classes = product.classes if product else frozenset()
    return next((kind for kind, members in _CLASSES.items() if classes & members), _OTHER)


def _in_words(text: str) -> str:
    """Units as they are written in a chart, where RxNorm has capitals; a capital at the beginning."""
    for written, plain in _UNITS.items():
        text = re.sub(rf"\b{written}\b", plain, text)
    text = _FORM.sub(lambda found: found[0].lower(), text)
    return text[0].upper() + text[1:]


def samples(patients: Iterable[PatientFile], today: date, first: str) -> Samples:
    """Offer these patients; `first` is the one the page opens with."""
    ordered = sorted(patients, key=lambda each: each.title)
    return Samples({each.slug: each for each in ordered}, today, first)


def shipped_samples(today: date, first: str) -> Samples:
    """Offer every patient that ships with the package."""
    return samples(load_patients(today), today, first)
