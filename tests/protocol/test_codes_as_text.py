"""A code that comes as a text, or without its system, is not lost where it makes an answer more careful.

A diagnosis or a result by such a code is there; that it is not certain what it means is no reason to be silent.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders.service import SIGN, VIEW, bundle, is_outcome, is_response
from tests.protocol.test_references import (
    FERRITIN,
    IRON,
    OVERLOAD,
    RLS,
    SATURATION,
    call,
    codes,
    sent,
    sign,
    signing,
    view,
)

ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def spelt(code: str) -> list[Any]:
    coded = [{"coding": each} for each in (code, [code], {"code": code}, [{"code": code}])]
    return [code, [code], {"code": code}, {"text": code}, *coded, coded[-1] | {"text": "a finding"}]


@pytest.mark.parametrize("code", ["E83.110", "E83110", "e83.110", "35400008", f"{ICD}|E83.110"])
def test_iron_overload_by_a_code_without_a_system_stops_iron(http: FlaskClient, code: str) -> None:
    for written in spelt(code) if "|" not in code else [code, {"coding": [code]}, [code]]:
        diagnoses = bundle(RLS, OVERLOAD | {"code": written})
        assert codes(sign(http, bundle(IRON), conditions=diagnoses)) == ["OSIRONOVL"], written
        resolved = OVERLOAD | {"code": written, "clinicalStatus": {"coding": [{"code": "resolved"}]}}
        assert codes(sign(http, bundle(IRON), conditions=bundle(RLS, resolved))) == ["OSIRONOVL"], written
        refuted = OVERLOAD | {"code": written, "verificationStatus": {"coding": [{"code": "refuted"}]}}
        assert "OSIRONOVL" not in codes(sign(http, bundle(IRON), conditions=bundle(RLS, refuted))), written


@pytest.mark.parametrize("code", ["G25.81", "32914008"])
def test_rls_by_a_code_without_a_system_is_suspected(http: FlaskClient, code: str) -> None:
    for written in spelt(code):
        assert view(http, conditions=bundle(RLS | {"code": written})) == ["IRONLOW"], written


@pytest.mark.parametrize(
    "written",
    [
        {"coding": [{"system": "urn:oid:2.999.1", "code": "E83.110"}]},
        {"coding": [{"code": "E83.110"}, {"system": ICD, "code": "Z99.9"}]},
        {"text": "E83.110", "coding": [{"system": ICD, "code": "Z99.9"}]},
        "E83",
        "83110",
        "seen on 2026-01-01",
    ],
)
def test_a_code_of_another_system_or_too_short_a_one_means_nothing(http: FlaskClient, written: Any) -> None:
    diagnoses = bundle(RLS, OVERLOAD | {"code": written})
    assert "OSIRONOVL" not in codes(sign(http, bundle(IRON), conditions=diagnoses))


def test_a_result_by_a_loinc_code_without_a_system_is_said_to_be_there(http: FlaskClient) -> None:
    for written in spelt("2276-4"):
        labs = bundle(FERRITIN | {"code": written}, SATURATION)
        [card] = is_response(http.post(VIEW, json=call("patient-view", sent(labs=labs))))["cards"]
        assert "Ferritin 38 ng/mL of 2026-06-01: in a code that nothing maps" in card["detail"], written
    labs = bundle(FERRITIN | {"code": "http://loinc.org|2276-4"}, SATURATION)
    assert view(http, labs=labs) == ["IRONLOW"]
    elsewhere = {"coding": [{"code": "2276-4"}, {"system": "http://loinc.org", "code": "718-7"}]}
    [card] = is_response(http.post(VIEW, json=call("patient-view", sent(labs=bundle(FERRITIN | {"code": elsewhere})))))[
        "cards"
    ]
    assert "nothing maps" not in card["detail"]


@pytest.mark.parametrize("written", ["310325", {"coding": ["310325"]}, {"coding": [{"code": "310325"}]}])
def test_a_draft_by_a_code_without_a_system_is_an_unknown_draft(http: FlaskClient, written: Any) -> None:
    is_outcome(http.post(SIGN, json=signing(bundle(IRON | {"medicationCodeableConcept": written}))), 412)
