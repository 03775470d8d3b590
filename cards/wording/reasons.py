"""Why a result may not be compared, as a card says it (cards/wording/reasons.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def reasons() -> Mapping[str, str]:
    """Return every reason by key."""
    return tomllib.loads((files("cards") / "wording" / "reasons.toml").read_text(encoding="utf-8"))


def reason_sentence(why: str) -> str:
    """Return the words for `UnusableResult.why`. Raises `KeyError` for a key that is not in the file."""
    return reasons()[why]
