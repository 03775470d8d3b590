"""The service asks itself about patients whose cards are known, and says so at /readyz."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.rules import Rules, load_rules
from cds_service import self_test
from cds_service.app import create_app
from cds_service.clients.keys import ClientKeys
from cds_service.closing import Closing
from cds_service.oversight import Oversight
from cds_service.self_test import GOLDEN, Golden, SelfTest, twin
from cds_service.settings import Settings
from cds_service.store import Store, StoreSettings, open_store
from tests.http.build import is_outcome
from tests.oversight.build import KEYS, NORTH, START, log_read_back

SETTINGS = Settings(time_zone=ZoneInfo("America/New_York"), max_cards=1, services={"rls-patient-view": "off"})


@contextmanager
def asking(rules: Rules, golden: tuple[Golden, ...] = GOLDEN, now: datetime = START) -> Iterator[SelfTest]:
    app = twin(SETTINGS, rules, lambda: now)
    yield SelfTest(app, now.astimezone(SETTINGS.time_zone).date, golden)
    app.extensions["rls_cds"].fhir.close()


def faults(rules: Rules, golden: tuple[Golden, ...] = GOLDEN, now: datetime = START) -> tuple[str, ...]:
    with asking(rules, golden, now) as asked:
        asked.run()
        return asked.faults()


def changed(rules: Rules, limit: str, value: str, **more: Any) -> Rules:
    was = rules.limit(limit)
    return replace(
        rules, thresholds={**rules.thresholds, limit: replace(was, value=Decimal(value), history=(), **more)}
    )


def test_it_has_not_passed_before_it_ran() -> None:
    with asking(load_rules()) as asked:
        assert asked.faults() == ("has not run yet",)


def test_the_shipped_rules_pass() -> None:
    assert faults(load_rules()) == ()


@pytest.mark.parametrize("days", range(0, 366, 23))
def test_they_pass_on_any_day_of_the_year(days: int) -> None:
    assert faults(load_rules(), now=datetime(2026, 12, 31, 4, 59, tzinfo=UTC) + timedelta(days=days)) == ()


def test_a_rule_that_went_silent_is_found_and_the_patient_named() -> None:
    broken = changed(load_rules(), "ferritin.low", "5")
    assert "heavy-periods-ferritin-12 got other cards than expected" in faults(broken)


def test_a_card_too_many_is_found_too() -> None:
    only = Golden("heavy-periods-ferritin-12", frozenset({"IRONLOW"}))
    assert faults(load_rules(), (only,)) == ("heavy-periods-ferritin-12 got other cards than expected",)


def test_where_the_site_chose_limits_of_its_own_what_must_fire_still_must() -> None:
    national = load_rules()
    site = changed(national, "ferritin.low", "50", national=Decimal(75), site_reason="as the site's board decided")
    assert self_test.has_site_choices(site) and not self_test.has_site_choices(national)
    more = Golden("heavy-periods-ferritin-12", frozenset({"IRONLOW"}))
    assert faults(site, (more,)) == ()
    assert faults(site, (replace(more, cards=frozenset({"IRONLOW", "B12LOW"})),)) != ()
    assert faults(site, (replace(more, cards=frozenset()),)) != ()


def test_no_answer_is_a_fault() -> None:
    app = create_app(replace(SETTINGS, services={}), clock=lambda: START, observers=())
    asked = SelfTest(app, START.date, GOLDEN[:1])
    asked.run()
    assert asked.faults() == ("heavy-periods-ferritin-12 was not answered",)
    app.extensions["rls_cds"].fhir.close()


@contextmanager
def overseen(folder: Path, rules: Rules, closing: Closing | None = None) -> Iterator[tuple[Oversight, Any, Store]]:
    store = open_store(StoreSettings(database_url=f"sqlite:///{folder}/store.sqlite", **KEYS))
    clock = lambda: START  # noqa: E731
    oversight = Oversight(SETTINGS, rules, store, ClientKeys(()), clock, closing or Closing())
    app = create_app(
        SETTINGS, clock=clock, rules=rules, store=store, checks=oversight.checks, register=[oversight.watch]
    )
    yield oversight, app.test_client(), store
    app.extensions["rls_cds"].fhir.close()
    store.close()


def run_once(oversight: Oversight, name: str) -> None:
    next(each for each in oversight.rounds(is_first=True)._rounds if each.name == name).work()


def test_readiness_follows_the_self_test_and_names_the_patient(tmp_path: Path) -> None:
    with overseen(tmp_path, changed(load_rules(), "ferritin.low", "5")) as (oversight, http, _):
        assert "self-test: has not run yet" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]
        run_once(oversight, "self-test")
        assert "heavy-periods-ferritin-12" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]
        assert http.get("/healthz").status_code == 200
        oversight.show_checks()
        assert oversight.metrics.registry.get_sample_value("rls_cds_check_failed", {"check": "self-test"}) == 1


def test_a_service_in_order_is_ready(tmp_path: Path) -> None:
    with overseen(tmp_path, load_rules()) as (oversight, http, _):
        run_once(oversight, "self-test")
        answer = http.get("/readyz")
        assert answer.get_json() == {"status": "ready", "checks": ["closing", "self-test", "store"]}


def test_a_service_that_is_about_to_stop_is_not_ready(tmp_path: Path) -> None:
    closing = Closing()
    with overseen(tmp_path, load_rules(), closing) as (oversight, http, _):
        run_once(oversight, "self-test")
        closing.announce()
        assert "closing: the service is shutting down" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]


def test_a_store_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    with overseen(tmp_path, load_rules()) as (oversight, http, store):
        run_once(oversight, "self-test")
        store.close()
        for file in tmp_path.glob("store.sqlite*"):
            file.unlink()
        assert "store: " in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]


def test_no_synthetic_patient_is_recorded_counted_or_logged(tmp_path: Path) -> None:
    with overseen(tmp_path, load_rules()) as (oversight, _, store), log_read_back() as log:
        before = oversight.metrics.registry.get_sample_value("rls_cds_in_flight")
        run_once(oversight, "self-test")
        assert list(store.audit_rows()) == []
        assert log.getvalue() == ""
        assert b"rls_cds_cards_total{" not in page(oversight)
        assert oversight.metrics.registry.get_sample_value("rls_cds_in_flight") == before


def page(oversight: Oversight) -> bytes:
    from cds_service.metrics_workers import render

    return render(oversight.metrics.registry)


def test_clients_without_keys_are_shown_and_not_ready() -> None:
    client = replace(NORTH, jwks_url="https://north.example.org/keys")
    settings = replace(SETTINGS, clients=(client,), public_base="https://cds.example.org")
    keys = ClientKeys((client,))
    oversight = Oversight(settings, load_rules(), open_store(StoreSettings("")), keys, lambda: START, Closing())
    assert oversight.checks["client keys"]() == ("no client has keys",)
    oversight.show_keys()
    assert oversight.metrics.registry.get_sample_value("rls_cds_client_keys_age_seconds", {"client": "north"}) == float(
        "inf"
    )


def test_retention_and_drift_are_rounds_of_the_first_worker_only(tmp_path: Path) -> None:
    with overseen(tmp_path, load_rules()) as (oversight, _, _store):
        first, other = (
            {each.name for each in oversight.rounds(is_first=is_first)._rounds} for is_first in (True, False)
        )
    assert first - other == {"retention", "drift"}
    assert {each.name: each.seconds for each in oversight.rounds(is_first=True)._rounds}["retention"] == 86400


def test_retention_removes_what_is_too_old(tmp_path: Path) -> None:
    from tests.store.examples import a_card, an_answer

    with overseen(tmp_path, load_rules()) as (oversight, _, store):
        store.record_answer(an_answer(a_card(), issued_at=START - timedelta(days=2193)))
        store.record_answer(an_answer(a_card(), issued_at=START - timedelta(days=2191)))
        assert oversight.retain() == 2  # the card and its audit event
        assert store.verify_audit().faults == ()
