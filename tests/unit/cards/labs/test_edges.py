"""Edges of reading and calculating results: equal times, signs that pull apart, statuses, zones, copies."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cards.facts.results import LabResult, UnusableResult
from cards.labs.latest import Kind, choose
from cards.labs.latest import read as read_one
from cards.labs.saturation import blocking_tsat, exact, saturations, tsat_results
from cards.quantity import Quantity
from cards.reading.results import Results
from cards.reading.unknown import unread_units
from tests.builders.observations import (
    LOINC,
    chart,
    coded,
    lab,
    limit,
    observation,
    partial_date_of,
    read,
    reason,
    within,
)

LIMIT = limit("tsat", "at or above", 45)


# --- calculated saturations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iron", "tibc", "shown"),
    [
        ("", "", "10 %"),
        ("<", "", "<10 %"),
        ("<=", "", "<=10 %"),
        ("<=", ">", "<=10 %"),
        ("<", ">=", "<=10 %"),
        (">", "<", ">10 %"),
        ("", ">", "<10 %"),
        ("", "<=", ">=10 %"),
        ("<", "<", None),
        (">", ">=", None),
    ],
)
def test_the_sign_of_a_calculated_saturation(iron: str, tibc: str, shown: str | None) -> None:
    found = tsat_results(chart(lab("iron", "40", comparator=iron), lab("tibc", "400", comparator=tibc)))
    assert [each.quantity.text for each in found] == ([shown] if shown else [])


@pytest.mark.parametrize(
    ("iron", "tibc", "status"),
    [
        ("final", "final", "final"),
        ("corrected", "amended", "amended"),
        ("amended", "final", "final"),
        ("corrected", "corrected", "corrected"),
    ],
)
def test_a_calculated_result_has_the_lower_status_of_its_parts(iron: str, tibc: str, status: str) -> None:
    (found,) = tsat_results(chart(lab("iron", "40", status=iron), lab("tibc", "400", status=tibc)))
    assert found.status == status
    results = read(observation("vitd3", 20, "ng/mL", status=iron), observation("vitd2", 9, "ng/mL", status=tibc))
    assert [each.status for each in results.labs if each.analyte == "vitd"] == [status]


def test_a_saturation_that_cannot_be_is_listed_with_one_decimal() -> None:
    found = saturations(chart(lab("iron", "1000", reference="Observation/i"), lab("tibc", "333")))
    (impossible,) = found.set_aside
    assert impossible == UnusableResult(
        "tsat", "implausibly-high", partial_date_of("2026-05-20"), Quantity(Decimal("300.3"), "%"), "Observation/i",
        possible=impossible.possible,
    )  # fmt: skip
    assert [each.rounded(1).text for each in impossible.possible] == ["300.3 %"]
    assert found.unusable() == (impossible,)


def test_a_disputed_saturation_is_listed_and_the_higher_calculated_one_is_named() -> None:
    reported = lab("tsat", "20", reference="Observation/t")
    pairs = [lab("iron", "160", f"2026-05-20T0{hour}:00:00Z", reference=f"Observation/{hour}") for hour in (5, 8)]
    labs = (replace(pairs[0], quantity=Quantity(Decimal(200), "ug/dL")), pairs[1], lab("tibc", "400"), reported)
    found = saturations(chart(*labs))
    assert [(one.reference, other.quantity.value) for one, other in found.disputed] == [("Observation/t", Decimal(50))]
    assert found.unusable() == (
        UnusableResult(
            "tsat",
            "saturations-differ",
            reported.when,
            reported.quantity,
            "Observation/t",
            possible=(reported.quantity, Quantity(Decimal(50), "%")),
        ),
    )


@pytest.mark.parametrize(
    ("high", "low", "blocks"),
    [
        ("2026-05-20T08:00:00Z", "2026-05-20T08:00:00Z", True),
        ("2026-05-20T08:00:00Z", "2026-05-20T08:00:01Z", False),
        ("2026-05-20T08:00:01Z", "2026-05-20T08:00:00Z", True),
        ("2026-05-20", "2026-05-20T23:00:00Z", True),
        ("2026-05-20", "2026-05-21", False),
        ("2026-05-20", "2026-05", True),
    ],
)
def test_only_a_surely_later_one_clears_a_high_saturation(high: str, low: str, blocks: bool) -> None:
    found = blocking_tsat(chart(lab("tsat", "50", high), lab("tsat", "30", low)), LIMIT, within(730))
    assert bool(found) is blocks


@pytest.mark.parametrize(("days", "blocks"), [(729, True), (730, True), (731, False)])
def test_a_high_saturation_blocks_for_two_years(days: int, blocks: bool) -> None:
    assert bool(blocking_tsat(chart(lab("tsat", "50", days)), LIMIT, within(730))) is blocks


@pytest.mark.parametrize(
    ("reported", "value"),
    [(None, "38.0"), (Quantity(Decimal("85.4"), "pmol/L"), None), (Quantity(Decimal("5"), "furlong"), "38.0")],
)
def test_the_value_before_rounding(reported: Quantity | None, value: str | None) -> None:
    result = lab("ferritin", "38.0", reported=reported)
    found = exact(result)
    assert found == Decimal(value) if value else 37 < found < 39 and found != Decimal("38.0")


# --- copies and containers -------------------------------------------------------------------------------------


def copy_of(value: int, updated: str | None = None, **members: Any) -> dict[str, Any]:
    meta = {"meta": {"lastUpdated": updated}} if updated else {}
    return observation("ferritin", value, "ng/mL", id="f1", **meta, **members)


def values(*resources: dict[str, Any]) -> list[str]:
    return [each.quantity.text for each in read(*resources).labs]


def test_of_two_copies_the_one_updated_later_counts() -> None:
    old, new = copy_of(30, "2026-05-20T10:00:00Z"), copy_of(40, "2026-05-21T10:00:00Z")
    assert values(old, new) == values(new, old) == ["40 ng/mL"]
    later = copy_of(30, "2026-05-22T10:00:00Z", status="final")
    assert values(later, copy_of(40, "2026-05-21T10:00:00Z", status="corrected")) == ["30 ng/mL"]


def test_of_two_copies_that_nothing_tells_apart_both_stand_in_any_order() -> None:
    for when in (None, "2026-05-20T10:00:00Z"):
        one, other = copy_of(30, when), copy_of(40, when)
        assert values(one, other) == values(other, one) == ["30 ng/mL", "40 ng/mL"]


def contained(container: dict[str, Any], member: dict[str, Any]) -> dict[str, Any]:
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": {"reference": "Patient/7"}}
    bare = {name: value for name, value in observation("ferritin", 38, "ng/mL").items() if name != "subject"}
    del bare["effectiveDateTime"]
    return {**report, **container, "contained": [bare | member]}


@pytest.mark.parametrize(
    ("container", "member", "day"),
    [
        ({"effectiveDateTime": "2026-05-20"}, {}, "2026-05-20"),
        ({"effectiveDateTime": "2026-05-20"}, {"effectiveDateTime": "2026-05-01"}, "2026-05-01"),
        ({"effectiveDateTime": "2026-05-20"}, {"effectivePeriod": {"end": "2026-05-01"}}, "2026-05-01"),
        ({"effectivePeriod": {"end": "2026-05-20"}}, {"effectiveInstant": "2026-05-01T12:00:00Z"}, "2026-05-01"),
    ],
)
def test_a_contained_result_has_the_day_of_its_container_or_its_own(
    container: dict[str, Any], member: dict[str, Any], day: str
) -> None:
    assert [each.when.text for each in read(contained(container, member)).labs] == [day]


@pytest.mark.parametrize("member", [{}, {"effectiveDateTime": "2026-05-01"}])
def test_a_contained_result_is_of_the_patient_of_its_container(member: dict[str, Any]) -> None:
    somebody = {"subject": {"reference": "Patient/8"}, "effectiveDateTime": "2026-05-20"}
    assert read(contained(somebody, member)) == Results()


def test_without_a_date_the_copy_that_takes_most_back_counts() -> None:
    assert values(copy_of(30), copy_of(40, status="amended")) == ["40 ng/mL"]
    assert values(copy_of(40, status="amended"), copy_of(30)) == ["40 ng/mL"]
    assert values(copy_of(40), copy_of(30, status="entered-in-error")) == []


@pytest.mark.parametrize("key", ["component", "hasMember", "related"])
def test_a_panel_without_a_value_is_no_result(key: str) -> None:
    panel = observation("ferritin", **{key: [{"reference": "Observation/1"}]})
    assert read(panel).labs == read(panel).unusable == ()
    absent = {"dataAbsentReason": {"text": "haemolysed"}}
    assert reason(panel | absent) == "no-value" or reason(panel | absent)


def test_an_observation_without_a_value_says_so() -> None:
    assert reason(observation("ferritin"))


PANEL, REJECTED = "50190-8", "14724-9"


@pytest.mark.parametrize(("name", "value", "unit"), [("iron", 90, "ug/dL"), ("tsat", 30, "%")])
def test_a_code_of_the_panel_beside_its_own_leaves_a_result_what_it_is(name: str, value: int, unit: str) -> None:
    alone = observation(name, value, unit)
    both = {**alone, "code": coded(PANEL, alone["code"]["coding"][0]["code"])}
    assert [each.analyte for each in read(both).labs] == [name]
    assert read({**alone, "code": coded(PANEL)}).unusable == ()


@pytest.mark.parametrize(
    ("name", "value", "unit"), [("ferritin", 38, "ng/mL"), ("tsat", 30, "%"), ("vitd", 30, "ng/mL")]
)
def test_a_code_that_is_rejected_beside_its_own_makes_a_result_unusable(name: str, value: int, unit: str) -> None:
    alone = observation(name, value, unit)
    assert reason({**alone, "code": coded(alone["code"]["coding"][0]["code"], REJECTED)}) == "several-tests"


# --- measures --------------------------------------------------------------------------------------------------


def test_a_due_date_is_a_day_in_the_zone_of_the_clinic() -> None:
    due = {
        "resourceType": "Observation",
        "id": "due",
        "status": "final",
        "code": coded("11778-8"),
        "subject": {"reference": "Patient/7"},
        "effectiveDateTime": "2026-05-20",
        "valueDateTime": "2026-10-01T02:00:00Z",
    }
    (measure,) = read(due).measures
    assert measure.reference == "Observation/due"
    assert (measure.kind, measure.value, str(measure.day)) == ("due-date", Decimal(0), "2026-09-30")


def test_a_plain_integer_is_a_score_and_no_weight() -> None:
    weighed = observation("body-weight", 70, "kg", valueInteger=3)
    assert [(each.kind, each.value) for each in read(weighed).measures] == [("body-weight", Decimal(70))]


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"system": "http://snomed.info/sct", "code": "77386006"}, True),
        ({"system": LOINC, "code": "LA15173-0"}, True),
        ({"system": LOINC, "code": "LA26683-5"}, None),
    ],
)
@pytest.mark.parametrize(("day", "fresh"), [("2026-05-04", True), ("2026-05-03", False)])
def test_a_stated_pregnancy_holds_for_six_weeks(
    answer: dict[str, str], counts: bool | None, day: str, fresh: bool
) -> None:
    stated = {
        "resourceType": "Observation",
        "id": "s",
        "status": "final",
        "code": coded("82810-3"),
        "subject": {"reference": "Patient/7"},
        "effectiveDateTime": day,
        "valueCodeableConcept": {"coding": [answer]},
    }
    found = read(stated).diagnoses_like
    assert [(each.concepts, each.counts, each.reference) for each in found] == (
        [(frozenset({"pregnant"}), fresh, "Observation/s")] if counts else []
    )


# --- sums ------------------------------------------------------------------------------------------------------


def test_a_sum_of_vitamin_d_keeps_where_and_when_it_is_from() -> None:
    d3 = observation("vitd3", 20.2, "ng/mL", id="d3", issued="2026-05-21T10:00:00Z")
    results = read(d3, observation("vitd2", 9.5, "ng/mL", id="d2"))
    (total,) = (each for each in results.labs if each.analyte == "vitd")
    assert (total.quantity.text, total.exact, total.how) == ("29.7 ng/mL", Decimal("29.7"), "calculated")
    assert (total.reference, total.when.text) == ("Observation/d3", "2026-05-20")
    assert total.issued and total.issued.isoformat() == "2026-05-21T10:00:00+00:00"
    assert [part.analyte for part in total.parts] == ["vitd3", "vitd2"]


def test_d3_that_stands_for_the_total_is_its_only_part() -> None:
    results = read(observation("vitd3", 20.2, "ng/mL", id="d3"))
    (total,) = (each for each in results.labs if each.analyte == "vitd")
    assert (total.quantity.text, total.reference) == ("20.2 ng/mL", "Observation/d3")
    assert [part.analyte for part in total.parts] == ["vitd3"]


def test_a_corrected_calcium_keeps_where_and_when_it_is_from() -> None:
    total = observation("calcium", 8.0, "mg/dL", id="ca", issued="2026-05-21T10:00:00Z", status="amended")
    results = read(total, observation("albumin", 2.0, "g/dL", id="alb"))
    (calcium,) = (each for each in results.labs if each.analyte == "calcium")
    assert (calcium.quantity.text, calcium.exact, calcium.how) == ("9.6 mg/dL", Decimal("9.60"), "calculated")
    assert (calcium.reference, calcium.when.text, calcium.status) == ("Observation/ca", "2026-05-20", "final")
    assert calcium.issued and calcium.issued.isoformat() == "2026-05-21T10:00:00+00:00"
    assert [part.analyte for part in calcium.parts] == ["calcium", "albumin"]


def test_a_censored_albumin_corrects_nothing() -> None:
    low: LabResult = lab("albumin", "2.0", comparator="<")
    quantity = {"value": 2.0, "unit": "g/dL", "comparator": "<"}
    results = read(observation("calcium", 8.0, "mg/dL"), observation("albumin", valueQuantity=quantity))
    assert low.quantity.is_censored
    assert [each.quantity.text for each in results.labs if each.analyte == "calcium"] == ["8 mg/dL"]


@pytest.mark.parametrize("key", ["valueQuantity", "valueString", "dataAbsentReason"])
def test_a_panel_with_a_value_of_its_own_is_a_result(key: str) -> None:
    own = {"valueQuantity": {"value": 38, "unit": "ng/mL"}, "valueString": "38 ng/mL",
           "dataAbsentReason": {"text": "haemolysed"}}[key]  # fmt: skip
    results = read(observation("ferritin", **{key: own, "hasMember": [{"reference": "Observation/1"}]}))
    assert len(results.labs) + len(results.unusable) == 1


def test_an_extension_that_changes_the_meaning_is_seen_on_the_result_and_on_its_part() -> None:
    extension = [{"url": "https://example.org/not", "valueBoolean": True}]
    assert reason(observation("ferritin", 38, "ng/mL", modifierExtension=extension))
    part = {"code": coded("2276-4"), "valueQuantity": {"value": 38, "unit": "ng/mL"}}
    panel = {**observation("ferritin", component=[part]), "code": coded("50190-8")}
    assert reason(panel) == ""
    assert reason({**panel, "component": [{**part, "modifierExtension": extension}]})


def test_an_old_result_is_named_with_what_could_not_be_used() -> None:
    preliminary = UnusableResult("ferritin", "preliminary", partial_date_of("2026-06-01"))
    old = lab("ferritin", "38.0", 400)
    found = read_one(chart(old, unusable=(preliminary,)), "ferritin", window=within(180))
    assert (found.kind, found.others, found.unusable) == (Kind.STALE, (old,), (preliminary,))
    assert choose((), unusable=(preliminary,)).unusable == (preliminary,)
    assert (choose(()).kind, choose((), unusable=(preliminary,)).kind) == (Kind.NONE, Kind.UNREADABLE)


@pytest.mark.parametrize("name", ["ferritin", "iron", "tibc", "transferrin", "b12"])
def test_zero_is_no_result(name: str) -> None:
    unit = {"transferrin": "mg/dL", "b12": "pg/mL", "ferritin": "ng/mL"}.get(name, "ug/dL")
    assert reason(observation(name, 0, unit)) == "implausible"
    assert reason(observation(name, 200, unit)) == ""


# --- units that could not be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "unit", "why"),
    [
        ({"unit": "furlong", "code": "x"}, "furlong", "unknown-unit"),
        ({"code": "furlong", "system": "http://unitsofmeasure.org"}, "furlong", "unknown-unit"),
        ({}, "", "no-unit"),
        ({"unit": "ng/mL"}, None, ""),
    ],
)
def test_a_unit_that_could_not_be_read_is_listed_as_it_was_sent(
    quantity: dict[str, str], unit: str | None, why: str
) -> None:
    result = observation("ferritin", id="f", valueQuantity={"value": 38, **quantity})
    found = unread_units([result], read(result).unusable)
    assert found == ((("ferritin", why, unit),) if unit is not None else ())
