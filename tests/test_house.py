"""The house rules that a test can hold: who may import whom, what lies at the top, which names are never used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("cards", "cds_service", "fhir_fixtures")
_ALLOWED_AT_TOP = {
    "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Dockerfile", "deploy", "cards", "cds_service",
    "fhir_fixtures", "tests", "requirements.lock",
}  # fmt: skip
#: What the clinical core may use: the standard library but for these, and fhir.resources for what it emits.
_NEVER_IN_CARDS = {
    "flask", "requests", "urllib", "urllib3", "http", "socket", "ssl", "logging", "random", "secrets", "uuid", "time",
    "os", "threading", "subprocess", "sqlite3", "sqlalchemy", "jwt", "orjson", "click", "jsonschema", "cds_service",
    "fhir_fixtures",
}  # fmt: skip
_NEVER_A_NAME = {"utils", "util", "helpers", "helper", "common", "models", "manager", "misc"}


def modules(package: str) -> list[Path]:
    return sorted((_ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("file", modules("cards"), ids=lambda file: str(file.relative_to(_ROOT)))
def test_the_core_reaches_for_nothing_outside_itself(file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & _NEVER_IN_CARDS


@pytest.mark.parametrize("file", modules("cards"), ids=lambda file: str(file.relative_to(_ROOT)))
def test_the_core_asks_no_clock(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "date.today(" not in text and "datetime.now(" not in text


@pytest.mark.parametrize("file", modules("fhir_fixtures"), ids=lambda file: str(file.relative_to(_ROOT)))
def test_the_fixtures_know_neither_core_nor_shell(file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & {"cards", "cds_service", "requests"}


def test_only_the_demo_and_the_self_test_use_the_fixtures() -> None:
    users = {
        str(file.relative_to(_ROOT))
        for file in modules("cds_service")
        if any(name.split(".")[0] == "fhir_fixtures" for name in imported(file))
    }
    assert users <= {"cds_service/demo.py", "cds_service/self_test.py", "cds_service/console/charts.py"}


def test_the_top_level_holds_what_the_design_allows() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in tracked.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= _ALLOWED_AT_TOP


def test_no_module_is_named_for_nothing() -> None:
    names = {file.stem for package in _PACKAGES for file in modules(package)}
    assert not names & _NEVER_A_NAME


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from cds_service.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy', sorted({'fhir', 'flask', 'requests', 'sqlalchemy', 'pydantic'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    assert "heavy []" in shown
