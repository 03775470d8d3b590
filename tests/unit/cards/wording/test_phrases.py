"""Every phrase that a card prints stands in a knowledge file: none is written in a program, none is left unused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cards.drugs.ingredients import ingredients
from cards.drugs.naming import name_words
from cards.facts.finding import Text
from cards.wording.render import wording
from cds_service.knowledge.load import national_rules
from tests.builders.faults import assert_none, faults
from tests.decisions.test_tables import CASES, RULES, findings

_CARDS = Path(__file__).resolve().parents[4] / "cards"
#: What is exported as FHIR is no card.
_NO_CARD = {"presenting/fhir_models.py"}
_FOLDERS = ("decisions", "patient", "labs", "wording", "presenting")
PRINTING = [
    path
    for path in (
        *(file for name in _FOLDERS for file in sorted((_CARDS / name).rglob("*.py"))),
        _CARDS / "drugs/naming.py",
    )
    if path.relative_to(_CARDS).as_posix() not in _NO_CARD and path.parent != _CARDS / "presenting" / "export"
]
#: A phrase: words with a blank between or beside them.
_PHRASE = re.compile(r"[A-Za-z].* | .*[A-Za-z]", re.DOTALL)
#: Displays of codes in a suggested order, and why a call is out of scope, for logs.
_KNOWN = {"Restless legs", "Laboratory procedure", "no RLS"}


def literals(tree: ast.AST) -> Iterator[str]:
    """The text that a module holds, the fixed parts of f-strings included, but for docstrings and what it raises."""
    passed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield node.value


def test_no_module_writes_a_phrase() -> None:
    def writes_none(file: Path) -> None:
        found = {text for text in literals(ast.parse(file.read_text(encoding="utf-8"))) if _PHRASE.search(text)}
        assert {text for text in found if "\\" not in text} - set(ingredients()) - _KNOWN == set()

    assert_none(faults(writes_none, PRINTING))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('x = {"kidney": "on dialysis"}', ["on dialysis"]),
        ('x = f"{n} mg a day"', [" mg a day"]),
        ('x = "" if y else ", inpatient"', [", inpatient"]),
        ('"""A docstring."""\nraise ValueError("no such order")', []),
        ('x = say(rules, "b12", f"risk_{name}")', []),
    ],
)
def test_a_phrase_is_found_wherever_it_stands(code: str, found: list[str]) -> None:
    assert [text for text in literals(ast.parse(code)) if _PHRASE.search(text)] == found


def test_only_the_wording_makes_text() -> None:
    makers = {
        path.relative_to(_CARDS).as_posix()
        for path in _CARDS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text"
    }
    assert makers == {"wording/phrases.py"}


@pytest.mark.parametrize("decision", sorted(RULES.decisions))
def test_every_word_of_a_finding_is_text_from_a_file(decision: str) -> None:
    """A fact that is a `str` and no `Text` was built in a program."""
    for name, case in CASES:
        if name == decision:
            facts = [fact for each in findings(name, case, RULES) for fact in each.facts.items()]
            built = [(key, fact) for key, fact in facts if isinstance(fact, str) and not isinstance(fact, Text)]
            assert built == [], case["says"]


@cache
def _every_text() -> frozenset[str]:
    return frozenset(
        text for path in _CARDS.rglob("*.py") for text in literals(ast.parse(path.read_text(encoding="utf-8")))
    )


def _asked_for(pattern: str) -> set[str]:
    return {text for text in _every_text() if re.fullmatch(pattern, text)}


def test_every_shared_phrase_is_asked_for_and_no_other() -> None:
    tables = ("person", "kidney", "results", "iron")
    known = {f"{table}.{key}" for table in tables for key in wording()[table]}
    assert _asked_for(rf"({'|'.join(tables)})\.[a-z0-9_]+") == known


@pytest.mark.parametrize("table", ["facts", "actions", "reasons"])
def test_every_word_for_facts_and_actions_is_asked_for(table: str) -> None:
    asked = {name.removeprefix(f"{table}.") for name in _asked_for(rf"({table}\.)?[a-z_]+")}
    assert set(wording()[table]) <= asked


def test_every_word_of_a_product_name_is_asked_for() -> None:
    assert set(name_words()) <= _asked_for("[a-z_]+")


@pytest.mark.parametrize("decision", sorted(RULES.decisions))
def test_every_text_of_a_decision_is_named_in_the_program(decision: str) -> None:
    """By its key, or by a key that ends in what varies, as `advice_{kind}`."""
    named = _asked_for("[a-z0-9_]+")
    begun = tuple(text for text in named if text.endswith("_"))
    ended = tuple(text for text in named if text.startswith("_"))
    texts = national_rules().decisions[decision].texts
    assert {key for key in texts if key not in named and not key.startswith(begun) and not key.endswith(ended)} == set()
