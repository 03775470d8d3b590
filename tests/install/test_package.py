"""What the package must hold, and the one place of its version."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from cds_service.cli import main
from cds_service.hooks.openapi import openapi
from cds_service.hooks.services import SERVICES
from tests.install.lock_files import ROOT, Pin
from tests.install.package import PACKAGES, SITE, faults_of_bill, faults_of_sdist, faults_of_wheel, tracked, version

_FILES = {"cards/quantity.py", "cards/valuesets/rls.json", f"{SITE}/index.html"}
_OWN = {"rls_cds-0.1.0.dist-info/METADATA", "rls_cds-0.1.0.dist-info/RECORD"}


def test_a_wheel_that_holds_the_packages_and_nothing_else_is_fine() -> None:
    assert not list(faults_of_wheel(_FILES | _OWN, _FILES))


@pytest.mark.parametrize("name", sorted(_FILES))
def test_a_file_that_is_missing_is_named(name: str) -> None:
    assert list(faults_of_wheel((_FILES | _OWN) - {name}, _FILES)) == [f"the wheel lacks {name}"]


@pytest.mark.parametrize("name", ["tests/house/test_house.py", "docs/index.md", "deploy/compose.yml", "cards/old.py"])
def test_what_does_not_belong_in_a_wheel_is_named(name: str) -> None:
    assert list(faults_of_wheel(_FILES | _OWN | {name}, _FILES)) == [f"the wheel holds {name}"]


def test_an_sdist_must_hold_what_the_wheel_is_built_from() -> None:
    names = {f"rls_cds-0.1.0/{name}" for name in _FILES | {"pyproject.toml", "README.md", "LICENSE"}}
    assert not list(faults_of_sdist(names, _FILES))
    assert list(faults_of_sdist(names - {"rls_cds-0.1.0/LICENSE"}, _FILES)) == ["the sdist lacks LICENSE"]


def _bill(*components: tuple[str, str], of: str = "rls-cds") -> dict[str, Any]:
    licence = [{"license": {"id": "MIT"}}]
    listed = [{"name": name, "version": number, "licenses": licence} for name, number in components]
    return {"metadata": {"component": {"name": of}}, "components": listed}


_PINS = [Pin(Requirement(f"{name}=={number}"), ()) for name, number in (("flask", "3.1.3"), ("ruamel-yaml", "0.19"))]


def test_a_bill_of_materials_that_names_what_the_lock_pins_is_fine() -> None:
    assert not list(faults_of_bill(_bill(("Flask", "3.1.3"), ("ruamel.yaml", "0.19"), ("rls-cds", "0.1.0")), _PINS))


def test_a_bill_of_materials_that_tells_otherwise_is_named() -> None:
    odd = _bill(("Flask", "3.1.2"), ("ruamel.yaml", "0.19"), ("left-pad", "1.0"), of="flask")
    del odd["components"][1]["licenses"]
    assert list(faults_of_bill(odd, _PINS)) == [
        "the bill of materials lacks flask 3.1.3",
        "the bill of materials has no licence of ruamel-yaml",
        "the bill of materials holds left-pad",
        "the bill of materials is of flask",
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_data_file_is_named_as_package_data(package: str) -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    taken = {file for pattern in stated[package] for file in (ROOT / package).glob(pattern)}
    data = {ROOT / name for name in tracked(ROOT) if name.startswith(f"{package}/") and not name.endswith(".py")}
    assert data and data <= taken


def test_the_version_is_stated_once() -> None:
    assert CliRunner().invoke(main, ["--version"], prog_name="rls-cds").output == f"rls-cds, version {version()}\n"
    assert openapi(SERVICES, None)["info"]["version"] == version()
    assert f"image: registry.example.org/rls-cds:{version()}\n" in (ROOT / "deploy" / "kubernetes.yml").read_text()


def test_the_changelog_has_the_version_with_its_day() -> None:
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])
    assert heads[1].startswith(f"[{version()}] - ")
