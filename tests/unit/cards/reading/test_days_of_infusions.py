"""When an infusion of iron was given last, may have been given, or is ordered for, in every kind of record."""

from __future__ import annotations

from datetime import UTC, date
from time import process_time
from typing import Any

import pytest

from cards.dates import on_day
from cards.decisions.iron.treatment import iron_treatment
from cards.drugs.history import days_directed
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.patient.unread import undated_infusions
from cards.reading.medications import MOST_DRUGS, read_drugs, records_to_read
from cds_service.knowledge.load import national_rules
from tests.unit.cards.reading.test_chart import chart_of, searchset

TODAY = date(2026, 6, 15)
SUBJECT = {"id": "1", "subject": {"reference": "Patient/7"}}
FCM: dict[str, Any] = {"medicationCodeableConcept": {"text": "ferric carboxymaltose 750 mg IV"}}
PERIOD = {"start": "2026-01-10", "end": "2026-06-05"}
OPEN = {"start": "2026-01-10"}
AHEAD = {"start": "2026-07-01", "end": "2026-07-20"}


def administration(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationAdministration", "status": "completed", **SUBJECT, **FCM, **more}


def statement(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationStatement", "status": "completed", **SUBJECT, **FCM, **more}


def dispense(**more: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationDispense", "status": "completed", **SUBJECT, **FCM, **more}


def order(timing: dict[str, Any] | None = None, sig: str = "", **more: Any) -> dict[str, Any]:
    dosage = {**({"timing": timing} if timing else {}), **({"text": sig} if sig else {})}
    told = {"dosageInstruction": [dosage]} if dosage else {}
    made = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-01-10"}
    return {**made, **SUBJECT, **FCM, **told, **more}


def procedure(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "status": "completed", **SUBJECT, "code": {"text": "Iron infusion"}, **more}


def every(weeks: int, **more: Any) -> dict[str, Any]:
    return {"repeat": {"frequency": 1, "period": weeks, "periodUnit": "wk", **more}}


def read(resource: dict[str, Any]) -> Drug:
    if resource["resourceType"] == "Procedure":
        (found,) = chart_of({"procedures": searchset(resource)}).drugs
        return found
    (found,) = read_drugs([resource], patient_id="7", today=TODAY, zone=UTC)
    return found


@pytest.mark.parametrize(
    ("resource", "given"),
    [
        (administration(effectivePeriod=PERIOD), "2026-06-05"),
        (administration(effectiveTimePeriod=PERIOD), "2026-06-05"),
        (administration(occurencePeriod=PERIOD), "2026-06-05"),
        (administration(effectivePeriod=OPEN), "2026-01-10"),
        (administration(effectivePeriod=OPEN, status="in-progress"), "2026-01-10"),
        (administration(effectivePeriod={"start": "2026-03-16"}, status="in-progress"), "2026-03-16"),
        (administration(effectivePeriod={"start": "2026-03-17"}, status="in-progress"), "2026-03-17 to 2026-06-15"),
        (administration(effectiveDateTime="2026-03-16", status="in-progress"), "2026-03-16"),
        (administration(effectivePeriod={"start": "2026-01-10", "end": "2026-08-05"}), "2026-01-10 to 2026-06-15"),
        (administration(effectivePeriod={"start": "2026-06-05", "end": "2026-01-10"}), "2026-06-05"),
        (administration(effectivePeriod={"end": "2026-06-05"}), "2026-06-05"),
        (administration(effectiveDateTime="2026-06-16"), "2026-06-16"),
        (procedure(performedPeriod=PERIOD), "2026-06-05"),
        (procedure(performedPeriod=OPEN), "2026-01-10"),
        (procedure(performedPeriod=OPEN, status="in-progress"), "2026-01-10"),
        (procedure(performedPeriod={"start": "2026-03-17"}, status="in-progress"), "2026-03-17 to 2026-06-15"),
        (procedure(performedPeriod={"start": "2026-06-10", "end": "2026-06-20"}), "2026-06-10 to 2026-06-15"),
        (statement(effectivePeriod=PERIOD), "2026-01-10 to 2026-06-05"),
        (statement(effectivePeriod=OPEN, status="active"), "2026-01-10 to 2026-06-15"),
        (statement(effectiveDateTime="2026-01-10", dateAsserted="2026-06-05", status="active"), "2026-01-10"),
        (statement(dateAsserted="2026-06-05"), "2026-06-05"),
        (dispense(whenPrepared="2026-03-01", whenHandedOver="2026-06-05"), "2026-06-05"),
        (dispense(whenPrepared="2026-03-01"), "2026-03-01"),
        (order(), "2026-01-10"),
        (order(sig="750 mg IV once"), "2026-01-10"),
        (order({"event": ["2026-01-17", "2026-06-05"]}), "2026-06-05"),
        (order({"event": ["2026-01-17", "2026-06-05", "2026-07-10"]}), "2026-06-05"),
        (order({"repeat": {"boundsPeriod": PERIOD}}), "2026-01-10 to 2026-06-05"),
        (order({"repeat": {"boundsPeriod": PERIOD}}, status="completed"), "2026-01-10 to 2026-06-05"),
        (order({"repeat": {"boundsPeriod": OPEN, "count": 1}}, sig="750 mg IV once"), "2026-01-10"),
        (order({"repeat": {"boundsPeriod": OPEN}}, sig="750 mg IV once"), "2026-01-10"),
        (order(every(1, count=5, boundsPeriod=OPEN)), "2026-01-10 to 2026-02-14"),
        (order(every(1, boundsPeriod=OPEN)), "2026-01-10 to 2026-06-15"),
        (order(every(4)), "2026-01-10 to 2026-06-15"),
        (order(sig="200 mg every 4 weeks"), "2026-01-10 to 2026-06-15"),
        (order(every(4), status="completed"), "2026-01-10"),
        (order(every(4), authoredOn="2025-06-15"), "2025-06-15 to 2026-06-15"),
        (order(every(4), authoredOn="2025-06-14"), "2025-06-14"),
        (order(every(4, boundsPeriod={"start": "2025-06-14"})), "2025-06-14"),
        (order(every(1, boundsPeriod=OPEN, count=5)), "2026-01-10 to 2026-02-14"),
        (order(every(1, count=5)), "2026-01-10 to 2026-02-14"),
        (order(every(1, boundsDuration={"value": 5, "code": "wk"})), "2026-01-10 to 2026-02-14"),
        (order(every(1, boundsRange={"high": {"value": 5, "unit": "weeks"}})), "2026-01-10 to 2026-02-14"),
    ],
)
def test_the_last_day_of_giving_counts(resource: dict[str, Any], given: str) -> None:
    found = read(resource)
    assert found.given_on and found.given_on.text == given


@pytest.mark.parametrize(
    "resource",
    [
        order(every(4)),
        order(sig="200 mg every 4 weeks"),
        statement(effectivePeriod=OPEN, status="active"),
        administration(effectivePeriod=OPEN, status="in-progress"),
        procedure(performedPeriod=OPEN, status="in-progress"),
    ],
)
def test_a_ferritin_counts_in_a_treatment_that_no_record_ends(resource: dict[str, Any]) -> None:
    treatment = iron_treatment(Chart(TODAY, drugs=(read(resource),)), national_rules().on(TODAY))
    assert treatment.precedes_infusion(on_day(date(2026, 1, 9)))
    assert treatment.precedes_infusion(on_day(date(2026, 1, 10)))
    assert not treatment.precedes_infusion(on_day(date(2026, 1, 11)))


@pytest.mark.parametrize(
    "resource",
    [
        order({"repeat": {"boundsPeriod": PERIOD}}),
        statement(effectivePeriod=PERIOD),
        order(authoredOn="2026-06"),
        administration(effectiveDateTime="2026"),
    ],
)
def test_a_ferritin_before_the_end_of_a_treatment_precedes_it(resource: dict[str, Any]) -> None:
    treatment = iron_treatment(Chart(TODAY, drugs=(read(resource),)), national_rules().on(TODAY))
    assert treatment.precedes_infusion(on_day(date(2026, 6, 4)))


#: Directions with the last day that they may mean, of an order of 2026-01-10.
UNTIL = {
    "200 mg IV once weekly x 5 doses": "2026-02-14",
    "200 mg IV weekly x5": "2026-02-14",
    "200 mg IV weekly for 5 weeks": "2026-02-14",
    "200 mg IV weekly x 5 weeks": "2026-02-14",
    "200 mg IV weekly for a total of five doses": "2026-02-14",
    "200 mg IV weekly over 30 min, 5 doses": "2026-02-14",
    "200 mg IV weekly for 4-6 weeks": "2026-02-21",
    "200 mg IV every 3 weeks for 5 doses": "2026-04-25",
    "200 mg IV 3x/week x 4 weeks": "2026-02-07",
    "125 mg IV three times weekly x 8 doses": "2026-01-29",
    "200 mg IV every 2 weeks for 3 months": "2026-04-10",
    "200 mg IV weekly x 5 doses, then recheck ferritin": "2026-02-14",
    # no end
    "200 mg IV weekly x 5 doses, then 100 mg monthly": "2026-06-15",
    "200 mg IV weekly": "2026-06-15",
    "2 x 100 mg IV weekly": "2026-06-15",
    "200 mg IV weekly over 2 hours": "2026-06-15",
    "200 mg IV, 1 dose weekly": "2026-06-15",
    "200 mg IV monthly in 2 doses": "2026-06-15",
}


@pytest.mark.parametrize(("sig", "until"), UNTIL.items(), ids=UNTIL)
def test_the_words_of_directions_tell_how_long_an_order_repeats(sig: str, until: str) -> None:
    found = read(order(sig=sig, medicationCodeableConcept={"text": "iron sucrose"}))
    assert found.given_on and found.given_on.text == f"2026-01-10 to {until}"


@pytest.mark.parametrize(
    "sig", ["x 5 doses", "für 5 Wochen", "insgesamt 5 Infusionen", "5 Gaben", "pendant 5 semaines"]
)
def test_words_end_a_structured_timing_that_names_no_end(sig: str) -> None:
    found = read(order(every(1), sig=sig))
    assert found.given_on and found.given_on.text == "2026-01-10 to 2026-02-14"


@pytest.mark.parametrize("part", ["for 5 ", "x 5 ", "x 5-", "5 doses ", "1 to ", "12 - ", "over 5 to "])
def test_long_directions_tell_their_end_in_no_time(part: str) -> None:
    started = process_time()
    days_directed({"text": part * (1000 // len(part))})
    assert process_time() - started < 0.2


@pytest.mark.parametrize(
    ("resource", "given"),
    [
        (statement(effectivePeriod={"start": "2026-01-01", "end": "2026-06-05"}), "2026-01-01 to 2026-06-05"),
        (statement(effectivePeriod={"start": "2026-06-01", "end": "2026-06-14"}), "2026-06-01 to 2026-06-14"),
        (statement(effectivePeriod={"start": "2026-06-01", "end": "2026-08-14"}), "2026-06-01 to 2026-06-15"),
        (statement(effectivePeriod={"start": "2026-01-01"}, status="active"), "2026-01-01 to 2026-06-15"),
        (administration(effectivePeriod={"start": "2026-06-01"}, status="in-progress"), "2026-06-01 to 2026-06-15"),
        (procedure(performedPeriod={"start": "2026-01-01", "end": "2026-08-14"}), "2026-01-01 to 2026-06-15"),
        (statement(effectivePeriod={"start": "2025-01-01", "end": "2025-12-31"}), "2025"),
        (statement(effectivePeriod={"start": "2025-12-01", "end": "2025-12-31"}), "2025-12"),
        (statement(effectivePeriod={"start": "2026", "end": "2026-08"}, status="active"), "2026"),
        *((made(effectiveDateTime=day), day) for made in (administration, statement) for day in ("2026", "2026-06")),
        (administration(effectiveDateTime="2026", status="in-progress"), "2026"),
        (procedure(performedDateTime="2026"), "2026"),
        (procedure(performedDateTime="2026-06"), "2026-06"),
    ],
)
def test_a_period_prints_as_a_year_or_month_only_where_it_is_a_whole_one(resource: dict[str, Any], given: str) -> None:
    found = read(resource)
    assert found.given_on and found.given_on.text == given


@pytest.mark.parametrize("status", ["completed", "in-progress", "stopped", "on-hold", "unknown", None])
@pytest.mark.parametrize("made", [administration, procedure])
def test_what_may_have_been_given_counts_as_given(made: Any, status: str | None) -> None:
    dated = {"performedDateTime" if made is procedure else "effectiveDateTime": "2026-05-10"}
    found = read(made(status=status, **dated))
    assert found.given_on and found.given_on.first == date(2026, 5, 10)
    assert undated_infusions(Chart(TODAY, drugs=(read(made(status=status)),)))


@pytest.mark.parametrize("status", ["completed", "active", "stopped", "unknown", "recorded", None])
def test_a_statement_of_an_infusion_counts_unless_it_is_intended(status: str | None) -> None:
    assert read(statement(status=status, effectiveDateTime="2026-05-10")).given_on
    assert read(statement(status="intended", effectiveDateTime="2026-05-10")).given_on is None


@pytest.mark.parametrize("status", ["stopped", "on-hold"])
def test_an_order_that_was_stopped_or_waits_is_no_infusion_on_its_day(status: str) -> None:
    found = read(order(status=status))
    assert found.given_on is None and not undated_infusions(Chart(TODAY, drugs=(found,)))


@pytest.mark.parametrize(
    "resource",
    [
        administration(effectiveDateTime="2026-08-10"),
        administration(effectivePeriod=AHEAD),
        procedure(performedDateTime="2026-08-10"),
        procedure(performedPeriod=AHEAD),
        statement(effectiveDateTime="2026-08-10"),
        dispense(whenHandedOver="2026-08-10"),
        administration(effectiveDateTime="10.05.2026"),
        procedure(performedString="in May"),
    ],
)
def test_a_day_that_cannot_be_right_is_as_one_that_is_not_recorded(resource: dict[str, Any]) -> None:
    found = read(resource)
    assert found.given_on is None and found.planned_on is None
    assert undated_infusions(Chart(TODAY, drugs=(found,)))


@pytest.mark.parametrize(
    ("resource", "planned"),
    [
        (order({"event": ["2026-07-10"]}), "2026-07-10"),
        (order({"event": ["2026-07-24", "2026-07-10"]}), "2026-07-10"),
        (order({"event": ["2026-01-17", "2026-07-10"]}), "2026-07-10"),
        (order({"repeat": {"boundsPeriod": AHEAD}}), "2026-07-01"),
        (order(authoredOn="2026-07-10"), "2026-07-10"),
        (statement(status="active", effectivePeriod=AHEAD), "2026-07-01"),
    ],
)
def test_what_is_ordered_for_a_day_ahead_is_planned_and_not_given_on_it(resource: dict[str, Any], planned: str) -> None:
    found = read(resource)
    assert found.planned_on and found.planned_on.text == planned
    assert found.given_on is None or found.given_on.last < TODAY
    assert not undated_infusions(Chart(TODAY, drugs=(found,)))


def test_what_was_given_tells_unless_the_order_names_a_later_day() -> None:
    given = administration(id="a", effectiveDateTime="2026-02-10")
    for ordered, tells in ((order(every(4)), False), (order({"event": ["2026-01-17", "2026-06-05"]}), True)):
        found = read_drugs([given, ordered], patient_id="7", today=TODAY, zone=UTC)
        assert [bool(each.given_on) for each in found] == [True, tells]


def test_oral_iron_of_a_day_ahead_is_planned_unless_it_was_taken_before() -> None:
    oral = {"medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"}}
    ahead = order(**oral, id="2") | {"authoredOn": "2026-07-10"}
    (alone,) = read_drugs([ahead], patient_id="7", today=TODAY, zone=UTC)
    assert alone.planned_on and alone.planned_on.text == "2026-07-10"
    renewed, _ = read_drugs([ahead, order(**oral)], patient_id="7", today=TODAY, zone=UTC)
    assert renewed.planned_on is None and renewed.start and renewed.start.text == "2026-01-10"


def test_a_late_infusion_that_is_dated_by_a_period_is_among_the_records_that_are_read() -> None:
    late = administration(effectivePeriod=PERIOD)
    old = [order(id=f"o{number}", status="completed", authoredOn="2020-01-01") for number in range(MOST_DRUGS)]
    kept, named = records_to_read([*old, late])
    assert named == MOST_DRUGS + 1 and len(kept) == MOST_DRUGS and late in kept
