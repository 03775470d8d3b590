"""How a language spells an international nonproprietary name: the way from the name to the language.

Written for the tests alone and apart from cards/drugs/languages/spellings.toml, which goes the other way.
"""

from __future__ import annotations

import re

_Rules = tuple[tuple[str, str], ...]

_WITHOUT_E: _Rules = ((r"e$", ""),)
_SIMPLER: _Rules = ((r"ph", "f"), (r"th", "t"), (r"rh", "r"))
_ROMANCE: _Rules = (*_SIMPLER, (r"y", "i"), (r"([bdflmnpt])\1", r"\1"))
_HARD_C: _Rules = ((r"cc(?=[eiy])", "ks"), (r"ch", "k"), (r"c(?![eiyh])", "k"))

#: In this order; each a regular expression and what is put in its place.
LANGUAGES: dict[str, _Rules] = {
    "en": (),
    "de": _WITHOUT_E,
    "fr": ((r"^(?=e)", ""),),
    "nl": ((r"ole$", "ol"), (r"ate$", "aat"), (r"ide$", "ide")),
    "es": (*_ROMANCE, (r"^s(?=[pt])", "es"), (r"^ch", "c"), (r"ch(?=l)", "c"), (r"ole$", "ol"), (r"ate$", "ato"),
           (r"in$", "ina"), (r"e$", "a")),
    "it": (*_ROMANCE, (r"^h", ""), (r"ch(?=l)", "c"), (r"ct(?=[aeio])", "tt"), (r"xi(?=[a-z])", "ssi"),
           (r"ole?$", "olo"), (r"ate$", "ato"), (r"ine?$", "ina")),
    "pt": (*_ROMANCE, (r"ch(?=l)", "c"), (r"ole$", "ol"), (r"ate$", "ato"), (r"in$", "ina"), (r"e$", "a")),
    "sv": (*_SIMPLER, (r"qu", "kv"), *_HARD_C, *_WITHOUT_E),
    "da": _WITHOUT_E,
    "no": (*_SIMPLER, (r"qu", "kv"), (r"x", "ks"), *_HARD_C, *_WITHOUT_E),
    "fi": (*_SIMPLER, (r"qu", "k"), (r"x", "ks"), (r"z", "ts"), *_HARD_C, (r"c", "s"), (r"e$", ""),
           (r"([aiou])([nmdl])$", r"\1\1\2i"), (r"at$", "aatti"), (r"([^aeiouy])$", r"\1i")),
    "pl": (*_SIMPLER, (r"qu", "kw"), (r"x", "ks"), (r"ch", "ch"), (r"c(?![eiyh])", "k"), (r"v", "w"),
           (r"(?<=[tdrczs])i", "y"), (r"ine?$", "ina"), (r"yne?$", "yna"), (r"e$", "")),
}  # fmt: skip


def spelled(name: str, language: str) -> str:
    """Return a name as the language writes it by its rules; a few real names differ."""
    for pattern, put in LANGUAGES[language]:
        name = re.sub(pattern, put, name)
    return name
