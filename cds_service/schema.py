"""The JSON Schemas of cds_service/schemas, and what they say is wrong with a document, in our own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from cds_service.errors import Fault


def load_schema(name: str) -> dict[str, Any]:
    """The schema of that name (a file of cds_service/schemas without its ending)."""
    content: dict[str, Any] = orjson.loads((files("cds_service") / "schemas" / f"{name}.json").read_bytes())
    return content


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(load_schema(name))


def faults(name: str, document: Any) -> tuple[Fault, ...]:
    """Everything that is wrong, once each; places come from our schema, never from the document."""
    found = (fault for error in validator(name).iter_errors(document) for fault in _faults_of(error))
    return tuple({fault.location: fault for fault in found}.values())


def _faults_of(error: ValidationError) -> Iterator[Fault]:
    place, rule = _place(error.absolute_path), cast("dict[str, Any]", error.schema)
    if error.validator in ("required", "dependentRequired"):
        for name in _missing_names(error):
            yield _fault(f"{place}.{name}" if place else name, "missing", rule["properties"][name])
    else:
        yield _fault(place, shape(error.instance), rule)


def _missing_names(error: ValidationError) -> Iterable[str]:
    wanted: Any = error.validator_value
    names = [name for group in wanted.values() for name in group] if isinstance(wanted, Mapping) else wanted
    return [name for name in names if name not in cast("dict[str, Any]", error.instance)]


def _fault(place: str, found: str, rule: Mapping[str, Any]) -> Fault:
    return Fault(place, found, rule["description"], rule["x-next-step"])


def _place(path: Iterable[str | int]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def shape(value: Any) -> str:
    """What a value is, without what it says: no text of a request is ever repeated."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"a string of {len(value)} characters that is not allowed" if value else "an empty string"
    return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)} members"
