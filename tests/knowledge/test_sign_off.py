"""The README's list of what awaits a sign-off holds every contested point, and speaks of names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cards.rules import load_rules

_README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
LIST = " ".join(_README.partition("## What awaits a physician's sign-off")[2].partition("\n## ")[0].split())


@pytest.mark.parametrize(
    "point",
    [
        "TSAT below 20 % with ferritin 101 to 300", "exactly 75 counts as low", "low-ferritin card is a warning",
        "no assay factor is applied", "windows of freshness", "Ferritin above 300 stops iron for both sexes",
        "Vitamin B12: below 200", "Vitamin B6: 100 mg", "Vitamin C in dialysis", "patients without RLS",
        "antidepressants and antipsychotics should be shown at all", "boxed warning on hypophosphataemia",
        "pregnancy numbers", "Certainties of the AASM recommendations", "Codes that await verification",
        "off-label in the United States", "the approved use of pramipexole", "What counts as overload",
        "First trimester is before 14 weeks", "this project's own, one year after the last change",
    ],
)  # fmt: skip
def test_a_contested_point_is_listed(point: str) -> None:
    assert point in LIST


def test_switches_and_limits_that_it_names_exist() -> None:
    rules = load_rules()
    cards = {card for decision in rules.decisions.values() for card in decision.cards}
    known = {*rules.thresholds, *rules.switches, *cards, "ferritin.assay_factor"}
    named = {name.partition(" ")[0] for name in re.findall(r"`([^`]+)`", LIST)}
    assert named and named <= known


def test_its_points_are_numbered_without_a_gap() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", _README.partition("## What awaits")[2], re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
