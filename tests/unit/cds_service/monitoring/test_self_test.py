"""The self-test with patients whose cards are known, and its result at /readyz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.knowledge.rules import BadKnowledge, Rules, Switch, Threshold
from cards.site.overrides import ASCENDING
from cds_service.app import create_app
from cds_service.auth.keys import ClientKeys
from cds_service.config.settings import Settings
from cds_service.knowledge.load import national_rules
from cds_service.monitoring import self_test
from cds_service.monitoring.monitor import Monitor
from cds_service.monitoring.self_test import REFERENCE_PATIENTS, ReferencePatient, SelfTest, reference_apps
from cds_service.monitoring.shutdown import ShutdownFlag
from cds_service.store import Store, StoreSettings, open_store
from tests.builders.faults import assert_none
from tests.builders.faults import faults as faults_of
from tests.builders.monitored import KEYS, NORTH, START, log_read_back
from tests.builders.service import is_outcome

DEPLOY = Path(__file__).parents[4] / "deploy"
SETTINGS = Settings(time_zone=ZoneInfo("America/New_York"), max_cards=1, services={"rls-patient-view": "off"})


@contextmanager
def asking(
    rules: Rules,
    golden: tuple[ReferencePatient, ...] = REFERENCE_PATIENTS,
    now: datetime = START,
    settings: Settings = SETTINGS,
) -> Iterator[SelfTest]:
    apps = reference_apps(settings, rules, lambda: now)
    yield SelfTest(*apps, now.astimezone(settings.time_zone).date, golden)
    for app in apps:
        app.extensions["rls_cds"].fhir.close()


def faults(
    rules: Rules, golden: tuple[ReferencePatient, ...] = REFERENCE_PATIENTS, now: datetime = START
) -> tuple[str, ...]:
    with asking(rules, golden, now) as asked:
        asked.run()
        return asked.faults()


def changed(rules: Rules, limit: str, value: str, **more: Any) -> Rules:
    was = rules.limit(limit)
    return replace(
        rules, thresholds={**rules.thresholds, limit: replace(was, value=Decimal(value), history=(), **more)}
    )


def test_it_has_not_passed_before_it_ran() -> None:
    with asking(national_rules()) as asked:
        assert asked.faults() == ("has not run yet",)


def test_the_shipped_rules_pass() -> None:
    assert faults(national_rules()) == ()


@pytest.mark.slow
@pytest.mark.parametrize("days", range(0, 366, 23))
def test_they_pass_on_any_day_of_the_year(days: int) -> None:
    assert faults(national_rules(), now=datetime(2026, 12, 31, 4, 59, tzinfo=UTC) + timedelta(days=days)) == ()


def test_a_rule_that_went_silent_is_found_and_the_patient_named() -> None:
    broken = changed(national_rules(), "ferritin.low", "5")
    assert "heavy-periods-ferritin-12 got other cards than expected" in faults(broken)


def test_an_extra_card_is_found() -> None:
    only = ReferencePatient("heavy-periods-ferritin-12", frozenset({"IRONLOW"}))
    assert faults(national_rules(), (only,)) == ("heavy-periods-ferritin-12 got other cards than expected",)


def overriding(folder: Path, entries: Iterable[str]) -> Settings:
    file = folder / "site-overrides.toml"
    file.write_text("".join(entries), encoding="utf-8")
    return replace(SETTINGS, site={"overrides": str(file)})


def entry(table: str, name: str, value: object, replaces: object) -> str:
    members = f'value = "{value}"\nreplaces = "{replaces}"\nreason = "as the board decided"\ndate = 2026-05-31\n'
    return f'[{table}."{name}"]\n{members}\n'


def as_answered(settings: Settings) -> tuple[str, ...]:
    with asking(national_rules(), settings=settings) as asked:
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


def test_different_cards_by_the_rules_of_the_site_are_no_fault(tmp_path: Path) -> None:
    settings = overriding(tmp_path, [entry("thresholds", "ferritin.low", "50", "75")])
    apps = reference_apps(settings, national_rules(), lambda: START)
    golden = next(each for each in REFERENCE_PATIENTS if each.slug == "ferritin-in-pmol")
    assert [self_test.ask(app.test_client(), golden, START.date()) == golden.cards for app in apps] == [True, False]
    for app in apps:
        app.extensions["rls_cds"].fhir.close()


LIMITS = national_rules().thresholds
ENDS = [(name, end) for name, limit in LIMITS.items() for end in sorted(set(limit.range))]


def site_rules(values: dict[str, Decimal]) -> Rules:
    """Return the rules with these limits of a site, whether they are in order with others or not."""
    national = national_rules()
    chosen = {name: at_the_site(national.limit(name), value) for name, value in values.items()}
    return replace(national, thresholds={**national.thresholds, **chosen})


def at_the_site(limit: Threshold, value: Decimal) -> Threshold:
    return replace(limit, value=value, national=limit.value, national_unit=limit.unit, site_reason="as decided")


def unanswered(rules: Rules) -> tuple[str, ...]:
    """Return the faults of the half of the self-test that uses these rules as the site's."""
    with asking(rules, REFERENCE_PATIENTS) as asked:
        asked.run()
        return tuple(fault for fault in asked.faults() if "answered" in fault)


def test_limits_that_are_out_of_order_do_not_start() -> None:
    """This is why the next test moves the higher bands as well."""
    with pytest.raises(BadKnowledge, match="b12"):
        unanswered(site_rules({"b12.border": LIMITS["b12.border"].range[1]}))


def in_order(name: str, value: Decimal) -> dict[str, Decimal]:
    """Return this limit with its value, and those of its bands that would be on the wrong side of it."""
    band = next((band for band in ASCENDING if name in band), (name,))
    index = band.index(name)
    lower = {each: min(LIMITS[each].value, value) for each in band[:index]}
    higher = {each: max(LIMITS[each].value, value) for each in band[index + 1 :]}
    return {each: chosen for each, chosen in {**lower, name: value, **higher}.items() if chosen != LIMITS[each].value}


@pytest.mark.slow
@pytest.mark.parametrize("decision", sorted({national_rules().owner(name) for name, _ in ENDS}))
def test_any_limit_at_either_end_of_its_range_is_ready(decision: str) -> None:
    def is_ready(end: tuple[str, Decimal]) -> None:
        assert unanswered(site_rules(in_order(*end))) == ()

    own = [end for end in ENDS if national_rules().owner(end[0]) == decision]
    assert_none(faults_of(is_ready, own, lambda end: f"{end[0]} = {end[1]}"))


@pytest.mark.parametrize("end", [0, 1])
def test_all_limits_at_one_end_of_their_ranges_are_ready(end: int) -> None:
    assert unanswered(site_rules({name: limit.range[end] for name, limit in LIMITS.items()})) == ()


SWITCHES = national_rules().switches


@pytest.mark.slow
@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_any_choice_of_a_switch_is_ready(tmp_path: Path, switch: Switch) -> None:
    def is_ready(choice: str) -> None:
        assert as_answered(overriding(tmp_path, [entry("switches", switch.name, choice, switch.default)])) == ()

    assert_none(faults_of(is_ready, switch.choices))


def test_rules_of_the_site_that_cannot_answer_are_found() -> None:
    national, _ = reference_apps(SETTINGS, national_rules(), lambda: START)
    silent = create_app(replace(SETTINGS, services={}), clock=lambda: START, observers=())
    asked = SelfTest(national, silent, START.date, REFERENCE_PATIENTS[:1])
    asked.run()
    assert asked.faults() == ("heavy-periods-ferritin-12 was not answered with the rules and codes of the site",)
    for app in (national, silent):
        app.extensions["rls_cds"].fhir.close()


def test_a_busy_machine_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here more than a call may compute passes between two looks at the clock that an application usually has."""
    monkeypatch.setitem(create_app.__kwdefaults__, "cpu_clock", count(step=100).__next__)
    assert faults(national_rules()) == ()


def test_no_answer_is_a_fault() -> None:
    _, site = reference_apps(SETTINGS, national_rules(), lambda: START)
    silent = create_app(replace(SETTINGS, services={}), clock=lambda: START, observers=())
    asked = SelfTest(silent, site, START.date, REFERENCE_PATIENTS[:1])
    asked.run()
    assert asked.faults() == ("heavy-periods-ferritin-12 was not answered",)
    for app in (silent, site):
        app.extensions["rls_cds"].fhir.close()


@contextmanager
def monitored(folder: Path, rules: Rules, flag: ShutdownFlag | None = None) -> Iterator[tuple[Monitor, Any, Store]]:
    store = open_store(StoreSettings(database_url=f"sqlite:///{folder}/store.sqlite", **KEYS))
    clock = lambda: START  # noqa: E731
    monitor = Monitor(SETTINGS, rules, store, ClientKeys(()), clock, flag or ShutdownFlag())
    app = create_app(
        SETTINGS,
        clock=clock,
        rules=rules,
        store=store,
        checks=monitor.checks,
        observers=[monitor.count],
        register=[monitor.install],
    )
    yield monitor, app.test_client(), store
    app.extensions["rls_cds"].fhir.close()
    store.close()


def run_once(monitor: Monitor, name: str) -> None:
    next(each for each in monitor.scheduler(is_first=True)._tasks if each.name == name).work()


def test_readiness_follows_the_self_test_and_names_the_patient(tmp_path: Path) -> None:
    with monitored(tmp_path, changed(national_rules(), "ferritin.low", "5")) as (monitor, http, _):
        assert "self-test: has not run yet" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]
        run_once(monitor, "self-test")
        assert "heavy-periods-ferritin-12" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]
        assert http.get("/healthz").status_code == 200
        monitor.publish_checks()
        assert monitor.metrics.registry.get_sample_value("rls_cds_check_failed", {"check": "self-test"}) == 1


def test_a_healthy_service_is_ready(tmp_path: Path) -> None:
    with monitored(tmp_path, national_rules()) as (monitor, http, _):
        run_once(monitor, "self-test")
        answer = http.get("/readyz")
        assert answer.get_json() == {"status": "ready", "checks": ["closing", "self-test", "store"]}


def test_a_service_that_is_about_to_stop_is_not_ready(tmp_path: Path) -> None:
    flag = ShutdownFlag()
    with monitored(tmp_path, national_rules(), flag) as (monitor, http, _):
        run_once(monitor, "self-test")
        flag.set()
        assert "closing: the service is shutting down" in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]


def test_a_store_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    with monitored(tmp_path, national_rules()) as (monitor, http, store):
        run_once(monitor, "self-test")
        store.close()
        for file in tmp_path.glob("store.sqlite*"):
            file.unlink()
        assert "store: " in is_outcome(http.get("/readyz"), 503)[0]["diagnostics"]


def test_no_synthetic_patient_is_recorded_counted_or_logged(tmp_path: Path) -> None:
    with monitored(tmp_path, national_rules()) as (monitor, _, store), log_read_back() as log:
        before = monitor.metrics.registry.get_sample_value("rls_cds_in_flight")
        run_once(monitor, "self-test")
        assert list(store.audit_rows()) == []
        assert log.getvalue() == ""
        assert b"rls_cds_cards_total{" not in page(monitor)
        assert monitor.metrics.registry.get_sample_value("rls_cds_in_flight") == before


def test_the_use_of_remembered_vocabulary_is_counted(tmp_path: Path) -> None:
    with monitored(tmp_path, national_rules()) as (monitor, _, _store):
        run_once(monitor, "self-test")
        run_once(monitor, "vocabulary")
        labels = {"function": "cards.fhir.json_values._codings", "result": "found"}
        assert (monitor.metrics.registry.get_sample_value("rls_cds_vocabulary_lookups", labels) or 0) > 10


def page(monitor: Monitor) -> bytes:
    from cds_service.monitoring.workers import render

    return render(monitor.metrics.registry)


def test_clients_without_keys_are_shown_and_not_ready() -> None:
    client = replace(NORTH, jwks_url="https://north.example.org/keys")
    settings = replace(SETTINGS, clients=(client,), public_base="https://cds.example.org")
    keys = ClientKeys((client,))
    monitor = Monitor(settings, national_rules(), open_store(StoreSettings("")), keys, lambda: START, ShutdownFlag())
    assert monitor.checks["client keys"]() == ("no client has keys",)
    monitor.publish_key_ages()
    assert monitor.metrics.registry.get_sample_value("rls_cds_client_keys_age_seconds", {"client": "north"}) == float(
        "inf"
    )


def test_only_the_first_worker_runs_retention_and_the_sentinel(tmp_path: Path) -> None:
    with monitored(tmp_path, national_rules()) as (monitor, _, _store):
        first, other = (
            {each.name for each in monitor.scheduler(is_first=is_first)._tasks} for is_first in (True, False)
        )
    assert first - other == {"retention", "sentinel"}
    assert [each.name for each in monitor.scheduler(is_first=False)._tasks if each.runs_first] == ["self-test"]
    assert {each.name: each.seconds for each in monitor.scheduler(is_first=True)._tasks}["retention"] == 86400


def test_retention_removes_what_is_too_old(tmp_path: Path) -> None:
    from tests.builders.store_records import a_card, an_answer

    with monitored(tmp_path, national_rules()) as (monitor, _, store):
        store.record_answer(an_answer(a_card(), issued_at=START - timedelta(days=2193)))
        store.record_answer(an_answer(a_card(), issued_at=START - timedelta(days=2191)))
        assert monitor.retain() == 2  # the card and its audit event
        assert store.verify_audit().faults == ()
