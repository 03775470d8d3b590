"""Reads rows of the settings table from options, environment and file, and keeps every fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cds_service.settings_table import CLIENT_SETTINGS, PREFIX, SETTINGS, Setting
from cds_service.settings_values import Unfit

#: Variables that are not settings: the file itself, and what Kubernetes sets for a service of this name.
_NOT_SETTINGS = re.compile(r"RLS_CDS_(CONFIG|CI|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp)://")
#: Where every setting is shown with its default.
EXAMPLE = "deploy/rls-cds.example.toml (README, Running it)"
#: Nothing was written anywhere.
ABSENT = object()
#: A secret's file cannot be read.
UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what was found, what is allowed and what to do."""

    place: str
    value: str
    allowed: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.place}: found {self.value}; allowed: {self.allowed}; {self.next_step}"


class BadSettings(ValueError):
    """The service cannot run with these settings. `faults` names everything that is wrong, not just the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(slots=True)
class Sources:
    """Where settings come from, strongest first: options of the command line, environment, file."""

    options: Mapping[str, object]
    environ: Mapping[str, str]
    content: Mapping[str, object]
    file: str
    folder: Path
    faults: list[Fault] = field(default_factory=list)

    def blame(self, place: str, value: str, allowed: str, next_step: str) -> None:
        self.faults.append(Fault(place, value, allowed, next_step))

    def value(self, row: Setting, client: str = "", ready: Mapping[str, object] | None = None) -> object:
        """The value of one row; a fault is noted and answered with the default. `ready`: the client's profile."""
        place, raw = self._find(row, client)
        if raw is ABSENT and ready is not None and row.name in ready:
            place, raw = f"profile of {client}", ready[row.name]
        if raw is ABSENT:
            return row.default
        try:
            return row.read(raw, replace(row.limits, folder=self.folder))
        except Unfit as unfit:
            shown = "***" if row.secret or raw is UNREADABLE else shorten(raw)
            self.blame(place, shown, unfit.allowed, unfit.next_step or f"correct {place}")
            return row.default

    def is_written(self, row: Setting) -> bool:
        """Somebody chose a value, even if it is the default."""
        return self._find(row, "")[1] is not ABSENT

    def _find(self, row: Setting, client: str) -> tuple[str, object]:
        option = self.options.get(row.name) if not client else None
        if option is not None:
            return f"--{row.name.replace('_', '-')}", option
        variable = row.variable(client)
        text = self.environ.get(variable)
        if text is not None and (text or row.name == "database_url") and not _is_kubernetes(row, text):
            return variable, text
        if row.secret and self.environ.get(f"{variable}_FILE"):
            return f"{variable}_FILE", _text_of(Path(self.environ[f"{variable}_FILE"]))
        place = f"clients.{client}.{row.name}" if client else row.name
        return f"{self.file}: {place}", look_up(self.content, place)


def _text_of(path: Path) -> object:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return UNREADABLE


def _is_kubernetes(row: Setting, text: str) -> bool:
    return row.name == "port" and bool(_KUBERNETES_PORT.match(text))


def look_up(content: Mapping[str, object], place: str) -> object:
    """The value at a dotted place of a TOML document, or `ABSENT`."""
    found: object = content
    for part in place.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return ABSENT
        found = found[part]
    return found


def shorten(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 80 else text[:77] + "..."


def note_unknown(sources: Sources, clients: Iterable[str]) -> None:
    """Whatever is written but is no setting: a slip of the pen must not be passed over in silence."""
    names = tuple(clients)
    own = [row.name for row in SETTINGS] + ["site", "clients"]
    for name in _leaves({key: value for key, value in sources.content.items() if key not in ("site", "clients")}, own):
        _note_name(sources, f"{sources.file}: {name}", name, own)
    members = [row.name for row in CLIENT_SETTINGS]
    for client in names:
        entry = look_up(sources.content, f"clients.{client}")
        for name in _leaves(entry if isinstance(entry, Mapping) else {}, members):
            _note_name(sources, f"{sources.file}: clients.{client}.{name}", name, members)
    _note_variables(sources, names)


def _note_variables(sources: Sources, clients: Iterable[str]) -> None:
    known = {row.variable() for row in SETTINGS}
    known |= {row.variable(client) for client in clients for row in CLIENT_SETTINGS}
    known |= {f"{row.variable()}_FILE" for row in SETTINGS if row.secret}
    for name in sorted(sources.environ):
        if name.startswith(PREFIX) and name not in known and not _NOT_SETTINGS.fullmatch(name):
            _note_name(sources, name, name, sorted(known))


def _leaves(table: Mapping[str, object], known: Iterable[str]) -> list[str]:
    """Dotted names in `table` that are not known; a known name is not looked into."""
    names, found = set(known), []
    for key, value in table.items():
        if key in names:
            continue
        inside = [name for name in names if name.startswith(f"{key}.")]
        if inside and isinstance(value, Mapping):
            found += [f"{key}.{inner}" for inner in value if f"{key}.{inner}" not in names]
        else:
            found.append(key)
    return found


def _note_name(sources: Sources, place: str, name: str, known: Iterable[str]) -> None:
    near = difflib.get_close_matches(name, list(known), 1)
    step = f"did you mean {near[0]}?" if near else f"remove it, or look for its name in {EXAMPLE}"
    sources.blame(place, "a name that is no setting", f"the settings that {EXAMPLE} shows", step)
