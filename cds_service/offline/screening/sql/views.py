"""Seven ViewDefinitions of SQL on FHIR 2, in the shareable subset of FHIRPath, with the codes of the value sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from cards.drugs.products import product_codes
from cards.drugs.recognise import recognise
from cards.knowledge.code_systems import RXNORM
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.reading.procedures import PROCEDURES

Json = dict[str, Any]

_ADDRESS = "https://rls-cds.example.org/fhir/ViewDefinition"
#: Diagnoses that the queries ask for, by the names of their value sets.
DIAGNOSES = (
    "rls",
    "rls-in-pregnancy",
    "overload",
    "hereditary-overload",
    "probable-overload",
    "polycythaemia-vera",
    "esrd",
    "parkinsonism",
)
#: Drugs that the queries ask for, by class.
DRUGS = ("iron-oral", "iron-iv", "da", "levodopa", "ergot")
Code = tuple[str, str]


@cache
def codes_of(name: str) -> tuple[Code, ...]:
    """Return the codes of a value set as (system, code), sorted; of drugs with the products of the class.

    Of a category its own code counts; what lies below it no plain comparison finds.
    """
    listed = set(_listed(name))
    if name.startswith("drug-"):
        listed |= {(RXNORM, code) for code, classes in _products().items() if name.removeprefix("drug-") in classes}
    return tuple(sorted(listed))


def _listed(name: str) -> Iterable[Code]:
    held = load_valueset(name)
    return (*held.codes, *held.categories)


@cache
def _products() -> Mapping[str, frozenset[str]]:
    found = {code: recognise({"coding": [{"system": RXNORM, "code": code}]}) for code in product_codes()}
    return {code: product.classes for code, product in found.items() if product is not None}


@cache
def view_definitions() -> Mapping[str, Json]:
    """Return every ViewDefinition by its name."""
    labs = [name for name in valueset_names() if name.startswith("lab-")]
    orders = [name for name in valueset_names() if name.startswith("order-")]
    views = (
        _view(
            "rls_patient",
            "Patient",
            "Who there is",
            [
                ("id", "getResourceKey()"),
                ("gender", "gender"),
                ("birth_date", "birthDate"),
                ("deceased", "deceased.ofType(boolean)"),
                ("deceased_at", "deceased.ofType(dateTime)"),
            ],
        ),
        _view(
            "rls_condition",
            "Condition",
            "Diagnoses of restless legs syndrome, and those that change a count",
            [
                ("id", "getResourceKey()"),
                ("patient", "subject.getReferenceKey(Patient)"),
                ("clinical_status", "clinicalStatus.coding.code.first()"),
                ("verification", "verificationStatus.coding.code.first()"),
                ("recorded", "recordedDate"),
            ],
            each=_coded("code.coding", DIAGNOSES),
        ),
        _view(
            "rls_lab",
            "Observation",
            "Results of every analyte that a decision reads",
            [
                ("id", "getResourceKey()"),
                ("patient", "subject.getReferenceKey(Patient)"),
                ("status", "status"),
                ("taken", "effective.ofType(dateTime)"),
                ("value", "value.ofType(Quantity).value"),
                ("unit", "value.ofType(Quantity).code"),
                ("comparator", "value.ofType(Quantity).comparator"),
            ],
            each=_coded("code.coding", labs),
        ),
        _view(
            "rls_medication",
            "MedicationRequest",
            "Orders of drugs, with every code; those without a code once",
            [
                ("id", "getResourceKey()"),
                ("patient", "subject.getReferenceKey(Patient)"),
                ("status", "status"),
                ("intent", "intent"),
                ("authored", "authoredOn"),
                ("words", "medication.ofType(CodeableConcept).text"),
                ("medication", "medication.ofType(Reference).reference"),
            ],
            or_null="medication.ofType(CodeableConcept).coding",
        ),
        _view(
            "rls_procedure",
            "Procedure",
            "Procedures that a decision reads",
            [
                ("id", "getResourceKey()"),
                ("patient", "subject.getReferenceKey(Patient)"),
                ("status", "status"),
                ("performed", "performed.ofType(dateTime)"),
            ],
            each=_coded("code.coding", PROCEDURES),
        ),
        _view(
            "rls_order",
            "ServiceRequest",
            "Orders of laboratory tests that a decision offers",
            [
                ("id", "getResourceKey()"),
                ("patient", "subject.getReferenceKey(Patient)"),
                ("status", "status"),
                ("intent", "intent"),
                ("authored", "authoredOn"),
            ],
            each=_coded("code.coding", orders),
        ),
        _view(
            "rls_allergy",
            "AllergyIntolerance",
            "Allergies to iron and to gabapentinoids",
            [
                ("id", "getResourceKey()"),
                ("patient", "patient.getReferenceKey(Patient)"),
                ("clinical_status", "clinicalStatus.coding.code.first()"),
                ("verification", "verificationStatus.coding.code.first()"),
            ],
            each=_coded("code.coding", ("drug-iron-oral", "drug-iron-iv", "drug-gabapentinoid")),
        ),
    )
    return {each["name"]: each for each in views}


def _view(
    name: str, resource: str, title: str, columns: Iterable[tuple[str, str]], *, each: str = "", or_null: str = ""
) -> Json:
    select: list[Json] = [{"column": [{"name": column, "path": path} for column, path in columns]}]
    if each or or_null:
        how = "forEach" if each else "forEachOrNull"
        coding = [{"name": column, "path": column} for column in ("system", "code")]
        select.append({how: each or or_null, "column": coding})
    return {
        "resourceType": "ViewDefinition",
        "url": f"{_ADDRESS}/{name}",
        "name": name,
        "title": title,
        "status": "active",
        "fhirVersion": ["4.0.1"],
        "resource": resource,
        "select": select,
    }


def _coded(path: str, names: Iterable[str]) -> str:
    """The codings of these value sets: by their code; the queries look at the system.

    Runners cut a path in different places: the last part is a plain one, and `or` is nested as little as can be.
    """
    codes = sorted({code for name in names for _, code in _listed(name)})
    return f"{path}.where({_any_of(codes)}).where(code.exists())"


def _any_of(codes: Sequence[str]) -> str:
    if len(codes) == 1:
        return f"code = '{_quoted(codes[0])}'"
    middle = len(codes) // 2
    return f"({_any_of(codes[:middle])} or {_any_of(codes[middle:])})"


def _quoted(code: str) -> str:
    return code.replace("\\", "\\\\").replace("'", "\\'")
