"""What of a patient's data could not be told: counts by code system, analyte and reason, nothing of the patient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cards.facts.chart import Chart
from cards.fhir.bundles import Listed
from cards.reading import Site
from cards.reading.unknown import UNREADABLE_UNITS, untold_drugs
from cards.reading.untold import untold_codes

_UNDATED = frozenset({"no-date", "date-not-readable"})
#: An OID, or an address without query and user: what a system may be named by in a report.
_SYSTEM = re.compile(
    r"(?:urn:oid:)?[0-2](?:\.\d{1,10}){2,20}"
    r"|https?://[a-z0-9.\-]{4,60}(?:/[A-Za-z][A-Za-z0-9.\-]{0,30}){0,6}/?"
    r"|urn:[a-z0-9\-]{2,20}(?::[a-z][a-z0-9\-]{0,20}){0,2}"
)
_UNNAMED = "a system without an address"


def quality_of(gathered: Mapping[str, Listed], chart: Chart, site: Site, damaged: int) -> dict[str, Any]:
    """Return what could not be told of one patient, by kind; kinds of which there is nothing are left out."""
    codes = Counter[str]()
    for (key, system), seen in untold_codes(gathered, site).items():
        codes[f"{key} {_named(system)}"] += seen
    drugs = untold_drugs(gathered["medications"].resources, site, gathered.values())
    drug_codes = Counter[str]()
    for system, seen in drugs.codes.items():
        drug_codes[_named(system)] += seen
    found = {
        "codes": _sorted(codes),
        "units": _sorted(Counter(each.analyte for each in chart.unusable if each.why in UNREADABLE_UNITS)),
        "undated": _sorted(Counter(each.analyte for each in chart.unusable if each.why in _UNDATED)),
        "unmapped": _sorted(Counter(each.analyte for each in chart.unusable if each.why == "code-not-mapped")),
        "drugs": drugs.drugs,
        "drug_codes": _sorted(drug_codes),
        "drug_names": drugs.names,
        "damaged": damaged,
    }
    return {kind: value for kind, value in found.items() if value}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts in the order of their names, so that the bytes depend on no order of lines or of a set."""
    return dict(sorted(counts.items()))


def _named(system: str) -> str:
    if not system:
        return "no system"
    return system if len(system) <= 120 and _SYSTEM.fullmatch(system) else _UNNAMED
