"""The knowledge as data: thresholds, switches, citations and card texts, read from TOML once.

One file per decision (`cards/decisions/<name>.toml`) plus `cards/citations.toml`. Threshold and switch names are
unique over all files (clinical page 6.3), so that a decision may use the limit another one owns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any, TypeVar

from cards.quantity import Quantity

T = TypeVar("T")


class BadKnowledge(ValueError):
    """Knowledge files cannot be used. Each of `faults` names file, place, value and what is allowed."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class Citation:
    """A source. `certainty`: retrieved, quoted (seen only in another page), unverified (from memory) or ours.

    `url` is empty for what is ours: no page outside holds it.
    """

    id: str
    label: str
    reference: str
    url: str
    certainty: str


@dataclass(frozen=True, slots=True)
class DatedValue:
    since: date
    value: Decimal
    citation: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit with its unit and what it means; `side` says in words on which side the limit itself lies."""

    name: str
    value: Decimal
    unit: str
    meaning: str
    side: str
    citation: str
    certainty: str
    step: Decimal
    range: tuple[Decimal, Decimal]
    history: tuple[DatedValue, ...] = ()
    analyte: str = ""
    reviewer: str = ""
    next_review: date | None = None
    site_reason: str = ""  # set where a site overrides the national value
    site_date: date | None = None
    national: Decimal | None = None  # the value that the site's stands in place of, in `national_unit`
    national_unit: str = ""

    def on(self, day: date) -> Threshold:
        """The threshold as it stood on `day`; before its first entry, the first.

        An entry may be dated ahead: it comes into force on its day, without a start or a release.
        """
        entry = self.entry_on(day)
        if self.national is not None or entry is None:
            return self
        return replace(self, value=entry.value, citation=entry.citation)

    def entry_on(self, day: date) -> DatedValue | None:
        """The entry of its history that is in force on `day`; before the first, the first."""
        if not self.history:
            return None
        return ([entry for entry in self.history if entry.since <= day] or [self.history[0]])[-1]

    @property
    def quantity(self) -> Quantity:
        return Quantity(self.value, self.unit)

    @property
    def days(self) -> int:
        return int(self.value)


@dataclass(frozen=True, slots=True)
class Switch:
    """A contested choice that a site may make; `value` is one of `choices`."""

    name: str
    value: str
    choices: tuple[str, ...]
    meaning: str
    default: str = ""
    site_reason: str = ""  # set where a site has chosen
    site_date: date | None = None


@dataclass(frozen=True, slots=True)
class CardText:
    """The words of one card, with `{placeholders}` for facts. `topic` is the stable code (hyphens removed)."""

    id: str
    title: str
    indicator: str
    summary: str
    recommendation: str
    rule: str
    grade: str
    citations: tuple[str, ...]
    limits: str = ""
    not_for: str = ""

    @property
    def topic(self) -> str:
        return self.id.replace("-", "")


@dataclass(frozen=True, slots=True)
class DecisionText:
    """What a decision file says besides thresholds: who it is for, its sentences and its cards.

    `reads`: what it looks at in a chart; `orders`: the tests its cards may suggest (names of orderables.toml);
    `facts`: what its texts may name in braces; `uses`: thresholds and switches of other files that it reads. Tests
    hold all four against what the decision really does.
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

    def on(self, day: date) -> Rules:
        """The same knowledge with every threshold as it stood on `day`."""
        if self.day == day:
            return self
        dated = {name: threshold.on(day) for name, threshold in self.thresholds.items()}
        return replace(self, thresholds=dated, day=day)

    def limit(self, name: str) -> Threshold:
        return self.thresholds[name]

    def switch(self, name: str) -> str:
        return self.switches[name].value

    def is_on(self, name: str) -> bool:
        return self.switches[name].value == "true"

    def limits_of(self, decision: DecisionText) -> tuple[Threshold, ...]:
        """The thresholds that a decision reads: those of its own file first, then those that another owns."""
        named = (*decision.thresholds, *decision.uses)
        return tuple(self.thresholds[name] for name in named if name in self.thresholds)

    def switches_of(self, decision: DecisionText) -> tuple[Switch, ...]:
        """The switches that a decision reads: those of its own file first, then those that another owns."""
        named = (*decision.switches, *decision.uses)
        return tuple(self.switches[name] for name in named if name in self.switches)

    def owner(self, name: str) -> str:
        """The decision whose file defines this threshold or switch. Raises `KeyError` where none does."""
        for decision in self.decisions.values():
            if name in decision.thresholds or name in decision.switches:
                return decision.name
        raise KeyError(name)

    def card(self, card_id: str) -> CardText:
        for decision in self.decisions.values():
            if card_id in decision.cards:
                return decision.cards[card_id]
        raise KeyError(card_id)


def load_rules() -> Rules:
    """Read the knowledge that ships with the package.

    Raises `BadKnowledge` naming file, place and fix; never starts with half of it.
    """
    folder = files("cards")
    sources = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted((folder / "decisions").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
    return rules_from(sources, (folder / "citations.toml").read_text(encoding="utf-8"))


def rules_from(decision_files: Mapping[str, str], citations_file: str) -> Rules:
    """Build the rules from the text of the files, by decision name."""
    parsed = {name: _parse(f"cards/decisions/{name}.toml", text) for name, text in decision_files.items()}
    cited = _parse("cards/citations.toml", citations_file)
    citations = {key: Citation(id=key, **{"url": "", **value}) for key, value in cited.items()}
    thresholds = _unique(
        (name, key, _threshold(key, value))
        for name, content in parsed.items()
        for key, value in content.get("thresholds", {}).items()
    )
    switches = _unique(
        (name, key, _switch(key, value))
        for name, content in parsed.items()
        for key, value in content.get("switches", {}).items()
    )
    decisions = {name: _decision(name, content) for name, content in parsed.items()}
    return Rules(thresholds, switches, decisions, citations)


def _parse(where: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise BadKnowledge(f"{where}: not TOML: {fault}") from fault


def _unique(entries: Iterable[tuple[str, str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    owner: dict[str, str] = {}
    for file, key, value in entries:
        if key in found:
            raise BadKnowledge(f"cards/decisions/{file}.toml: {key} is already defined in {owner[key]}.toml; keep one")
        found[key], owner[key] = value, file
    return found


def _threshold(name: str, content: Mapping[str, Any]) -> Threshold:
    low, high = content.get("range", [content["value"], content["value"]])
    return Threshold(
        name=name,
        value=Decimal(content["value"]),
        unit=content["unit"],
        meaning=content["meaning"],
        side=content["side"],
        citation=content["citation"],
        certainty=content["certainty"],
        step=Decimal(content.get("step", "1")),
        range=(Decimal(low), Decimal(high)),
        history=tuple(
            DatedValue(entry["since"], Decimal(entry["value"]), entry["citation"])
            for entry in content.get("history", [])
        ),
        analyte=content.get("analyte", ""),
        reviewer=content.get("reviewer", ""),
        next_review=content.get("next_review"),
    )


def _switch(name: str, content: Mapping[str, Any]) -> Switch:
    return Switch(name, content["default"], tuple(content["choices"]), content["meaning"], content["default"])


def _decision(name: str, content: Mapping[str, Any]) -> DecisionText:
    return DecisionText(
        name=name,
        title=content["title"],
        question=content["question"],
        version=content["version"],
        changed=content["changed"],
        hooks=tuple(content["hooks"]),
        reviewer=content.get("reviewer", ""),
        next_review=content.get("next_review"),
        because=content.get("because", {}),
        texts=content.get("texts", {}),
        cards={key: _card(key, value) for key, value in content.get("cards", {}).items()},
        reads=tuple(content.get("reads", ())),
        orders=tuple(content.get("orders", ())),
        facts=tuple(content.get("facts", ())),
        uses=tuple(content.get("uses", ())),
        thresholds=tuple(content.get("thresholds", ())),
        switches=tuple(content.get("switches", ())),
    )


def _card(card_id: str, content: Mapping[str, Any]) -> CardText:
    fields = {**content, "citations": tuple(content["citations"])}
    return CardText(id=card_id, **fields)
