"""Why a result may not be compared, as a card says it (cards/reading/reasons.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def reasons() -> Mapping[str, str]:
    """Every reason by key."""
    return tomllib.loads((files("cards") / "reading" / "reasons.toml").read_text(encoding="utf-8"))


def reason_sentence(why: str) -> str:
    """The words for `UnusableResult.why`. Raises `KeyError` for a key that is not in the file."""
    return reasons()[why]
