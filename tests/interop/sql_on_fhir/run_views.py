"""Run ViewDefinitions by a foreign runner: `python run_views.py RUNNER VIEWS.json RESOURCES.ndjson`.

Prints the rows of each view as JSON. Runs in the environment of the runners, which has nothing of ours.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def by_sqlonfhir(view: dict[str, Any], lines: list[str]) -> Rows:
    return importlib.import_module("sqlonfhir").evaluate([json.loads(line) for line in lines], view)  # type: ignore[no-any-return]


def by_pysof(view: dict[str, Any], lines: list[str]) -> Rows:
    entries = [{"resource": json.loads(line)} for line in lines]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.loads(importlib.import_module("pysof").run_view_definition(view, bundle, "json"))  # type: ignore[no-any-return]


def by_fhir4ds(view: dict[str, Any], lines: list[str]) -> Rows:
    runner = importlib.import_module("fhir4ds")
    database = runner.create_connection()
    database.execute("create table resources (resource json)")
    database.executemany("insert into resources values (?)", [(line,) for line in lines])
    # It wants the canonical address of the type in `resourceType`, or none.
    found = database.execute(runner.generate_view_sql({k: v for k, v in view.items() if k != "resourceType"}))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


RUNNERS = {"sqlonfhir": by_sqlonfhir, "fhir4ds": by_fhir4ds, "pysof": by_pysof}


def main(name: str, views: str, resources: str) -> None:
    held: dict[str, list[str]] = {}
    for line in Path(resources).read_text(encoding="utf-8").splitlines():
        held.setdefault(json.loads(line)["resourceType"], []).append(line)
    found = {
        view["name"]: RUNNERS[name](view, held.get(view["resource"], []))
        for view in json.loads(Path(views).read_text(encoding="utf-8"))
    }
    json.dump(found, sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
