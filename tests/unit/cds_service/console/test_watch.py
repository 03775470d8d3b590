"""Every number on the page Watch matches SQL on the store."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from cards.facts.card import Expectation, Settled
from cards.presenting.override_reasons import reason_names
from cds_service.config.settings import Settings
from cds_service.console import console_app
from cds_service.console.telemetry import ReadTime, RegistryTelemetry
from cds_service.console.watch_view import share
from cds_service.monitoring.metrics import Metrics
from cds_service.store import CardCount, EvidenceCount, NullStore, StoreUnavailable
from tests.builders.store_records import a_card, an_answer
from tests.builders.traffic import REASONS, record_traffic
from tests.unit.cds_service.console.conftest import NOON

#: From the start of the day 29 days ago to the end of today, as the page counts 30 days.
_PERIODS = {7: "2026-06-09", 30: "2026-05-17", 90: "2026-03-18"}


@pytest.fixture
def traffic(app: Flask) -> None:
    record_traffic(app.extensions["rls_cds"].store, 400, NOON)


def rows(file: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        found = connection.execute(query, values).fetchall()
    connection.close()
    return found


def cells(text: str, card: str) -> dict[str, int]:
    row = re.search(rf'<tr data-card="{card}">(.*?)</tr>', text, re.DOTALL)
    assert row
    return {name: int(count) for name, count in re.findall(r'data-count="(\w+)">(?:<[^>]*>)?(\d+)', row[1])}


_SHOWN = "mode = 'live' AND NOT suppressed"
_BY_CARD = f"""
    SELECT card, SUM({_SHOWN}), SUM(mode = 'live' AND suppressed), SUM(mode = 'shadow'),
           SUM({_SHOWN} AND EXISTS (SELECT 1 FROM feedback_event f WHERE f.card_uuid = c.card_uuid
                                    AND outcome = 'accepted')),
           SUM({_SHOWN} AND EXISTS (SELECT 1 FROM feedback_event f WHERE f.card_uuid = c.card_uuid
                                    AND outcome = 'overridden'))
    FROM card_issued c WHERE issued_at >= ? GROUP BY card
"""  # noqa: S608 - constants of this file


@pytest.mark.slow
@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize("days", [7, 30, 90])
def test_the_table_of_cards_matches_sql(client: FlaskClient, store_file: Path, days: int) -> None:
    text = client.get(f"/console/watch?days={days}").text
    found = rows(store_file, _BY_CARD, _PERIODS[days])
    assert len(found) == text.count("<tr data-card=")
    names = ("shown", "silenced", "shadow", "accepted", "overridden")
    for card, *counts in found:
        assert cells(text, str(card)) == dict(zip(names, counts, strict=True))


@pytest.mark.usefixtures("traffic")
def test_the_totals_match_sql_over_the_month(client: FlaskClient, store_file: Path) -> None:
    text = client.get("/console/watch?days=30").text
    totals = {name: int(count) for name, count in re.findall(r'data-total="(\w+)">(\d+)', text)}
    sums = [sum(int(str(row[n])) for row in rows(store_file, _BY_CARD, _PERIODS[30])) for n in range(1, 6)]
    assert [totals[name] for name in ("shown", "silenced", "shadow", "accepted", "overridden")] == sums


@pytest.mark.slow
@pytest.mark.usefixtures("traffic")
def test_the_days_and_clients_match_sql(client: FlaskClient, store_file: Path) -> None:
    text = client.get("/console/watch?days=30").text
    states = f"SUM({_SHOWN}), SUM(mode = 'live' AND suppressed), SUM(mode = 'shadow')"
    tables = {"byday": "substr(issued_at, 1, 10)", "byclient": "client"}
    for name, key in tables.items():
        table = text.split(f'class="{name}"')[1].split("</table>")[0]
        numbers = r'<th scope="row">([\w-]+)</th>' + r'<td class="num">(\d+)</td>' * 3
        shown = [(label, *map(int, counts)) for label, *counts in re.findall(numbers, table)]
        query = f"SELECT {key}, {states} FROM card_issued WHERE issued_at >= ? GROUP BY 1 ORDER BY 1"  # noqa: S608
        assert shown == rows(store_file, query, _PERIODS[30])


@pytest.mark.usefixtures("traffic")
def test_reasons_add_up_to_the_overrides_and_hide_client_text(client: FlaskClient, store_file: Path) -> None:
    text = client.get("/console/watch?days=30").text
    counted: Counter[str] = Counter()
    for count, reason in re.findall(r"<b>(\d+)</b> ([^<,]+)", text):
        counted[reason.strip()] += int(count)
    query = "SELECT COUNT(*) FROM feedback_event WHERE outcome = 'overridden' AND received_at >= ?"
    assert sum(counted.values()) == rows(store_file, query, _PERIODS[30])[0][0]
    displays = {name for code, name in reason_names().items() if code in REASONS}
    assert set(counted) == displays | {"no reason", "another reason"}
    assert "a-reason-of-their-own" not in text


def test_the_page_says_what_charts_held(app: Flask, client: FlaskClient) -> None:
    kinds = {"charts": 10, "usable": 9, "unit ng/mL": 6, "unit ug/L": 3, "code 2276-4": 9, "value 22": 5}
    counts = [EvidenceCount(NOON.date(), "north", "ferritin", kind, number) for kind, number in kinds.items()]
    counts[0] = replace(counts[0], subject="chart")
    counts += [EvidenceCount(NOON.date(), "north", "labs", kind, number)
               for kind, number in {"list prefetch": 8, "list cut": 2, "list filled": 5}.items()]  # fmt: skip
    counts += [EvidenceCount(NOON.date() - timedelta(days=28), "east", "chart", "charts", 1)]
    app.extensions["rls_cds"].store.add_evidence(counts)
    text = client.get("/console/watch").text.split('id="charts"')[1].split("</section>")[0]
    said = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    assert "north: 10 charts" in said and "east" not in said, "four weeks, up to and including today"
    assert "Ferritin 90 % 9 ng/mL 67 % , ug/L 33 % 2276-4 100 % 45 ng/mL" in said
    assert "labs 80 % 0 % 0 % 20 % 50 %" in said


def test_an_empty_store_says_what_to_do(client: FlaskClient) -> None:
    assert "No card in this period" in client.get("/console/watch").text


@pytest.mark.parametrize("days", ["0", "-1", "31", "x", "99999999999", ""])
def test_an_unknown_period_means_thirty_days(reader: FlaskClient, days: str) -> None:
    answer = reader.get("/console/watch", query_string={"days": days})
    assert answer.status_code == 200 and "2026-05-17 to 2026-06-15" in answer.text


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 27.75), (10, 10, 72.25, 100.0), (5, 10, 23.66, 76.34), (1, 1, 20.65, 100.0), (30, 100, 21.89, 39.58)],
)
def test_wilson_intervals(count: int, total: int, low: float, high: float) -> None:
    """Values of the textbook formula, computed independently of the code."""
    found = share(count, total)
    assert found.low is not None and found.high is not None
    assert math.isclose(found.low, low, abs_tol=0.01) and math.isclose(found.high, high, abs_tol=0.01)


def test_a_share_of_zero_is_undefined() -> None:
    assert share(0, 0).percent is None and share(0, 0).text == "–"


def test_read_times_and_unknown_codes_come_from_the_metrics() -> None:
    metrics = Metrics()
    for seconds in (0.02,) * 19 + (0.4,):
        metrics.read_seconds.labels("labs", "ok").observe(seconds)
    metrics.read_seconds.labels("conditions", "timeout").observe(9)
    metrics.unknown_codes.labels("labs", "oid").inc(3)
    metrics.unusable.labels("ferritin", "no-unit").inc(2)
    metrics.unusable.labels("ferritin", "preliminary").inc(7)
    found = RegistryTelemetry(metrics.registry)
    assert found.read_times() == (
        ReadTime("conditions", 1, 1, 9000, None, 5000),
        ReadTime("labs", 20, 0, pytest.approx(39), 25, 5000),
    )
    assert [(each.kind, each.found_in, each.seen) for each in found.unmapped()] == [
        ("code", "labs", 3),
        ("unit", "Ferritin", 2),
    ]


def test_without_metrics_there_are_no_numbers() -> None:
    empty = RegistryTelemetry(CollectorRegistry())
    assert empty.unmapped() == () and empty.read_times() == ()


class WithoutDatabase(NullStore):
    """A store whose database does not answer."""

    def cards_by_day(self, since: datetime, until: datetime) -> tuple[CardCount, ...]:
        raise StoreUnavailable


def test_an_unavailable_store_gives_an_error_page() -> None:
    answer = console_app(Settings(database_url=""), WithoutDatabase()).test_client().get("/console/watch")
    assert answer.status_code == 503 and answer.mimetype == "text/html"
    assert "The store does not answer" in answer.text and 'href="/console/rules"' in answer.text


def test_a_card_in_place_of_an_answer_is_explained(client: FlaskClient) -> None:
    context = {"userId": "Practitioner/a", "patientId": "nobody"}
    body = {"hook": "patient-view", "hookInstance": "7f3c1d52-9a0e-4b8e-8c41-0d6c2b7f9e12", "context": context}
    assert client.post("/cds-services/rls-patient-view", json=body).json["cards"]
    row = client.get("/console/watch").text.split('<tr data-card="NOTEVALUATED">')[1].split("</tr>")[0]
    assert "stands in place of an answer" in row


def test_live_is_compared_with_shadow_and_said_not_to_be_randomised(app: Flask, client: FlaskClient) -> None:
    store = app.extensions["rls_cds"].store
    for mode, ago, followed in (("shadow", 300, (True, False, False, False)), ("live", 200, (True, True, True, False))):
        asked_at = NOON - timedelta(days=ago)
        for number, is_followed in enumerate(followed):
            whose = {"patient_id": f"{mode}-{number}", "mode": mode, "client": "north"}
            card = replace(a_card("IRONTEST"), expects=Expectation("result", ("ferritin",), asked_at.date()))
            store.record_answer(an_answer(card, issued_at=asked_at, **whose))
            ended = Settled(is_followed, asked_at.date() + timedelta(days=9))
            closing = partial(lambda asked, settled: settled, settled=ended)
            store.record_answer(an_answer(issued_at=asked_at + timedelta(days=95), settle=closing, **whose))
    text = client.get("/console/watch?days=365").text
    (row, *_) = re.findall(r'<tr data-followed="IRONTEST">(.*?)</tr>', text, re.DOTALL)
    said = " ".join(re.sub(r"<[^>]*>", " ", row).split())
    assert "25 % (5–70) of 4" in said and "+50 points" in said and "before and after" in said
    assert "Live minus shadow, not randomised" in text
