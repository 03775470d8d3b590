"""Make the spellings of one international nonproprietary name equal in all languages that are read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

#: What is left of a name without its salt is no name below this many letters.
_SHORTEST_STEM = 5


def any_of(words: Iterable[str]) -> str:
    """Return a regular expression for any of some plain words, the first that fits."""
    return "|".join(re.escape(word) for word in words)


def folded_words(text: str) -> str:
    """Return a text of plain words (lower case, without accents) with every word folded.

    Blanks, line ends and marks stay where they are, so that a whole list is folded at once.
    """
    return _rules()(text)


@lru_cache(maxsize=8192)
def folded(word: str) -> str:
    """Return one plain word as it is compared."""
    return folded_words(word)


@lru_cache(maxsize=8192)
def without_salt(key: str) -> tuple[str, ...]:
    """Return what a folded word may be without the salt at its end; empty where no salt ends it.

    Two equal letters became one where name and salt met, so the first letter of the salt may belong to the name too.
    """
    found = _salt().search(key)
    if not found or found.start() < _SHORTEST_STEM:
        return ()
    stem = key[: found.start()]
    return stem.rstrip("aeiou"), stem + found[0][0]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("cards") / "drugs" / "languages" / "spellings.toml").read_text(encoding="utf-8"))


@cache
def _rules() -> Callable[[str], str]:
    """Return the fold of a whole text: each rule runs once over all its words, since one word at a time is slow."""
    table = _table()
    first, put, before = table["start"]
    start = re.compile(rf"^{first}(?=[{before}])", re.MULTILINE)
    end = re.compile(rf"(?:{'|'.join(table['endings'])})$", re.MULTILINE)
    vowels = re.compile(r"[aeiou]+$", re.MULTILINE)
    long_word = re.compile(rf"(?<![a-z0-9])[a-z]{{{table['shortest']},}}(?![a-z0-9])")
    twice = re.compile(r"([a-z])\1+")

    def fold(text: str) -> str:
        words = long_word.findall(text)
        lines = "\n".join(words)
        for old, new in table["replace"]:
            lines = lines.replace(old, new)
        lines = vowels.sub("", end.sub("", start.sub(put, twice.sub(r"\1", lines))))
        keys = zip(lines.split("\n"), words, strict=True)
        return long_word.sub(lambda found: next(key or word for key, word in keys), text)

    return fold


@cache
def _salt() -> re.Pattern[str]:
    salts = sorted({folded(each) for each in _table()["salts"]}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(salts)})$")
