"""The golden cards are short enough for a tired reader, and one command prints how short."""

from __future__ import annotations

import re

import pytest

from tests.golden import figures as figures_module
from tests.golden.figures import MEDIAN, Card, figures, groups, main, report, too_long


def card(detail: str, indicator: str = "info") -> Card:
    return {"detail": detail, "indicator": indicator, "source": {"topic": {"code": "X"}}}


def test_the_details_are_short_enough_for_a_tired_reader() -> None:
    cards = groups()["all"]
    assert len(cards) > 100
    assert figures(cards).median <= MEDIAN
    assert list(too_long(cards)) == []


@pytest.mark.parametrize(
    ("detail", "indicator", "is_too_long"),
    [("x" * 900, "warning", False), ("x" * 901, "warning", True), ("x" * 1400, "critical", False),
     ("x" * 1401, "critical", True), ("😴" * 451, "info", True)],
)  # fmt: skip
def test_a_card_is_too_long_by_its_units(detail: str, indicator: str, is_too_long: bool) -> None:
    assert bool(list(too_long([card(detail, indicator)]))) is is_too_long


def test_every_indicator_and_hook_has_a_line() -> None:
    lines = report().splitlines()
    assert [line.split()[0] for line in lines[1:7]] == [
        "all",
        "critical",
        "warning",
        "info",
        "patient-view",
        "order-sign",
    ]
    total, *parts = (int(re.split(r"\s+", line)[1]) for line in lines[1:7])
    assert total == sum(parts[:3]) == sum(parts[3:])


def test_the_command_prints_them_and_fails_on_a_card_that_is_too_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main() == 0
    assert capsys.readouterr().out == report()
    long = {name: [*cards, card("x" * 901)] for name, cards in groups().items()}
    monkeypatch.setattr(figures_module, "groups", lambda: long)
    assert main() == 1
    assert "X 901, at most 900" in capsys.readouterr().out
