"""The tables themselves: value sets that follow from them, valid FHIR, no code twice, honest counts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from fhir.resources.R4B.valueset import ValueSet as FhirValueSet

from cards.drugs.ingredients import ingredients
from cards.drugs.products import product_of_code
from cards.drugs.recognise import recognise
from cards.drugs.telling import Telling, telling_of
from cards.knowledge.code_systems import ATC
from cards.knowledge.valuesets import load_valueset, valueset_names
from tests.unit.cards.drugs.regenerate import (
    LABEL_PRODUCTS,
    PRODUCTS,
    VALUESETS,
    label_products,
    products_csv,
    valuesets,
)


def test_the_value_sets_follow_from_the_ingredients() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in VALUESETS.glob("drug-*.json")}
    assert written == valuesets(), "run: python -m tests.unit.cards.drugs.regenerate"


def test_the_products_follow_from_the_list(shared: Path) -> None:
    """Only where that list is at hand: nobody needs it to add a drug."""
    made = products_csv(shared / "data" / "rxnorm-prescribables.json")
    assert PRODUCTS.read_text(encoding="utf-8") == made, "run: python -m tests.unit.cards.drugs.regenerate NAMES"


def test_every_value_set_is_valid_fhir_and_says_where_its_codes_are_from() -> None:
    names = [name for name in valueset_names() if name.startswith("drug-")]
    assert len(names) > 45
    for name in names:
        FhirValueSet.model_validate(json.loads((VALUESETS / f"{name}.json").read_text(encoding="utf-8")))
        assert all(member.source for member in load_valueset(name).codes.values()), name


def test_no_code_belongs_to_two_ingredients() -> None:
    counted = Counter(code for each in ingredients().values() for code in each.codes)
    assert [code for code, number in counted.items() if number > 1] == []


@pytest.mark.parametrize("file", [PRODUCTS, LABEL_PRODUCTS], ids=lambda file: file.name)
def test_every_product_row_can_be_read_and_names_known_ingredients(file: Path) -> None:
    codes = codes_of(file)
    assert codes == sorted(codes, key=int)
    for code in codes:
        row = product_of_code(code)
        assert row is not None, code
        assert row.ingredients, code
        assert row.count >= len({amount.ingredient for amount in row.ingredients}), code
        assert [each.ingredient for each in row.ingredients if each.ingredient not in ingredients()] == [], code


def test_no_product_stands_in_two_rows() -> None:
    counted = Counter((*codes_of(PRODUCTS), *codes_of(LABEL_PRODUCTS)))
    assert len(counted) > 3500
    assert [code for code, number in counted.items() if number > 1] == []


def test_every_product_written_by_hand_has_a_source() -> None:
    assert [line["rxcui"] for line in label_products() if not line["source"]] == []


def codes_of(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as table:
        return [line["rxcui"] for line in csv.DictReader(line for line in table if not line.startswith("#"))]


def test_every_ingredient_of_iron_says_how_much_of_it_is_iron_or_that_it_cannot_be_told() -> None:
    untold = {name for name, each in ingredients().items() if "iron-oral" in each.classes and each.iron is None}
    assert untold == {
        *("ferrous glycine sulfate", "ferrous succinate", "ferrous ascorbate", "sodium feredetate"),
        *("ferric ammonium citrate", "iron bile salts", "ferrous salt"),
    }


#: Told by code and name as two different things: an iron by mouth that has the name of one by vein.
TWO_THINGS = {"B03AB02"}


def members() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "atc_members.csv").read_text(encoding="utf-8").splitlines()
    return [(line["code"], line["name"]) for line in csv.DictReader(lines[1:])]


def test_the_table_of_members_holds_every_group_that_is_taken_whole() -> None:
    groups = {code for each in ingredients().values() for system, code in each.codes if system == ATC and len(code) < 7}
    without = {group for group in groups if not any(code.startswith(group) for code, _ in members())}
    assert without == {"B03AC"}  # the index names no members of iron by vein


@pytest.mark.parametrize(("code", "name"), [each for each in members() if each[0] not in TWO_THINGS])
def test_a_member_of_a_group_of_ours_is_the_same_by_code_and_by_name(code: str, name: str) -> None:
    """A name may be unknown, as that of a combination; it is never another drug."""
    by_code, by_name = recognise({"coding": [{"system": ATC, "code": code}]}), recognise({"text": name})
    assert by_code or not by_name
    kinds = by_code.classes if by_code else frozenset()
    assert kinds <= (by_name.classes if by_name else frozenset()) or telling_of({"text": name}) is Telling.UNKNOWN
