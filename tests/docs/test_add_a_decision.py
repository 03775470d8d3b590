"""The example of docs/how-to/add-a-decision.md, carried out in a copy of the tree as its reader would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.paths import DOCS, ROOT

_PAGE = (DOCS / "how-to" / "add-a-decision.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^`((?:cards|tests)/decisions/\w+\.\w+)`[^\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What the tests of the knowledge need of the tree.
_COPIED = ("cards", "cds_service", "fhir_fixtures", "tests", "docs", "deploy", ".github", "pyproject.toml", "README.md")

pytestmark = pytest.mark.slow


def example() -> dict[str, str]:
    """The files that the page has its reader write, by their path."""
    return dict(_FILE.findall(_PAGE))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the three files of the example in it."""
    copy = tmp_path_factory.mktemp("tree")
    without = shutil.ignore_patterns("__pycache__", "docs_site", "*.pyc")
    for name in _COPIED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, copy / name, ignore=without)
        else:
            shutil.copy(place, copy / name)
    for name, content in example().items():
        (copy / name).write_text(content, encoding="utf-8")
    return copy


def run(tree: Path, *arguments: str) -> str:
    """What a command of the page prints in the copy, which must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_shows_the_three_files_of_one_decision() -> None:
    name = Path(next(iter(example()))).stem
    assert set(example()) == {
        f"cards/decisions/{name}.toml",
        f"cards/decisions/{name}.py",
        f"tests/decisions/{name}.toml",
    }
    assert not any((ROOT / place).exists() for place in example())


def test_its_cases_hold_and_every_limit_that_moves_fails_one(tree: Path) -> None:
    printed = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/decisions", "-k", "phosphate")
    cases = example()["tests/decisions/low_phosphate.toml"].count("[[case]]")
    assert cases == 6
    assert int(re.findall(r"(\d+) passed", printed)[0]) > cases


def test_the_file_tells_the_truth_about_what_it_reads(tree: Path) -> None:
    folders = ("tests/unit/cds_service/knowledge", "tests/unit/cards/knowledge", "tests/unit/cards/decisions")
    there = [folder for folder in folders if (tree / folder).is_dir()]
    printed = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *there, "-k", "low_phosphate")
    assert re.search(r"^\d+ passed", printed, re.MULTILINE)


def test_the_pages_that_are_generated_show_its_card_and_limits(tree: Path) -> None:
    run(tree, "-m", "tests.docs.generate")
    reference = tree / "docs" / "reference"
    assert "**PHOS-LOW**" in (reference / "cards.md").read_text(encoding="utf-8")
    assert "| `phosphate.deficient` |" in (reference / "rules.md").read_text(encoding="utf-8")
    assert "## PHOS-LOW: Low phosphate, info" in (reference / "cards" / "vitamins-and-drugs.md").read_text("utf-8")


def test_it_gives_one_synthetic_patient_a_card_as_the_page_says(tree: Path) -> None:
    assert "gives one synthetic patient a card, the one with a low phosphate before an infusion" in " ".join(
        _PAGE.split()
    )
    update = ("tests/golden/test_golden.py", "--update-golden", "-m", "slow or not slow")
    run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *update)
    got = [
        path.stem
        for path in sorted((tree / "tests" / "golden" / "patient-view").glob("*.json"))
        if "PHOSLOW" in {card["source"]["topic"]["code"] for card in json.loads(path.read_text("utf-8"))["cards"]}
    ]
    assert got == ["low-phosphate-before-an-infusion"]
