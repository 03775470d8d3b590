"""Expand every value set with SNOMED roots by a terminology server, into a file that survives being killed.

Each page is written as it comes, to a file beside the wanted one; a later run with the same server goes on after the
last whole line. Once every value set was asked for, the file is put in place at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from cards.knowledge.code_systems import SNOMED, system_of
from cds_service.fhir.terminology import NotExpanded, TerminologyServer
from cds_service.knowledge.expansions import (
    FORMAT,
    ExpandedSet,
    header,
    line_of,
    parsed,
    rooted_sets,
    set_of,
    sound_codes,
)

#: Gets how many value sets are done, of how many.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run brought: the value sets that are in the file, those that failed with the reason, and what was kept."""

    expanded: Mapping[str, ExpandedSet]
    failed: Mapping[str, str]
    resumed: int = 0


@dataclass(slots=True)
class _Begun:
    """What an earlier run wrote: finished value sets, and the codes and entries of one that was not finished."""

    sets: dict[str, ExpandedSet] = field(default_factory=dict)
    pages: dict[str, tuple[list[str], int]] = field(default_factory=dict)


def work_file(out: Path) -> Path:
    """Return the file in which a run is kept until it is finished."""
    return out.with_name(f"{out.name}.part")


def expand(
    server: TerminologyServer, out: Path, now: Callable[[], datetime], on_progress: OnProgress = lambda done, of: None
) -> Outcome:
    """Expand all value sets into `out`. Raises `OSError` where a file cannot be written.

    A value set that fails is left out and named; where the server cannot be asked at all, the run ends there. The
    finished file replaces `out` only if at least one value set is in it.
    """
    work, sets = work_file(out), rooted_sets()
    begun = _begun(work, server.base)
    done, failed = dict(begun.sets), dict[str, str]()
    with _opened(work, server.base, fresh=not (begun.sets or begun.pages)) as file:
        for name, roots in sets.items():
            on_progress(len(done) + len(failed), len(sets))
            if name in done and done[name].roots == roots:
                continue
            codes, entries = begun.pages.get(name, ([], 0))
            try:
                for page in server.pages(_snomed_part(name), SNOMED, entries):
                    codes.extend(sound_codes(name, list(page.codes)))
                    entries += page.entries
                    _append(file, {"page": name, "entries": entries, "codes": list(page.codes)})
            except NotExpanded as fault:
                failed[name] = str(fault)
                if fault.is_final:
                    break
                continue
            except ValueError as fault:
                failed[name] = f"the server sent what is no code of SNOMED CT: {fault}"
                continue
            done[name] = ExpandedSet(name, now(), roots, frozenset(codes))
            _append(file, line_of(done[name]))
    on_progress(len(sets), len(sets))
    kept = {name: each for name, each in done.items() if name in sets}
    if kept and not _is_unfinished(kept, failed):
        _finish(work, out, server.base, kept)
    return Outcome(kept, failed, len(begun.sets))


def _is_unfinished(done: Mapping[str, ExpandedSet], failed: Mapping[str, str]) -> bool:
    """Return whether some value set was never asked for, because the server could not be reached."""
    return len(done) + len(failed) < len(rooted_sets())


def _snomed_part(name: str) -> Mapping[str, Any]:
    """Return the value set with its SNOMED codes alone, which is what the server is asked about."""
    content = json.loads((files("cards") / "valuesets" / f"{name}.json").read_text(encoding="utf-8"))
    compose = {
        part: found
        for part, entries in content["compose"].items()
        if (found := [_bare(each) for each in entries if system_of(each["system"]) == SNOMED])
    }
    kept = ("resourceType", "url", "version", "name", "title", "status")
    return {name: content[name] for name in kept} | {"compose": compose}


def _bare(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an include without our own remarks on its codes."""
    found: dict[str, Any] = {"system": part["system"]}
    if "concept" in part:
        found["concept"] = [{"code": each["code"]} for each in part["concept"]]
    if "filter" in part:
        found["filter"] = part["filter"]
    return found


def _begun(work: Path, server: str) -> _Begun:
    """Read what an earlier run wrote; nothing where it asked another server, or the file is of another kind."""
    begun = _Begun()
    for number, line in enumerate(_lines(work)):
        if number == 0:
            if line.get("format") != FORMAT or line.get("server") != server:
                return begun
        elif isinstance(line.get("page"), str):
            codes, _ = begun.pages.setdefault(line["page"], ([], 0))
            codes.extend(line["codes"])
            begun.pages[line["page"]] = codes, line["entries"]
        else:
            each = set_of(line)
            begun.sets[each.name] = each
            begun.pages.pop(each.name, None)
    return begun


def _lines(work: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a work file up to the first one that is not whole: that is where a run was killed."""
    if not work.is_file():
        return
    with work.open(encoding="utf-8", errors="replace") as file:
        for words in file:
            line = parsed(words) if words.endswith("\n") else None
            if line is None:
                return
            yield line


def _opened(work: Path, server: str, *, fresh: bool) -> TextIO:
    """Open the work file for more lines, without one that was cut off."""
    if fresh:
        file = work.open("w", encoding="utf-8")
        _append(file, header(server))
        return file
    whole = [json.dumps(line) for line in _lines(work)]
    work.write_text("".join(f"{words}\n" for words in whole), encoding="utf-8")
    return work.open("a", encoding="utf-8")


def _append(file: TextIO, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()


def _finish(work: Path, out: Path, server: str, sets: Mapping[str, ExpandedSet]) -> None:
    """Put the finished file in place of the old one, in one step."""
    ready = out.with_name(f"{out.name}.new")
    lines = (header(server), *(line_of(sets[name]) for name in rooted_sets() if name in sets))
    ready.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    ready.replace(out)
    work.unlink()
