"""A dopaminergic drug in RLS: screen for augmentation, warn at high or rising doses (clinical amendments section 4)."""

from __future__ import annotations

from decimal import Decimal

from cards.chart import Chart, Drug
from cards.dose_rises import dose_rises
from cards.finding import Fact, Finding, Indicator, quiet
from cards.levels import confirmed_only, fires, level, numbered, without_drugs
from cards.quantity import Quantity
from cards.rules import Rules

NAME = "augmentation"

_CLASSES = ("da", "levodopa", "ergot")
_LIMITS = ("pramipexole", "ropinirole", "rotigotine", "levodopa")
#: Given for prolactin and growth hormone; bromocriptine also for diabetes (amendments, section 4).
_FOR_PROLACTIN = frozenset({"cabergoline", "bromocriptine"})


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Fires for every dopaminergic drug that may be given for RLS; quiet in Parkinson disease."""
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
    rising = rises >= rules.limit("da.rises").value
    ferritin = level(chart, rules, "ferritin", "fresh_days").result
    shown: dict[str, Fact] = {**numbered("drug", drugs), **numbered("dose", high)}
    shown |= {"rises": f"{rises} within {rules.limit('da.rise_days').days} days"} if rising else {}
    shown |= {"ferritin": ferritin} if ferritin else {"ferritin_missing": "none usable: iron status is the first step"}
    texts = (
        ("advice_high_dose", bool(high)),
        ("advice_several", several),
        ("advice_rising", rising),
        ("ergot", any(drug.has("ergot") for drug in drugs)),
        ("gabapentinoids", True),
    )
    return fires(
        NAME,
        "DA-AUG",
        chart,
        rules,
        {**shown, "drug_name": _short_name(drugs[0])},
        indicator=Indicator.WARNING if high or several or rising else Indicator.INFO,
        why=tuple(shown),
        texts=tuple(name for name, applies in texts if applies),
    )


def _short_name(drug: Drug) -> str:
    """For the summary, which has no room for three strengths: then the ingredients alone."""
    names = tuple(dict.fromkeys(amount.ingredient for amount in drug.product.ingredients))
    return " / ".join(names) if len(names) > 1 else drug.product.name


def _high_doses(drugs: tuple[Drug, ...], rules: Rules) -> tuple[Quantity, ...]:
    """The daily doses above the limit of their drug; a dose that could not be read is none."""
    totals = {name: daily_mg(drugs, name) for name in _LIMITS}
    return tuple(
        Quantity(total, f"mg {name} a day") for name, total in totals.items() if total > rules.limit(f"da.{name}").value
    )


def daily_mg(drugs: tuple[Drug, ...], ingredient: str) -> Decimal:
    """What these products surely bring of one ingredient in mg a day."""
    doses = (drug.daily.mg.get(ingredient) for drug in drugs if drug.daily)
    return sum((dose for dose in doses if dose is not None), Decimal(0))


def _dopaminergic(drugs: tuple[Drug, ...]) -> frozenset[str]:
    """The different dopaminergic substances: what comes with levodopa (carbidopa, entacapone) is none."""
    names = (frozenset({"levodopa"}) if drug.has("levodopa") else drug.product.ingredient_names() for drug in drugs)
    return frozenset().union(*names)


def _rises(chart: Chart, rules: Rules, drugs: tuple[Drug, ...]) -> int:
    """The most dose rises of one substance in the window."""
    days = rules.limit("da.rise_days").days
    return max((dose_rises(chart, name, days) for name in _dopaminergic(drugs)), default=0)
