"""The explanation of an answer that depends on an unverified code says so; its card speaks of the patient alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cards.decisions.decide import Verdict, decide
from cards.facts.chart import Chart
from cards.fhir.bundles import Listed
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.explain import explain
from cards.presenting.present import present
from cards.reading import Site, read_chart
from cds_service.knowledge.load import national_rules

RULES = national_rules()
SAYS = "Recognised by a code that awaits verification."
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def of(kind: str, system: str, code: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": code.replace(".", "-"),
        "code": {"coding": [{"system": system, "code": code}]},
        **members,
    }


RLS = of("Condition", ICD, "G25.81")
FERRITIN = of("Observation", "http://loinc.org", "2276-4", status="final", effectiveDateTime="2026-05-20",
              valueQuantity={"value": 38, "unit": "ng/mL"})  # fmt: skip


def first_card(conditions: list[Any], procedures: list[Any]) -> str:
    lists = {"conditions": conditions, "labs": [FERRITIN], "procedures": procedures}
    lists |= {"patient": [{"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01", "gender": "female"}]}
    gathered = {name: Listed(tuple(lists.get(name, ()))) for name in (*lists, "medications", "orders")}
    chart = read_chart(gathered, patient_id="p", now=datetime(2026, 6, 15, tzinfo=UTC), zone=UTC)
    verdict = decide(chart, RULES, "patient-view")
    return explained(verdict, chart)[verdict.fired[0].card]


def explained(verdict: Verdict, chart: Chart) -> dict[str, str]:
    """Return the explanation of every card by its id; the card itself says nothing of the codes."""
    cards = present(verdict, chart, RULES, profile=ClientCapabilities("p", max_cards=0), new_uuid=lambda: "u")
    assert not any(SAYS in card.detail for card in cards)
    return {each.card: each.sentence for each in explain(verdict, chart, RULES) if each.outcome == "fires"}


def phlebotomy(*codes: tuple[str, str]) -> dict[str, Any]:
    done = of("Procedure", "x", "x", status="completed", performedDateTime="2026-03-01")
    return {**done, "code": {"coding": [{"system": system, "code": code} for system, code in codes]}}


@pytest.mark.parametrize(
    ("conditions", "procedures", "says"),
    [
        ([RLS], [], False),
        ([of("Condition", "http://hl7.org/fhir/sid/icpc-2", "N04")], [], True),
        ([of("Condition", "http://hl7.org/fhir/sid/icpc-2", "N04"), RLS], [], False),
        ([RLS], [phlebotomy(("http://www.ama-assn.org/go/cpt", "99195"))], True),
    ],
    ids=["verified", "RLS by ICPC-2", "RLS by ICPC-2 and ICD", "phlebotomy by CPT"],
)
def test_the_explanation_names_the_doubt(conditions: list[Any], procedures: list[Any], says: bool) -> None:
    assert (SAYS in first_card(conditions, procedures)) is says


# --- laboratory, procedure and order codes ----------------------------------------------------------------------

LOINC, CPT = "http://loinc.org", "http://www.ama-assn.org/go/cpt"
DIALYSIS = (CPT, "90935")
VITAMIN_D = of("Observation", LOINC, "68438-1", status="final", effectiveDateTime="2026-05-20",
               valueQuantity={"value": 30, "unit": "nmol/L"})  # fmt: skip
KNOWN_D = of("Observation", LOINC, "62292-8", status="final", effectiveDateTime="2026-05-20",
             valueQuantity={"value": 12, "unit": "ng/mL"})  # fmt: skip
TSAT = of("Observation", LOINC, "2502-3", status="final", effectiveDateTime="2026-05-20",
          valueQuantity={"value": 15, "unit": "%"})  # fmt: skip


def with_codes(resource: dict[str, Any], *codes: tuple[str, str]) -> dict[str, Any]:
    return {**resource, "code": {"coding": [{"system": system, "code": code} for system, code in codes]}}


def dialysed(*codes: tuple[str, str]) -> dict[str, Any]:
    return with_codes(phlebotomy(), *codes) | {"performedDateTime": "2026-06-01"}


def details(hook: str = "patient-view", site: Site | None = None, drafts: Any = None, **lists: Any) -> dict[str, str]:
    """Return the explanation of every card by its code."""
    found = {"conditions": [RLS], "labs": [FERRITIN], "procedures": [], **lists}
    found |= {"patient": [{"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01", "gender": "female"}]}
    gathered = {name: Listed(tuple(found.get(name, ()))) for name in (*found, "medications", "orders", "allergies")}
    draft_orders = (
        None if drafts is None else {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}
    )
    chart = read_chart(
        gathered,
        patient_id="p",
        now=datetime(2026, 6, 15, tzinfo=UTC),
        zone=UTC,
        drafts=draft_orders,
        site=site or Site(),
    )
    verdict = decide(chart, RULES, hook)
    return {card.replace("-", ""): said for card, said in explained(verdict, chart).items()}


@pytest.mark.parametrize(
    ("labs", "says"),
    [
        ([VITAMIN_D], True),
        ([KNOWN_D], False),
        ([with_codes(VITAMIN_D, (LOINC, "68438-1"), (LOINC, "62292-8"))], False),
    ],
    ids=["a code in doubt", "a verified code", "both"],
)
def test_a_result_known_only_by_an_unverified_code_is_marked(labs: list[Any], says: bool) -> None:
    shown = details(labs=[FERRITIN, TSAT, *labs])
    assert (SAYS in shown["VITDLOW"]) is says
    assert SAYS not in shown["IRONLOW"]


def test_a_code_mapped_by_the_site_is_not_marked() -> None:
    own = Site(local_codes={("urn:x", "D"): "lab-vitd"})
    shown = details(site=own, labs=[FERRITIN, with_codes(VITAMIN_D, ("urn:x", "D"), (LOINC, "68438-1"))])
    assert SAYS not in shown["VITDLOW"]


ESRD = of("Condition", ICD, "N18.6")
STAGE_5 = of("Condition", ICD, "N18.5")
HAEMODIALYSIS = ("http://snomed.info/sct", "302497006")


@pytest.mark.parametrize(
    ("conditions", "procedures", "says"),
    [
        ([], [dialysed(DIALYSIS)], True),
        ([STAGE_5], [dialysed(DIALYSIS)], True),
        ([], [dialysed(HAEMODIALYSIS)], False),
        ([], [dialysed(DIALYSIS, HAEMODIALYSIS)], False),
        ([ESRD], [dialysed(DIALYSIS)], False),
    ],
    ids=["CPT alone", "stage 5 needs the dialysis beside it", "SNOMED", "both", "the disease is coded"],
)
@pytest.mark.parametrize(("tsat", "code"), [(15, "IRONESRD"), (None, "IRONTESTTSAT"), (25, "IRONESRDDISCORD")])
def test_kidney_disease_known_by_an_unverified_code_is_marked(
    conditions: list[Any], procedures: list[Any], says: bool, tsat: int | None, code: str
) -> None:
    low = {**TSAT, "valueQuantity": {"value": tsat, "unit": "%"}}
    labs = [FERRITIN, *([low] if tsat else [])]
    shown = details(conditions=[RLS, *conditions], labs=labs, procedures=procedures)
    assert (SAYS in shown[code]) is says


def order(code: tuple[str, str]) -> dict[str, Any]:
    return with_codes(of("ServiceRequest", *code), code) | {"status": "draft", "intent": "order"}


@pytest.mark.parametrize(("code", "says"), [((CPT, "82728"), True), ((LOINC, "2276-4"), False)], ids=["CPT", "LOINC"])
def test_an_order_known_by_an_unverified_code_is_marked(code: tuple[str, str], says: bool) -> None:
    shown = details("order-sign", labs=[], drafts=[order(code)])
    assert (SAYS in shown["OSLABTSAT"]) is says


IRON = {
    "resourceType": "MedicationRequest",
    "id": "fe",
    "status": "draft",
    "intent": "order",
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "310325"}]
    },
    "dosageInstruction": [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                           "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}],
}  # fmt: skip


@pytest.mark.parametrize(("code", "says"), [(DIALYSIS, True), (HAEMODIALYSIS, False)], ids=["CPT", "SNOMED"])
def test_an_iron_order_in_dialysis_known_by_an_unverified_code_is_marked(code: tuple[str, str], says: bool) -> None:
    high = {**FERRITIN, "valueQuantity": {"value": 820, "unit": "ng/mL"}}
    shown = details("order-sign", labs=[high, TSAT], procedures=[dialysed(code)], drafts=[IRON])
    assert (SAYS in shown["OSIRONESRDHOLD"]) is says


def test_the_mark_of_other_facts_is_kept() -> None:
    """Placed orders only suppress cards, and allergies matter only with a draft."""
    placed = with_codes(of("ServiceRequest", CPT, "82728"), (CPT, "82728")) | {"status": "active", "intent": "order"}
    gathered = {"orders": Listed((placed,))}
    chart = read_chart(gathered, patient_id="p", now=datetime(2026, 6, 15, tzinfo=UTC), zone=UTC)
    assert [each.unverified for each in chart.lab_orders] == [True]


def test_the_verified_code_of_a_duplicate_result_is_kept() -> None:
    twice = [{**VITAMIN_D, "id": "a"}, {**with_codes(VITAMIN_D, (LOINC, "62292-8")), "id": "b"}]
    for labs in (twice, twice[::-1]):
        assert SAYS not in details(labs=[FERRITIN, *labs])["VITDLOW"]
