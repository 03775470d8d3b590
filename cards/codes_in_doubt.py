"""Whether a finding rests on a code that still awaits verification (clinical page 4): its card says so."""

from __future__ import annotations

from collections.abc import Iterable

from cards.chart import Chart, Diagnosis, Procedure
from cards.finding import Finding
from cards.scope import rls


def rests_on_a_code_in_doubt(finding: Finding, chart: Chart) -> bool:
    """True where evidence, an order it is about, or the diagnosis of RLS itself is known by such codes alone."""
    used = frozenset(finding.evidence)
    facts: Iterable[Diagnosis | Procedure] = (*chart.diagnoses, *chart.procedures)
    drugs = (*(drug for drug in chart.drugs if drug.reference in used),
             *(draft.drug for draft in finding.drafts if draft.drug))  # fmt: skip
    named = any(fact.unverified for fact in facts if fact.reference in used)
    return named or any(drug.product.unverified for drug in drugs) or _is_rls_in_doubt(chart)


def _is_rls_in_doubt(chart: Chart) -> bool:
    found = rls(chart)
    return bool(found) and all(diagnosis.unverified for diagnosis in found)
