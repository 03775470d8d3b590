"""Load everything that the service needs to know at start-up: its rules, and the choices and codes of its site.

    known = load_knowledge(settings, today=today)      # raises BadKnowledge with every fault

The service does not start with a part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cards.decisions.decide import PATIENT_VIEW
from cards.knowledge.repetition import topic
from cards.knowledge.rules import BadKnowledge, Rules, rules_from
from cards.reading import Site
from cards.site.overrides import out_of_order, overridden, override_faults
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.knowledge.checks import knowledge_faults, parse_citations, parse_decisions
from cds_service.knowledge.code_maps import CodeMap, read_code_map, together, with_expansion
from cds_service.knowledge.definitions import definition_faults
from cds_service.knowledge.expansions import NO_EXPANSION, Expansion, read_expansion
from cds_service.knowledge.site_overrides import NO_OVERRIDES, Overrides, read_overrides
from cds_service.knowledge.valuesets import table_faults, valueset_faults


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The rules of this site, and the meanings of each client's codes by client name (`open` without clients).

    `expansion`: what lies below the SNOMED roots of the value sets, where the site has asked a terminology server.
    """

    rules: Rules
    sites: Mapping[str, Site] = field(default_factory=dict)
    expansion: Expansion = NO_EXPANSION


@cache
def national_rules() -> Rules:
    """Return the rules of the package. Raises `BadKnowledge` if they are faulty."""
    return rules_of(files("cards"))


def rules_of(folder: Traversable) -> Rules:
    """Load the rules of a folder laid out like cards/. Raises `BadKnowledge` where a file is missing or faulty."""
    broken = (*table_faults(folder), *valueset_faults(folder / "valuesets"))
    try:
        entries = sorted((folder / "decisions").iterdir(), key=lambda entry: entry.name)
        found = [entry for entry in (*entries, folder / "knowledge" / "citations.toml") if entry.name.endswith(".toml")]
        texts = {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in found}
        definitions = (folder / "knowledge" / "definitions.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadKnowledge(*broken, _not_read(fault)) from fault
    citations = texts.pop("citations")
    try:
        rules = checked_rules(texts, citations, definitions)
    except BadKnowledge as fault:
        raise BadKnowledge(*broken, *fault.faults) from fault
    if broken:
        raise BadKnowledge(*broken)
    return rules


def _not_read(fault: OSError | UnicodeDecodeError) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return "cards: a file of rules is in another encoding; save it as UTF-8, or put back the files of the release"
    parts = Path(str(fault.filename)).parts
    name = "/".join(parts[-2:] if parts[-1].endswith(".toml") else parts[-1:])
    return f"cards/{name}: cannot be read ({fault.strerror}); put back the file of the release"


def checked_rules(decision_files: Mapping[str, str], citations_file: str, definitions: str | None = None) -> Rules:
    """Build rules from the texts of these files. Raises `BadKnowledge` with every fault.

    `definitions`: checked instead of those of the package, which the decisions read in any case.
    """
    decisions, citations = parse_decisions(decision_files), parse_citations(citations_file)
    faults = knowledge_faults(decisions, citations) + definition_faults(citations, definitions)
    if faults:
        raise BadKnowledge(*faults)
    rules = rules_from({name: content for name, (content, _) in decisions.items()}, citations[0])
    disordered = tuple(f"cards/decisions: {fault}" for fault in out_of_order(rules))
    if disordered:
        raise BadKnowledge(*disordered)
    return rules


def load_knowledge(settings: Settings, rules: Rules | None = None, *, today: date) -> Knowledge:
    """Load the knowledge for these settings as of `today`, from `rules` or those of the package.

    A site's entry is compared with the national value in force today. Raises `BadKnowledge` with every fault.
    """
    national = (rules or national_rules()).on(today)
    paths = site_paths(settings)
    overrides, faults = _overrides(paths.get("overrides"), national, today)
    maps: dict[str, CodeMap] = {}
    for path in dict.fromkeys(path for name, path in paths.items() if name not in ("overrides", "expansions")):
        maps[path], found = read_code_map(Path(path))
        faults += found
    expansion, unread = read_expansion(Path(paths["expansions"])) if "expansions" in paths else (NO_EXPANSION, ())
    faults += (*unread, *_repeating_faults(settings.repeat_days, national))
    if faults:
        raise BadKnowledge(*faults)
    clients = settings.clients or (settings.profile,)
    sites = {client.name: with_expansion(_site(client, paths, maps, overrides), expansion) for client in clients}
    where = Path(paths.get("overrides", "")).name
    return Knowledge(overridden(national, overrides.thresholds, overrides.switches, where=where), sites, expansion)


def _repeating_faults(repeat_days: Mapping[str, int], rules: Rules) -> tuple[str, ...]:
    """Return a sentence for each card of the setting that no decision of patient-view has, or that is named twice.

    A card is named by its id (IRON-LOW), or by the topic that answers and the Watch page show (IRONLOW).
    """
    decisions = (decision for decision in rules.decisions.values() if PATIENT_VIEW in decision.hooks)
    ids = {card for decision in decisions for card in decision.cards}
    known = ids.union(map(topic, ids))
    unknown = tuple(
        f"settings: repeat_days.{card}: no card of {PATIENT_VIEW}; name one of the reference of cards, or remove it"
        for card in repeat_days
        if card not in known
    )
    twice = tuple(
        f"settings: repeat_days.{card}: the card is named by its topic too; remove one of them"
        for card in repeat_days
        if card in ids and topic(card) != card and topic(card) in repeat_days
    )
    return unknown + twice


def site_paths(settings: Settings) -> Mapping[str, str]:
    """Return the paths of the site's files: `overrides`, `local_codes`, `expansions`, `local_codes of <client>`."""
    files = ("overrides", "local_codes", "expansions")
    named = {name: str(settings.site[name]) for name in files if settings.site.get(name)}
    own = {f"local_codes of {each.name}": each.local_codes for each in settings.clients if each.local_codes}
    return {**named, **own}


def _overrides(path: str | None, national: Rules, today: date) -> tuple[Overrides, tuple[str, ...]]:
    """Read the overrides, with the faults of their form and of their meaning."""
    if path is None:
        return NO_OVERRIDES, ()
    overrides, faults = read_overrides(Path(path), national, today)
    meant = override_faults(national, overrides.thresholds, overrides.switches, where=Path(path).name)
    return overrides, (*faults, *meant)


def _site(client: Client, paths: Mapping[str, str], maps: Mapping[str, CodeMap], overrides: Overrides) -> Site:
    """Build a client's site; its own map overrides the site's, and its orderables are recognised as well."""
    named = (paths.get("local_codes"), paths.get(f"local_codes of {client.name}"))
    return together((maps[path] for path in named if path), client.site_orderables, overrides.assay_factors)
