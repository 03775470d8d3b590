"""`rls-cds evaluate` reads every real record beside the checkout, and its answers stay as they were read by hand."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from .real_files import answers_of, real_files, run

_TABLE = Path(__file__).with_name("real_answers.toml")


def test_every_real_file_answers_as_when_it_was_last_read_by_hand(shared: Path) -> None:
    expected = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    found = {}
    for name, path in real_files(shared):
        day, said = answers_of(path)
        found[name] = [day, *said]
    assert found == expected


def test_only_answers_that_are_errors_fail(shared: Path) -> None:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    failed = {name for name, (_, *said) in table.items() if said == ["exit 1"]}
    kinds = {name: json.loads((shared / "data" / name).read_text(encoding="utf-8"))["resourceType"] for name in failed}
    assert set(kinds.values()) == {"OperationOutcome"}


def test_every_odd_row_is_read(shared: Path, tmp_path: Path) -> None:
    rows = (shared / "data" / "quirks.jsonl").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(rows):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(json.loads(row)["resource"]), encoding="utf-8")
    result = run(*(str(tmp_path / f"{number}.json") for number in range(len(rows))), "--assume-rls", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) >= len(rows)


def test_every_recorded_call_of_the_sandbox_is_read(shared: Path, tmp_path: Path) -> None:
    bodies = [body for path in (shared / "data" / "sandbox-requests").glob("*.json") for body in _bodies(_load(path))]
    assert len(bodies) > 8
    for number, body in enumerate(bodies):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(body), encoding="utf-8")
        result = run(str(path), "--assume-rls", "--json")
        assert (result.exit_code, result.stderr) == (0, ""), body


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _bodies(recorded: Any) -> list[dict[str, Any]]:
    """The hook requests anywhere in a recording, as text or as JSON."""
    if isinstance(recorded, list):
        return [body for each in recorded for body in _bodies(each)]
    if not isinstance(recorded, dict):
        return []
    held = recorded.get("requestBody")
    body = json.loads(held) if isinstance(held, str) and held.startswith("{") else held
    own = [body] if isinstance(body, dict) and "hook" in body else []
    return [*own, *(found for each in recorded.values() for found in _bodies(each))]
