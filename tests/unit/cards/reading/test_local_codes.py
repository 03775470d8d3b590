"""Local codes are read with the meanings of the site's map; unmapped codes are counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cards.facts.chart import Chart
from cards.fhir.bundles import Listed
from cards.fhir.local_codes import local_key
from cards.reading import Site, read_chart
from cards.reading.unknown import unknown_codes

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
OWN = "urn:oid:1.2.3"


def concept(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": OWN, "code": code} for code in codes]}


def of(kind: str, number: int = 1, **members: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": str(number), "subject": {"reference": "Patient/p"}, **members}


def result(code: str, unit: str = "ng/mL", **members: Any) -> dict[str, Any]:
    value = {"valueQuantity": {"value": 38, "unit": unit}} | members
    return of("Observation", status="final", code=concept(code), effectiveDateTime="2026-05-20", **value)


def read(site: Site, drafts: Any = None, **lists: dict[str, Any]) -> Chart:
    gathered = {key: Listed((resource,)) for key, resource in lists.items()}
    return read_chart(gathered, patient_id="p", now=NOW, zone=UTC, drafts=drafts, site=site)


def test_a_diagnosis() -> None:
    site = Site(diagnosis_codes={(OWN, "RLS"): frozenset({"rls"})})
    chart = read(site, conditions=of("Condition", code=concept("RLS")))
    assert [(each.concepts, each.counts, each.unverified) for each in chart.diagnoses] == [({"rls"}, True, False)]
    assert read(Site(), conditions=of("Condition", code=concept("RLS"))).diagnoses == ()


def test_a_procedure() -> None:
    site = Site(procedure_codes={(OWN, "T"): frozenset({"transfusion"})})
    done = of("Procedure", code=concept("T"), status="completed", performedDateTime="2026-06-01")
    assert [each.concepts for each in read(site, procedures=done).procedures] == [{"transfusion"}]


def test_an_order_placed_and_an_order_drafted() -> None:
    site = Site(order_codes={(OWN, "LAB68"): frozenset({"ferritin", "iron-panel"})})
    order = of("ServiceRequest", code=concept("LAB68"), status="active", intent="order")
    assert [each.tests for each in read(site, orders=order).lab_orders] == [{"ferritin", "iron-panel"}]
    draft_orders = {"resourceType": "Bundle", "entry": [{"resource": {**order, "status": "draft"}}]}
    assert [each.tests for each in read(site, draft_orders).drafts] == [{"ferritin", "iron-panel"}]


def test_the_reason_of_an_order() -> None:
    site = Site(diagnosis_codes={(OWN, "RLS"): frozenset({"rls"})}, drug_codes={(OWN, "FE"): "310325"})
    drug = of(
        "MedicationRequest", status="active", medicationCodeableConcept=concept("FE"), reasonCode=[concept("RLS")]
    )
    assert [each.reasons.name_rls for each in read(site, medications=drug).drugs] == [True]


def test_an_allergy_by_product_and_by_reaction() -> None:
    by_product = Site(allergy_codes={(OWN, "A"): "1433693"})
    allergy = {"resourceType": "AllergyIntolerance", "id": "1", "criticality": "high", "code": concept("A")}
    found = read(by_product, allergies=allergy).allergies
    assert [each.ingredients for each in found] == [{"ferric carboxymaltose"}]
    by_reaction = Site(diagnosis_codes={(OWN, "A"): frozenset({"iron-adverse-reaction"})})
    assert [each.concepts for each in read(by_reaction, allergies=allergy).allergies] == [{"iron-adverse-reaction"}]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (("http://hl7.org/fhir/sid/icd-10", "G25.8"), ("urn:oid:2.16.840.1.113883.6.3", "g258")),
        ((OWN, "Lab68"), (OWN, " Lab68 ")),
    ],
)
def test_one_code_in_two_spellings_is_one_code(written: tuple[str, str], sent: tuple[str, str]) -> None:
    assert local_key(*written) == local_key(*sent)


def test_local_codes_of_a_system_of_its_own_keep_their_case() -> None:
    assert local_key(OWN, "a") != local_key(OWN, "A")


# --- what nothing translates ------------------------------------------------------------------------------------


def unknown(site: Site | None = None, **lists: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return unknown_codes({key: Listed((resource,)) for key, resource in lists.items()}, site)


def test_results_and_drugs_of_a_system_of_the_sites_own() -> None:
    drug = of("MedicationRequest", medicationCodeableConcept=concept("D1"))
    assert unknown(labs=result("L1"), medications=drug) == ((OWN, "L1"), (OWN, "D1"))


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"system": "http://loinc.org", "code": "2951-2"}, {"system": OWN, "code": "NA"}]},
        {"text": "Ferritin"},
        {},
    ],
    ids=["beside a public code", "words alone", "nothing"],
)
def test_public_codes_need_no_map(code: dict[str, Any]) -> None:
    assert unknown(labs={**result("L1"), "code": code}) == ()


def test_mapped_codes_are_known() -> None:
    site = Site(local_codes={(OWN, "L1"): "lab-ferritin"}, drug_codes={(OWN, "D1"): "310325"})
    drug = of("MedicationRequest", medicationCodeableConcept=concept("D1"))
    assert unknown(site, labs=result("L1"), medications=drug) == ()


def test_a_drug_known_by_name_needs_no_map() -> None:
    named = of(
        "MedicationRequest", medicationCodeableConcept={**concept("D1"), "text": "Ferrous sulfate 325 mg tablet"}
    )
    assert unknown(medications=named) == ()


def test_a_note_is_no_measurement_and_a_component_is_one() -> None:
    assert unknown(labs=of("Observation", code=concept("NOTE"))) == ()
    panel = of("Observation", code=concept("P"), component=[{"code": concept("C"), "valueString": "38 ng/mL"}])
    assert unknown(labs=panel) == ((OWN, "C"),)


def test_other_resources_are_skipped() -> None:
    assert unknown(labs=of("Specimen", code=concept("S"), valueString="38 ng/mL")) == ()
