"""Read the prefetch of a call; a value that answers another question counts as absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cards.facts.chart import Listing
from cards.fhir.bundles import NOT_READ, Listed, unwrap
from cards.fhir.ownership import Ownership
from cards.reading.own_lists import accepted_list
from cards.reading.resource_types import MORE_DRUGS, asked_type


def sent_lists(prefetch: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Listed]:
    """Return what the client sent under each of these keys, and of further drugs; not known if a key is absent."""
    asked = (*keys, *(key for key in MORE_DRUGS if key in prefetch))
    return {key: unwrap(prefetch[key], kind=asked_type(key)) if key in prefetch else NOT_READ for key in asked}


def prefetched_lists(sent: Mapping[str, Listed], ownership: Ownership) -> dict[str, Listed]:
    """Return the lists as they may be used; not known if one is of another type or only about another patient."""
    return {key: _prefetched(listed, key, ownership) for key, listed in sent.items()}


def _prefetched(listed: Listed, key: str, ownership: Ownership) -> Listed:
    judged = accepted_list(listed, key, ownership)
    if judged is listed or judged.listing is not Listing.NOT_KNOWN:
        return judged
    return replace(NOT_READ, gap=judged.gap, addresses=listed.addresses)
