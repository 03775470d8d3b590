"""Decision files: every fault is named at once, with file, place and next step."""

from __future__ import annotations

from importlib.resources import files

import pytest

from cards.knowledge.rules import BadKnowledge
from cds_service.knowledge.load import checked_rules

SOURCES = {
    entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
    for entry in (files("cards") / "decisions").iterdir()
    if entry.name.endswith(".toml")
}
CITATIONS = (files("cards") / "knowledge" / "citations.toml").read_text(encoding="utf-8")
IRON = SOURCES["iron_status"]


def faults(*changes: tuple[str, str], decision: str = "iron_status", citations: str = CITATIONS) -> tuple[str, ...]:
    """Return the faults of the shipped files with these changes in one of them."""
    text = SOURCES[decision]
    for found, put in changes:
        assert found in text, found
        text = text.replace(found, put, 1)
    try:
        checked_rules({**SOURCES, decision: text}, citations)
    except BadKnowledge as fault:
        return fault.faults
    return ()


def test_the_shipped_files_have_no_fault() -> None:
    assert faults() == ()


#: The first threshold of iron_status.toml.
LOW = '[thresholds."ferritin.low"]\nvalue = "75"'
CASES = {
    "a value without quotes": (LOW, LOW.replace('"75"', "75"), 'thresholds."ferritin.low".value: found 75; allowed:'),
    "no value": (LOW, LOW.replace('value = "75"', ""), 'thresholds."ferritin.low".value: found nothing; allowed:'),
    "a slip of the pen": (LOW, f'{LOW}\nmeening = "x"', '.meening: found a name that is none; allowed: value, unit'),
    "a table that is none": ("[because]", "[becuase]", "becuase: found a name that is none"),
    "a certainty that is none": ('certainty = "retrieved"', 'certainty = "sure"', "certainty: found 'sure'; allowed:"),
    "outside its own range": ('range = ["50", "100"]', 'range = ["80", "100"]', ".range: does not hold the value 75"),
    "a range upside down": ('range = ["50", "100"]', 'range = ["100", "50"]', "is upside down"),
    "not a step": (LOW, LOW.replace("75", "75.01"), "cannot be reported in steps of 0.1"),
    "an unknown source": ('citation = "aasm-2025"\ncertainty', 'citation = "nobody-1999"\ncertainty',
                          "citation: nobody-1999 is not in cards/knowledge/citations.toml"),
    "a source of the past that is unknown": ('citation = "irlssg-2018" },', 'citation = "nobody" },',
                                             ".history[0].citation: nobody is not in"),
    "surer than its source": ('citation = "irlssg-2018"\ncertainty = "quoted"',
                              'citation = "irlssg-2018"\ncertainty = "retrieved"', "is better than that of its source"),
    "a history that ends elsewhere": ('since = 2025-01-01, value = "75"', 'since = 2025-01-01, value = "50"',
                                      ".history: the last entry is not today's value"),
    "a history without order": ("since = 2018-01-01", "since = 2026-01-01", ".history: days do not rise"),
    "a day in quotes": ("since = 2018-01-01", 'since = "2018-01-01"', "write the day without quotes"),
    "another unit": ('unit = "ng/mL"', 'unit = "nmol/L"', ".unit: found nmol/L; allowed: ng/mL"),
    "an analyte that is none": ('analyte = "ferritin"', 'analyte = "ferritine"', ".analyte: ferritine is not in"),
    "a part of a day": ('value = "365"\nunit = "d"', 'value = "365.5"\nunit = "d"', "months and years are not divided"),
    "a choice that is none": ('default = "info"', 'default = "loud"', ".default: loud is none of its choices"),
    "a limit that is not there": ("{limit_ferritin_low}", "{limit_ferritin_lo}",
                                  "{limit_ferritin_lo} names no threshold"),
    "a fact that is not there": ("{ferritin}", "{feritin}", "{feritin} is no fact of this decision"),
    "a form of its own": ("{ferritin}", "{ferritin:10}", "{ferritin} has a form of its own"),
    "a member of a fact": ("{ferritin}", "{ferritin.reference}", "{ferritin.reference} has a form of its own"),
    "braces that do not pair": ("{ferritin}", "{ferritin", "braces that do not pair"),
    "an order that is none": ('"ferritin", "iron-panel"', '"feritin", "iron-panel"', "orders: feritin is no test of"),
    "a hook that is none": ('hooks = ["patient-view"]', 'hooks = ["patient-viev"]', "hooks[0]: found 'patient-viev'"),
    "a card id in small letters": ("[cards.IRON-MID]", "[cards.iron-mid]", "cards: found 'iron-mid'"),
    "a tag": ("RLS without usable iron studies", "RLS without <b>usable</b> iron studies", "without < and >"),
    "no TOML": ('title = "', "title = ", "cards/decisions/iron_status.toml: not TOML"),
    "a band upside down": ('[thresholds."ferritin.mid"]\nvalue = "100"',
                           '[thresholds."ferritin.mid"]\nvalue = "74"', "does not hold the value 74"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "put", "says"), CASES.values(), ids=CASES)
def test_a_fault_is_named_with_file_and_place(found: str, put: str, says: str) -> None:
    named = faults((found, put))
    assert any(says in fault for fault in named), named
    assert all(fault.startswith("cards/decisions/iron_status.toml: ") for fault in named)


def test_every_fault_is_named_at_once() -> None:
    chosen = ("outside its own range", "a choice that is none", "a fact that is not there")
    assert len(faults(*(CASES[name][:2] for name in chosen))) == len(chosen)


def test_a_text_that_names_another_side_than_its_limit_is_refused() -> None:
    """Also in the files of other decisions: who turns a side hears of every text that says otherwise."""
    turned = faults(('analyte = "ferritin"\nside = "at or below"', 'analyte = "ferritin"\nside = "below"'))
    assert {fault.split(":")[0] for fault in turned} == {
        "cards/decisions/iron_status.toml",
        "cards/decisions/iron_order.toml",
    }
    assert (
        "cards/decisions/iron_status.toml: cards.IRON-LOW.rule: 'at or below {limit_ferritin_low}': the side of this "
        "limit is 'below'; allowed: below, under, less than, at or above, at least; correct the words or the side"
    ) in turned
    (reworded,) = faults(("ferritin at or below {limit_ferritin_low}", "ferritin under {limit_ferritin_low}"))
    assert "'under {limit_ferritin_low}': the side of this limit is 'at or below'" in reworded


def test_a_name_defined_in_two_files_is_refused() -> None:
    twice = SOURCES["folate"] + '\n[switches.lithium]\ndefault = "true"\nchoices = ["true", "false"]\nmeaning = "x"\n'
    with pytest.raises(BadKnowledge) as raised:
        checked_rules({**SOURCES, "folate": twice}, CITATIONS)
    assert raised.value.faults == (
        "cards/decisions/folate.toml: switches.lithium: already defined in cards/decisions/aggravators.toml; keep one",
    )


def test_bands_of_two_thresholds_are_in_order() -> None:
    up = (
        ('value = "20"', 'value = "30"'),
        ('range = ["12", "20"]', 'range = ["12", "30"]'),
        ('value = "20"', 'value = "30"'),
    )
    assert faults(*up, decision="vitamin_d") == ()
    higher = (
        ('value = "20"', 'value = "31"'),
        ('range = ["12", "20"]', 'range = ["12", "31"]'),
        ('value = "20"', 'value = "31"'),
    )
    assert faults(*higher, decision="vitamin_d") == (
        "cards/decisions: vitd.def (31) lies above vitd.insufficient (30) ng/mL; set them in this order",
    )


@pytest.mark.parametrize(
    ("put", "says"),
    [
        ('url = "http://doi.org/10.5664/jcsm.11390"', "aasm-2025.url: found 'http://doi.org"),
        ("", "aasm-2025.url: found nothing"),
        ("url = ", "cards/knowledge/citations.toml: not TOML"),
    ],
)
def test_faults_of_the_sources_are_named(put: str, says: str) -> None:
    changed = CITATIONS.replace('url = "https://doi.org/10.5664/jcsm.11390"', put, 1)
    assert any(says in fault for fault in faults(citations=changed))


def test_only_the_projects_own_source_has_no_address() -> None:
    checked_rules(SOURCES, CITATIONS)
    assert "url" not in CITATIONS.partition("[ours]")[2].partition("\n[")[0]
