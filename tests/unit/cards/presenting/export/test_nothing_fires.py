"""The exported plans on a server that runs plans: none is a service, and applying one to a patient makes nothing.

The walk below is that of HAPI's clinical reasoning 4.4: a plan whose actions have a trigger becomes a CDS Hooks
service, an action without a condition of kind `applicability` is carried out, and so is what it names. HAPI compiles
FHIRPath as CQL, so only what means the same in both is understood here; anything else fails the test.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.builders.knowledge import exported

Resource = dict[str, Any]

PLANS = [each for each in exported() if each["resourceType"] == "PlanDefinition"]
KNOWN = {f"{each['url']}|{each['version']}": each for each in exported()}
#: Literals that FHIRPath and CQL share.
LITERALS = {"true": True, "false": False, "'draft'": "draft"}


def evaluated(expression: Mapping[str, str]) -> bool | str:
    """Return what an expression is, for every patient; the patient is not asked."""
    assert expression["language"] == "text/fhirpath"
    return LITERALS[expression["expression"]]


def services(plan: Resource) -> Iterator[str]:
    """Yield the hooks at which a server would offer the plan to every client."""
    for action in plan.get("action", ()):
        yield from (each["name"] for each in action.get("trigger", ()) if each["type"] == "named-event")


def carried_out(actions: list[Resource]) -> Iterator[Resource]:
    """Yield the actions that `$apply` carries out; what lies below an action that does not apply is not looked at."""
    for action in actions:
        conditions = [each for each in action.get("condition", ()) if each["kind"] == "applicability"]
        if all(evaluated(each["expression"]) is True for each in conditions):
            yield action
            yield from carried_out(action.get("action", []))


def every(actions: list[Resource]) -> Iterator[Resource]:
    for action in actions:
        yield action
        yield from every(action.get("action", []))


def orders(plan: Resource) -> list[Resource]:
    """Return the requests that `$apply` makes of a plan, as HAPI makes them of an ActivityDefinition."""
    made = []
    for action in carried_out(plan.get("action", [])):
        if "definitionCanonical" in action:
            activity = KNOWN[action["definitionCanonical"]]
            values = {each["path"]: evaluated(each["expression"]) for each in activity.get("dynamicValue", ())}
            request = {"resourceType": activity["kind"], "status": "active", "intent": activity.get("intent", "order")}
            made.append({**request, **values})
    return made


@pytest.mark.parametrize("plan", PLANS, ids=[each["id"] for each in PLANS])
def test_no_plan_is_a_service_and_none_makes_anything_for_a_patient(plan: Resource) -> None:
    assert plan["type"]["coding"][0]["code"] == "clinical-protocol"
    assert "library" not in plan  # a server takes it for logic that it may run
    assert list(services(plan)) == []
    assert list(carried_out(plan["action"])) == []
    assert orders(plan) == []


def test_every_action_has_its_own_condition_so_that_a_part_of_a_plan_is_as_safe_as_the_whole() -> None:
    for plan in PLANS:
        for action in every(plan["action"]):
            assert list(carried_out([action])) == []


def test_the_walk_finds_what_fires() -> None:
    plan = copy.deepcopy(next(each for each in PLANS if each["id"] == "rls-cds-iron-status"))
    for action in every(plan["action"]):
        del action["condition"]
    plan["action"][0]["trigger"] = [{"type": "named-event", "name": "patient-view"}]
    assert list(services(plan)) == ["patient-view"]
    assert len(list(carried_out(plan["action"]))) == len(list(every(plan["action"]))) > 10
    assert len(orders(plan)) > 2


def test_an_order_that_somebody_asks_for_by_name_is_a_draft_and_a_proposal() -> None:
    plan = copy.deepcopy(next(each for each in PLANS if each["id"] == "rls-cds-iron-status"))
    for action in every(plan["action"]):
        del action["condition"]
    assert {(each["status"], each["intent"]) for each in orders(plan)} == {("draft", "proposal")}
