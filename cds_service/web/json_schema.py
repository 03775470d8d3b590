"""Validate documents against the JSON Schemas of cds_service/schemas, without quoting the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, cast

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from cds_service.web.errors import MOST_COUNTED, RequestFault


def load_schema(name: str) -> dict[str, Any]:
    """Load a schema by its name, the file name in cds_service/schemas without `.json`."""
    content: dict[str, Any] = orjson.loads((files("cds_service") / "schemas" / f"{name}.json").read_bytes())
    return content


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the cached validator of a schema."""
    return Draft202012Validator(load_schema(name))


def find_faults(name: str, document: Any) -> tuple[RequestFault, ...]:
    """Return the faults of a document, the first 1,000, one per location.

    Locations come from the schema, never from the document.
    """
    found = (fault for error in validator(name).iter_errors(document) for fault in _faults_of(error))
    return tuple({fault.location: fault for fault in islice(found, MOST_COUNTED)}.values())


def _faults_of(error: ValidationError) -> Iterator[RequestFault]:
    location, rule = _path_text(error.absolute_path), cast("dict[str, Any]", error.schema)
    if error.validator in ("required", "dependentRequired"):
        for name in _missing_names(error):
            yield _fault(f"{location}.{name}" if location else name, "missing", rule["properties"][name], "required")
    else:
        yield _fault(location, describe_shape(error.instance), rule, str(error.validator))


def _missing_names(error: ValidationError) -> Iterable[str]:
    wanted: Any = error.validator_value
    names = [name for group in wanted.values() for name in group] if isinstance(wanted, Mapping) else wanted
    return [name for name in names if name not in cast("dict[str, Any]", error.instance)]


def _fault(location: str, found: str, rule: Mapping[str, Any], keyword: str) -> RequestFault:
    return RequestFault(location, found, rule["description"], rule["x-next-step"], keyword)


def _path_text(path: Iterable[str | int]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def describe_shape(value: Any) -> str:
    """Describe a value without quoting it, since no text of a request may be repeated."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"a string of {len(value)} characters that is not allowed" if value else "an empty string"
    return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)} members"
