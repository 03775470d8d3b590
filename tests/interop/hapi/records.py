"""Records on HAPI FHIR: put there as any client would, each chart as a patient of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import requests

from tests.interop.real_server import FHIR_JSON

Resource = dict[str, Any]

#: Seconds for one answer of a busy server.
ANSWERS = 120


def store(base: str, resources: Iterable[Resource]) -> int:
    """Store every resource under its own id in one transaction, and return how many there were."""
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    answer = post(base, {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert [one["response"]["status"][:2] for one in answer["entry"]] == ["20"] * len(entries)
    return len(entries)


def post(url: str, resource: Mapping[str, Any]) -> Resource:
    """Return the answer to a resource that is posted."""
    answer = requests.post(url, json=resource, headers={"Content-Type": FHIR_JSON}, timeout=ANSWERS)
    assert answer.ok, answer.text[:2000]
    return dict(answer.json())


def of_patient(records: Mapping[str, Sequence[Resource]], name: str) -> list[Resource]:
    """Return the records of patient `p1` as those of another, with ids of their own and in their order."""
    renamed = [
        one | {"id": f"{name}-{one['id']}"} for kind, each in records.items() if kind != "Patient" for one in each
    ]
    theirs = json.loads(json.dumps(renamed).replace('"Patient/p1"', f'"Patient/{name}"'))
    return [one | {"id": name} for one in records["Patient"]] + theirs
