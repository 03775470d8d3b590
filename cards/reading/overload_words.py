"""Iron overload in free words: named, and neither denied nor said of a relative or of a carrier.

Words alone never prove it; they make it probable, so that it is excluded before iron. A doubt (`?haemochromatosis`,
`rule out`) therefore counts here, where it would not for restless legs syndrome.
"""

from __future__ import annotations

import re

_NAMED = re.compile(r"\bha?emochromatosis\b|\biron[\s-]+overload\b|\bha?emosiderosis\b")
_NOT_THE_PATIENTS = re.compile(
    r"\b(?:no|not|nor|never|without|absent|negative|neg|excluded|refuted|unlikely|carriers?|screen(?:ing|ed)?)\b"
    r"|\bden(?:y|ies|ied)\b|\bruled[\s-]+out\b|n't\b|\bfam(?:ily|ilial)?\.?\s*(?:history|hist|hx|h\s?/\s?o)\b|\bf\.?hx?\b"
    r"|\bf/h\b|\b(?:mother|father|parent|sister|brother|sibling|daughter|son|aunt|uncle|cousin|relative|wife|husband)s?\b"
)


def names_overload(words: str) -> bool:
    """The words name iron overload or haemochromatosis as the patient's own, be it in doubt."""
    plain = " ".join(words.lower().replace("’", "'").split())
    return bool(_NAMED.search(plain)) and not _NOT_THE_PATIENTS.search(plain)
