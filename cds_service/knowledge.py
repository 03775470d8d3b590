"""All that a service knows when it starts: the rules that ship with it, and what its site does its own way.

    known = load_knowledge(settings)      # raises BadKnowledge with every fault: file, place and fix

Nothing starts with half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from cards.overrides import out_of_order, overridden
from cards.reading import Site
from cards.rules import BadKnowledge, Rules, rules_from
from cds_service.clients.client import Client
from cds_service.knowledge_checks import knowledge_faults
from cds_service.knowledge_codes import CodeMap, read_code_map, together
from cds_service.knowledge_definitions import definition_faults
from cds_service.knowledge_site import NO_OVERRIDES, Overrides, read_overrides
from cds_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The rules as they stand at this site; what each client's codes mean, by its name (`open` without clients)."""

    rules: Rules
    sites: Mapping[str, Site] = field(default_factory=dict)


@cache
def national_rules() -> Rules:
    """The rules that ship with the package, checked whole. Raises `BadKnowledge`."""
    folder = files("cards")
    entries = sorted((folder / "decisions").iterdir(), key=lambda entry: entry.name)
    sources = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in entries
        if entry.name.endswith(".toml")
    }
    return checked_rules(sources, (folder / "citations.toml").read_text(encoding="utf-8"))


def checked_rules(decision_files: Mapping[str, str], citations_file: str, definitions: str | None = None) -> Rules:
    """Rules from the text of these files. Raises `BadKnowledge` with every fault of all of them.

    `definitions`: those to check in place of the ones that ship, which every decision reads.
    """
    faults = knowledge_faults(decision_files, citations_file) + definition_faults(citations_file, definitions)
    if faults:
        raise BadKnowledge(*faults)
    rules = rules_from(decision_files, citations_file)
    disordered = tuple(f"cards/decisions: {fault}" for fault in out_of_order(rules))
    if disordered:
        raise BadKnowledge(*disordered)
    return rules


def load_knowledge(settings: Settings, rules: Rules | None = None) -> Knowledge:
    """The knowledge for these settings; `rules` in place of those that ship. Raises `BadKnowledge`, every fault."""
    national = rules or national_rules()
    paths = site_paths(settings)
    overrides, faults = _overrides(paths.get("overrides"), national)
    maps: dict[str, CodeMap] = {}
    for path in dict.fromkeys(path for name, path in paths.items() if name != "overrides"):
        maps[path], found = read_code_map(Path(path))
        faults += found
    if faults:
        raise BadKnowledge(*faults)
    clients = settings.clients or (settings.profile,)
    sites = {client.name: _site(client, paths, maps, overrides) for client in clients}
    where = Path(paths.get("overrides", "")).name
    return Knowledge(overridden(national, overrides.thresholds, overrides.switches, where=where), sites)


def site_paths(settings: Settings) -> Mapping[str, str]:
    """The site's files: `overrides`, `local_codes`, and `local_codes of <client>`."""
    named = {name: str(settings.site[name]) for name in ("overrides", "local_codes") if settings.site.get(name)}
    own = {f"local_codes of {each.name}": each.local_codes for each in settings.clients if each.local_codes}
    return {**named, **own}


def _overrides(path: str | None, national: Rules) -> tuple[Overrides, tuple[str, ...]]:
    """The overrides, with the faults of their form and those of what they mean, together."""
    if path is None:
        return NO_OVERRIDES, ()
    overrides, faults = read_overrides(Path(path))
    try:
        overridden(national, overrides.thresholds, overrides.switches, where=Path(path).name)
    except BadKnowledge as fault:
        faults += fault.faults
    return overrides, faults


def _site(client: Client, paths: Mapping[str, str], maps: Mapping[str, CodeMap], overrides: Overrides) -> Site:
    """A client's own map stands before the site's; what we offer to order under its codes is recognised as well."""
    named = (paths.get("local_codes"), paths.get(f"local_codes of {client.name}"))
    return together((maps[path] for path in named if path), client.site_orderables, overrides.assay_factors)
