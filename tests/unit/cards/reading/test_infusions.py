"""Infusions of iron that are recorded as procedures are iron that was given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.patient.unread import undated_infusions
from tests.unit.cards.reading.test_chart import chart_of, searchset

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
#: Ways to say what was infused.
NAMED: dict[str, dict[str, Any]] = {
    "HCPCS code": {"coding": [{"system": HCPCS, "code": "J1439"}]},
    "RxNorm code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1433693"}]},
    "trade name": {"text": "Ferinject"},
    "words": {"text": "Infusion of ferric carboxymaltose 500 mg"},
    "display of a local code": {"coding": [{"system": "urn:x", "code": "1", "display": "Ferinject infusion"}]},
}
#: Places where a procedure says it.
PLACES: dict[str, Any] = {
    "code": lambda named: {"code": named},
    "usedCode": lambda named: {"code": {"text": "Infusion"}, "usedCode": [named]},
    "used (R5)": lambda named: {"code": {"text": "Infusion"}, "used": [{"concept": named}]},
    "usedReference": lambda named: {
        "code": {"text": "Infusion"},
        "contained": [{"resourceType": "Medication", "id": "m", "code": named}],
        "usedReference": [{"reference": "#m"}],
    },
    "used (R5), referred to": lambda named: {
        "contained": [{"resourceType": "Medication", "id": "m", "code": named}],
        "used": [{"reference": {"reference": "#m"}}],
    },
}


def procedure(**elements: Any) -> dict[str, Any]:
    subject = {"reference": "Patient/7"}
    made = {"resourceType": "Procedure", "id": "1", "status": "completed", "subject": subject, **elements}
    return made if "performedPeriod" in made else {"performedDateTime": "2026-06-05", **made}


def chart_with(*procedures: dict[str, Any], drugs: tuple[dict[str, Any], ...] = ()) -> Chart:
    return chart_of({"procedures": searchset(*procedures), "medications": searchset(*drugs)})


def infusions(*procedures: dict[str, Any]) -> list[Drug]:
    return [drug for drug in chart_with(*procedures).drugs if drug.has("iron-iv")]


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("named", list(NAMED))
def test_a_procedure_that_names_an_iron_by_vein_is_iron_given_on_its_day(named: str, place: str) -> None:
    [drug] = infusions(procedure(**PLACES[place](NAMED[named])))
    assert drug.product.ingredient_names() == {"ferric carboxymaltose"}
    assert drug.given_on and drug.given_on.last.isoformat() == "2026-06-05"
    assert drug.reference == "Procedure/1" and not drug.active


@pytest.mark.parametrize(
    ("elements", "ingredient"),
    [
        ({"code": {"text": "Intravenous iron infusion"}}, "intravenous iron"),
        ({"code": {"text": "Eiseninfusion"}}, "intravenous iron"),
        ({"code": {"text": "Iron infusion"}, "usedCode": [{"text": "Venofer"}]}, "iron sucrose"),
        ({"code": {"text": "IV infusion"}, "usedCode": [{"text": "Eisen"}]}, "iron"),
        ({"code": {"text": "Iron dextran"}}, "iron dextran"),
    ],
)
def test_iron_of_no_named_product_and_the_product_beside_it(elements: dict[str, Any], ingredient: str) -> None:
    assert [drug.product.ingredient_names() for drug in infusions(procedure(**elements))] == [{ingredient}]


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "not-done"},
        {"status": "preparation"},
        {"status": "entered-in-error"},
        {"notDone": True},
        {"subject": {"reference": "Patient/8"}},
        {"code": {"text": "Education about iron infusion"}},
        {"code": {"text": "Iron infusion declined"}},
        {"code": {"text": "Eiseninfusion geplant"}},
        {"code": {"text": "Iron, serum"}},
        {"code": {"text": "Iron"}},
        {"code": {"text": "Bone marrow iron stain"}},
        {"code": {"text": "Investigation of iron deficiency"}},
        {"code": {"text": "Infusion"}, "usedCode": [{"text": "ferrous sulfate 325 mg tablet"}]},
        {"code": {"text": "Infusion of zoledronic acid"}},
        {"code": None},
    ],
)
def test_what_was_not_done_or_is_no_infusion_of_iron_is_none(elements: dict[str, Any]) -> None:
    assert infusions(procedure(**{"code": NAMED["trade name"], **elements})) == []


def test_an_infusion_without_a_day_may_be_a_recent_one_and_one_ahead_was_not_given() -> None:
    chart = chart_with(procedure(code=NAMED["trade name"], performedDateTime=None))
    assert [drug.reference for drug in undated_infusions(chart)] == ["Procedure/1"]
    [ahead] = infusions(procedure(code=NAMED["trade name"], performedDateTime="2026-07-01"))
    assert ahead.given_on is None and undated_infusions(chart_with(procedure(code={"text": "Infusion"}))) == ()


def test_the_order_of_an_infusion_that_a_procedure_records_is_no_second_infusion() -> None:
    order = {
        "resourceType": "MedicationRequest",
        "id": "o",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/7"},
        "authoredOn": "2026-06-01",
        "medicationCodeableConcept": NAMED["trade name"],
    }
    given_on = {
        each.reference: each.given_on
        for each in chart_with(procedure(**PLACES["code"](NAMED["words"])), drugs=(order,)).drugs
    }
    assert given_on["Procedure/1"] and given_on["MedicationRequest/o"] is None
    assert chart_with(drugs=(order,)).drugs[0].given_on


@given(named=some.sampled_from(list(NAMED)), place=some.sampled_from(list(PLACES)), day=some.integers(1, 30))
def test_a_procedure_tells_the_same_day_as_an_administration(named: str, place: str, day: int) -> None:
    when = f"2026-06-{day:02}"
    administration = {
        "resourceType": "MedicationAdministration",
        "id": "1",
        "status": "completed",
        "subject": {"reference": "Patient/7"},
        "effectiveDateTime": when,
        "medicationCodeableConcept": NAMED[named],
    }
    [given] = chart_with(drugs=(administration,)).drugs
    [done] = infusions(procedure(**PLACES[place](NAMED[named]), performedDateTime=when))
    assert (done.given_on, done.start) == (given.given_on, given.start)
