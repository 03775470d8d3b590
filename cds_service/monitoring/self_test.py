"""Self-test: send synthetic patients whose cards are known through the whole service, at the start and every 5 minutes.

Decision support tends to fail silently: a code list changes, a rule is edited, and nothing fires any more. The test
runs against copies of the application without store, clients and log, so that no synthetic card is recorded. One copy
uses the rules as shipped and must give the known cards. The other uses the rules of the site, where limits may differ,
and only has to answer for every patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from flask import Flask
from flask.testing import FlaskClient

from cards.knowledge.rules import Rules
from cds_service.app import create_app
from cds_service.config.client import Mode
from cds_service.config.profiles import open_client
from cds_service.config.settings import Settings
from fhir_fixtures import hook_request, load_patient


@dataclass(frozen=True, slots=True)
class ReferencePatient:
    """A synthetic patient by slug, their draft orders, and the topic codes of exactly the cards they get."""

    slug: str
    cards: frozenset[str]
    drafts: tuple[str, ...] = ()

    @property
    def hook(self) -> str:
        """Return the hook that is called for this patient."""
        return "order-sign" if self.drafts else "patient-view"


#: Low ferritin in two units, nothing measured, B12 in molar units, sufficient iron, no RLS; then orders that iron
#: overload and an earlier reaction contraindicate.
REFERENCE_PATIENTS = (
    ReferencePatient("heavy-periods-ferritin-12", frozenset({"IRONLOW", "IRONCAUSE"})),
    ReferencePatient("ferritin-in-pmol", frozenset({"IRONLOW"})),
    ReferencePatient("no-iron-studies-yet", frozenset({"IRONTEST"})),
    ReferencePatient("b12-low-in-si-units", frozenset({"B12LOW"})),
    ReferencePatient("iron-replete-nothing-to-say", frozenset()),
    ReferencePatient("no-rls-ferritin-8", frozenset()),
    ReferencePatient(
        "haemochromatosis-after-phlebotomy", frozenset({"OSIRONOVL"}), ("ferrous-sulfate-325-once-daily",)
    ),
    ReferencePatient(
        "anaphylaxis-to-carboxymaltose", frozenset({"OSIVBOX", "OSIVHSR"}), ("ferric-carboxymaltose-750",)
    ),
)
_ALL_LIVE: Mapping[str, Mode] = {"rls-patient-view": "live", "rls-order-sign": "live"}


class SelfTest:
    """The self-test and its last result."""

    def __init__(
        self,
        national: Flask,
        site: Flask,
        today: Callable[[], date],
        golden: tuple[ReferencePatient, ...] = REFERENCE_PATIENTS,
    ) -> None:
        """`national` and `site` are the `reference_apps`; `today` returns the date in the clinic's time zone."""
        self._national, self._site = national.test_client(), site.test_client()
        self._today, self._golden = today, golden
        self._faults: tuple[str, ...] = ("has not run yet",)

    def run(self) -> None:
        """Run the test and keep the result."""
        self._faults = tuple(self._wrong())

    def faults(self) -> tuple[str, ...]:
        """Return one sentence for each patient with a wrong answer in the last run."""
        return self._faults

    def _wrong(self) -> Iterator[str]:
        today = self._today()
        for golden in self._golden:
            found = ask(self._national, golden, today)
            if found is None:
                yield f"{golden.slug} was not answered"
            elif found != golden.cards:
                yield f"{golden.slug} got other cards than expected"
            if ask(self._site, golden, today) is None:
                yield f"{golden.slug} was not answered with the rules and codes of the site"


def ask(http: FlaskClient, golden: ReferencePatient, today: date) -> frozenset[str] | None:
    """Return the topic codes of a patient's cards, with everything prefetched, or None if the call fails."""
    patient = load_patient(golden.slug, today)
    body = hook_request("generic", golden.hook, patient, today=today, drafts=golden.drafts)
    answer = http.post(f"/cds-services/rls-{golden.hook}", json=body)
    if answer.status_code != 200:
        return None
    return frozenset(card["source"]["topic"]["code"] for card in answer.get_json()["cards"])


def reference_apps(settings: Settings, rules: Rules, clock: Callable[[], datetime]) -> tuple[Flask, Flask]:
    """Return two open applications that keep and log nothing: one with the rules as shipped, one with the site's.

    They have no limit of computing: it is asked what they answer, and a machine that is busy answers the same, later.
    """
    everybody = replace(settings, clients=(), profile=open_client("generic"), services=_ALL_LIVE, max_cards=0)
    national, site = (
        create_app(each, clock=clock, cpu_clock=lambda: 0.0, rules=rules, observers=())
        for each in (replace(everybody, site={}), everybody)
    )
    return national, site
