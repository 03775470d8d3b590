"""The knowledge as data: thresholds, switches, citations and card texts, read from TOML once.

One file per decision (`cards/decisions/<name>.toml`) plus `cards/knowledge/citations.toml`. Threshold and switch names
are unique over all files (clinical rationale 6.3), so that a decision may use the limit another one owns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from cards.knowledge.decision_file import DECISION
from cards.knowledge.limits import Limit
from cards.values import frozen

Found = TypeVar("Found")
#: Days whose thresholds are kept: that of today, and others that somebody asks for.
_MOST_DAYS = 8


class BadKnowledge(ValueError):
    """Knowledge files cannot be used. Each of `faults` names file, place, value and what is allowed."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@frozen
class Citation:
    """A source. `certainty`: retrieved, quoted (seen only in another page), unverified (from memory) or ours.

    `url` is empty for our own decisions, which no outside page states.
    """

    id: str
    label: str
    reference: str
    url: str
    certainty: str


@frozen
class DatedValue:
    since: date
    value: Decimal
    citation: str


@frozen
class Threshold(Limit):
    """A limit of a decision file, which a site may set inside its range."""

    step: Decimal
    range: tuple[Decimal, Decimal]
    history: tuple[DatedValue, ...] = ()
    analyte: str = ""
    says: str = ""  # what the source says of it, in one line; every limit of an outside source has one
    reviewer: str = ""
    next_review: date | None = None
    site_reason: str = ""  # set where a site overrides the national value
    site_date: date | None = None
    national: Decimal | None = None  # the value that the site's stands in place of, in `national_unit`
    national_unit: str = ""

    def on(self, day: date) -> Threshold:
        """Return the threshold as it stood on `day`; before its first entry, the first.

        An entry may be dated ahead: it comes into force on its day, without a start or a release.
        """
        entry = self.entry_on(day)
        if self.national is not None or entry is None:
            return self
        return replace(self, value=entry.value, citation=entry.citation)

    def entry_on(self, day: date) -> DatedValue | None:
        """Return the entry of the history that is in force on `day`; before the first, the first."""
        if not self.history:
            return None
        return ([entry for entry in self.history if entry.since <= day] or [self.history[0]])[-1]


@frozen
class Switch:
    """A contested choice that a site may make; `value` is one of `choices`."""

    name: str
    value: str
    choices: tuple[str, ...]
    meaning: str
    default: str = ""
    site_reason: str = ""  # set where a site has chosen
    site_date: date | None = None


@frozen
class CardText:
    """The texts of one card, with `{placeholders}` for facts. `topic` is the stable code (hyphens removed)."""

    id: str
    title: str
    indicator: str
    summary: str
    recommendation: str
    rule: str
    grade: str
    citations: tuple[str, ...]
    #: the rule in one line, for the card; `rule` stands on its page
    rule_in_short: str = ""
    limits: str = ""
    not_for: str = ""
    #: why the card offers nothing to order or to remove, where a reader would expect it
    no_suggestion: str = ""
    #: these two replace `summary` and `recommendation` where a contraindication could not be excluded
    summary_incomplete: str = ""
    recommendation_incomplete: str = ""
    #: what a later chart shows where the card was followed: one kind, and the names it is about
    expects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return self.id.replace("-", "")


@frozen
class Judges:
    """Which draft orders a decision judges.

    drugs          drug classes
    drugs_for_rls  drug classes that are judged only where RLS is the stated reason
    switched       drug classes that are judged where the switch of the same name is on
    but_not        drug classes that take a draft out again
    tests          sets of laboratory tests, one of which the selected drafts hold together
    """

    drugs: frozenset[str] = frozenset()
    drugs_for_rls: frozenset[str] = frozenset()
    switched: tuple[str, ...] = ()
    but_not: frozenset[str] = frozenset()
    tests: tuple[frozenset[str], ...] = ()


@frozen
class DecisionText:
    """The content of a decision file besides thresholds: who it is for, its sentences and its cards.

    `reads`: what it looks at in a chart; `orders`: the tests its cards may suggest (names of orderables.toml);
    `facts`: what its texts may name in braces; `uses`: thresholds and switches of other files that it reads;
    `judges`: which draft orders it is about; `needs`: the lists that must be read to their end before a quiet answer
    proves anything, by its reason or `default`. Tests compare all of them with what the decision does.
    """

    name: str
    title: str
    question: str
    version: str
    changed: date
    hooks: tuple[str, ...]
    reviewer: str
    next_review: date | None  # every file that ships has one
    because: Mapping[str, str]
    texts: Mapping[str, str]
    cards: Mapping[str, CardText]
    reads: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    judges: Judges = Judges()
    thresholds: tuple[str, ...] = ()  # names of those its file defines
    switches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """All knowledge, as it stands on `day`."""

    thresholds: Mapping[str, Threshold]
    switches: Mapping[str, Switch]
    decisions: Mapping[str, DecisionText]
    citations: Mapping[str, Citation]
    day: date | None = None
    _on_days: dict[date, Rules] = field(default_factory=dict, init=False, repr=False, compare=False)
    _found: dict[Callable[[Rules], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        return hash(self.day)

    def on(self, day: date) -> Rules:
        """Return the same knowledge with every threshold as it stood on `day`."""
        if self.day == day:
            return self
        if day not in self._on_days:
            if len(self._on_days) >= _MOST_DAYS:
                self._on_days.clear()
            dated = {name: threshold.on(day) for name, threshold in self.thresholds.items()}
            self._on_days[day] = replace(self, thresholds=dated, day=day)
        return self._on_days[day]

    def once(self, work: Callable[[Rules], Found]) -> Found:
        """Return what a function finds in these rules, which never change; it is asked once."""
        if work not in self._found:
            self._found[work] = work(self)
        found: Found = self._found[work]
        return found

    def limit(self, name: str) -> Threshold:
        """Return the threshold of that name. Raises `KeyError` where there is none."""
        return self.thresholds[name]

    def switch(self, name: str) -> str:
        """Return the value of a switch. Raises `KeyError` where there is none of that name."""
        return self.switches[name].value

    def is_on(self, name: str) -> bool:
        """Return whether a switch is on. Raises `KeyError` where there is none of that name."""
        return self.switches[name].value == "true"

    def limits_of(self, decision: DecisionText) -> tuple[Threshold, ...]:
        """Return the thresholds that a decision reads: those of its own file first, then those that another owns."""
        named = (*decision.thresholds, *decision.uses)
        return tuple(self.thresholds[name] for name in named if name in self.thresholds)

    def switches_of(self, decision: DecisionText) -> tuple[Switch, ...]:
        """Return the switches that a decision reads: those of its own file first, then those that another owns."""
        named = (*decision.switches, *decision.uses)
        return tuple(self.switches[name] for name in named if name in self.switches)

    def owner(self, name: str) -> str:
        """Return the decision whose file defines this threshold or switch. Raises `KeyError` where none does."""
        for decision in self.decisions.values():
            if name in decision.thresholds or name in decision.switches:
                return decision.name
        raise KeyError(name)


def rules_from(decisions: Mapping[str, Mapping[str, Any]], citations: Mapping[str, Mapping[str, Any]]) -> Rules:
    """Return the rules of these files, by decision name; their form must have been checked."""
    read = {name: DECISION.values(content) for name, content in decisions.items()}
    return Rules(
        thresholds={
            key: _threshold(key, values) for each in read.values() for key, values in each.get("thresholds", {}).items()
        },
        switches={
            key: Switch(name=key, value=values["default"], **values)
            for each in read.values()
            for key, values in each.get("switches", {}).items()
        },
        decisions={name: _decision(name, values) for name, values in read.items()},
        citations={key: Citation(id=key, **{"url": "", **entry}) for key, entry in citations.items()},
    )


def _threshold(name: str, values: Mapping[str, Any]) -> Threshold:
    history = tuple(DatedValue(**entry) for entry in values["history"])
    return Threshold(name=name, **{"step": Decimal(1), **values, "history": history})


def _decision(name: str, values: Mapping[str, Any]) -> DecisionText:
    built = {
        "cards": {key: CardText(id=key, **card) for key, card in values["cards"].items()},
        "texts": values.get("texts", {}),
        "judges": Judges(**values.get("judges", {})),
        "thresholds": tuple(values.get("thresholds", ())),
        "switches": tuple(values.get("switches", ())),
    }
    return DecisionText(name=name, **{**values, **built})
