"""Active drugs that may worsen RLS, on one card (clinical rationale 6.1, clinical amendments 4)."""

from __future__ import annotations

from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import as_suspected, numbered, one_per_product, taken_for, without_drugs
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Finding, Text, quiet, unknown
from cards.knowledge.rules import Rules
from cards.patient.pregnancy import pregnancy
from cards.wording.phrases import combined, lines, listed_in_short, names, printed, say

NAME = "aggravators"

_REPLACEABLE = ("agg-sub",)
_SUBSTITUTES = ("antiemetic", "antihistamine")
_PSYCHOTROPIC = ("agg-psy-antidepressant", "agg-psy-antipsychotic", "vmat2")
_WEAK = ("lithium", "tramadol")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return one card on replaceable drugs taken for a while and psychotropic drugs begun lately."""
    return (as_suspected(_found(chart, rules), chart, "AGG-ACTIVE"),)


def _found(chart: Chart, rules: Rules) -> Finding:
    replaceable = _courses(chart, *_REPLACEABLE)
    others = tuple(each for each in _courses(chart, *_listed(rules)) if each not in replaceable)
    asked = [(drug, taken_for(drug, rules.limit("agg_days"), chart)) for drug in replaceable]
    asked += [(drug, taken_for(drug, rules.limit("agg_new_days"), chart)) for drug in others]
    meant = tuple(drug for drug, meets_its_rule in asked if meets_its_rule)
    if meant:
        return _fires(chart, rules, meant, tuple(drug for drug, meets_its_rule in asked if not meets_its_rule))
    if any(meets_its_rule is None for _, meets_its_rule in asked):
        return unknown(NAME, "start_unknown")
    return without_drugs(NAME, chart) or quiet(NAME, "none_active")


def _listed(rules: Rules) -> tuple[str, ...]:
    """Return the psychotropic classes, and lithium and tramadol where the site wants them."""
    return (*_PSYCHOTROPIC, *(name for name in _WEAK if rules.is_on(name)))


def _courses(chart: Chart, *classes: str) -> tuple[Drug, ...]:
    """Return the active drugs of these classes that are more than a single dose, one per product."""
    return one_per_product(drug for drug in chart.active_drugs(*classes) if not drug.one_dose)


def _fires(chart: Chart, rules: Rules, meant: tuple[Drug, ...], further: tuple[Drug, ...]) -> Finding:
    """Return the card: what meets its own rule is named in the summary, the rest are further drugs."""
    listed = (*meant, *further)
    facts = {**numbered("drug", meant), **numbered("psychotropic", further)}
    named = listed_in_short(map(_short_name, meant))
    by_kind = lines(say(rules, NAME, key) for key in _kinds(chart, listed))
    texts = _texts(chart, listed)
    said = {"names": named, "lines": by_kind}
    return fires(NAME, "AGG-ACTIVE", chart, rules, {**facts, **said}, why=tuple(facts), texts=texts)


def _short_name(drug: Drug) -> Text:
    """Return what the drug is made of; of many ingredients the name of the product."""
    return printed(drug) if drug.has("multi-ingredient") else combined(names(sorted(drug.product.ingredient_names())))


def _are_of(kind: str, drugs: tuple[Drug, ...]) -> bool:
    return any(drug.has(f"agg-sub-{kind}") for drug in drugs)


def _kinds(chart: Chart, listed: tuple[Drug, ...]) -> tuple[str, ...]:
    """Return what can be done about each kind, as keys of the texts; in pregnancy no substitute is named."""
    kinds = () if pregnancy(chart).is_pregnant else tuple(kind for kind in _SUBSTITUTES if _are_of(kind, listed))
    return (*kinds, *(("psychotropic",) if any(_is_psychotropic(drug) for drug in listed) else ()))


def _is_psychotropic(drug: Drug) -> bool:
    return drug.has(*_PSYCHOTROPIC) and not drug.has(*_REPLACEABLE)


def _texts(chart: Chart, listed: tuple[Drug, ...]) -> tuple[str, ...]:
    found = (
        ("advice_pregnant", pregnancy(chart).is_pregnant),
        ("weak", any(drug.has(*_WEAK) and not drug.has(*_REPLACEABLE) for drug in listed)),
    )
    return tuple(name for name, applies in found if applies)
