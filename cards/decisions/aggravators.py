"""Active drugs that may worsen RLS, on one card (clinical page 6.1, clinical amendments section 4)."""

from __future__ import annotations

from datetime import timedelta

from cards.chart import Chart, Drug
from cards.finding import Finding, quiet, unknown
from cards.levels import confirmed_only, fires, numbered, once_each, without_drugs
from cards.rules import Rules
from cards.scope import pregnancy

NAME = "aggravators"

_REPLACEABLE = ("agg-sub",)
_SUBSTITUTES = ("antiemetic", "antihistamine")
_PSYCHOTROPIC = ("agg-psy-antidepressant", "agg-psy-antipsychotic", "vmat2")
_WEAK = ("lithium", "tramadol")


def answer(chart: Chart, rules: Rules) -> tuple[Finding, ...]:
    """Replaceable drugs taken for a while, and psychotropic drugs begun lately; all on one card."""
    early = confirmed_only(NAME, chart)
    if early:
        return (early,)
    replaceable = _courses(chart, *_REPLACEABLE)
    others = tuple(each for each in _courses(chart, *_listed(rules)) if each not in replaceable)
    asked = [
        *(_taken_longer(drug, chart, rules) for drug in replaceable),
        *(_begun_lately(drug, chart, rules) for drug in others),
    ]
    if any(asked):
        return (_fires(chart, rules, replaceable, others),)
    if None in asked:
        return (unknown(NAME, "start_unknown", ()),)
    return (without_drugs(NAME, chart) or quiet(NAME, "none_active"),)


def _listed(rules: Rules) -> tuple[str, ...]:
    """The psychotropic classes, and lithium and tramadol where the site wants them."""
    return (*_PSYCHOTROPIC, *(name for name in _WEAK if rules.is_on(name)))


def _courses(chart: Chart, *classes: str) -> tuple[Drug, ...]:
    """Active drugs of these classes that are more than a single dose, once per product."""
    return once_each(drug for drug in chart.active_drugs(*classes) if not drug.one_dose)


def _taken_longer(drug: Drug, chart: Chart, rules: Rules) -> bool | None:
    """For more than the days of the limit; `None` where the start leaves that open."""
    return _before(drug, chart, rules.limit("agg_days").days)


def _begun_lately(drug: Drug, chart: Chart, rules: Rules) -> bool | None:
    """Within the days of the limit, its last day included; `None` where the start leaves that open."""
    longer = _before(drug, chart, rules.limit("agg_new_days").days)
    return None if longer is None else not longer


def _before(drug: Drug, chart: Chart, days: int) -> bool | None:
    if drug.start is None:
        return None
    first_day = chart.today - timedelta(days=days)
    if drug.start.last < first_day:
        return True
    return False if drug.start.first >= first_day else None


def _fires(chart: Chart, rules: Rules, replaceable: tuple[Drug, ...], others: tuple[Drug, ...]) -> Finding:
    facts = {**numbered("drug", replaceable), **numbered("psychotropic", others)}
    named = [drug.product.name for drug in (*replaceable, *others)]
    texts = _texts(chart, replaceable, others)
    return fires(NAME, "AGG-ACTIVE", chart, rules, {**facts, "names": _list(named)}, why=tuple(facts), texts=texts)


def _are_of(kind: str, drugs: tuple[Drug, ...]) -> bool:
    return any(drug.has(f"agg-sub-{kind}") for drug in drugs)


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _texts(chart: Chart, replaceable: tuple[Drug, ...], others: tuple[Drug, ...]) -> tuple[str, ...]:
    pregnant = pregnancy(chart).is_pregnant
    found = (
        ("advice_pregnant", pregnant),
        *((f"advice_instead_of_{kind}", not pregnant and _are_of(kind, replaceable)) for kind in _SUBSTITUTES),
        ("advice_psychotropic", any(drug.has(*_PSYCHOTROPIC) for drug in others)),
        ("weak", any(drug.has(*_WEAK) for drug in others)),
    )
    return tuple(name for name, applies in found if applies)
