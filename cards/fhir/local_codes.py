"""A site's own codes for what we know under public ones: what each means, by (system, code)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cards.knowledge.code_systems import plain_code, system_of

Code = tuple[str, str]
#: A code of a site, as `local_key` writes it, to the names of the value sets it belongs to.
LocalConcepts = Mapping[Code, frozenset[str]]

NONE: LocalConcepts = MappingProxyType({})


def local_key(system: str, code: str) -> Code:
    """Return how a code is looked up: the system under its FHIR name where it has one, the code as it is compared."""
    known = system_of(system)
    return (known, plain_code(known, code)) if known else (system.strip(), code.strip())


def local_concepts(codes: Iterable[Code], local: LocalConcepts) -> frozenset[str]:
    """Return what these codes mean at the site; empty where they mean nothing there."""
    if not local:
        return frozenset()
    return frozenset().union(*(local.get(local_key(system, code), frozenset()) for system, code in codes))
