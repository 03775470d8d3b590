"""The settings of the service: read once from one TOML file and the environment, checked whole, never changed.

    settings = load_settings(Path("rls-cds.toml"), os.environ)

Everything there is to set stands in `settings_table.py`; rules between settings in `settings_checks.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cds_service.clients.client import Client, Mode
from cds_service.clients.profiles import open_client, read_clients
from cds_service.settings_checks import check
from cds_service.settings_reading import ABSENT, BadSettings, Fault, Sources, look_up, note_unknown, shorten
from cds_service.settings_record import Settings
from cds_service.settings_table import SERVICES, SETTINGS

__all__ = ["BadSettings", "Client", "Fault", "Mode", "Settings", "load_settings"]

_ORDER_SELECT = next(row for row in SETTINGS if row.name == "services.rls-order-select")
#: The tables of the files that the settings name under [site].
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
    serves: bool = True,
    options: Mapping[str, object] | None = None,
) -> Settings:
    """Settings from `options` (command line, by setting name), else `environ`, else the file at `path`, else defaults.

    In the demo everybody is the `sandbox` profile, and order-select is live. `serves`: False for a command that only
    reads what a site knows: addresses and secrets that are absent are no fault then, wrong ones are. Raises
    `BadSettings` with all faults.
    """
    file = None if path is None else Path(path)
    sources = Sources(options or {}, environ, {}, file.name if file else "settings", file.parent if file else Path())
    if file:
        sources.content = _read_file(file)
        _refuse_site_file(file, sources.content)
    clients = read_clients(sources)
    settings = _build(sources, clients, demo)
    names = look_up(sources.content, "clients")
    note_unknown(sources, names if isinstance(names, Mapping) else ())
    check(settings, sources, serves=serves)
    if sources.faults:
        raise BadSettings(sources.faults)
    return settings


def _read_file(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        found, step = f"no file that can be read ({fault.strerror})", "name a file that is there with --config"
    except UnicodeDecodeError:
        found, step = "text in another encoding", "save the file as UTF-8"
    except tomllib.TOMLDecodeError as fault:
        found, step = f"no TOML: {fault}" if len(str(fault)) < 120 else "no TOML", "correct that line"
    raise BadSettings([Fault(path.name, found, "a TOML file in UTF-8", step)])


def _refuse_site_file(path: Path, content: Mapping[str, object]) -> None:
    """A file that the settings name is easily given in their place. Raises `BadSettings`."""
    for setting, (what, tables) in _SITE_FILES.items():
        if content and set(content) <= tables:
            step = f"name it in your settings file, {setting} = {path.name!r} below [site], and check that one"
            raise BadSettings([Fault(path.name, what, "a settings file such as deploy/rls-cds.example.toml", step)])


def _build(sources: Sources, clients: tuple[Client, ...], demo: bool) -> Settings:
    values: dict[str, Any] = {row.name: sources.value(row) for row in SETTINGS}
    services = {service: values.pop(f"services.{service}") for service in SERVICES}
    if demo and not sources.is_written(_ORDER_SELECT):
        services["rls-order-select"] = "live"
    paths = {name: values.pop(f"site.{name}") for name in ("overrides", "local_codes")}
    values["site"] = {**_site_table(sources), **{name: path for name, path in paths.items() if path}}
    if isinstance(values["time_zone"], str):
        values["time_zone"] = ZoneInfo(values["time_zone"])
    profile = open_client("sandbox" if demo else "generic")
    return Settings(services=services, clients=clients, profile=profile, demo=demo, **values)


def _site_table(sources: Sources) -> Mapping[str, object]:
    """What stands under [site], as written; its readers check it."""
    site = look_up(sources.content, "site")
    if isinstance(site, Mapping):
        return site
    if site is not ABSENT:
        sources.blame(
            f"{sources.file}: site", shorten(site), "a table [site]", "write the settings of the site below it"
        )
    return {}
