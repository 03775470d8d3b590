"""A dopaminergic drug in RLS: screen for augmentation, warn at high or rising doses (clinical amendments 4)."""

from __future__ import annotations

from cards.decisions.shared.dopaminergic_doses import DopaminergicDose, dopaminergic_doses
from cards.decisions.shared.dose_rises import dose_rises
from cards.decisions.shared.firing import fires
from cards.decisions.shared.levels import confirmed_only, level, numbered, without_drugs
from cards.decisions.shared.severe_rls import gabapentinoid_is_barred, render_review, too_much_in_dialysis
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Fact, Finding, Indicator, Text, quiet
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules
from cards.wording.phrases import NOTHING, combined, joined, listed_in_short, names, say

NAME = "augmentation"

_CLASSES = ("da", "levodopa", "ergot")
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
    doses, rises = dopaminergic_doses(drugs, rules), _rises(chart, rules, drugs)
    high = tuple(dose for dose in doses if dose.is_high)
    several = len(_dopaminergic(drugs)) > 1
    rising = meets(rises, rules.limit("da.rises"))
    ferritin = level(chart, rules, "ferritin", "fresh_days").result
    shown: dict[str, Fact] = {**numbered("drug", drugs), **numbered("dose", (dose.rendered for dose in doses))}
    shown |= {"rises": say(rules, NAME, "rises", count=rises)} if rising else {}
    shown |= {"ferritin": ferritin} if ferritin else {"ferritin_missing": say(rules, NAME, "iron_unknown")}
    review, urgent = render_review(chart, rules), bool(high) or several or rising
    too_much = too_much_in_dialysis(chart, rules)
    texts = (
        ("advice_high_dose", bool(high)),
        ("advice_several", several),
        ("advice_rising", rising),
        ("advice_too_much", bool(too_much)),
        ("ergot", any(drug.has("ergot") for drug in drugs)),
        ("iron_studies_first", bool(review) and not ferritin),
        ("still_severe", bool(review and ferritin)),
    )
    return fires(
        NAME,
        "DA-AUG",
        chart,
        rules,
        {
            **shown,
            "drug_name": _in_short(drugs, doses),
            "usual_most": joined(dose.rendered_most for dose in high),
            "otherwise": NOTHING if urgent else say(rules, NAME, "otherwise"),
            "too_much": too_much.rendered if too_much else NOTHING,
            "other_treatment": _other_treatment(chart, rules),
            "still_severe": review,
        },
        indicator=Indicator.WARNING if urgent else Indicator.INFO,
        why=tuple(shown),
        texts=tuple(name for name, applies in texts if applies),
    )


def _other_treatment(chart: Chart, rules: Rules) -> Text:
    """Return what a dopaminergic drug is tapered beside, in brackets; nothing where a gabapentinoid is no option."""
    if chart.active_drugs("gabapentinoid"):
        return say(rules, NAME, "gabapentinoid_taken")
    return NOTHING if gabapentinoid_is_barred(chart) else say(rules, NAME, "gabapentinoid")


def _in_short(drugs: tuple[Drug, ...], doses: tuple[DopaminergicDose, ...]) -> Text:
    """Return the drugs for the summary: one with its dose of the day, several by their names alone."""
    known = dict.fromkeys(combined(names(each.ingredient for each in drug.product.ingredients)) for drug in drugs)
    if len(known) > 1:
        return listed_in_short(known, most=2)
    (name,) = known
    all_read = all(drug.daily and drug.daily.mg.get(each.name) is not None for drug in drugs for each in doses)
    return doses[0].rendered if len(doses) == 1 and doses[0].name == name and all_read else name


def _dopaminergic(drugs: tuple[Drug, ...]) -> frozenset[str]:
    """Return the distinct dopaminergic substances; what comes with levodopa (carbidopa) does not count."""
    names = (frozenset({"levodopa"}) if drug.has("levodopa") else drug.product.ingredient_names() for drug in drugs)
    return frozenset().union(*names)


def _rises(chart: Chart, rules: Rules, drugs: tuple[Drug, ...]) -> int:
    """Return the number of dose rises in the window, of the substance that has most."""
    window = rules.limit("da.rise_days")
    return max((dose_rises(chart, name, window) for name in _dopaminergic(drugs)), default=0)
