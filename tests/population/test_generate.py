"""Generated exports: the same bytes from the same options, in the proportions asked for, and fit to be screened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from fhir.resources.R4B import get_fhir_model_class

from cards.drugs.recognise import recognise
from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.run import run
from cds_service.offline.screening.state import State
from tests.population.catalogue import catalogue
from tests.population.generate import main, write_population
from tests.population.people import Population, medications, records_of


def everything(patients: int, population: Population) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(records_of(number, population) for number in range(patients))


def lines_by_type(folder: Path) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for path in sorted(folder.glob("*.ndjson")):
        found.setdefault(path.name.partition(".")[0], []).extend(path.read_bytes().splitlines())
    return found


def test_the_same_options_give_the_same_bytes_whatever_the_processes(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        list(write_population(tmp_path / name, 60, Population(), a_part=25, workers=workers))
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert len([name for name in one if name.startswith("Observation")]) == 3


def test_parts_change_no_line(tmp_path: Path) -> None:
    for name, a_part in (("whole", 100), ("parts", 7)):
        list(write_population(tmp_path / name, 30, Population(), a_part=a_part))
    assert lines_by_type(tmp_path / "whole") == lines_by_type(tmp_path / "parts")


def test_another_seed_gives_another_population() -> None:
    assert list(everything(5, Population(1))) != list(everything(5, Population(2)))


@pytest.mark.parametrize("site", ["mixed", *catalogue().sites])
def test_every_record_is_valid(site: str) -> None:
    population = Population(3, rls=0.5, site=site)
    kinds = Counter[str]()
    for record in chain(everything(40, population), medications(population)):
        kind = record["resourceType"]
        if kinds[kind] < 60:
            get_fhir_model_class(kind).model_validate(record)
        kinds[kind] += 1
    assert set(kinds) >= {"Patient", "Condition", "Observation", "MedicationRequest", "Medication", "Encounter"}


def test_shares_are_about_those_that_were_asked_for() -> None:
    population = Population(rls=0.1, observations=12)
    kinds, named = Counter[str](), set[str]()
    for record in everything(2000, population):
        kinds[record["resourceType"]] += 1
        if "restless legs" in json.dumps(record).lower():
            named.add(record["subject"]["reference"])
    assert 160 < len(named) < 240
    assert 2000 <= kinds["Patient"] < 2030
    assert 11 < kinds["Observation"] / 2000 < 14


def test_some_data_lack_something() -> None:
    found = Counter[str]()
    for each in everything(1500, Population(site="us-cerner")):
        if each["resourceType"] == "Observation":
            found["no value"] += "valueQuantity" not in each
            found["no unit"] += "unit" not in each.get("valueQuantity", {"unit": ""})
            found["no date"] += "effectiveDateTime" not in each
            found["no LOINC"] += not any(code["system"] == "http://loinc.org" for code in each["code"]["coding"])
        if each["resourceType"] == "Patient":
            found["no birth date"] += "birthDate" not in each
            found["replaces"] += "link" in each
    assert all(number > 0 for number in found.values()) and len(found) == 6


def test_every_drug_of_ours_is_one_that_can_be_told() -> None:
    told = [each["code"]["text"] for each in medications(Population()) if recognise(each["code"]) is not None]
    assert len(told) == len(catalogue().drugs), told


def test_an_export_is_screened(tmp_path: Path) -> None:
    list(write_population(tmp_path / "x", 300, Population(rls=0.2)))
    state = State(tmp_path / "state")
    zone = ZoneInfo("UTC")
    outcome = run(
        find_export(tmp_path / "x"), Recipe(datetime(2026, 6, 30, 12, tzinfo=zone)), state, workers=1, max_bad=0
    )
    found = [json.loads(line) for line in outcome.findings()]
    state.close(done=True)
    assert len(found) == 300
    assert sum("rls" in each for each in found) > 30
    assert len({card["code"] for each in found for card in each["cards"]}) > 5
    assert not outcome.not_exported and not outcome.cut


def test_the_command_says_what_it_wrote_and_spares_what_is_there(tmp_path: Path) -> None:
    first = CliRunner().invoke(main, [str(tmp_path / "x"), "--patients", "20", "--gzip", "--workers", "1"])
    assert first.exit_code == 0 and " Observation\n" in first.output
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text())
    assert manifest["transactionTime"].startswith("2026-06-30")
    assert {path.name for path in (tmp_path / "x").iterdir()} == {
        "manifest.json",
        *(Path(each["url"]).name for each in manifest["output"]),
    }
    again = CliRunner().invoke(main, [str(tmp_path / "x")])
    assert again.exit_code == 1 and "name an empty or a new folder" in again.output
