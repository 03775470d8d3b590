"""Monitor one worker: the checks of /readyz, the metrics, and the periodic tasks that keep both current."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from math import inf, nan

from flask import Flask

from cards.knowledge.rules import Rules
from cds_service.auth.keys import ClientKeys
from cds_service.calls.call import Answered, AppContext, Call
from cds_service.calls.report import RequestReport
from cds_service.calls.routes import Check
from cds_service.config.settings import Settings
from cds_service.monitoring.counting import count_answer, count_request, install_in_flight
from cds_service.monitoring.evidence import EvidenceCounter
from cds_service.monitoring.metrics import Metrics
from cds_service.monitoring.scheduler import PeriodicTask, Scheduler
from cds_service.monitoring.self_test import SelfTest, reference_apps
from cds_service.monitoring.sentinel import changes
from cds_service.monitoring.shutdown import ShutdownFlag
from cds_service.monitoring.unknown_samples import LEAST_PATIENTS
from cds_service.store import Store, StoreError

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
#: Reliability 2.5.
_SELF_TEST_EVERY = 5 * _MINUTE
#: Seconds after the start in which the first calls have a worker to themselves: months of counts take it for longer.
_SETTLED = 30.0


class Monitor:
    """The monitoring of one worker process."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        store: Store,
        keys: ClientKeys,
        clock: Callable[[], datetime],
        shutdown_flag: ShutdownFlag,
    ) -> None:
        self.metrics = Metrics(1 if settings.is_open else LEAST_PATIENTS)
        self._settings, self._store, self._keys, self._clock = settings, store, keys, clock
        self._self_test = SelfTest(
            *reference_apps(settings, rules, clock), lambda: clock().astimezone(settings.time_zone).date()
        )
        self._shutdown_flag = shutdown_flag
        self._changed: frozenset[tuple[str, str, str]] = frozenset()
        self._evidence = EvidenceCounter()
        self._evidence.note_start(clock().astimezone(UTC).date(), settings)
        self._context: AppContext | None = None

    @property
    def checks(self) -> Mapping[str, Check]:
        """Return the checks of /readyz, except that of the store."""
        keys: dict[str, Check] = {} if self._settings.is_open else {"client keys": self._key_faults}
        return {"closing": self._shutdown_flag.faults, "self-test": self._self_test.faults, **keys}

    def install(self, app: Flask) -> None:
        """Attach to an application, and count its requests in flight."""
        self._context = app.extensions["rls_cds"]
        install_in_flight(app, self.metrics)

    def count(self, report: RequestReport) -> None:
        """Count one request; this is an observer of the application."""
        count_request(report, self.metrics)
        if report.call and report.answered:
            self.count_call(report.call, report.answered)
        if report.feedback:
            self._evidence.count_feedback(report.client, report.feedback, self._clock())

    def count_call(self, call: Call, answered: Answered) -> None:
        """Count what was decided for one call."""
        if self._context:
            count_answer(call, answered, self._context, self.metrics)
            self._evidence.count(call, answered)

    def scheduler(self, *, is_first: bool) -> Scheduler:
        """Return the scheduler of the periodic tasks; tasks on the store run in the first worker only."""
        tasks = [
            # Before the worker listens: a probe that meets a new worker would find the whole replica not ready.
            PeriodicTask("self-test", _SELF_TEST_EVERY, self._self_test.run, runs_first=True),
            PeriodicTask("checks", _MINUTE, self.publish_checks),
            PeriodicTask("vocabulary", _MINUTE, self.metrics.publish_vocabulary),
            PeriodicTask("keys", _MINUTE, self.publish_key_ages),
            PeriodicTask("evidence", _MINUTE, self.store_evidence),
        ]
        if is_first:
            tasks += [
                PeriodicTask("retention", _DAY, self.retain, after=_SETTLED),
                PeriodicTask("sentinel", _HOUR, self.publish_changes, after=_SETTLED),
            ]
        return Scheduler(tasks, lambda name: self.metrics.background_failed.labels(name).inc())

    def retain(self) -> int:
        """Remove rows past their retention from the store, and return how many there were."""
        return self._store.apply_retention(self._clock(), self._settings.retention)

    def publish_checks(self) -> None:
        """Set the gauge of every check."""
        found = {"store": self._store.health(self._clock()).faults}
        found |= {name: check() for name, check in self.checks.items()}
        for name, faults in found.items():
            self.metrics.check_failed.labels(name).set(bool(faults))

    def publish_key_ages(self) -> None:
        """Set the age of every client's key set; one that was never fetched is infinitely old."""
        for client in self._settings.clients:
            if client.jwks_url:
                age = self._keys.sources[client.jwks_url].age()
                self.metrics.key_age.labels(client.name).set(inf if age is None else age)

    def store_evidence(self) -> None:
        """Add to the store what the charts since the last time held; what it does not take is kept for the next."""
        counts = self._evidence.take()
        try:
            self._store.add_evidence(counts)
        except StoreError:
            self._evidence.put_back(counts)
            raise

    def publish_changes(self) -> None:
        """Set the gauges of every change that stands, to NaN for those that are over."""
        standing = (each for each in changes(self._store, self._clock()) if each.last_bad_day is None)
        found = {(each.client, each.subject, each.cause): each for each in standing}
        self._changed |= found.keys()
        for key in self._changed:
            alarm = found.get(key)
            since = nan if alarm is None else datetime.combine(alarm.first_bad_day, time(), UTC).timestamp()
            self.metrics.changed.labels(*key).set(nan if alarm is None else alarm.calls)
            self.metrics.changed_since.labels(*key).set(since)

    def _key_faults(self) -> tuple[str, ...]:
        return () if self._keys.are_ready() else ("no client has keys",)
