"""Whether an answer given with less data is as careful as the one with all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cards.wording.render import wording
from tests.properties.answers import RULES

Sent = Mapping[str, Any]  # a card as JSON

_TEXTS = RULES.decisions["iron_status"].texts
_ADVICE = ("routes", "pregnant", "mid_iv", "mid_site", "mid_low_iv")
#: How texts begin that offer iron or name a route or a dose for it, and parts of summaries that do.
IRON_OFFERS = (
    *(_TEXTS[f"advice_{name}"].partition("{")[0][:60] for name in _ADVICE),
    *(
        "then consider iron",
        "discuss intravenous iron sucrose",
        "intravenous iron is",
        "Continue the present iron",
        "about 65 mg",
        "3 mg/kg",
    ),
)
_URGENCY = {"critical": 0, "warning": 1, "info": 2}
_LOST = 3


def less_careful(before: Iterable[Sent], after: Iterable[Sent], incomplete: Collection[str]) -> list[str]:
    """Return in what `after`, answered with these lists incomplete, is less careful than `before`.

    A card may be lost, or become less urgent, only where the answer names a list that was not read. An offer of iron, a
    route or a dose, and a suggestion, is never gained.
    """
    before, after = tuple(before), tuple(after)
    cut = {_code(card) for card in before if card["summary"].endswith("…")}  # an offer may stand in what was cut off
    whole = [{**card, "summary": ""} if _code(card) in cut else card for card in after]
    wrong = [f"offers {each!r}" for each in sorted(iron_offers(whole) - iron_offers(before))]
    wrong += [f"suggests {each}" for each in sorted(_suggested(after) - _suggested(before))]
    lost = [_code(card) for card in before if _urgency(_code(card), after) > _URGENCY[card["indicator"]]]
    if lost:
        said = " ".join(card["detail"].split("\n\n")[0] for card in after)
        names = wording()["not_checked"]
        named = any(names[name] in said for name in incomplete)
        wrong += [] if named else [f"{lost} lost, and nothing says what was not read: {said!r}"]
    return wrong


def _urgency(code: str, cards: Iterable[Sent]) -> int:
    """The most urgent of the cards of one code: two orders may each have one."""
    return min((_URGENCY[card["indicator"]] for card in cards if _code(card) == code), default=_LOST)


def _code(card: Sent) -> str:
    return str(card["source"]["topic"]["code"])


def iron_offers(cards: Iterable[Sent]) -> set[str]:
    """Return the beginnings of texts of these cards that offer iron or name a route or a dose for it."""
    return {offer for card in cards for offer in IRON_OFFERS if offer in f"{card['summary']}\n{card['detail']}"}


def _suggested(cards: Iterable[Sent]) -> set[str]:
    return {suggestion["label"] for card in cards for suggestion in card.get("suggestions", ())}
