"""Markdown that Epic, Oracle Health and the public sandbox render alike, and what a text holds beyond it.

Bold, lists of one level, paragraphs and links; nothing else (clinical amendments 2, section 4). The sandbox renders
GitHub's Markdown without HTML, Oracle Health takes plain lists, bold and links, and Epic shows what it does not know as
it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

#: What no card may hold, by its name: a pattern over the whole text, a line at a time.
_FORBIDDEN = {
    "a heading": r"^ {0,3}#{1,6}(?:\s|$)",
    "an underlined heading or a rule": r"^ {0,3}(?:=+|-{2,}|\*{3,}|_{3,}|(?:[-*_] ){2,}[-*_])\s*$",
    "a table": r"^\s*\|.*\||^\s*:?-+:?\s*\|",
    "a quotation": r"^ {0,3}>",
    "code": r"`|^(?: {4,}|\t)\S|^ {0,3}~~~",
    "HTML or an autolink": r"<[A-Za-z/!?]",
    "an entity": r"&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]\w+);",
    "an image": r"!\[",
    "a nested list": r"^ +(?:[-*+]|\d+[.)])\s",
    "a list of another sign": r"^[*+]\s|^\d+[.)]\s",
    "a task": r"^- \[[ xX]\]",
    "a footnote or reference": r"\[\^|^\[[^\]]+\]:|\]\[",
    "struck-out text": r"~~",
    "a hard line break": r"  $|\\$",
    "emphasis": r"(?<![*\w])\*(?![*\s])[^*\n]+(?<![*\s])\*(?![*\w])|(?<!\w)_(?!\s)[^_\n]+_(?!\w)",
    "a backslash": r"\\",
}
#: `[words](https://...)`, the only form of a link.
_LINK = re.compile(r"\[[^\][]+\]\(https?://[^\s()]+\)")


def faults(text: str) -> Iterator[str]:
    """Yield what a text holds that the three do not render alike, each with the place."""
    for name, pattern in _FORBIDDEN.items():
        for found in re.finditer(pattern, text, re.MULTILINE):
            yield f"{name}: {found[0]!r}"
    yield from _bold(text)
    yield from _lists(text)
    for found in re.finditer(r"\]\(|\[[^\]]*\]", _LINK.sub("", text)):
        yield f"brackets that are no link: {found[0]!r}"


def _bold(text: str) -> Iterator[str]:
    """Bold is `**words**` in one line, without a blank inside the signs."""
    for line in text.splitlines():
        rest = re.sub(r"\*\*(?!\s)[^*\n]+(?<!\s)\*\*", "", line)
        if "**" in rest or re.search(r"\*\S|\S\*", rest):
            yield f"a sign of bold that is not closed: {line!r}"


def _lists(text: str) -> Iterator[str]:
    """A list has an empty line before and after it: a renderer takes it for a part of the paragraph else."""
    lines = ["", *text.splitlines(), ""]
    for before, line in pairwise(lines):
        is_item, was_item = line.startswith("- "), before.startswith("- ")
        if line and before and is_item != was_item:
            yield f"a list without an empty line beside it: {line!r}"
