"""The ViewDefinitions: seven of them, with the codes of the value sets."""

from __future__ import annotations

import json
import re

import pytest

from cards.knowledge.valuesets import load_valueset, valueset_names
from cds_service.offline.screening.sql.views import DIAGNOSES, codes_of, view_definitions


def test_there_are_seven_each_of_its_own_type() -> None:
    views = view_definitions()
    assert [view["resource"] for view in views.values()] == [
        "Patient", "Condition", "Observation", "MedicationRequest", "Procedure", "ServiceRequest", "AllergyIntolerance",
    ]  # fmt: skip
    for name, view in views.items():
        assert view["name"] == name and view["url"].endswith(name)
        columns = [column["name"] for part in view["select"] for column in part["column"]]
        assert len(columns) == len(set(columns)) and columns[0] == "id"


@pytest.mark.parametrize(
    ("view", "sets"),
    [
        ("rls_condition", DIAGNOSES),
        ("rls_lab", [name for name in valueset_names() if name.startswith("lab-")]),
        ("rls_order", [name for name in valueset_names() if name.startswith("order-")]),
    ],
)
def test_a_view_holds_every_code_of_its_value_sets_and_no_other(view: str, sets: list[str]) -> None:
    path = view_definitions()[view]["select"][1]["forEach"]
    held = [load_valueset(name) for name in sets]
    codes = {code for each in held for _, code in (*each.codes, *each.categories)}
    assert set(re.findall(r"code = '([^']*)'", path)) == codes


def test_or_is_nested_as_little_as_can_be() -> None:
    """A runner gives up on hundreds of operators one inside the other."""
    path = view_definitions()["rls_lab"]["select"][1]["forEach"]
    depth = deepest = 0
    for sign in path:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    assert deepest < 12 and depth == 0


def test_drugs_are_known_by_their_products_too() -> None:
    rxnorm = {code for system, code in codes_of("drug-iron-oral") if "rxnorm" in system}
    assert {"24947", "310325"} <= rxnorm  # the salt, and a tablet of it
    assert "310431" not in rxnorm  # gabapentin


def test_a_quote_in_a_code_ends_no_string() -> None:
    from cds_service.offline.screening.sql.views import _quoted

    assert _quoted("a'b\\c") == "a\\'b\\\\c"


def test_views_are_json() -> None:
    assert json.loads(json.dumps(dict(view_definitions()))) == view_definitions()
