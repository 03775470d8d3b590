"""How facts are printed. Each kind of fact has one form; no text of a request or resource passes through here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

from cards.dates import PartialDate
from cards.drugs.iron import is_iron
from cards.facts.card import SUMMARY_LIMIT, utf16_length
from cards.facts.chart import Draft, Gap
from cards.facts.drugs import Drug
from cards.facts.finding import Fact
from cards.facts.results import LabResult, UnusableResult
from cards.knowledge.definitions import defined
from cards.knowledge.limits import meets
from cards.knowledge.rules import Rules, Threshold
from cards.labs.analytes import analyte
from cards.quantity import Quantity, in_print, plain
from cards.values import frozen
from cards.wording.reasons import reason_sentence

_COMPARATORS = {"<": "below", "<=": "at_most", ">": "above", ">=": "at_least"}
#: Names longer than this leave a summary no room for the next step.
_SHORT_ENOUGH = 40
#: So many digits are read more safely with their thousands apart.
_GROUPED_FROM = 5
#: So many of one kind are listed on a card; beyond them they are counted (clinical amendments 2, section 4).
MOST_LISTED = 5
_DAY_UNITS = {"d": "days", "mo": "months", "a": "years"}  # keys of `[facts]`


@cache
def wording() -> Mapping[str, Any]:
    """Return the shared words of cards/wording/wording.toml."""
    return tomllib.loads((files("cards") / "wording" / "wording.toml").read_text(encoding="utf-8"))


def _in_words(key: str, **parts: object) -> str:
    """The words of `[facts]` with these parts in place."""
    template: str = wording()["facts"][key]
    return template.format_map(parts)


def joined(parts: Iterable[str]) -> str:
    """Join words as `one and two`."""
    whole = ""
    for part in parts:
        whole = _in_words("and", one=whole, other=part) if whole else part
    return whole


def at_most_listed(items: Sequence[str]) -> tuple[str, ...]:
    """Return the first items, and the number of the others."""
    if len(items) <= MOST_LISTED:
        return tuple(items)
    return (*items[:MOST_LISTED], _in_words("more", count=len(items) - MOST_LISTED))


def render_orders(names: Sequence[str]) -> str:
    """Return `one, two and three` as a sentence begins, or the number of orders where they are too many to list."""
    if len(names) > MOST_LISTED:
        return _in_words("orders", count=len(names))
    listed = [", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names
    return capitalised(joined(listed))


def render_gap(gap: Gap) -> str:
    """Return why a list was not read to its end: `20 of 66 read, the next page leads elsewhere`."""
    reasons, sentences = wording()["gaps"], wording()["sentences"]
    of = "" if gap.total is None else "of"
    numbers = {"read": gap.read, "total": gap.total, "status": gap.status}
    why: str = reasons.get(f"{gap.why}-{of}", reasons[gap.why])
    said = why.format(**numbers)
    if gap.read is None or "{read}" in why:
        return said
    rest: str = sentences["rest_unread_of" if of else "rest_unread"]
    return rest.format(why=said, **numbers)


def render_quantity(quantity: Quantity) -> str:
    """Render a quantity: `38 ng/mL`, or `below 5 ng/mL` where it is censored, since `<` opens a tag in Markdown."""
    number = f"{plain(quantity.value)} {quantity.unit}" if quantity.unit else plain(quantity.value)
    return _in_words(_COMPARATORS[quantity.comparator], number=number) if quantity.comparator else number


def render_threshold(threshold: Threshold) -> str:
    return f"{grouped(plain(threshold.value))} {render_unit(threshold.unit)}"


def render_side(threshold: Threshold) -> str:
    """Render a limit with its side, such as `at or below 75 ng/mL`."""
    return f"{threshold.side} {render_threshold(threshold)}"


def render_limits(rules: Rules) -> dict[str, str]:
    """Return every limit by the names that a text may give it in braces.

    `limit_ferritin_low` is the limit ferritin.low as it stands, `side_ferritin_low` the same after its side.
    """
    named = {name.replace(".", "_"): limit for name, limit in rules.thresholds.items()}
    return {
        **{f"limit_{name}": render_threshold(limit) for name, limit in named.items()},
        **{f"side_{name}": render_side(limit) for name, limit in named.items()},
    }


def render_unit(unit: str) -> str:
    """Render days, months and years by their names, every other unit as it is written."""
    return _in_words(_DAY_UNITS[unit]) if unit in _DAY_UNITS else unit


def render_site_limit(limit: Threshold) -> str:
    """Render that a limit is the site's own, beside the national one that it replaces."""
    national = replace(limit, value=limit.national or limit.value, unit=limit.national_unit or limit.unit)
    sentence: str = wording()["sentences"]["site_limit"]
    return sentence.format(
        value=render_threshold(limit),
        national=render_threshold(national),
        meaning=limit.meaning,
        since=limit.site_date.isoformat() if limit.site_date else "",
    )


def inline(fact: Fact) -> str:
    """Render the fact inside a sentence."""
    if isinstance(fact, LabResult):
        return f"{render_quantity(fact.quantity)} ({fact.when.text})"
    if isinstance(fact, UnusableResult):
        return render_unusable(fact)
    if isinstance(fact, Threshold):
        return render_threshold(fact)
    if isinstance(fact, Quantity):
        return render_quantity(fact)
    if isinstance(fact, PartialDate):
        return fact.text
    if isinstance(fact, Drug):
        return fact.product.name
    if isinstance(fact, Draft):
        return render_draft(fact)
    if isinstance(fact, date):
        return fact.isoformat()
    return grouped(plain(in_print(fact))) if isinstance(fact, Decimal) else str(fact)


def grouped(digits: str) -> str:
    """Return a number with its thousands apart where it has five digits or more: 50,000, and 3600 as it is."""
    whole, point, rest = digits.partition(".")
    return f"{int(whole):,}{point}{rest}" if len(whole) >= _GROUPED_FROM else digits


def render_draft(draft: Draft) -> str:
    """Render the order by our own name for the product, or by the tests it asks for."""
    if draft.drug:
        return draft.drug.product.name
    return joined(sorted(name.replace("-", " ") for name in draft.tests))


def draft_in_short(draft: Draft) -> str:
    """Render the order for a summary: its ingredients, without strength and form, of a long list the iron or the
    first.
    """
    if draft.drug is None:
        return render_draft(draft)
    amounts = sorted(draft.drug.product.ingredients, key=lambda amount: not is_iron(amount))
    names = [amount.ingredient for amount in amounts]
    if meets(len(names), defined("product.multi_ingredient")) or draft.drug.has("multi-ingredient"):
        return _in_words("multi_ingredient")
    joined = " / ".join(names)
    if len(names) > 1 and len(joined) > _SHORT_ENOUGH:
        return _in_words("and_more", first=names[0], count=len(names) - 1)
    return joined or draft.drug.product.name


def render_unusable(result: UnusableResult) -> str:
    name = display_name(result.analyte)
    said = f"{name} {render_quantity(result.quantity)}" if result.quantity else name
    dated = _in_words("of_day", result=said, day=result.when.text) if result.when else said
    return f"{dated}: {reason_sentence(result.why)}"


def why_line(name: str, fact: Fact) -> str:
    """Render the fact as one line of the card's *why*, so that a reader can recompute the answer."""
    if isinstance(fact, LabResult):
        return _result_line(fact)
    if isinstance(fact, UnusableResult):
        return render_unusable(fact)
    if name == "person":
        return capitalised(inline(fact))
    label = wording()["labels"][name.rstrip("0123456789_")]
    if isinstance(fact, Drug):
        return f"{label}: {render_drug(fact)}"
    return f"{label}: {inline(fact)}"


def why_lines(facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """Return the lines of a *why*; of one label at most so many, so that a card does not grow with each drug."""
    by_label: dict[str, list[str]] = {}
    for name, fact in facts.items():
        by_label.setdefault(name.rstrip("0123456789_"), []).append(why_line(name, fact))
    return tuple(line for label, lines in by_label.items() for line in _listed_under(label, lines))


def _listed_under(label: str, lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST_LISTED]
    if len(lines) > MOST_LISTED:
        more = _in_words("more", count=len(lines) - MOST_LISTED)
        yield f"{wording()['labels'][label]}: {more}" if label in wording()["labels"] else capitalised(more)


def render_drug(drug: Drug) -> str:
    """Render the product with what matters: the day of an infusion or the start, be it ahead, or that it is a draft."""
    name = drug.product.name
    if drug.given_on:
        return _in_words("given", drug=name, day=drug.given_on.text)
    if drug.status == "draft":
        return _in_words("not_signed", drug=name)
    if drug.planned_on:
        return _in_words("planned", drug=name, day=drug.planned_on.text)
    return _in_words("since", drug=name, day=drug.start.text) if drug.start else _in_words("start_unknown", drug=name)


def _result_line(result: LabResult) -> str:
    how = wording()["how"]
    said = [result.when.text]
    if result.how == "calculated" and result.parts:
        parts = [f"{display_name(part.analyte).lower()} {render_quantity(part.quantity)}" for part in result.parts]
        said.append(how["calculated"].format(parts=joined(parts)))
    elif result.reported:
        said.append(how["converted"].format(reported=render_quantity(result.reported)))
    if result.raw:
        said.append(how["aligned"].format(raw=render_quantity(result.raw)))
    if result.status != "final":
        said.append(result.status)
    return f"{display_name(result.analyte)} {render_quantity(result.quantity)} ({', '.join(said)})"


def display_name(name: str) -> str:
    """Return the analyte as the clinic says it, capitalised."""
    return capitalised(analyte(name).name)


def capitalised(words: str) -> str:
    """Return the words as they begin a sentence."""
    return words[:1].upper() + words[1:]


@frozen
class Words(Mapping[str, str]):
    """What a template may name: each fact, its value or date alone, and every limit.

    `{ferritin}` is value and date, `{ferritin_value}` the value, `{ferritin_date}` the date; `{limit_ferritin_low}` and
    `{side_ferritin_low}` are those of `render_limits`.
    """

    facts: Mapping[str, Fact]
    rules: Rules

    def __getitem__(self, name: str) -> str:
        if name in self.facts:
            return inline(self.facts[name])
        kind, _, limit = name.partition("_")
        if kind in ("limit", "side"):
            said = render_threshold if kind == "limit" else render_side
            return said(self._limit(limit))
        base, _, part = name.rpartition("_")
        fact = self.facts[base]
        if part == "value" and isinstance(fact, LabResult):
            return render_quantity(fact.quantity)
        if part == "date" and isinstance(fact, LabResult):
            return fact.when.text
        raise KeyError(name)

    def _limit(self, name: str) -> Threshold:
        return self.rules.once(_limits_by_placeholder)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


def _limits_by_placeholder(rules: Rules) -> Mapping[str, Threshold]:
    return {name.replace(".", "_"): limit for name, limit in rules.thresholds.items()}


@cache
def placeholders(template: str) -> frozenset[str]:
    """Return the names in braces of a template."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def named(template: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Return the facts that a template names, as a whole or by a part such as `{ferritin_value}`."""
    bases = {name if name in facts else name.rpartition("_")[0] for name in placeholders(template)}
    return {name: facts[name] for name in sorted(bases) if name in facts}


def fill(template: str, facts: Mapping[str, Fact], rules: Rules) -> str:
    """Fill the placeholders of a template. Raises `KeyError` where it names a fact that is not there."""
    return template.format_map(Words(facts, rules)).strip()


@cache
def _abbreviations() -> Mapping[str, tuple[str, re.Pattern[str]]]:
    """Return each abbreviation with its words, and a pattern for it in either form: short, in full, or both."""
    said: Mapping[str, str] = wording()["in_full"]
    return {
        short: (full, re.compile(rf"{re.escape(full)}|{re.escape(full.removesuffix(f' ({short})'))}|{short}", re.I))
        for short, full in said.items()
    }


#: Before what begins a sentence in a detail: a line, an item of a list, a full stop or a heading.
_BEFORE_A_SENTENCE = ("\n", "- ", ". ", "** ")


def in_full_once(detail: str) -> str:
    """Return the detail with each abbreviation written out where it first stands, and short ever after."""
    for short, (full, either) in _abbreviations().items():
        first = either.search(detail)
        if first:
            before, rest = detail[: first.start()], either.sub(short, detail[first.end() :])
            begins = not before or before.endswith(_BEFORE_A_SENTENCE)
            detail = f"{before}{capitalised(full) if begins else full}{rest}"
    return detail


def shorten(summary: str) -> str:
    """Shorten to at most 139 UTF-16 units, cut at the last word that leaves room for the sign of the cut."""
    if utf16_length(summary) <= SUMMARY_LIMIT:
        return summary
    words = summary.split(" ")
    while utf16_length(" ".join(words)) > SUMMARY_LIMIT - 2:
        words.pop()
    return " ".join(words).rstrip(",;:") + " …"
