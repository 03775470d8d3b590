"""What a card asks for, and whether a later chart shows that it happened: yes, no, or not to be told.

A card says in its TOML what it `expects`: a result of an analyte, a drug started or ended, or, about the drafts of an
order hook, that they are not ordered (`withheld`) or at a lower dose (`dose`). What is not there is proven only by a
list that was read to its end (three answers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from cards.dates import PartialDate
from cards.facts.card import Expectation, Settled
from cards.facts.chart import Chart
from cards.facts.drugs import Drug
from cards.facts.finding import Finding
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.rules import CardText
from cards.values import frozen

#: Days after which what was not done counts as missed.
MISSED_AFTER = 90
#: An order that is signed may reach the list of drugs on the next day.
_SIGNED_AFTER = 1
#: Why a result is not used where no test was made, and where it is not known whether one was.
_NO_TEST = frozenset({"cancelled", "entered-in-error"})
_NO_RESULT = frozenset({"no-value", "not-reported-yet"})


class Happened(StrEnum):
    """Whether something is seen in a chart."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@frozen
class _Seen:
    """What a chart shows, since when, and whether it could have shown that it did not happen."""

    happened: Happened
    on: date | None = None
    could_deny: bool = True


_UNKNOWN = _Seen(Happened.UNKNOWN, could_deny=False)


def expectation_of(finding: Finding, text: CardText, chart: Chart) -> Expectation | None:
    """Return what the card of a finding asks for, None where it asks for nothing that a chart would show."""
    if not text.expects:
        return None
    ((kind, names),) = text.expects.items()
    asked = Expectation(kind, names, chart.today)
    if kind == "ended":
        drugs = [fact for fact in finding.facts.values() if isinstance(fact, Drug) and fact.active and fact.has(*names)]
        asked = replace(asked, of=_ingredients(drugs))
    if kind in ("withheld", "dose"):
        judged = [draft for draft in finding.drafts if draft.drug and draft.drug.has(*names)]
        drafted = [draft.drug for draft in judged if draft.drug]
        doses = tuple((name, mg) for drug in drafted for name, mg in _fullest(drug) if mg is not None)
        references = tuple(draft.reference for draft in judged if draft.reference)
        asked = replace(asked, of=_ingredients(drafted), doses=doses if kind == "dose" else (), drafts=references)
    if not asked.of:
        return None
    is_there_already = _SEEN[kind](asked, chart).happened is Happened.YES
    return replace(asked, since=chart.today + timedelta(days=1)) if is_there_already else asked


def settle(asked: Expectation, chart: Chart) -> Settled | None:
    """Return how an expectation ends by what a later chart shows; None while it is open or cannot be told.

    Who follows is seen at any call, who does not only at one after the ninety days. Were both counted as soon as they
    are seen, patients who never come again would count if they followed and else not; so the former is final, too, only
    with a call that could have told the latter.
    """
    seen = _SEEN[asked.kind](asked, chart)
    is_over = (chart.today - asked.since).days > MISSED_AFTER or asked.kind in ("withheld", "dose")
    if seen.happened is Happened.YES:
        return Settled(followed=True, on=seen.on or chart.today, is_final=is_over and seen.could_deny)
    if seen.happened is Happened.NO and is_over:
        return Settled(followed=False, on=chart.today, is_final=seen.could_deny)
    return None


def _result(asked: Expectation, chart: Chart) -> _Seen:
    results: tuple[LabResult | UnusableResult, ...] = (*chart.labs, *chart.unusable)
    own = [each for each in results if each.analyte in asked.of and _why(each) not in _NO_TEST]
    dates = [each.when for each in own if _why(each) not in _NO_RESULT]
    may_come = [each.when for each in own if _why(each) in _NO_RESULT]
    return _first(dates, asked.since, chart, may_be=may_come, is_whole=chart.is_exhaustive("labs", *asked.of))


def _why(result: LabResult | UnusableResult) -> str:
    """Return why a result is not used, "" for one that is."""
    return result.why if isinstance(result, UnusableResult) else ""


def _started(asked: Expectation, chart: Chart) -> _Seen:
    begun = [_begun(drug) for drug in chart.drugs if drug.has(*asked.of) and not _is_over(drug, asked.since)]
    return _first(begun, asked.since, chart, is_whole=chart.knows("medications"))


def _begun(drug: Drug) -> PartialDate | None:
    return drug.given_on or drug.start


def _is_over(drug: Drug, day: date) -> bool:
    """Return whether a drug ended before that day, so that one whose start is not known did not begin after it."""
    return drug.end is not None and drug.end.last < day


def _ended(asked: Expectation, chart: Chart) -> _Seen:
    own = [drug for drug in chart.drugs if not drug.product.ingredient_names().isdisjoint(asked.of)]
    if not chart.knows("medications"):
        return _UNKNOWN
    if any(drug.active for drug in own):
        return _Seen(Happened.NO)
    last = max((drug.end.last for drug in own if drug.end), default=chart.today)
    return _Seen(Happened.YES, min(max(last, asked.since), chart.today))


def _withheld(asked: Expectation, chart: Chart) -> _Seen:
    return _not_ordered(asked, chart, lambda drug: True)


def _dose(asked: Expectation, chart: Chart) -> _Seen:
    most = dict(asked.doses)

    def as_much(drug: Drug) -> bool | None:
        compared = [(mg, most[name]) for name, mg in _fullest(drug) if name in most]
        known = [mg >= drafted for mg, drafted in compared if mg is not None]
        return True if any(known) else None if len(known) < len(asked.of) else False

    return _not_ordered(asked, chart, as_much)


def _not_ordered(asked: Expectation, chart: Chart, counts: Callable[[Drug], bool | None]) -> _Seen:
    """Return whether the drafts that a card spoke against were not ordered after all."""
    if (chart.today - asked.since).days < _SIGNED_AFTER:
        return _UNKNOWN
    own = [each for each in chart.drugs if not each.product.ingredient_names().isdisjoint(asked.of)]
    later = [each for each in own if each.reference in asked.drafts or _is_since(_begun(each), asked.since)]
    told = [counts(each) for each in later]
    if True in told:
        return _Seen(Happened.NO)
    others = [each for each in own if each not in later and not _is_over(each, asked.since)]
    may_be = any(_may_be_since(_begun(each), asked.since) for each in others)
    if None in told or may_be or not chart.knows("medications"):
        return _UNKNOWN
    return _Seen(Happened.YES, asked.since)


_SEEN: dict[str, Callable[[Expectation, Chart], _Seen]] = {
    "result": _result,
    "started": _started,
    "ended": _ended,
    "withheld": _withheld,
    "dose": _dose,
}


def _first(
    dates: Iterable[PartialDate | None],
    since: date,
    chart: Chart,
    *,
    may_be: Iterable[PartialDate | None] = (),
    is_whole: bool,
) -> _Seen:
    """Return the first of these days that is surely not before `since`, and not ahead.

    A month may lie on both sides; `may_be` are days of which it is not known whether anything happened on them.
    """
    known = tuple(dates)
    later = [when.first for when in known if when and since <= when.first <= chart.today]
    in_doubt = [*may_be, *(when for when in known if when is None or not since <= when.first <= chart.today)]
    could_deny = is_whole and not any(_may_be_since(when, since) for when in in_doubt)
    if later:
        return _Seen(Happened.YES, min(later), could_deny)
    return _Seen(Happened.NO) if could_deny else _UNKNOWN


def _is_since(when: PartialDate | None, day: date) -> bool:
    return when is not None and when.first >= day


def _may_be_since(when: PartialDate | None, day: date) -> bool:
    return when is None or when.last >= day


def _ingredients(drugs: Iterable[Drug]) -> tuple[str, ...]:
    return tuple(sorted({name for drug in drugs for name in drug.product.ingredient_names()}))


def _fullest(drug: Drug) -> Iterator[tuple[str, Decimal | None]]:
    """Yield what the fullest day brings of each ingredient in mg, None where that is not known."""
    daily = drug.daily
    for name in sorted(drug.product.ingredient_names()):
        yield name, (daily.fullest_mg.get(name) or daily.mg.get(name)) if daily else None
