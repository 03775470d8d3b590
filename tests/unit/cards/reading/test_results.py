"""Which Observations count, and what is said of those that do not (clinical page 0.3 and 7.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cards.facts.results import UnusableResult
from cards.fhir.local_codes import local_key
from cards.quantity import Quantity
from cards.reading.results import Results
from cards.wording.reasons import reason_sentence, reasons
from tests.builders.observations import (
    CODES,
    LOINC,
    UCUM,
    ZONE,
    coded,
    observation,
    partial_date_of,
    read,
    reason,
    value_of,
)

FERRITIN = "ferritin"


@pytest.mark.parametrize("name", [name for name in CODES if name not in ("body-weight", "gestational-age")])
def test_every_analyte_is_found_by_its_code(name: str) -> None:
    units = {"tsat": "%", "egfr": "mL/min/{1.73_m2}", "mma": "umol/L", "homocysteine": "umol/L", "plp": "nmol/L"}
    given = {"albumin": (4, "g/dL"), "haemoglobin": (12, "g/dL"), "mcv": (88, "fL"), "calcium-ionised": (1.2, "mmol/L")}
    mass = {"iron": "ug/dL", "tibc": "ug/dL", "uibc": "ug/dL", "b12": "pg/mL", "crp": "mg/L"}
    in_mg = ("transferrin", "magnesium", "calcium", "calcium-corrected", "phosphate")
    value, unit = given.get(name, (9, units.get(name) or mass.get(name) or ("mg/dL" if name in in_mg else "ng/mL")))
    results = read(observation(name, value, unit))
    wanted = "calcium" if name == "calcium-corrected" else name
    assert wanted in {each.analyte for each in results.labs}
    assert results.unusable == ()


# --- status ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "final ", "Final"])
def test_final_results_count(status: str) -> None:
    assert value_of(observation(FERRITIN, 38, "ng/mL", status=status)) == "38 ng/mL"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("preliminary", "preliminary"),
        ("registered", "not-reported-yet"),
        ("cancelled", "cancelled"),
        ("entered-in-error", "entered-in-error"),
        ("entered-in-error ", "entered-in-error"),
        ("unknown", "status-not-known"),
        ("bogus", "status-not-known"),
        (None, "status-not-known"),
        (5, "status-not-known"),
    ],
)
def test_other_results_do_not(status: Any, why: str) -> None:
    assert reason(observation(FERRITIN, 38, "ng/mL", status=status)) == why


def test_a_preliminary_value_may_be_named_and_one_entered_in_error_may_not() -> None:
    (preliminary,) = read(observation(FERRITIN, 38, "ng/mL", status="preliminary")).unusable
    assert preliminary.quantity == Quantity(Decimal("38.0"), "ng/mL")
    (mistaken,) = read(observation(FERRITIN, 38, "ng/mL", status="entered-in-error")).unusable
    assert mistaken.quantity is None


# --- date ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"effectiveDateTime": "2026-05-20"}, "2026-05-20"),
        ({"effectiveDateTime": "2026-05-20T23:30:00-04:00"}, "2026-05-20"),
        ({"effectiveDateTime": "2026-05-21T03:30:00Z"}, "2026-05-20"),
        ({"effectiveDateTime": "2026-05-20T23:30:00-05:00"}, "2026-05-21"),
        ({"effectiveDateTime": "2026-05-20T10:00:00"}, "2026-05-20"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-05-01", "end": "2026-05-20"}}, "2026-05-20"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-05-20"}}, "2026-05-20"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-05-20", "end": "9999-12-31"}}, "2026-05-20"),
        ({"effectiveDateTime": None, "effectiveTiming": {"event": ["2026-05-19", "2026-05-20"]}}, "2026-05-20"),
        (
            {"effectiveDateTime": None, "effectiveTiming": {"repeat": {"boundsPeriod": {"start": "2026-05-20"}}}},
            "2026-05-20",
        ),
        ({"effectiveDateTime": None, "effectiveInstant": "2026-05-20T10:00:00Z"}, "2026-05-20"),
        ({"effectiveDateTime": "2026-03"}, "2026-03"),
        ({"effectiveDateTime": "2025"}, "2025"),
    ],
)
def test_the_date_is_when_the_specimen_was_taken(members: dict[str, Any], day: str) -> None:
    (lab,) = read(observation(FERRITIN, 38, "ng/mL", **members)).labs
    assert lab.when.text == day


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"effectiveDateTime": None}, "no-date"),
        ({"effectiveDateTime": None, "issued": "2026-05-20T10:00:00Z"}, "no-date"),
        ({"effectiveDateTime": None, "_effectiveDateTime": {"extension": []}}, "no-date"),
        ({"effectiveDateTime": "${DATE, T, D, -20}"}, "date-not-readable"),
        ({"effectiveDateTime": "5/18/2016 10:33:22 PM"}, "date-not-readable"),
        ({"effectiveDateTime": "2026-02-30"}, "date-not-readable"),
        ({"effectiveDateTime": 20260520}, "date-not-readable"),
    ],
)
def test_without_that_date_a_result_is_unusable(members: dict[str, Any], why: str) -> None:
    assert reason(observation(FERRITIN, 38, "ng/mL", **members)) == why


def test_a_day_ahead_counts_as_today_and_two_days_ahead_are_the_future() -> None:
    (lab,) = read(observation(FERRITIN, 38, "ng/mL", effectiveDateTime="2026-06-16")).labs
    assert lab.when == partial_date_of("2026-06-15")
    assert reason(observation(FERRITIN, 38, "ng/mL", effectiveDateTime="2026-06-17")) == "dated-in-the-future"
    assert reason(observation(FERRITIN, 38, "ng/mL", effectiveDateTime="2026-06-16T10:00:00Z")) == "dated-in-the-future"
    assert reason(observation(FERRITIN, 38, "ng/mL", effectiveDateTime="2026-07")) == "dated-in-the-future"


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"effectiveDateTime": "9999-12-31T23:59:59Z"}, "dated-in-the-future"),
        ({"effectiveDateTime": "0001-01-01T00:00:00Z"}, "no-date"),
        ({"effectiveDateTime": "0000-00-00"}, "no-date"),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": "9999-12-31"}}, "no-date"),
    ],
)
def test_a_date_that_stands_for_none_dates_no_result(members: dict[str, Any], why: str) -> None:
    assert reason(observation(FERRITIN, 38, "ng/mL", **members)) == why


def test_a_month_or_year_that_has_not_ended_is_cut_at_today() -> None:
    (lab,) = read(observation(FERRITIN, 38, "ng/mL", effectiveDateTime="2026")).labs
    assert (lab.when.first.isoformat(), lab.when.last.isoformat()) == ("2026-01-01", "2026-06-15")
    assert lab.when.text == "2026"


def test_issued_is_kept_to_tell_two_results_of_one_time_apart() -> None:
    (lab,) = read(observation(FERRITIN, 38, "ng/mL", issued="2026-05-21T08:00:00Z")).labs
    assert lab.issued == datetime(2026, 5, 21, 8, tzinfo=UTC)
    assert ZONE.key == "America/New_York"


# --- value -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({"valueQuantity": {"value": "41.0", "unit": "ng/mL"}}, "41 ng/mL"),
        ({"valueQuantity": {"value": 41, "unit": "ng/mL", "system": UCUM}}, "41 ng/mL"),
        ({"valueQuantity": {"value": 41, "system": UCUM, "code": "ng/mL"}}, "41 ng/mL"),
        ({"valueQuantity": {"value": 5, "comparator": "<", "unit": "ng/mL"}}, "<5 ng/mL"),
        ({"valueQuantity": [{"value": 41, "unit": "ng/mL"}]}, "41 ng/mL"),
        ({"valueString": "41 ng/mL"}, "41 ng/mL"),
        ({"valueString": "38,5 ug/L"}, "38.5 ng/mL"),
        ({"valueString": "> 1500 ng/mL"}, ">1500 ng/mL"),
    ],
)
def test_values_that_count(members: dict[str, Any], shown: str) -> None:
    assert value_of(observation(FERRITIN, **members)) == shown


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, "no-value"),
        ({"valueQuantity": {}}, "not-a-number"),
        ({"valueQuantity": {"unit": "ng/mL"}}, "no-value"),
        ({"valueQuantity": {"extension": [{"url": "x", "valueCode": "masked"}]}}, "no-value"),
        ({"valueQuantity": {"value": 38}}, "no-unit"),
        ({"valueQuantity": {"value": 38, "unit": "ng/mL", "code": "mg/L", "system": UCUM}}, "unit-contradicts-itself"),
        ({"valueQuantity": {"value": 38, "comparator": "~", "unit": "ng/mL"}}, "unknown-comparator"),
        ({"valueString": "QNS"}, "not-a-number"),
        ({"valueString": "38"}, "no-unit"),
        ({"valueInteger": 38}, "no-unit"),
        ({"valueDecimal": 38.5}, "no-unit"),
        ({"valueBoolean": True}, "not-a-number"),
        ({"valueCodeableConcept": {"text": "low"}}, "not-a-number"),
        ({"valueRange": {"high": {"value": 30, "unit": "ng/mL"}}}, "not-a-number"),
        ({"valueRatio": {}}, "not-a-number"),
        ({"valueDateTime": "2026-05-20"}, "not-a-number"),
        (
            {"valueQuantity": {"value": 38, "unit": "ng/mL"}, "dataAbsentReason": {"text": "masked"}},
            "said-to-be-absent",
        ),
        ({"dataAbsentReason": coded("unknown")}, "no-value"),
        ({"valueQuantity": {"value": 0, "unit": "ng/mL"}}, "implausible"),
        ({"valueQuantity": {"value": 200000, "unit": "ng/mL"}}, "implausibly-high"),
    ],
)
def test_values_that_do_not(members: dict[str, Any], why: str) -> None:
    assert reason(observation(FERRITIN, **members)) == why


def test_flags_and_reference_ranges_say_nothing() -> None:
    placeholder = {"low": {"value": 0}, "high": {"value": 0}}
    flagged = observation(FERRITIN, 38, "ng/mL", interpretation=coded("N"), referenceRange=[placeholder])
    assert value_of(flagged) == "38 ng/mL"


def test_an_implausible_value_is_named() -> None:
    (result,) = read(observation(FERRITIN, 200000, "ng/mL")).unusable
    assert result == UnusableResult(
        FERRITIN,
        "implausibly-high",
        partial_date_of("2026-05-20"),
        Quantity(Decimal("200000.0"), "ng/mL"),
        possible=(Quantity(Decimal(200000), "ng/mL"),),
        numbers=(Decimal(200000),),
    )


@pytest.mark.parametrize("key", sorted(reasons()))
def test_every_reason_reads_as_a_sentence(key: str) -> None:
    assert reason_sentence(key) and not reason_sentence(key).endswith(".")


# --- codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "2276-4"}]},
        {"coding": [{"system": "LOINC", "code": "2276-4"}]},
        {"coding": [{"system": "urn:oid:1.2.840.114350", "code": "1"}, {"system": LOINC, "code": "2276-4"}]},
        {"coding": [{"system": LOINC, "code": "2276-4"}, {"system": LOINC, "code": "20567-4"}]},
        {"coding": {"system": LOINC, "code": " 2276-4 "}},
        [{"coding": [{"system": LOINC, "code": "2276-4"}]}],
    ],
)
def test_codes_in_every_dress(code: Any) -> None:
    assert value_of(observation(FERRITIN, 38, "ng/mL", code=code)) == "38 ng/mL"


@pytest.mark.parametrize(
    "code",
    [
        None,
        {},
        {"text": "Sodium"},
        {"coding": [{"system": "http://snomed.info/sct", "code": "2276-4"}]},
        {"coding": [{"code": "718-8"}]},
        coded("14724-9"),
        coded("16695-9"),
        coded("1649-3"),
        coded("2593-2"),
        coded("17780-8"),
    ],
)
def test_codes_that_are_not_ours_are_passed_over(code: Any) -> None:
    results = read(observation(FERRITIN, 38, "ng/mL", code=code))
    assert (results.labs, results.unusable) == ((), ())


@pytest.mark.parametrize("code", ["2276-4", {"coding": [{"code": "2276-4"}]}, {"text": "2276-4"}])
def test_a_loinc_code_without_a_system_names_its_test_and_is_not_compared(code: Any) -> None:
    results = read(observation(FERRITIN, 38, "ng/mL", code=code))
    assert (results.labs, [each.why for each in results.unusable]) == ((), ["code-not-mapped"])


def test_one_code_for_two_tests_is_unusable() -> None:
    assert reason(observation(FERRITIN, 38, "ng/mL", code=coded("2276-4", "2498-4"))) == "several-tests"
    assert reason(observation("b12", 380, "pg/mL", code=coded("2132-9", "16695-9"))) == "several-tests"


def test_a_sites_own_code_is_read() -> None:
    local = {("urn:oid:1.2.3", "FERR"): "lab-ferritin"}
    mine = observation(FERRITIN, 38, "ng/mL", code={"coding": [{"system": "urn:oid:1.2.3", "code": "FERR"}]})
    assert [each.analyte for each in read(mine, local_codes=local).labs] == [FERRITIN]
    assert read(mine).labs == ()


def test_whole_blood_ferritin_is_of_low_priority() -> None:
    (blood,) = read(observation(FERRITIN, 38, "ng/mL", code=coded("24373-3"))).labs
    (serum,) = read(observation(FERRITIN, 38, "ng/mL", code=coded("24373-3", "2276-4"))).labs
    assert (blood.low_priority, serum.low_priority) == (True, False)


def test_the_code_does_not_fix_the_unit() -> None:
    """An Austrian record: 366 pmol/L under the code for mass is 496 pg/mL."""
    assert value_of(observation("b12", 366, "pmol/L")) == "496.1 pg/mL"
    assert reason(observation("b12", 366)) == "no-unit"


# --- patient, specimen, copies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "labs"),
    [
        ({"subject": {"reference": "https://ehr.example/fhir/Patient/7"}}, 1),
        ({"subject": {"reference": "Patient/7/_history/3"}}, 1),
        ({"subject": {"reference": "urn:uuid:7"}}, 1),
        ({"subject": {"identifier": {"value": "1"}}}, 1),
        ({"subject": None}, 1),
        ({"subject": {"reference": "Patient/8"}}, 0),
        ({"subject": {"reference": "Group/7"}}, 0),
        ({"subject": None, "patient": {"reference": "Patient/8"}}, 0),
    ],
)
def test_results_of_anybody_else_are_dropped(members: dict[str, Any], labs: int) -> None:
    results = read(observation(FERRITIN, 38, "ng/mL", **members))
    assert (len(results.labs), results.unusable) == (labs, ())


@pytest.mark.parametrize(
    ("specimen", "why"),
    [
        ({"display": "Urine"}, "not-blood"),
        ({"display": "Cerebrospinal fluid"}, "not-blood"),
        ({"display": "Serum"}, ""),
        ({"display": "Venous blood"}, ""),
        ({"display": "red top"}, ""),
        ({"reference": "Specimen/9"}, ""),
        ({"reference": "Specimen/1"}, "not-blood"),
        ({"reference": "#s"}, "not-blood"),
        ({"reference": "#t"}, ""),
    ],
)
def test_the_specimen_must_not_be_something_else(specimen: dict[str, Any], why: str) -> None:
    urine = {"coding": [{"system": "http://snomed.info/sct", "code": "122575003"}]}
    serum = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0487", "code": "SER"}]}
    spinal = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0487", "code": "CSF"}]}
    held = {"resourceType": "Specimen", "id": "1", "type": urine}
    contained = [
        {"resourceType": "Specimen", "id": "s", "type": spinal},
        {"resourceType": "Specimen", "id": "t", "type": serum},
    ]
    assert reason(held, observation(FERRITIN, 38, "ng/mL", specimen=specimen, contained=contained)) == why


def test_a_qualification_of_the_laboratory_makes_a_result_unusable() -> None:
    assert reason(observation(FERRITIN, 38, "ng/mL", modifierExtension=[{"url": "x"}])) == "qualified"


def test_a_stray_contained_order_loses_no_result() -> None:
    """A Canadian ferritin of 2087 whose contained order names no patient: invalid FHIR, and still a result."""
    order = {"resourceType": "ServiceRequest", "id": "o"}
    quantity = {"value": 2087, "unit": "ug/L", "system": UCUM}
    assert value_of(observation(FERRITIN, valueQuantity=quantity, contained=[order])) == "2087 ng/mL"


def test_one_result_from_two_sources_counts_once() -> None:
    one = observation(FERRITIN, 38, "ng/mL", id="a")
    assert len(read(one, dict(one)).labs) == 1
    assert len(read(one, {**one, "id": "b"}).labs) == 1
    assert len(read(observation(FERRITIN, 38, "ng/mL"), observation(FERRITIN, 38, "ng/mL")).labs) == 1


def test_of_two_versions_of_one_result_the_later_counts() -> None:
    old = observation(FERRITIN, 38, "ng/mL", id="a", meta={"lastUpdated": "2026-05-21T00:00:00Z"})
    new = observation(FERRITIN, 83, "ng/mL", id="a", status="corrected", meta={"lastUpdated": "2026-05-22T00:00:00Z"})
    assert value_of(old, new) == value_of(new, old) == "83 ng/mL"


def test_without_a_date_the_version_that_takes_back_most_counts() -> None:
    final = observation(FERRITIN, 38, "ng/mL", id="a")
    mistaken = observation(FERRITIN, 38, "ng/mL", id="a", status="entered-in-error")
    assert reason(final, mistaken) == reason(mistaken, final) == "entered-in-error"


def test_the_same_number_under_two_ids_keeps_the_higher_status() -> None:
    final = observation(FERRITIN, 38, "ng/mL", id="a")
    corrected = observation(FERRITIN, 38, "ng/mL", id="b", status="corrected")
    for order in ((final, corrected), (corrected, final)):
        assert [each.status for each in read(*order).labs] == ["corrected"]


def test_serum_is_kept_where_blood_gives_the_same_number() -> None:
    serum = observation(FERRITIN, 38, "ng/mL", id="s")
    blood = observation(FERRITIN, 38, "ng/mL", id="b", code=coded("24373-3"), status="corrected")
    for order in ((serum, blood), (blood, serum)):
        assert [each.reference for each in read(*order).labs] == ["Observation/s"]


# --- panels ----------------------------------------------------------------------------------------------------


def test_components_of_an_iron_panel() -> None:
    panel = observation(
        FERRITIN,
        code=coded("50190-8"),
        id="p",
        component=[
            {"code": coded("2498-4"), "valueQuantity": {"value": 91, "unit": "ug/dL"}},
            {"code": coded("2500-7"), "valueQuantity": {"value": 300, "unit": "ug/dL"}},
            {"code": coded("2502-3"), "valueQuantity": {"value": 30.3, "unit": "%"}},
            {"code": coded("2276-4"), "dataAbsentReason": coded("not-performed")},
        ],
    )
    results = read(panel)
    assert {each.analyte: each.quantity.text for each in results.labs} == {
        "iron": "91 µg/dL",
        "tibc": "300 µg/dL",
        "tsat": "30.3 %",
    }
    assert [(each.analyte, each.why) for each in results.unusable] == [(FERRITIN, "no-value")]
    assert {each.reference for each in results.labs} == {"Observation/p"}


def test_a_panel_with_members_is_not_a_result_and_its_members_count_once() -> None:
    member = observation(FERRITIN, 38, "ng/mL", id="m")
    panel = observation(FERRITIN, id="p", hasMember=[{"reference": "Observation/m"}])
    older = observation(FERRITIN, id="q", related=[{"type": "has-member", "target": {"reference": "Observation/m"}}])
    results = read(panel, older, member)
    assert [each.reference for each in results.labs] == ["Observation/m"]
    assert results.unusable == ()


#: What a container of this status makes of a contained result of that one: the stricter of the two.
_CONTAINED = {
    ("final", "final"): "",
    ("amended", "final"): "",
    ("corrected", "final"): "",
    ("appended", "final"): "",
    ("", "final"): "",
    ("preliminary", "final"): "preliminary",
    ("partial", "final"): "preliminary",
    ("registered", "corrected"): "preliminary",
    ("Preliminary ", "final"): "preliminary",
    ("preliminary", ""): "preliminary",
    ("preliminary", "registered"): "not-reported-yet",
    ("preliminary", "cancelled"): "cancelled",
    ("preliminary", "entered-in-error"): "entered-in-error",
    ("cancelled", "final"): "cancelled",
    ("cancelled", "preliminary"): "cancelled",
    ("cancelled", "entered-in-error"): "entered-in-error",
    ("entered-in-error", "final"): "entered-in-error",
    ("entered-in-error", "cancelled"): "entered-in-error",
    ("final", "preliminary"): "preliminary",
    ("final", ""): "status-not-known",
}


@pytest.mark.parametrize("kind", ["DiagnosticReport", "Observation"])
@pytest.mark.parametrize(("around", "own"), _CONTAINED)
def test_the_status_of_a_container_limits_what_it_contains(around: str, own: str, kind: str) -> None:
    member = observation(FERRITIN, 812, "ng/mL", id="m", status=own or None)
    container = observation(
        FERRITIN, resourceType=kind, code=coded("50190-8"), status=around or None, contained=[member]
    )
    assert reason(container) == _CONTAINED[around, own]


#: A part beside which the code of the whole says what it is.
_PARTS_THAT_TELL_NOTHING: list[Any] = [
    {"text": "Result"},
    {"text": "Value"},
    {"coding": [{"system": "urn:lab", "code": "RES"}]},
    {"coding": [{"code": "RES", "display": "Resultat"}]},
    {},
    None,
]


@pytest.mark.parametrize("code", _PARTS_THAT_TELL_NOTHING)
@pytest.mark.parametrize("of_the_whole", [coded("2276-4"), {"text": "Ferritin"}], ids=["LOINC", "words"])
@pytest.mark.parametrize("absent", [{}, {"dataAbsentReason": coded("unknown")}], ids=["no value", "a reason for none"])
def test_a_part_whose_code_tells_nothing_may_be_the_result_of_the_whole(
    code: Any, of_the_whole: Any, absent: dict[str, Any]
) -> None:
    part = {"code": code, "valueQuantity": {"value": 812, "unit": "ng/mL"}}
    results = read(observation(FERRITIN, code=of_the_whole, component=[part], **absent))
    assert results.labs == ()
    named = [each for each in results.unusable if each.why == "code-not-mapped"]
    assert {(each.analyte, *(value.text for value in each.possible[:1])) for each in named} >= {(FERRITIN, "812 ng/mL")}


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ({}, {"code": coded("2345-7"), "valueQuantity": {"value": 812, "unit": "mg/dL"}}),
        ({}, {"code": {"text": "Reference range"}, "valueString": "30-400"}),
        ({}, {"code": {"text": "Ferritin index"}, "valueQuantity": {"value": 812}}),
        ({}, {"code": {"text": "Result"}}),
        ({"code": coded("50190-8")}, {"code": {"text": "Result"}, "valueQuantity": {"value": 812, "unit": "ng/mL"}}),
        ({"code": coded("2345-7")}, {"code": {"text": "Result"}, "valueQuantity": {"value": 812, "unit": "ng/mL"}}),
    ],
)
def test_a_part_that_tells_what_it_is_or_of_another_whole_is_none_of_ours(
    whole: dict[str, Any], part: dict[str, Any]
) -> None:
    results = read(observation(FERRITIN, **{"component": [part], **whole}))
    assert (results.labs, results.unusable, results.measures) == ((), (), ())


def test_a_part_of_a_weight_that_tells_nothing_is_no_weight() -> None:
    part = {"code": {"text": "Result"}, "valueQuantity": {"value": 81, "unit": "kg"}}
    results = read(observation("body-weight", component=[part]))
    assert (results.measures, [each.why for each in results.unusable]) == ((), ["code-not-mapped"])


def test_a_value_of_the_whole_stands_beside_parts_that_tell_nothing() -> None:
    part = {"code": {"text": "Result"}, "valueString": "see note 812"}
    assert value_of(observation(FERRITIN, 38, "ng/mL", component=[part])) == "38 ng/mL"


def test_a_contained_member_takes_patient_and_time_from_its_panel() -> None:
    member = observation(FERRITIN, 38, "ng/mL", id="m", subject=None, effectiveDateTime=None)
    panel = observation(FERRITIN, code=coded("50190-8"), id="p", contained=[member], hasMember=[{"reference": "#m"}])
    (lab,) = read(panel).labs
    assert (lab.quantity.text, lab.when.text, lab.reference) == ("38 ng/mL", "2026-05-20", "Observation/p")
    report = {"resourceType": "DiagnosticReport", "id": "r", "effectiveDateTime": "2026-05-20", "contained": [member]}
    assert len(read({**report, "subject": {"reference": "Patient/7"}}).labs) == 1
    assert read({**report, "subject": {"reference": "Patient/8"}}) == Results()


# --- sums ------------------------------------------------------------------------------------------------------


def vitamin_d(*resources: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.quantity.text, each.how) for each in read(*resources).labs if each.analyte == "vitd"]


def test_vitamin_d2_and_d3_of_one_specimen_are_added_in_one_unit() -> None:
    d3, d2 = observation("vitd3", 45, "nmol/L"), observation("vitd2", 5, "ng/mL")
    assert vitamin_d(d3, d2) == [("23 ng/mL", "calculated")]
    assert vitamin_d(d3) == [("18 ng/mL", "converted")]
    assert vitamin_d(d2) == []


def test_the_sum_is_rounded_once() -> None:
    assert vitamin_d(observation("vitd3", 12.04, "ng/mL"), observation("vitd2", 8.04, "ng/mL")) == [
        ("20 ng/mL", "calculated")
    ]
    assert vitamin_d(observation("vitd3", 30.05, "nmol/L"), observation("vitd2", 19.98, "nmol/L")) == [
        ("20 ng/mL", "calculated")
    ]


def test_d2_of_another_day_is_not_added() -> None:
    later = observation("vitd2", 5, "ng/mL", effectiveDateTime="2026-05-21")
    assert vitamin_d(observation("vitd3", 18, "ng/mL"), later) == [("18 ng/mL", "reported")]


def test_a_reported_total_makes_the_parts_needless() -> None:
    parts = (observation("vitd3", 18, "ng/mL"), observation("vitd2", 5, "ng/mL"))
    assert vitamin_d(*parts, observation("vitd", 24, "ng/mL")) == [("24 ng/mL", "reported")]
    both = observation("vitd", 24, "ng/mL", code=coded("62292-8", "1989-3"))
    assert vitamin_d(both) == [("24 ng/mL", "reported")]


def censored(name: str, value: float) -> dict[str, Any]:
    return observation(name, valueQuantity={"value": value, "comparator": "<", "unit": "ng/mL"})


def test_a_part_below_detection_adds_nothing_beside_a_measured_one() -> None:
    assert vitamin_d(observation("vitd3", 32, "ng/mL"), censored("vitd2", 4)) == [("32 ng/mL", "calculated")]
    assert vitamin_d(censored("vitd3", 4), observation("vitd2", 32, "ng/mL")) == [("32 ng/mL", "calculated")]
    assert vitamin_d(censored("vitd3", 4), censored("vitd2", 4)) == [("<8 ng/mL", "calculated")]


def calcium(*resources: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.quantity.text, each.how) for each in read(*resources).labs if each.analyte == "calcium"]


def test_calcium_is_corrected_for_the_albumin_of_the_same_day() -> None:
    total, albumin = observation("calcium", 9.9, "mg/dL"), observation("albumin", 30, "g/L")
    assert calcium(total) == [("9.9 mg/dL", "reported")]
    assert calcium(total, albumin) == [("10.7 mg/dL", "calculated")]
    assert calcium(total, {**albumin, "effectiveDateTime": "2026-05-21"}) == [("9.9 mg/dL", "reported")]
    assert calcium({**total, "effectiveDateTime": "2026-05"}, {**albumin, "effectiveDateTime": "2026-05"}) == [
        ("9.9 mg/dL", "reported")
    ]


def test_reported_corrected_calcium_is_not_corrected_again() -> None:
    corrected = observation("calcium-corrected", 2.7, "mmol/L")
    everything = (observation("calcium", 9.9, "mg/dL"), observation("albumin", 3, "g/dL"), corrected)
    assert calcium(*everything) == [("10.82 mg/dL", "converted")]


# --- measures --------------------------------------------------------------------------------------------------


def test_weight_and_gestational_age_are_measures() -> None:
    measures = read(observation("body-weight", 44, "[lb_av]"), observation("gestational-age", 9, "wk")).measures
    assert [(each.kind, str(each.value)) for each in measures] == [
        ("body-weight", "19.96"),
        ("gestational-age", "9.00"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "unit", "members", "why"),
    [
        ("body-weight", 20, None, {}, "no-unit"),
        ("body-weight", 20, "kg", {"status": "preliminary"}, "preliminary"),
        ("body-weight", 20, "kg", {"effectiveDateTime": None}, "no-date"),
        ("gestational-age", 44, "wk", {}, "implausibly-high"),
    ],
)
def test_unusable_measures_are_listed(
    name: str, value: int, unit: str | None, members: dict[str, Any], why: str
) -> None:
    assert reason(observation(name, value, unit, **members)) == why


def test_a_censored_weight_is_no_weight() -> None:
    weight = observation("body-weight", valueQuantity={"value": 20, "comparator": "<", "unit": "kg"})
    assert reason(weight) == "censored"


def test_an_expected_date_of_delivery() -> None:
    due = observation("ferritin", code=coded("11778-8"), valueDateTime="2026-12-24")
    (measure,) = read(due).measures
    assert (measure.kind, str(measure.day), measure.when.text) == ("due-date", "2026-12-24", "2026-05-20")
    for spoilt in ({"valueDateTime": "2026-12"}, {"status": "preliminary"}, {"effectiveDateTime": None}):
        assert read({**due, **spoilt}).measures == ()


def test_a_stated_pregnancy_holds_for_six_weeks() -> None:
    answer = {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]}
    stated = observation("ferritin", code=coded("82810-3"), valueCodeableConcept=answer)
    for day, counts in (("2026-05-04", True), ("2026-05-03", False)):
        (diagnosis,) = read({**stated, "effectiveDateTime": day}).diagnoses_like
        assert (diagnosis.concepts, diagnosis.counts) == (frozenset({"pregnant"}), counts)
    for spoilt in ({"status": "unknown"}, {"effectiveDateTime": "2027-01-01"}, {"valueCodeableConcept": coded("x")}):
        assert read({**stated, **spoilt}).diagnoses_like == ()


STATED = [
    "Pregnant", "pregnant.", "currently pregnant", "Yes", "Pregnant: yes", "Pregnant? Yes", "pregnant - yes",
    "Pregnant, 12 weeks", "Pregnant (12+3 weeks)", "12 weeks pregnant", "pregnant, 12/40", "schwanger", "Ja",
    "schwanger, 20. SSW", "enceinte", "enceinte, 20 semaines", "embarazada", "zwanger", "w ciąży", "raskaana",
    "Pregnant (finding)",
]  # fmt: skip
NOT_STATED = [
    "Not pregnant", "Not pregnant (finding)",
    "Pregnancy test", "Unknown", "Pregnant: No", "Pregnant - no", "Pregnant? No", "Pregnant N",
    "pregnant=false", "Pregnant: 0", "Pregnant: unknown", "Pregnancy status unknown", "Pregnancy: N/A", "Pregnant?",
    "Cannot be pregnant", "Unable to become pregnant", "Trying to become pregnant", "Pregnancy not yet confirmed",
    "pregnant in 2019", "Possibly pregnant", "Partner pregnant", "Yes, not pregnant", "schwanger: nein", "No", "",
    "Pregnant/not pregnant", "enceinte : non", "Pregnancy excluded", "pregnancy test positive", "12 weeks",
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "stated"), [*((each, True) for each in STATED), *((each, False) for each in NOT_STATED)]
)
def test_a_pregnancy_is_stated_in_words_by_a_whole_answer_alone(words: str, stated: bool) -> None:
    for value in ({"valueString": words}, {"valueCodeableConcept": {"text": words}}):
        found = read(observation("ferritin", code=coded("82810-3"), **value)).diagnoses_like
        assert [each.concepts for each in found] == ([frozenset({"pregnant"})] if stated else [])


# --- assay factor ----------------------------------------------------------------------------------------------


def test_a_sites_assay_factor_is_applied_before_rounding_and_never_to_a_censored_value() -> None:
    factors = {"ferritin": Decimal("0.62")}
    (lab,) = read(observation(FERRITIN, 121, "ng/mL"), assay_factors=factors).labs
    assert (lab.quantity.text, lab.raw and lab.raw.text) == ("75 ng/mL", "121 ng/mL")
    (low,) = read(censored(FERRITIN, 5), assay_factors=factors).labs
    assert (low.quantity.text, low.raw) == ("<5 ng/mL", None)


@pytest.mark.parametrize(
    ("local", "doubted"),
    [
        ({}, True),
        ({("urn:oid:1.2.3", "FERR"): "lab-ferritin"}, True),
        ({(LOINC, "68438-1"): "lab-vitd"}, False),
    ],
)
def test_a_code_in_doubt_is_one_unless_the_site_maps_it(local: dict[tuple[str, str], str], doubted: bool) -> None:
    sent = observation("vitd", 20, "ng/mL", code={"coding": [{"system": LOINC, "code": "68438-1"}]})
    mapped = {local_key(*code): name for code, name in local.items()}
    (found,) = read(sent, local_codes=mapped).labs
    assert found.unverified is doubted
