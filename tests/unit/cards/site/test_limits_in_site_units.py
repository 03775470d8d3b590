"""Site limits in SI units are compared and printed in that unit, with a single rounding."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cards.decisions.decide import decide
from cards.fhir.bundles import Listed
from cards.fhir.json_values import Json
from cards.knowledge.rules import BadKnowledge, Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import Site, read_chart
from cards.site.overrides import SiteThreshold, overridden
from cards.site.units import in_site_units
from cds_service.knowledge.load import national_rules

RULES = national_rules()
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
VITD = {"vitd.def": "50", "vitd.insufficient": "75", "vitd.high": "250", "vitd.tox": "375", "fcm.vitd": "50"}


def si(unit: str, values: dict[str, str]) -> Rules:
    """Return the rules of a site with these limits in `unit`."""
    wanted = (
        SiteThreshold(name, Decimal(value), RULES.limit(name).value, "SI units", date(2026, 5, 1), unit)
        for name, value in values.items()
    )
    return overridden(RULES, wanted, (), where="site.toml")


def observation(code: str, value: Json, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": "2026-05-20",
        "valueQuantity": {"value": value, "unit": unit},
    }


def gathered(*labs: dict[str, Any]) -> dict[str, Listed]:
    rls = {
        "resourceType": "Condition",
        "id": "rls",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }
    replete = (observation("2276-4", 140, "ng/mL"), observation("2502-3", 30, "%"))
    person = {"resourceType": "Patient", "id": "p", "birthDate": "1976-01-01", "gender": "female"}
    lists = {"patient": (person,), "conditions": (rls,), "labs": (*replete, *labs)}
    return {name: Listed(lists.get(name, ())) for name in (*lists, "medications", "procedures", "orders")}


def cards(rules: Rules, *labs: dict[str, Any], site: Site | None = None) -> dict[str, str]:
    """Return summary and detail of the cards by id."""
    chart = read_chart(gathered(*labs), patient_id="p", now=NOW, zone=UTC, site=site)
    verdict = decide(chart, rules, "patient-view")
    made = present(verdict, chart, rules, profile=ClientCapabilities("p"), new_uuid=lambda: "u")
    return {card.id: f"{card.summary}\n{card.detail}" for card in made}


@pytest.mark.parametrize(
    ("value", "unit", "fires"),
    [
        (49.9, "nmol/L", True),
        (50, "nmol/L", False),
        (50.1, "nmol/L", False),
        (49.94, "nmol/L", True),  # 49.9 as printed
        (49.96, "nmol/L", False),  # 50.0 as printed
        (20.0, "ng/mL", True),  # 49.92, printed 49.9
        (20.03, "ng/mL", False),  # 49.995: 20.0 ng/mL if it were rounded first, and then 49.9
        (20.1, "ng/mL", False),
    ],
)
def test_vitamin_d_is_compared_in_the_unit_of_the_site(value: float, unit: str, fires: bool) -> None:
    assert ("VITD-LOW" in cards(si("nmol/L", VITD), observation("62292-8", value, unit))) is fires


def test_the_card_prints_the_unit_of_the_site_and_where_the_number_came_from() -> None:
    rules = si("nmol/L", VITD)
    reported = cards(rules, observation("62292-8", 38, "nmol/L"))["VITD-LOW"]
    assert "38 nmol/L (2026-05-20)" in reported
    assert "50 nmol/L in place of 20 ng/mL" in reported
    converted = cards(rules, observation("62292-8", 15, "ng/mL"))["VITD-LOW"]
    assert "37.4 nmol/L (2026-05-20, reported as 15 ng/mL)" in converted


def test_the_parts_of_a_sum_keep_their_unit() -> None:
    chart = read_chart(
        gathered(observation("1989-3", 12.04, "ng/mL"), observation("49054-0", 6.04, "ng/mL")),
        patient_id="p",
        now=NOW,
        zone=UTC,
    )
    total = in_site_units(chart, si("nmol/L", VITD)).results("vitd")[0]
    assert (total.quantity.text, total.how) == ("44.9 nmol/L", "calculated")
    assert [part.quantity.text for part in total.parts] == ["12 ng/mL", "6 ng/mL"]


def test_without_site_units_the_chart_is_unchanged() -> None:
    chart = read_chart(gathered(), patient_id="p", now=NOW, zone=UTC)
    assert in_site_units(chart, RULES) is chart


@pytest.mark.parametrize(
    ("unit", "values", "says"),
    [
        ("nmol/L", {"vitd.def": "50"}, "vitd: thresholds in ng/mL and in nmol/L"),
        ("mmol/L", {"vitd.def": "50"}, "allowed: ng/mL"),
        ("1", {"tsat.low": "0.2"}, "allowed: %"),
        ("nmol/L", {**VITD, "vitd.tox": "500"}, "found 500 nmol/L; allowed:"),
        ("nmol/L", {"fresh_days": "365"}, "found 'nmol/L'; allowed: d"),
    ],
)
def test_an_impossible_unit_is_refused(unit: str, values: dict[str, str], says: str) -> None:
    with pytest.raises(BadKnowledge, match=r"site\.toml") as raised:
        si(unit, values)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("nmol/L", VITD),
        ("pmol/L", {name: str(t.value * Decimal("2.247")) for name, t in RULES.thresholds.items()
                    if t.analyte == "ferritin"}),
        ("µg/L", {name: str(t.value) for name, t in RULES.thresholds.items() if t.analyte == "ferritin"}),
        ("mmol/L", {"mg.low": "0.70", "mg.high": "1.07", "mg.severe": "2.0"}),
        ("mmol/L", {"ca_hi": "2.62", "ca_severe": "3.0"}),
        ("g/L", {name: str(t.value * 10) for name, t in RULES.thresholds.items() if t.analyte == "haemoglobin"}),
    ],
    ids=["vitamin D", "ferritin", "ferritin in µg/L", "magnesium", "calcium", "haemoglobin"],
)  # fmt: skip
def test_round_si_values_are_within_the_range(unit: str, values: dict[str, str]) -> None:
    rules = si(unit, values)
    assert {rules.limit(name).unit for name in values} == {unit}
    assert all(rules.limit(name).on(NOW.date()) is rules.limit(name) for name in values)


def test_an_assay_factor_is_applied_before_unit_conversion() -> None:
    """500 pmol/L reported, times 0.5: the number before the factor is printed in the site's unit, too."""
    ferritin = {n: str(t.value * Decimal("2.247")) for n, t in RULES.thresholds.items() if t.analyte == "ferritin"}
    labs = gathered(observation("14723-1", 500, "pmol/L"))
    chart = read_chart(
        {**labs, "labs": Listed(labs["labs"].resources[2:])},
        patient_id="p",
        now=NOW,
        zone=UTC,
        site=Site(assay_factors={"ferritin": Decimal("0.5")}),
    )
    result = in_site_units(chart, si("pmol/L", ferritin)).results("ferritin")[0]
    assert result.quantity.text == "250 pmol/L"
    assert result.raw is not None and result.raw.unit == "pmol/L"


def test_an_unusable_number_is_named_in_the_unit_of_the_site() -> None:
    early = {**observation("62292-8", 15, "ng/mL"), "status": "preliminary"}
    chart = read_chart(gathered(early), patient_id="p", now=NOW, zone=UTC)
    unusable = in_site_units(chart, si("nmol/L", VITD)).unusable[0]
    assert unusable.quantity is not None and unusable.quantity.text == "37.4 nmol/L"


def test_a_result_in_a_third_unit_is_converted_once() -> None:
    mma = {"mma.high": "400"}
    chart = read_chart(gathered(observation("2629-4", 47.3, "ug/L")), patient_id="p", now=NOW, zone=UTC)
    result = in_site_units(chart, si("nmol/L", mma)).results("mma")[0]
    assert (result.quantity.text, result.how) == ("400.542 nmol/L", "converted")
    assert result.reported is not None and result.reported.text == "47.3 µg/L"


def test_unusable_results_of_other_analytes_are_unchanged() -> None:
    early = {**observation("2284-8", 2, "ng/mL"), "status": "preliminary"}
    chart = read_chart(gathered(early), patient_id="p", now=NOW, zone=UTC)
    assert in_site_units(chart, si("nmol/L", VITD)).unusable == chart.unusable
