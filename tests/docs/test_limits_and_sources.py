"""The page of rules says of each limit in one line what its source says: value, source, how sure, address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from cards.knowledge.definitions import Definition, definitions
from cards.knowledge.rules import Threshold
from cards.quantity import plain
from cds_service.knowledge.listing import render_definition, render_limit
from cds_service.knowledge.load import national_rules
from tests.docs.paths import DOCS

_RULES = national_rules()
_PAGE = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
_LIMITS: dict[str, Threshold | Definition] = {**_RULES.thresholds, **definitions()}
#: How a source may name a number of days, and the last whole number below a limit.
_DAYS_OF_A_MONTH = 30


def rows() -> dict[str, str]:
    return {found[1]: found[0] for found in re.finditer(r"^\| `([\w.]+)` \|.*$", _PAGE, re.MULTILINE)}


@pytest.mark.parametrize("name", _LIMITS)
def test_a_limit_has_one_line_with_value_source_certainty_and_address(name: str) -> None:
    limit, line = _LIMITS[name], rows()[name]
    source = _RULES.citations[limit.citation]
    value = render_limit(limit) if isinstance(limit, Threshold) else render_definition(limit)
    assert f"| {value} |" in line
    assert f"{source.label}" in line and f"({limit.certainty})" in line
    assert source.id == "ours" or f"]({source.url})" in line
    assert limit.says in line


@pytest.mark.parametrize("name", [name for name, limit in _LIMITS.items() if limit.citation != "ours"])
def test_a_limit_of_an_outside_source_says_what_the_source_says_with_the_number(name: str) -> None:
    """The number itself, or it as months of days, or the last whole number on the other side (100 to 299)."""
    limit = _LIMITS[name]
    assert limit.says, f"{name}: write `says` beside its certainty"
    said = {Decimal(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", limit.says)}
    assert said & set(ways_to_say(limit)), f"{name}: {limit.says!r} names no {plain(limit.value)}"


def ways_to_say(limit: Threshold | Definition) -> Iterator[Decimal]:
    yield limit.value
    if limit.unit == "d":
        yield Decimal(round(limit.value / _DAYS_OF_A_MONTH))
    if limit.side == "below":
        yield limit.value - 1


def test_a_number_that_the_source_does_not_give_is_called_this_projects() -> None:
    """A limit marked `ours` that cites a source tells both apart."""
    mixed = [name for name, limit in _LIMITS.items() if limit.certainty == "ours" and limit.citation != "ours"]
    assert mixed
    assert [name for name in mixed if "this project's" not in _LIMITS[name].says] == []
