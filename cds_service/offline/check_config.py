"""Check a whole configuration: settings, client profiles, site overrides and local code maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from cards.knowledge.rules import BadKnowledge
from cds_service.config.checks import warnings
from cds_service.config.client import Client
from cds_service.config.load import load_settings
from cds_service.config.settings import Settings
from cds_service.config.sources import BadSettings
from cds_service.config.toml_text import NotToml, parse_toml
from cds_service.config.values import is_there
from cds_service.knowledge.listing import render_limit, render_switch
from cds_service.knowledge.load import Knowledge, load_knowledge, site_paths
from cds_service.knowledge.warnings import knowledge_warnings


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check. With `faults` the service cannot start, and `settings` and `knowledge` are None."""

    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    settings: Settings | None = None
    knowledge: Knowledge | None = None
    today: date | None = None


def check_configuration(path: Path, environ: Mapping[str, str], today: date) -> Checked:
    """Check the settings file at `path` and the files it names as of `today`; faults are returned, never raised."""
    faults: tuple[str, ...] = ()
    try:
        settings = load_settings(path, environ)
    except BadSettings as fault:
        faults, settings = tuple(str(each) for each in fault.faults), _site_files_only(path)
    try:
        knowledge = load_knowledge(settings, today=today)
    except BadKnowledge as fault:
        return Checked((*faults, *fault.faults))
    if faults:
        return Checked(faults)
    found = (*warnings(settings), *knowledge_warnings(knowledge.rules, settings, today))
    return Checked((), (*found, *knowledge.expansion.warnings(today)), settings, knowledge, today)


def _site_files_only(path: Path) -> Settings:
    """Return settings with only the paths of the site's files, to check those although other settings are faulty."""
    try:
        content = parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NotToml):
        return Settings()
    names = ("overrides", "local_codes", "expansions")
    site = {name: str(file) for name, file in _files(content.get("site"), path, names)}
    entries = content.get("clients")
    clients = tuple(
        Client(name=str(name), local_codes=str(file))
        for name, entry in (entries.items() if isinstance(entries, Mapping) else ())
        for _, file in _files(entry, path, ("local_codes",))
    )
    return Settings(site=site, clients=clients)


def _files(table: object, settings_file: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield the existing files that a table names; a missing one already is a fault of the settings."""
    for name in names:
        written = table.get(name) if isinstance(table, Mapping) else None
        file = settings_file.parent / written if isinstance(written, str) else None
        if file is not None and is_there(file):
            yield name, file


def summary(checked: Checked) -> Iterator[str]:
    """Yield lines on what was read: clients, site files, its own limits and choices, its codes and expansions."""
    if checked.settings is None or checked.knowledge is None or checked.today is None:
        return
    names = [client.name for client in checked.settings.clients]
    yield f"Clients: {', '.join(names)}." if names else "Open mode: no client is configured; this machine only."
    base_path = urlsplit(checked.settings.public_base or "").path
    if base_path:
        yield f"public_base has a path: every address answers below {base_path} and at the root alike."
    for client in checked.settings.clients:
        if client.cannot_send:
            yield f"{client.name} cannot send: {', '.join(sorted(client.cannot_send))}"
    for name, file in site_paths(checked.settings).items():
        yield f"{name}: {file}"
    for limit in checked.knowledge.rules.thresholds.values():
        if limit.national is not None:
            yield f"{limit.name}: {render_limit(limit)}"
    for switch in checked.knowledge.rules.switches.values():
        if switch.site_date is not None:
            yield f"{switch.name}: {render_switch(switch)}"
    for name, site in checked.knowledge.sites.items():
        maps = (site.local_codes, site.diagnosis_codes, site.procedure_codes, site.order_codes, site.drug_codes,
                site.allergy_codes)  # fmt: skip
        own = sum(len(each) for each in maps) - site.expanded
        yield f"{name}: {own} local codes, {len(site.assay_factors)} assay factors"
    yield from checked.knowledge.expansion.lines(checked.today)
