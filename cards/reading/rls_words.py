"""Restless legs syndrome in free words: named, and not denied, doubted, over or said of somebody else.

clinical rationale 0.2 and its amendments. A denial counts where it leads to the name (`never had restless legs`), not
where it speaks of something else (`restless legs, never treated`, `no relief of restless legs`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from cards.fhir.json_values import LONGEST_WORDS
from cards.reading.diagnosis_words import (
    abbreviates_rls,
    fold,
    means_the_other_ekbom,
    names_rls_in_a_language,
    word_lists,
)
from cards.reading.rls.languages import is_of_the_patient, said_elsewhere, said_of_a_relative, suspected
from cards.reading.rls.other_matters import OtherMatters

#: In every language; `Willis-Ekboms sjukdom`, `choroba Willisa-Ekboma`, `restlesslegssyndroom`.
_UNSHARED_NAME = r"\brestless[\s-]*legs?(?:\b|(?=syndr))|\bwillis(?:a|in)?[\s-]*ekbom(?:'?s|a|in)?\b"
_EKBOM = (
    r"\bekbom(?:'?s|a|in)?[\s-]+(?:syndrome?|disease|krankheit|sjukdom|sygdom|sykdom|tauti|oireyhtym[aä])\b"
    r"|\b(?:syndrome d'|maladie d'|s[ií]ndrome de |sindrome di |malattia di |enfermedad de |ziekte van )ekbom\b"
)
_OWN_NAME = rf"{_UNSHARED_NAME}|{_EKBOM}"
_NAMED = re.compile(_OWN_NAME)
_NAMED_UNSHARED = re.compile(_UNSHARED_NAME)

#: The abbreviation, which counts only beside a code for other movement disorders (WHO G25.8) or as a reason.
_ABBREVIATED = re.compile(r"\brls\b")
#: Willis-Ekbom disease in short, where nothing else is said: elsewhere it may be a day of the week.
_WED = re.compile(r"(?:(?:mild|moderate|severe|refractory|primary|idiopathic|secondary) )?wed")

#: The name as it stands in a sentence, perhaps explained in brackets: `RLS (restless legs)`.
_ONE_NAME = rf"(?:{_OWN_NAME}|\brls\b)(?:[\s-]*syndro(?:me?s?|oms?)\b|[\s-]+disease\b)?"
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
_OTHER_MATTERS = OtherMatters(_ANY_NAME, _KIN, _FAMILY_HISTORY)

_DASH = re.compile("[\u2010-\u2015]")
#: The same under an English name in a sentence of another language, in folded texts.
_SAID_ELSEWHERE = said_elsewhere(_NAME, word_lists())
_SAID_ELSEWHERE_OF_A_RELATIVE = said_of_a_relative(_NAME, word_lists())
_SUSPECTED = suspected(_NAME)
#: Names that the word lists have in other words or another case, and what they have.
_SPELLED_OTHERWISE = (
    (re.compile(r"rusteloze(?=benen)", re.IGNORECASE), "rusteloze "),
    (re.compile(r"\b(unruhige|ruhelose)r(?=[\s-]+beine)", re.IGNORECASE), r"\1n"),
)


def names_rls(words: str) -> bool:
    """Return whether the words name restless legs syndrome as the patient's own and present, in any language we know.

    `Ekbom's syndrome` beside delusions or parasites is another disease. More than `LONGEST_WORDS` characters are not
    read.
    """
    return _names_rls(words[:LONGEST_WORDS])


@lru_cache(maxsize=1024)
def _names_rls(words: str) -> bool:
    own = _own_matters(words)
    named = _NAMED_UNSHARED if means_the_other_ekbom(words) else _NAMED
    return _says(words, named) or (names_rls_in_a_language(_as_listed(words)) and not _SAID_OTHERWISE.search(own))


def names_rls_beside_code(words: str) -> bool:
    """Return whether words beside a code that points the same way name RLS, abbreviated too."""
    return names_rls(words) or _says(words, _ABBREVIATED)


def only_suspects_rls(words: str) -> bool:
    """Return whether the words call every mention of RLS under its English name suspected: `V. a. Restless legs`."""
    folded = fold(words)
    others = _SUSPECTED.sub(" ", folded)
    return others != folded and not _ANY_NAME.search(others)


def names_rls_as_a_reason(words: str) -> bool:
    """Return whether the reason of an order names RLS, abbreviated too.

    What else the letters stand for is no reason for a drug of ours; and the rules of RLS are the more careful ones.
    """
    own = _own_matters(words)
    in_short = abbreviates_rls(words) or _WED.fullmatch(own) is not None
    return names_rls(words) or (in_short and not _SAID_OTHERWISE.search(own))


def names_rls_of_a_relative(words: str) -> bool:
    """Return whether the words ascribe every mention of restless legs syndrome to a relative.

    `Family history: restless legs` does; `restless legs, positive family history` is said of the patient.
    """
    plain = _plain(words)
    others = _SAID_OF_A_RELATIVE.sub(" ", plain)
    return others != plain and not _ANY_NAME.search(others)


def _plain(words: str) -> str:
    return " ".join(_DASH.sub("-", words[:LONGEST_WORDS].lower().replace("’", "'")).split())


def _own_matters(words: str) -> str:
    return _OTHER_MATTERS.left_out(_plain(words))


def _as_listed(words: str) -> str:
    """Return words with the names that the lists have otherwise as they have them."""
    for spelled, listed in _SPELLED_OTHERWISE:
        words = spelled.sub(listed, words)
    return words


def _says(words: str, named: re.Pattern[str]) -> bool:
    own = _own_matters(words)
    if not named.search(own) or _SAID_OTHERWISE.search(own):
        return False
    folded = _SAID_ELSEWHERE.sub(" ", fold(words))
    if not is_of_the_patient(folded):
        folded = _SAID_ELSEWHERE_OF_A_RELATIVE.sub(" ", folded)
    return named.search(folded) is not None
