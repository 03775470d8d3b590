"""A code that exists in one edition of ICD-10 only tells the edition, whatever address it is sent under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.knowledge.code_systems import (
    ICD_9_CM,
    ICD_10,
    ICD_10_AM,
    ICD_10_CM,
    ICD_10_GM,
    ICD_SYSTEMS,
    LOINC,
    SNOMED,
    plain_code,
)
from cards.knowledge.icd_editions import edition_of, one_edition_codes
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.reading.diagnoses import diagnosis_index

EVERY_ADDRESS = (ICD_10, ICD_10_CM, ICD_10_GM, ICD_10_AM)


@pytest.mark.parametrize("address", EVERY_ADDRESS)
@pytest.mark.parametrize(
    "code",
    ["E83.110", "E83.111", "E83.118", "E83.119", "E83110", "N18.6", "N18.30", "N18.31", "N18.32", "D75.A", "Z3A.20",
     "O9A.21", "e83.110"],
)  # fmt: skip
def test_a_code_of_icd_10_cm_alone_is_one_under_every_address(address: str, code: str) -> None:
    assert edition_of(address, code) == ICD_10_CM


@pytest.mark.parametrize(
    ("address", "code", "edition"),
    [
        (ICD_10, "G25.81", ICD_10_CM),
        (ICD_10_CM, "G25.81", ICD_10_CM),
        (ICD_10_GM, "G25.81", ICD_10_GM),
        (ICD_10, "G25.80", ICD_10_GM),
        (ICD_10_CM, "G25.80", ICD_10_GM),
        (ICD_10_GM, "O09.1", ICD_10_GM),
        (ICD_10, "O09.1", ICD_10_CM),
        (ICD_10_CM, "O84", ICD_10),
        (ICD_10_CM, "C97", ICD_10),
        (ICD_10, "M80.05", ICD_10),
        (ICD_10, "F10.20", ICD_10),
        (ICD_10, "B18.00", ICD_10),
        *(
            (address, code, address)
            for address in EVERY_ADDRESS
            for code in ("Z99.2", "E83.1", "D50.9", "I50", "", "Z")
        ),
        (ICD_9_CM, "275.01", ICD_9_CM),
        (SNOMED, "399187006", SNOMED),
        (LOINC, "2276-4", LOINC),
    ],
)
def test_a_code_of_several_editions_stays_where_it_was_sent(address: str, code: str, edition: str) -> None:
    assert edition_of(address, code) == edition


def test_no_code_of_a_list_is_of_two_editions() -> None:
    """Else the two would contradict each other under one address."""
    lists = one_edition_codes()
    assert not lists["cm"] & lists["who"]
    assert not lists["gm"] & (lists["cm"] | lists["who"])
    assert all(code == plain_code(ICD_10, code) for kind in lists for code in lists[kind])


def _listed(system: str) -> list[tuple[str, str]]:
    names = [name for name in valueset_names() if not name.startswith(("lab-", "measure-", "order-", "drug-"))]
    return [(name, code) for name in names for held, code in load_valueset(name).codes if held == system]


@pytest.mark.parametrize("system", EVERY_ADDRESS)
def test_every_code_of_our_lists_is_found_where_it_is_listed(system: str) -> None:
    """Whatever edition a code is moved to, its list still holds it under its own address."""
    index = diagnosis_index()
    lost = [(name, code) for name, code in _listed(system) if name not in index.concepts_of(system, code)]
    assert lost == []


@given(st.sampled_from(sorted(ICD_SYSTEMS)), st.text(max_size=9))
def test_no_text_makes_it_fail(system: str, code: str) -> None:
    assert edition_of(system, code) in ICD_SYSTEMS
