"""The words that a finding carries: from a knowledge file, with facts in place. No other module makes a `Text`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from cards.facts.finding import Fact, Text
from cards.knowledge.rules import Rules
from cards.wording import render
from cards.wording.render import Words, capitalised, inline, named, placeholders, wording

#: What stands where a sentence has nothing to add.
NOTHING = Text()


def say(rules: Rules, decision: str, key: str, /, **facts: Fact) -> Text:
    """Return a text of a decision file as a part of a sentence. Raises `KeyError` where it names what is not there."""
    template = rules.decisions[decision].texts[key]
    if not placeholders(template):
        return _plain(template, f"{decision}.{key}")
    return Text(template.format_map(Words(facts, rules)), f"{decision}.{key}", named(template, facts))


def phrase(key: str, /, **facts: Fact) -> Text:
    """Return words that several decisions share, such as `iron.due_now`: a table and a key of wording.toml."""
    table, _, name = key.partition(".")
    template: str = wording()[table][name]
    if not placeholders(template):
        return _plain(template, key)
    words = template.format_map({name: inline(fact) for name, fact in facts.items()})
    return Text(words, key, named(template, facts))


@cache
def _plain(template: str, key: str) -> Text:
    """Return words without placeholders, which are the same on every card."""
    return Text(template.format(), key)


def printed(fact: Fact) -> Text:
    """Return a fact as it stands in a sentence."""
    return Text(inline(fact), parts={"": fact})


def as_a_beginning(text: Text) -> Text:
    """Return words as a sentence begins with them."""
    return Text(capitalised(text), text.key, text.parts)


def names(known: Iterable[str]) -> tuple[Text, ...]:
    """Return names of our own tables, such as those of ingredients, as they are printed."""
    return tuple(Text(name) for name in known)


def listed(parts: Iterable[Text]) -> Text:
    """Return `one, two, three`."""
    return _of(", ".join, parts)


def listed_in_short(parts: Iterable[Text], most: int = 3) -> Text:
    """Return `one and two`, or the first of them and the number of the others where they are more than `most`."""
    every = tuple(dict.fromkeys(parts))
    if len(every) <= most:
        return joined(every)
    words = phrase("facts.and_more", first=listed(every[:most]), count=len(every) - most)
    return Text(words, parts=_numbered(every))


def sentences(parts: Iterable[Text]) -> Text:
    """Return whole sentences, one after the other."""
    return _of(" ".join, parts)


def combined(parts: Iterable[Text]) -> Text:
    """Return the ingredients of one product: `one / two`."""
    return _of(" / ".join, parts)


def joined(parts: Iterable[Text]) -> Text:
    """Return `one and two`."""
    return _of(render.joined, parts)


def lines(parts: Iterable[Text]) -> Text:
    """Return a list in Markdown."""
    return _of(lambda each: "\n".join(f"- {part}" for part in each), parts)


def _of(words: Callable[[Iterable[Text]], str], parts: Iterable[Text]) -> Text:
    every = tuple(parts)
    return Text(words(every), parts=_numbered(every))


def _numbered(parts: Iterable[Text]) -> dict[str, Fact]:
    return {str(number): part for number, part in enumerate(parts)}
