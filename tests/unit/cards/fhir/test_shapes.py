"""The accessors answer for any JSON at all."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.fhir.json_values import (
    LONGEST_WORDS,
    MOST_CODINGS,
    code_of_status,
    codes_without_system,
    codings,
    first,
    items,
    objects,
    own_reference,
    partial_date_of,
    reference_of,
    text,
    text_and_displays,
    text_of,
)
from cards.fhir.ownership import subject_is
from cards.fhir.references import address_of, within
from cards.reading.presence import words_of

ZONE = ZoneInfo("America/New_York")

#: Names that our accessors look at, so that the generated objects hit them.
_NAMES = st.sampled_from(
    [
        *("coding", "code", "system", "text", "display", "concept", "reference", "type", "id", "resourceType"),
        *("start", "end", "subject", "patient", "a"),
    ]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("Patient/7")
ANY_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4))
ANY_OBJECT = st.dictionaries(_NAMES, ANY_JSON, max_size=6)


@pytest.mark.slow
@given(ANY_JSON)
@settings(max_examples=300)
def test_no_json_value_makes_an_accessor_fail(value: Any) -> None:
    assert all(isinstance(system, str) and code for system, code in codings(value))
    for read in (text, text_of, code_of_status, reference_of):
        assert isinstance(read(value), str)
    assert isinstance(address_of(reference_of(value)).id, str)
    assert all(entry is not None for entry in items(value))
    assert all(isinstance(entry, dict) for entry in objects(value))
    assert isinstance(words_of(value), frozenset)
    assert first(value) is not None


@pytest.mark.slow
@given(ANY_OBJECT)
@settings(max_examples=300)
def test_no_json_object_makes_a_reader_of_resources_fail(resource: dict[str, Any]) -> None:
    assert isinstance(subject_is(resource, "7"), bool)
    assert isinstance(own_reference(resource), str)
    partial_date_of(resource, "code", "text", "subject", zone=ZONE)


@given(st.text(min_size=1, max_size=100, alphabet=st.characters(categories=["L", "Nd"])), st.text(max_size=100))
def test_codings_of_an_object_and_of_a_list_are_the_same(code: str, system: str) -> None:
    coding = {"system": system, "code": code}
    assert list(codings({"coding": coding})) == list(codings([{"coding": [coding]}])) == [(system.strip(), code)]


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ({"coding": [{"system": "s", "code": "c"}]}, [("s", "c")]),
        ({"coding": {"system": "s", "code": "c"}}, [("s", "c")]),
        ({"concept": {"coding": [{"system": "s", "code": "c"}]}}, [("s", "c")]),
        ([{"coding": [{"code": "a"}]}, {"coding": [{"code": "b"}]}], [("", "a"), ("", "b")]),
        ({"system": "s", "code": " c "}, [("s", "c")]),
        ({"coding": [{"system": "s"}, {"system": "s", "code": ""}, None]}, []),
        ({"coding": [{"system": 1, "code": "c"}]}, [("", "c")]),
        ({"coding": [{"system": "s", "code": 6915}]}, [("s", "6915")]),
        ({"coding": [{"system": "s", "code": True}, {"system": "s", "code": 69.15}]}, []),
        ({"text": "words"}, []),
        ("c", []),
        (None, []),
    ],
)
def test_codings_of_every_shape(shape: object, found: list[tuple[str, str]]) -> None:
    assert list(codings(shape)) == found


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"text": "one", "coding": [{"display": "two"}]}, "one"),
        ({"coding": [{"display": "two"}, {"display": "three"}]}, "two ; three"),
        ({"concept": {"text": "one"}}, "one"),
        (["one", {"text": "two"}], "one ; two"),
        (None, ""),
    ],
)
def test_the_words_of_a_concept(shape: object, words: str) -> None:
    assert text_of(shape) == words


@pytest.mark.parametrize(
    ("shape", "status"),
    [
        ("Active", "active"),
        ({"coding": [{"code": "active"}]}, "active"),
        ({"coding": {"code": "active"}}, "active"),
        ([{"coding": [{"code": "active"}]}], "active"),
        ({"text": "Active"}, "active"),
        ({}, ""),
        (True, ""),
    ],
)
def test_a_status_of_every_version(shape: object, status: str) -> None:
    assert code_of_status(shape) == status


@pytest.mark.parametrize(
    ("reference", "kind", "logical_id"),
    [
        ({"reference": "Patient/7"}, "patient", "7"),
        ({"reference": "Patient/7X"}, "patient", "7X"),
        ({"reference": "https://ehr.example/fhir/Patient/7"}, "patient", "7"),
        ({"reference": "https://ehr.example/fhir/Patient/7/_history/2"}, "patient", "7"),
        ({"reference": "Patient/7/"}, "patient", "7"),
        ({"reference": "/Patient//7"}, "patient", "7"),
        ({"reference": "Patient%2F7"}, "patient", "7"),
        ({"reference": "Patient/7?x=1"}, "patient", "7"),
        ({"reference": "Patient/7#part"}, "patient", "7"),
        ({"reference": "urn:uuid:7"}, "", "7"),
        ({"reference": "URN:UUID:7X"}, "", "7X"),
        ({"reference": "urn:oid:1.2.7"}, "", "1.2.7"),
        ({"reference": "#7"}, "", "7"),
        ({"reference": "##7"}, "", "7"),
        ({"reference": "7"}, "", "7"),
        ({"reference": "Patient?identifier=7"}, "", ""),
        ({"reference": {"reference": "Patient/7"}}, "patient", "7"),
        ("Patient/7", "patient", "7"),
        ({"display": "somebody"}, "", ""),
    ],
)
def test_what_a_reference_points_at(reference: object, kind: str, logical_id: str) -> None:
    found = address_of(reference_of(reference))
    assert (found.type, found.id) == (kind, logical_id)


@pytest.mark.parametrize(
    ("resource", "is_theirs"),
    [
        ({"subject": {"reference": "Patient/7"}}, True),
        ({"patient": {"reference": "Patient/7"}}, True),
        ({"subject": {"reference": "https://ehr.example/fhir/Patient/7"}}, True),
        ({"subject": {"reference": "https://gateway.example/proxy/fhir/Patient/7/_history/2"}}, True),
        ({"subject": {"reference": "https://ehr.example/fhir/Patient/8"}}, False),
        ({"subject": {"reference": "https://ehr.example/Patient/7/Patient/8"}}, False),
        ({"subject": {"reference": "urn:uuid:7"}}, True),
        ({"subject": {"reference": "Patient/8"}}, False),
        ({"patient": {"reference": "Patient/8"}}, False),
        ({"subject": {"reference": "Group/7"}}, False),
        ({"subject": {"reference": "Patient/77"}}, False),
        ({}, True),
        ({"subject": {"identifier": {"value": "masked"}}}, True),
        ({"subject": {"reference": "#p"}}, True),
        ({"subject": [{"reference": "Patient/7"}]}, True),
    ],
)
def test_whose_a_resource_is(resource: dict[str, object], is_theirs: bool) -> None:
    assert subject_is(resource, "7") is is_theirs


@pytest.mark.parametrize(
    ("resource", "day"),
    [
        ({"performedDateTime": "2026-03-01"}, "2026-03-01"),
        ({"performedPeriod": {"start": "2026-03-01", "end": "2026-03-04"}}, "2026-03-04"),
        ({"performedPeriod": {"start": "2026-03-01"}}, "2026-03-01"),
        ({"performedDateTime": "2026-03-02T03:30:00Z"}, "2026-03-01"),
        ({"performedDateTime": "about then"}, None),
        ({}, None),
    ],
)
def test_when_something_was(resource: dict[str, object], day: str | None) -> None:
    found = partial_date_of(resource, "performedDateTime", "performedPeriod", zone=ZONE)
    assert (found.text if found else None) == day


ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize(
    ("concept", "codes"),
    [
        ("E83.110", [("", "E83.110")]),
        (" E83.110 ", [("", "E83.110")]),
        (f"{ICD}|E83.110", [(ICD, "E83.110")]),
        (["E83.110", {"coding": [{"code": "x"}]}], [("", "E83.110"), ("", "x")]),
        ({"coding": "E83.110"}, [("", "E83.110")]),
        ({"coding": ["E83.110", {"system": ICD, "code": "E83.110"}, 5]}, [(ICD, "E83.110"), ("", "E83.110")]),
        ({"coding": [{"display": "x"}, "no code"]}, []),
        ({"coding": []}, []),
        ({"coding": [5], "code": "E83.110"}, []),
        ({"coding": None, "code": "E83.110"}, [("", "E83.110")]),
        ("haemochromatosis", []),
        ("haemochromatosis type 1", []),
        ("7", []),
        ("|E83.110", []),
        ("a|b|1", []),
        ("1" * 65, []),
    ],
)
def test_a_code_may_stand_as_text_where_a_concept_or_a_coding_belongs(concept: Any, codes: list[Any]) -> None:
    assert list(codings(concept)) == codes


def test_codes_have_no_system_where_none_names_one() -> None:
    assert codes_without_system("E83.110") == ("E83.110",)
    assert codes_without_system({"text": "E83.110"}) == ("E83.110",)
    assert codes_without_system({"text": "E83.110", "coding": [{"code": "7"}]}) == ("7", "E83.110")
    assert codes_without_system({"text": "E83.110", "coding": [{"system": "urn:x", "code": "7"}]}) == ()
    assert codes_without_system([{"coding": [{"code": "7"}]}, {"coding": [{"system": "urn:x", "code": "8"}]}]) == ()


def test_a_hundred_codings_of_a_concept_and_so_many_concepts_are_read() -> None:
    sent = [{"code": str(number), "display": f"name {number}"} for number in range(MOST_CODINGS + 5)]
    last = MOST_CODINGS - 1
    for concept in ({"coding": sent}, [{"coding": [each]} for each in sent], {"concept": [{"coding": sent}]}):
        assert [code for _, code in codings(concept)] == [str(number) for number in range(MOST_CODINGS)]
        for words in (text_of(concept), text_and_displays(concept)):
            assert words.endswith(f"name {last}")
    assert text_of([f"word {number}" for number in range(MOST_CODINGS + 5)]).endswith(f"word {last}")


def test_two_thousand_characters_of_one_text_are_read() -> None:
    long = "a" * (LONGEST_WORDS + 5)
    for concept in (long, {"text": long}, {"coding": [{"display": long}]}):
        assert text_of(concept) == text_and_displays(concept) == "a" * LONGEST_WORDS


def test_of_two_contained_resources_under_one_id_the_first_counts() -> None:
    order = {"contained": [{"id": "#a", "n": 1}, {"id": "a", "n": 2}, {"id": "b", "n": 3}, "x"]}
    find = within(order, lambda reference: {"elsewhere": reference})
    assert [find(reference) for reference in ("#a", "a", "#b", "Medication/a", "#c")] == [
        {"id": "#a", "n": 1},
        {"id": "#a", "n": 1},
        {"id": "b", "n": 3},
        {"elsewhere": "Medication/a"},
        {"elsewhere": "#c"},
    ]
