"""Files on disk with odd values in them: answered, or refused in a sentence, and never with a traceback."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from tests.protocol.totality.odd_values import dumps
from tests.protocol.totality.places import resources
from tests.protocol.totality.structure_aware import call


def asked(number: int, folder: Path) -> str:
    """What evaluate says of the call of this number, written as a request, as a Bundle or line by line."""
    _, body = call(number)
    held = list(resources(body))
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in held]}
    written = {0: dumps(body), 1: dumps(bundle), 2: b"\n".join(map(dumps, held))}[number % 3]
    file = folder / f"file{number}.{'ndjson' if number % 3 == 2 else 'json'}"
    file.write_bytes(written)
    options = [
        "--as-of",
        "2026-06-15",
        "--explain",
        *(["--json"] if number % 2 else []),
        *(["--strict"] if number % 5 == 0 else []),
    ]
    given = CliRunner().invoke(main, ["evaluate", str(file), *options])
    file.unlink()
    assert given.exception is None or isinstance(given.exception, SystemExit), (number, given.exception)
    assert given.exit_code in (0, 1), (number, given.output)
    return f"exit {given.exit_code}"


def test_files_with_odd_values_are_answered_or_refused(tmp_path: Path) -> None:
    seen = Counter(asked(number, tmp_path) for number in range(60))
    assert seen["exit 0"] > 20, seen


@pytest.mark.full
def test_thousands_of_files_with_odd_values(tmp_path: Path) -> None:
    seen = Counter(asked(number, tmp_path) for number in range(6_000))
    print(f"\n{seen.total()} files: {dict(seen)}")
    assert seen["exit 0"] > 2_000


def patient(name: str) -> list[dict[str, Any]]:
    return [
        {"resourceType": "Patient", "id": name, "birthDate": "1970-01-01"},
        {
            "resourceType": "Condition",
            "subject": {"reference": f"Patient/{name}"},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}]},
        },
    ]


def evaluate(file: Path, *options: str) -> Any:
    given = CliRunner().invoke(main, ["evaluate", str(file), "--as-of", "2026-06-15", *options])
    assert given.exception is None or isinstance(given.exception, SystemExit), given.exception
    return given


@pytest.mark.parametrize("options", [(), ("--json",), ("--strict",), ("--explain", "--json")])
def test_a_patient_named_by_half_a_surrogate_pair_is_answered(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = tmp_path / "file.ndjson"
    file.write_bytes(b"\n".join(map(dumps, patient("\ud800"))))
    given = evaluate(file, *options)
    assert "\\ud800" in given.output and "IRON" in given.output.replace("RLSIRON", "IRON")
    if "--json" in options:
        assert json.loads(given.output)["patient"] == "\ud800"


@pytest.mark.parametrize("depth", [60, 300, 900, 5_000])
def test_a_file_that_is_nested_too_deep_is_refused_by_its_line(tmp_path: Path, depth: int) -> None:
    file = tmp_path / "file.ndjson"
    deep = b'{"resourceType": "Basic", "x": ' + b"[" * depth + b"]" * depth + b"}"
    file.write_bytes(b"\n".join([*map(dumps, patient("p")), deep]))
    given = evaluate(file)
    assert given.exit_code == (0 if depth < 64 else 1)
    assert ("file.ndjson:3: not JSON (nested too deep, more than 64 levels)" in given.output) == (depth > 64)


@pytest.mark.parametrize(
    ("number", "fine"), [("1e400", True), ("9" * 300, True), ("9" * 401, False), ("9" * 9_000, False)]
)
def test_a_number_that_nothing_holds_is_not_known_or_refused(tmp_path: Path, number: str, fine: bool) -> None:
    file = tmp_path / "file.ndjson"
    file.write_bytes(
        b"\n".join([*map(dumps, patient("p")), b'{"resourceType": "Basic", "x": ' + number.encode() + b"}"])
    )
    given = evaluate(file)
    assert given.exit_code == (not fine)
    assert fine or "a number of more than 400 digits" in given.output


@pytest.mark.parametrize(
    "option",
    [
        ("--as-of", "0001-01-01"), ("--as-of", "9999-12-31"), ("--as-of", "1899-12-31"), ("--as-of", "2200-01-01"),
        ("--as-of", "\ud800"), ("--time-zone", "America"), ("--time-zone", "A" * 5_000), ("--time-zone", "../zone"),
        ("--time-zone", "\ud800"),
    ],
)  # fmt: skip
def test_days_and_zones_that_nobody_lives_in_are_wrong_usage(tmp_path: Path, option: tuple[str, str]) -> None:
    file = tmp_path / "file.ndjson"
    file.write_bytes(b"\n".join(map(dumps, patient("p"))))
    given = CliRunner().invoke(main, ["evaluate", str(file), *option])
    assert given.exit_code == 2 and option[0] in given.output


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Juneau", "UTC"])
def test_the_first_and_the_last_day_are_answered_in_every_zone(tmp_path: Path, day: str, zone: str) -> None:
    file = tmp_path / "file.ndjson"
    file.write_bytes(b"\n".join(map(dumps, patient("p"))))
    given = CliRunner().invoke(main, ["evaluate", str(file), "--as-of", day, "--time-zone", zone])
    assert given.exit_code == 0, given.output
