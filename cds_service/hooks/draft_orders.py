"""Tell draft orders that are none from draft orders that cannot be read (contract section 5, item 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cards.fhir.json_values import items, objects, text
from cards.reading.resource_types import ORDERS
from cds_service.web.errors import RequestFault
from cds_service.web.json_schema import describe_shape

_PLACE = "context.draftOrders"
#: A Bundle in a Bundle is opened this often, as `unwrap` does.
_DEEPEST = 3
#: The lists that a Bundle may hold beside its entries.
_NOT_ENTRIES = frozenset({"entry", "link", "extension", "modifierExtension", "signature"})


def draft_orders_fault(draft_orders: Any) -> RequestFault | None:
    """Return why this object cannot be draft orders, or None if it can be read, be it in part."""
    value = draft_orders
    for _ in range(_DEEPEST):
        if not isinstance(value, Mapping) or text(value.get("resourceType")) or "resource" not in value:
            break
        value = value["resource"]
    if not isinstance(value, Mapping):
        return _fault(describe_shape(value))
    kind = text(value.get("resourceType"))
    if kind == "Bundle" or (not kind and isinstance(value.get("entry"), list | Mapping)):
        return _fault_of_bundle(value)
    if kind not in ORDERS:
        return _fault(f"a resource that is no order, or an object of {len(value)} members without resourceType")
    return None


def _fault_of_bundle(bundle: Mapping[str, Any]) -> RequestFault | None:
    entries = bundle.get("entry")
    if entries is None or entries == []:
        held = [value for name, value in bundle.items() if name not in _NOT_ENTRIES]
        if any(isinstance(value, list) for value in held):
            return _fault("a Bundle without entry that holds another list")
        is_beside = any(_kind(value) for value in held if isinstance(value, Mapping))
        return _fault("a Bundle without entry that holds a resource elsewhere") if is_beside else None
    if not isinstance(entries, list | Mapping):
        return _fault("a Bundle whose entry is no list")
    held = [_kind(each) for each in items(entries)]
    if held and all(kind == "OperationOutcome" for kind in held):
        return _fault("a Bundle that holds an OperationOutcome alone")
    return None


def _kind(entry: Any) -> str:
    held = next(iter(objects(entry)), {})
    return text(next(iter(objects(held.get("resource", held))), {}).get("resourceType"))


def _fault(found: str) -> RequestFault:
    return RequestFault(
        _PLACE,
        found,
        "a Bundle whose orders are in entry",
        "Send each order as entry.resource; an empty Bundle where there are none.",
    )
