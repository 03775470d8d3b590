"""The description of a decision file: it is a JSON Schema, it words every fault, and it reads every value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cards.knowledge.decision_file import CARD, DECISION, JUDGES, SWITCH, THRESHOLD
from cards.knowledge.forms import (
    Form,
    Table,
    listed,
    name,
    number,
    optional,
    table,
    texts_with_facts,
    with_facts,
    words,
)
from cards.knowledge.rules import CardText, DecisionText, Judges, Switch, Threshold


def forms(form: Form) -> Iterator[Form]:
    """The form with all that it holds."""
    yield form
    inner = form.members.values() if isinstance(form, Table) else (form.item,) if form.item else ()
    for each in inner:
        yield from forms(each)


def test_the_description_is_a_schema() -> None:
    Draft202012Validator.check_schema(DECISION.schema)


def test_every_place_says_what_is_allowed_and_what_to_do() -> None:
    assert all(each.schema["description"] and each.schema["x-next-step"] for each in forms(DECISION))


@pytest.mark.parametrize(
    ("described", "kind", "own"),
    [
        (THRESHOLD, Threshold, {"name", "site_reason", "site_date", "national", "national_unit"}),
        (SWITCH, Switch, {"name", "value", "site_reason", "site_date"}),
        (CARD, CardText, {"id"}),
        (JUDGES, Judges, set()),
        (DECISION, DecisionText, {"name"}),
    ],
)
def test_every_member_becomes_a_value_of_the_rules(described: Table, kind: type[Any], own: set[str]) -> None:
    """What a file may leave out has a value all the same."""
    known = {field.name: field for field in fields(kind)}
    assert described.members.keys() == known.keys() - own
    left_out = {key for key, form in described.members.items() if not form.is_required}
    filled = {"step", "texts"}  # by rules_from
    assert all(_has_a_default(known[key]) for key in left_out - filled)


def _has_a_default(field: Any) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


_PAGE = table(
    "write it",
    heading=words(10, "a heading"),
    limits=listed(number(), "numbers", "list them", least=1, read=frozenset),
    body=optional(with_facts(words(100, "text"))),
)


def test_a_table_says_which_members_it_must_have() -> None:
    assert _PAGE.schema["description"] == "a table with heading and limits"
    assert _PAGE.schema["required"] == ["heading", "limits"]


def test_what_stands_in_a_file_becomes_values() -> None:
    found = {"heading": "A", "limits": ["1.50", "2"]}
    assert _PAGE.values(found) == {"heading": "A", "limits": frozenset({Decimal("1.50"), Decimal(2)})}
    assert _PAGE.read(found) == _PAGE.values(found)
    assert name(5, "a name", "name it").read(date(2026, 1, 1)) == date(2026, 1, 1)


def test_the_texts_that_are_filled_are_found_with_their_place() -> None:
    assert list(texts_with_facts(_PAGE, {"heading": "{a}", "limits": ["1"], "body": "{b}"})) == [(("body",), "{b}")]
    content = {
        "title": "{none}",
        "because": {"quiet": "{a}"},
        "cards": {"IRON-LOW": {"title": "{none}", "summary": "{b}", "citations": ["x"]}},
        "thresholds": {"a": {"meaning": "{none}"}},
    }
    found = {".".join(path): text for path, text in texts_with_facts(DECISION, content)}
    assert found == {"because.quiet": "{a}", "cards.IRON-LOW.summary": "{b}"}
