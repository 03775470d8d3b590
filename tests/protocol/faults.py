"""Make one prefetch key fail, in each way that clients and servers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Body = dict[str, Any]

NOT_FOLLOWED = "https://elsewhere.example/fhir/next"


def absent(value: Any) -> Any:
    """Omit the key, as a client that could not fetch it, without a server to read."""
    return ...


def outcome(value: Any) -> Any:
    issue = {"severity": "error", "code": "exception", "diagnostics": "no answer"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def error_entry(value: Any) -> Any:
    """Add an error to a complete Bundle."""
    entries = value.get("entry", []) if isinstance(value, dict) else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": [*entries, {"resource": outcome(None)}]}


def cut(value: Any) -> Any:
    """Keep the first half, with a link to the rest that cannot be followed."""
    entries = value.get("entry", []) if isinstance(value, dict) else []
    links = [{"relation": "next", "url": NOT_FOLLOWED}]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries[: len(entries) // 2]}


def last_half(value: Any) -> Any:
    """Keep the second half, with the same link."""
    entries = value.get("entry", []) if isinstance(value, dict) else []
    return cut(value) | {"entry": entries[len(entries) // 2 :]}


def not_whole(value: Any) -> Any:
    """Keep the first half, with a warning that a source did not answer in place of a link."""
    entries = value.get("entry", []) if isinstance(value, dict) else []
    note = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
    kept = [*entries[: len(entries) // 2], {"resource": note, "search": {"mode": "outcome"}}]
    return {"resourceType": "Bundle", "type": "searchset", "entry": kept}


def words(value: Any) -> Any:
    return "<html>an error page</html>"


def foreign(value: Any) -> Any:
    """Replace the records by those of another patient."""
    theirs = {"resourceType": "Condition", "id": "x", "subject": {"reference": "Patient/somebody-else"}}
    return {"resourceType": "Bundle", "entry": [{"resource": theirs}]}


def another_type(value: Any) -> Any:
    return {"resourceType": "Group", "id": "x"}


FAULTS: dict[str, Callable[[Any], Any]] = {
    each.__name__: each
    for each in (absent, outcome, error_entry, cut, last_half, not_whole, words, foreign, another_type)
}


def failed(body: Body, faults: dict[str, str]) -> Body:
    """Return the request with these keys failing, and without a server to read instead."""
    prefetch = dict(body["prefetch"])
    for key, name in faults.items():
        if key in prefetch:
            prefetch[key] = FAULTS[name](prefetch[key])
    kept = {name: value for name, value in body.items() if name != "fhirServer"}
    return kept | {"prefetch": {key: value for key, value in prefetch.items() if value is not ...}}
