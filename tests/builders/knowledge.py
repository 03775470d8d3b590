"""What is made from the national rules, once for all tests that look into it. Nothing here may be changed."""

from __future__ import annotations

from functools import cache
from typing import Any

from cards.presenting.export.files import collection, package, transaction
from cards.presenting.export.resources import resources
from cds_service.knowledge.listing import as_markdown, as_table
from cds_service.knowledge.load import national_rules

#: The version of the export in tests.
RELEASE = "9.8.7"


@cache
def exported() -> tuple[dict[str, Any], ...]:
    """Return the rules as FHIR resources."""
    return tuple(resources(national_rules(), RELEASE))


@cache
def exported_text() -> str:
    """Return the rules as one FHIR Bundle to read, written out."""
    return collection(national_rules(), RELEASE)


@cache
def exported_transaction() -> str:
    """Return the rules as one FHIR Bundle to load, written out."""
    return transaction(national_rules(), RELEASE)


@cache
def exported_package() -> bytes:
    """Return the rules as a FHIR package."""
    return package(national_rules(), RELEASE)


@cache
def listed_as_table() -> str:
    """Return the rules as `rls-cds rules` lists them."""
    return as_table(national_rules())


@cache
def listed_as_markdown() -> str:
    """Return the rules as Markdown tables."""
    return as_markdown(national_rules())
