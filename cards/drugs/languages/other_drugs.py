"""Whether words name a drug, or something that is no drug, which is none of ours.

Only the lists that ship with the program tell: a name of neither list is not covered, which is not the same.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from cards.drugs.languages.folding import folded, folded_words, without_salt

_LONGEST = 4  # words of a name
_WHOLE = "= "
_WORD = re.compile(r"[a-z0-9]+")


def names_another(text: str) -> bool:
    """Return whether plain words hold the name of another drug, or of a kind of product that holds none of ours.

    A word that may be of iron or another of our ingredients, outside such a name, leaves it untold.
    """
    keys = [folded(word) for word in _WORD.findall(text)]
    if " ".join(key for key in keys if key.isalpha() and key not in _kinds()["around"]) in _whole_names():
        return True
    at, found = 0, False
    while at < len(keys):
        length = _length_of_name(keys, at)
        if not length and keys[at] in _kinds()["doubtful"]:
            return False
        found = found or bool(length)
        at += length or 1
    return found


def _length_of_name(keys: list[str], at: int) -> int:
    """Return how many words of a known name start here; 0 where none does."""
    known = other_names()
    for length in range(min(_LONGEST, len(keys) - at), 0, -1):
        if " ".join(keys[at : at + length]) in known:
            return length
    told = keys[at].endswith(tuple(_kinds()["endings"])) or any(stem in known for stem in without_salt(keys[at]))
    return int(told)


@cache
def other_names() -> frozenset[str]:
    """Return every folded name that tells a drug wherever it stands; the list is read when first asked for."""
    return frozenset(line for line in _lines() if not line.startswith(_WHOLE)) | _kinds()["words"]


@cache
def _whole_names() -> frozenset[str]:
    """Return names out of everyday words, such as a food: they tell a product only where they are all of its name."""
    return frozenset(line.removeprefix(_WHOLE) for line in _lines() if line.startswith(_WHOLE))


@cache
def _lines() -> tuple[str, ...]:
    text = (files("cards") / "drugs" / "languages" / "other_drugs.txt").read_text(encoding="utf-8")
    return tuple(line for line in folded_words(text).split("\n") if line and not line.startswith("#"))


@cache
def _kinds() -> dict[str, frozenset[str]]:
    text = (files("cards") / "drugs" / "languages" / "other_kinds.toml").read_text(encoding="utf-8")
    return {name: frozenset(folded_words("\n".join(words)).split("\n")) for name, words in tomllib.loads(text).items()}
