"""An absence is proven only by a complete list: whatever list is cut, failed or absent, no answer becomes quieter.

Every vignette of the specification and every golden call, with each list broken in each way a client breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.hooks.services import BY_ID
from tests.builders.service import application, settings
from tests.golden.calls import calls
from tests.golden.vignettes.build import as_request, build, load_vignettes
from tests.properties.careful import less_careful
from tests.protocol.faults import FAULTS

_SPEC = Path(__file__).resolve().parents[3] / "shared" / "spec"
_NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
Body = dict[str, Any]


def bodies() -> Iterator[tuple[str, Body]]:
    if _SPEC.is_dir():
        yield from ((f"vignette {each['id']}", as_request(build(each))) for each in load_vignettes(_SPEC))
    yield from ((call.file, call.body) for call in calls())


BODIES = dict(bodies())


@pytest.fixture(scope="module")
def http() -> Iterator[FlaskClient]:
    with application(settings(max_cards=0), clock=lambda: _NOON) as app:
        yield app.test_client()


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_no_broken_list_makes_an_answer_quieter(http: FlaskClient, name: str) -> None:
    body = BODIES[name]
    path = f"/cds-services/rls-{body['hook']}"
    whole = http.post(path, json=body)
    assert whole.status_code == 200
    wrong = []
    for key in BY_ID[f"rls-{body['hook']}"].keys:
        for how, fault in FAULTS.items():
            value = fault(body["prefetch"].get(key))
            rest = {each: kept for each, kept in body["prefetch"].items() if each != key}
            found = http.post(path, json=body | {"prefetch": rest | ({} if value is ... else {key: value})})
            if found.status_code == 412:
                wrong += [] if key in found.text else [f"{key} {how}: 412 does not name it"]
            else:
                assert found.status_code == 200
                said = less_careful(whole.json["cards"], found.json["cards"], [key])
                wrong += [f"{key} {how}: {each}" for each in said]
    assert wrong == []
