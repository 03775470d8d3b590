"""Trade names that stand beside a generic name (clinical rationale 4.4)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files

from cards.drugs.ingredients import Ingredient
from cards.drugs.languages.folding import any_of
from cards.values import frozen

#: Products of these say their iron beside the strength, and are no iron of their own.
TELL_THEIR_IRON = frozenset({"iron-binder", "phosphate-binder", "chelator"})
#: Told by the product alone, for that decides what stops it.
_BY_PRODUCT = frozenset({"iron-iv"})
#: Signs before a name that are looked at; the longest denial with an article is shorter.
_BEFORE = 60
_CLOSES = re.compile(r"\s*\)")


@frozen
class Named:
    """An ingredient and where its name stands in the text.

    among        how many ingredients the name stands for
    in_brackets  whether it is a trade name in brackets beside a generic one, which has no number of its own
    """

    ingredient: Ingredient
    start: int
    end: int
    among: int = 1
    in_brackets: bool = False


def further_names(text: str, generic: Iterable[Named], trade: Iterable[Named]) -> Iterator[Named]:
    """Yield the trade names of another class than every generic name of the same plain words.

    `Slow Fe with folic acid` is iron too; `ferrous sulfate (Feosol)` says the same twice. Of infused iron any other
    product is named. What is denied or only compared names nothing, and `Fe` beside a binder or a chelator is what
    these tell of themselves.
    """
    told = {kind for each in generic for kind in each.ingredient.classes - _BY_PRODUCT}
    told.update(each.ingredient.name for each in generic)
    for each in trade:
        says = {each.ingredient.name, *each.ingredient.classes, *(TELL_THEIR_IRON if each.ingredient.bare else ())}
        if each.ingredient.classes and told.isdisjoint(says) and not _is_set_aside(text, each):
            yield replace(each, in_brackets=_is_in_brackets(text, each))


def _is_set_aside(text: str, name: Named) -> bool:
    """Denied, or only what the product is compared with: `instead of Feosol`."""
    before, after = _denials()
    return bool(before.search(text, max(0, name.start - _BEFORE), name.start) or after.match(text, name.end))


def _is_in_brackets(text: str, name: Named) -> bool:
    """Alone in round brackets: `calcium carbonate (Adcal-D3) 1500 mg`."""
    return text[: name.start].rstrip().endswith("(") and bool(_CLOSES.match(text, name.end))


@cache
def _denials() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = tomllib.loads((files("cards") / "drugs" / "languages" / "trade_names.toml").read_text(encoding="utf-8"))
    before, after, between = (any_of(words[name]) for name in ("set_aside_before", "set_aside_after", "articles"))
    return (
        re.compile(rf"(?<![a-z0-9])(?:{before})[\s(]+(?:(?:{between})\s+)?$"),
        re.compile(rf"[\s-]{{0,4}}+(?:{after})(?![a-z0-9])"),
    )
