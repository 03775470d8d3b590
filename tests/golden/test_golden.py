"""Whole answers, one for each synthetic patient and some drafts, against what was reviewed.

pytest tests/golden --update-golden      writes them anew, with the page tests/golden/review.md
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.knowledge.load import national_rules
from tests.golden.calls import FOLDER, TODAY, GoldenCall, answers, calls, kept
from tests.golden.rederive import recomputed
from tests.golden.review import review

REVIEW = FOLDER / "review.md"


def _written(answer: Any) -> str:
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


@pytest.fixture(scope="session", autouse=True)
def update(request: pytest.FixtureRequest) -> None:
    """With --update-golden: write every file, and remove those of calls that are gone."""
    if not request.config.getoption("--update-golden"):
        return
    for path, _ in list(kept()):
        path.unlink()
    for call in calls():
        path = FOLDER / call.file
        path.parent.mkdir(exist_ok=True)
        path.write_text(_written(answers()[call.file]), encoding="utf-8")
    REVIEW.write_text(review(calls(), answers()), encoding="utf-8")


@pytest.mark.parametrize("call", calls(), ids=lambda call: call.file)
def test_the_answer_is_the_reviewed_one(call: GoldenCall) -> None:
    kept_text = (FOLDER / call.file).read_text(encoding="utf-8")
    assert _written(answers()[call.file]) == kept_text, "if this change is meant: pytest tests/golden --update-golden"


def test_no_file_is_kept_of_a_call_that_is_gone() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path, _ in kept()} == {call.file for call in calls()}


def test_the_review_page_shows_every_card() -> None:
    page = REVIEW.read_text(encoding="utf-8")
    assert page == review(calls(), answers())
    rules = national_rules()
    assert all(f"({card.topic})" in page for decision in rules.decisions.values() for card in decision.cards.values())


def test_a_golden_file_holds_cards_and_no_uuid() -> None:
    for path, answer in kept():
        assert set(answer) == {"cards"}, path.name
        uuids = re.findall(r'"uuid": "([^"]+)"', json.dumps(answer))
        assert uuids == [f"uuid {number}" for number in range(1, len(uuids) + 1)], path.name


def test_every_patient_view_warning_has_something_to_click_or_says_why_not() -> None:
    texts = {card.topic: card for decision in national_rules().decisions.values() for card in decision.cards.values()}
    warnings = [
        (path.stem, card)
        for path, answer in kept()
        if path.parent.name == "patient-view"
        for card in answer["cards"]
        if card["indicator"] == "warning"
    ]
    assert len(warnings) > 10
    assert all(card.get("suggestions") for _, card in warnings if card["source"]["topic"]["code"] == "IRONLOW")
    silent = [
        f"{name} {code}"
        for name, card in warnings
        if not card.get("suggestions") and not texts[code := card["source"]["topic"]["code"]].no_suggestion
    ]
    assert silent == []


def test_what_to_consider_comes_first_in_at_most_three_lines() -> None:
    """clinical amendments 2, section 4; a critical card may need more."""
    for path, answer in kept():
        for card in answer["cards"]:
            where = f"{path.stem} {card['source']['topic']['code']}"
            first, _, rest = card["detail"].partition("**This patient**")
            considered = [line for line in first.splitlines() if line.startswith("- ")]
            assert considered, where
            assert len(considered) <= 3 or card["indicator"] == "critical", f"{where}: {considered}"
            before = [part for part in first.strip().split("\n\n") if not part.startswith("- ")]
            assert all(part.startswith(("**Order:**", "**Not read")) for part in before), f"{where}: {before}"
            numbers, _, rule = rest.partition("**Rule:**")
            assert all(line.startswith("- ") for line in numbers.splitlines() if line), where
            assert rule and "\n" not in rule.strip().split("\n\n")[0], f"{where}: the rule is one line"


# --- the independent reading ------------------------------------------------------------------------------------


def iron() -> list[tuple[str, dict[str, Any]]]:
    """Every iron card of the golden files."""
    cards = [(path.stem, card) for path, answer in kept() for card in answer["cards"]]
    return [(name, card) for name, card in cards if card["source"]["topic"]["code"].startswith(("IRON", "OSIRON"))]


def test_every_iron_card_can_be_recomputed_from_its_text() -> None:
    wrong = {
        f"{name} {card['source']['topic']['code']}": recomputed(card, TODAY)
        for name, card in iron()
        if recomputed(card, TODAY) != (card["source"]["topic"]["code"], card["indicator"])
    }
    assert wrong == {}


def test_the_script_runs_by_itself_and_knows_nothing_of_the_service() -> None:
    script = FOLDER / "rederive.py"
    assert not re.search(r"^(?:from|import) (?:cards|cds_service|fhir_fixtures|tests)", script.read_text(), re.M)
    files = [str(path) for path, _ in kept()]
    done = subprocess.run(
        [sys.executable, "-I", str(script), TODAY.isoformat(), *files], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("code", "said", "instead"),
    [
        ("IRONLOW", "Ferritin 38 ng/mL", "Ferritin 75.1 ng/mL"),
        ("IRONLOW", "Transferrin saturation (TSAT) 24 %", "Transferrin saturation (TSAT) 45 %"),
        ("IRONMID", "Ferritin 88 ng/mL", "Ferritin 100.1 ng/mL"),
        ("IRONCHILD", "Ferritin 45 ng/mL", "Ferritin 50 ng/mL"),
        ("IRONESRD", "Transferrin saturation (TSAT) 18 %", "Transferrin saturation (TSAT) 20 %"),
        ("OSIRONREPLETE", "Ferritin 140 ng/mL", "Ferritin 100 ng/mL"),
        ("OSIRONF300", "Ferritin 420 ng/mL", "Ferritin 300 ng/mL"),
        ("OSIRONESRDHOLD", "Ferritin 820 ng/mL", "Ferritin 699.9 ng/mL"),
        ("OSIRONNOTSAT", "TSAT: none usable within 180 days", "Transferrin saturation (TSAT) 20 %"),
        ("OSIRONDOSE", "Dose: 200 mg", "Dose: 130 mg"),
        ("OSIRONDOSE", "Dose: 200 mg", "Dose: 200.1 mg"),
        ("OSIRONDOSE", "body weight 23 kg", "body weight 32.5 kg"),
        ("OSIRONDDI", "Interacting drug: ciprofloxacin", "Interacting drug: lisinopril"),
        ("OSIRONDUP", "Other iron: ferrous sulfate", "Other iron: lisinopril"),
        ("OSIRONDUP", "intravenous, 2026-05-18", "intravenous, 2026-06-01"),
        ("OSIRONDUP", "intravenous, 2026-05-18", "intravenous, 2026-04-19"),
    ],
)
def test_the_script_notices_a_number_that_does_not_fit(code: str, said: str, instead: str) -> None:
    card = next(card for _, card in iron() if card["source"]["topic"]["code"] == code and said in card["detail"])
    changed = {**card, "detail": card["detail"].replace(said, instead)}
    assert recomputed(changed, TODAY) != (code, card["indicator"])


def _why(card: dict[str, Any]) -> list[str]:
    """The lines under *This patient* but the first, which says sex and age."""
    under = card["detail"].partition("**This patient**")[2].partition("**Rule")[0]
    return [line for line in under.splitlines() if line.startswith("- ")][1:]


#: Numbers and days far enough apart that one of them lies beyond whatever limit a number is compared with.
_NUMBERS = ("1", "20.1", "45", "60", "90", "150", "250", "400", "1500")
_DAYS = ("2024-01-01", "2026-01-01", "2026-03-20", "2026-05-01", "2026-06-14")

_KNOWN = {
    "Ferritin": "- Ferritin 60 ng/mL (2026-05-20)",
    "TSAT": "- Transferrin saturation (TSAT) 30 % (2026-05-20)",
}


def _altered(card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The card with one number or day of one line altered, or with a number where it says that there is none."""
    told = re.compile(r"(?<![\w.-])(?:\d{4}-\d\d-\d\d|\d+(?:\.\d+)?)(?![\w.-])")
    for line in _why(card):
        for found in told.finditer(line):
            for other in _DAYS if "-" in found[0] else _NUMBERS:
                yield _with(card, line, line[: found.start()] + other + line[found.end() :])
        for label, known in _KNOWN.items():
            if line.startswith(f"- {label}: none usable"):
                yield _with(card, line, known)


def _with(card: dict[str, Any], line: str, instead: str) -> dict[str, Any]:
    return {**card, "detail": card["detail"].replace(line, instead, 1)}


#: What only words decide: then no number of the card matters, and the words are taken away instead.
_IN_WORDS = {
    "IRONOVL": "Overload", "IRONPV": "Polycythaemia", "OSIRONOVL": "Overload", "OSIRONPV": "Polycythaemia",
    "OSIRONDDI": "Interacting drug",
}  # fmt: skip


@pytest.mark.parametrize(("name", "card"), iron(), ids=lambda each: each if isinstance(each, str) else "")
def test_the_script_notices_what_is_altered_in_any_card(name: str, card: dict[str, Any]) -> None:
    """Each card hangs on what it prints: one number altered, or the words that decide left out, and it is another."""
    code = card["source"]["topic"]["code"]
    altered = list(_altered(card))
    if code in _IN_WORDS:
        altered = [_with(card, line, "") for line in _why(card) if line.startswith(f"- {_IN_WORDS[code]}")]
    assert altered
    assert any(recomputed(other, TODAY) != (code, card["indicator"]) for other in altered), card["detail"]


def test_every_kind_of_iron_card_is_among_them() -> None:
    rules = national_rules()
    kinds = {card.topic for decision in rules.decisions.values() for name, card in decision.cards.items()
             if name.startswith(("IRON-", "OS-IRON-"))}  # fmt: skip
    assert {card["source"]["topic"]["code"] for _, card in iron()} == kinds


def test_dose_and_second_iron_are_shown_in_each_of_their_forms() -> None:
    shown = {(card["source"]["topic"]["code"], card["indicator"], "body weight" in "".join(_why(card)))
             for _, card in iron()}  # fmt: skip
    assert {form for form in shown if form[0] == "OSIRONDOSE"} == {
        ("OSIRONDOSE", "info", False), ("OSIRONDOSE", "info", True),
        ("OSIRONDOSE", "warning", False), ("OSIRONDOSE", "warning", True),
    }  # fmt: skip
    assert {indicator for code, indicator, _ in shown if code == "OSIRONDUP"} == {"info", "warning"}
