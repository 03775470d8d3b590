"""`rls-cds evaluate` reads every real record beside the checkout and gives its reviewed answer."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date
from pathlib import Path
from typing import Any

from cards.fhir.references import References
from cards.reading.medications import has_unknown_drugs, names_a_drug
from cds_service.offline.patient_files import Question, UnreadableFile, read_questions
from tests.integration.commands.real_files import answers_of, real_files, run

_TODAY = date(2026, 6, 15)
_TABLE = Path(__file__).with_name("real_answers.toml")


def test_every_real_file_gives_its_reviewed_answer(shared: Path) -> None:
    expected = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    found = {}
    for name, path in real_files(shared):
        day, said = answers_of(path)
        found[name] = [day, *said]
    assert found == expected


def test_only_error_files_fail(shared: Path) -> None:
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
    assert result.exit_code in (0, 1) and result.stderr == "", "1 where data are missing"
    assert len(result.stdout.splitlines()) >= len(rows)


def test_every_recorded_call_of_the_sandbox_is_read(shared: Path, tmp_path: Path) -> None:
    bodies = [body for path in (shared / "data" / "sandbox-requests").glob("*.json") for body in _bodies(_load(path))]
    assert len(bodies) > 8
    for number, body in enumerate(bodies):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(body), encoding="utf-8")
        result = run(str(path), "--assume-rls", "--json")
        assert result.exit_code in (0, 1) and result.stderr == "", body


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _bodies(recorded: Any) -> list[dict[str, Any]]:
    """Yield the hook requests anywhere in a recording, as text or as JSON."""
    if isinstance(recorded, list):
        return [body for each in recorded for body in _bodies(each)]
    if not isinstance(recorded, dict):
        return []
    held = recorded.get("requestBody")
    body = json.loads(held) if isinstance(held, str) and held.startswith("{") else held
    own = [body] if isinstance(body, dict) and "hook" in body else []
    return [*own, *(found for each in recorded.values() for found in _bodies(each))]


def test_few_lists_of_drugs_are_cut_by_a_drug_that_cannot_be_told(shared: Path) -> None:
    """One in ten at most: more would take the route and dose of iron off too many cards."""
    listed = [
        question
        for _, path in real_files(shared)
        for question in _questions(path)
        if any(names_a_drug(each) for each in question.gathered["medications"].resources)
    ]
    cut = sum(map(_holds_unknown_drugs, listed))
    print(f"{cut} of {len(listed)} lists of drugs are cut")
    assert len(listed) > 50 and cut - 1 <= len(listed) / 10  # one names a Medication that no file holds


def _holds_unknown_drugs(question: Question) -> bool:
    drugs = question.gathered["medications"]
    resolve = References.of([drugs]).find
    return has_unknown_drugs(drugs.resources, patient_id=question.patient_id, today=_TODAY, zone=UTC, resolve=resolve)


def _questions(path: Path) -> list[Question]:
    try:
        return [each for each in read_questions(path, assume_adult=True) if "medications" in each.gathered]
    except UnreadableFile:
        return []
