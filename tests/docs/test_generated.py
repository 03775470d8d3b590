"""The generated pages are as fresh as what they are made from, and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from cards.knowledge.valuesets import valueset_names
from cds_service.config.load import load_settings
from cds_service.knowledge.load import national_rules
from cds_service.server.demo import demo_app
from tests.docs.generate import FOLDER, PAGES, main, written
from tests.docs.paths import DOCS


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_fresh_as_what_it_is_made_from(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == written(name), "run: python -m tests.docs.generate"


def test_one_command_writes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.docs.generate.FOLDER", tmp_path)
    assert main() == 0
    assert {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_every_table_is_whole(name: str) -> None:
    for block in (FOLDER / name).read_text(encoding="utf-8").split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, rows[:2]


def test_every_card_and_value_set_is_listed() -> None:
    cards = (FOLDER / "reference" / "cards.md").read_text(encoding="utf-8")
    assert all(f"**{card}**" in cards for each in national_rules().decisions.values() for card in each.cards)
    sets = (FOLDER / "reference" / "value-sets.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in sets for name in valueset_names())


def served() -> Flask:
    return demo_app(load_settings(None, {"RLS_CDS_DATABASE_URL": ""}, demo=True, options={}))


def test_every_address_that_is_served_is_described() -> None:
    page = (FOLDER / "reference" / "http.md").read_text(encoding="utf-8")
    for rule in served().url_map.iter_rules():
        place = re.sub(r"<(?:service_)?(\w+)>", r"{\1}", rule.rule)
        if place != "/":  # leads to the console
            shown = next((top for top in ("/console", "/fhir") if place.startswith(top)), f"{place}`")
            assert f" {shown}" in page, rule.rule


def test_every_id_of_the_checklist_is_a_row_of_the_protocol_and_the_other_way_round() -> None:
    listed = re.findall(
        r"^\| \[(\w-\d\d)\]", (FOLDER / "reference" / "protocol-checklist.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    described = re.findall(
        r"^\| (\w-\d\d) \{", (DOCS / "reference" / "protocol.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(listed) == 220 and sorted(listed) == sorted(described)
