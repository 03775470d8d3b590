"""What `rls-cds rules` writes as FHIR, on a server that carries out plans and offers them as CDS services."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.builders.knowledge import RELEASE, exported, exported_package, exported_transaction
from tests.interop.hapi.records import ANSWERS, post, store

pytestmark = pytest.mark.interop

Resource = dict[str, Any]

CHILD = {"resourceType": "Patient", "id": "healthy-child", "birthDate": "2019-03-01", "gender": "female"}
#: Seconds until the server has noticed a new plan, on a busy machine.
_NOTICED = 120


def exported_as(kind: str) -> list[Resource]:
    return [each for each in exported() if each["resourceType"] == kind]


@pytest.fixture(scope="module")
def loaded(hapi: str) -> str:
    """Return the base URL at which the export is found, and a child without any record."""
    answer = post(f"{hapi}/fhir", json.loads(exported_transaction()))
    assert {entry["response"]["status"] for entry in answer["entry"]} == {"201 Created"}
    assert len(answer["entry"]) == len(exported())
    store(f"{hapi}/fhir", [CHILD])
    return f"{hapi}/fhir"


def found(url: str, **asked: str) -> Resource:
    answer = requests.get(url, params=asked, timeout=ANSWERS)
    assert answer.status_code == 200, (url, answer.text[:2000])
    return dict(answer.json())


def services(hapi: str) -> list[str]:
    return [each["id"] for each in found(f"{hapi}/cds-services").get("services", ())]


def actions(value: Any) -> Iterator[Resource]:
    """Yield every action of what `$apply` answers, however deep."""
    if isinstance(value, dict):
        yield from value.get("action", ())
        for inner in value.values():
            yield from actions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from actions(inner)


def unconditional(plan: Resource, name: str) -> Resource:
    """Return a copy of a plan that acts on every patient when a chart is opened."""
    acting = copy.deepcopy(plan) | {"id": name, "url": f"{plan['url']}-{name}", "status": "active"}
    for action in actions(acting):
        action.pop("condition", None)
    acting["action"][0]["trigger"] = [{"type": "named-event", "name": "patient-view"}]
    return acting


def test_no_plan_is_offered_as_a_service(hapi: str, loaded: str) -> None:
    """A plan that was stored after them, with a trigger, is."""
    store(loaded, [unconditional(exported_as("PlanDefinition")[0], "triggered")])
    until = time.monotonic() + _NOTICED
    while not (offered := services(hapi)) and time.monotonic() < until:
        pass
    assert offered == ["triggered"]


def test_no_plan_does_anything_to_a_healthy_child(loaded: str) -> None:
    plans = exported_as("PlanDefinition")
    assert len(plans) > 20
    for plan in plans:
        answer = found(f"{loaded}/PlanDefinition/{plan['id']}/$apply", subject=f"Patient/{CHILD['id']}")
        assert list(actions(answer)) == [], plan["id"]
        kinds = Counter(each["resourceType"] for each in (answer, *answer.get("contained", ())))
        assert kinds == {"CarePlan": 1, "RequestGroup": 1}, plan["id"]


def test_a_plan_whose_conditions_are_taken_out_acts(loaded: str) -> None:
    """This gives meaning to the silence above."""
    store(loaded, [unconditional(exported_as("PlanDefinition")[0], "acting")])
    answer = found(f"{loaded}/PlanDefinition/acting/$apply", subject=f"Patient/{CHILD['id']}")
    assert list(actions(answer))


def test_an_order_that_is_asked_for_by_name_is_a_draft_proposal(loaded: str) -> None:
    activities = exported_as("ActivityDefinition")
    assert activities
    for activity in activities:
        made = found(f"{loaded}/ActivityDefinition/{activity['id']}/$apply", subject=f"Patient/{CHILD['id']}")
        assert (made["resourceType"], made["status"], made["intent"]) == ("ServiceRequest", "draft", "proposal")


def listed(value_set: Resource) -> set[tuple[str, str]]:
    included = value_set["compose"]["include"]
    return {(each["system"], concept["code"]) for each in included for concept in each["concept"]}


def test_every_value_set_expands_to_the_codes_that_it_lists(loaded: str) -> None:
    sets = exported_as("ValueSet")
    assert len(sets) > 170
    for each in sets:
        expansion = found(f"{loaded}/ValueSet/{each['id']}/$expand")["expansion"]
        assert {(one["system"], one["code"]) for one in expansion.get("contains", ())} == listed(each), each["id"]


@pytest.mark.full
def test_the_package_is_installed_whole_on_an_empty_server(spare: str) -> None:
    kinds = Counter(each["resourceType"] for each in exported())
    asked = {"name": "rls-cds.knowledge", "version": RELEASE, "types": ",".join(kinds)}
    answer = requests.post(f"{spare}/packages", params=asked, data=exported_package(), timeout=ANSWERS)
    assert answer.status_code == 200, answer.text[:2000]
    assert answer.json()["resourcesInstalled"] == kinds
    assert services(spare) == []
