"""Values of the core as one readable line each: what is as it is by default is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from cards.dates import PartialDate
from cards.facts.chart import Draft
from cards.facts.drugs import Drug
from cards.facts.finding import Finding
from cards.facts.results import LabResult
from cards.knowledge.rules import Threshold
from cards.quantity import Quantity


def told(value: Any) -> str:
    """One line without a line break; the same for equal values, and different for different ones."""
    match value:
        case Enum():
            return str(value.value)
        case PartialDate():
            return f"{value.text} [{value.first} {value.last}]" if value.first != value.last else value.text
        case Quantity():
            return f"{value.comparator}{value.value} {value.unit}"
        case Threshold():
            return f"limit {value.name} {value.value} {value.unit}"
        case Decimal() | date() | bool() | int():
            return str(value)
        case Mapping():
            return "{" + ", ".join(f"{name}: {told(each)}" for name, each in sorted(value.items())) + "}"
        case frozenset():
            return "{" + " ".join(sorted(map(told, value))) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(told, value)) + "]"
    return _members(value) if is_dataclass(value) else repr(value)


def _members(value: Any) -> str:
    said = [
        f"{field.name}={told(getattr(value, field.name))}"
        for field in fields(value)
        if getattr(value, field.name) != _default(field)
    ]
    return f"{type(value).__name__}({', '.join(said)})"


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def told_in_short(finding: Finding) -> str:
    """A finding without its decision; results, drugs and drafts by value, day and reference alone."""
    shown = f"{finding.card}:{finding.indicator}" if finding.card else finding.because
    parts = [f"{finding.outcome} {shown}", *(_part(finding, field) for field in fields(finding)[5:])]
    return "; ".join(filter(None, parts)).replace("\n", " / ")


def _part(finding: Finding, field: Field[Any]) -> str:
    value = getattr(finding, field.name)
    if not value:
        return ""
    if isinstance(value, Mapping):
        return f"{field.name} " + ", ".join(f"{name}={_fact(each)}" for name, each in sorted(value.items()))
    listed = isinstance(value, tuple)
    return f"{field.name} " + (", ".join(map(_fact, value)) if listed else str(value))


def _fact(fact: Any) -> str:
    match fact:
        case LabResult():
            return " ".join((fact.analyte, told(fact.quantity), fact.when.text, fact.how, fact.reference))
        case Drug():
            return f"{fact.product.name} {fact.reference}"
        case Draft():
            return f"{fact.reference} {fact.number}"
    return fact if isinstance(fact, str) else told(fact)
