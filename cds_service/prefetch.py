"""One key of a prefetch as the service takes it: what was sent, or as if absent where it answers another question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cards.reading import Listed, unwrap
from cards.reading.bundles import NOT_READ
from cards.reading.kinds import KINDS
from cards.reading.shapes import subject_is, text
from cds_service.services import KIND_OF_KEY

#: The types a key may hold besides the one it asks for: older versions' names, and what `_include` brings along.
_KINDS_OF_KEY: Mapping[str, frozenset[str]] = {key: KINDS[key] for key in ("medications", "orders")}


def prefetched(prefetch: Mapping[str, Any], key: str, patient_id: str) -> Listed:
    """The list under a key; not read where the key is absent, of another type or wholly about somebody else."""
    if key not in prefetch:
        return NOT_READ
    listed = unwrap(prefetch[key], kind=KIND_OF_KEY[key])
    return NOT_READ if _is_of_another_kind(listed, key) or is_foreign(listed, key, patient_id) else listed


def _is_of_another_kind(listed: Listed, key: str) -> bool:
    kinds = _KINDS_OF_KEY.get(key, frozenset()) | {KIND_OF_KEY[key]}
    return bool(listed.resources) and not any(text(each.get("resourceType")) in kinds for each in listed.resources)


def is_foreign(listed: Listed, key: str, *patient_ids: str) -> bool:
    """Nothing in it is about any of the patients: the whole answer belongs to somebody else (F-11)."""
    if key == "patient":
        return any(text(each.get("id")) not in ("", *patient_ids) for each in listed.resources)
    return bool(listed.resources) and not any(
        subject_is(each, patient_id) for each in listed.resources for patient_id in patient_ids
    )
