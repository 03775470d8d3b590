"""Card text to HTML. The subset that cards are written in (paragraphs, `- ` lists, `**bold**`), and nothing else.

Everything is escaped before a tag of ours is put around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from cards.rules import Rules
from cards.wording import threshold_in_words

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_SLOT = re.compile(r"\{(\w+)\}")


def markdown(text: str) -> Markup:
    """Blocks parted by empty lines; a block of `- ` lines is a list, any other a paragraph."""
    blocks = [block.strip() for block in text.split("\n\n")]
    return Markup("\n").join(_block(block) for block in blocks if block)


def _block(block: str) -> Markup:
    lines = block.split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _inline(text: str) -> Markup:
    return Markup(_BOLD.sub(r"<strong>\1</strong>", str(escape(text))))  # noqa: S704 - escaped just before


def template_words(rules: Rules) -> Callable[[str], Markup]:
    """How the wording of a card is shown before it is filled: limits as their values, other facts as named gaps."""
    limits = {f"limit_{name.replace('.', '_')}": threshold_in_words(each) for name, each in rules.thresholds.items()}

    def words(text: str) -> Markup:
        return Markup(_SLOT.sub(lambda found: _slot(found[1], limits), str(markdown(text))))  # noqa: S704 - as above

    return words


def _slot(name: str, limits: Mapping[str, str]) -> str:
    if name in limits:
        return str(Markup('<span class="limit">{}</span>').format(limits[name]))
    return str(Markup('<span class="slot">{}</span>').format(name.replace("_", " ")))
