"""When a drug was begun and ended, how long its supply lasts, and what is a single dose (clinical page 4.8)."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.facts.drugs import Drug
from cards.fhir.identity import newest_versions
from cards.reading.medications import read_draft_drug, read_drugs

TODAY = date(2026, 6, 15)
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p"},
    "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
}
INFUSION = ORDER | {"status": "completed", "medicationCodeableConcept": {"text": "ferric carboxymaltose 750 mg iv"}}


def drug(**members: Any) -> Drug:
    (found,) = read_drugs([ORDER | members], patient_id="p", today=TODAY, zone=UTC)
    return found


def bounded(*ends: str | None) -> list[dict[str, Any]]:
    """One instruction for each end; `None` is open."""
    periods = [{"start": "2026-01-01"} | ({"end": end} if end else {}) for end in ends]
    return [{"timing": {"repeat": {"boundsPeriod": period}}} for period in periods]


@pytest.mark.parametrize(
    ("members", "start"),
    [
        ({}, None),
        ({"authoredOn": "2026-05-01"}, "2026-05-01"),
        ({"dateWritten": "2026-05-01"}, "2026-05-01"),
        ({"effectiveDateTime": "2026-05-01"}, "2026-05-01"),
        ({"effectiveTimeDateTime": "2026-05-01"}, "2026-05-01"),
        ({"occurenceDateTime": "2026-05-01"}, "2026-05-01"),
        ({"effectivePeriod": {"start": "2026-05-01"}}, "2026-05-01"),
        ({"occurencePeriod": {"start": "2026-05-01"}}, "2026-05-01"),
        ({"authoredOn": "2026-05-01", "effectivePeriod": {"start": "2026-03-01"}}, "2026-03-01"),
        ({"authoredOn": "2026-05-20", "effectiveDateTime": "2026-05"}, "2026-05"),
        ({"dosageInstruction": bounded("2026-09-01"), "authoredOn": "2026-05-01"}, "2026-01-01"),
        ({"dosage": bounded("2026-09-01")}, "2026-01-01"),
        ({"dateAsserted": "2026-05-01"}, "2026-05-01"),
        ({"effectiveTimePeriod": {"start": "2026-04-01", "end": "2026-04-02"}}, "2026-04-02"),
        ({"effectiveTimePeriod": {"start": "2026-04-01"}, "dateAsserted": "2026-05-01"}, "2026-04-01"),
        ({"dateAsserted": "2026-03-01", "authoredOn": "2026-05-01"}, "2026-05-01"),
        ({"authoredOn": "9999-12-31"}, None),
        ({"authoredOn": "0001-01-01T00:00:00Z"}, None),
        ({"authoredOn": "2026-05-01", "effectivePeriod": {"start": "0001-01-01"}}, "2026-05-01"),
        ({"authoredOn": "9999-12-31", "effectivePeriod": {"start": "2026-05-01"}}, "2026-05-01"),
    ],
)
def test_the_earliest_of_all_that_says_when(members: dict[str, Any], start: str | None) -> None:
    found = drug(**members).start
    assert (found and found.text) == start


@pytest.mark.parametrize(
    ("members", "end"),
    [
        ({}, None),
        ({"effectivePeriod": {"start": "2026-01-01", "end": "2026-05-01"}}, "2026-05-01"),
        ({"dateEnded": "2026-05-01"}, "2026-05-01"),
        ({"dosageInstruction": bounded("2026-05-01")}, "2026-05-01"),
        ({"dosageInstruction": bounded("2026-05-20", "2026-05-10")}, "2026-05-20"),
        ({"dosageInstruction": bounded("2026-05-20", "2026-05")}, "2026-05"),
        ({"dosageInstruction": bounded("2026-05", "2026-05-20")}, "2026-05"),
        ({"dosageInstruction": bounded("2026-05-20", None)}, None),
        ({"dosageInstruction": bounded("2026-05-20", "9999-12-31T23:59:59Z")}, None),
        ({"dosageInstruction": bounded("0001-01-01")}, None),
        ({"effectivePeriod": {"start": "2026-01-01", "end": "9999-12-31"}}, None),
        ({"dateEnded": "0001-01-01"}, None),
        ({"dosageInstruction": bounded("2026-05-20", None), "dateEnded": "2026-04-01"}, "2026-04-01"),
    ],
)
def test_the_last_end_counts_and_none_where_one_is_open(members: dict[str, Any], end: str | None) -> None:
    found = drug(**members).end
    assert (found and found.text) == end


@pytest.mark.parametrize(
    ("members", "active"),
    [
        ({"dosageInstruction": bounded("0001-01-01")}, True),
        ({"dosageInstruction": bounded("9999-12-31")}, True),
        ({"dosageInstruction": [*bounded("2026-01-31"), {"text": "then 2 capsules at night"}]}, True),
        ({"dosageInstruction": [{"text": "1 capsule at night"}, *bounded("2026-01-31")]}, True),
        ({"dosageInstruction": bounded("2026-01-31", "2026-02-28")}, False),
        ({"dosageInstruction": [*bounded("2026-01-31"), {"additionalInstruction": [{"text": "with food"}]}]}, False),
        ({"dosageInstruction": [*bounded("2026-01-31"), {"asNeededBoolean": True}]}, False),
        ({"status": "unknown", "authoredOn": "9999-12-31"}, True),
        ({"status": "unknown", "authoredOn": "0001-01-01"}, False),
        ({"status": "unknown"}, False),
    ],
)
def test_dates_that_stand_for_none_end_no_drug(members: dict[str, Any], active: bool) -> None:
    assert drug(**members).active is active


def supply(days: object, repeats: object = None) -> dict[str, Any]:
    request = {"expectedSupplyDuration": {"value": days}} | ({"numberOfRepeatsAllowed": repeats} if repeats else {})
    return {"status": "stopped", "authoredOn": "2026-01-01", "dispenseRequest": request}


@pytest.mark.parametrize(
    ("members", "end"),
    [
        (supply(30), "2026-01-31"),
        (supply(30, 1), "2026-03-02"),
        (supply(3650), "2035-12-30"),
        (supply(3651), None),
        (supply(1826, 1), None),
        (supply("soon"), None),
        (supply(30) | {"authoredOn": None}, None),
        (supply(30) | {"authoredOn": "9999-12-31"}, None),
        (supply(30) | {"authoredOn": "9998-12-31"}, "9999-01-30"),
        (supply(3650) | {"authoredOn": "9998-12-31"}, "9999-12-31"),
        (supply(30) | {"status": "active"}, None),
        (supply(30) | {"status": "intended"}, None),
        (supply(30) | {"dateEnded": "2026-01-10"}, "2026-01-10"),
    ],
)
def test_a_past_order_ends_with_its_supply(members: dict[str, Any], end: str | None) -> None:
    found = drug(**members).end
    assert (found and found.text) == end


def dispensed(value: object, unit: str = "tablet", repeats: object = 0) -> dict[str, Any]:
    return {"dispenseRequest": {"quantity": {"value": value, "unit": unit}, "numberOfRepeatsAllowed": repeats}}


def often(times: int) -> dict[str, Any]:
    return {"dosageInstruction": [{"timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}}}]}


@pytest.mark.parametrize(
    ("members", "one"),
    [
        ({}, False),
        (dispensed(1), True),
        (dispensed(2), False),
        (dispensed(1, repeats=3), False),
        (dispensed(1, repeats=None), True),
        (dispensed(1, "Bottle"), False),
        (dispensed(1, "box"), False),
        (dispensed(1, "kit"), False),
        (dispensed(1, "Packung"), False),
        (dispensed(1, "boîte"), False),
        (dispensed(1, "förp"), False),
        ({"dispenseRequest": {"quantity": {"value": 1, "code": "{Package}"}}}, False),
        (dispensed(1) | often(3), True),
        (dispensed(1, "Filmtablette") | often(3), True),
        (dispensed(1, "each") | often(3), False),
        (dispensed(1, "vial") | often(3), True),
        (dispensed(1, ""), True),
        (dispensed(1, "") | often(1), False),
        (dispensed(1, "") | {"dosageInstruction": [{"text": "1 tablet three times a day"}]}, False),
        (dispensed(1, "") | {"dosageInstruction": [{"text": "1 tablet"}]}, True),
        (dispensed(1, "each") | {"dosageInstruction": [{"text": "1 tablet once before the procedure"}]}, True),
    ],
)
def test_one_piece_once_is_one_dose_and_a_pack_is_not(members: dict[str, Any], one: bool) -> None:
    assert drug(**members).one_dose is one


@pytest.mark.parametrize(
    ("status", "start", "active"),
    [
        ("active", "2020-01-01", True),
        ("intended", "2020-01-01", True),
        ("completed", "2026-06-01", False),
        ("on-hold", "2026-06-01", False),
        ("unknown", "2025-06-15", True),
        ("unknown", "2025-06-14", False),
        ("recorded", "2026-06-01", True),
        ("", "2026-06-01", True),
        ("", None, False),
    ],
)
def test_who_takes_a_drug_now(status: str, start: str | None, active: bool) -> None:
    assert drug(status=status, authoredOn=start).active is active


@pytest.mark.parametrize(("end", "active"), [("2026-06-14", False), ("2026-06-15", True), ("2026-06", True)])
def test_an_end_that_has_passed_ends_a_drug(end: str, active: bool) -> None:
    assert drug(dateEnded=end).active is active


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        ({}, True),
        *(({"status": status}, False) for status in ("draft", "cancelled", "entered-in-error")),
        *(({"status": status}, False) for status in ("not-taken", "not-done")),
        *(({"intent": intent}, False) for intent in ("proposal", "option", "directive")),
        *(({"intent": intent}, True) for intent in ("plan", "original-order", "reflex-order", "filler-order",
                                                    "instance-order", "")),
        *(({name: True}, False) for name in ("doNotPerform", "wasNotTaken", "wasNotGiven", "notGiven")),
        ({"doNotPerform": "true"}, True),
        ({"taken": "n"}, False),
        ({"taken": "y"}, True),
        ({"adherence": {"code": {"coding": [{"code": "not-taking"}]}}}, False),
        ({"adherence": {"code": {"coding": [{"code": "taking"}]}}}, True),
    ],
)  # fmt: skip
def test_what_was_never_taken_is_left_out(members: dict[str, Any], taken: bool) -> None:
    assert bool(read_drugs([ORDER | members], patient_id="p", today=TODAY, zone=UTC)) is taken


@pytest.mark.parametrize(
    ("members", "given"),
    [
        ({"authoredOn": "2026-06-15"}, "2026-06-15"),
        ({"authoredOn": "2026-06-16"}, None),
        ({"authoredOn": "2026-06-01", "status": "active"}, "2026-06-01"),
        ({"authoredOn": "2026-06-01", "status": "in-progress"}, "2026-06-01"),
        ({"authoredOn": "2026-06-01", "status": "stopped"}, None),
        ({}, None),
    ],
)
def test_when_an_infusion_was_given(members: dict[str, Any], given: str | None) -> None:
    (found,) = read_drugs([INFUSION | members], patient_id="p", today=TODAY, zone=UTC)
    assert (found.given_on and found.given_on.text) == given
    assert drug(authoredOn="2026-06-01").given_on is None


@pytest.mark.parametrize(
    ("members", "inpatient"),
    [
        ({}, False),
        ({"category": [{"coding": [{"code": "Inpatient"}]}]}, True),
        ({"category": [{"coding": [{"code": "outpatient"}]}]}, False),
        ({"dosageInstruction": [{"timing": {"code": {"coding": [{"code": "STAT"}]}}}]}, True),
    ],
)
def test_what_is_given_in_hospital(members: dict[str, Any], inpatient: bool) -> None:
    assert drug(**members).inpatient is inpatient


@pytest.mark.parametrize("name", ["priorPrescription", "replaces", "basedOn"])
def test_what_an_order_takes_the_place_of(name: str) -> None:
    assert drug(**{name: [{"reference": "MedicationRequest/m0"}, {"display": "x"}]}).replaces == {
        "MedicationRequest/m0"
    }


@pytest.mark.parametrize("kind", ["MedicationOrder", "MedicationPrescription", "MedicationStatement", "MedicationUsage",
                                  "MedicationAdministration"])  # fmt: skip
def test_every_kind_of_record_is_read(kind: str) -> None:
    found = drug(resourceType=kind)
    assert found.reference == f"{kind}/m1"
    assert found.one_dose is (kind == "MedicationAdministration")
    assert found.active is (kind != "MedicationAdministration")


@pytest.mark.parametrize("kind", ["Medication", "Immunization", ""])
def test_other_records_are_no_course(kind: str) -> None:
    assert read_drugs([ORDER | {"resourceType": kind}], patient_id="p", today=TODAY, zone=UTC) == ()


def test_a_draft_is_dated_in_the_zone_of_the_clinic() -> None:
    sent = ORDER | {"status": "draft", "authoredOn": "2026-06-15T03:00:00Z"}
    found = read_draft_drug(sent, today=TODAY, zone=ZoneInfo("America/New_York"))
    assert found and found.start and found.start.text == "2026-06-14"
    assert read_draft_drug(sent | {"medicationCodeableConcept": None}, today=TODAY, zone=UTC) is None


# --- the same resource twice -----------------------------------------------------------------------------------


def version(updated: str, status: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c", "meta": {"lastUpdated": updated}, "status": status}


def test_of_two_versions_the_later_counts_in_any_order() -> None:
    old, new = version("2026-01-01T00:00:00Z", "b"), version("2026-02-01T00:00:00Z", "a")
    assert (
        newest_versions([old, new]) == newest_versions([new, old]) == newest_versions([new, old, dict(new)]) == (new,)
    )


def test_where_nothing_tells_which_is_the_later_both_stand_in_one_order() -> None:
    one, other = version("", "a"), version("", "b")
    assert newest_versions([one, other]) == newest_versions([other, one]) == (one, other)


def test_another_type_or_no_id_is_another_resource() -> None:
    one = version("", "a")
    others = ({**one, "resourceType": "Procedure"}, {**one, "id": "d"}, {**one, "id": ""}, {**one, "id": ""})
    assert newest_versions([one, *others]) == (one, *others)


@pytest.mark.parametrize(
    ("members", "home"),
    [
        ({"reportedBoolean": True}, True),
        ({"reported": True}, True),
        ({"reportedReference": {"reference": "Patient/p"}}, True),
        ({"informationSource": [{"reference": "Patient/p"}]}, True),
        ({"reportedBoolean": False}, False),
        ({}, False),
        ({"reportedBoolean": True, "status": "cancelled"}, False),
        ({"reportedBoolean": True, "intent": "option"}, False),
    ],
)
def test_a_reported_proposal_is_a_home_drug(members: dict[str, Any], home: bool) -> None:
    proposal = ORDER | {"intent": "proposal"} | members
    assert bool(read_drugs([proposal], patient_id="p", today=TODAY, zone=UTC)) is home
