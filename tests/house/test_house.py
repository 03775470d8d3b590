"""The house rules that a test can hold: who may import whom, what lies at the top, which names are never used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders.faults import assert_none, faults

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("cards", "cds_service", "fhir_fixtures")
_ALLOWED_AT_TOP = {
    "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Dockerfile", "deploy", "cards", "cds_service",
    "fhir_fixtures", "tests", "requirements.lock", "requirements-dev.lock", "docs", "mkdocs.yml",
}  # fmt: skip
#: What the clinical core may use: the standard library but for these, and fhir.resources for what it emits.
_NEVER_IN_CARDS = {
    "flask", "requests", "urllib", "urllib3", "http", "socket", "ssl", "logging", "random", "secrets", "uuid", "time",
    "os", "threading", "subprocess", "sqlite3", "sqlalchemy", "jwt", "orjson", "click", "jsonschema", "cds_service",
    "fhir_fixtures",
}  # fmt: skip
_NEVER_A_NAME = {"utils", "util", "helpers", "helper", "common", "models", "manager", "misc"}
_MOST_MODULES = 20
#: Modules that import others of ours when they need them: the database, the console, cryptography.
_IMPORT_LATE = {"cds_service/config/checks.py", "cds_service/server/gunicorn.py", "cds_service/store/opening.py"}


def modules(package: str) -> list[Path]:
    return sorted((_ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def reaches_for_nothing_outside_itself(file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & _NEVER_IN_CARDS


def asks_no_clock(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "date.today(" not in text and "datetime.now(" not in text


@pytest.mark.parametrize("check", [reaches_for_nothing_outside_itself, asks_no_clock], ids=lambda each: each.__name__)
def test_each_module_of_the_core(check: Callable[[Path], None]) -> None:
    assert_none(faults(check, modules("cards"), place_of))


def test_the_fixtures_know_neither_core_nor_shell() -> None:
    def knows_neither(file: Path) -> None:
        assert not {name.split(".")[0] for name in imported(file)} & {"cards", "cds_service", "requests"}

    assert_none(faults(knows_neither, modules("fhir_fixtures"), place_of))


def place_of(file: Path) -> str:
    return file.relative_to(_ROOT).as_posix()


def test_only_the_demo_and_the_self_test_use_the_fixtures() -> None:
    users = {
        str(file.relative_to(_ROOT))
        for file in modules("cds_service")
        if any(name.split(".")[0] == "fhir_fixtures" for name in imported(file))
    }
    assert users <= {
        "cds_service/server/demo.py",
        "cds_service/monitoring/self_test.py",
        "cds_service/console/charts.py",
    }


def test_the_top_level_holds_what_the_design_allows() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in tracked.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= _ALLOWED_AT_TOP


def test_no_module_is_named_for_nothing() -> None:
    names = {file.stem for package in _PACKAGES for file in modules(package)}
    assert not names & _NEVER_A_NAME


def room_of(file: Path) -> str:
    """The folder of a module; one at the top of the core or the shell is a room of its own."""
    place = file.relative_to(_ROOT)
    at_top = len(place.parts) == 2 and place.parts[0] != "fhir_fixtures" and file.stem != "__init__"
    return place.with_suffix("").as_posix() if at_top else place.parent.as_posix()


def room_imported(module: str) -> str:
    path = _ROOT.joinpath(*module.split("."))
    return path.relative_to(_ROOT).as_posix() if path.is_dir() else room_of(path.with_suffix(".py"))


def test_no_folder_holds_more_modules_than_one_can_keep_in_mind() -> None:
    files = (file for package in _PACKAGES for file in modules(package) if file.name != "__init__.py")
    sizes = Counter(file.parent.relative_to(_ROOT).as_posix() for file in files)
    del sizes["cards/decisions"]  # one module for each question
    assert not {folder: size for folder, size in sizes.items() if size > _MOST_MODULES}


def test_no_two_folders_import_each_other() -> None:
    pairs = {
        (room_of(file), room_imported(name))
        for package in _PACKAGES
        for file in modules(package)
        for name in imported(file)
        if name.split(".")[0] in _PACKAGES
    }
    assert not {(one, other) for one, other in pairs if one < other and (other, one) in pairs}


def test_imports_inside_functions_only_spare_what_is_heavy() -> None:
    found = {
        file.relative_to(_ROOT).as_posix()
        for package in _PACKAGES
        for file in modules(package)
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in _PACKAGES
    }
    assert {name for name in found if not name.startswith("cds_service/cli/")} == _IMPORT_LATE


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from cds_service.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('heavy', sorted({'fhir', 'flask', 'requests', 'sqlalchemy', 'pydantic'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    assert "heavy []" in shown
