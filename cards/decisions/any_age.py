"""Answers about a patient whose birth date is there and cannot be read: what holds at every age, and nothing else.

The record tells an age that nobody here knows. A child must not be judged by the limits and doses of adults, nor an
adult by those of children, so that an answer which differs between them is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from cards.dates import months_before, on_day
from cards.facts.chart import Chart
from cards.facts.finding import Finding, Indicator, Outcome, Text, unknown
from cards.knowledge.rules import CardText, Rules
from cards.values import frozen
from cards.wording.person import render_person
from cards.wording.phrases import NOTHING, listed, names, phrase
from cards.wording.render import placeholders

#: The sentence that says why, in `[reasons]` of cards/wording/wording.toml.
BECAUSE = "age_unreadable"
#: The fact that tells age and sex, and the text of a card for children.
_PERSON, _FOR_CHILDREN = "person", "child"
#: The youngest child that is read as one; limits by age rise with it, up to those of the oldest.
_YOUNGEST = 1
#: So many readings are of children: the oldest and the youngest.
_CHILDREN = 2

_MONTHS = 12

Findings = tuple[Finding, ...]


def at_any_age(chart: Chart, rules: Rules, answer: Callable[[Chart], Findings]) -> Findings:
    """Return the findings of a decision that hold for an adult as for the oldest and the youngest child.

    Where one does not, a finding stands in its place that is unknown and misses the patient record. A warning that
    fires for all of them in other words is kept without the lines that differ.
    """
    adult = answer(chart)
    children = [answer(_of_age(chart, years)) for years in (chart.adult_age - 1, _YOUNGEST)]
    says_more = [[each for each in found if each.outcome is not Outcome.QUIET] for found in (adult, *children)]
    kept = [found for each in says_more[0] if (found := _same(each, children) or _warning(each, children, rules))]
    said = tuple([_without_age(each, chart) for each in kept])
    if all(any(_answer_alike(each, other) for other in kept) for found in says_more for each in found):
        return (*said, *(each for each in adult if each.outcome is Outcome.QUIET))
    decision = next(each.decision for found in says_more for each in found)
    return (*said, unknown(decision, BECAUSE, missing=("patient",)))


def _of_age(chart: Chart, years: int) -> Chart:
    birth = on_day(months_before(chart.today, _MONTHS * years))
    return replace(chart, person=replace(chart.person, birth=birth, birth_is_unreadable=False))


def _same(finding: Finding, readings: Iterable[Findings]) -> Finding | None:
    """Return a finding that every reading holds, with the suggestions of all, or None."""
    held = [next((each for each in found if _content(each) == _content(finding)), None) for found in readings]
    return _with_shared_suggestions(finding, held)


def _warning(finding: Finding, readings: Iterable[Findings], rules: Rules) -> Finding | None:
    """Return the warning of a card that fires in every reading, as urgent as any, without what differs, or None."""
    held = [each for found in readings if (each := _like(finding, found))]
    worst = max((each.indicator for each in (finding, *held)), key=lambda each: each.rank)
    if finding.outcome is not Outcome.FIRES or worst is Indicator.INFO or len(held) < _CHILDREN:
        return None
    common = _in_common([held[0], held[1], finding], rules)
    if common is None and worst is Indicator.CRITICAL:
        common = held[0]  # a stop is not lost for its words
    return common and _with_shared_suggestions(replace(common, indicator=worst), [finding, *held])


def _like(finding: Finding, found: Findings) -> Finding | None:
    return next((each for each in found if _answer_alike(each, finding)), None)


def _in_common(readings: Sequence[Finding], rules: Rules) -> Finding | None:
    """Return what all readings of one warning say; None where a sentence would lose a word that it needs."""
    first = readings[0]
    decision = rules.decisions[first.decision]
    facts = {name: each for name, each in first.facts.items() if all(name in other.facts for other in readings)}
    differ = {name for name in facts if name != _PERSON and any(each.facts[name] != facts[name] for each in readings)}
    # What one reading leaves empty may be left out of a sentence.
    needed = {name for name in differ if all(each.facts[name] for each in readings)}
    texts = [name for name in first.texts if all(name in each.texts for each in readings)]
    said = _Said(decision.cards[first.card], incomplete=any(each.incomplete for each in readings))
    if not all(isinstance(each.facts[name], Text) for name in differ for each in readings) or not said.can_miss(needed):
        return None
    return replace(
        first,
        facts=facts | {name: said.in_place_of(name) if name in needed else NOTHING for name in differ},
        texts=tuple([name for name in texts if not needed & placeholders(decision.texts[name])]),
        why=tuple([name for name in first.why if name in facts.keys() - differ]),
    )


@frozen
class _Said:
    """The words of a card, and which facts they can miss."""

    card: CardText
    incomplete: bool

    def can_miss(self, facts: AbstractSet[str]) -> bool:
        """Return whether each of these facts fills a whole line of the advice or stands in the summary alone."""
        touched = [line for line in self._advice.splitlines() if facts & placeholders(line)]
        rule = placeholders(self.card.rule) | placeholders(self.card.rule_in_short)
        return not facts & rule and all(
            line.removeprefix("- ") in {f"{{{each}}}" for each in facts} for line in touched
        )

    def in_place_of(self, name: str) -> Text:
        """Return what stands for a fact that differs: in the summary the title and that the age is not known."""
        summary = (self.incomplete and self.card.summary_incomplete) or self.card.summary
        if name not in placeholders(summary):
            return NOTHING
        return listed((*names((self.card.title,)), phrase("person.age_unreadable")))

    @property
    def _advice(self) -> str:
        return ((self.incomplete and self.card.recommendation_incomplete) or self.card.recommendation).strip()


def _answer_alike(one: Finding, other: Finding) -> bool:
    """Return whether two findings fire as one card about the same drafts, or are alike unknown."""
    if Outcome.FIRES not in (one.outcome, other.outcome):
        return _content(one) == _content(other)
    drafts = [each.number for each in one.drafts] == [each.number for each in other.drafts]
    return one.outcome is other.outcome and one.card == other.card and drafts


def _with_shared_suggestions(finding: Finding, held: Iterable[Finding | None]) -> Finding | None:
    suggestions = finding.suggestions
    for each in held:
        if each is None:
            return None
        suggestions = tuple([one for one in suggestions if one in each.suggestions])
    return replace(finding, suggestions=suggestions)


def _content(finding: Finding) -> Finding:
    """Return what a finding says besides the age itself."""
    facts = {name: fact for name, fact in finding.facts.items() if name != _PERSON}
    texts = tuple([each for each in finding.texts if each != _FOR_CHILDREN])
    return replace(finding, facts=facts, texts=texts, suggestions=())


def _without_age(finding: Finding, chart: Chart) -> Finding:
    """Return a finding that calls the patient neither a child nor an adult."""
    if _PERSON not in finding.facts:
        return finding
    texts = tuple([each for each in finding.texts if each != _FOR_CHILDREN])
    return replace(finding, facts={**finding.facts, _PERSON: render_person(chart)}, texts=texts)
