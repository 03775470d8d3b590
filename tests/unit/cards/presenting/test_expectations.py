"""What a card asks for, and how a later chart ends it: followed, missed, or not to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cards.drugs.ingredients import ingredients
from cards.facts.card import Expectation, Settled
from cards.facts.chart import LISTS, Chart, Listing
from cards.labs.analytes import analytes
from cards.presenting.expectations import MISSED_AFTER, settle
from cds_service.knowledge.load import national_rules
from tests.decisions.charts import chart

ASKED = date(2026, 6, 15)
ALL = dict.fromkeys(LISTS, Listing.COMPLETE)
FERRITIN = Expectation("result", ("ferritin",), ASKED)
IRON = Expectation("started", ("iron-oral", "iron-iv"), ASKED)
METOCLOPRAMIDE = Expectation("ended", ("metoclopramide",), ASKED)
WITHHELD = Expectation("withheld", ("ferrous sulfate",), ASKED)
GABAPENTIN = Expectation("dose", ("gabapentin",), ASKED, (("gabapentin", Decimal(1800)),))


def later(days: int, *, cut: str = "", **case: Any) -> Chart:
    """Return the chart of a case, so many days after the card."""
    today = ASKED + timedelta(days=days)
    made = chart({**case, "today": today})
    return replace(made, today=today, listings={**ALL, **({cut: Listing.CUT} if cut else {})})


def followed(after: int) -> Settled:
    return Settled(followed=True, on=ASKED + timedelta(days=after))


def seen(after: int) -> Settled:
    """Return that it was followed, by a call that could not have told that it was not."""
    return replace(followed(after), is_final=False)


def missed(after: int) -> Settled:
    return Settled(followed=False, on=ASKED + timedelta(days=after))


@pytest.mark.parametrize(
    ("asked", "chart", "ends"),
    [
        (FERRITIN, later(40, labs=["ferritin 40 ng/mL 10d"]), seen(30)),
        (FERRITIN, later(40, labs=["ferritin 40 ng/mL 30d", "ferritin 40 ng/mL 10d"]), seen(10)),
        (FERRITIN, later(40, labs=["not: ferritin preliminary 10d"]), seen(30)),
        (FERRITIN, later(200, labs=["ferritin 40 ng/mL 180d"]), followed(20)),
        (FERRITIN, later(200, labs=["ferritin 40 ng/mL 180d"], cut="labs"), seen(20)),
        (FERRITIN, later(40, labs=["ferritin 40 ng/mL 41d"]), None),
        (FERRITIN, later(MISSED_AFTER), None),
        (FERRITIN, later(MISSED_AFTER + 1), missed(MISSED_AFTER + 1)),
        (FERRITIN, later(MISSED_AFTER + 1, cut="labs"), None),
        (FERRITIN, later(MISSED_AFTER + 1, labs=["not: ferritin no-date -"]), None),
        (FERRITIN, later(40, labs=["not: ferritin cancelled 10d"]), None),
        (FERRITIN, later(100, labs=["not: ferritin cancelled 10d"]), missed(100)),
        (FERRITIN, later(100, labs=["not: ferritin entered-in-error 10d"]), missed(100)),
        (FERRITIN, later(100, labs=["not: ferritin not-reported-yet 10d"]), None),
        (FERRITIN, later(100, labs=["not: ferritin no-value 10d"]), None),
        (FERRITIN, later(100, labs=["not: ferritin no-value 101d"]), missed(100)),
        (FERRITIN, later(100, labs=["not: ferritin dated-in-the-future 2027-06-15"]), None),
        (FERRITIN, later(100, labs=["not: ferritin no-unit 10d"]), followed(90)),
        (FERRITIN, later(MISSED_AFTER + 1, labs=["b12 300 pg/mL 10d"]), missed(MISSED_AFTER + 1)),
        (IRON, later(10, drugs=["iron-oral ferrous sulfate since 3d"]), seen(7)),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate since 300d"]), missed(100)),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate"]), None),
        (IRON, later(100, cut="medications"), None),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate since 97d until 40d"]), followed(3)),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate since 300d until 200d"]), missed(100)),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate until 200d"]), missed(100)),
        (IRON, later(100, drugs=["iron-oral ferrous sulfate until 40d"]), None),
        (METOCLOPRAMIDE, later(20, drugs=["agg-sub metoclopramide since 200d"]), None),
        (METOCLOPRAMIDE, later(100, drugs=["agg-sub metoclopramide since 200d"]), missed(100)),
        (METOCLOPRAMIDE, later(20), seen(20)),
        (METOCLOPRAMIDE, later(MISSED_AFTER + 1), followed(MISSED_AFTER + 1)),
        (METOCLOPRAMIDE, later(100, drugs=["agg-sub metoclopramide since 200d"], cut="medications"), None),
        (METOCLOPRAMIDE, later(20, cut="medications"), None),
        (WITHHELD, later(0), None),
        (WITHHELD, later(1), followed(0)),
        (WITHHELD, later(1, drugs=["iron-oral ferrous sulfate since 1d"]), missed(1)),
        (WITHHELD, later(1, drugs=["iron-oral ferrous sulfate since 90d"]), followed(0)),
        (WITHHELD, later(1, drugs=["iron-oral ferrous sulfate"]), None),
        (WITHHELD, later(1, cut="medications"), None),
        (WITHHELD, later(9, drugs=["iron-oral ferrous sulfate since 8d until 2d"]), missed(9)),
        (WITHHELD, later(99, drugs=["iron-oral ferrous sulfate since 200d until 150d"]), followed(0)),
        (replace(WITHHELD, of=("iron sucrose",)), later(9, drugs=["iron-iv iron sucrose given 8d"]), missed(9)),
        (replace(WITHHELD, of=("iron sucrose",)), later(9, drugs=["iron-iv iron sucrose given 30d"]), followed(0)),
        (GABAPENTIN, later(1, drugs=["gabapentinoid gabapentin 900 since 1d"]), followed(0)),
        (GABAPENTIN, later(1, drugs=["gabapentinoid gabapentin 1800 since 1d"]), missed(1)),
        (GABAPENTIN, later(1, drugs=["gabapentinoid gabapentin ? since 1d"]), None),
        (GABAPENTIN, later(1), followed(0)),
    ],
)
def test_how_it_ends(asked: Expectation, chart: Chart, ends: Settled | None) -> None:
    assert settle(asked, chart) == ends


def test_every_name_that_a_card_expects_is_known() -> None:
    classes = {name for each in ingredients().values() for name in each.classes}
    known = {"result": set(analytes()), **dict.fromkeys(("started", "ended", "withheld", "dose"), classes)}
    for decision in national_rules().decisions.values():
        for card in decision.cards.values():
            assert len(card.expects) <= 1, card.id
            for kind, names in card.expects.items():
                assert known[kind].issuperset(names), (card.id, names)
                assert (kind in ("withheld", "dose")) <= (decision.hooks != ("patient-view",)), card.id
