"""The tables themselves: value sets that follow from them, valid FHIR, no code twice, honest counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from fhir.resources.R4B.valueset import ValueSet as FhirValueSet

from cards.drugs.ingredients import ingredients
from cards.drugs.products import product_codes, product_of_code
from cards.valuesets import load_valueset, valueset_names
from tests.drugs.regenerate import LIST, PRODUCTS, VALUESETS, products_csv, valuesets


def test_the_value_sets_follow_from_the_ingredients() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in VALUESETS.glob("drug-*.json")}
    assert written == valuesets(), "run: python -m tests.drugs.regenerate"


def test_the_products_follow_from_the_list(shared: Path) -> None:
    assert LIST.is_file()
    assert PRODUCTS.read_text(encoding="utf-8") == products_csv(), "run: python -m tests.drugs.regenerate"


def test_every_value_set_is_valid_fhir_and_says_where_its_codes_are_from() -> None:
    names = [name for name in valueset_names() if name.startswith("drug-")]
    assert len(names) > 45
    for name in names:
        FhirValueSet.model_validate(json.loads((VALUESETS / f"{name}.json").read_text(encoding="utf-8")))
        assert all(member.source for member in load_valueset(name).codes.values()), name


def test_no_code_belongs_to_two_ingredients() -> None:
    counted = Counter(code for each in ingredients().values() for code in each.codes)
    assert [code for code, number in counted.items() if number > 1] == []


def test_every_product_row_can_be_read_and_names_known_ingredients() -> None:
    codes = product_codes()
    assert len(codes) == len(set(codes))
    for code in codes:
        row = product_of_code(code)
        assert row is not None
        assert row.ingredients
        assert row.count >= len({amount.ingredient for amount in row.ingredients})
        assert all(amount.ingredient in ingredients() for amount in row.ingredients)


def test_every_ingredient_of_iron_says_how_much_of_it_is_iron_or_that_it_cannot_be_told() -> None:
    untold = {name for name, each in ingredients().items() if "iron-oral" in each.classes and each.iron is None}
    assert untold == {
        *("ferrous glycine sulfate", "ferrous succinate", "ferrous ascorbate", "sodium feredetate"),
        *("ferric ammonium citrate", "iron bile salts"),
    }
