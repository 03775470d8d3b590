"""Generated patients as FHIR: laboratory results, diagnoses, drugs and drafts as they might really stand together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from cards.analytes import Conversion, analyte
from cards.card import Card
from cards.chart import LISTS, Listing
from cards.decide import decide
from cards.present import CardProfile, present
from cards.reading import Listed, read_chart
from cards.rules import load_rules
from fhir_fixtures import draft, draft_names

TODAY = date(2026, 6, 15)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
PATIENT = "generated"
RULES = load_rules()

LOINC = {
    "ferritin": "2276-4", "tsat": "2502-3", "iron": "2498-4", "tibc": "2500-7", "transferrin": "3034-6",
    "b12": "2132-9", "mma": "13964-2", "folate": "2284-8", "vitd": "62292-8", "magnesium": "19123-9",
    "crp": "1988-5", "haemoglobin": "718-7", "egfr": "98979-8", "calcium": "17861-6", "phosphate": "2777-1",
    "plp": "62236-5",
}  # fmt: skip
#: Values around the limits of each analyte, in its canonical unit, in the last decimal it is shown with.
RANGES = {
    "ferritin": (1, 1200), "tsat": (2, 70), "iron": (10, 200), "tibc": (200, 450), "transferrin": (150, 350),
    "b12": (100, 500), "mma": (0, 1), "folate": (1, 8), "vitd": (8, 180), "magnesium": (1, 6), "crp": (0, 60),
    "haemoglobin": (8, 18), "egfr": (10, 110), "calcium": (8, 13), "phosphate": (1, 5), "plp": (10, 250),
}  # fmt: skip
DIAGNOSES = {
    "rls": ("http://snomed.info/sct", "32914008"),
    "haemochromatosis": ("http://hl7.org/fhir/sid/icd-10-cm", "E83.110"),
    "polycythaemia": ("http://hl7.org/fhir/sid/icd-10-cm", "D45"),
    "esrd": ("http://hl7.org/fhir/sid/icd-10-cm", "N18.6"),
    "ckd": ("http://hl7.org/fhir/sid/icd-10-cm", "N18.4"),
    "heart failure": ("http://hl7.org/fhir/sid/icd-10-cm", "I50.9"),
    "parkinson": ("http://hl7.org/fhir/sid/icd-10-cm", "G20"),
    "neuropathy": ("http://snomed.info/sct", "42345000"),
    "pregnant": ("http://snomed.info/sct", "77386006"),
    "sepsis": ("http://hl7.org/fhir/sid/icd-10-cm", "A41.9"),
    "coeliac": ("http://hl7.org/fhir/sid/icd-10-cm", "K90.0"),
}
_LAB_DRAFTS = frozenset(name for name in draft_names() if name.endswith("-lab"))
_DRUG_DRAFTS = tuple(name for name in draft_names() if name not in _LAB_DRAFTS)

Resource = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """One result in the canonical unit; `conversion` says in which unit it is written."""

    analyte: str
    value: Decimal
    days_ago: int
    conversion: Conversion
    status: str = "final"
    comparator: str = ""


@dataclass(frozen=True)
class Generated:
    """A patient with everything a hook may see, and the drafts of an order hook."""

    hook: str
    sex: str
    age: int
    diagnoses: tuple[tuple[str, str], ...]  # name, verification
    labs: tuple[Lab, ...]
    drugs: tuple[tuple[str, int], ...]  # draft name, days since it began
    drafts: tuple[str, ...]

    def lists(self) -> dict[str, list[Resource]]:
        """The resources by prefetch key."""
        return {
            "patient": [_patient(self)],
            "conditions": [_condition(n, *entry) for n, entry in enumerate(self.diagnoses)],
            "labs": [observation(n, lab) for n, lab in enumerate(self.labs)],
            "medications": [_drug(n, *entry) for n, entry in enumerate(self.drugs)],
            "allergies": [],
            "procedures": [],
            "orders": [],
        }

    def basket(self) -> Resource:
        drafts = [draft(name, PATIENT, TODAY, id=f"draft-{n}") for n, name in enumerate(self.drafts)]
        return {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}


def _patient(generated: Generated) -> Resource:
    born = TODAY.replace(year=TODAY.year - generated.age, day=1)
    return {"resourceType": "Patient", "id": PATIENT, "gender": generated.sex, "birthDate": born.isoformat()}


def _condition(number: int, name: str, verification: str) -> Resource:
    system, code = DIAGNOSES[name]
    return {
        "resourceType": "Condition",
        "id": f"condition-{number}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "recordedDate": (TODAY - timedelta(days=20)).isoformat(),
    }


def observation(number: int, lab: Lab, conversion: Conversion | None = None) -> Resource:
    """The result as FHIR, in its own unit or in `conversion`."""
    used = conversion or lab.conversion
    value = (lab.value * used.per / used.times).quantize(Decimal("1e-9")).normalize()
    quantity: Resource = {
        "value": float(value),
        "unit": used.unit,
        "system": "http://unitsofmeasure.org",
        "code": used.unit,
    }
    if lab.comparator:
        quantity["comparator"] = lab.comparator
    return {
        "resourceType": "Observation",
        "id": f"lab-{number}",
        "status": lab.status,
        "code": {"coding": [{"system": "http://loinc.org", "code": LOINC[lab.analyte]}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": (TODAY - timedelta(days=lab.days_ago)).isoformat(),
        "valueQuantity": quantity,
    }


def _drug(number: int, name: str, days: int) -> Resource:
    order = draft(name, PATIENT, TODAY - timedelta(days=days), id=f"drug-{number}")
    return order | {"status": "active"}


def conversions(name: str) -> list[Conversion]:
    """Every unit the analyte is read in, but those that only a small number may stand in."""
    found = {entry.unit: entry for entry in analyte(name).units.values() if entry.up_to is None}
    return [found[unit] for unit in sorted(found)]


@st.composite
def labs(pick: st.DrawFn) -> Lab:
    name = pick(st.sampled_from(sorted(LOINC)))
    decimals = analyte(name).decimals
    low, high = RANGES[name]
    places = 2 if decimals is None else decimals
    value = pick(st.decimals(low, high, places=places).filter(lambda number: number > 0))
    return Lab(
        name,
        value,
        pick(st.sampled_from([0, 1, 5, 12, 14, 15, 29, 31, 57, 89, 91, 179, 181, 200, 364, 366, 500, 729, 731])),
        pick(st.sampled_from(conversions(name))),
        pick(st.sampled_from(["final", "final", "final", "corrected", "preliminary", "entered-in-error"])),
        pick(st.sampled_from(["", "", "", "", "", "<", ">"])),
    )


@st.composite
def generated(pick: st.DrawFn) -> Generated:
    """A chart, most of the time with restless legs syndrome and iron studies."""
    hook = pick(st.sampled_from(["patient-view", "order-sign"]))
    verification = st.sampled_from(["confirmed", "confirmed", "confirmed", "provisional", "refuted"])
    others = pick(st.lists(st.sampled_from([name for name in DIAGNOSES if name != "rls"]), max_size=2, unique=True))
    names = ["rls", *others] if pick(st.integers(0, 9)) else others
    return Generated(
        hook,
        pick(st.sampled_from(["female", "male", "unknown"])),
        pick(st.sampled_from([0, 5, 17, 18, 31, 49, 50, 61, 76, 90])),
        tuple((name, pick(verification)) for name in names),
        tuple(pick(st.lists(labs(), max_size=7))),
        tuple(
            pick(
                st.lists(
                    st.tuples(st.sampled_from(_DRUG_DRAFTS), st.sampled_from([3, 20, 55, 89, 91, 130, 400])), max_size=3
                )
            )
        ),
        tuple(pick(st.lists(st.sampled_from(draft_names()), max_size=3))) if hook == "order-sign" else (),
    )


def answer(
    patient: Generated,
    lists: Mapping[str, list[Resource]] | None = None,
    listings: Mapping[str, Listing] | None = None,
) -> tuple[Card, ...] | str:
    """The cards for this patient; or what is missing, as words."""
    given = lists or patient.lists()
    known = listings or {}
    gathered = {
        name: Listed(tuple(given[name]), known.get(name, Listing.COMPLETE))
        for name in LISTS
        if known.get(name) is not Listing.NOT_KNOWN
    }
    chart = read_chart(gathered, patient_id=PATIENT, now=NOW, zone=UTC, drafts=patient.basket())
    verdict = decide(chart, RULES, patient.hook)
    if verdict.missing:
        return f"missing {verdict.missing}"
    profile = CardProfile(PATIENT, max_cards=0)
    return present(verdict, chart, RULES, profile=profile, new_uuid=lambda: "uuid")


def gist(cards: tuple[Card, ...] | str) -> object:
    """What the cards say and offer, without how a value was obtained."""
    if isinstance(cards, str):
        return cards
    return sorted((card.id, card.indicator, tuple(offer.label for offer in card.suggestions)) for card in cards)
