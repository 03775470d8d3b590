"""Pages on what the service knows: rules, cards, value sets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cards.knowledge import code_systems
from cards.knowledge.rules import CardText, Rules
from cards.wording.render import render_limits
from cds_service.knowledge.listing import as_markdown
from cds_service.knowledge.load import national_rules
from tests.docs.paths import ROOT
from tests.docs.tables import code, table

_VALUE_SETS = ROOT / "cards" / "valuesets"
_RULES = """\
# Rules

Every decision with its thresholds, switches, definitions and sources, as they ship. `rls-cds rules` prints the same
for a terminal, `rls-cds rules --config rls-cds.toml` with a site's own limits in it, and `--format fhir` as a Bundle of
PlanDefinition, Library, ActivityDefinition and ValueSet. What each mark of certainty means stands in the [clinical
rationale](../explanation/clinical/index.md#certainty); how a site sets a limit in [Set a site
limit](../how-to/set-a-site-limit.md).

"""
_CARDS = """\
# Cards

Every card by its decision. A card's id without hyphens is the code that clients see in `source.topic`, stable for
ever. In a summary, words in italics stand for values of the patient. When a card comes is the [decision
table](../explanation/clinical/decision-table.md); every card in full, beside a synthetic
patient, is the [booklet](cards/index.md).

"""
_SETS = """\
# Value sets

The codes by which results, diagnoses, drugs and orders are recognised: one FHIR ValueSet for each in
`cards/valuesets`, where every code stands with its display and where it was seen. *and below* takes in all codes under
a category; a code in italics [awaits verification](../explanation/clinical/codes.md#c-4), matches like any other, and
a card that rests on it says so. A site adds its own codes by [a map](../how-to/map-local-codes.md).

"""
#: A kind of value set by the beginning of its name; diagnoses and procedures have none.
_KINDS: Mapping[str, str] = {
    "lab": "Laboratory results",
    "measure": "Other observations",
    "order": "Laboratory orders",
    "drug": "Drugs",
    "": "Diagnoses and procedures",
}
_SYSTEMS: Mapping[str, str] = {
    code_systems.LOINC: "LOINC",
    code_systems.SNOMED: "SNOMED CT",
    code_systems.ICD_10_CM: "ICD-10-CM",
    code_systems.ICD_9_CM: "ICD-9-CM",
    code_systems.ICD_10: "ICD-10",
    code_systems.ICD_10_AM: "ICD-10-AM",
    code_systems.ICD_10_GM: "ICD-10-GM",
    code_systems.ICD_11: "ICD-11",
    code_systems.ICPC_2: "ICPC-2",
    code_systems.RXNORM: "RxNorm",
    code_systems.ATC: "ATC",
    code_systems.CPT: "CPT",
    code_systems.HCPCS: "HCPCS",
    code_systems.UNII: "UNII",
}


def rules_page() -> str:
    """Return the rules as `rls-cds rules --format markdown` prints them, below an introduction."""
    return _RULES + as_markdown(national_rules())


def cards_page() -> str:
    """Return every card with its indicator, summary, grade and sources."""
    rules = national_rules()
    return _CARDS + "\n".join(_cards_of(rules))


def _cards_of(rules: Rules) -> Iterator[str]:
    for decision in rules.decisions.values():
        yield f"## {decision.title} {{ #{decision.name} }}\n"
        yield f"`{decision.name}`, asked at {', '.join(decision.hooks)}. {decision.question}\n"
        rows = (
            (f"**{card.id}**<br>{card.title}", card.indicator, _summary(card, rules), card.grade, _sources(card, rules))
            for card in decision.cards.values()
        )
        yield table(("Card", "Indicator", "Summary", "Grade", "Source"), rows)


def _summary(card: CardText, rules: Rules) -> str:
    limits = render_limits(rules)
    apart = card.summary.replace("}{", "} {")
    return re.sub(r"\{(\w+)\}", lambda gap: limits.get(gap[1], f"*{gap[1].replace('_', ' ')}*"), apart)


def _sources(card: CardText, rules: Rules) -> str:
    return "; ".join(rules.citations[name].label for name in card.citations)


def value_sets_page() -> str:
    """Return every value set with its codes, by kind."""
    sets = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(_VALUE_SETS.glob("*.json"))]
    blocks = []
    for prefix, title in _KINDS.items():
        rows = [_value_set(each) for each in sets if _kind(each["id"]) == prefix]
        blocks.append(f"## {title}\n\n" + table(("Value set", "Holds", "Codes"), rows))
    return _SETS + "\n".join(blocks)


def _kind(name: str) -> str:
    prefix = name.partition("-")[0]
    return prefix if prefix in _KINDS else ""


def _value_set(content: Mapping[str, Any]) -> tuple[str, str, str]:
    title, described = content["title"], content.get("description", "")
    holds = title if title.lower() in described.lower() else f"{title}. {described}"
    codes = [*_codes(content["compose"].get("include", [])), *_codes(content["compose"].get("exclude", []), "not ")]
    return code(content["id"]), holds, "<br>".join(codes)


def _codes(parts: list[Mapping[str, Any]], before: str = "") -> Iterator[str]:
    """Yield a line for each code system."""
    by_system: dict[str, list[str]] = {}
    for part in parts:
        shown = by_system.setdefault(part["system"], [])
        shown += [_marked(each["code"], each) for each in part.get("concept", [])]
        shown += [f"{_marked(each['value'], part)} and below" for each in part.get("filter", [])]
    yield from (f"{before}{_SYSTEMS[system]}: {', '.join(codes)}" for system, codes in by_system.items())


def _marked(value: str, holder: Mapping[str, Any]) -> str:
    unverified = any(each["url"].endswith("/code-unverified") for each in holder.get("extension", []))
    return f"*{value}*" if unverified else value
