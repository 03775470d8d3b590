"""Card text to HTML. The subset that cards are written in (paragraphs, `- ` lists, `**bold**`), and nothing else.

Everything is escaped before a tag of ours is put around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup, escape

from cards.rules import Rules
from cards.wording import threshold_in_words

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_SLOT = re.compile(r"\{(\w+)\}")


#: What stands for a gap in a wording, by its name and the words before it.
Gap = Callable[[str, str], Markup]


def markdown(text: str, gap: Gap | None = None) -> Markup:
    """Blocks parted by empty lines; a block of `- ` lines is a list, any other a paragraph.

    `gap` shows what stands in braces; without it braces are text.
    """
    blocks = [block.strip() for block in text.split("\n\n")]
    return Markup("\n").join(_block(block, gap) for block in blocks if block)


def template_words(rules: Rules) -> Callable[[str], Markup]:
    """How the wording of a card is shown before it is filled: limits as their values, other facts as named gaps."""
    limits = {f"limit_{name.replace('.', '_')}": threshold_in_words(each) for name, each in rules.thresholds.items()}

    def gap(name: str, before: str) -> Markup:
        if name in limits:
            return Markup('<span class="limit">{}</span>').format(limits[name])
        said = name.replace("_", " ")
        is_named = before.rstrip().lower().endswith(said)  # "ferritin {ferritin}" is no word said twice
        return Markup('<span class="slot">{}</span>').format("value" if is_named else said)

    return lambda text: markdown(text, gap)


def _block(block: str, gap: Gap | None) -> Markup:
    lines = block.split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:], gap)) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines), gap))


def _inline(text: str, gap: Gap | None) -> Markup:
    """Every second part of a split is what stood between the asterisks, or the braces."""
    parts = (_with_gaps(part, gap) for part in _BOLD.split(text))
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part) if n % 2 else part for n, part in enumerate(parts)
    )


def _with_gaps(text: str, gap: Gap | None) -> Markup:
    if gap is None:
        return escape(text)
    parts = _SLOT.split(text)
    return Markup("").join(gap(part, parts[n - 1]) if n % 2 else escape(part) for n, part in enumerate(parts))
