"""Results in the unit that a site set its limits in: number, sign, how it came to it, and what was reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cards.facts.results import LabResult
from cards.knowledge.rules import BadKnowledge, Rules
from cards.site.overrides import SiteSwitch, SiteThreshold, overridden, own_choices
from cards.site.units import in_site_units
from cds_service.knowledge.load import national_rules
from tests.builders.observations import chart, lab, observation, read

RULES = national_rules()
NMOL = {"vitd.def": "50", "vitd.insufficient": "75", "vitd.high": "250", "vitd.tox": "375", "fcm.vitd": "50"}


def site(unit: str, **values: str) -> Rules:
    """The rules of a site that sets these limits in `unit`."""
    wanted = (
        SiteThreshold(name, Decimal(value), RULES.limit(name).value, "SI units", date(2026, 5, 1), unit)
        for name, value in values.items()
    )
    return overridden(RULES, wanted, (), where="site.toml")


def seen(result: LabResult) -> tuple[str, str, str | None]:
    """The number that is compared, how it came to its unit, and what was reported."""
    (found,) = in_site_units(chart(result), site("nmol/L", **NMOL)).labs
    return found.quantity.text, found.how, found.reported and found.reported.text


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (20, "ng/mL", ("49.9 nmol/L", "converted", "20 ng/mL")),
        (50, "nmol/L", ("50 nmol/L", "reported", None)),
        (20, "ug/L", ("49.9 nmol/L", "converted", "20 ng/mL")),
    ],
)
def test_a_result_in_the_sites_unit(value: int, unit: str, expected: tuple[str, str, str | None]) -> None:
    (result,) = read(observation("vitd", value, unit)).labs
    assert seen(result) == expected


def test_a_censored_result_keeps_its_sign() -> None:
    assert seen(lab("vitd", "20", comparator="<")) == ("<49.9 nmol/L", "converted", "<20 ng/mL")


def test_a_number_before_rounding_is_used_where_there_is_one() -> None:
    result = lab("vitd", "20")
    assert seen(replace(result, exact=Decimal("20.04"))) == ("50 nmol/L", "converted", "20.04 ng/mL")
    assert seen(replace(result, exact=None))[0] == "49.9 nmol/L"


def test_a_calculated_result_stays_a_calculated_one() -> None:
    assert seen(lab("vitd", "20", how="calculated")) == ("49.9 nmol/L", "calculated", None)


def test_another_analyte_is_left_as_it_is() -> None:
    ferritin = lab("ferritin", "38")
    assert in_site_units(chart(ferritin), site("nmol/L", **NMOL)).labs == (ferritin,)


def test_a_limit_in_its_own_unit_gets_no_allowance_for_round_numbers() -> None:
    """Only a number of another unit may overstep the range a little, for being round there."""
    limit = RULES.limit("vitd.def")
    beyond = limit.range[1] * Decimal("1.01")
    with pytest.raises(BadKnowledge, match=r"thresholds\.\"vitd\.def\""):
        site(limit.unit, **{"vitd.def": str(beyond)})


@pytest.mark.parametrize(
    ("name", "advice"),
    [("vitd.deff", "did you mean vitd.def?"), ("xyz", "rls-cds rules lists all of them")],
)
def test_a_name_that_is_none_is_told_with_the_next_step(name: str, advice: str) -> None:
    with pytest.raises(BadKnowledge) as raised:
        overridden(
            RULES,
            [SiteThreshold(name, Decimal(1), Decimal(1), "ours", date(2026, 5, 1))],
            (),
            where="site.toml",
        )
    assert raised.value.faults == (f'site.toml: thresholds."{name}": no such name; {advice}',)


def test_the_choices_of_a_site_are_those_it_made() -> None:
    own = SiteSwitch("include_plmd", "true", RULES.switches["include_plmd"].default, "ours", date(2026, 5, 1))
    found = own_choices(overridden(RULES, (), [own], where="site.toml"))
    assert {name: (switch.value, switch.site_date) for name, switch in found.items()} == {
        "include_plmd": ("true", date(2026, 5, 1))
    }
    assert own_choices(RULES) == {}
