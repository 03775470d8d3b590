"""Each kind of fact has one form in print (product page, section 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cards.dates import PartialDate, parse_partial_date
from cards.facts.chart import Draft, Gap
from cards.facts.drugs import Amount, Drug, Product
from cards.facts.finding import Fact
from cards.facts.results import LabResult, UnusableResult
from cards.quantity import Quantity
from cards.wording.render import (
    Words,
    display_name,
    draft_in_short,
    fill,
    in_full_once,
    inline,
    render_draft,
    render_gap,
    render_quantity,
    render_site_limit,
    shorten,
    why_line,
    wording,
)
from cds_service.knowledge.load import national_rules

RULES = national_rules()


def on(text: str) -> PartialDate:
    found = parse_partial_date(text, UTC)
    assert found
    return found


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (Gap("absent"), "not sent"),
        (Gap("status", status=503), "the read failed with status 503"),
        (Gap("cut", read=20), "20 read, there are more"),
        (Gap("cut", read=20, total=66), "20 of 66 read"),
        (Gap("cut-elsewhere", read=20), "20 read, the next page leads elsewhere"),
        (Gap("cut-elsewhere", read=20, total=66), "20 of 66 read, the next page leads elsewhere"),
        (Gap("deadline", read=20, total=66), "20 of 66 read, the rest: not read in time"),
        (Gap("status", status=410, read=0), "0 read, the rest: the read failed with status 410"),
    ],
)
def test_why_a_list_was_not_read_to_its_end(gap: Gap, words: str) -> None:
    assert render_gap(gap) == words


def test_every_cause_has_words_with_and_without_numbers() -> None:
    """A list that was cut always has the number of its entries; `-of` is the form for where the total is known."""
    for why in (each for each in wording()["gaps"] if not each.endswith("-of")):
        gaps = [Gap(why, 404, 20, 66), Gap(why, 404, 20), *([] if why.startswith("cut") else [Gap(why, 404)])]
        for words in map(render_gap, gaps):
            assert words and "{" not in words and "None" not in words, why


FERRITIN = LabResult("ferritin", Quantity(Decimal("38.0"), "ng/mL"), on("2026-05-20"))
IRON = LabResult("iron", Quantity(Decimal("40"), "ug/dL"), on("2026-05-20"))
TIBC = LabResult("tibc", Quantity(Decimal("400"), "ug/dL"), on("2026-05-20"))
TSAT = LabResult("tsat", Quantity(Decimal("10.0"), "%"), on("2026-05-20"), how="calculated", parts=(IRON, TIBC))
SULFATE = Product((Amount("ferrous sulfate"),), frozenset({"iron-oral"}), "ferrous sulfate 325 mg oral tablet")
COURSE = Drug(SULFATE, start=on("2026-04-01"))


@pytest.mark.parametrize(
    ("value", "unit", "comparator", "words"),
    [
        ("38.0", "ng/mL", "", "38 ng/mL"),
        ("38.50", "ng/mL", "", "38.5 ng/mL"),
        ("100", "ng/mL", "", "100 ng/mL"),
        ("5", "ng/mL", "<", "below 5 ng/mL"),
        ("5", "ng/mL", "<=", "at most 5 ng/mL"),
        ("1500", "ng/mL", ">", "above 1500 ng/mL"),
        ("1500", "ng/mL", ">=", "at least 1500 ng/mL"),
        ("7", "", "", "7"),
    ],
)
def test_a_quantity(value: str, unit: str, comparator: str, words: str) -> None:
    assert render_quantity(Quantity(Decimal(value), unit, comparator)) == words


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (FERRITIN, "38 ng/mL (2026-05-20)"),
        (UnusableResult("ferritin", "preliminary"), None),
        (RULES.limit("ferritin.low"), "75 ng/mL"),
        (Quantity(Decimal("2.50"), "mg"), "2.5 mg"),
        (on("2026-05"), "2026-05"),
        (COURSE, "ferrous sulfate 325 mg oral tablet"),
        (Draft("MedicationRequest/1", drug=COURSE), "ferrous sulfate 325 mg oral tablet"),
        (Draft("ServiceRequest/1", tests=frozenset({"iron-panel", "ferritin"})), "ferritin and iron panel"),
        (date(2026, 6, 15), "2026-06-15"),
        (Decimal("12.50"), "12.5"),
        (3, "3"),
        ("woman, 62", "woman, 62"),
    ],
)
def test_a_fact_inside_a_sentence(fact: Fact, words: str | None) -> None:
    said = inline(fact)
    assert said == words if words else said.startswith("Ferritin: ")


@pytest.mark.parametrize(
    ("name", "fact", "line"),
    [
        ("ferritin", FERRITIN, "Ferritin 38 ng/mL (2026-05-20)"),
        ("ferritin", replace(FERRITIN, status="amended"), "Ferritin 38 ng/mL (2026-05-20, amended)"),
        (
            "ferritin",
            replace(FERRITIN, how="converted", reported=Quantity(Decimal("85.4"), "pmol/L")),
            "Ferritin 38 ng/mL (2026-05-20, reported as 85.4 pmol/L)",
        ),
        (
            "tsat",
            TSAT,
            "Transferrin saturation (TSAT) 10 % (2026-05-20, calculated from serum iron 40 ug/dL and "
            "total iron-binding capacity 400 ug/dL)",
        ),
        ("therapy", COURSE, "ferrous sulfate 325 mg oral tablet, since 2026-04-01"),
        ("therapy", replace(COURSE, start=None), "ferrous sulfate 325 mg oral tablet, start not recorded"),
        (
            "last_iv",
            replace(COURSE, start=None, given_on=on("2026-04-17")),
            "ferrous sulfate 325 mg oral tablet, 2026-04-17",
        ),
        ("drug_2", COURSE, "ferrous sulfate 325 mg oral tablet, since 2026-04-01"),
        ("person", "woman, 62", "Woman, 62"),
    ],
)
def test_a_line_of_the_why(name: str, fact: Fact, line: str) -> None:
    said = why_line(name, fact)
    if isinstance(fact, Drug):
        label, _, said = said.partition(": ")
        assert label
    assert said == line


def test_a_result_that_an_assay_factor_moved_names_the_number_before_it() -> None:
    line = why_line("ferritin", replace(FERRITIN, raw=Quantity(Decimal("45.0"), "ng/mL")))
    assert line.startswith("Ferritin 38 ng/mL (2026-05-20, ")
    assert "45 ng/mL" in line


@pytest.mark.parametrize(
    ("result", "begins"),
    [
        (UnusableResult("ferritin", "preliminary"), "Ferritin: "),
        (UnusableResult("ferritin", "preliminary", on("2026-05-20")), "Ferritin of 2026-05-20: "),
        (
            UnusableResult("ferritin", "preliminary", on("2026-05-20"), Quantity(Decimal("38.0"), "ng/mL")),
            "Ferritin 38 ng/mL of 2026-05-20: ",
        ),
    ],
)
def test_a_result_that_cannot_be_used_says_why(result: UnusableResult, begins: str) -> None:
    line = why_line("ferritin", result)
    assert line.startswith(begins)
    assert len(line) > len(begins) + 10


def test_an_analyte_begins_a_line_with_a_capital() -> None:
    named = {name: display_name(name) for name in ("ferritin", "tsat", "b12", "vitd")}
    assert named == {
        "ferritin": "Ferritin",
        "tsat": "Transferrin saturation (TSAT)",
        "b12": "Vitamin B12",
        "vitd": "25-hydroxyvitamin D",
    }


@pytest.mark.parametrize(
    ("names", "classes", "short"),
    [
        (("ferrous sulfate",), {"iron-oral"}, "ferrous sulfate"),
        (("carbidopa", "levodopa"), {"levodopa"}, "carbidopa / levodopa"),
        (("ropinirole", "levodopa", "pyridoxine"), set(), "ropinirole / levodopa / pyridoxine"),
        (("ropinirole", "carbidopa", "levodopa", "pyridoxine"), set(), "multi-ingredient product"),
        (("ferrous sulfate",), {"multi-ingredient"}, "multi-ingredient product"),
        ((), set(), "the whole name"),
    ],
)
def test_an_order_in_a_summary(names: tuple[str, ...], classes: set[str], short: str) -> None:
    product = Product(tuple(Amount(name) for name in names), frozenset(classes), "the whole name")
    assert draft_in_short(Draft("MedicationRequest/1", drug=Drug(product))) == short


def test_a_laboratory_order_is_named_by_its_tests() -> None:
    order = Draft("ServiceRequest/1", tests=frozenset({"tsat", "iron-panel"}))
    assert draft_in_short(order) == render_draft(order) == "iron panel and tsat"


# --- templates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (" Ferritin {ferritin}. ", "Ferritin 38 ng/mL (2026-05-20)."),
        ("{ferritin_value} on {ferritin_date}", "38 ng/mL on 2026-05-20"),
        ("below {limit_ferritin_low}", "below 75 ng/mL"),
        ("{last_iv} {last_iv_days}", "2026-04-17 12"),
    ],
)
def test_a_template_names_facts_their_parts_and_limits(template: str, text: str) -> None:
    facts: dict[str, Fact] = {"ferritin": FERRITIN, "last_iv": on("2026-04-17"), "last_iv_days": 12}
    assert fill(template, facts, RULES) == text


def test_the_words_of_a_template_are_those_of_its_facts() -> None:
    words = Words({"ferritin": FERRITIN, "days": 3}, RULES)
    assert (dict(words), len(words)) == ({"ferritin": "38 ng/mL (2026-05-20)", "days": "3"}, 2)


@pytest.mark.parametrize("template", ["{tsat}", "{last_iv_value}", "{ferritin_unit}", "{limit_nothing}", "{days_date}"])
def test_a_template_that_names_what_is_not_there_is_a_fault(template: str) -> None:
    with pytest.raises(KeyError):
        fill(template, {"ferritin": FERRITIN, "last_iv": on("2026-04-17"), "days": 3}, RULES)


@pytest.mark.parametrize(("name", "words"), [("iron_days", "days"), ("adult_age", "years"), ("tsat.low", "%")])
def test_a_limit_of_time_is_in_whole_words(name: str, words: str) -> None:
    found = next((each for each in RULES.thresholds if each == name), None)
    if found:
        assert inline(RULES.limit(name)).split(" ", 1)[1] == words


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({}, ("75 ng/mL", "75 ng/mL")),
        ({"value": Decimal(50), "national": Decimal(75), "national_unit": "ng/mL"}, ("50 ng/mL", "75 ng/mL")),
        (
            {"value": Decimal(112), "unit": "pmol/L", "national": Decimal(75), "national_unit": "ng/mL"},
            ("112 pmol/L", "75 ng/mL"),
        ),
    ],
)
def test_a_limit_of_the_site_names_the_national_one(own: dict[str, Any], words: tuple[str, str]) -> None:
    limit = replace(RULES.limit("ferritin.low"), site_date=date(2026, 1, 31), **own)
    sentence = render_site_limit(limit)
    assert [word in sentence for word in (*words, "2026-01-31", limit.meaning)] == [True] * 4
    assert "None" not in render_site_limit(replace(limit, site_date=None))


# --- length ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("summary", "short"),
    [
        ("a " * 69 + "b", "a " * 69 + "b"),
        ("a" * 139, "a" * 139),
        ("a" * 136 + " bbbb", "a" * 136 + " …"),
        ("a" * 137 + " bbbb", "a" * 137 + " …"),
        ("a" * 130 + " bbb, cccccc dd", "a" * 130 + " bbb …"),
        ("a" * 130 + " bbb; cccccc dd", "a" * 130 + " bbb …"),
        ("a" * 130 + " bbb: cccccc dd", "a" * 130 + " bbb …"),
        ("😀" * 68 + " aa aaaa", "😀" * 68 + " …"),
        ("a" * 100 + "  " + "b" * 30 + "\n" + "c" * 30, "a" * 100 + "  …"),
    ],
)
def test_a_summary_is_cut_between_words(summary: str, short: str) -> None:
    assert shorten(summary) == short
    assert len(shorten(summary).encode("utf-16-le")) // 2 <= 139


def test_a_moment_with_a_time_is_printed_as_its_day() -> None:
    at = parse_partial_date("2026-05-20T08:00:00Z", UTC)
    assert at and at.at == datetime(2026, 5, 20, 8, tzinfo=UTC)
    assert inline(replace(FERRITIN, when=at)) == "38 ng/mL (2026-05-20)"


@pytest.mark.parametrize(
    ("detail", "printed"),
    [
        ("- TSAT first.\n- Then TSAT.", "- Transferrin saturation (TSAT) first.\n- Then TSAT."),
        ("Order TSAT.\n\n- Transferrin saturation (TSAT) 24 %", "Order transferrin saturation (TSAT).\n\n- TSAT 24 %"),
        ("**Rule:** TSAT is low", "**Rule:** Transferrin saturation (TSAT) is low"),
        ("needs transferrin saturation", "needs transferrin saturation (TSAT)"),
        ("Ferritin alone", "Ferritin alone"),
    ],
)
def test_an_abbreviation_is_written_out_where_it_first_stands(detail: str, printed: str) -> None:
    assert in_full_once(detail) == printed
    assert in_full_once(printed) == printed
