"""Plans of an export: what each vendor is asked for, what it should come to, and what is said of it."""

from __future__ import annotations

import json
import shlex
import stat
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from cds_service.hooks.services import parameters
from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.planning.plan import Plan, patients_named_in, plan, vendors
from cds_service.offline.screening.planning.words import as_markdown, command_lines, write_plan
from cds_service.offline.screening.recipe import Recipe, known_by
from fhir_fixtures.loading import load_patients
from tests.builders.export_lines import write_export

_KNOWN = known_by(Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC)))
_BASE = "https://ehr.example.org/fhir"


def planned(vendor: str, *, group: str = "", patients: tuple[str, ...] | None = None) -> Plan:
    return plan(vendors()[vendor], _KNOWN, base=_BASE, group=group, size=100_000, patients=patients)


def test_the_first_step_asks_for_the_diagnoses_by_code() -> None:
    first = planned("epic", group="g1").steps[0]
    address = urlsplit(first.address)
    assert address.path == "/fhir/Group/g1/$export"
    asked = parse_qs(address.query)
    assert asked["_type"] == ["Condition"]
    (sent,) = asked["_typeFilter"]
    kind, _, codes = unquote(sent).partition("?code=")
    assert kind == "Condition" and {"G25.81", "32914008", "G25.8"} <= set(codes.split(","))
    assert "," not in sent  # a comma parts two filters


@pytest.mark.parametrize("vendor", vendors())
def test_a_plan_fetches_a_small_part_of_everything(vendor: str) -> None:
    made = planned(vendor)
    assert made.share < (0.01 if vendors()[vendor].filters != "no" else 0.05)
    least, most = made.everything.hours(made.vendor)
    assert 0 < least <= most
    assert sum(step.hours(made.vendor)[1] for step in made.steps) < most / 10


@pytest.mark.parametrize("vendor", [name for name, each in vendors().items() if each.filters == "no"])
def test_a_server_without_filters_is_asked_for_every_condition(vendor: str) -> None:
    made = planned(vendor)
    assert not any("_typeFilter" in json.dumps([step.address, step.body]) for step in made.steps)
    assert made.steps[0].resources > 100_000
    assert "fetches every Condition" in as_markdown(made, Path("export"))


def test_results_are_asked_for_as_the_service_asks_for_them() -> None:
    asked = {code.rpartition("|")[2] for code in dict(parameters("labs"))["code"].split(",")}
    (filters,) = planned("standard").steps[1].filters
    assert set(filters.partition("?code=")[2].split(",")) == asked


@pytest.mark.parametrize("vendor", [name for name, each in vendors().items() if each.patients == "post"])
def test_the_second_step_names_every_patient_where_the_server_takes_that(vendor: str) -> None:
    body = planned(vendor, patients=("p1", "p2")).steps[1].body
    assert body is not None
    named = [each["valueReference"]["reference"] for each in body["parameter"] if each["name"] == "patient"]
    assert named == ["Patient/p1", "Patient/p2"]


def test_the_patients_are_those_whom_the_diagnoses_name(tmp_path: Path) -> None:
    people = load_patients(date(2026, 6, 30))
    conditions = [each for person in people for each in person.resources("Condition")]
    found = patients_named_in(find_export(write_export(tmp_path / "x", conditions, layout="many")), _KNOWN)
    assert found is not None and 70 < len(found) < len(people)
    assert {*found} < {person.patient_id for person in people}


def test_an_export_without_diagnoses_names_nobody(tmp_path: Path) -> None:
    people = [each for person in load_patients(date(2026, 6, 30)) for each in person.resources("Patient")]
    assert patients_named_in(find_export(write_export(tmp_path / "x", people)), _KNOWN) is None


def test_a_record_that_was_replaced_is_asked_for_under_both_ids(tmp_path: Path) -> None:
    link = [{"other": {"reference": "Patient/old"}, "type": "replaces"}]
    diagnosis = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]}
    export = write_export(
        tmp_path / "x",
        [
            {"resourceType": "Patient", "id": "new", "link": link},
            {"resourceType": "Condition", "subject": {"reference": "Patient/old"}, "code": diagnosis},
        ],
    )
    assert patients_named_in(find_export(export), _KNOWN) == ("new", "old")


def test_a_record_that_was_replaced_in_steps_is_asked_for_under_every_id(tmp_path: Path) -> None:
    def replaces(old: str) -> list[dict[str, object]]:
        return [{"other": {"reference": f"Patient/{old}"}, "type": "replaces"}]

    diagnosis = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]}
    export = write_export(
        tmp_path / "x",
        [
            {"resourceType": "Patient", "id": "b", "link": replaces("a")},
            {"resourceType": "Patient", "id": "c", "link": replaces("b")},
            {"resourceType": "Condition", "subject": {"reference": "Patient/a"}, "code": diagnosis},
        ],
    )
    assert patients_named_in(find_export(export), _KNOWN) == ("a", "b", "c")


def test_a_plan_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    names = write_plan(planned("oracle-health", patients=("p1",)), tmp_path / "plan", Path("export"))
    assert "patients.txt" in names
    for name in names:
        assert stat.S_IMODE((tmp_path / "plan" / name).stat().st_mode) == 0o600
    assert (tmp_path / "plan" / "patients.txt").read_text() == "p1\n"
    json.loads((tmp_path / "plan" / "2-request.json").read_text())


def test_commands_survive_a_shell() -> None:
    (command,) = command_lines(planned("standard"), 1, Path("an export"))
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["smart-fetch", "export"]
    assert words[-1] == "an export/step-1"
    assert words[words.index("--type-filter") + 1] == planned("standard").steps[0].filters[0]
