"""Read settings from options, environment and file, and collect every fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cds_service.config.table import CLIENT_SETTINGS, PREFIX, SETTINGS, Setting
from cds_service.config.values import InvalidValue

#: Variables that are not settings: the path of the file, and those that Kubernetes sets for a service of this name.
_NOT_SETTINGS = re.compile(r"RLS_CDS_(CONFIG|CI|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp)://")
#: The file that shows every setting with its default.
EXAMPLE = "deploy/rls-cds.example.toml (docs/reference/settings.md)"
#: The setting has no value in any source.
ABSENT = object()


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """The file that a variable names for a secret cannot be read; the path may be the secret itself, by mistake."""

    why: str


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One fault in the settings: its place, the value found, what is allowed, and what to do."""

    place: str
    value: str
    allowed: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.place}: found {self.value}; allowed: {self.allowed}; {self.next_step}"


class BadSettings(ValueError):
    """The service cannot run with these settings; `faults` names everything that is wrong, not just the first."""

    def __init__(self, faults: Iterable[SettingFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(slots=True)
class Sources:
    """The sources of settings in order of precedence: command-line options, environment, file."""

    options: Mapping[str, object]
    environ: Mapping[str, str]
    content: Mapping[str, object]
    file: str
    folder: Path
    faults: list[SettingFault] = field(default_factory=list)
    _unreadable: set[str] = field(default_factory=set)

    def add_fault(self, place: str, value: str, allowed: str, next_step: str) -> None:
        """Add a fault, unless it is there or its setting cannot be read: what cannot be read is not missing too."""
        fault = SettingFault(place, value, allowed, next_step)
        if _name_of(place) not in self._unreadable and fault not in self.faults:
            self.faults.append(fault)

    def value(self, row: Setting, client: str = "", preset: Mapping[str, object] | None = None) -> object:
        """Return the value of a setting, or its default after adding a fault; `preset` is the client's profile."""
        place, raw = self._find(row, client)
        if raw is ABSENT and preset is not None and row.name in preset:
            place, raw = f"profile of {client}", preset[row.name]
        if raw is ABSENT:
            return row.default
        if isinstance(raw, UnreadableFile):
            allowed = "the path of a file that the user of the service may read"
            found = f"a file that cannot be read ({raw.why})"
            self.add_fault(place, found, allowed, f"look at the file that {place} names with: ls -l")
            self._unreadable.add(_name_of(place))
            return row.default
        try:
            return row.read(raw, replace(row.constraints, folder=self.folder))
        except InvalidValue as invalid:
            shown = "***" if row.secret else shorten(raw)
            self.add_fault(place, shown, invalid.allowed, invalid.next_step or f"correct {place}")
            self._unreadable.add(_name_of(place))
            return row.default

    def is_set(self, row: Setting) -> bool:
        """Return whether any source sets the value, even to the default."""
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
        return f"{self.file}: {place}", lookup(self.content, place)


def _name_of(place: str) -> str:
    """Return the name of a setting without the file it stands in."""
    return place.rpartition(": ")[2]


def _text_of(path: Path) -> object:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as fault:
        return UnreadableFile(fault.strerror or type(fault).__name__)
    except UnicodeDecodeError:
        return UnreadableFile("no text in UTF-8")


def _is_kubernetes(row: Setting, text: str) -> bool:
    return row.name == "port" and bool(_KUBERNETES_PORT.match(text))


def lookup(content: Mapping[str, object], place: str) -> object:
    """Return the value at a dotted place of a TOML document, or `ABSENT`."""
    found: object = content
    for part in place.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return ABSENT
        found = found[part]
    return found


def shorten(raw: object) -> str:
    """Return the value as a message repeats it, in at most 80 characters."""
    text = repr(raw)
    return text if len(text) <= 80 else text[:77] + "..."


def report_unknown_names(sources: Sources, clients: Iterable[str]) -> None:
    """Add a fault for every name that is no setting, so that no misspelling is ignored."""
    names = tuple(clients)
    own = [row.name for row in SETTINGS] + ["site", "clients"]
    for name in _leaves({key: value for key, value in sources.content.items() if key not in ("site", "clients")}, own):
        _report_name(sources, f"{sources.file}: {name}", name, own)
    members = [row.name for row in CLIENT_SETTINGS]
    for client in names:
        entry = lookup(sources.content, f"clients.{client}")
        for name in _leaves(entry if isinstance(entry, Mapping) else {}, members):
            _report_name(sources, f"{sources.file}: clients.{client}.{name}", name, members)
    _report_variables(sources, names)


def _report_variables(sources: Sources, clients: Iterable[str]) -> None:
    known = {row.variable() for row in SETTINGS}
    known |= {row.variable(client) for client in clients for row in CLIENT_SETTINGS}
    known |= {f"{row.variable()}_FILE" for row in SETTINGS if row.secret}
    for name in sorted(sources.environ):
        if name.startswith(PREFIX) and name not in known and not _NOT_SETTINGS.fullmatch(name):
            _report_name(sources, name, name, sorted(known))


def _leaves(table: Mapping[str, object], known: Iterable[str]) -> list[str]:
    """Return the unknown dotted names in `table`, without looking inside known ones."""
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


def _report_name(sources: Sources, place: str, name: str, known: Iterable[str]) -> None:
    near = difflib.get_close_matches(name, list(known), 1)
    step = f"did you mean {near[0]}?" if near else f"remove it, or look for its name in {EXAMPLE}"
    sources.add_fault(place, "a name that is no setting", f"the settings that {EXAMPLE} shows", step)
