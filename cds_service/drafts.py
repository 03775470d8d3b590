"""Whether an order hook has anything to look at (product.md section 5, item 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from cards.chart import Listing
from cards.decide import decide
from cards.reading import Site, read_chart, unwrap
from cards.reading.drafts import DRUG_ORDERS
from cards.reading.shapes import first, reference_id, reference_of, subject_is, text
from cards.rules import Rules
from cds_service.hook_request import HookRequest

#: How a decision about orders says that no draft is of its kind.
NO_DRAFT = frozenset({"no_draft", "no_iron_draft", "no_iv_draft"})
_AS_IF_READ = {"patient": Listing.COMPLETE, "conditions": Listing.COMPLETE}


def has_draft_to_judge(
    request: HookRequest, rules: Rules, *, now: datetime, zone: tzinfo, site: Site | None = None
) -> bool:
    """True where a selected draft for this patient is of a kind that some decision judges, or can only be told after
    its medication has been read from the server. Nothing chosen yet, an empty Bundle and other orders are none.

    The decisions are asked about a patient of whom nothing but the drafts is known.
    """
    drafts = request.draft_orders
    chart = read_chart(
        {},
        patient_id=request.patient_id,
        now=now,
        zone=zone,
        drafts=drafts,
        selections=request.selections,
        site=site,
    )
    if chart.drafts:
        findings = decide(replace(chart, listings=_AS_IF_READ), rules, request.hook).findings
        if any(finding.because not in NO_DRAFT for finding in findings):
            return True
    basket = unwrap(drafts).resources
    sent = {text(each.get("id")) for each in basket if text(each.get("resourceType")) == "Medication"}
    own = (each for each in basket if subject_is(each, request.patient_id))
    return chart.has_unknown_draft or any(_refers_elsewhere(each, sent) for each in own)


def _refers_elsewhere(order: Mapping[str, Any], sent: set[str]) -> bool:
    """A drug order whose medication is neither contained nor in the basket."""
    if text(order.get("resourceType")) not in DRUG_ORDERS:
        return False
    inside = first(order.get("medication")).get("reference")
    reference = reference_of(order.get("medicationReference")) or reference_of(inside)
    return bool(reference) and not reference.startswith("#") and reference_id(reference) not in sent
