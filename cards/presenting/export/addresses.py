"""The canonical address, the id and the version of what is exported."""

from __future__ import annotations

BASE = "https://rls-cds.example.org"
_OURS = "rls-cds-"


def address(kind: str, name: str) -> str:
    """Return the canonical address of a resource."""
    return f"{BASE}/{kind}/{name}"


def canonical(kind: str, name: str, version: str) -> str:
    """Return the canonical address with the version, as one resource names another."""
    return f"{address(kind, name)}|{version}"


def resource_id(name: str) -> str:
    """Return the id of a resource, which no server has for one of its own: `pregnancy` might be somebody else's."""
    return name if name.startswith(_OURS) else f"{_OURS}{name}"


def computable_name(name: str) -> str:
    """Return the name as a program may use it: `iron-status` and `iron_status` are `IronStatus`."""
    return "".join(word[:1].upper() + word[1:] for word in name.replace("_", "-").split("-"))
