"""A document that meets a schema by its plain keywords is one in which the library finds no fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.web.json_schema import find_faults, is_plainly_met, validator

INSTANCE = "3b0e3c7e-6c0b-4d0e-8f6a-1f0a9d1c2b3a"
CALL: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": INSTANCE,
    "context": {"userId": "Practitioner/1", "patientId": "p-1"},
    "prefetch": {"patient": None},
}
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(["", "patient-view", INSTANCE, "Practitioner/1", "Patient/p-1", "..", "p\n", "x" * 600]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.sampled_from(["userId", "patientId", "encounterId", "access_token"]), st.just("p-1")),
)
_NAMES = ("hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization", "userId", "patientId")


def test_a_usual_call_meets_its_schema_plainly() -> None:
    assert is_plainly_met(validator("request-patient-view").schema, CALL)


@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES), st.dictionaries(st.sampled_from(_NAMES), _VALUES))
def test_what_meets_a_schema_plainly_has_no_fault(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    sent = {**CALL, **outer}
    if isinstance(sent["context"], dict):
        sent["context"] = {**sent["context"], **inner}
    schema = validator("request-patient-view")
    assert is_plainly_met(schema.schema, sent) == schema.is_valid(sent)


@pytest.mark.parametrize("rule", [{"format": "date-time"}, {"not": {}}, {"type": ["string", "number"]}])
def test_what_another_keyword_decides_is_left_to_the_library(rule: dict[str, Any]) -> None:
    assert not is_plainly_met(rule, "anything")


def test_a_list_is_judged_entry_by_entry() -> None:
    rule = {"type": "array", "items": {"type": "string", "minLength": 1}}
    assert is_plainly_met(rule, ["a"])
    assert not is_plainly_met(rule, ["a", ""])


def test_faults_of_a_document_are_named() -> None:
    assert [fault.location for fault in find_faults("request-patient-view", {**CALL, "hook": "other"})] == ["hook"]
