"""Why a card may be overridden: the codes of cards/wording/wording.toml (clinical amendments 2, sections 4 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from cards.facts.card import Coding
from cards.knowledge.repetition import repetition
from cards.wording.render import wording


@cache
def offered_reasons(hook: str, card: str) -> tuple[Coding, ...]:
    """Return the reasons that a card, by topic code, offers on a hook, in the order of the file.

    A reason that counts on some cards alone (section 6) is offered on these alone.
    """
    system = wording()["override_reasons"]["system"]
    codes, counted = wording()["override_reasons"]["codes"], repetition().reasons
    return tuple(
        Coding(code, system, entry["display"])
        for code, entry in codes.items()
        if hook in entry["offered"] and (code not in counted or counted[code].counts_on(card))
    )


@cache
def reason_names() -> Mapping[str, str]:
    """Return what each code is called: those that cards offer, and those that earlier cards offered."""
    reasons = wording()["override_reasons"]
    return {**{code: entry["display"] for code, entry in reasons["codes"].items()}, **reasons["before"]}


@cache
def reason_meanings() -> Mapping[str, str]:
    """Return what choosing each reason says, for the page of a card."""
    return {code: entry["meaning"] for code, entry in wording()["override_reasons"]["codes"].items()}
