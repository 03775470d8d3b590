"""The sign-off list has every contested point and only existing names, its page every mark of the knowledge files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cds_service.knowledge.load import national_rules
from tests.docs.sign_off_page import LAST_READING, is_unsigned, limits, sign_off_page, since

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = (_ROOT / "docs" / "explanation" / "clinical" / "index.md").read_text(encoding="utf-8")
_SECTION = _PAGE.partition("## 9. What awaits a physician")[2].partition("\n## ")[0]
LIST = " ".join(_SECTION.split())


@pytest.mark.parametrize(
    "point",
    [
        "TSAT below 20 % with ferritin 101 to 300", "exactly 75 counts as low", "low-ferritin card is a warning",
        "No factor is applied", "window of freshness", "Ferritin above 300 stops iron in both sexes",
        "Vitamin B12: below 200", "Vitamin B6: 100 mg", "Vitamin C in dialysis", "patients without RLS",
        "antidepressants and antipsychotics should exist at all", "boxed warning on hypophosphataemia",
        "pregnancy numbers", "certainties of AASM's recommendations", "Codes that await verification",
        "outside most labels", "rotigotine are licensed for RLS", "counts as iron overload",
        "first trimester ends at 14 weeks", "one year after its last change",
        # the second round of amendments
        "The aim that cards print", "Oral iron works where ferritin rose", "A single TSAT from 45 to below 70 %",
        "A refill of the same oral iron", "What is swallowed at once", "that an order card would stop",
        "after bariatric surgery and in inflammatory bowel disease", "Heart failure with reduced ejection fraction",
        "Vitamin C beside oral iron is called optional", "a warning offers an order", "prenatal iron goes on",
        "Suspected RLS gets low B12 and magnesium", "Kidney function is the lower of", "only known as above or below",
        "one line asks to review prescription treatment", "30 to 80 in children", "the labels' most a day",
        "Gabapentin enacarbil below an eGFR of 30", "The reasons that a card offers for not following it",
    ],
)  # fmt: skip
def test_a_contested_point_is_listed(point: str) -> None:
    assert point in LIST


def test_switches_and_limits_that_it_names_exist() -> None:
    rules = national_rules()
    cards = {card for decision in rules.decisions.values() for card in decision.cards}
    known = {*rules.thresholds, *rules.switches, *cards}
    named = {name.partition(" ")[0] for name in re.findall(r"`([^`]+)`", LIST)}
    assert named and named <= known


def test_its_points_are_numbered_without_a_gap() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", _SECTION, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


# --- the page of marks ------------------------------------------------------------------------------------------


def section(name: str) -> str:
    return sign_off_page().partition(f"{{ #{name} }}")[2].partition("\n## ")[0]


def named(text: str) -> set[str]:
    return set(re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("certainty", ["unverified", "quoted", "ours", "retrieved"])
def test_every_limit_that_nobody_signed_stands_under_its_certainty(certainty: str) -> None:
    unsigned = {name for name, limit in limits().items() if is_unsigned(limit) and limit.certainty == certainty}
    assert unsigned and named(section(certainty)) == unsigned


def test_what_is_new_since_the_last_reading_stands_first() -> None:
    new = {name for name, limit in limits().items() if is_unsigned(limit) and since(limit) >= LAST_READING}
    changed = {each.name for each in national_rules().decisions.values() if each.changed >= LAST_READING}
    assert new and changed and named(section("new")) == new | changed


def test_a_limit_that_is_signed_leaves_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = replace(limits()["ferritin.low"], reviewer="A. Physician")
    monkeypatch.setattr("tests.docs.sign_off_page.limits", lambda: {**limits(), "ferritin.low": signed})
    assert "ferritin.low" not in named(sign_off_page())


def test_every_source_that_was_not_read_is_listed() -> None:
    unread = [each for each in national_rules().citations.values() if each.certainty in ("quoted", "unverified")]
    assert unread and all(f"[{each.label}]({each.url})" in section("sources") for each in unread)
