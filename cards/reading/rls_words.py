"""Restless legs syndrome in free words: named, and not denied, doubted, over or said of somebody else.

clinical rationale 0.2 and its amendments. A denial counts where it leads to the name (`never had restless legs`), not
where it speaks of something else (`restless legs, never treated`, `no relief of restless legs`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from cards.fhir.json_values import LONGEST_WORDS
from cards.reading.diagnosis_words import abbreviates_rls, means_the_other_ekbom, names_rls_in_a_language

_UNSHARED_NAME = r"\brestless[\s-]*legs?\b|\bwillis[\s-]*ekbom\b"
_EKBOM = r"\bekbom(?:'s|s)?[\s-]+(?:syndrome?|disease)\b"
_OWN_NAME = rf"{_UNSHARED_NAME}|{_EKBOM}"
_NAMED = re.compile(_OWN_NAME)
_NAMED_UNSHARED = re.compile(_UNSHARED_NAME)

#: The abbreviation, which counts only beside a code for other movement disorders (WHO G25.8) or as a reason.
_ABBREVIATED = re.compile(r"\brls\b")
#: Willis-Ekbom disease in short, where nothing else is said: elsewhere it may be a day of the week.
_WED = re.compile(r"(?:(?:mild|moderate|severe|refractory|primary|idiopathic|secondary) )?wed")

#: The name as it stands in a sentence, perhaps explained in brackets: `RLS (restless legs)`.
_ONE_NAME = rf"(?:{_OWN_NAME}|\brls\b)(?:[\s-]+(?:syndrome?|disease)\b)?"
_NAME = rf"{_ONE_NAME}(?:\s*\(\s*{_ONE_NAME}\s*\))?"
_ANY_NAME = re.compile(_ONE_NAME)

_KIN = (
    r"\b(?:(?:grand)?(?:mother|father|parent)|grand[mp]a|mom|mum|dad|sister|brother|sibling|daughter|son|aunt|uncle|cousin"
    r"|relative|wife|husband|family member)s?\b(?:'s)?"
)
#: What may stand between a denial and the name that it denies.
_BETWEEN = (
    r"(?:(?:an?|any|the|known|current(?:ly)?|active|further|more|had|ha(?:ve|s|ving)|got|been|suffer(?:s|ed|ing)?"
    r"|experienc(?:e|es|ed|ing)|complain(?:s|ed|ing|ts)?|diagnosed|affected|reported|signs?|symptoms?|evidence"
    r"|suggestive|longer|from|with|by|of)\s+){0,5}"
)

_DENIED = (
    rf"\b(?:not?|never|nor|without|w\s?/\s?o|lacks?|(?:do|does|did|is|was|ha[sd]|have)n'?t)\s+{_BETWEEN}{_NAME}"
    rf"|{_NAME}\s*(?:(?:is|are|was|were)\s+|[:=-]\s*)?(?:not present|absent|negative|none|no)\s*(?:$|[.;,)])"
)
_DOUBTED = (
    r"\brul(?:e|es|ed|ing)[\s-]+out\b|\br\s?/\s?o\b|\bden(?:y|ies|ied)\b|\bexcluded\b|\bunlikely\b|\bpossibl[ey]\b|\?"
    r"|\b(?:no|without|negative)\s+(?:evidence|signs?|symptoms?)\s+of\b|\bscreen(?:ing|ed)?\s+for\b|\bnegative\s+for\b"
)
_OVER = (
    r"\bhistory\s+of\b|\b(?:hx|h\s?/\s?o)\b|\bresolved\b"
    rf"|\b(?:previous(?:ly)?|prior|past|former(?:ly)?)\s+(?:(?:had|episodes?|of)\s+){{0,3}}{_NAME}"
    rf"|{_NAME}\W{{1,3}}in\s+(?:(?:the\s+)?past|remission)\b"
)
_FAMILY_HISTORY = r"\bfam(?:ily|ilial)?\.?\s*(?:history|hist|hx|h\s?/\s?o)\b|\bf\.?\s?hx?\b|\bf/h\b"

#: Said of a relative in so many words. `Per mother: restless legs` and `mother reports ...` are said of the patient.
_OF_A_RELATIVE = (
    rf"(?:{_FAMILY_HISTORY})\W*(?:(?:positive|significant|of|for|is|in)\s+){{0,4}}(?:{_KIN}\W+)?{_NAME}"
    rf"|(?<!\bper )(?<!\bby )(?<!\bto )(?<!\bfrom ){_KIN}(?:\s*(?:,|and|or|&|/)\s*{_KIN}){{0,4}}\s*(?:[:(-]+\s*)?"
    r"(?:(?:is|are|was|were|also|ha[sd]|have|with|affected|by|suffer(?:s|ed|ing)?|from|diagnosed|known|treated|for)"
    rf"\s+){{0,5}}{_NAME}"
    rf"|\bfamily\s*(?:[:-]\s*|(?:with|has)\s+){_NAME}"
    rf"|{_NAME}\W{{1,3}}(?:(?:runs?|is|are)\s+)?in\s+(?:(?:the|his|her|their)\s+)?(?:{_KIN}|family\b)"
    r"(?!\s+(?:therapy|practice|medicine|planning|meeting))"
)
_OF_SOMEBODY_ELSE = (
    rf"{_FAMILY_HISTORY}|{_OF_A_RELATIVE}|{_KIN}\s+(?:has|had|have|with)\b|{_NAME}\s*[,:(-]\s*{_KIN}\s*\)?\s*$"
)

_SAID_OF_A_RELATIVE = re.compile(_OF_A_RELATIVE)
_SAID_OTHERWISE = re.compile(f"{_DENIED}|{_DOUBTED}|{_OVER}|{_OF_SOMEBODY_ELSE}")


def names_rls(words: str) -> bool:
    """Return whether the words name restless legs syndrome as the patient's own and present, in any language we know.

    `Ekbom's syndrome` beside delusions or parasites is another disease. More than `LONGEST_WORDS` characters are not
    read.
    """
    return _names_rls(words[:LONGEST_WORDS])


@lru_cache(maxsize=1024)
def _names_rls(words: str) -> bool:
    plain = _plain(words)
    named = _NAMED_UNSHARED if means_the_other_ekbom(words) else _NAMED
    return _says(plain, named) or (names_rls_in_a_language(words) and not _SAID_OTHERWISE.search(plain))


def names_rls_beside_code(words: str) -> bool:
    """Return whether words beside a code that points the same way name RLS, abbreviated too."""
    return names_rls(words) or _says(_plain(words), _ABBREVIATED)


def names_rls_as_a_reason(words: str) -> bool:
    """Return whether the reason of an order names RLS, abbreviated too.

    What else the letters stand for is no reason for a drug of ours; and the rules of RLS are the more careful ones.
    """
    plain = _plain(words)
    in_short = abbreviates_rls(words) or _WED.fullmatch(plain) is not None
    return names_rls(words) or (in_short and not _SAID_OTHERWISE.search(plain))


def names_rls_of_a_relative(words: str) -> bool:
    """Return whether the words ascribe every mention of restless legs syndrome to a relative.

    `Family history: restless legs` does; `restless legs, positive family history` is said of the patient.
    """
    plain = _plain(words)
    others = _SAID_OF_A_RELATIVE.sub(" ", plain)
    return others != plain and not _ANY_NAME.search(others)


def _plain(words: str) -> str:
    return " ".join(words[:LONGEST_WORDS].lower().replace("’", "'").split())


def _says(plain: str, named: re.Pattern[str]) -> bool:
    return bool(named.search(plain)) and not _SAID_OTHERWISE.search(plain)
