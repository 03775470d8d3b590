"""What a card rests on, apart from its words: when this changes, the card is news (clinical amendments 2, section 6).

Values, dates, statuses, drugs and diagnoses count, and with them everything that the card says of them: which of its
sentences were chosen, and what stands in them, by their keys, so that other words for the same are no news. Age, the
count of days and what was not read do not, and neither does that its tests were ordered, else a card that was accepted
came back: a chart is told as if all had been read and nothing were awaited. What a card weighs without naming it counts
too: whether RLS is confirmed, recognised diagnoses, procedures and allergies, results that may not be used, and orders
of its tests that were withdrawn or brought no result. Which tests it offers beside its advice does not. Too much of
this shows a card once more; too little would keep one silent that says something new. On order hooks the drug, route
and reason of a draft count here, and its dose beside them, since a lower dose is no news where the card says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from cards.facts.card import Basis, PatientBasis
from cards.facts.chart import LISTS, Allergy, Chart, Diagnosis, Draft, LabOrder, Listing, Procedure
from cards.facts.drugs import DailyDose, Drug
from cards.facts.finding import Fact, Finding, OrderTests, Text
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.patient.anaemia import anaemia_limit
from cards.patient.awaited import awaited_orders, awaited_tests, is_answered
from cards.patient.pregnancy import pregnancy
from cards.patient.status import rls_status
from cards.quantity import plain
from cards.wording.person import render_person_without_age
from cards.wording.render import inline, named

#: The patient with the age, which is told without it.
_PERSON = "person"
#: How the names of facts begin that are about the dose of a draft: how much is too much of it may depend on the dose.
_DOSE = "dose"
#: The classes of drugs that are given for restless legs syndrome.
_FOR_RLS = ("da", "levodopa", "gabapentinoid")


def basis_of(finding: Finding, chart: Chart, rules: Rules) -> Basis:
    """Return what the card of a finding rests on; the finding should be that of the chart `as_if_complete`."""
    facts = {*_meaning("patient", render_person_without_age(chart), finding), *_facts(finding)}
    facts |= {*_said(finding, rules), *_drugs(finding, chart), *chart.once(_weighed)}
    facts |= {*_in_vain(finding, chart, rules)}
    due = [each.due for each in finding.suggestions if isinstance(each, OrderTests) and each.due]
    return Basis(
        facts=tuple(sorted(facts | {_draft(draft) for draft in finding.drafts})),
        due=min(due) if due else None,
        doses=tuple(sorted((dose for draft in finding.drafts for dose in _doses(draft)), key=str)),
    )


def as_if_complete(chart: Chart, rules: Rules) -> Chart:
    """Return the chart as if what is in it were all there is and no result were awaited; itself where that is so."""
    pending = awaited_orders(chart, rules)
    if chart.knows(*LISTS) and not chart.results_withheld and not pending:
        return chart
    return replace(
        chart, listings=dict.fromkeys(LISTS, Listing.COMPLETE), gaps={}, results_withheld=False, lab_orders=()
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
    """Yield the results among the facts, and what the card prints of the patient; no draft and no dose of one."""
    for name, fact in finding.facts.items():
        if name in finding.why or isinstance(fact, LabResult | UnusableResult):
            yield from _meaning(name, fact, finding)


def _said(finding: Finding, rules: Rules) -> Iterator[str]:
    """Yield which texts the card prints, and what stands in its sentences."""
    decision = rules.decisions[finding.decision]
    card = decision.cards[finding.card]
    yield from (f"text={name}" for name in finding.texts)
    templates = (card.summary, card.recommendation, card.rule_in_short or card.rule)
    for template in (*templates, *(decision.texts[name] for name in finding.texts)):
        for name, fact in named(template, finding.facts).items():
            yield from _meaning(name, fact, finding)


def _meaning(name: str, fact: Fact, finding: Finding) -> Iterator[str]:
    """Yield a fact apart from its words, if it counts; of the drugs see `_drugs`."""
    if name == _PERSON or isinstance(fact, Drug):
        return
    of_a_dose = bool(finding.drafts) and name.startswith(_DOSE)
    told = _told(fact, finding, but_for=(Decimal, Threshold) if of_a_dose else (Decimal,) if finding.drafts else ())
    if told:
        yield told if isinstance(fact, LabResult | UnusableResult) else f"{name} {told}"


def _told(fact: Fact, finding: Finding, but_for: tuple[type, ...]) -> str:
    """Return a fact apart from its words; nothing for a draft, a number of days or years, and these kinds of facts."""
    if isinstance(fact, (Draft, int, *but_for)):
        return ""
    if isinstance(fact, Text):
        return _told_in_words(fact, finding, but_for)
    if isinstance(fact, LabResult | UnusableResult):
        return _result(fact)
    if isinstance(fact, Drug):
        return "" if _is_drafted(fact, finding) else fact.product.name
    if isinstance(fact, Threshold):
        return fact.name
    return plain(fact) if isinstance(fact, Decimal) else inline(fact)


def _told_in_words(text: Text, finding: Finding, but_for: tuple[type, ...]) -> str:
    """Return which sentence it is and what stands in it; what is made of nothing else is a name of our tables."""
    if not text.parts:
        return text.key or str(text)
    parts = [(name, _told(part, finding, but_for)) for name, part in text.parts.items()]
    return f"{text.key}({', '.join(f'{name} {told}' for name, told in parts if told)})"


def _drugs(finding: Finding, chart: Chart) -> Iterator[str]:
    """Yield the drugs among the facts, and beside a draft those that its card uses or that bring the same.

    Which other ones a chart card uses may depend on the day alone. One that is taken twice is told twice.
    """
    used = [fact for fact in finding.facts.values() if isinstance(fact, Drug) and not _is_drafted(fact, finding)]
    counted = Counter(map(_drug, used))
    if finding.drafts:
        known = chart.once(_drugs_by_reference)
        brought = {name for draft in finding.drafts if draft.drug for name in draft.drug.product.ingredient_names()}
        taken = [
            each for each in chart.drugs if each.active and not brought.isdisjoint(each.product.ingredient_names())
        ]
        counted |= Counter(known[reference] for reference in finding.evidence if reference in known)
        counted |= Counter(map(_drug, taken))
    return (f"{drug} {count}" for drug, count in counted.items())


def _is_drafted(drug: Drug, finding: Finding) -> bool:
    return any(draft.drug is drug for draft in finding.drafts)


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
    """Yield the orders of the suggested tests that were withdrawn, or of which a result is no longer awaited.

    By their tests and day: some record systems send an order under another id at every call.
    """
    suggested = {test for each in finding.suggestions if isinstance(each, OrderTests) for test in each.tests}
    for order in chart.lab_orders:
        asked = order.tests & suggested
        if asked and (order.withdrawn or _is_in_vain(order, asked, chart, rules)):
            yield f"order={' '.join(sorted(order.tests))} {_text(order.when)}"


def _is_in_vain(order: LabOrder, asked: frozenset[str], chart: Chart, rules: Rules) -> bool:
    if order.when is None or not (order.active or order.completed):
        return False
    over = asked - awaited_tests(order, chart, rules)
    return any(not is_answered(order, test, chart) for test in over)


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
    ahead = (drug.planned_on,) if drug.planned_on else ()
    days = " ".join(map(_text, (drug.start, drug.end, drug.given_on, *ahead)))
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
