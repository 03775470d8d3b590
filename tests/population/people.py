"""One synthetic patient, record by record, from a seed and a number: the same each time, whoever else is made."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.population.catalogue import Catalogue, catalogue

Resource = dict[str, Any]

_LOINC, _SNOMED, _RXNORM = (
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
_DIAGNOSIS_SYSTEMS = {
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd10gm": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
}
_DRUG_SYSTEMS = {"rxnorm": _RXNORM, "atc": "http://www.whocc.no/atc"}
_NPU, _UCUM = "http://npu-terminology.org", "http://unitsofmeasure.org"
_TERMS = "http://terminology.hl7.org/CodeSystem/"
#: ICD-10 has no code of its own for it: there it is told in words.
_RLS = {"name": "Restless legs syndrome", "icd": "G25.81", "snomed": "32914008"}
_RLS_IN_ICD10 = {"name": "Andre ekstrapyramidale sygdomme: restless legs", "icd": "G25.8", "snomed": "32914008"}
#: How far back records lie, in days, as a mean.
_BACK = 500.0
_OTHER_CODES: Mapping[str, tuple[str, str, str]] = {
    "Immunization": ("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal, injectable, preservative free"),
    "DocumentReference": (_LOINC, "11506-3", "Progress note"),
    "DiagnosticReport": (_LOINC, "51990-0", "Basic metabolic panel - Blood"),
    "Procedure": (_SNOMED, "73761001", "Colonoscopy"),
    "ServiceRequest": (_LOINC, "24323-8", "Comprehensive metabolic 2000 panel"),
    "AllergyIntolerance": (_RXNORM, "7980", "Penicillin G"),
}
_CODE_MEMBER = {"Immunization": "vaccineCode", "DocumentReference": "type"}


@dataclass(frozen=True, slots=True)
class Population:
    """What fixes a population, besides its size.

    rls           share of patients with restless legs syndrome
    observations  mean number of Observations of a patient
    site          a name of the catalogue, or `mixed`
    """

    seed: int = 1
    rls: float = 0.025
    observations: float = 20.0
    site: str = "mixed"
    today: date = date(2026, 6, 30)


def records_of(number: int, population: Population) -> Iterator[Resource]:
    """Yield every record of one patient, the Patient first; some of them twice."""
    dice = random.Random(f"{population.seed} {number}")  # noqa: S311 - a script, not a secret
    person = _Person(number, population, catalogue(), dice)
    duplicate = person.known.faults["duplicate"]
    for record in person.records():
        yield record
        if dice.random() < duplicate:
            yield record


def medications(population: Population) -> Iterator[Resource]:
    """Yield the Medications that orders refer to."""
    for number, drug in enumerate(catalogue().drugs):
        yield {
            "resourceType": "Medication",
            "id": f"m{number}",
            "code": _concept(_RXNORM, drug["rxnorm"], drug["name"]),
        }


class _Person:
    def __init__(self, number: int, population: Population, known: Catalogue, dice: random.Random) -> None:
        self.known, self._population, self._dice = known, population, dice
        self._id = f"p{number:07}"
        self._count = 0
        self._has_rls = dice.random() < population.rls
        names = list(known.sites)
        shares = [each["share"] for each in known.sites.values()]
        name = dice.choices(names, shares)[0] if population.site == "mixed" else population.site
        self._site = known.sites[name]

    def records(self) -> Iterator[Resource]:
        yield from self._patients()
        yield from self._encounters()
        yield from self._conditions()
        yield from self._observations()
        yield from self._orders()
        yield from self._others()

    def _is(self, fault: str) -> bool:
        return self._dice.random() < self.known.faults[fault]

    def _record(self, kind: str, /, **more: Any) -> Resource:
        self._count += 1
        owner = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
        return {
            "resourceType": kind,
            "id": f"{self._id}-{self._count}",
            owner: {"reference": f"Patient/{self._id}"},
            **more,
        }

    def _day(self) -> date:
        back = int(self._dice.expovariate(1 / _BACK))
        return self._population.today - timedelta(days=min(back, 9000))

    def _moment(self) -> str:
        dice = self._dice
        return f"{self._day()}T{dice.randrange(7, 19):02}:{dice.randrange(60):02}:00Z"

    def _patients(self) -> Iterator[Resource]:
        dice = self._dice
        age = min(max(dice.gauss(56 if self._has_rls else 44, 19), 0.1), 99)
        person = {
            "resourceType": "Patient",
            "id": self._id,
            "identifier": [{"system": "https://ehr.example.org/number", "value": self._id.upper()}],
            "active": True,
            "name": [{"use": "official", "family": f"Example{self._id}", "given": ["Synthetic"]}],
            "gender": "female" if dice.random() < (0.62 if self._has_rls else 0.52) else "male",
        }
        if not self._is("no_birth_date"):
            person["birthDate"] = str(self._population.today - timedelta(days=int(age * 365.25)))
        if self._is("replaced_record"):
            old = f"{self._id}-old"
            person["link"] = [{"other": {"reference": f"Patient/{old}"}, "type": "replaces"}]
            yield {"resourceType": "Patient", "id": old, "active": False}
        yield person

    def _encounters(self) -> Iterator[Resource]:
        for _ in range(_poisson(self._dice, self._site["encounters"])):
            start = self._moment()
            yield self._record(
                "Encounter",
                status="finished",
                **{"class": {"system": f"{_TERMS}v3-ActCode", "code": "AMB", "display": "ambulatory"}},
                type=[_concept(_SNOMED, "185349003", "Encounter for check up (procedure)")],
                period={"start": start, "end": start},
                serviceProvider={"reference": "Organization/o1", "display": "Example clinic"},
            )

    def _conditions(self) -> Iterator[Resource]:
        if self._has_rls:
            rls = _RLS_IN_ICD10 if self._site["diagnoses"] == ["icd10"] else _RLS
            yield self._condition(rls)
        for each in self.known.diagnoses:
            if self._dice.random() < each["in_rls" if self._has_rls else "share"]:
                yield self._condition(each)

    def _condition(self, diagnosis: Mapping[str, Any]) -> Resource:
        day = str(self._day())
        codes = [
            {"system": _SNOMED, "code": diagnosis["snomed"], "display": diagnosis["name"]}
            if name == "snomed"
            else {"system": _DIAGNOSIS_SYSTEMS[name], "code": diagnosis["icd"], "display": diagnosis["name"]}
            for name in self._site["diagnoses"]
        ]
        concept = {"coding": codes, "text": diagnosis["name"]}
        if self._is("words_only"):
            del concept["coding"]
        verified = "refuted" if self._is("refuted") else "confirmed"
        return self._record(
            "Condition",
            clinicalStatus=_concept(f"{_TERMS}condition-clinical", "active"),
            verificationStatus=_concept(f"{_TERMS}condition-ver-status", verified),
            category=[_concept(f"{_TERMS}condition-category", "problem-list-item")],
            code=concept,
            onsetDateTime=day,
            recordedDate=day,
        )

    def _observations(self) -> Iterator[Resource]:
        dice, known = self._dice, self.known
        mean = self._population.observations
        for _ in range(_poisson(dice, mean)):
            if dice.random() < 0.4:
                yield self._vital(dice.choices(known.vitals, cum_weights=known.vital_weights)[0])
            else:
                yield self._result(dice.choices(known.results, cum_weights=known.result_weights[0])[0])
        if self._has_rls:
            for _ in range(_poisson(dice, 6)):
                yield self._result(dice.choices(known.results, cum_weights=known.result_weights[1])[0])

    def _vital(self, about: Mapping[str, Any]) -> Resource:
        return self._record(
            "Observation",
            status="final",
            category=[_concept(f"{_TERMS}observation-category", "vital-signs")],
            code=_concept(_LOINC, about["loinc"], about["name"]),
            effectiveDateTime=self._moment(),
            valueQuantity=self._quantity(about["median"], about["spread"], about["unit"]),
        )

    def _result(self, about: Mapping[str, Any]) -> Resource:
        dice, site = self._dice, self._site
        si = about["si"] if site["si"] else {"units": about["units"], "factor": 1}
        moment = self._moment()
        record = self._record(
            "Observation",
            status="entered-in-error" if self._is("error") else "preliminary" if self._is("not_final") else "final",
            category=[_concept(f"{_TERMS}observation-category", "laboratory")],
            code={"coding": list(self._codes(about, si)), "text": about["name"]},
            effectiveDateTime=moment,
            issued=moment,
        )
        if self._is("no_date"):
            del record["effectiveDateTime"]
        if not self._is("no_value"):
            value = self._quantity(about["median"] * si["factor"], about["spread"], dice.choice(si["units"]))
            if self._is("no_unit"):
                value = {"value": value["value"]}
            if self._is("comparator"):
                value["comparator"] = dice.choice(("<", ">"))
            record["valueQuantity"] = value
        return record

    def _codes(self, about: Mapping[str, Any], si: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        only_local = self._is("local_code_only")
        for name in ("local",) if only_local else self._site["results"]:
            if name == "local":
                yield {"system": self._site["local"], "code": about["npu"][-5:], "display": about["name"].upper()}
            elif name == "npu":
                yield {"system": _NPU, "code": about["npu"], "display": about["name"]}
            else:
                yield {"system": _LOINC, "code": si.get("loinc", about["loinc"]), "display": about["name"]}

    def _quantity(self, median: float, spread: float, unit: str) -> dict[str, Any]:
        value = median * self._dice.lognormvariate(0, spread)
        return {"value": round(value, 1 if value < 50 else 0), "unit": unit, "system": _UCUM, "code": unit}

    def _orders(self) -> Iterator[Resource]:
        for number, drug in enumerate(self.known.drugs):
            if self._dice.random() < drug["in_rls" if self._has_rls else "share"]:
                yield self._order(number, drug)

    def _order(self, number: int, drug: Mapping[str, Any]) -> Resource:
        site = self._site
        if site["drugs"] == "reference":
            what: Resource = {"medicationReference": {"reference": f"Medication/m{number}", "display": drug["name"]}}
        else:
            system = _DRUG_SYSTEMS[site["drug_codes"]]
            what = {"medicationCodeableConcept": _concept(system, drug[site["drug_codes"]], drug["name"])}
        amount, unit, times = drug["dose"]
        return self._record(
            "MedicationRequest",
            status="stopped" if self._is("stopped") else "active",
            intent="order",
            **what,
            authoredOn=str(self._day()),
            dosageInstruction=[
                {
                    "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
                    "doseAndRate": [{"doseQuantity": {"value": amount, "unit": unit.strip("{}")}}],
                }
            ],
        )

    def _others(self) -> Iterator[Resource]:
        for kind, mean in self.known.others.items():
            system, code, words = _OTHER_CODES[kind]
            for _ in range(_poisson(self._dice, mean)):
                concept = {_CODE_MEMBER.get(kind, "code"): _concept(system, code, words)}
                yield self._record(kind, **concept, **_more_of(kind, self._moment()))


def _more_of(kind: str, moment: str) -> Resource:
    """Return the status of a record and its moment, as its type names them."""
    if kind == "AllergyIntolerance":
        active = _concept(f"{_TERMS}allergyintolerance-clinical", "active")
        return {"clinicalStatus": active, "recordedDate": moment}
    name, status = {
        "Immunization": ("occurrenceDateTime", "completed"),
        "DocumentReference": ("date", "current"),
        "DiagnosticReport": ("effectiveDateTime", "final"),
        "Procedure": ("performedDateTime", "completed"),
        "ServiceRequest": ("authoredOn", "completed"),
    }[kind]
    more: Resource = {"intent": "order"} if kind == "ServiceRequest" else {}
    if kind == "DocumentReference":
        more = {"content": [{"attachment": {"contentType": "text/plain", "url": "Binary/n1"}}]}
    return {"status": status, **more, name: moment}


def _concept(system: str, code: str, words: str = "") -> Resource:
    coding = {"system": system, "code": code, **({"display": words} if words else {})}
    return {"coding": [coding], **({"text": words} if words else {})}


def _poisson(dice: random.Random, mean: float) -> int:
    """Draw a count whose mean and variance are about those of a chart: waiting times summed up to one."""
    count, total = 0, dice.expovariate(mean) if mean else 2.0
    while total < 1:
        count += 1
        total += dice.expovariate(mean)
    return count
