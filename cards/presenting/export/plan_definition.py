"""One decision as a FHIR R4 PlanDefinition: its question, its limits, its cards and what they rest on.

A plan is to be read, not to be run. It has no trigger, so that no server offers it as a service, and every action has
a condition that is false for every patient, so that applying the plan makes nothing: what a decision answers needs the
program (units, dates, completeness of lists, what is unknown), and no expression here stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from cards.knowledge.rules import CardText, Citation, DecisionText, Rules, Switch, Threshold
from cards.presenting.export.addresses import BASE, address, canonical, computable_name, resource_id
from cards.wording.render import render_limits

_EXTENSION = f"{BASE}/StructureDefinition"
_AWAITS = "awaits"
_PLAN_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"

Element = dict[str, Any]


def plan_definition(decision: DecisionText, rules: Rules, release: str) -> Element:
    """Return the decision with the thresholds it reads (extension `threshold`), citations and one action per card.

    `effectivePeriod` ends with the day of the next review: until then the plan is meant to be used. `release` is the
    version of what the plan refers to.
    """
    name = decision.name.replace("_", "-")
    limits = render_limits(rules)
    signed = {"reviewer": [{"name": decision.reviewer}]} if not decision.reviewer.startswith(_AWAITS) else {}
    return {
        "resourceType": "PlanDefinition",
        "id": resource_id(name),
        "extension": [
            *(_threshold(limit, _owner(limit.name, decision, rules)) for limit in rules.limits_of(decision)),
            *(_switch(switch, _owner(switch.name, decision, rules)) for switch in rules.switches_of(decision)),
            *({"url": f"{_EXTENSION}/hook", "valueCode": hook} for hook in decision.hooks),
        ],
        "url": address("PlanDefinition", name),
        "version": decision.version,
        "name": computable_name(name),
        "title": decision.title,
        "type": {"coding": [{"system": _PLAN_TYPE, "code": "clinical-protocol"}]},
        "status": "draft",
        "date": decision.changed.isoformat(),
        "description": f"{decision.question} Reads: {', '.join(decision.reads)}.",
        "usage": f"Sign-off: {decision.reviewer}. For licensed health professionals; not for use without review. "
        "To be read, not to be run: no trigger, and conditions that are false for every patient.",
        **signed,
        **_period(decision),
        "relatedArtifact": [
            *(_citation(rules.citations[source]) for source in _sources(decision, rules)),
            {"type": "depends-on", "resource": canonical("Library", "rls-cds-knowledge", release)},
        ],
        "action": [_ask(decision, rules, limits, release)],
    }


def _period(decision: DecisionText) -> Element:
    if decision.next_review is None:
        return {}
    return {"effectivePeriod": {"start": decision.changed.isoformat(), "end": decision.next_review.isoformat()}}


def _owner(name: str, decision: DecisionText, rules: Rules) -> tuple[Element, ...]:
    """Where another plan defines what this one reads: a link to it."""
    owner = rules.owner(name)
    if owner == decision.name:
        return ()
    version = rules.decisions[owner].version
    return (_part("defined-in", "Canonical", canonical("PlanDefinition", owner.replace("_", "-"), version)),)


def _ask(decision: DecisionText, rules: Rules, limits: Mapping[str, str], release: str) -> Element:
    """The question, with one action for each card, and the laboratory orders that these may suggest."""
    orders = [
        {
            "title": f"Order {test}",
            "condition": [_never()],
            "definitionCanonical": canonical("ActivityDefinition", f"order-{test}", release),
        }
        for test in decision.orders
    ]
    return {
        "title": decision.question,
        "condition": [_never()],
        "selectionBehavior": "any",
        "action": [*(_card(card, rules, limits) for card in decision.cards.values()), *orders],
    }


def _never() -> Element:
    """Return a condition that is false, in FHIRPath as in CQL (HAPI compiles FHIRPath as CQL), whatever the patient."""
    expression = {
        "description": "False for every patient: rls-cds decides, not the server that holds this plan.",
        "language": "text/fhirpath",
        "expression": "false",
    }
    return {"kind": "applicability", "expression": expression}


def _card(card: CardText, rules: Rules, limits: Mapping[str, str]) -> Element:
    priority = {"critical": "stat", "warning": "urgent"}.get(card.indicator, "routine")
    return {
        "id": card.id,
        "title": card.title,
        "description": with_limits(card.rule, limits),
        "textEquivalent": with_limits(card.recommendation, limits),
        "priority": priority,
        "code": [{"coding": [{"system": address("CodeSystem", "card"), "code": card.topic, "display": card.title}]}],
        "documentation": [{**_citation(rules.citations[name]), "label": card.grade} for name in card.citations],
        "condition": [_never()],
    }


def with_limits(text: str, limits: Mapping[str, str]) -> str:
    """Return a card's text with its limits filled in; a fact of the patient stands as its name in brackets."""

    class Known(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return f"[{name.replace('_', ' ')}]"

    return text.format_map(Known(limits)).strip()


def _sources(decision: DecisionText, rules: Rules) -> Iterable[str]:
    """Every source of the decision, the cards' first, each once."""
    cited = [name for card in decision.cards.values() for name in card.citations]
    return dict.fromkeys([*cited, *(limit.citation for limit in rules.limits_of(decision))])


def _citation(citation: Citation) -> Element:
    said = f"{citation.label}: {citation.reference} ({citation.certainty})"
    page = {"url": citation.url} if citation.url else {}
    return {"type": "citation", "display": citation.label, "citation": said, **page}


def _threshold(limit: Threshold, owner: tuple[Element, ...]) -> Element:
    parts = [
        _part("name", "String", limit.name),
        _part("value", "Quantity", _quantity(limit.value, limit.unit)),
        _part("side", "String", limit.side),
        _part("meaning", "String", limit.meaning),
        _part("certainty", "Code", limit.certainty),
        _part("source", "String", limit.citation),
        _part(
            "range",
            "Range",
            {"low": _quantity(limit.range[0], _unit(limit)), "high": _quantity(limit.range[1], _unit(limit))},
        ),
        *_history(limit),
        *owner,
    ]
    if limit.national is not None:
        parts += [
            _part("national", "Quantity", _quantity(limit.national, limit.national_unit)),
            _part("site-reason", "String", limit.site_reason),
        ]
    return {"url": f"{_EXTENSION}/threshold", "extension": parts}


def _history(limit: Threshold) -> Iterator[Element]:
    for entry in limit.history:
        said = [
            _part("since", "Date", entry.since.isoformat()),
            _part("value", "Quantity", _quantity(entry.value, _unit(limit))),
            _part("source", "String", entry.citation),
        ]
        yield {"url": "history", "extension": said}


def _unit(limit: Threshold) -> str:
    return limit.national_unit or limit.unit


def _switch(switch: Switch, owner: tuple[Element, ...]) -> Element:
    parts = [
        _part("name", "String", switch.name),
        _part("value", "String", switch.value),
        _part("meaning", "String", switch.meaning),
        *(_part("choice", "String", choice) for choice in switch.choices),
        *owner,
    ]
    return {"url": f"{_EXTENSION}/switch", "extension": parts}


def _part(name: str, kind: str, value: object) -> Element:
    return {"url": name, f"value{kind}": value}


def _quantity(value: Decimal, unit: str) -> Element:
    """Return a value as JSON writes it: a limit has few digits, so that a float loses none."""
    return {"value": int(value) if value == value.to_integral_value() else float(value), "unit": unit}
