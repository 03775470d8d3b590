"""The whole service in five time zones, and what it may answer to any request: never a fault of its own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cards.knowledge.rules import Rules
from cds_service.knowledge.load import national_rules
from cds_service.server.assembly import assemble
from cds_service.web.json_schema import load_schema
from tests.builders.bugs import bugs_shown
from tests.builders.deadlines import unhurried
from tests.builders.service import NOW, application, assert_nothing_empty, settings
from tests.protocol.totality.odd_values import dumps

#: The first is served whole, with its store and its metrics.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney")
ANSWERED = {200, 400, 412}
_UUID = "00000000-0000-4000-8000-000000000000"
#: What ends the services that were begun.
ended = ExitStack()


@cache
def service(zone: str) -> FlaskClient:
    """Every service on, in open mode. Drafts are revised where that is possible, so that they are read twice."""
    profile = unhurried(drug_orders=True)
    configured = settings(time_zone=ZoneInfo(zone), profile=profile)
    if zone != ZONES[0]:
        made = application(configured, rules=_with_drug_suggestions(), new_uuid=lambda: _UUID)
        return ended.enter_context(made).test_client()
    folder = ended.enter_context(TemporaryDirectory())
    ended.enter_context(bugs_shown())
    app = assemble(replace(configured, data_folder=folder), clock=lambda: NOW)
    ended.callback(app.extensions["rls_cds"].store.close)
    ended.callback(app.extensions["rls_cds"].fhir.close)
    ended.callback(app.extensions["rls_cds_scheduler"].stop)
    return app.test_client()


@cache
def _with_drug_suggestions() -> Rules:
    rules = national_rules()
    switch = replace(rules.switches["suggestions.medications"], value="true")
    return replace(rules, switches={**rules.switches, switch.name: switch})


def answer(zone: str, path: str, body: Any) -> tuple[int, Any]:
    """Status and JSON of the answer, which is one that CDS Hooks allows."""
    raw = dumps(body)
    given = service(zone).post(path, data=raw, content_type="application/json")
    content = given.get_json()
    assert given.status_code in ANSWERED, (zone, path, given.status_code, content, raw[:20_000])
    _schema("response" if given.status_code == 200 else "operation-outcome").validate(content)
    assert_nothing_empty(_of_ours(content))
    return given.status_code, content


def _of_ours(content: Any) -> Any:
    """The answer without the drafts that it hands back: what a client wrote into its own draft stays as it was."""
    if isinstance(content, list):
        return [_of_ours(each) for each in content]
    if not isinstance(content, dict):
        return content
    is_handed_back = content.get("type") == "update" and "resource" in content
    return {key: _of_ours(each) for key, each in content.items() if not (is_handed_back and key == "resource")}


@cache
def _schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(name))
