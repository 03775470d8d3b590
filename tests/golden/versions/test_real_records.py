"""Third-party records through the service over HTTP: no 5xx, and answers that a clinician would defend.

Each record gets a diagnosis of restless legs syndrome, since none of them has one, and is read on the day after its
newest result, so that results are fresh. Nearly none holds iron studies that may be used, so that the card asks for
them; what may not be used never makes a card about a low or a high value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders.service import VIEW, application, card_codes, is_response, settings
from tests.golden.versions.records import Record, records

#: Cards besides or instead of IRONTEST; all other records get IRONTEST alone.
EXPECTED: dict[str, list[str]] = {
    # born after the day of the newest result, which cannot be: of unknown age, on an antidepressant
    "uk-gp-connect-stu3/EMISPatientStructurede2eResponsePWTP3": ["IRONTEST", "AGGACTIVE"],
    # deceased
    "synthea-r4/Sammie_Zemlak_641f6ec3-9c8e-454d-8fcb-c2e35bae1700": [],
    "synthea-r4/Tarsha_Stokes_fd04234a-e56d-4362-88a5-bbaa47addb6b": [],
    # iron studies of the day before, none of them low, beside an unknown drug
    "ips/AT_ELGA_GmbH_01": ["NOTEVALUATED"],
    # an antihistamine that is active
    "cerner-sandbox/12724066": ["IRONTEST", "AGGACTIVE"],
    "synthea-r4/Renea_Quigley_4f3dd2db-ca68-4d9d-a06b-f145db0b0453": ["IRONTEST", "AGGACTIVE"],
}
_ON_METFORMIN = (
    "ips/EU_Giorgio_Cangioli_03",
    "ips/NL_Curavista_01",
    "ips/UK_NHSx_IPS_Example_01-modified",
    "ips/US_Epic_Connectathon_Sept",
    "synthea-r4/Hiedi_Bruen_4cec60c1-b789-4780-a07c-71ee18f0b527",
    "synthea-r4/Neva_Hyatt_e6a7ccbf-70a6-45c8-905a-5f55a98c3a4f",
    "au-test-data",
)
EXPECTED |= {name: ["IRONTEST", "B12TEST"] for name in _ON_METFORMIN}
#: An order of iron tablets that is active for years, and no iron studies since.
_ON_IRON = ("Alden", "Alfonso", "Casimira", "Kirsten", "Leonel", "Nicky", "Regena", "Silvana")


def expected_of(record: Record) -> list[str]:
    given_name = record.name.removeprefix("synthea-r4/").partition("_")[0]
    if given_name in _ON_IRON:
        return ["IRONRECHECK", "B12TEST"] if given_name == "Silvana" else ["IRONRECHECK"]
    return EXPECTED.get(record.name, ["IRONTEST"])


@pytest.fixture(scope="module")
def held(shared: Path) -> list[Record]:
    return list(records(shared / "data"))


def ask(record: Record, **more: Any) -> dict[str, Any]:
    with application(settings(max_cards=0), **more) as app:
        return is_response(app.test_client().post(VIEW, json=record.request()))


def test_cards_on_the_day_after_the_newest_result(held: list[Record]) -> None:
    assert len(held) > 60
    said = {record.name: card_codes(ask(record, clock=record.day_after)) for record in held}
    assert said == {record.name: expected_of(record) for record in held}


def test_years_later_nothing_is_concluded_from_old_results(held: list[Record]) -> None:
    for record in held:
        codes = set(card_codes(ask(record)))
        assert codes <= {"IRONTEST", "IRONRECHECK", "B12TEST", "AGGACTIVE"}, record.name


@pytest.mark.parametrize(("start", "kind"), [("smart/", "ProcedureRequest"), ("uk-gp", "ProcedureRequest"),
                                             ("epic-", "ServiceRequest"), ("ips/", "ServiceRequest")])  # fmt: skip
def test_orders_are_offered_as_the_record_is_written(held: list[Record], start: str, kind: str) -> None:
    found = [ask(record, clock=record.day_after) for record in held if record.name.startswith(start)]
    resources = [
        action["resource"]["resourceType"]
        for answer in found
        for card in answer["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]
    assert resources and set(resources) == {kind}
    assert not any("To do by hand" in card["detail"] for answer in found for card in answer["cards"])


def test_an_unknown_status_is_named_and_not_used(held: list[Record]) -> None:
    """The only record with ferritin: 4, 9 and 11 ng/mL, each with status unknown."""
    [smart] = [record for record in held if record.name.startswith("smart/")]
    [card] = ask(smart, clock=smart.day_after)["cards"]
    assert card["source"]["topic"]["code"] == "IRONTEST"
    assert "status" in card["detail"]


def test_with_a_final_status_the_same_record_is_iron_deficient(held: list[Record]) -> None:
    [smart] = [record for record in held if record.name.startswith("smart/")]
    final = [each | {"status": "final"} if each["resourceType"] == "Observation" else each for each in smart.resources]
    codes = card_codes(ask(Record(smart.name, smart.patient, tuple(final)), clock=smart.day_after))
    assert codes[0].startswith("IRON") and "IRONTEST" not in codes
