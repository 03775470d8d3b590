"""What makes low phosphate after ferric carboxymaltose likely, beside repeats and vitamin D (clinical amendments 2)."""

from __future__ import annotations

from cards.decisions.shared.levels import numbered
from cards.facts.chart import Chart, Diagnosis
from cards.facts.drugs import Drug
from cards.facts.finding import Fact
from cards.facts.results import LabResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.wording.phrases import phrase

#: The risks of the label that are diagnoses, by the words that name them.
_CODED = (
    ("phosphate_risks.gut", ("malabsorption", "bariatric", "inflammatory-bowel")),
    ("phosphate_risks.parathyroid", ("hyperparathyroidism",)),
    ("phosphate_risks.malnutrition", ("malnutrition",)),
    ("phosphate_risks.vitamin_d", ("vitamin-d-deficiency",)),
    ("phosphate_risks.telangiectasia", ("hereditary-telangiectasia",)),
)
_WASTING = "phosphate-wasting"


def other_phosphate_risks(chart: Chart, rules: Rules) -> dict[str, Fact]:
    """Return the risks that are coded, taken or measured: diseases, drugs, an earlier low phosphate."""
    words = [phrase(name) for name, concepts in _CODED if chart.diagnosed(*concepts)]
    words += [phrase("phosphate_risks.earlier")] if _earlier(chart) else []
    low = _earlier_low(chart, rules)
    facts: dict[str, Fact] = {**numbered("risk", words), **numbered("drug", chart.active_drugs(_WASTING))}
    return facts | ({"earlier_phosphate": low} if low else {})


def phosphate_risk_evidence(chart: Chart) -> tuple[Diagnosis | Drug, ...]:
    """Return the diagnoses and drugs that these risks rest on."""
    concepts = [each for _, named in _CODED for each in named]
    return (*chart.diagnosed(*concepts), *_earlier(chart), *chart.active_drugs(_WASTING))


def _earlier(chart: Chart) -> tuple[Diagnosis, ...]:
    """Return hypophosphataemia on record, also one that is over; not one that was refuted."""
    return tuple(each for each in chart.diagnoses if "hypophosphataemia" in each.concepts and not each.cleared)


def _earlier_low(chart: Chart, rules: Rules) -> LabResult | None:
    return next((each for each in chart.results("phosphate") if meets(each, rules.limit("phosphate.low"))), None)
