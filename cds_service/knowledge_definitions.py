"""What is wrong with cards/definitions.toml: its form, and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cards.definitions import WHERE, text_of_definitions
from cds_service.knowledge_checks import source_faults
from cds_service.knowledge_faults import form_faults, parse_table

#: Counted in whole numbers.
_WHOLE_UNITS = ("d", "a", "active ingredients")


def definition_faults(citations_file: str, text: str | None = None) -> tuple[str, ...]:
    """Every fault of the definitions in this text (none: of those that ship); the sources have their own check."""
    content, unread = parse_table(text_of_definitions() if text is None else text, WHERE)
    faults = (*unread, *form_faults("definitions", content, WHERE))
    citations, broken = parse_table(citations_file, "")
    if faults or broken or form_faults("citations", citations, ""):
        return faults
    return tuple(f"{WHERE}: {fault}" for fault in _meant(content, citations))


def _meant(content: Mapping[str, Mapping[str, Any]], citations: Mapping[str, Any]) -> Iterator[str]:
    for name, entry in content.items():
        yield from (f'"{name}".citation: {fault}' for fault in source_faults(entry, citations))
        value, step = Decimal(entry["value"]), Decimal(entry.get("step", "1"))
        if entry["unit"] in _WHOLE_UNITS and value % 1:
            yield f'"{name}".value: {value} {entry["unit"]}; these are not divided; write a whole number'
        elif not step or value % step:
            yield f'"{name}".step: {value} cannot be reported in steps of {step}; correct value or step'
