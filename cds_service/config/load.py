"""Load the settings from one TOML file and the environment, and validate them as a whole.

    settings = load_settings(Path("rls-cds.toml"), os.environ)

Every setting is listed in `table.py`; checks across settings are in `checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.config.checks import check
from cds_service.config.client import Client
from cds_service.config.profiles import open_client, read_clients
from cds_service.config.settings import Settings
from cds_service.config.sources import ABSENT, BadSettings, SettingFault, Sources, lookup, report_unknown_names, shorten
from cds_service.config.table import SERVICES, SETTINGS
from cds_service.config.toml_text import NotToml, parse_toml
from cds_service.store.records import Retention

_ORDER_SELECT = next(row for row in SETTINGS if row.name == "services.rls-order-select")
_RETENTION = tuple(each.name for each in fields(Retention))
#: The top-level tables of the files that the settings name under [site].
_SITE_FILES: Mapping[str, tuple[str, frozenset[str]]] = {
    "overrides": ("a file of overrides", frozenset({"thresholds", "switches", "assay_factors"})),
    "local_codes": (
        "a map of local codes",
        frozenset({"laboratory", "diagnoses", "procedures", "orderables", "drugs", "allergies"}),
    ),
}


def load_settings(
    path: Path | str | None,
    environ: Mapping[str, str],
    *,
    demo: bool = False,
    for_server: bool = True,
    options: Mapping[str, object] | None = None,
) -> Settings:
    """Load settings from `options` (command line, by setting name), then `environ`, the file at `path`, and defaults.

    In the demo every caller has the `sandbox` profile, and order-select is live. `for_server` is false for a command
    that only needs the site's rules: missing addresses and secrets are then no fault, but wrong ones are. Raises
    `BadSettings` with all faults.
    """
    file = None if path is None else Path(path)
    sources = Sources(options or {}, environ, {}, file.name if file else "settings", file.parent if file else Path())
    if file:
        sources.content = _read_file(file)
        _refuse_site_file(file, sources.content)
    clients = read_clients(sources)
    settings = _build(sources, clients, demo)
    names = lookup(sources.content, "clients")
    report_unknown_names(sources, names if isinstance(names, Mapping) else ())
    check(settings, sources, for_server=for_server)
    if sources.faults:
        raise BadSettings(sources.faults)
    return settings


def _read_file(path: Path) -> Mapping[str, object]:
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except OSError as fault:
        found, step = f"no file that can be read ({fault.strerror})", "name a file that is there with --config"
    except UnicodeDecodeError:
        found, step = "text in another encoding", "save the file as UTF-8"
    except NotToml as fault:
        found, step = f"no TOML: {fault}", "correct that line"
    raise BadSettings([SettingFault(path.name, found, "a TOML file in UTF-8", step)])


def _refuse_site_file(path: Path, content: Mapping[str, object]) -> None:
    """Raise `BadSettings` for a site file, which is easily given instead of the settings file that names it."""
    for setting, (what, tables) in _SITE_FILES.items():
        if content and set(content) <= tables:
            step = f"name it in your settings file, {setting} = {path.name!r} below [site], and check that one"
            raise BadSettings(
                [SettingFault(path.name, what, "a settings file such as deploy/rls-cds.example.toml", step)]
            )


def _build(sources: Sources, clients: tuple[Client, ...], demo: bool) -> Settings:
    values: dict[str, Any] = {row.name: sources.value(row) for row in SETTINGS}
    services = {service: values.pop(f"services.{service}") for service in SERVICES}
    values["retention"] = Retention(**{name: values.pop(f"retention.{name}") for name in _RETENTION})
    if demo and not sources.is_set(_ORDER_SELECT):
        services["rls-order-select"] = "live"
    paths = {name: values.pop(f"site.{name}") for name in ("overrides", "local_codes", "expansions")}
    values["site"] = {**_site_table(sources), **{name: path for name, path in paths.items() if path}}
    if isinstance(values["time_zone"], str):
        values["time_zone"] = ZoneInfo(values["time_zone"])
    profile = open_client("sandbox" if demo else "generic")
    return Settings(services=services, clients=clients, profile=profile, **values)


def _site_table(sources: Sources) -> Mapping[str, object]:
    """Return the table [site] as written; its readers validate it."""
    site = lookup(sources.content, "site")
    if isinstance(site, Mapping):
        return site
    if site is not ABSENT:
        sources.add_fault(
            f"{sources.file}: site", shorten(site), "a table [site]", "write the settings of the site below it"
        )
    return {}
