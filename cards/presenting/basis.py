"""What a card rests on, apart from its words: when this changes, the card is news (clinical amendments 2, section 6).

Values, dates, statuses, drugs and diagnoses count. Age, the count of days and what was not read do not. What a card
weighs without naming it counts too: whether RLS is confirmed, recognised diagnoses, procedures and allergies, results
that may not be used, and orders of its tests that were withdrawn or brought no result. Too much of this shows a card
once more; too little would keep one silent that says something new. On order hooks the drug, route and reason of a
draft count here, and its dose beside them, since a lower dose is no news. A sentence counts as it is worded only where
a fact has no other form, such as the stage of a kidney disease.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from cards.facts.card import Basis, PatientBasis
from cards.facts.chart import Allergy, Chart, DailyDose, Diagnosis, Draft, Drug, LabResult, Procedure, UnusableResult
from cards.facts.finding import Finding, OrderTests
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.patient.anaemia import anaemia_limit
from cards.patient.awaited import awaited_orders, is_answered
from cards.patient.pregnancy import pregnancy
from cards.patient.status import rls_status
from cards.quantity import plain
from cards.wording.person import render_person_without_age
from cards.wording.render import inline

#: How the names of facts begin that are doses of the drafts, or of a draft with its basket.
_DOSE = "dose"
#: How the names of facts end that say what is not there, or was not read.
_MISSING = "_missing"
#: The classes of drugs that are given for restless legs syndrome.
_FOR_RLS = ("da", "levodopa", "gabapentinoid")


def basis_of(finding: Finding, chart: Chart, rules: Rules) -> Basis:
    """Return what the card of a finding rests on."""
    facts = {str(render_person_without_age(chart)), *_facts(finding), *_drugs_beside(finding, chart)}
    facts |= {*chart.once(_weighed), *_in_vain(finding, chart, rules)}
    due = [each.due for each in finding.suggestions if isinstance(each, OrderTests) and each.due]
    return Basis(
        facts=tuple(sorted(facts | {_draft(draft) for draft in finding.drafts})),
        due=min(due) if due else None,
        doses=tuple(sorted((dose for draft in finding.drafts for dose in _doses(draft)), key=str)),
    )


def patient_basis(chart: Chart, rules: Rules) -> PatientBasis:
    """Return what ends the silence of an override that is about the patient, not about a result."""
    named = (drug for drug in chart.drugs if drug.reasons.name_rls)
    tested = (order for order in chart.lab_orders if order.names_rls)
    treated = (drug for drug in chart.drugs if drug.active and (drug.has(*_FOR_RLS) or drug.reasons.name_rls))
    results = chart.results("haemoglobin")
    return PatientBasis(
        symptoms=(
            f"pregnant={pregnancy(chart).is_pregnant}",
            f"anaemia={bool(results) and meets(results[0], anaemia_limit(chart, rules))}",
            *sorted({_ingredients(drug) for drug in treated}),
        ),
        diagnosis=(
            *sorted(_diagnosis(each) for each in chart.diagnoses if "rls" in each.concepts and not each.cleared),
            *sorted({f"{_ingredients(drug)} {_text(drug.start)}" for drug in named}),
            *sorted({f"{' '.join(sorted(order.tests))} {_text(order.when)}" for order in tested}),
        ),
    )


def _facts(finding: Finding) -> Iterator[str]:
    """Yield the results and drugs among the facts, and what the card prints of the patient; no draft and no dose."""
    for name, fact in finding.facts.items():
        if isinstance(fact, LabResult | UnusableResult):
            yield _result(fact)
        elif isinstance(fact, Drug):
            if not any(draft.drug is fact for draft in finding.drafts):
                yield _drug(fact)
        elif name in finding.why and _is_of_the_patient(name) and not isinstance(fact, Draft):
            yield f"{name} {inline(fact)}"


def _is_of_the_patient(name: str) -> bool:
    """Return whether a fact counts: the age, the dose of a draft and what is not there do not."""
    return name != "person" and not name.startswith(_DOSE) and not name.endswith(_MISSING)


def _drugs_beside(finding: Finding, chart: Chart) -> Iterator[str]:
    """Yield the drugs that the card of an order uses; which ones a chart card uses may depend on the day alone."""
    known = chart.once(_drugs_by_reference) if finding.drafts else {}
    return (known[reference] for reference in finding.evidence if reference in known)


def _drugs_by_reference(chart: Chart) -> Mapping[str, str]:
    return {each.reference: _drug(each) for each in chart.drugs}


def _weighed(chart: Chart) -> tuple[str, ...]:
    """Return what any card may weigh without naming it."""
    return (
        f"rls={rls_status(chart)}",
        *(_diagnosis(each) for each in chart.diagnoses),
        *(_procedure(each) for each in chart.procedures),
        *(_allergy(each) for each in chart.allergies),
        *(_result(each) for each in chart.unusable),
    )


def _in_vain(finding: Finding, chart: Chart, rules: Rules) -> Iterator[str]:
    """Yield the orders of the suggested tests that were withdrawn, or of which a result is no longer awaited."""
    tests = {test for each in finding.suggestions if isinstance(each, OrderTests) for test in each.tests}
    of_these = [order for order in chart.lab_orders if not order.tests.isdisjoint(tests)]
    awaited = awaited_orders(chart, rules) if of_these else ()
    for order in of_these:
        was_placed = order.active or order.completed
        if not was_placed or (order.when and order not in awaited and not is_answered(order, chart)):
            yield f"order={' '.join(sorted(order.tests))} {_text(order.when)} {order.reference}"


def _allergy(allergy: Allergy) -> str:
    return f"allergy={' '.join(sorted(allergy.concepts | allergy.ingredients))} {allergy.severe}"


def _result(result: LabResult | UnusableResult) -> str:
    value = f"{result.quantity.comparator}{plain(result.quantity.value)}" if result.quantity else ""
    if isinstance(result, LabResult):
        return f"{result.analyte} {value} {_text(result.when)} {result.status}"
    possible = " ".join(each.text for each in result.possible)
    return f"{result.analyte} {value} {_text(result.when)} {result.why} {possible}"


def _drug(drug: Drug) -> str:
    """Return a drug with its dose; one that is about to be signed begins on the day of the call, which is no fact."""
    dose = _listed(sorted(drug.daily.mg.items()) if drug.daily else ())
    if drug.status == "draft":
        return f"{drug.product.name} {drug.product.route} {drug.status} {dose}"
    days = " ".join(map(_text, (drug.start, drug.end, drug.given_on)))
    return f"{drug.product.name} {drug.product.route} {drug.status} {drug.active} {days} {dose}"


def _listed(dose: Iterable[tuple[str, Decimal | None]]) -> str:
    return " ".join(f"{name} {'' if mg is None else plain(mg)}" for name, mg in dose)


def _diagnosis(diagnosis: Diagnosis) -> str:
    days = f"{_text(diagnosis.onset)} {_text(diagnosis.recorded)}"
    return f"{' '.join(sorted(diagnosis.concepts))} {diagnosis.certainty} {diagnosis.counts} {days}"


def _procedure(procedure: Procedure) -> str:
    return f"{' '.join(sorted(procedure.concepts))} {_text(procedure.when)}"


def _draft(draft: Draft) -> str:
    """Return the drug, route and reasons of a draft, or the tests it asks for."""
    if draft.drug is None:
        return f"draft={' '.join(sorted(draft.tests))}"
    reasons = draft.drug.reasons
    said = f"{' '.join(sorted(reasons.concepts | reasons.in_words))} {reasons.symptoms_only} {reasons.readable}"
    return f"draft={_ingredients(draft.drug)} {draft.drug.product.route} {said}"


def _doses(draft: Draft) -> Iterator[tuple[str, Decimal | None]]:
    """Yield what a draft brings of each ingredient on its fullest day and on the mean day, None where not known.

    Both: of a tablet once a week the fullest day is that of a tablet each night. What has no milligrams is told in
    international units.
    """
    if draft.drug is None:
        return
    daily = draft.drug.daily or DailyDose()
    for name in draft.drug.product.ingredient_names():
        fullest, mean = daily.fullest_mg.get(name), daily.mg.get(name)
        if fullest is None and mean is None:
            fullest, mean = daily.fullest_units.get(name), daily.international_units.get(name)
        yield f"{name} {draft.drug.product.route}", fullest if fullest is not None else mean
        yield f"{name} {draft.drug.product.route}|mean", mean


def _ingredients(drug: Drug) -> str:
    return " ".join(sorted(drug.product.ingredient_names()))


def _text(moment: object) -> str:
    """Return a date as it was given, or nothing where there is none."""
    return moment.isoformat() if isinstance(moment, date) else getattr(moment, "text", "")
