"""Everything a service is told, checked together: settings, client profiles, site overrides, local code maps."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cards.rules import BadKnowledge
from cds_service.knowledge import Knowledge, load_knowledge, site_paths
from cds_service.knowledge_warnings import knowledge_warnings
from cds_service.rules_listing import choice_in_words, value_in_words
from cds_service.settings import BadSettings, Client, Settings, load_settings
from cds_service.settings_checks import warnings


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. With `faults` nothing can start, and there are neither `settings` nor `knowledge`."""

    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    settings: Settings | None = None
    knowledge: Knowledge | None = None


def check_configuration(path: Path, environ: Mapping[str, str], today: date) -> Checked:
    """Check the settings file at `path` and all it names, as on `today`. All faults at once; nothing is raised."""
    faults: tuple[str, ...] = ()
    try:
        settings = load_settings(path, environ)
    except BadSettings as fault:
        faults, settings = tuple(str(each) for each in fault.faults), _naming_files(path)
    try:
        knowledge = load_knowledge(settings, today=today)
    except BadKnowledge as fault:
        return Checked((*faults, *fault.faults))
    if faults:
        return Checked(faults)
    said = (*warnings(settings), *knowledge_warnings(knowledge.rules, settings, today))
    return Checked((), said, settings, knowledge)


def _naming_files(path: Path) -> Settings:
    """Settings that hold no more than the site's files: these are checked although other settings are faulty."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return Settings()
    site = {name: str(file) for name, file in _files(content.get("site"), path, ("overrides", "local_codes"))}
    entries = content.get("clients")
    clients = tuple(
        Client(name=str(name), local_codes=str(file))
        for name, entry in (entries.items() if isinstance(entries, Mapping) else ())
        for _, file in _files(entry, path, ("local_codes",))
    )
    return Settings(site=site, clients=clients)


def _files(table: object, settings_file: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """The files that a table names and that are there; those that are not are a fault of the settings already."""
    for name in names:
        written = table.get(name) if isinstance(table, Mapping) else None
        file = settings_file.parent / written if isinstance(written, str) else None
        if file is not None and file.is_file():
            yield name, file


def in_words(checked: Checked) -> Iterator[str]:
    """What was read, for the person who asked: clients, site files, own limits and codes in use that are unverified."""
    if checked.settings is None or checked.knowledge is None:
        return
    names = [client.name for client in checked.settings.clients]
    yield f"Clients: {', '.join(names)}." if names else "Open mode: no client is configured; this machine only."
    for name, file in site_paths(checked.settings).items():
        yield f"{name}: {file}"
    for limit in checked.knowledge.rules.thresholds.values():
        if limit.national is not None:
            yield f"{limit.name}: {value_in_words(limit)}"
    for switch in checked.knowledge.rules.switches.values():
        if switch.site_date is not None:
            yield f"{switch.name}: {choice_in_words(switch)}"
    for client, site in checked.knowledge.sites.items():
        maps = (site.local_codes, site.diagnosis_codes, site.procedure_codes, site.order_codes, site.drug_codes,
                site.allergy_codes)  # fmt: skip
        yield f"{client}: {sum(len(each) for each in maps)} local codes, {len(site.assay_factors)} assay factors"
