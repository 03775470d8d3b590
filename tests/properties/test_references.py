"""However a call spells its references, the answer is the same; where none can be followed, it is not less careful."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cards.fhir.bundles import unwrap
from tests.properties.answers import answer, answer_from, whole
from tests.properties.careful import less_careful
from tests.properties.charts import generated
from tests.properties.patients import PATIENT, Generated, Resource
from tests.properties.reduction import smallest

_QUICK = settings(max_examples=2_000, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
_FULL = settings(_QUICK, max_examples=10_000, derandomize=False)

_OWN = f"Patient/{PATIENT}"
_URN = "urn:uuid:6d0f4a8e-1b7c-4d51-9c6e-0f2b7a9d3e11"
_BASE = "https://gateway.example/r4"
#: Ids as record systems write them.
_IDS = ("7", "med_1", "a~b", "A.b-C", "x" * 109, "eX" + "Ab9.-" * 40)
_LISTED = ("medicationCodeableConcept", "code")


def _spelled(kind: str, logical_id: str, url: str, dice: Random) -> str:
    """A reference to the resource of this type and id, which stands under this `fullUrl`."""
    name = f"{kind}/{logical_id}"
    ways = (
        name,
        f"/{name}",
        f"{name}/_history/4",
        f"{name}?_summary=false",
        name.replace("/", "%2F"),
        f"{_BASE}/{name}",
        f"http://10.0.0.1:8080/{name}/_history/1",
        url,
        f"{url}/_history/2" if url.startswith("http") else url.upper().replace("URN:UUID", "urn:uuid"),
    )
    return dice.choice(ways)


def _respelled(patient: Generated, dice: Random) -> tuple[dict[str, Resource], Resource]:
    """The lists and the basket as Bundles, every subject spelled anew and drugs told by a Medication of their own.

    The patient stands under their address in any of the Bundles, and so does each Medication.
    """
    url = dice.choice((_URN, f"http://ehr.test/fhir/Person/{PATIENT}", "urn:oid:2.999.1"))
    lists: dict[str, list[Resource]] = {name: list(held) for name, held in patient.lists().items()}
    basket = [each["resource"] for each in patient.basket()["entry"]]
    entries: dict[str, list[Resource]] = {}
    spare: list[Resource] = []
    for name, resources in (*lists.items(), ("drafts", basket)):
        entries[name] = [{"resource": _told(each, url, spare, dice)} for each in resources]
    person = {"fullUrl": url, "resource": lists["patient"][0]}
    entries["patient"] = [person]
    entries[dice.choice([name for name, held in entries.items() if held or name == "drafts"])].append(person)
    for each in spare:
        entries[dice.choice(("medications", "drafts") if entries["medications"] else ("drafts",))].append(each)
    made = {name: {"resourceType": "Bundle", "entry": held} for name, held in entries.items()}
    return made, made.pop("drafts")


def _told(resource: Resource, url: str, spare: list[Resource], dice: Random) -> Resource:
    told = dict(resource)
    for name in ("subject", "patient"):
        if name in told:
            told[name] = {"reference": _spelled("Patient", PATIENT, url, dice)}
    concept = told.get("medicationCodeableConcept")
    if concept and dice.random() < 0.6:
        del told["medicationCodeableConcept"]
        told |= _by_reference(concept, spare, dice)
    return told


def _by_reference(concept: Resource, spare: list[Resource], dice: Random) -> Resource:
    """The drug of an order as a Medication, contained or in the call."""
    logical_id = f"{len(spare)}{dice.choice(_IDS)}"
    medication = {"resourceType": "Medication", "id": logical_id, "code": concept}
    if dice.random() < 0.4:
        held = medication | {"id": dice.choice(("", "#")) + logical_id}
        return {"medicationReference": {"reference": dice.choice(("", "#")) + logical_id}, "contained": [held]}
    url = dice.choice((f"urn:uuid:{dice.getrandbits(128):032x}", f"http://ehr.test/fhir/Medication/of-{len(spare)}"))
    with_id = dice.random() < 0.7
    reference = _spelled("Medication", logical_id, url, dice) if with_id else url
    spare.append({"fullUrl": url, "resource": medication if with_id else _without_id(medication)})
    return {"medicationReference": {"reference": reference}}


def _without_id(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "id"}


def same_however_it_is_spelled(patient: Generated, dice: Random) -> None:
    lists, basket = _respelled(patient, dice)
    gathered = {name: unwrap(value) for name, value in lists.items()}
    assert whole(answer_from(patient, gathered, basket)) == whole(answer(patient))


def never_less_careful_where_it_leads_nowhere(patient: Generated, dice: Random) -> None:
    """Some subjects and drugs are named by addresses that nothing in the call answers."""
    lost: set[str] = set()

    def broken(name: str, resource: Resource) -> Resource:
        if dice.random() > 0.3:
            return resource
        lost.add(name)
        if "medicationCodeableConcept" in resource and dice.random() < 0.5:
            bare: dict[str, Any] = {key: value for key, value in resource.items() if key not in _LISTED}
            return bare | {"medicationReference": {"reference": dice.choice((_URN, f"{_BASE}/Medication/7", "#7"))}}
        key = "patient" if "patient" in resource else "subject"
        return resource | {key: {"reference": dice.choice((_URN, "urn:oid:2.999.1", f"{_BASE}/Patient/other"))}}

    lists = {
        name: held if name == "patient" else [broken(name, each) for each in held]
        for name, held in patient.lists().items()
    }
    drafts = [broken("draftOrders", each["resource"]) for each in patient.basket()["entry"]]
    after = answer(patient, lists, drafts=drafts)
    told = {"medications", *lost} if "draftOrders" in lost else lost
    hidden = told - ({"orders", "allergies"} if patient.hook == "patient-view" else {"orders"})
    assert less_careful(whole(answer(patient)), whole(after), hidden) == []


PROPERTIES = (same_however_it_is_spelled, never_less_careful_where_it_leads_nowhere)


def run(holds: Callable[[Generated, Random], None], how: settings) -> None:
    fired: set[str] = set()

    def over(patient: Generated, seed: int) -> None:
        fired.update(card.id for card in answer(patient))
        try:
            holds(patient, Random(seed))  # noqa: S311 - not for cryptography
        except AssertionError as fault:
            again = smallest(patient, lambda one: holds(one, Random(seed)))  # noqa: S311 - likewise
            raise AssertionError(f"for {again}") from fault

    how(given(generated(), st.integers(0, 2**32))(over))()
    assert {"OS-IRON-OVL", "IRON-LOW", "AGG-ACTIVE"} <= fired, "the claim would be empty"


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property_of_references(holds: Callable[[Generated, Random], None]) -> None:
    run(holds, _QUICK)


@pytest.mark.full
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_property_of_references_over_ten_thousand_charts(holds: Callable[[Generated, Random], None]) -> None:
    run(holds, _FULL)
