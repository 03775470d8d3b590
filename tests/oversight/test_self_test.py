"""The service asks itself about patients whose cards are known, and says so at /readyz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.overrides import ASCENDING
from cards.rules import BadKnowledge, Rules, Switch, Threshold, load_rules
from cds_service import self_test
from cds_service.app import create_app
from cds_service.clients.keys import ClientKeys
from cds_service.closing import Closing
from cds_service.oversight import Oversight
from cds_service.self_test import GOLDEN, Golden, SelfTest, twins
from cds_service.settings import Settings
from cds_service.store import Store, StoreSettings, open_store
from tests.http.build import is_outcome
from tests.oversight.build import KEYS, NORTH, START, log_read_back

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = Settings(time_zone=ZoneInfo("America/New_York"), max_cards=1, services={"rls-patient-view": "off"})


@contextmanager
def asking(
    rules: Rules, golden: tuple[Golden, ...] = GOLDEN, now: datetime = START, settings: Settings = SETTINGS
) -> Iterator[SelfTest]:
    apps = twins(settings, rules, lambda: now)
    yield SelfTest(*apps, now.astimezone(settings.time_zone).date, golden)
    for app in apps:
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


def overriding(folder: Path, entries: Iterable[str]) -> Settings:
    file = folder / "site-overrides.toml"
    file.write_text("".join(entries), encoding="utf-8")
    return replace(SETTINGS, site={"overrides": str(file)})


def entry(table: str, name: str, value: object, replaces: object) -> str:
    told = f'value = "{value}"\nreplaces = "{replaces}"\nreason = "as the board decided"\ndate = 2026-05-31\n'
    return f'[{table}."{name}"]\n{told}\n'


def as_answered(settings: Settings) -> tuple[str, ...]:
    with asking(load_rules(), settings=settings) as asked:
        asked.run()
        return asked.faults()


def test_the_example_of_a_sites_overrides_is_ready() -> None:
    assert as_answered(replace(SETTINGS, site={"overrides": str(DEPLOY / "site-overrides.example.toml")})) == ()


def test_the_example_of_a_sites_codes_is_ready() -> None:
    assert as_answered(replace(SETTINGS, site={"local_codes": str(DEPLOY / "site-codes.example.toml")})) == ()


def test_an_assay_factor_of_the_site_is_ready(tmp_path: Path) -> None:
    factor = '[assay_factors.ferritin]\nvalue = "0.62"\nreason = "as the laboratory compared"\ndate = 2026-05-01\n'
    assert as_answered(overriding(tmp_path, [factor])) == ()


@pytest.mark.parametrize("low", ["50", "74.9", "75.1", "100"])
def test_a_lower_and_a_higher_limit_of_the_site_are_ready(tmp_path: Path, low: str) -> None:
    assert as_answered(overriding(tmp_path, [entry("thresholds", "ferritin.low", low, "75")])) == ()


def test_a_golden_patient_who_gets_other_cards_by_the_rules_of_the_site_is_no_fault(tmp_path: Path) -> None:
    settings = overriding(tmp_path, [entry("thresholds", "ferritin.low", "50", "75")])
    apps = twins(settings, load_rules(), lambda: START)
    golden = next(each for each in GOLDEN if each.slug == "ferritin-in-pmol")
    assert [self_test.ask(app.test_client(), golden, START.date()) == golden.cards for app in apps] == [True, False]
    for app in apps:
        app.extensions["rls_cds"].fhir.close()


LIMITS = load_rules().thresholds
ENDS = [(name, end) for name, limit in LIMITS.items() for end in sorted(set(limit.range))]


def site_rules(values: dict[str, Decimal]) -> Rules:
    """The rules with these limits of a site; out of order with others or not, any of them may meet a chart."""
    national = load_rules()
    chosen = {name: at_the_site(national.limit(name), value) for name, value in values.items()}
    return replace(national, thresholds={**national.thresholds, **chosen})


def at_the_site(limit: Threshold, value: Decimal) -> Threshold:
    return replace(limit, value=value, national=limit.value, national_unit=limit.unit, site_reason="as decided")


def unanswered(rules: Rules) -> tuple[str, ...]:
    """What the half of the self-test says that is asked with these rules as the site's."""
    with asking(rules, GOLDEN) as asked:
        asked.run()
        return tuple(fault for fault in asked.faults() if "answered" in fault)


def test_limits_that_are_out_of_order_do_not_start() -> None:
    """Why the next test moves the higher bands as well."""
    with pytest.raises(BadKnowledge, match="b12"):
        unanswered(site_rules({"b12.border": LIMITS["b12.border"].range[1]}))


def in_order(name: str, value: Decimal) -> dict[str, Decimal]:
    """This limit with its value, and with it those of its bands that would lie on the wrong side of it."""
    band = next((band for band in ASCENDING if name in band), (name,))
    place = band.index(name)
    lower = {each: min(LIMITS[each].value, value) for each in band[:place]}
    higher = {each: max(LIMITS[each].value, value) for each in band[place + 1 :]}
    return {each: chosen for each, chosen in {**lower, name: value, **higher}.items() if chosen != LIMITS[each].value}


@pytest.mark.parametrize(("name", "value"), ENDS, ids=[f"{name}={value}" for name, value in ENDS])
def test_any_limit_at_either_end_of_its_range_is_ready(name: str, value: Decimal) -> None:
    assert unanswered(site_rules(in_order(name, value))) == ()


@pytest.mark.parametrize("end", [0, 1])
def test_all_limits_at_one_end_of_their_ranges_are_ready(end: int) -> None:
    assert unanswered(site_rules({name: limit.range[end] for name, limit in LIMITS.items()})) == ()


SWITCHES = [(switch, choice) for switch in load_rules().switches.values() for choice in switch.choices]


@pytest.mark.parametrize(("switch", "choice"), SWITCHES, ids=[f"{each.name}={choice}" for each, choice in SWITCHES])
def test_any_choice_of_a_switch_is_ready(tmp_path: Path, switch: Switch, choice: str) -> None:
    assert as_answered(overriding(tmp_path, [entry("switches", switch.name, choice, switch.default)])) == ()


def test_rules_of_the_site_that_cannot_answer_are_found() -> None:
    national, _ = twins(SETTINGS, load_rules(), lambda: START)
    silent = create_app(replace(SETTINGS, services={}), clock=lambda: START, observers=())
    asked = SelfTest(national, silent, START.date, GOLDEN[:1])
    asked.run()
    assert asked.faults() == ("heavy-periods-ferritin-12 was not answered with the rules and codes of the site",)
    for app in (national, silent):
        app.extensions["rls_cds"].fhir.close()


def test_no_answer_is_a_fault() -> None:
    _, site = twins(SETTINGS, load_rules(), lambda: START)
    silent = create_app(replace(SETTINGS, services={}), clock=lambda: START, observers=())
    asked = SelfTest(silent, site, START.date, GOLDEN[:1])
    asked.run()
    assert asked.faults() == ("heavy-periods-ferritin-12 was not answered",)
    for app in (silent, site):
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
