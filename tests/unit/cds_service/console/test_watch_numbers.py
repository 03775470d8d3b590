"""Every number that Watch takes from the store matches handwritten SQL. Whole sections are compared as text, so
that no number in them is left out. Read times and unknown codes come from the metrics (test_watch.py)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from math import sqrt
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.console.rules_view import cards_by_topic
from cds_service.knowledge.load import national_rules
from tests.builders.store_records import a_card, an_answer
from tests.builders.store_records import overridden as overridden_at
from tests.builders.traffic import record_traffic
from tests.unit.cds_service.console.conftest import NOON, build

TODAY = NOON.date()
KNOWN = cards_by_topic(national_rules())
#: Counts of one card: shown, silenced, in shadow, accepted and overridden.
COUNTS = """
    SUM(mode = 'live' AND suppressed = 0), SUM(mode = 'live' AND suppressed = 1), SUM(mode = 'shadow'),
    SUM(mode = 'live' AND suppressed = 0 AND card_uuid IN
        (SELECT card_uuid FROM feedback_event WHERE outcome = 'accepted')),
    SUM(mode = 'live' AND suppressed = 0 AND card_uuid IN
        (SELECT card_uuid FROM feedback_event WHERE outcome = 'overridden'))
"""
BAR = r'<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)"'
WITHIN = "substr(issued_at, 1, 10) BETWEEN ? AND ?"

Row = tuple[int | str, ...]


@pytest.fixture(params=[7, 30, 90, 365])
def days(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, Path]]:
    """Return a service with traffic of this month, last winter, and the year before, which no period covers."""
    file = tmp_path_factory.mktemp("busy") / "store.sqlite"
    app = build(file)
    store = app.extensions["rls_cds"].store
    for count, ago, seed in ((400, 0, 7), (150, 100, 8), (60, 400, 9)):
        record_traffic(store, count, NOON - timedelta(days=ago), seed=seed)
    yield app.test_client(), file
    store.close()


@pytest.fixture
def text(busy: tuple[FlaskClient, Path], days: int) -> str:
    return busy[0].get(f"/console/watch?days={days}").text


class Sql:
    """SQL queries over the days of a period."""

    def __init__(self, file: Path, days: int) -> None:
        self.file, self.period = file, ((TODAY - timedelta(days=days - 1)).isoformat(), TODAY.isoformat())

    def rows(self, select: str, end: str = "") -> list[Row]:
        query = f"SELECT {select} FROM card_issued WHERE {WITHIN} {end}"  # noqa: S608 - constants of this file
        return self.run(query)

    def run(self, query: str) -> list[Row]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query, self.period).fetchall()


@pytest.fixture
def sql(busy: tuple[FlaskClient, Path], days: int) -> Sql:
    return Sql(busy[1], days)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def section(text: str, name: str) -> str:
    return text.split(f'<h2 id="{name}"')[1].split("</section>")[0]


def rate(count: int, total: int) -> str:
    """Compute a share and its interval by Wilson's formula (1927)."""
    if not total:
        return ""
    z, p = 1.959964, count / total
    middle, half = p + z * z / (2 * total), z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    low, high = ((middle + sign * half) / (1 + z * z / total) for sign in (-1, 1))
    return f"{100 * p:.0f} % ({100 * max(low, 0):.0f}–{100 * min(high, 1):.0f})"


def test_the_totals_match_sql(text: str, sql: Sql, days: int) -> None:
    ((shown, silenced, shadow, accepted, overridden),) = sql.rows(COUNTS)
    assert words(text.split('<dl class="totals">')[1].split("</dl>")[0]) == (
        f"Shown {shown} Accepted {accepted} {rate(accepted, shown)} Overridden {overridden} {rate(overridden, shown)} "
        f"Silenced: no news {silenced} In shadow {shadow}"
    )
    begin, end = sql.period
    assert f"{begin} to {end}, days in UTC" in text


def test_the_days_match_sql(text: str, sql: Sql, days: int) -> None:
    by_day = sql.rows(f"substr(issued_at, 1, 10), {COUNTS}", "GROUP BY 1 ORDER BY 1")
    found = section(text, "by-day")
    table = found.split("<tbody>")[1].split("</tbody>")[0]
    assert [words(row) for row in table.split("<tr>")[1:]] == [
        f"{day} {shown} {silenced} {shadow}" for day, shown, silenced, shadow, *_ in by_day
    ]
    assert re.findall(r"<g><title>(.*?)</title>", found) == [
        f"{day}: {shown} shown, {silenced} silenced, {shadow} in shadow" for day, shown, silenced, shadow, *_ in by_day
    ]
    most = max(sum(map(int, row[1:4])) for row in by_day)
    totals = [sum(int(row[n]) for row in by_day) for n in (1, 2, 3)]
    assert (
        f"Cards by day over {days} days: {totals[0]} shown, {totals[1]} silenced, {totals[2]} in shadow; "
        f"at most {most} a day."
    ) in found
    axis = [words(each) for each in re.findall(r'<text class="tick".*?</text>', found)]
    assert axis == [str(most), "0", *sql.period]


def test_the_bars_are_proportional_to_the_counts(text: str, sql: Sql, days: int) -> None:
    by_day = sql.rows(f"substr(issued_at, 1, 10), {COUNTS}", "GROUP BY 1 ORDER BY 1")
    most = max(sum(map(int, row[1:4])) for row in by_day)
    bars = section(text, "by-day").split("<g><title>")[1:]
    for row, bar in zip(by_day, bars, strict=True):
        place = (date.fromisoformat(str(row[0])) - date.fromisoformat(sql.period[0])).days
        drawn = {state: (float(x), float(high)) for state, x, high in re.findall(BAR, bar)}
        expected = dict(zip(("shown", "silenced", "shadow"), map(int, row[1:4]), strict=True))
        assert {state: high for state, (_, high) in drawn.items()} == {
            state: pytest.approx(150 * count / most, abs=0.051) for state, count in expected.items() if count
        }
        assert all(x == pytest.approx(50 + 1080 / days * place, abs=0.051) for x, _ in drawn.values())


def reasons(sql: Sql, card: str) -> list[int]:
    """Count the overrides by reason, whose hash identifies equal reasons."""
    query = f"""SELECT COUNT(*) FROM feedback_event JOIN card_issued USING (card_uuid)
                WHERE outcome = 'overridden' AND substr(received_at, 1, 10) BETWEEN ? AND ? AND card = '{card}'
                GROUP BY reason_hash"""  # noqa: S608 - a card of the store itself
    return sorted(int(row[0]) for row in sql.run(query))


def test_the_cards_match_sql(text: str, sql: Sql, days: int) -> None:
    by_card = sql.rows(f"card, {COUNTS}", "GROUP BY card ORDER BY COUNT(*) DESC, card")
    rows = section(text, "by-card").split("<tr data-card=")[1:]
    assert len(rows) == len(by_card)
    for row, (card, shown, silenced, shadow, accepted, overridden) in zip(rows, by_card, strict=True):
        before, reasoned = row.split('<td class="reasons">')
        _, kind = KNOWN[str(card)]
        answers = " ".join(filter(None, (f"{accepted}", rate(int(accepted), int(shown)), f"{overridden}",
                                         rate(int(overridden), int(shown)))))  # fmt: skip
        assert words(before.split(">", 1)[1]) == f"{card} {kind.title} {shown} {answers} {silenced} {shadow}"
        assert sorted(map(int, re.findall(r"<b>(\d+)</b>", reasoned))) == reasons(sql, str(card))


def test_the_sparkline_of_a_card_matches_sql(text: str, sql: Sql, days: int) -> None:
    for (card,) in sql.rows("DISTINCT card"):
        daily = sql.rows("substr(issued_at, 1, 10), COUNT(*)", f"AND card = '{card}' GROUP BY 1 ORDER BY 1")
        row = text.split(f'<tr data-card="{card}">')[1].split("</tr>")[0]
        total, most = sum(int(count) for _, count in daily), max(int(count) for _, count in daily)
        assert f'aria-label="{total} over {days} days, at most {most} a day"' in row
        heights = [float(each) for each in re.findall(r"M[\d.]+ 28v-([\d.]+)h", row)]
        assert heights == [pytest.approx(28 * int(count) / most, abs=0.051) for _, count in daily]


def test_overrides_without_a_reason_match_sql(text: str, sql: Sql, days: int) -> None:
    query = """SELECT COUNT(*) FROM feedback_event WHERE outcome = 'overridden' AND reason_hash = ''
               AND substr(received_at, 1, 10) BETWEEN ? AND ?"""
    assert sum(map(int, re.findall(r"<b>(\d+)</b> no reason", text))) == sql.run(query)[0][0]


def test_the_clients_match_sql(text: str, sql: Sql, days: int) -> None:
    by_client = sql.rows(f"client, {COUNTS}", "GROUP BY client ORDER BY client")
    table = section(text, "by-client").split("<tbody>")[1]
    assert [words(row.split(">", 1)[1]) for row in table.split("<tr data-client=")[1:]] == [
        f"{client} {shown} {silenced} {shadow}" for client, shown, silenced, shadow, *_ in by_client
    ]


def test_an_override_of_this_week_on_a_card_of_last_month_counts_its_reason_now(
    app: Flask, client: FlaskClient, store_file: Path
) -> None:
    """Rates refer to the cards of the period, reasons to the feedback received in it."""
    store, call = app.extensions["rls_cds"].store, {"client": "north", "service": "rls-patient-view"}
    old, new = a_card(), a_card()
    store.record_answer(an_answer(old, issued_at=NOON - timedelta(days=20), **call))
    store.record_answer(an_answer(new, issued_at=NOON - timedelta(days=1), **call))
    store.record_feedback("north", "rls-patient-view", [overridden_at(old, NOON, "patient-refuses")], NOON)
    text = client.get("/console/watch?days=7").text
    assert '<dd data-total="shown">1</dd>' in text and '<dd data-total="overridden">0</dd>' in text
    assert re.findall(r"<b>(\d+)</b>", text) == ["1"] and reasons(Sql(store_file, 7), "IRONLOW") == [1]
    assert "Reasons are those of the answers that came in this period" in text


def test_what_was_held_out_or_late_is_neither_shown_nor_in_shadow(tmp_path: Path) -> None:
    app = build(tmp_path / "store.sqlite")
    store = app.extensions["rls_cds"].store
    late, held = replace(a_card(), arm="late"), replace(a_card(), arm="holdout")
    store.record_answer(replace(an_answer(a_card(), late, held), issued_at=NOON))
    page = app.test_client().get("/console/watch?days=7").text
    store.close()
    totals = {name: int(count) for name, count in re.findall(r'data-total="(\w+)">(\d+)', page)}
    assert {name: totals[name] for name in ("shown", "silenced", "shadow", "held", "late")} == {
        "shown": 1, "silenced": 0, "shadow": 0, "held": 1, "late": 1,
    }  # fmt: skip
