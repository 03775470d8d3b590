"""All that a service knows when it starts: the rules that ship with it, and what its site does its own way.

    known = load_knowledge(settings, today=today)      # raises BadKnowledge with every fault: file, place and fix

Nothing starts with half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cards.overrides import out_of_order, overridden, override_faults
from cards.reading import Site
from cards.rules import BadKnowledge, Rules, rules_from
from cds_service.clients.client import Client
from cds_service.knowledge_checks import knowledge_faults
from cds_service.knowledge_codes import CodeMap, read_code_map, together
from cds_service.knowledge_definitions import definition_faults
from cds_service.knowledge_site import NO_OVERRIDES, Overrides, read_overrides
from cds_service.knowledge_valuesets import table_faults, valueset_faults
from cds_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The rules as they stand at this site; what each client's codes mean, by its name (`open` without clients)."""

    rules: Rules
    sites: Mapping[str, Site] = field(default_factory=dict)


@cache
def national_rules() -> Rules:
    """The rules that ship with the package, checked whole. Raises `BadKnowledge`."""
    return rules_of(files("cards"))


def rules_of(folder: Traversable) -> Rules:
    """The rules of a folder laid out as cards/. Raises `BadKnowledge` where a file is missing, unreadable or faulty."""
    broken = (*table_faults(folder), *valueset_faults(folder / "valuesets"))
    try:
        entries = sorted((folder / "decisions").iterdir(), key=lambda entry: entry.name)
        found = [entry for entry in (*entries, folder / "citations.toml") if entry.name.endswith(".toml")]
        texts = {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in found}
        definitions = (folder / "definitions.toml").read_text(encoding="utf-8")
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
    name = "/".join(parts[-2:] if "decisions" in parts[-2:-1] else parts[-1:])
    return f"cards/{name}: cannot be read ({fault.strerror}); put back the file of the release"


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


def load_knowledge(settings: Settings, rules: Rules | None = None, *, today: date) -> Knowledge:
    """The knowledge for these settings as on `today`; `rules` in place of those that ship.

    Raises `BadKnowledge`, every fault. A site's entry is held against the national value that is in force today.
    """
    national = (rules or national_rules()).on(today)
    paths = site_paths(settings)
    overrides, faults = _overrides(paths.get("overrides"), national, today)
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


def _overrides(path: str | None, national: Rules, today: date) -> tuple[Overrides, tuple[str, ...]]:
    """The overrides, with the faults of their form and those of what they mean, together."""
    if path is None:
        return NO_OVERRIDES, ()
    overrides, faults = read_overrides(Path(path), national, today)
    meant = override_faults(national, overrides.thresholds, overrides.switches, where=Path(path).name)
    return overrides, (*faults, *meant)


def _site(client: Client, paths: Mapping[str, str], maps: Mapping[str, CodeMap], overrides: Overrides) -> Site:
    """A client's own map stands before the site's; what we offer to order under its codes is recognised as well."""
    named = (paths.get("local_codes"), paths.get(f"local_codes of {client.name}"))
    return together((maps[path] for path in named if path), client.site_orderables, overrides.assay_factors)
