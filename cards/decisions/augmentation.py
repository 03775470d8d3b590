"""A dopaminergic drug in RLS: screen for augmentation, warn at high or rising doses (clinical amendments 4)."""

from __future__ import annotations

from cards.decisions.shared.dose_rises import dose_rises
from cards.decisions.shared.doses import known_daily_mg
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import confirmed_only, level, numbered, without_drugs
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred, render_review
from cards.facts.chart import Chart, Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.quantity import in_print
from cards.wording.phrases import NOTHING, combined, names, printed, say

NAME = "augmentation"

_CLASSES = ("da", "levodopa", "ergot")
_LIMITS = ("pramipexole", "ropinirole", "rotigotine", "levodopa")
#: Given for prolactin and growth hormone; bromocriptine also for diabetes (clinical amendments 4).
_FOR_PROLACTIN = frozenset({"cabergoline", "bromocriptine"})


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Return a card for the dopaminergic drugs that may be given for RLS; quiet in Parkinson disease."""
    early = confirmed_only(NAME, chart)
    if early:
        return (early,)
    if chart.diagnosed("parkinsonism"):
        return (quiet(NAME, "parkinsonism"),)
    drugs = tuple(drug for drug in chart.active_drugs(*_CLASSES) if _may_be_for_rls(drug, chart))
    if not drugs:
        return (without_drugs(NAME, chart) or quiet(NAME, "none_active"),)
    return (_fires(chart, rules, drugs),)


def _may_be_for_rls(drug: Drug, chart: Chart) -> bool:
    names = drug.product.ingredient_names()
    if "parkinsonism" in drug.reasons.concepts:
        return False
    if names & _FOR_PROLACTIN and chart.diagnosed("prolactin-disorder"):
        return False
    return "bromocriptine" not in names or drug.reasons.name_rls


def _fires(chart: Chart, rules: Rules, drugs: tuple[Drug, ...]) -> Finding:
    high, rises = _high_doses(drugs, rules), _rises(chart, rules, drugs)
    several = len(_dopaminergic(drugs)) > 1
    rising = meets(rises, rules.limit("da.rises"))
    ferritin = level(chart, rules, "ferritin", "fresh_days").result
    shown: dict[str, Fact] = {**numbered("drug", drugs), **numbered("dose", high)}
    shown |= {"rises": say(rules, NAME, "rises", count=rises)} if rising else {}
    shown |= {"ferritin": ferritin} if ferritin else {"ferritin_missing": say(rules, NAME, "iron_unknown")}
    review = render_review(chart, rules)
    texts = (
        ("advice_high_dose", bool(high)),
        ("advice_several", several),
        ("advice_rising", rising),
        ("ergot", any(drug.has("ergot") for drug in drugs)),
        ("still_severe", bool(review)),
    )
    return fires(
        NAME,
        "DA-AUG",
        chart,
        rules,
        {
            **shown,
            "drug_name": _short_name(drugs[0]),
            "other_treatment": _other_treatment(chart, rules),
            "still_severe": review,
        },
        indicator=Indicator.WARNING if high or several or rising else Indicator.INFO,
        why=tuple(shown),
        texts=tuple(name for name, applies in texts if applies),
    )


def _other_treatment(chart: Chart, rules: Rules) -> Text:
    """Return what a dopaminergic drug is tapered beside, in brackets; nothing where a gabapentinoid is no option."""
    if chart.active_drugs("gabapentinoid"):
        return say(rules, NAME, "gabapentinoid_taken")
    return NOTHING if gabapentinoid_is_barred(chart) else say(rules, NAME, "gabapentinoid")


def _short_name(drug: Drug) -> Text:
    """Return the drug for the summary; of several ingredients the names alone, as strengths would not fit."""
    known = names(dict.fromkeys(amount.ingredient for amount in drug.product.ingredients))
    return combined(known) if len(known) > 1 else printed(drug)


def _high_doses(drugs: tuple[Drug, ...], rules: Rules) -> tuple[Text, ...]:
    """Return the daily doses above the limit of their drug; a dose that could not be read does not count."""
    totals = {name: known_daily_mg(drugs, name) for name in _LIMITS}
    return tuple(
        say(rules, NAME, f"dose_of_{name}", mg=in_print(total, above=rules.limit(f"da.{name}").value))
        for name, total in totals.items()
        if meets(total, rules.limit(f"da.{name}"))
    )


def _dopaminergic(drugs: tuple[Drug, ...]) -> frozenset[str]:
    """Return the distinct dopaminergic substances; what comes with levodopa (carbidopa) does not count."""
    names = (frozenset({"levodopa"}) if drug.has("levodopa") else drug.product.ingredient_names() for drug in drugs)
    return frozenset().union(*names)


def _rises(chart: Chart, rules: Rules, drugs: tuple[Drug, ...]) -> int:
    """Return the number of dose rises in the window, of the substance that has most."""
    window = rules.limit("da.rise_days")
    return max((dose_rises(chart, name, window) for name in _dopaminergic(drugs)), default=0)
