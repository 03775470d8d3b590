"""The booklet of cards: each as an EHR shows it, beside the facts of its patient, for a physician to mark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cds_service.knowledge.load import national_rules
from tests.docs.shown_patients import ShownPatient, every_kind, facts, further_examples
from tests.docs.tables import table

_SEVERITY = ("critical", "warning", "info")
Kind = tuple[str, str]  # a card and its indicator


class Group(NamedTuple):
    """A page of the booklet: its file, its title, and which card ids it holds (the first group that fits)."""

    file: str
    title: str
    cards: str


GROUPS = (
    Group("iron-studies", "Iron, when a chart opens", r"IRON-"),
    Group("iron-orders", "Orders of iron", r"OS-IRON-"),
    Group("infusions", "Infusions of iron", r"OS-IV-"),
    Group("other-orders", "Other orders", r"OS-|NOTEVALUATED"),
    Group("vitamins-and-drugs", "Vitamins, minerals and drugs, when a chart opens", r""),
)
_INDEX = """\
# Booklet of cards

Every card in every indicator that it may have, as an EHR shows it, beside the synthetic patient who gets it: {count}
cards on {pages} pages, for a physician to mark, on screen or printed, and further examples where a card reads otherwise
by the product. The cards are the service's own answers; the
facts are what it has read of the patient. What decides on each card is on [Rules](../rules.md), what awaits a
sign-off on [Sign-off](../sign-off.md).

## How to mark

Read the facts first and decide what you would want to be told. Then read the card.

* **Agree**: the summary is true by itself, the advice is right for these facts, nothing is missing.
* **Change**: say what, in the remark. A word is enough.

| | |
|---|---|
| Name and profession | |
| Date | |
| Version of the service | |

"""
_BOX = """\
- [ ] agree
- [ ] change
- [ ] remark:
"""


def card_ids() -> Mapping[str, str]:
    """The id of each card of the product by its code."""
    cards = (card for decision in national_rules().decisions.values() for card in decision.cards.values())
    return {**{card.topic: card.id for card in cards}, "NOTEVALUATED": "NOTEVALUATED"}


def group_of(card: str) -> Group:
    return next(group for group in GROUPS if re.match(group.cards, card))


def anchor(kind: Kind, product: str = "") -> str:
    return "-".join(part for part in (card_ids()[kind[0]].lower(), kind[1], product) if part)


def _kinds_of(group: Group) -> list[Kind]:
    ids = card_ids()
    found = [kind for kind in every_kind() if group_of(ids[kind[0]]) == group]
    return sorted(found, key=lambda kind: (ids[kind[0]], _SEVERITY.index(kind[1])))


def index_page() -> str:
    """How to mark, and every card with the page on which it stands."""
    head = _INDEX.format(count=len(every_kind()), pages=len(GROUPS))
    return head + "\n".join(_contents(group) for group in GROUPS)


def _contents(group: Group) -> str:
    ids = card_ids()
    rows = [
        (
            f"[{ids[kind[0]]}]({group.file}.md#{anchor(kind)})",
            kind[1],
            _card(kind, every_kind()[kind])["source"]["topic"]["display"],
        )
        for kind in _kinds_of(group)
    ]
    return f"## [{group.title}]({group.file}.md)\n\n{table(('Card', 'Indicator', 'What it is'), rows)}"


def group_page(group: Group) -> str:
    """The cards of one group, each beside its patient and with a box to mark."""
    blocks = [f"# {group.title}\n\nHow to mark: [Booklet of cards](index.md).\n"]
    for kind in _kinds_of(group):
        blocks.append("\n".join(_entry(kind, every_kind()[kind])))
        blocks += [
            "\n".join(_entry(kind, patient, product))
            for (*shown, product), patient in further_examples().items()
            if tuple(shown) == kind
        ]
    return "\n".join(blocks)


def _entry(kind: Kind, patient: ShownPatient, product: str = "") -> Iterator[str]:
    """The card of a patient; a further example is told by its product."""
    card, told = _card(kind, patient), f", {product.replace('-', ' ')}" if product else ""
    title = f"{card_ids()[kind[0]]}: {card['source']['topic']['display']}, {kind[1]}{told}"
    yield f"## {title} {{ #{anchor(kind, product)} }}\n"
    yield '<div class="booklet" markdown>\n'
    yield '<div class="booklet-patient" markdown>\n'
    yield f"**{patient.title.replace('<', '&lt;')}**\n"
    yield f"*When {'the chart opens' if patient.hook == 'patient-view' else 'the orders are signed'}*\n"
    yield "\n".join(f"- {line}" for line in facts(patient)) + "\n"
    yield f"**Mark**\n\n{_BOX}"
    yield "</div>\n"
    yield f'<div class="booklet-card booklet-{kind[1]}" markdown>\n'
    yield "\n".join(_as_an_ehr_shows(card))
    yield "\n</div>\n"
    yield "</div>\n"


def _card(kind: Kind, patient: ShownPatient) -> Mapping[str, Any]:
    return next(each for each in patient.cards if (each["source"]["topic"]["code"], each["indicator"]) == kind)


def _as_an_ehr_shows(card: Mapping[str, Any]) -> Iterator[str]:
    yield f"**{card['summary']}**\n"
    yield f"{card['detail']}\n"
    yield from (f"<kbd>{button}</kbd>\n" for button in buttons(card))
    reasons = [each["display"].lower() for each in card.get("overrideReasons", [])]
    if reasons:
        yield f"*Override reasons: {' · '.join(reasons)}*\n"
    yield f"*Source: {card['source']['label']}{''.join(_links(card))}*"


def buttons(card: Mapping[str, Any]) -> Iterator[str]:
    """The label of each suggestion, and that it is the recommended one."""
    for each in card.get("suggestions", []):
        yield f"{each['label']}{' (recommended)' if each.get('isRecommended') else ''}"


def _links(card: Mapping[str, Any]) -> Iterator[str]:
    """The labels alone: where they lead is an address of the service that answers."""
    for each in card.get("links", []):
        yield f" · {each['label']}: …{each['url'].partition('/cds-services')[2]}"
