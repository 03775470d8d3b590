"""Read a TOML file of rules or site choices, and report faults of its form: file, place, value, allowed, next step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from cds_service.config.toml_text import NotToml, parse_toml

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DATES = frozenset({"changed", "next_review", "since", "date"})
#: A place in a file, such as `("thresholds", "ferritin.low", "value")`.
Place = tuple[str, ...]


def read_table(path: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the content of a TOML file, or the fault that prevents reading it."""
    try:
        return parse_table(path.read_text(encoding="utf-8"), path.name)
    except OSError as fault:
        return {}, (f"{path.name}: cannot be read ({fault.strerror}); name a file that is there",)
    except UnicodeDecodeError:
        return {}, (f"{path.name}: text in another encoding; save the file as UTF-8",)


def parse_table(text: str, where: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the content of TOML text, or the fault that prevents reading it."""
    try:
        return parse_toml(text, parse_float=Decimal), ()
    except NotToml as fault:
        return {}, (f"{where}: not TOML: {fault}; correct that line",)


def form_faults(form: Draft202012Validator, content: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return every violation of the schema, without duplicates, in order of place."""
    return tuple(f"{where}: {place}: {text}" for place, text in _found(form, content))


def faulty_places(form: Draft202012Validator, content: Mapping[str, Any]) -> frozenset[Place]:
    """Return every faulty place, including those of missing members; other members may be valid."""
    errors = form.iter_errors(_plain(content))
    quoted = (path for path, _ in _quoted_dates(content, ()))
    return frozenset((*(place for error in errors for place in _places(error)), *quoted))


def _places(error: ValidationError) -> Iterator[Place]:
    path = tuple(str(step) for step in error.absolute_path)
    if error.validator == "required":
        there = cast("dict[str, Any]", error.instance)
        yield from ((*path, name) for name in cast("list[str]", error.validator_value) if name not in there)
    elif not (error.validator == "additionalProperties" and _allows_no_others(error)):
        yield path


def _found(form: Draft202012Validator, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    errors = sorted(form.iter_errors(_plain(content)), key=lambda error: place_of(error.absolute_path))
    quoted = dict(_quoted_dates(content, ()))
    said = [line for error in errors if tuple(error.absolute_path) not in quoted for line in _lines(error)]
    said += [(place_of(path), f"found {value!r} in quotes; write the day without quotes, as 2026-06-15")
             for path, value in quoted.items()]  # fmt: skip
    yield from dict.fromkeys(said)


def _allows_no_others(error: ValidationError) -> bool:
    return cast("dict[str, Any]", error.schema).get("additionalProperties") is False


def _lines(error: ValidationError) -> Iterator[tuple[str, str]]:
    rule, path = cast("dict[str, Any]", error.schema), tuple(error.absolute_path)
    instance = cast("Any", error.instance)
    if error.validator == "required":
        for name in cast("list[str]", error.validator_value):
            if name not in instance:
                yield _line((*path, name), "nothing", rule["properties"][name])
    elif error.validator == "additionalProperties" and _allows_no_others(error):
        for name in sorted(set(instance) - set(rule["properties"])):
            yield place_of((*path, name)), _no_such_name(name, rule["properties"])
    else:
        yield _line(path, shown(instance), {**rule, **_in_quotes(path, instance, rule)})


def _in_quotes(path: tuple[object, ...], found: object, rule: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the next step for a number without quotes: to quote the same number."""
    is_number = isinstance(found, int | Decimal) and not isinstance(found, bool)
    pattern = rule.get("pattern", "(?!)")
    if not is_number or not re.search(pattern, str(found)) or re.search(pattern, "a"):
        return {}
    name = path[-1] if path else ""
    return {"x-next-step": f'write it as {name} = "{found}"' if isinstance(name, str) else f'write it as "{found}"'}


def _no_such_name(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    step = f"did you mean {near[0]}?" if near else "remove it"
    return f"found a name that is none; allowed: {', '.join(known)}; {step}"


def _line(path: Iterable[object], found: str, rule: Mapping[str, Any]) -> tuple[str, str]:
    said = f"allowed: {rule['description']}; {rule['x-next-step']}" if "description" in rule else "not allowed there"
    return place_of(path), f"found {found}; {said}"


def place_of(path: Iterable[object]) -> str:
    """Format a place as in TOML, such as `thresholds."ferritin.low".range[0]`."""
    parts = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if _BARE.fullmatch(str(step)) else f'."{step}"')
    return "".join(parts).removeprefix(".") or "the file"


def shown(value: object) -> str:
    """Return a value as a message repeats it, truncated if long; these files contain no secrets."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _plain(value: Any, name: str = "") -> Any:
    """Convert TOML values to JSON, with dates as text where a date belongs."""
    if isinstance(value, Mapping):
        return {key: _plain(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if name in _DATES and isinstance(value, date) else value


def _quoted_dates(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield dates that are written as text, which would not be compared."""
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _quoted_dates(inner, (*path, str(number)))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _DATES and isinstance(inner, str):
                yield (*path, key), inner
            yield from _quoted_dates(inner, (*path, key))
