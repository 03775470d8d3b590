"""Checks across the knowledge files: sources, ranges, histories, names and texts. All faults are reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from jsonschema import Draft202012Validator

from cards.drugs.ingredients import ingredients
from cards.knowledge.decision_file import CERTAINTIES, DECISION
from cards.knowledge.valuesets import load_valueset, valueset_names
from cards.labs.analytes import analyte, analytes
from cards.presenting.orders import orderables
from cds_service.knowledge.placeholders import side_faults, text_faults
from cds_service.knowledge.toml_files import form_faults, parse_table
from cds_service.web.json_schema import validator

_CITATIONS = "cards/knowledge/citations.toml"
_DECISION = Draft202012Validator(DECISION.schema)
#: Units of whole numbers.
_WHOLE_UNITS = ("d", "mo", "a")

#: Units of limits that are not compared with a laboratory result.
_OTHER_UNITS = ("d", "mo", "a", "mg", "mg/kg", "kg", "%", "IU", "points", "dose rises")

Content = Mapping[str, Any]
#: The content of a file, and the faults for which it could not be read.
Parsed = tuple[Content, tuple[str, ...]]


def parse_decisions(decision_files: Mapping[str, str]) -> Mapping[str, Parsed]:
    """Return what these files hold (text by decision name), each with the fault that keeps it from being read."""
    return {name: parse_table(text, _where(name)) for name, text in decision_files.items()}


def parse_citations(citations_file: str) -> Parsed:
    """Return the sources, with the fault that keeps them from being read."""
    return parse_table(citations_file, _CITATIONS)


def knowledge_faults(decisions: Mapping[str, Parsed], cited: Parsed) -> tuple[str, ...]:
    """Return every fault of these files. What has a wrong form is not looked into further."""
    parsed = {_where(name): found for name, found in decisions.items()}
    citations, unread = cited
    faults = [*unread, *form_faults(validator("citations"), citations, _CITATIONS)]
    sound: dict[str, Content] = {}
    for where, (content, broken) in parsed.items():
        found = broken or form_faults(_DECISION, content, where)
        faults += found
        if not found:
            sound[where] = content
    faults += _defined_twice(sound)
    if len(sound) == len(parsed):
        faults += _use_faults(sound)
    limits, sides = _limit_names(parsed.values()), _sides(sound.values())
    for where, content in sound.items():
        checks = (*_threshold_faults(content, citations), *_switch_faults(content), *_card_faults(content, citations),
                  *_order_faults(content), *text_faults(content, limits), *side_faults(content, sides))  # fmt: skip
        faults += [f"{where}: {fault}" for fault in checks]
    return tuple(faults)


def _limit_names(parsed: Iterable[Parsed]) -> frozenset[str] | None:
    """Return the thresholds as named in placeholders, or None if a file is unreadable, which could hide some."""
    read = tuple(parsed)
    if any(broken for _, broken in read):
        return None
    tables = (content.get("thresholds") for content, _ in read)
    return frozenset(name.replace(".", "_") for table in tables if isinstance(table, Mapping) for name in table)


def _sides(files: Iterable[Content]) -> Mapping[str, str]:
    """Return the side of every threshold, by its name as a placeholder names it."""
    tables = (content.get("thresholds", {}) for content in files)
    return {name.replace(".", "_"): entry["side"] for table in tables for name, entry in table.items()}


def _where(name: str) -> str:
    return f"cards/decisions/{name}.toml"


def _defined_twice(files: Mapping[str, Content]) -> Iterator[str]:
    """Yield thresholds, switches and cards that are defined twice; two cards must not share a code either."""
    for table in ("thresholds", "switches", "cards"):
        owner: dict[str, str] = {}
        for where, content in files.items():
            for name in content.get(table, {}):
                key = name.replace("-", "") if table == "cards" else name
                if key in owner:
                    yield f"{where}: {table}.{name}: already defined in {owner[key]}; keep one"
                owner.setdefault(key, where)


def _use_faults(files: Mapping[str, Content]) -> Iterator[str]:
    """Yield names in `uses` that no other file defines."""
    owner = {name: where for where, content in files.items() for table in ("thresholds", "switches")
             for name in content.get(table, {})}  # fmt: skip
    for where, content in files.items():
        for name in content["uses"]:
            if name not in owner:
                yield f"{where}: uses: {name} is no threshold or switch of any file; correct or remove it"
            elif owner[name] == where:
                yield f"{where}: uses: {name} is defined in this file itself; remove it"


def _threshold_faults(content: Content, citations: Content) -> Iterator[str]:
    for name, entry in content.get("thresholds", {}).items():
        place = f'thresholds."{name}"'
        yield from (f"{place}{fault}" for fault in _value_faults(entry))
        yield from (f"{place}{fault}" for fault in _history_faults(entry, citations))
        yield from (f"{place}.citation: {fault}" for fault in source_faults(entry, citations))
        yield from (f"{place}{fault}" for fault in _unit_faults(entry))


def _value_faults(entry: Content) -> Iterator[str]:
    value, (low, high) = Decimal(entry["value"]), (Decimal(end) for end in entry["range"])
    if low > high:
        yield f".range: {low} to {high} is upside down; write the lower end first"
    elif not low <= value <= high:
        yield f".range: does not hold the value {value}; allowed: a range around it; correct value or range"
    if value % Decimal(entry.get("step", "1")):
        yield f".value: {value} cannot be reported in steps of {entry.get('step', '1')}; correct value or step"


def _history_faults(entry: Content, citations: Content) -> Iterator[str]:
    history = entry["history"]
    if any(earlier["since"] >= later["since"] for earlier, later in pairwise(history)):
        yield ".history: days do not rise; write the oldest entry first"
    if Decimal(history[-1]["value"]) != Decimal(entry["value"]) or history[-1]["citation"] != entry["citation"]:
        yield ".history: the last entry is not today's value and source; add an entry for the change"
    for number, each in enumerate(history):
        if each["citation"] not in citations:
            yield f".history[{number}].citation: {each['citation']} is not in {_CITATIONS}; add it there"


def source_faults(entry: Content, citations: Content) -> Iterator[str]:
    """Yield a fault for a source that is not listed, or is less certain than the entry."""
    source = citations.get(entry["citation"])
    if source is None:
        yield f"{entry['citation']} is not in {_CITATIONS}; add it there, or name another source"
    elif _rank(entry["certainty"]) < _rank(source.get("certainty", "unverified")):
        yield (
            f"certainty {entry['certainty']} is better than that of its source ({source['certainty']}); "
            "allowed: no better than the source; correct one of them"
        )


def _rank(certainty: str) -> int:
    """From the best to the least; a value cannot be surer than the source it names."""
    return CERTAINTIES.index(certainty) if certainty in CERTAINTIES else len(CERTAINTIES)


def _unit_faults(entry: Content) -> Iterator[str]:
    name = entry.get("analyte", "")
    if name and name not in analytes():
        yield f".analyte: {name} is not in cards/labs/analytes.toml; correct it"
    elif name and analyte(name).unit != entry["unit"]:
        yield f".unit: found {entry['unit']}; allowed: {analyte(name).unit}, in which {name} is compared; correct it"
    if not name and entry["unit"] not in _OTHER_UNITS:
        allowed = f"{', '.join(_OTHER_UNITS)}; or that of an analyte, named under analyte"
        yield f".unit: found {entry['unit']}; allowed: {allowed}; correct it"
    if entry["unit"] in _WHOLE_UNITS and Decimal(entry["value"]) % 1:
        yield ".value: days, months and years are not divided; write a whole number"


def _switch_faults(content: Content) -> Iterator[str]:
    for name, entry in content.get("switches", {}).items():
        if entry["default"] not in entry["choices"]:
            yield f'switches."{name}".default: {entry["default"]} is none of its choices; choose one of them'


def _card_faults(content: Content, citations: Content) -> Iterator[str]:
    for name, entry in content["cards"].items():
        yield from (
            f"cards.{name}.citations: {source} is not in {_CITATIONS}; add it there"
            for source in entry["citations"]
            if source not in citations
        )


def _order_faults(content: Content) -> Iterator[str]:
    yield from (
        f"orders: {name} is no test of cards/presenting/orderables.toml; add it there"
        for name in _not_in(content["orders"])
    )


def _not_in(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if name not in orderables())


def unverified_codes() -> tuple[tuple[str, str, str], ...]:
    """Return every unverified code: value set or drug, system and code. They match like any other code."""
    sets = ((name, code) for name in valueset_names() if not name.startswith("drug-")
            for code in load_valueset(name).unverified())  # fmt: skip
    drugs = ((name, code) for name, each in ingredients().items() for code in sorted(each.unverified))
    return tuple((name, *code) for name, code in (*sets, *drugs))
