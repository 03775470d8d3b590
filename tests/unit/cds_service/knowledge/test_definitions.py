"""The definitions file: every fault is named, and the definitions are listed with the rules."""

from __future__ import annotations

import base64
import json

import pytest

from cards.knowledge.definitions import definitions, text_of_definitions
from cards.knowledge.rules import BadKnowledge
from cds_service.knowledge.checks import parse_citations
from cds_service.knowledge.definitions import definition_faults
from cds_service.knowledge.listing import as_markdown, as_table
from cds_service.knowledge.load import checked_rules, national_rules
from tests.builders.knowledge import exported_text
from tests.unit.cds_service.knowledge.test_files import CITATIONS, SOURCES

FIRST = '["newborn.days"]\nvalue = "28"'
SULFATE = 'value = "0.315"\nunit = "mg/mg"\nside = "is"\nstep = "0.001"'
OF_LABEL = 'citation = "picchietti-2015"\ncertainty = "unverified"'


def test_the_shipped_files_have_no_fault() -> None:
    assert definition_faults(parse_citations(CITATIONS)) == ()


@pytest.mark.parametrize(
    ("found", "put", "fault"),
    [
        (FIRST, FIRST.replace('"28"', "28"), '"newborn.days".value: found 28; allowed: a number in quotes'),
        (FIRST, FIRST.replace('value = "28"', ""), '"newborn.days".value: found nothing; allowed:'),
        (FIRST, f'{FIRST}\nmeening = "x"', ".meening: found a name that is none; allowed: value, unit"),
        (FIRST, FIRST.replace("newborn", "New born"), "allowed: a name in lower-case letters"),
        (FIRST, FIRST.replace("28", "28.5"), '"newborn.days".value: 28.5 d; these are not divided'),
        ('side = "below"', 'side = "under"', "side: found 'under'; allowed: below, up to"),
        ("since = 2026-11-25", 'since = "2026-11-25"', "write the day without quotes"),
        ('citation = "ours"', 'citation = "nobody-1999"', "nobody-1999 is not in cards/knowledge/citations.toml"),
        (OF_LABEL, OF_LABEL.replace("unverified", "retrieved"), "is better than that of its source"),
        (SULFATE, SULFATE.replace("0.001", "0.01"), "0.315 cannot be reported in steps of 0.01"),
        (SULFATE, SULFATE.replace("0.001", "0"), "cannot be reported in steps of 0;"),
        ('reviewer = "awaits a physician"\n', "", '"newborn.days".reviewer: found nothing'),
        (FIRST, "[", "cards/knowledge/definitions.toml: not TOML"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_to_do(found: str, put: str, fault: str) -> None:
    text = text_of_definitions()
    assert found in text
    faults = definition_faults(parse_citations(CITATIONS), text.replace(found, put, 1))
    assert any(each.startswith("cards/knowledge/definitions.toml: ") and fault in each for each in faults), faults


def test_a_file_that_defines_nothing_is_refused() -> None:
    (fault,) = definition_faults(parse_citations(CITATIONS), "")
    assert fault.startswith("cards/knowledge/definitions.toml: the file: found {}; allowed: tables of definitions")


@pytest.mark.parametrize("citations", ["[", '[ours]\nlabel = ""'])
def test_sources_that_cannot_be_read_are_named_once_by_their_own_check(citations: str) -> None:
    assert definition_faults(parse_citations(citations)) == ()


def test_a_fault_stops_the_start_together_with_those_of_the_other_files() -> None:
    spoilt = text_of_definitions().replace(FIRST, FIRST.replace("28", "28.5"))
    decisions = {**SOURCES, "iron_status": SOURCES["iron_status"].replace('value = "75"', "value = 75", 1)}
    with pytest.raises(BadKnowledge) as raised:
        checked_rules(decisions, CITATIONS, spoilt)
    places = {fault.split(":")[0] for fault in raised.value.faults}
    assert places == {"cards/decisions/iron_status.toml", "cards/knowledge/definitions.toml"}


def test_every_definition_is_listed_with_its_value_meaning_and_source() -> None:
    rules = national_rules()
    table, page = as_table(rules), as_markdown(rules)
    for each in definitions().values():
        assert each.name in table and each.meaning in table
        assert f"| `{each.name}` |" in page and each.meaning in page
    assert "below 28 days" in table and "| below 28 days |" in page
    assert "| 0.315 mg/mg |" in page
    assert f"{len(definitions())} definitions" in page


@pytest.mark.slow
def test_the_export_holds_the_file() -> None:
    bundle = json.loads(exported_text())
    (library,) = (each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Library")
    (held,) = (each["data"] for each in library["content"] if each["title"] == "knowledge/definitions.toml")
    assert base64.b64decode(held).decode("utf-8") == text_of_definitions()
