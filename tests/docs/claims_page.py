"""The claims of the source article, and the patients who show what became of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.docs.booklet_pages import anchor, buttons, card_ids, group_of
from tests.docs.shown_patients import ShownPatient, every_kind, golden_patient, told
from tests.docs.tables import table

CLAIMS: list[Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))["claim"]
Shown = Mapping[str, Any]
_PAGE = """\
# The source article, claim by claim

The service began with an article on nutrients and restless legs. These are its claims in our own words, what became of
each, and the synthetic patient who shows it: the summary is the service's own answer to that patient, with all
settings at their defaults. A test fails where a patient no longer gets the card. The evidence behind the answers is
the [clinical rationale](clinical/index.md); each card in full stands in the
[booklet](../reference/cards/index.md).

"""


class NotShown(AssertionError):
    """A patient does not show what the table says."""


@cache
def _told(row: int, place: int) -> ShownPatient:
    shown = CLAIMS[row]["shown"][place]
    if "case" in shown:
        hook = "order-sign" if shown["case"].get("drafts") else "patient-view"
        return told(shown["case"], hook, "tests/docs/claims.toml")
    return golden_patient(shown["patient"], *shown.get("drafts", ()))


def rows() -> Iterator[tuple[str, Shown, ShownPatient]]:
    """Yield each claim with each of its patients."""
    for number, claim in enumerate(CLAIMS):
        for place, shown in enumerate(claim["shown"]):
            yield claim["id"], shown, _told(number, place)


def card_of(shown: Shown, patient: ShownPatient) -> Mapping[str, Any] | None:
    """The card that shows the claim, None where silence does. Raises `NotShown` where the patient does not get it."""
    found = {(each["source"]["topic"]["code"], each["indicator"]): each for each in patient.cards}
    if shown["card"] == "none":
        if found:
            raise NotShown(f"{patient.title}: expected no card, answered {sorted(found)}")
        return None
    code, _, indicator = shown["card"].partition(":")
    card = found.get((code.replace("-", ""), indicator))
    if card is None:
        raise NotShown(f"{patient.title}: expected {shown['card']}, answered {sorted(found)}")
    missing = [words for words in shown.get("says", ()) if words not in card["detail"]]
    printed = [words for words in shown.get("leaves_out", ()) if words in card["detail"]]
    if missing or printed:
        raise NotShown(f"{patient.title}: {shown['card']} does not print {missing}, prints {printed}")
    if "offers" in shown and not any(shown["offers"] in label for label in buttons(card)):
        raise NotShown(f"{patient.title}: {shown['card']} offers {list(buttons(card))}, not {shown['offers']}")
    return card


def claims_page() -> str:
    """Every claim with what became of it and who shows it."""
    return _PAGE + "\n".join(_claim(number) for number in range(len(CLAIMS)))


def _claim(number: int) -> str:
    claim = CLAIMS[number]
    shown = [_row(each, _told(number, place)) for place, each in enumerate(claim["shown"])]
    head = f"## {claim['id']}. {claim['claim']} {{ #{claim['id'].lower()} }}\n\n{claim['answer']}\n"
    return f"{head}\n{table(('Patient', 'Card', 'What the service answers'), shown)}"


def _row(shown: Shown, patient: ShownPatient) -> tuple[str, str, str]:
    card = card_of(shown, patient)
    title = patient.title.replace("<", "&lt;")
    if card is None:
        return title, "none", "*Silence: nothing to say.*"
    quoted = [_line(card["detail"], words) for words in shown.get("says", ())]
    quoted += [f"Without a line on: {words.strip(':')}." for words in shown.get("leaves_out", ())]
    quoted += [f"Button: {label}" for label in buttons(card) if "offers" in shown and shown["offers"] in label]
    kind = (card["source"]["topic"]["code"], card["indicator"])
    return title, _linked(kind), "<br>".join([card["summary"], *(f"*{line}*" for line in quoted)])


def _line(detail: str, words: str) -> str:
    return next(line for line in detail.splitlines() if words in line).removeprefix("- ")


def _linked(kind: tuple[str, str]) -> str:
    card = card_ids()[kind[0]]
    assert kind in every_kind()
    return f"[{card}](../reference/cards/{group_of(card).file}.md#{anchor(kind)}), {kind[1]}"
