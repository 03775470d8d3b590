"""Dispenses, administrations and statements beside orders: what was handed out or given, and is taken today."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cards.facts.chart import Gap, Listing
from cards.facts.drugs import Drug
from cards.fhir.bundles import Listed, unwrap
from cards.reading import read_chart
from cards.reading.medications import MOST_DRUGS, read_drugs

TODAY = date(2026, 6, 15)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
OWN = {"subject": {"reference": "Patient/p"}}
PRAMIPEXOLE = {"medicationCodeableConcept": {"text": "pramipexole 0.25 mg tablet"}}
IRON = {"medicationCodeableConcept": {"text": "ferric carboxymaltose 750 mg/15 mL intravenous solution"}}
DISPENSE = {"resourceType": "MedicationDispense", "id": "e1", "status": "completed", **OWN, **PRAMIPEXOLE}
ORDER = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", **OWN, **PRAMIPEXOLE}


def read(*resources: dict[str, Any]) -> tuple[Drug, ...]:
    return read_drugs(resources, patient_id="p", today=TODAY, zone=UTC)


def dispense(day: str | None = "2026-06-01", supply: Any = None, **members: Any) -> dict[str, Any]:
    told = {"whenHandedOver": day} | ({"daysSupply": {"value": supply, "unit": "d"}} if supply is not None else {})
    return DISPENSE | {name: value for name, value in told.items() if value} | members


@pytest.mark.parametrize(
    ("resource", "active"),
    [
        (dispense(), True),
        (dispense("2026-03-17"), True),
        (dispense("2026-03-16"), False),
        (dispense("2026-03-01", 180), True),
        (dispense("2026-05-16", 30), True),
        (dispense("2026-05-15", 30), False),
        (dispense("2026-05-15", 0), True),
        (dispense("2026-05-15", "much"), True),
        (dispense(None, 30), False),
        (dispense(None, whenPrepared="2026-06-01"), True),
        (dispense(status="in-progress"), True),
        (dispense(status="unknown"), True),
        (dispense(status=None), True),
        (dispense(status="stopped"), False),
    ],
)
def test_what_was_handed_out_is_taken_while_it_lasts(resource: dict[str, Any], active: bool) -> None:
    assert [drug.active for drug in read(resource)] == [active]


@pytest.mark.parametrize("status", ["preparation", "on-hold", "cancelled", "declined", "entered-in-error"])
def test_what_was_not_handed_out_is_no_drug(status: str) -> None:
    assert read(dispense(status=status)) == ()


def test_a_dispense_is_no_drug_beside_its_order_nor_beside_a_later_one() -> None:
    order = ORDER | {"authoredOn": "2026-05-01"}
    for resources in ((order, dispense()), (dispense(), order)):
        assert [each.reference for each in read(*resources) if each.active] == ["MedicationRequest/m1"]
    refills = (dispense("2026-04-15"), dispense("2026-05-20", id="e2"), dispense("2026-06-10", id="e3"))
    assert [each.reference for each in read(*refills) if each.active] == ["MedicationDispense/e3"]
    stopped = order | {"status": "stopped"}
    assert [each.reference for each in read(stopped, dispense()) if each.active] == ["MedicationDispense/e1"]


def test_two_strengths_that_were_handed_out_on_one_day_are_both_taken() -> None:
    other = {"medicationCodeableConcept": {"text": "pramipexole 0.5 mg tablet"}}
    assert [each.active for each in read(dispense(), dispense(id="e2", **other))] == [True, True]


def test_a_dispensed_infusion_was_given_when_it_was_handed_out() -> None:
    (drug,) = read(dispense(**IRON))
    assert drug.given_on and drug.given_on.text == "2026-06-01"


@pytest.mark.parametrize(
    ("status", "day", "active"),
    [("in-progress", "2026-06-14", True), ("in-progress", "2025-01-01", False), ("completed", "2026-06-14", False)],
)
def test_an_administration_is_taken_while_it_goes_on(status: str, day: str, active: bool) -> None:
    given = ORDER | {"resourceType": "MedicationAdministration", "status": status, "effectiveDateTime": day}
    assert [drug.active for drug in read(given)] == [active]


# ------------------------------------------------------------------ further lists of drugs


def chart(**lists: Any) -> Any:
    gathered = {name: each if isinstance(each, Listed) else unwrap(each) for name, each in lists.items()}
    return read_chart(gathered, patient_id="p", now=NOW, zone=UTC)


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources], **members}


STATEMENT = ORDER | {"resourceType": "MedicationStatement", "id": "s1"}
ADMINISTRATION = {"resourceType": "MedicationAdministration", "id": "a1", "status": "completed", **OWN, **IRON,
                  "effectiveDateTime": "2026-06-01"}  # fmt: skip


def test_further_lists_of_drugs_are_read_with_the_drug_list() -> None:
    lists = {"statements": STATEMENT, "dispenses": dispense(), "administrations": ADMINISTRATION}
    for name, resource in lists.items():
        found = chart(medications=None, **{name: bundle(resource)})
        assert [each.reference.partition("/")[2] for each in found.drugs] == [resource["id"]], name
        assert found.listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize(
    "sent",
    [None, {"resourceType": "OperationOutcome"}, "text", bundle(ORDER | {"subject": {"reference": "Patient/q"}})],
)
def test_a_client_without_further_lists_has_unlisted_drugs_and_no_cut_list(sent: Any) -> None:
    found = chart(medications=bundle(ORDER), statements=sent)
    assert found.listing("medications") is Listing.COMPLETE and len(found.drugs) == 1


def test_a_further_list_that_was_read_in_part_cuts_the_drug_list() -> None:
    cut = bundle(STATEMENT, link=[{"relation": "next", "url": "x"}])
    found = chart(medications=bundle(ORDER), statements=cut)
    assert found.listing("medications") is Listing.CUT and found.gaps["medications"] == Gap("cut", read=1)


def test_further_lists_do_not_stand_in_for_a_drug_list_that_was_not_read() -> None:
    found = chart(statements=bundle(STATEMENT))
    assert found.listing("medications") is Listing.NOT_KNOWN and len(found.drugs) == 1


# ------------------------------------------------------------------ how much is judged


def test_at_most_five_hundred_drugs_are_judged_those_of_today_first() -> None:
    old = [ORDER | {"id": f"o{n:04}", "status": "completed", "authoredOn": "2020-01-01"} for n in range(MOST_DRUGS)]
    found = chart(medications=bundle(*old, ORDER | {"id": "z", "authoredOn": "2026-05-01"}))
    assert [each.reference for each in found.drugs if each.active] == ["MedicationRequest/z"]
    assert found.gaps["medications"] == Gap("cut", read=MOST_DRUGS, total=MOST_DRUGS + 1)
    assert chart(medications=bundle(*old)).listing("medications") is Listing.COMPLETE


@pytest.mark.parametrize(
    ("dosages", "is_cut"),
    [
        ([{"text": "1 tablet daily"}] * 20, False),
        ([{"text": "1 tablet daily"}] * 21, True),
        ([{"text": "x" * 200}], False),
        ([{"text": "x" * 201}], True),
        ([{"patientInstruction": "x" * 201}], True),
    ],
)
def test_more_directions_than_are_judged_cut_the_drug_list(dosages: list[dict[str, str]], is_cut: bool) -> None:
    found = chart(medications=bundle(ORDER | {"dosageInstruction": dosages}))
    assert found.gaps.get("medications") == (Gap("directions") if is_cut else None)
    foreign = ORDER | {"medicationCodeableConcept": {"text": "lisinopril 10 mg"}, "dosageInstruction": dosages}
    assert "medications" not in chart(medications=bundle(foreign)).gaps


def test_of_more_instructions_than_are_judged_no_daily_dose_is_read() -> None:
    (drug,) = read(ORDER | {"dosageInstruction": [{"text": "1 tablet daily"}] * 21})
    assert drug.daily is None
