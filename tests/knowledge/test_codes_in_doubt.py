"""A card that rests on a code which still awaits verification says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cards.decide import decide
from cards.present import CardProfile, present
from cards.reading import Listed, read_chart
from cards.rules import load_rules

RULES = load_rules()
SAYS = "Recognised by a code that awaits verification."
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def of(kind: str, system: str, code: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": code.replace(".", "-"),
        "code": {"coding": [{"system": system, "code": code}]},
        **members,
    }


RLS = of("Condition", ICD, "G25.81")
FERRITIN = of("Observation", "http://loinc.org", "2276-4", status="final", effectiveDateTime="2026-05-20",
              valueQuantity={"value": 38, "unit": "ng/mL"})  # fmt: skip


def card(conditions: list[Any], procedures: list[Any]) -> str:
    lists = {"conditions": conditions, "labs": [FERRITIN], "procedures": procedures}
    lists |= {"patient": [{"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01", "gender": "female"}]}
    gathered = {name: Listed(tuple(lists.get(name, ()))) for name in (*lists, "medications", "orders")}
    chart = read_chart(gathered, patient_id="p", now=datetime(2026, 6, 15, tzinfo=UTC), zone=UTC)
    verdict = decide(chart, RULES, "patient-view")
    return present(verdict, chart, RULES, profile=CardProfile("p"), new_uuid=lambda: "u")[0].detail


def phlebotomy(*codes: tuple[str, str]) -> dict[str, Any]:
    done = of("Procedure", "x", "x", status="completed", performedDateTime="2026-03-01")
    return {**done, "code": {"coding": [{"system": system, "code": code} for system, code in codes]}}


@pytest.mark.parametrize(
    ("conditions", "procedures", "says"),
    [
        ([RLS], [], False),
        ([of("Condition", "http://hl7.org/fhir/sid/icpc-2", "N04")], [], True),
        ([of("Condition", "http://hl7.org/fhir/sid/icpc-2", "N04"), RLS], [], False),
        ([RLS], [phlebotomy(("http://www.ama-assn.org/go/cpt", "99195"))], True),
    ],
    ids=["verified", "RLS by ICPC-2", "RLS by ICPC-2 and ICD", "phlebotomy by CPT"],
)
def test_the_limits_of_a_card_name_the_doubt(conditions: list[Any], procedures: list[Any], says: bool) -> None:
    assert (SAYS in card(conditions, procedures)) is says
