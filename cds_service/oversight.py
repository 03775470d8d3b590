"""Whether the service is fit, and how it does: the checks behind /readyz, the numbers behind /metrics, and the rounds
that keep both true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import inf, nan

from flask import Flask

from cards.rules import Rules
from cds_service.clients.keys import ClientKeys
from cds_service.closing import Closing
from cds_service.drift import firing_drift
from cds_service.metrics import Metrics
from cds_service.metrics_counting import install_counting
from cds_service.rounds import Round, Rounds
from cds_service.self_test import SelfTest, twins
from cds_service.settings import Settings
from cds_service.store import Retention, Store
from cds_service.unknown_samples import PATIENTS
from cds_service.views import Check

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
#: Reliability page 2.5.
_SELF_TEST_EVERY = 5 * _MINUTE


class Oversight:
    """Of one worker process."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        store: Store,
        keys: ClientKeys,
        clock: Callable[[], datetime],
        closing: Closing,
    ) -> None:
        self.metrics = Metrics(1 if settings.is_open else PATIENTS)
        self._settings, self._store, self._keys, self._clock = settings, store, keys, clock
        self._self_test = SelfTest(
            *twins(settings, rules, clock), lambda: clock().astimezone(settings.time_zone).date()
        )
        self._closing = closing
        self._watched: frozenset[str] = frozenset()

    @property
    def checks(self) -> Mapping[str, Check]:
        """For /readyz, beside the one of the store."""
        keys: dict[str, Check] = {} if self._settings.is_open else {"client keys": self._key_faults}
        return {"closing": self._closing.faults, "self-test": self._self_test.faults, **keys}

    def watch(self, app: Flask) -> None:
        """Count every request of the application."""
        install_counting(app, self.metrics)

    def rounds(self, *, is_first: bool) -> Rounds:
        """The work beside the calls. What concerns the store alone is done by the first worker only."""
        rounds = [
            Round("self-test", _SELF_TEST_EVERY, self._self_test.run),
            Round("checks", _MINUTE, self.show_checks),
            Round("keys", _MINUTE, self.show_keys),
        ]
        if is_first:
            rounds += [Round("retention", _DAY, self.retain), Round("drift", _HOUR, self.show_drift)]
        return Rounds(rounds, lambda name: self.metrics.background_failed.labels(name).inc())

    def retain(self) -> int:
        """Rows removed from the store because they are older than they may be."""
        return self._store.apply_retention(self._clock(), Retention())

    def show_checks(self) -> None:
        found = {"store": self._store.health(self._clock()).faults}
        found |= {name: check() for name, check in self.checks.items()}
        for name, faults in found.items():
            self.metrics.check_failed.labels(name).set(bool(faults))

    def show_keys(self) -> None:
        """A key set that was never fetched is infinitely old."""
        for client in self._settings.clients:
            if client.jwks_url:
                age = self._keys.sources[client.jwks_url].age()
                self.metrics.key_age.labels(client.name).set(inf if age is None else age)

    def show_drift(self) -> None:
        """A card that is no longer judged loses its number."""
        found = {each.card: each for each in firing_drift(self._store, self._clock())}
        self._watched |= found.keys()
        for card in self._watched:
            ratio, silence = (found[card].ratio, found[card].silence) if card in found else (None, None)
            self.metrics.rate_ratio.labels(card).set(nan if ratio is None else ratio)
            self.metrics.silence_ratio.labels(card).set(nan if silence is None else silence)

    def _key_faults(self) -> tuple[str, ...]:
        return () if self._keys.are_ready() else ("no client has keys",)
