"""Does the service still say what it must? Synthetic patients go the whole way through HTTP, and their cards are known.

Silence is how decision support fails: a code list changes, a rule is edited, and nothing fires any more. So the same
application that answers the EHR is asked about patients whose answer is known, at the start and every five minutes.
It is built again without store, clients and log, so that no synthetic card is recorded: once with the rules as they
ship, whose cards are known; once as the site has it, where any limit in its range is right and every patient must be
answered, whatever the cards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from flask import Flask
from flask.testing import FlaskClient

from cards.rules import Rules
from cds_service.app import create_app
from cds_service.clients.client import Mode
from cds_service.clients.profiles import open_client
from cds_service.settings import Settings
from fhir_fixtures import hook_request, load_patient


@dataclass(frozen=True, slots=True)
class Golden:
    """A synthetic patient by slug, what is asked about them, and the topic codes of exactly the cards they get."""

    slug: str
    cards: frozenset[str]
    drafts: tuple[str, ...] = ()

    @property
    def hook(self) -> str:
        return "order-sign" if self.drafts else "patient-view"


#: A low ferritin in two units, nothing measured, B12 in molar units, enough iron, another disease; then drafts that
#: iron overload and an earlier reaction forbid.
GOLDEN = (
    Golden("heavy-periods-ferritin-12", frozenset({"IRONLOW", "IRONCAUSE"})),
    Golden("ferritin-in-pmol", frozenset({"IRONLOW"})),
    Golden("no-iron-studies-yet", frozenset({"IRONTEST"})),
    Golden("b12-low-in-si-units", frozenset({"B12LOW"})),
    Golden("iron-replete-nothing-to-say", frozenset()),
    Golden("no-rls-ferritin-8", frozenset()),
    Golden("haemochromatosis-after-phlebotomy", frozenset({"OSIRONOVL"}), ("ferrous-sulfate-325-once-daily",)),
    Golden("anaphylaxis-to-carboxymaltose", frozenset({"OSIVHSR"}), ("ferric-carboxymaltose-750",)),
)
_ALL_LIVE: Mapping[str, Mode] = {"rls-patient-view": "live", "rls-order-sign": "live"}


class SelfTest:
    """`run` asks; `faults` gives the result of the last run, and never takes time."""

    def __init__(
        self, national: Flask, site: Flask, today: Callable[[], date], golden: tuple[Golden, ...] = GOLDEN
    ) -> None:
        """`national` answers by the rules as they ship, `site` by those of the site (`twins`), both without
        authentication; `today` is the clinic's day."""
        self._national, self._site = national.test_client(), site.test_client()
        self._today, self._golden = today, golden
        self._faults: tuple[str, ...] = ("has not run yet",)

    def run(self) -> None:
        self._faults = tuple(self._wrong())

    def faults(self) -> tuple[str, ...]:
        """The slugs of the patients whose cards are wrong, each in a sentence."""
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


def ask(http: FlaskClient, golden: Golden, today: date) -> frozenset[str] | None:
    """The topic codes of the cards one golden patient gets, everything prefetched; None where there is no answer."""
    patient = load_patient(golden.slug, today)
    body = hook_request("generic", golden.hook, patient, today=today, drafts=golden.drafts)
    answer = http.post(f"/cds-services/rls-{golden.hook}", json=body)
    if answer.status_code != 200:
        return None
    return frozenset(card["source"]["topic"]["code"] for card in answer.get_json()["cards"])


def twins(settings: Settings, rules: Rules, clock: Callable[[], datetime]) -> tuple[Flask, Flask]:
    """Two applications with the same clock, for everybody, that keep and log nothing: by `rules` as they ship, and
    with what the site of `settings` has chosen."""
    everybody = replace(settings, clients=(), profile=open_client("generic"), services=_ALL_LIVE, max_cards=0)
    national, site = (
        create_app(each, clock=clock, rules=rules, observers=()) for each in (replace(everybody, site={}), everybody)
    )
    return national, site
