"""Why a card may be overridden: the codes of cards/wording/wording.toml (clinical amendments 2, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from cards.facts.card import Coding
from cards.wording.render import wording


@cache
def offered_reasons(hook: str) -> tuple[Coding, ...]:
    """Return the reasons that the cards of a hook offer, in the order of the file."""
    system = wording()["override_reasons"]["system"]
    codes = wording()["override_reasons"]["codes"]
    return tuple(Coding(code, system, entry["display"]) for code, entry in codes.items() if hook in entry["offered"])


@cache
def reason_names() -> Mapping[str, str]:
    """Return what each code is called: those that cards offer, and those that earlier cards offered."""
    reasons = wording()["override_reasons"]
    return {**{code: entry["display"] for code, entry in reasons["codes"].items()}, **reasons["before"]}


@cache
def reason_meanings() -> Mapping[str, str]:
    """Return what choosing each reason says, for the page of a card."""
    return {code: entry["meaning"] for code, entry in wording()["override_reasons"]["codes"].items()}
