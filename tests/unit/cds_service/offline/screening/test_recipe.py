"""What a run is asked: other thresholds and switches, another site file, a client's codes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cards.knowledge.rules import BadKnowledge
from cds_service.offline.screening.recipe import BadRecipe, Recipe, known_by

_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def test_a_change_of_a_threshold_and_of_a_switch() -> None:
    known = known_by(Recipe(_NOW, changes=("ferritin.low=50", "esrd_vitc = false")))
    other = known.question.what_if
    assert other is not None
    assert str(other.limit("ferritin.low").value) == "50"
    assert other.limit("ferritin.low").national == known.question.rules.limit("ferritin.low").value
    assert not other.is_on("esrd_vitc")
    assert known.question.rules.is_on("esrd_vitc")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ferritin.low", "expected NAME=VALUE"),
        ("ferritin.low=", "expected NAME=VALUE"),
        ("ferritin.low=low", "the value is no number"),
        ("ferritin.low=NaN", "no finite number"),
        ("ferritin.low=900", "allowed: "),
        ("feritin.low=50", "did you mean ferritin.low?"),
        ("esrd_vitc=perhaps", "allowed: "),
    ],
)
def test_a_change_that_cannot_be_is_told(change: str, told: str) -> None:
    with pytest.raises((BadRecipe, BadKnowledge), match="--set") as fault:
        known_by(Recipe(_NOW, changes=(change,)))
    assert told in str(fault.value)


def site(folder: Path, value: str) -> Path:
    file = folder / f"site-{value}.toml"
    entry = f'value = "{value}"\nreplaces = "75"\nreason = "a trial of the ward"\ndate = 2026-06-01\n'
    file.write_text(f'[thresholds."ferritin.low"]\n{entry}')
    return file


def test_a_site_file_stands_in_place_of_the_sites_own(tmp_path: Path) -> None:
    config = tmp_path / "rls-cds.toml"
    config.write_text(f'[site]\noverrides = "{site(tmp_path, "60")}"\n')
    known = known_by(Recipe(_NOW, config=config, site_file=site(tmp_path, "50")))
    other = known.question.what_if
    assert other is not None
    assert str(known.question.rules.limit("ferritin.low").value) == "60"
    assert str(other.limit("ferritin.low").value) == "50"
    changed = known_by(Recipe(_NOW, config=config, changes=("ferritin.low=55",))).question.what_if
    assert changed is not None
    assert str(changed.limit("ferritin.low").national) == "75"


def test_a_faulty_site_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadKnowledge, match=r"site-900\.toml"):
        known_by(Recipe(_NOW, site_file=site(tmp_path, "900")))


def test_a_client_that_is_none() -> None:
    with pytest.raises(BadRecipe, match="nobody is no client; configured: "):
        known_by(Recipe(_NOW, client="nobody"))
