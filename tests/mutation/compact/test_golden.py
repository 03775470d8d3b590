"""The whole answers that tests/golden keeps, without the service around the core: one test for each hook."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from cards.decisions.decide import decide
from cards.facts.card import Card
from cards.facts.chart import LISTS
from cards.fhir.bundles import unwrap
from cards.knowledge.rules import Rules
from cards.presenting.card_context import ClientCapabilities
from cards.presenting.present import present
from cards.reading import read_chart
from cds_service.knowledge.load import national_rules
from tests.golden.calls import FOLDER, TODAY, GoldenCall, calls

_NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 16, tzinfo=UTC)
_SOURCE = "https://cds.example.org/cds-services/rls-{}/source-attributes"


def _cards(call: GoldenCall, rules: Rules) -> tuple[Card, ...]:
    given, context = call.body["prefetch"], call.body["context"]
    chart = read_chart(
        {name: unwrap(given[name]) for name in LISTS if name in given},
        patient_id=context["patientId"],
        now=_NOW,
        zone=UTC,
        drafts=context.get("draftOrders"),
        selections=context.get("selections"),
    )
    numbers = count(1)
    return present(
        decide(chart, rules, call.hook),
        chart,
        rules,
        profile=ClientCapabilities(context["patientId"], _SOURCE.format(call.hook), selection_behavior="any"),
        new_uuid=lambda: f"uuid {next(numbers)}",
    )


def _without_uuids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_uuids(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_uuids(each) for name, each in value.items() if name != "uuid"}
    return value


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_every_whole_answer(hook: str) -> None:
    rules = national_rules()
    for call in calls():
        if call.hook == hook:
            kept = json.loads((FOLDER / call.file).read_text(encoding="utf-8"))["cards"]
            assert _without_uuids([card.as_json() for card in _cards(call, rules)]) == _without_uuids(kept), call.file
