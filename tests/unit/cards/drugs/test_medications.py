"""Orders, statements, administrations and drafts, in the shapes of every version and of real clients (page 4.8)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.facts.drugs import DailyDose, Drug
from cards.fhir.json_values import objects
from cards.fhir.references import resolver
from cards.knowledge.code_systems import ATC, RXNORM
from cards.reading.drug_reasons import read_reasons
from cards.reading.medications import read_draft_drug, read_drugs

TODAY, ZONE = date(2026, 6, 15), ZoneInfo("America/New_York")
ROPINIROLE, SULFATE, FCM = "312845", "310325", "1435169"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
BACK_PAIN, FATIGUE = ({"coding": [{"system": ICD, "code": code}]} for code in ("M54.5", "R53.83"))
OWN_CONDITION = {"resourceType": "Condition", "id": "r"}
RLS = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]}
HEART_FAILURE = {"coding": [{"system": "http://snomed.info/sct", "code": "84114007"}]}


def order(code: str = ROPINIROLE, **members: Any) -> dict[str, Any]:
    medication = {"coding": [{"system": RXNORM, "code": code}]}
    base = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order"}
    base |= {"subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": medication}
    return {name: value for name, value in (base | members).items() if value is not None}


def drugs(*resources: Any) -> tuple[Drug, ...]:
    return read_drugs(resources, patient_id="p1", today=TODAY, zone=ZONE)


def draft(resource: dict[str, Any]) -> Drug | None:
    return read_draft_drug(resource, today=TODAY, zone=ZONE)


def day(drug: Drug) -> str | None:
    return drug.start.first.isoformat() if drug.start else None


@pytest.mark.parametrize(
    ("members", "active"),
    [
        ({}, True),
        ({"intent": None}, True),
        ({"intent": "plan"}, True),
        ({"status": "completed"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "stopped"}, False),
        ({"status": None, "authoredOn": "2025-06-15"}, True),
        ({"status": None, "authoredOn": "2025-06-14"}, False),
        ({"status": "unknown", "authoredOn": "2026-01-01"}, True),
        ({"status": "unknown"}, False),
        ({"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-06-14"}}}}]}, False),
        ({"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-06-15"}}}}]}, True),
        ({"effectivePeriod": {"end": "2026-06-14"}}, False),
    ],
)  # fmt: skip
def test_which_orders_are_active(members: dict[str, Any], active: bool) -> None:
    assert [drug.active for drug in drugs(order(**members))] == [active]


@pytest.mark.parametrize(
    "members",
    [
        {"status": "draft"},
        {"status": "cancelled"},
        {"status": "entered-in-error"},
        {"intent": "proposal"},
        {"intent": "option"},
        {"doNotPerform": True},
        {"subject": {"reference": "Patient/p2"}},
        {"medicationCodeableConcept": {"text": "lisinopril 10 mg"}},
        {"resourceType": "MedicationStatement", "taken": "n"},
        {"resourceType": "MedicationStatement", "wasNotTaken": True},
        {"resourceType": "MedicationStatement", "adherence": {"code": {"coding": [{"code": "not-taking"}]}}},
        {"resourceType": "MedicationDispense", "status": "preparation"},
        {"resourceType": "MedicationDispense", "status": "on-hold"},
        {"resourceType": "MedicationDispense", "status": "declined"},
    ],
)
def test_what_is_never_taken_or_not_ours_is_left_out(members: dict[str, Any]) -> None:
    assert drugs(order(**members)) == ()


def test_that_it_is_not_taken_is_said_of_the_statement_and_ends_no_order() -> None:
    """The clinical page (4.8, 7.5 case 13) leaves the statement out; an order that is active stays active."""
    statement = order(resourceType="MedicationStatement", id="s1", status="not-taken")
    assert [drug.reference for drug in drugs(order(), statement) if drug.active] == ["MedicationRequest/m1"]


def test_a_statement_is_read_like_an_order() -> None:
    (drug,) = drugs(
        order(resourceType="MedicationStatement", status="intended", effectivePeriod={"start": "2026-02-01"})
    )
    assert drug.active
    assert day(drug) == "2026-02-01"


def test_the_older_order_of_dstu2() -> None:
    resource = {
        "resourceType": "MedicationOrder",
        "id": "o",
        "status": "active",
        "patient": {"reference": "Patient/p1"},
    }
    resource |= {"dateWritten": "2026-03-01", "medicationCodeableConcept": {"text": "Ropinirole 0.25 mg tablet"}}
    resource |= {"dosageInstruction": [{"text": "1 tab qhs", "doseQuantity": {"value": 1}}]}
    (drug,) = drugs(resource)
    assert day(drug) == "2026-03-01"
    assert drug.daily is not None
    assert f"{drug.daily.mg['ropinirole']}" == "0.25"


@pytest.mark.parametrize(
    "medication",
    [
        {"medicationReference": {"reference": "Medication/x"}},
        {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/x"}},
        {"medicationReference": {"reference": "#c"}, "contained": [
            {"resourceType": "Medication", "id": "c", "code": {"text": "ropinirole 0.25 mg tablet"}}]},
        {"medicationReference": {"reference": "Medication/gone", "display": "rOPINIRole (Requip) 0.25 mg tablet"}},
        {"medication": {"concept": {"text": "ropinirole 0.25 mg tablet"}}},
        {"medication": {"reference": {"reference": "Medication/x"}}},
        {"medicationReference": {"reference": "Medication/parts"}},
    ],
)  # fmt: skip
def test_a_medication_is_found_however_it_is_named(medication: dict[str, Any]) -> None:
    ropinirole = {"coding": [{"system": RXNORM, "code": "72302"}]}
    dose = {"numerator": {"value": 0.25, "code": "mg"}, "denominator": {"value": 1}}
    held = [
        {"resourceType": "Medication", "id": "x", "code": {"text": "ropinirole 0.25 mg tablet"}},
        {"resourceType": "Medication", "id": "parts", "form": {"text": "tablet"}, "ingredient": [
            {"itemCodeableConcept": ropinirole, "isActive": True, "strength": dose},
            {"itemCodeableConcept": {"text": "ferric oxide"}, "isActive": False},
            {"itemCodeableConcept": {"text": "magnesium oxide"}, "isActive": False}]},
    ]  # fmt: skip
    (drug,) = drugs(order(medicationCodeableConcept=None, **medication), *held)
    assert drug.product.name == "ropinirole 0.25 mg oral tablet"
    assert drug.product.classes == frozenset({"da"})


ONE_A_DAY = [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
              "doseAndRate": [{"doseQuantity": {"value": 1}}]}]  # fmt: skip
TWELVE_ML = [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
              "doseAndRate": [{"doseQuantity": {"value": 12, "unit": "mL"}}]}]  # fmt: skip


def daily_of(code: Any, ingredients: list[Any], dosage: list[Any] = ONE_A_DAY, form: str = "") -> DailyDose:
    """Return the dose of an order whose contained Medication has this code and these ingredients."""
    medication = {"resourceType": "Medication", "id": "c", "code": code, "ingredient": ingredients, "form": form}
    named = {"medicationReference": {"reference": "#c"}, "contained": [medication], "dosageInstruction": dosage}
    (drug,) = drugs(order(medicationCodeableConcept=None, **named))
    assert drug.daily is not None
    return drug.daily


def ratio(value: float, unit: str = "mg", per: float = 1, of: str = "tablet") -> dict[str, Any]:
    return {"numerator": {"value": value, "unit": unit}, "denominator": {"value": per, "unit": of}}


def part(said: str, **strength: Any) -> dict[str, Any]:
    return {"itemCodeableConcept": {"text": said}, **strength}


@pytest.mark.parametrize(
    ("code", "ingredients", "form", "dosage", "a_day"),
    [
        ({"text": "Pyridoxine"}, [part("pyridoxine", strength=ratio(200))], "", ONE_A_DAY, "pyridoxine 200"),
        ({"coding": [{"system": ATC, "code": "A11HA02"}]}, [part("pyridoxine", strength=ratio(200))], "", ONE_A_DAY,
         "pyridoxine 200"),
        ({"coding": [{"system": RXNORM, "code": "684879"}]}, [part("vitamin B6", strength=ratio(200))], "", ONE_A_DAY,
         "pyridoxine 200"),
        ({"text": "Gabapentin"}, [part("gabapentin", strengthQuantity={"value": 600, "unit": "mg"})], "", ONE_A_DAY,
         "gabapentin 600"),
        ({"text": "Gabapentin"}, [part("gabapentin", strengthRatio=ratio(0.6, "g"))], "", ONE_A_DAY, "gabapentin 600"),
        (None, [part("gabapentin", amount=ratio(600))], "", ONE_A_DAY, "gabapentin 600"),
        ({"text": "Gabapentin"}, [part("gabapentin", strength=ratio(250, per=5, of="mL"))], "", TWELVE_ML,
         "gabapentin 600"),
        (None, [part("gabapentin", strength=ratio(250, per=5, of="mL"))], "oral solution", TWELVE_ML, "gabapentin 600"),
        # a liquid whose volume is not named, and words that tell it of a bottle
        (None, [part("gabapentin", strength=ratio(250))], "oral solution", TWELVE_ML, "gabapentin None"),
        ({"text": "Gabapentin 250 mg"}, [], "oral solution", TWELVE_ML, "gabapentin None"),
        ({"text": "gabapentin 300 mg"}, [part("gabapentin", strength=ratio(600))], "", ONE_A_DAY, "gabapentin 300"),
        # two strengths of one ingredient
        ({"text": "Gabapentin"}, [part("gabapentin", strength=ratio(each)) for each in (300, 600)], "", ONE_A_DAY,
         "gabapentin None"),
        # a part of another class counts where the code tells no strength
        ({"coding": [{"system": ATC, "code": "B03AD03"}]},
         [part("ferrous sulfate", strength=ratio(325)), part("folic acid", strength=ratio(5))], "", ONE_A_DAY,
         "ferrous sulfate 325, folic acid 5"),
        ({"text": "gabapentin 300 mg"}, [part("calcium phosphate", strength=ratio(20))], "", ONE_A_DAY,
         "gabapentin 300"),
        # a general name is told by the particular one
        ({"coding": [{"system": ATC, "code": "N05A"}]}, [part("quetiapine", strength=ratio(25))], "", ONE_A_DAY,
         "quetiapine 25"),
        ({"text": "Iron"}, [part("ferrous sulfate", strength=ratio(325))], "", ONE_A_DAY, "ferrous sulfate 325"),
    ],
)  # fmt: skip
def test_a_medication_is_filled_in_from_its_ingredients(
    code: Any, ingredients: list[Any], form: str, dosage: list[Any], a_day: str
) -> None:
    daily = daily_of(code, ingredients, dosage, form)
    assert ", ".join(f"{name} {mg if mg is None else format(mg, 'f')}" for name, mg in daily.mg.items()) == a_day


def test_a_part_tells_its_strength_in_units() -> None:
    ingredient = [part("cholecalciferol", strength=ratio(2000, "IU"))]
    daily = daily_of({"text": "vitamin D"}, ingredient)
    assert daily.international_units == {"cholecalciferol": 2000}


@pytest.mark.parametrize(
    ("code", "ingredients", "iron"),
    [
        ({"coding": [{"system": ATC, "code": "B03AA07"}]}, [part("ferrous sulfate", strength=ratio(325))], "65"),
        ({"coding": [{"system": ATC, "code": "B03AA07"}]}, [part("Iron", strength=ratio(65))], "65"),
        ({"text": "ferrous sulfate"}, [part("dried ferrous sulfate", strength=ratio(160))], "52"),
        (None, [part("ferrous sulfate", strength=ratio(325)), part("iron", strength=ratio(65))], "65"),
        (
            {"text": "ferro sanol duodenal"},
            [
                part("Eisen(II)-glycin-sulfat-Komplex", strength=ratio(567.7)),
                part("Eisen(II)-Ion", strength=ratio(100)),
            ],
            "100",
        ),
        (
            None,
            [part("Eisen(II)-glycin-sulfat", strength=ratio(567.7)), part("Eisen(II)-Ion", strength=ratio(100))],
            "100",
        ),
    ],
)
def test_the_iron_of_a_medication_is_that_of_its_salt(code: Any, ingredients: list[Any], iron: str) -> None:
    assert f"{daily_of(code, ingredients).elemental_iron_mg}" == iron


@pytest.mark.parametrize("code", [None, {"text": "Iron"}, {"text": "ferrous sulfate"}])
@pytest.mark.parametrize(("first", "second"), [("iron", "elemental iron"), ("ferrous sulfate", "ferrous sulfate")])
@pytest.mark.parametrize("strengths", [(325, 65), (325, 325), (325, 65, 65)])
def test_an_ingredient_of_which_two_parts_tell_a_strength_is_unread(
    code: Any, first: str, second: str, strengths: tuple[int, ...]
) -> None:
    names = (first, *[second] * (len(strengths) - 1))
    parts = [part(name, strength=ratio(mg)) for name, mg in zip(names, strengths, strict=True)]
    assert daily_of(code, parts).elemental_iron_mg is None


def test_a_renewal_keeps_the_start_of_the_first_order() -> None:
    def period(start: str, end: str | None = None) -> list[Any]:
        return [{"timing": {"repeat": {"boundsPeriod": {"start": start} | ({"end": end} if end else {})}}}]

    now = order(id="3", dosageInstruction=period("2026-05-01"))
    before = order(id="2", status="completed", dosageInstruction=period("2026-01-01", "2026-04-01"))  # 30 days
    long_ago = order(id="1", status="completed", dosageInstruction=period("2025-01-01", "2025-11-30"))  # 32 days
    starts = {drug.reference: day(drug) for drug in drugs(now, before, long_ago)}
    assert starts == {
        "MedicationRequest/3": "2026-01-01",
        "MedicationRequest/2": "2026-01-01",
        "MedicationRequest/1": "2025-01-01",
    }


def test_two_active_orders_start_with_the_earlier_and_another_drug_does_not_count() -> None:
    both = drugs(order(id="1", authoredOn="2025-01-01"), order(id="2", authoredOn="2026-01-01"), order(SULFATE, id="3"))
    assert [day(drug) for drug in both] == ["2025-01-01", "2025-01-01", None]


def test_a_completed_infusion_was_given_though_it_is_not_active() -> None:
    (drug,) = drugs(order(FCM, status="completed", authoredOn="2026-04-17"))
    assert not drug.active
    assert drug.given_on is not None
    assert drug.given_on.first == date(2026, 4, 17)


def test_an_infusion_that_lies_ahead_was_not_given() -> None:
    (drug,) = drugs(order(FCM, authoredOn="2026-07-01"))
    assert drug.given_on is None


def test_where_the_infusion_was_recorded_the_order_is_none_of_its_own() -> None:
    given = order(
        FCM, id="a", resourceType="MedicationAdministration", status="completed", effectiveDateTime="2026-04-20"
    )
    ordered = order(FCM, id="o", authoredOn="2026-04-17")
    found = {drug.reference: drug.given_on.first if drug.given_on else None for drug in drugs(given, ordered)}
    assert found == {"MedicationAdministration/a": date(2026, 4, 20), "MedicationRequest/o": None}


def test_the_sandbox_draft_before_and_after_choosing() -> None:
    blank = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft"}
    blank |= {"dosageInstruction": [{"timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}}]}
    assert draft(blank) is None
    assert draft(blank | {"medicationCodeableConcept": {"coding": [{}]}}) is None
    chosen = order(SULFATE, status="draft", category={"coding": [{"code": "community"}]}, reasonCode=RLS)
    chosen["dosageInstruction"] = {
        "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
        "doseAndRate": {"doseQuantity": {"value": 1, "code": "{pill}"}},
    }
    drug = draft(chosen)
    assert drug is not None
    assert drug.daily is not None
    assert drug.daily.elemental_iron_mg == 195
    assert drug.reasons.name_rls
    assert not drug.one_dose
    assert not drug.inpatient


def test_one_dose_and_inpatient() -> None:
    single = draft(order(dispenseRequest={"quantity": {"value": 1}}))
    bottle = draft(order(dispenseRequest={"quantity": {"value": 1, "unit": "bottle"}}))
    stat = draft(order(dosageInstruction=[{"timing": {"code": {"coding": [{"code": "STAT"}]}}}]))
    ward = draft(order(category=[{"coding": [{"code": "inpatient"}]}]))
    assert single is not None
    assert bottle is not None
    assert stat is not None
    assert ward is not None
    assert (single.one_dose, bottle.one_dose) == (True, False)
    assert (stat.inpatient, ward.inpatient, single.inpatient) == (True, True, False)


def test_what_a_draft_replaces() -> None:
    drug = draft(order(priorPrescription={"reference": "MedicationRequest/old"}, basedOn=[{"reference": "CarePlan/1"}]))
    assert drug is not None
    assert drug.replaces == {"MedicationRequest/old", "CarePlan/1"}


CONDITION = {"resourceType": "Condition", "id": "c", "code": RLS}


@pytest.mark.parametrize(
    ("members", "rls", "another", "words_only"),
    [
        ({}, False, False, False),
        ({"reasonCode": [RLS]}, True, False, False),
        ({"reasonCode": RLS}, True, False, False),
        ({"reasonCode": [HEART_FAILURE]}, False, True, False),
        ({"reasonCode": [HEART_FAILURE, RLS]}, True, False, False),
        ({"reasonCode": [BACK_PAIN]}, False, True, False),
        ({"reasonCode": [FATIGUE]}, False, False, False),
        ({"reasonCode": [{"text": "restless legs"}]}, True, False, True),
        ({"reasonCode": [{"text": "as discussed"}]}, False, False, False),
        ({"reasonCode": [{"coding": [{}]}]}, False, False, False),
        ({"reasonReference": [{"reference": "Condition/c"}]}, True, False, False),
        ({"reasonReference": {"reference": "Condition/gone"}}, False, False, False),
        ({"reason": [{"reference": {"reference": "Condition/c"}}]}, True, False, False),
        ({"reason": [{"concept": HEART_FAILURE}]}, False, True, False),
        ({"reasonCodeableConcept": RLS}, True, False, False),
        ({"reasonForUseReference": {"reference": "Condition/c"}}, True, False, False),
        ({"reasonReference": [{"reference": "#r"}], "contained": [OWN_CONDITION | {"code": RLS}]},
         True, False, False),
        ({"dosageInstruction": [{"asNeededCodeableConcept": RLS}]}, False, False, False),
    ],
)  # fmt: skip
def test_reasons(members: dict[str, Any], rls: bool, another: bool, words_only: bool) -> None:
    (drug,) = drugs(order(**members), CONDITION)
    found = drug.reasons
    assert (found.name_rls, found.name_another_indication, found.rls_in_words_only) == (rls, another, words_only)


def test_a_refuted_condition_is_no_reason() -> None:
    refuted = CONDITION | {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    resource = {"reasonReference": [{"reference": "Condition/c"}]}
    assert not read_reasons(resource, resolver([refuted]), lambda concept: frozenset({"rls"})).readable


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(
        ["active", "MedicationRequest", "Patient/p1", "2026-05-01", "ropinirole 1 mg", "1 tab tid", "d"]
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "coding", "text", "code", "system", "value", "unit", "timing", "repeat", "frequency", "period",
            "periodUnit",
            "doseQuantity", "doseAndRate", "boundsPeriod", "start", "end", "reference", "display", "concept", "count",
            "ingredient", "strength", "numerator", "denominator", "resourceType", "id", "quantity", "isActive", "high",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
MEMBERS = (
    *("status", "intent", "subject", "medicationCodeableConcept", "medicationReference", "medication", "category"),
    *("dosageInstruction", "dosage", "reasonCode", "reasonReference", "reason", "contained", "dispenseRequest"),
    *("effectivePeriod", "effectiveDateTime", "authoredOn", "dateWritten", "priorPrescription", "basedOn", "id"),
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=6), st.booleans())
def test_no_json_shape_is_a_fault(members: dict[str, Any], usable: bool) -> None:
    resource = (order() if usable else {"resourceType": "MedicationRequest"}) | members
    for found in (*drugs(resource, members, None, 3), draft(resource)):
        assert found is None or found.product.name.isascii()


@pytest.mark.slow
@given(VALUES)
def test_no_json_value_is_a_fault(value: Any) -> None:
    assert (
        read_drugs(value if isinstance(value, list) else [value], patient_id="p1", today=TODAY, zone=ZONE) is not None
    )


@given(st.text(max_size=60))
def test_no_word_of_the_order_is_in_the_name(words: str) -> None:
    (drug,) = drugs(order("0", medicationCodeableConcept={"text": f"ropinirole {words}"})) or (None,)
    assert drug is None or "ropinirole" in drug.product.name
    assert drug is None or set(drug.product.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEHIU0123456789 ./()-")


@pytest.mark.slow
def test_real_records_are_read_without_a_fault(shared: Path) -> None:
    """Every drug resource of the vendors' sandboxes and of the other sets; how many are ours is printed."""
    seen, found = 0, []
    for path in sorted((shared / "data").glob("*/*.json")):
        held = _resources(json.loads(path.read_text(encoding="utf-8")))
        resolve = resolver(held)
        orders = [each for each in held if each["resourceType"] != "Medication"]
        seen += len(orders)
        for each in orders:
            found += read_drugs([each], patient_id=_patient(each), today=TODAY, zone=ZONE, resolve=resolve)
    dosed = sum(any(mg is not None for mg in drug.daily.mg.values()) for drug in found if drug.daily)
    print(f"\n{seen} orders and statements, {len(found)} of ours, {dosed} with a readable dose")
    assert len(found) > 100


def _resources(value: Any) -> list[dict[str, Any]]:
    kinds = ("MedicationRequest", "MedicationStatement", "Medication")
    if isinstance(value, list):
        return [each for entry in value for each in _resources(entry)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("resourceType") in kinds else []
    return own + [each for entry in value.values() for each in _resources(entry)]


def _patient(resource: dict[str, Any]) -> str:
    named = next(iter(objects(resource.get("subject") or resource.get("patient"))), {})
    return str(named.get("reference", "")).rsplit("/", 1)[-1].removeprefix("urn:uuid:")
