"""Whole answers, one for each synthetic patient and some drafts, against what was reviewed.

pytest tests/golden --update-golden      writes them anew, with the page tests/golden/review.md
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from cards.rules import load_rules
from tests.golden.calls import FOLDER, TODAY, Call, answers, calls, kept
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
def test_the_answer_is_the_reviewed_one(call: Call) -> None:
    kept_text = (FOLDER / call.file).read_text(encoding="utf-8")
    assert _written(answers()[call.file]) == kept_text, "if this change is meant: pytest tests/golden --update-golden"


def test_no_file_is_kept_of_a_call_that_is_gone() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path, _ in kept()} == {call.file for call in calls()}


def test_the_review_page_shows_every_card() -> None:
    page = REVIEW.read_text(encoding="utf-8")
    assert page == review(calls(), answers())
    rules = load_rules()
    assert all(f"({card.topic})" in page for decision in rules.decisions.values() for card in decision.cards.values())


def test_a_golden_file_holds_cards_and_no_uuid() -> None:
    for path, answer in kept():
        assert set(answer) == {"cards"}, path.name
        uuids = re.findall(r'"uuid": "([^"]+)"', json.dumps(answer))
        assert uuids == [f"uuid {number}" for number in range(1, len(uuids) + 1)], path.name


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
        ("IRONLOW", "Ferritin: 38 ng/mL", "Ferritin: 75.1 ng/mL"),
        ("IRONLOW", "Transferrin saturation: 24 %", "Transferrin saturation: 45 %"),
        ("IRONMID", "Ferritin: 88 ng/mL", "Ferritin: 100.1 ng/mL"),
        ("IRONCHILD", "Ferritin: 45 ng/mL", "Ferritin: 50 ng/mL"),
        ("IRONESRD", "Transferrin saturation: 18 %", "Transferrin saturation: 20 %"),
        ("OSIRONREPLETE", "Ferritin: 140 ng/mL", "Ferritin: 100 ng/mL"),
        ("OSIRONF300", "Ferritin: 420 ng/mL", "Ferritin: 300 ng/mL"),
    ],
)
def test_the_script_notices_a_number_that_does_not_fit(code: str, said: str, instead: str) -> None:
    card = next(card for _, card in iron() if card["source"]["topic"]["code"] == code and said in card["detail"])
    changed = {**card, "detail": card["detail"].replace(said, instead)}
    assert recomputed(changed, TODAY) != (code, card["indicator"])


def test_most_iron_cards_are_among_them() -> None:
    assert len(iron()) >= 60
    assert len({card["source"]["topic"]["code"] for _, card in iron()}) >= 30
