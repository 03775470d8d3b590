"""Whether an order hook has anything to look at (product.md section 5, item 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from cards.reading import read_chart, unwrap
from cards.reading.drafts import DRUG_ORDERS
from cards.reading.shapes import first, reference_id, reference_of, subject_is, text
from cds_service.hook_request import HookRequest


def has_draft_to_judge(request: HookRequest, *, now: datetime, zone: tzinfo) -> bool:
    """True where a selected draft for this patient is of a kind that is judged, or can only be told after its
    medication has been read from the server. Nothing chosen yet, an empty Bundle and other orders are none."""
    chart = read_chart(
        {},
        patient_id=request.patient_id,
        now=now,
        zone=zone,
        drafts=request.draft_orders,
        selections=request.selections,
    )
    if any(draft.selected for draft in chart.drafts):
        return True
    basket = unwrap(request.draft_orders).resources
    sent = {text(each.get("id")) for each in basket if text(each.get("resourceType")) == "Medication"}
    return any(subject_is(each, request.patient_id) and _refers_elsewhere(each, sent) for each in basket)


def _refers_elsewhere(order: Mapping[str, Any], sent: set[str]) -> bool:
    """A drug order whose medication is neither contained nor in the basket."""
    if text(order.get("resourceType")) not in DRUG_ORDERS:
        return False
    inside = first(order.get("medication")).get("reference")
    reference = reference_of(order.get("medicationReference")) or reference_of(inside)
    return bool(reference) and not reference.startswith("#") and reference_id(reference) not in sent
