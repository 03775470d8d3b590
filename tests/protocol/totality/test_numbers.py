"""Numbers of any size, sign and number of digits: each is read or not known, and none ends a call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.decisions.decide import decide, to_be_shown
from cards.drugs.dose import daily_dose
from cards.drugs.numbers import measurable
from cards.drugs.recognise import recognise
from cards.drugs.timing import number
from cards.facts.chart import Chart
from cards.labs.analytes import analyte, analytes
from cards.labs.saturation import saturations
from cards.labs.units import ReadableQuantity, canonical, canonical_text
from cards.presenting.present import ClientCapabilities, present
from cards.reading import Listed, read_chart
from cds_service.knowledge.load import national_rules
from tests.builders.observations import CODES, NOW, TODAY, ZONE, observation, read
from tests.protocol.totality.odd_values import NUMBERS, NUMBERS_IN_WORDS, TOO_LARGE
from tests.protocol.totality.places import places
from tests.protocol.totality.services import ZONES, answer

RULES = national_rules()
#: What a parser makes of every number: a float and an int by Python's rules, and the Decimal of a second reading.
PARSED: tuple[Any, ...] = tuple(
    value
    for raw in (*NUMBERS, *TOO_LARGE)
    for value in (json.loads(raw.text), json.loads(raw.text, parse_float=Decimal, parse_int=Decimal))
)
NO_NUMBERS = (Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), True, None)
WRITTEN = (*PARSED, *NUMBERS_IN_WORDS, 10**5000, -(10**5000), *NO_NUMBERS)
#: Sizes next to every limit of the readers, down to the last that they take.
SIZES = tuple(f"{sign}{digit}e{power}" for power in range(-14, 15) for digit in ("1", "9.999") for sign in ("", "-"))


def units_of(name: str) -> list[str]:
    """One spelling of each unit that an analyte has."""
    return sorted({conversion.unit for conversion in analyte(name).units.values()})


def test_no_number_makes_a_reader_fail() -> None:
    for value in WRITTEN:
        found = number(value)
        assert found is None or 0 < found < 10**9, value
        for name in CODES:
            for unit in units_of(name):
                canonical(analyte(name), value, unit=unit)
                canonical_text(analyte(name), f"{value if isinstance(value, str) else '1e5'} {unit}")


def test_no_size_in_any_unit_of_any_analyte_makes_a_result_fail() -> None:
    for known in analytes().values():
        for unit, size, sign in itertools.product(units_of(known.id), SIZES, ("", "<", ">=")):
            found = canonical(known, float(size), sign, unit=unit)
            if isinstance(found, ReadableQuantity):
                assert len(found.quantity.text) < 40, (known.id, unit, size)


@pytest.mark.parametrize(("value", "reason"), [("0.04", "implausible"), ("0.05", "")])
def test_what_is_shown_as_zero_is_not_above_zero(value: str, reason: str) -> None:
    results = read(observation("tibc", float(value), "ug/dL"))
    assert [each.why for each in results.unusable] == ([reason] if reason else [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"),
    [("iron", "tibc"), ("iron", "uibc"), ("iron", "transferrin"), ("calcium", "albumin"), ("vitd3", "vitd2")],
)
def test_no_two_results_that_are_calculated_with_make_it_fail(one: str, other: str) -> None:
    sizes = [float(size) for size in SIZES if size[0] == "9" and int(size.partition("e")[2]) % 2 == 0]
    for first, second, unit, unit_of_other in itertools.product(sizes, sizes, units_of(one), units_of(other)):
        results = read(observation(one, first, unit), observation(other, second, unit_of_other))
        found = saturations(Chart(TODAY, labs=results.labs))
        assert all(each.quantity.text for each in (*results.labs, *found.usable))


# ------------------------------------------------------------------ doses

numbers = st.sampled_from(WRITTEN) | st.floats() | st.integers() | st.decimals()
small = st.sampled_from(["0", "0.5", "1", "2", "0.000000001", "999999999", "999,999,999,999", "1/2", "1-2", "9" * 30])
dose_units = st.sampled_from(["", "mg", "g", "ng", "mcg", "mL", "tablet", "[iU]", "mg elemental iron", "tsp"])
periods = st.sampled_from(["s", "min", "h", "d", "wk", "mo", "a", ""])
timings = st.fixed_dictionaries(
    {},
    optional={
        "frequency": numbers, "frequencyMax": numbers, "period": numbers, "periodUnit": periods, "count": numbers,
        "timeOfDay": st.lists(st.just("08:00:00"), max_size=30), "dayOfWeek": st.lists(st.just("mon"), max_size=9),
    },
)  # fmt: skip
quantities = st.fixed_dictionaries({"value": numbers, "unit": dose_units})
spans = st.sampled_from(["hours", "days", "weeks", "s"])
sigs = st.lists(st.builds("{0} {1} every {2} {3}".format, small, dose_units, small, spans), min_size=1, max_size=3).map(
    ", ".join
)
dosages = st.fixed_dictionaries(
    {},
    optional={
        "timing": st.builds(lambda repeat: {"repeat": repeat}, timings),
        "doseQuantity": quantities,
        "doseRange": st.fixed_dictionaries({"low": quantities, "high": quantities}),
        "text": sigs,
        "sequence": numbers,
    },
)
names = st.builds(
    "{0} {1} {2}{3} {4}".format,
    st.sampled_from(["ferrous sulfate", "iron", "vitamin D3", "magnesium oxide", "gabapentin", "iron sucrose"]),
    small,
    st.sampled_from(["mg", "g", "ng", "mcg", "unit"]),
    st.sampled_from(["", "/0.000000001 mL", "/999999999 mL", " (999999999 mg iron)", " (0.000000001 mg iron)"]),
    st.sampled_from(["tablet", "oral solution", "injection", "extended release tablet", ""]),
)


@pytest.mark.slow
@settings(max_examples=500)
@given(names, st.lists(dosages, max_size=3), st.booleans())
def test_no_numbers_of_an_order_make_its_dose_fail(name: str, dosage: list[Any], once: bool) -> None:
    product = recognise({"text": name})
    if product is None:
        return
    found = daily_dose(dosage, product, one_dose=once)
    known = [*found.mg.values(), *found.international_units.values(), found.elemental_iron_mg]
    assert all(dose is None or measurable(dose) == dose for dose in known)


# ------------------------------------------------------------------ charts

results = st.builds(
    lambda test, size, sign, day: observation(
        test[0], effectiveDateTime=day, valueQuantity={"value": size, "unit": test[1], "comparator": sign}
    ),
    st.sampled_from([(name, unit) for name in sorted(CODES) for unit in units_of(name)]),
    st.sampled_from([float(size) for size in SIZES]) | numbers,
    st.sampled_from(["", "<", "<=", ">", ">="]),
    st.sampled_from(["2026-06-01", "2026-06-01T10:00:00Z", "2026-05-20"]),
)
RLS = {
    "resourceType": "Condition",
    "subject": {"reference": "Patient/7"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]},
}
orders = st.builds(
    lambda name, dosage, days, birth: {
        "resourceType": "MedicationRequest", "id": "d", "status": "draft", "subject": {"reference": "Patient/7"},
        "medicationCodeableConcept": {"text": name}, "dosageInstruction": dosage, "authoredOn": birth,
        "dispenseRequest": {"expectedSupplyDuration": {"value": days}, "numberOfRepeatsAllowed": days},
    },
    names, st.lists(dosages, min_size=1, max_size=2), numbers, st.sampled_from(["2026-06-15", "9998-12-31"]),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=250)
@given(st.lists(results, max_size=8), st.lists(orders, max_size=3), st.sampled_from(["1970-01-01", "2019-01-01"]))
def test_no_numbers_of_a_chart_make_a_decision_or_a_card_fail(labs: list[Any], drugs: list[Any], born: str) -> None:
    person = {"resourceType": "Patient", "id": "7", "birthDate": born}
    taken = [{**drug, "id": f"m{place}", "status": "active"} for place, drug in enumerate(drugs)]
    lists = {"patient": [person], "conditions": [RLS], "labs": labs, "medications": taken, "allergies": []}
    gathered = {name: Listed(tuple(held)) for name, held in lists.items()}
    basket = {"resourceType": "Bundle", "entry": [{"resource": drug} for drug in drugs]}
    chart = read_chart(gathered, patient_id="7", now=NOW, zone=ZONE, drafts=basket)
    for hook in ("patient-view", "order-sign"):
        shown = to_be_shown(decide(chart, RULES, hook), chart)
        present(shown, chart, RULES, profile=ClientCapabilities("7", max_cards=0), new_uuid=lambda: "uuid")


# ------------------------------------------------------------------ through the whole service


def sweep(values: Iterable[Any], each: int, zones: Iterable[str]) -> int:
    calls = 0
    for zone, place, value in itertools.product(zones, places("number", each), values):
        answer(zone, place.path, place.holding(value))
        calls += 1
    return calls


@pytest.mark.slow
def test_no_number_in_any_place_ends_a_call() -> None:
    assert sweep((NUMBERS[10], NUMBERS[14], NUMBERS[25], NUMBERS_IN_WORDS[6]), 1, ZONES[:1]) > 200


@pytest.mark.full
def test_every_odd_number_in_every_place() -> None:
    calls = sweep((*NUMBERS, *TOO_LARGE, *NUMBERS_IN_WORDS), 3, ZONES[1:2])
    print(f"\n{calls} calls, {len(places('number', 1))} members that hold a number")
    assert calls > 10_000
