"""Convert card text to HTML: the Markdown subset of cards (paragraphs, `- ` lists, `**bold**`) and nothing else.

All text is escaped before a tag is put around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup, escape

from cards.knowledge.rules import Rules
from cards.wording.render import render_limits

_BOLD = re.compile(r"\*\*(.+?)\*\*")
_SLOT = re.compile(r"\{(\w+)\}")


#: Renders a placeholder from its name and the text before it.
RenderPlaceholder = Callable[[str, str], Markup]


def markdown(text: str, placeholder: RenderPlaceholder | None = None) -> Markup:
    """Convert text to HTML: blocks separated by empty lines, where `- ` lines form a list and others a paragraph.

    `placeholder` renders names in braces; without it, braces are text.
    """
    blocks = [block.strip() for block in text.split("\n\n")]
    return Markup("\n").join(_block(block, placeholder) for block in blocks if block)


def template_renderer(rules: Rules) -> Callable[[str], Markup]:
    """Return a function that renders unfilled card wording: limits as their values, other facts as placeholders."""
    limits = render_limits(rules)

    def placeholder(name: str, before: str) -> Markup:
        if name in limits:
            return Markup('<span class="limit">{}</span>').format(limits[name])
        label = name.replace("_", " ")
        is_repeated = before.rstrip().lower().endswith(label)  # "ferritin {ferritin}" reads "ferritin value"
        return Markup('<span class="slot">{}</span>').format("value" if is_repeated else label)

    return lambda text: markdown(text, placeholder)


def _block(block: str, placeholder: RenderPlaceholder | None) -> Markup:
    lines = block.split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:], placeholder)) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines), placeholder))


def _inline(text: str, placeholder: RenderPlaceholder | None) -> Markup:
    """Render bold text; every second part of the split was between asterisks."""
    parts = (_with_placeholders(part, placeholder) for part in _BOLD.split(text))
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part) if n % 2 else part for n, part in enumerate(parts)
    )


def _with_placeholders(text: str, placeholder: RenderPlaceholder | None) -> Markup:
    if placeholder is None:
        return escape(text)
    parts = _SLOT.split(text)
    return Markup("").join(placeholder(part, parts[n - 1]) if n % 2 else escape(part) for n, part in enumerate(parts))
