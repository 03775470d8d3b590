"""Every card of every golden file on one page, side by side: for a clinician to read in one sitting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.decisions.test_tables import CASES, RULES, cards_of
from tests.golden.calls import TODAY, GoldenCall

_SEVERITY = ("critical", "warning", "info")
Shown = tuple[GoldenCall, Mapping[str, Any]]


def review(calls: Iterable[GoldenCall], answers: Mapping[str, Mapping[str, Any]]) -> str:
    """The page as Markdown: a table of who gets what, then each card once in full with all its other appearances."""
    listed = tuple(calls)
    shown = [(call, card) for call in listed for card in answers[call.file].get("cards", [])]
    by_code: dict[str, list[Shown]] = {}
    for call, card in shown:
        by_code.setdefault(card["source"]["topic"]["code"], []).append((call, card))
    ordered = sorted(by_code.items(), key=lambda entry: (_rank(entry[1]), entry[0]))
    parts = [_head(len(listed), len(shown), len(by_code)), _who(listed, answers)]
    parts += [block for code, cards in ordered for block in _card(code, cards)]
    parts += [block for code, says, card in _others(frozenset(by_code)) for block in _in_full(code, says, card)]
    return "\n\n".join(parts) + "\n"


def _head(calls: int, cards: int, kinds: int) -> str:
    return (
        "# Every card of the synthetic patients\n\n"
        f"Written by `pytest tests/golden --update-golden`; read as on {TODAY}. {calls} calls, {cards} cards "
        f"of {kinds} kinds. Each kind stands once in full; its other appearances follow with what differs: summary and "
        "facts. Kinds that no synthetic patient gets are shown for a case of the decision tables.\n\n"
        "For sign-off: is the summary true by itself, is the advice right for these facts, is anything missing?"
    )


def _who(calls: Iterable[GoldenCall], answers: Mapping[str, Mapping[str, Any]]) -> str:
    rows = ["## Who gets what", "", "| Patient | Shows | Cards |", "|---|---|---|"]
    for call in calls:
        cards = [
            f"{each['source']['topic']['code']} ({each['indicator']})" for each in answers[call.file].get("cards", [])
        ]
        rows.append(f"| {_cell(call.title)} | {_cell(call.shows)} | {', '.join(cards) or 'none'} |")
    return "\n".join(rows)


def _card(code: str, cards: list[Shown]) -> Iterator[str]:
    call, first = cards[0]
    yield from _in_full(code, call.title, first)
    if cards[1:]:
        rows = [f"| {_cell(c.title)} | {card['indicator']} | {_cell(card['summary'])} | {_facts(card)} |"
                for c, card in cards[1:]]  # fmt: skip
        yield "\n".join(["| Also for | Indicator | Summary | Why |", "|---|---|---|---|", *rows])


def _in_full(code: str, title: str, card: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {card['source']['topic']['display']} ({code})"
    yield f"{card['indicator']}, for: {title}"
    yield "\n".join(f"> {line}".rstrip() for line in (f"**{card['summary']}**", "", *card["detail"].splitlines()))
    suggestions = [each["label"] for each in card.get("suggestions", [])]
    if suggestions:
        yield f"Suggestions: {'; '.join(suggestions)}"


def _others(shown: frozenset[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Code, case and card of every kind that is not among those shown."""
    seen = set(shown)
    for decision, case in CASES:
        if {entry.split(":")[0].replace("-", "") for entry in case["expect"]} <= seen:
            continue
        for card in cards_of(decision, case, RULES):
            if card.topic.code not in seen:
                seen.add(card.topic.code)
                yield card.topic.code, f"a case of tests/decisions/{decision}.toml: {case['says']}", card.as_json()


def _facts(card: Mapping[str, Any]) -> str:
    why = card["detail"].partition("**This patient**")[2].partition("**Rule")[0]
    return "<br>".join(_cell(line[2:]) for line in why.splitlines() if line.startswith("- "))


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _rank(cards: list[Shown]) -> int:
    return min(_SEVERITY.index(card["indicator"]) for _, card in cards)
