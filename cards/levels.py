"""What the decisions on vitamins, minerals and the drugs beside them share: whom they ask, one level, one finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from cards.chart import Chart, Diagnosis, Drug, LabResult, Listing, Procedure, references
from cards.finding import Fact, Finding, Indicator, Outcome, Suggestion, quiet, unknown
from cards.person_in_words import person_in_words
from cards.readings import Kind, Limit, Reading, read
from cards.rules import Rules, Threshold
from cards.scope import Rls, is_child, rls_status

Evidence = LabResult | Diagnosis | Drug | Procedure

_LIMIT_BELONGS_BELOW = {"below": False, "at or above": False, "at or below": True, "above": True}


def confirmed_only(name: str, chart: Chart) -> Finding | None:
    """Suspected RLS gets none of these cards (clinical page 0.2)."""
    return quiet(name, "suspected") if rls_status(chart) is Rls.SUSPECTED else None


def labs_first(name: str, chart: Chart) -> Finding | None:
    """Why a question about a result is not asked at all: RLS is only suspected, or no result could be read."""
    if chart.listing("labs") is Listing.NOT_KNOWN:
        return unknown(name, "labs_unknown", ("labs",))
    return confirmed_only(name, chart)


def level(chart: Chart, rules: Rules, analyte: str, days: str, *limits: str) -> Reading:
    """The newest result of the window that the threshold `days` names, compared at these limits."""
    compared = [_limit(rules.limit(name)) for name in limits]
    return read(chart, analyte, max_age_days=rules.limit(days).days, limits=compared)


def _limit(threshold: Threshold) -> Limit:
    return Limit(threshold.quantity, _LIMIT_BELONGS_BELOW[threshold.side])


def meets(result: LabResult | None, threshold: Threshold) -> bool:
    """Whether a result surely lies on the side of the limit that its `side` names; without a result it does not."""
    if result is None:
        return False
    value, limit = result.quantity, threshold.quantity
    return {
        "below": value.surely_below,
        "at or below": value.surely_at_most,
        "above": value.surely_above,
        "at or above": value.surely_at_least,
    }[threshold.side](limit)


def without_level(name: str, chart: Chart, reading: Reading) -> Finding:
    """No usable result. Unknown where one may exist beyond a cut list, or exists and cannot be compared."""
    if chart.listing("labs") is Listing.CUT:
        return unknown(name, "labs_cut", ())
    if reading.kind in (Kind.NONE, Kind.STALE):
        return quiet(name, "no_level")
    return unknown(name, "level_undecided", ())


def without_drugs(name: str, chart: Chart) -> Finding | None:
    """None of the drugs in question was found, and the list was not read to its end."""
    return None if chart.knows("medications") else unknown(name, "drugs_unknown", ())


def taken_for(drug: Drug, days: Threshold, chart: Chart) -> bool | None:
    """Whether a drug has been taken for `days` or more; `None` where its start leaves that open."""
    if drug.start is None:
        return None
    since = chart.today - timedelta(days=days.days)
    if drug.start.last <= since:
        return True
    return False if drug.start.first > since else None


def may_be_treated(chart: Chart, drug_class: str) -> bool:
    """A drug of the class is active, or may be: an unread list never makes a card more urgent."""
    return bool(chart.active_drugs(drug_class)) or not chart.knows("medications")


def once_each(drugs: Iterable[Drug]) -> tuple[Drug, ...]:
    """One entry per product name, the earliest start first."""
    kept: dict[str, Drug] = {}
    for drug in drugs:
        kept.setdefault(drug.product.name, drug)
    return tuple(kept.values())


def numbered(name: str, facts: Iterable[Fact]) -> dict[str, Fact]:
    """Several facts under one label: `risk`, `risk1`, `risk2`."""
    return {f"{name}{number or ''}": fact for number, fact in enumerate(facts)}


def fires(
    name: str,
    card: str,
    chart: Chart,
    rules: Rules,
    facts: Mapping[str, Fact],
    *,
    indicator: Indicator = Indicator.INFO,
    why: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
    evidence: Iterable[Evidence] = (),
    suggestions: tuple[Suggestion, ...] = (),
) -> Finding:
    """The finding of one card. `why` names the facts it prints (default: all); results and drugs are evidence."""
    used = [fact for fact in facts.values() if isinstance(fact, LabResult | Drug)]
    child = ("child",) if is_child(chart) and "child" in rules.decisions[name].texts else ()
    return Finding(
        decision=name,
        outcome=Outcome.FIRES,
        because="fires",
        card=card,
        indicator=indicator,
        facts={"person": person_in_words(chart, rules.limit("cause_age_women").days), **facts},
        why=("person", *(why or tuple(facts))),
        texts=(*texts, *child),
        evidence=references((*used, *evidence)),
        suggestions=suggestions,
    )
