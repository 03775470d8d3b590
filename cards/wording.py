"""How facts are printed. Each kind of fact has one form; no text of a request or resource passes through here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from cards.analytes import analyte
from cards.card import SUMMARY_LIMIT, utf16_length
from cards.chart import Draft, Drug, LabResult, UnusableResult
from cards.definitions import whole
from cards.drugs.iron import is_iron
from cards.finding import Fact
from cards.moment import Moment
from cards.quantity import Quantity, plain
from cards.reading.reasons import reason_sentence
from cards.rules import Rules, Threshold

_IN_WORDS = {"<": "below ", "<=": "at most ", ">": "above ", ">=": "at least ", "": ""}
#: Names longer than this leave a summary no room for the next step.
_SHORT_ENOUGH = 40
_DAY_UNITS = {"d": "days", "mo": "months", "a": "years"}


@cache
def wording() -> Mapping[str, Any]:
    """The shared words of cards/wording.toml."""
    return tomllib.loads((files("cards") / "wording.toml").read_text(encoding="utf-8"))


def quantity_in_words(quantity: Quantity) -> str:
    """`38 ng/mL`; `below 5 ng/mL` for a censored value, because `<` opens a tag in Markdown."""
    unit = f" {quantity.unit}" if quantity.unit else ""
    return f"{_IN_WORDS[quantity.comparator]}{plain(quantity.value)}{unit}"


def threshold_in_words(threshold: Threshold) -> str:
    return f"{plain(threshold.value)} {unit_in_words(threshold.unit)}"


def unit_in_words(unit: str) -> str:
    """Days, months and years by their names, every other unit as it is written."""
    return _DAY_UNITS.get(unit, unit)


def site_limit_in_words(limit: Threshold) -> str:
    """That a limit is the site's own, beside the national one that it stands in place of."""
    national = replace(limit, value=limit.national or limit.value, unit=limit.national_unit or limit.unit)
    sentence: str = wording()["sentences"]["site_limit"]
    return sentence.format(
        value=threshold_in_words(limit),
        national=threshold_in_words(national),
        meaning=limit.meaning,
        since=limit.site_date.isoformat() if limit.site_date else "",
    )


def inline(fact: Fact) -> str:
    """The fact inside a sentence."""
    if isinstance(fact, LabResult):
        return f"{quantity_in_words(fact.quantity)} ({fact.when.text})"
    if isinstance(fact, UnusableResult):
        return unusable_in_words(fact)
    if isinstance(fact, Threshold):
        return threshold_in_words(fact)
    if isinstance(fact, Quantity):
        return quantity_in_words(fact)
    if isinstance(fact, Moment):
        return fact.text
    if isinstance(fact, Drug):
        return fact.product.name
    if isinstance(fact, Draft):
        return draft_in_words(fact)
    if isinstance(fact, date):
        return fact.isoformat()
    return plain(fact) if isinstance(fact, Decimal) else str(fact)


def draft_in_words(draft: Draft) -> str:
    """The order by our own name for the product, or the tests it asks for."""
    if draft.drug:
        return draft.drug.product.name
    return " and ".join(sorted(name.replace("-", " ") for name in draft.tests))


def draft_in_short(draft: Draft) -> str:
    """The order for a summary: its ingredients, without strength and form; of long lists the iron, or the first."""
    if draft.drug is None:
        return draft_in_words(draft)
    amounts = sorted(draft.drug.product.ingredients, key=lambda amount: not is_iron(amount))
    names = [amount.ingredient for amount in amounts]
    if len(names) >= whole("product.multi_ingredient") or draft.drug.has("multi-ingredient"):
        return "multi-ingredient product"
    joined = " / ".join(names)
    if len(names) > 1 and len(joined) > _SHORT_ENOUGH:
        return f"{names[0]} and {len(names) - 1} more"
    return joined or draft.drug.product.name


def unusable_in_words(result: UnusableResult) -> str:
    value = f" {quantity_in_words(result.quantity)}" if result.quantity else ""
    when = f" of {result.when.text}" if result.when else ""
    return f"{display_name(result.analyte)}{value}{when}: {reason_sentence(result.why)}"


def why_line(name: str, fact: Fact) -> str:
    """The fact as one line of the card's *why*, so that a reader can recompute the answer."""
    if isinstance(fact, LabResult):
        return _result_line(fact)
    if isinstance(fact, UnusableResult):
        return unusable_in_words(fact)
    label = wording()["labels"][name.rstrip("0123456789_")]
    if isinstance(fact, Drug):
        return f"{label}: {drug_in_words(fact)}"
    return f"{label}: {inline(fact)}"


def drug_in_words(drug: Drug) -> str:
    """The product with what matters: given on for an infusion, since for a course, or that it waits to be signed."""
    if drug.given_on:
        return f"{drug.product.name}, {drug.given_on.text}"
    if drug.status == "draft":
        return f"{drug.product.name}, not yet signed"
    return f"{drug.product.name}, {f'since {drug.start.text}' if drug.start else 'start not recorded'}"


def _result_line(result: LabResult) -> str:
    how = wording()["how"]
    if result.how == "calculated" and result.parts:
        parts = " and ".join(f"{display_name(p.analyte).lower()} {quantity_in_words(p.quantity)}" for p in result.parts)
        origin = how["calculated"].format(parts=parts)
    elif result.reported:
        origin = how["converted"].format(reported=quantity_in_words(result.reported))
    else:
        origin = how["reported"]
    if result.raw:
        origin = f"{origin}; {how['aligned'].format(raw=quantity_in_words(result.raw))}"
    status = "" if result.status == "final" else f", {result.status}"
    return f"{display_name(result.analyte)}: {quantity_in_words(result.quantity)}, {result.when.text}, {origin}{status}"


def display_name(name: str) -> str:
    """The analyte as the clinic says it, capitalised."""
    return capitalised(analyte(name).name)


def capitalised(words: str) -> str:
    """The words as they begin a sentence."""
    return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class Words(Mapping[str, str]):
    """What a template may name: each fact, its value or date alone, and every limit.

    `{ferritin}` is value and date, `{ferritin_value}` the value, `{ferritin_date}` the date,
    `{limit_ferritin_low}` the threshold ferritin.low as it stands today.
    """

    facts: Mapping[str, Fact]
    rules: Rules

    def __getitem__(self, name: str) -> str:
        if name in self.facts:
            return inline(self.facts[name])
        if name.startswith("limit_"):
            return threshold_in_words(self._limit(name.removeprefix("limit_")))
        base, _, part = name.rpartition("_")
        fact = self.facts[base]
        if part == "value" and isinstance(fact, LabResult):
            return quantity_in_words(fact.quantity)
        if part == "date" and isinstance(fact, LabResult):
            return fact.when.text
        raise KeyError(name)

    def _limit(self, name: str) -> Threshold:
        for key, threshold in self.rules.thresholds.items():
            if key.replace(".", "_") == name:
                return threshold
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


def fill(template: str, facts: Mapping[str, Fact], rules: Rules) -> str:
    """The template with its placeholders filled; `KeyError` where it names a fact that is not there."""
    return template.format_map(Words(facts, rules)).strip()


def shorten(summary: str) -> str:
    """At most 139 UTF-16 units: cut at the last word that leaves room for the sign of the cut."""
    if utf16_length(summary) <= SUMMARY_LIMIT:
        return summary
    words = summary.split(" ")
    while utf16_length(" ".join(words)) > SUMMARY_LIMIT - 2:
        words.pop()
    return " ".join(words).rstrip(",;:") + " …"
