"""The accessors answer for any JSON at all."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.reading.presence import words_of
from cards.reading.shapes import (
    code_of_status,
    codings,
    first,
    items,
    moment_of,
    objects,
    own_reference,
    reference_id,
    reference_of,
    reference_type,
    subject_is,
    text,
    text_of,
)

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


@given(ANY_JSON)
@settings(max_examples=300)
def test_no_json_value_makes_an_accessor_fail(value: Any) -> None:
    assert all(isinstance(system, str) and code for system, code in codings(value))
    for read in (text, text_of, code_of_status, reference_of, reference_id, reference_type):
        assert isinstance(read(value), str)
    assert all(entry is not None for entry in items(value))
    assert all(isinstance(entry, dict) for entry in objects(value))
    assert isinstance(words_of(value), frozenset)
    assert first(value) is not None


@given(ANY_OBJECT)
@settings(max_examples=300)
def test_no_json_object_makes_a_reader_of_resources_fail(resource: dict[str, Any]) -> None:
    assert isinstance(subject_is(resource, "7"), bool)
    assert isinstance(own_reference(resource), str)
    moment_of(resource, "code", "text", "subject", zone=ZONE)


@given(st.text(min_size=1, alphabet=st.characters(categories=["L", "Nd"])), st.text())
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
        ({"reference": "Patient/7"}, "Patient", "7"),
        ({"reference": "https://ehr.example/fhir/Patient/7"}, "Patient", "7"),
        ({"reference": "https://ehr.example/fhir/Patient/7/_history/2"}, "Patient", "7"),
        ({"reference": "Patient/7/"}, "Patient", "7"),
        ({"reference": "urn:uuid:7"}, "", "7"),
        ({"reference": "urn:oid:1.2.7"}, "", "1.2.7"),
        ({"reference": "#7"}, "", "7"),
        ({"reference": {"reference": "Patient/7"}}, "Patient", "7"),
        ("Patient/7", "Patient", "7"),
        ({"display": "somebody"}, "", ""),
    ],
)
def test_what_a_reference_points_at(reference: object, kind: str, logical_id: str) -> None:
    assert (reference_type(reference), reference_id(reference)) == (kind, logical_id)


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
    found = moment_of(resource, "performedDateTime", "performedPeriod", zone=ZONE)
    assert (found.text if found else None) == day
