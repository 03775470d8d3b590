"""The tables of directions: every row reads its own example, and no row is dead."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from cards.drugs import directions, sigs
from cards.drugs.directions import Said, read_sig
from cards.drugs.ingredients import plain
from cards.drugs.sigs import Form, Forms, Rewrite
from cards.drugs.timing import FREQUENCIES, Frequency

TABLES = {name: value for name, value in vars(sigs).items() if isinstance(value, Forms)}
FORMS = [(name, row) for name, table in TABLES.items() for row in table.rows]
NEVER = Form(r"(?!)", "nothing", "", "")


def written(said: Said) -> str:
    """A reading in the notation of the tables."""
    dose = "?" if said.amount is None else f"{said.amount.normalize():f} {said.unit}".strip()
    often = "?" if said.per_day is None else fraction(said.per_day)
    return f"{dose} x {often}" + " once" * said.once


def fraction(per_day: Decimal) -> str:
    """Doses a day as a whole number or a fraction of the days or parts of a day that directions speak of."""
    below = next(days for days in (1, 2, 3, 4, 7, 14, 30) if round(per_day * days, 9) % 1 == 0)
    return f"{round(per_day * below):d}" + (f"/{below}" if below > 1 else "")


def without(table: Forms, row: Form) -> Forms:
    return Forms(tuple(NEVER if each is row else each for each in table.rows))


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What was read with a row must not be known again without it, nor the other way round."""
    read_sig.forget()
    yield
    read_sig.forget()


def test_the_tables_are_found() -> None:
    assert len(TABLES) > 15
    assert len(FORMS) > 30
    assert len(FREQUENCIES) > 40


@pytest.mark.parametrize("row", FREQUENCIES, ids=lambda row: row.example)
def test_a_row_on_frequency_reads_its_example_and_no_row_above_does(row: Frequency) -> None:
    assert next(each for each in FREQUENCIES if each.pattern.search(row.example)) is row
    assert written(read_sig(row.example)).removesuffix(" once").endswith(f"x {row.reads}")


@pytest.mark.parametrize(("table", "row"), FORMS, ids=[f"{name}: {row.example}" for name, row in FORMS])
def test_a_form_reads_its_example(table: str, row: Form) -> None:
    assert written(read_sig(row.example)) == row.reads


@pytest.mark.parametrize(("table", "row"), FORMS, ids=[f"{name}: {row.example}" for name, row in FORMS])
def test_without_its_row_an_example_is_read_otherwise(table: str, row: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigs, table, without(TABLES[table], row))
    monkeypatch.setattr(directions, "_read", directions._read.__wrapped__)
    assert written(read_sig(row.example)) != row.reads


@pytest.mark.parametrize("row", (*sigs.REWRITES, sigs.FRACTION), ids=lambda row: row.example)
def test_a_number_in_words_becomes_figures(row: Rewrite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert directions._in_figures(row.example) == row.becomes
    rest = tuple(each for each in sigs.REWRITES if each is not row)
    monkeypatch.setattr(sigs, "REWRITES", rest)
    if row is sigs.FRACTION:
        monkeypatch.setattr(sigs, "FRACTION", row._replace(pattern=Forms((NEVER,)).pattern))
    assert directions._in_figures(row.example) != row.becomes


def test_a_sign_for_a_part_of_one_is_a_number() -> None:
    read = {sign: read_sig(f"{sign} tablet daily").amount for sign in sigs.PARTS_OF_ONE}
    assert read == {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}


@pytest.mark.parametrize("row", FREQUENCIES, ids=lambda row: row.example)
def test_examples_are_in_lower_case_as_they_are_compared(row: Frequency) -> None:
    assert plain(row.example) == row.example


def test_no_two_rows_have_one_pattern() -> None:
    patterns = [row.pattern.pattern for row in FREQUENCIES] + [row.pattern for _, row in FORMS]
    assert len(patterns) == len(set(patterns))
