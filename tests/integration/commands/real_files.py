"""Answers for the real records beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import Result

from cds_service.cli.evaluate import evaluate_command
from tests.builders.command_line import runner

FOLDERS = (
    "au-test-data",
    "cerner-sandbox",
    "epic-sandbox",
    "hl7-r4-examples",
    "ips",
    "meditech-sandbox",
    "smart-iron-deficient-8888803",
    "synthea-r4",
    "uk-gp-connect-stu3",
)
#: The day for a file without a dated observation.
_NO_DAY = "2026-06-15"


def real_files(shared: Path) -> Iterator[tuple[str, Path]]:
    """Return every FHIR JSON file of these folders by `folder/file`."""
    for folder in FOLDERS:
        for path in sorted((shared / "data" / folder).glob("*.json")):
            yield f"{folder}/{path.name}", path


def run(*arguments: str) -> Result:
    return runner().invoke(evaluate_command, [*arguments], catch_exceptions=False)


def answers_of(path: Path) -> tuple[str, list[str]]:
    """Return the day of the newest observation and the answers on it: cards, or what is missing.

    Answers of several patients follow each other.
    """
    day = max(_days(json.loads(path.read_text(encoding="utf-8-sig"))), default=_NO_DAY)
    result = run(str(path), "--assume-rls", "--as-of", day, "--json")
    if result.exit_code and not result.stdout:
        return day, [f"exit {result.exit_code}"]
    return day, [word for line in result.stdout.splitlines() for word in _said(json.loads(line))]


def _said(answer: dict[str, Any]) -> list[str]:
    cards = [f"{card['source']['topic']['code']}:{card['indicator']}" for card in answer["cards"]]
    return cards or [f"missing {name}" for name in answer["missing"]] or ["no card"]


def _days(value: Any) -> Iterator[str]:
    """Yield the day of every observation in a document."""
    if isinstance(value, list):
        for each in value:
            yield from _days(each)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Observation" and len(str(value.get("effectiveDateTime") or "")) >= 10:
            yield str(value["effectiveDateTime"])[:10]
        for each in value.values():
            yield from _days(each)


def table(shared: Path) -> str:
    """Write the golden table; review every changed line before keeping it.

    `.venv/bin/python -m tests.integration.commands.real_files > tests/integration/commands/real_answers.toml`
    """
    head = "# What is said of every real file on the day of its newest observation, with RLS assumed.\n"
    rows = ((name, *answers_of(path)) for name, path in real_files(shared))
    return head + "".join(f"{json.dumps(name)} = {json.dumps([day, *said])}\n" for name, day, said in rows)


if __name__ == "__main__":
    print(table(Path(__file__).resolve().parents[4] / "shared"), end="")
