"""Restless legs syndrome in free words: named, and not denied, doubted or said of somebody else."""

from __future__ import annotations

import re

_NAMED = re.compile(r"\brestless[\s-]*legs?\b|\bwillis[\s-]*ekbom\b|\bekbom(?:'s|s)?[\s-]+(?:syndrome|disease)\b")

#: Names that count only beside a code for other movement disorders (WHO G25.8), where no other language says more.
_NAMED_BESIDE_CODE = re.compile(
    r"\brls\b|\bjambes sans repos\b|\bpiernas inquietas\b|\bpernas inquietas\b"
    r"|\bgambe senza riposo\b|\brusteloze benen\b"
)

#: Clinical page 0.2 and its amendments. A question mark anywhere is a doubt.
_SAID_OTHERWISE = re.compile(
    r"\bfamily\s+(?:history|hx)\b|\bf\.?\s?hx?\b|\brul(?:e|es|ed|ing)[\s-]+out\b|\br\s?/\s?o\b|\bden(?:y|ies|ied)\b"
    r"|\b(?:no|without|negative)\s+(?:evidence|signs?|symptoms?)\s+of\b|\bhistory\s+of\b|\b(?:hx|h\s?/\s?o)\b"
    r"|\b(?:not?|never)\s+(?:restless|willis|ekbom)|\bexcluded\b|\bunlikely\b"
    r"|\b(?:mother|father|sister|brother|parent|sibling)s?\s+(?:has|had|have|with)\b"
    r"|\bpossibl[ey]\b|\?|\bscreen(?:ing|ed)?\s+for\b|\bnegative\s+for\b|\bresolved\b"
)


def names_rls(words: str) -> bool:
    """The words name restless legs syndrome as the patient's own and present."""
    return _says(words, _NAMED)


def names_rls_beside_code(words: str) -> bool:
    """As `names_rls`; the abbreviation and other languages count as well, for a code already points the same way."""
    return _says(words, _NAMED) or _says(words, _NAMED_BESIDE_CODE)


def _says(words: str, named: re.Pattern[str]) -> bool:
    plain = " ".join(words.lower().replace("’", "'").split())
    return bool(named.search(plain)) and not _SAID_OTHERWISE.search(plain)
