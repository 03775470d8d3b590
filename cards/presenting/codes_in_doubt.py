"""Whether a finding rests on a code that still awaits verification (clinical rationale 4): its explanation says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cards.facts.chart import Allergy, Chart, Diagnosis, LabOrder, Procedure
from cards.facts.drugs import Drug
from cards.facts.finding import Finding
from cards.facts.results import LabResult
from cards.patient.status import rls

Coded = Diagnosis | Procedure | Allergy | LabOrder | LabResult | Drug


def rests_on_a_code_in_doubt(finding: Finding, chart: Chart) -> bool:
    """Return whether evidence, a result, an order or RLS itself is known by unverified codes alone."""
    used = frozenset(finding.evidence)
    facts: Iterable[Coded] = (
        *chart.diagnoses, *chart.procedures, *chart.allergies, *chart.lab_orders, *chart.drugs
    )  # fmt: skip
    ordered: Iterator[Coded] = (draft.drug for draft in finding.drafts if draft.drug)
    return (
        any(_is_in_doubt(fact) for fact in facts if fact.reference in used)
        or any(_is_in_doubt(fact) for fact in (*_results(finding, chart), *ordered))
        or any(draft.unverified for draft in finding.drafts)
        or _is_rls_in_doubt(chart)
    )


def _results(finding: Finding, chart: Chart) -> Iterator[LabResult]:
    """The results it names, and those of its evidence that another resource holds."""
    named = tuple(fact for fact in finding.facts.values() if isinstance(fact, LabResult))
    others = frozenset(finding.evidence) - {fact.reference for fact in named}
    yield from named
    yield from (result for result in chart.labs if result.reference in others)


def _is_in_doubt(fact: Coded) -> bool:
    if isinstance(fact, Drug):
        return fact.product.unverified
    if isinstance(fact, LabResult):
        return fact.unverified or any(_is_in_doubt(part) for part in fact.parts)
    return fact.unverified


def _is_rls_in_doubt(chart: Chart) -> bool:
    found = rls(chart)
    return bool(found) and all(diagnosis.unverified for diagnosis in found)
