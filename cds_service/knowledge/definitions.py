"""Check cards/knowledge/definitions.toml: its form and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cards.knowledge.definitions import WHERE, text_of_definitions
from cds_service.knowledge.checks import Parsed, source_faults
from cds_service.knowledge.toml_files import form_faults, parse_table
from cds_service.web.json_schema import validator

#: Units of whole numbers.
_WHOLE_UNITS = ("d", "a", "active ingredients")


def definition_faults(cited: Parsed, text: str | None = None) -> tuple[str, ...]:
    """Return every fault of the definitions in a text (None: those of the package), except faults of the citations."""
    content, unread = parse_table(text_of_definitions() if text is None else text, WHERE)
    faults = (*unread, *form_faults(validator("definitions"), content, WHERE))
    citations, broken = cited
    if faults or broken or form_faults(validator("citations"), citations, ""):
        return faults
    return tuple(f"{WHERE}: {fault}" for fault in _value_faults(content, citations))


def _value_faults(content: Mapping[str, Mapping[str, Any]], citations: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in content.items():
        yield from (f'"{name}".citation: {fault}' for fault in source_faults(entry, citations))
        value, step = Decimal(entry["value"]), Decimal(entry.get("step", "1"))
        if entry["unit"] in _WHOLE_UNITS and value % 1:
            yield f'"{name}".value: {value} {entry["unit"]}; these are not divided; write a whole number'
        elif not step or value % step:
            yield f'"{name}".step: {value} cannot be reported in steps of {step}; correct value or step'
