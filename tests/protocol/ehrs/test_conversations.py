"""Each vendor's record system in a whole conversation: discovery, hooks, feedback, and the export of the feedback.

What each does is in vendors.toml. A call brings everything prefetched (the first page of each list), or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
import requests
from click.testing import CliRunner

from cds_service.cli.export_feedback import export_feedback_command
from cds_service.config.profiles import builtin_profiles
from fhir_fixtures.loading import draft, load_patient
from tests.builders.service import TODAY
from tests.builders.tokens import jwk
from tests.fakes.fault_server import FaultServer, fault_server
from tests.protocol.ehr import SECONDS, Ehr
from tests.protocol.ehrs.server import OF_A_PAGE, VendorServer
from tests.protocol.ehrs.vendor import Vendor, read_vendors
from tests.protocol.quirks.hospital import configured

LOW_IRON, OVERLOAD = "ferritin-38-inside-the-lab-range", "haemochromatosis-after-phlebotomy"
NOT_MEASURED, AGGRAVATED = "no-iron-studies-yet", "metoclopramide-and-sertraline"
IRON = "ferrous-sulfate-325-once-daily"
VENDORS = read_vendors()
#: A code of the site, as it maps one for a system that cannot order by LOINC.
ORDERABLE = '{system = "urn:oid:2.16.840.1.113883.19.5", code = "LAB68", display = "Ferritin"}'
#: Enough body weights that the first page, of 200 at most, holds none of the other results.
FILLERS = 230


@dataclass
class Site:
    """One vendor's record system beside the running service."""

    vendor: Vendor
    ehr: Ehr
    server: FaultServer
    records: VendorServer
    folder: Path

    @property
    def fhir_base(self) -> str:
        return self.server.address + self.vendor.path

    def token(self, path: str) -> str:
        """Return a client token with the claims of the vendor; its times are seconds from now."""
        times = {name: SECONDS + value for name, value in self.vendor.claims.items() if name in ("nbf", "exp")}
        return self.ehr.token(path, **{**self.vendor.claims, **times})

    def services(self) -> dict[str, dict[str, Any]]:
        """Return the services of discovery by hook."""
        answered = self.ehr.call("GET", "/cds-services", token=None)
        assert answered.status_code == 200
        return {each["hook"]: each for each in answered.json()["services"]}

    def prefetch(self, templates: dict[str, str]) -> dict[str, Any]:
        """Fill the templates as the record system does: the first page of each search on its own server."""
        headers = {"Accept": "application/fhir+json", "Authorization": f"Bearer {self.vendor.access_token}"}
        filled = {}
        for key, template in templates.items():
            address = template.replace("{{context.patientId}}", self.vendor.patient_id)
            filled[key] = requests.get(f"{self.fhir_base}/{address}", headers=headers, timeout=10).json()
        return filled

    def order(self, hook: str) -> tuple[str, dict[str, Any]]:
        """Return the reference of a draft order of iron, and the context that brings it."""
        reference, drafts = self.vendor.drafts(draft(IRON, self.vendor.patient_id, TODAY))
        return reference, {"draftOrders": drafts} | ({"selections": [reference]} if hook == "order-select" else {})

    def call(self, hook: str, patient: str, **how: Any) -> list[dict[str, Any]]:
        """Send a hook about a patient and return the cards."""
        answered = self.ask(hook, patient, **how)
        assert answered.status_code == 200, answered.text
        found: list[dict[str, Any]] = answered.json()["cards"]
        return found

    def ask(
        self,
        hook: str,
        patient: str,
        *,
        is_prefetched: bool,
        context: dict[str, Any] | None = None,
        fillers: int = 0,
    ) -> requests.Response:
        """Send a hook about a patient, with so many further body weights before the results, and return the answer."""
        vendor, service = self.vendor, self.services()[hook]
        self.records.records = vendor.chart(load_patient(patient, TODAY), fillers)
        body: dict[str, Any] = {
            "hook": hook,
            "hookInstance": str(uuid4()),
            "fhirServer": self.fhir_base,
            "fhirAuthorization": {
                "access_token": vendor.access_token,
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": vendor.scope,
                "subject": "stand-in",
            },
            "context": {"userId": vendor.user, "patientId": vendor.patient_id, **(context or {})},
        }
        if vendor.encounter:
            body["context"]["encounterId"] = vendor.encounter
        if is_prefetched:
            body["prefetch"] = self.prefetch(service["prefetch"])
        if vendor.extension:
            body["extension"] = dict(vendor.extensions(hook))
        path = f"/cds-services/{service['id']}"
        return self.ehr.post(path, body, token=self.token(path))

    def feedback(self, hook: str, *entries: dict[str, Any]) -> Any:
        path = f"/cds-services/{self.services()[hook]['id']}/feedback"
        return self.ehr.post(path, {"feedback": list(entries)}, token=self.token(path))

    def exported(self) -> list[dict[str, Any]]:
        """Return the rows of the feedback export, as the command line writes them."""
        options = ["--config", str(self.folder / "rls-cds.toml"), "--format", "ndjson"]
        run = CliRunner().invoke(export_feedback_command, options, catch_exceptions=False)
        assert run.exit_code == 0, run.output
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


@contextmanager
def site_of(vendor: Vendor, folder: Path) -> Iterator[Site]:
    key = "rsa" if vendor.algorithm == "RS384" else "p384"
    published = ", ".join(f"{name} = {json.dumps(value)}" for name, value in jwk(key, "kid/+=1").items())
    issuer = builtin_profiles()[vendor.profile].get("issuer") or "https://ehr.example.org/FHIR/R4"
    records = VendorServer(vendor)
    with fault_server(records) as server:
        table = [
            "[clients.hospital]",
            f'profile = "{vendor.profile}"',
            f'issuer = "{issuer}"',
            f"jwks_inline = {{keys = [{{{published}}}]}}",
            f'algorithms = ["{vendor.algorithm}"]',
            f'fhir_base = "{server.address}{vendor.path}"',
            "allow_http = true",
            'allowed_networks = ["127.0.0.0/8"]',
            "deadline_ms = 5000",
            f"site_orderables = {{ferritin = {ORDERABLE}}}",
        ]
        table += [f'tenants = ["{vendor.claims["tenant"]}"]'] if "tenant" in vendor.claims else []
        with configured(folder, "\n".join(table)) as ehr:
            ehr = ehr.of(ehr.client, "kid/+=1", key, vendor.algorithm)
            yield Site(vendor, ehr, server, records, folder)


@pytest.fixture(scope="module", params=VENDORS, ids=lambda vendor: vendor.name)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_of(request.param, tmp_path_factory.mktemp(request.param.name)) as found:
        yield found


PREFETCHED = pytest.mark.parametrize("is_prefetched", [True, False], ids=["prefetched", "read"])
ORDER_HOOKS = [(vendor, hook) for vendor in VENDORS for hook in vendor.hooks if hook != "patient-view"]
_NAMES = [f"{vendor.name}-{hook}" for vendor, hook in ORDER_HOOKS]
REMOVABLE = [pytest.param(vendor, hook, id=f"{vendor.name}-{hook}") for vendor, hook in ORDER_HOOKS]
REFERRING = [pytest.param(vendor, id=vendor.name) for vendor in VENDORS]
SPEAKING = [pytest.param(vendor, id=vendor.name) for vendor in VENDORS]


def topics(cards: list[dict[str, Any]]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in cards]


@pytest.mark.row("D-01")
def test_discovery_lists_the_hooks_that_the_vendor_has(site: Site) -> None:
    assert set(site.vendor.hooks) <= set(site.services())


@pytest.mark.slow
@pytest.mark.row("F-06")
@PREFETCHED
def test_opening_the_chart_shows_low_iron(site: Site, is_prefetched: bool) -> None:
    """The results stand behind hundreds of body weights, on whatever page."""
    cards = site.call("patient-view", LOW_IRON, is_prefetched=is_prefetched, fillers=FILLERS)
    assert topics(cards) == ["IRONLOW"] and "38 ng/mL" in cards[0]["summary"]
    # What was prefetched is one page; the service reads the others.
    assert ("in words that are not understood" in cards[0]["detail"]) is (site.vendor.grants == "unclear")


@pytest.mark.row("A-09")
def test_every_read_is_fresh_bounded_and_of_this_patient(site: Site) -> None:
    """Contract section 5, item 4."""
    site.server.asked.clear()
    site.call("patient-view", LOW_IRON, is_prefetched=False, fillers=FILLERS)
    first = [each for each in site.server.asked if not any(f"{name}=" in each.path for name in OF_A_PAGE)]
    assert len(first) >= 6
    for asked in site.server.asked:
        assert asked.headers["cache-control"] == "no-cache"
    for asked in first:
        query = dict(parse_qsl(urlsplit(asked.path).query))
        assert query.get("_count", "200") == "200" and query.get("patient", site.vendor.patient_id) in asked.path


@pytest.mark.row("A-05")
@PREFETCHED
def test_where_nothing_was_measured_iron_studies_are_suggested_or_the_limit_is_named(
    site: Site, is_prefetched: bool
) -> None:
    """Of scopes that are not understood, an empty list proves nothing (contract section 5, item 6)."""
    if site.vendor.grants == "unclear" and not is_prefetched:
        answered = site.ask("patient-view", NOT_MEASURED, is_prefetched=False)
        assert answered.status_code == 412
        assert "labs: access granted in words that are not understood" in answered.text
        return
    [card] = site.call("patient-view", NOT_MEASURED, is_prefetched=is_prefetched)
    assert topics([card]) == ["IRONTEST"] and card["suggestions"]
    assert ("some results were withheld" in card["detail"]) is site.vendor.withholds
    is_limited = site.vendor.grants == "laboratory" and not is_prefetched
    assert ("covers laboratory results, not all" in card["detail"]) is is_limited


@PREFETCHED
@pytest.mark.parametrize("site", REFERRING, indirect=True)
def test_drugs_that_worsen_it_are_seen_however_orders_name_them(site: Site, is_prefetched: bool) -> None:
    cards = site.call("patient-view", AGGRAVATED, is_prefetched=is_prefetched)
    assert "AGGACTIVE" in topics(cards)
    assert "cannot be told" not in str(cards)


@pytest.mark.slow
@PREFETCHED
@pytest.mark.parametrize(("site", "hook"), ORDER_HOOKS, indirect=["site"], ids=_NAMES)
def test_iron_for_a_patient_with_iron_overload_is_stopped(site: Site, hook: str, is_prefetched: bool) -> None:
    _, context = site.order(hook)
    cards = site.call(hook, OVERLOAD, is_prefetched=is_prefetched, context=context, fillers=FILLERS)
    [stop] = [card for card in cards if card["source"]["topic"]["code"] == "OSIRONOVL"]
    assert stop["indicator"] == "critical"


@pytest.mark.slow
@pytest.mark.row("X-05")
@pytest.mark.parametrize(("site", "hook"), REMOVABLE, indirect=["site"])
def test_the_order_can_be_removed_whatever_the_length_of_its_id(site: Site, hook: str) -> None:
    """The id is the client's own, echoed as it came."""
    reference, context = site.order(hook)
    cards = site.call(hook, OVERLOAD, is_prefetched=True, context=context)
    [stop] = [card for card in cards if card["source"]["topic"]["code"] == "OSIRONOVL"]
    actions = [action for one in stop["suggestions"] for action in one["actions"]]
    assert [action["resourceId"] for action in actions if action["type"] == "delete"] == [reference]


@pytest.mark.slow
@pytest.mark.row("B-01")
@pytest.mark.parametrize("vendor", SPEAKING)
def test_a_whole_conversation_ends_in_the_export_of_its_feedback(vendor: Vendor, tmp_path: Path) -> None:
    """Opening a chart, choosing and signing an order, then one batch of feedback about every card that was shown."""
    with site_of(vendor, tmp_path) as site:
        assert set(vendor.hooks) <= set(site.services())
        [low] = site.call("patient-view", LOW_IRON, is_prefetched=True)
        reason = low["overrideReasons"][0]
        overridden = [entry(low, 10 + at) | vendor.override(shape, reason) for at, shape in enumerate(vendor.feedback)]
        assert site.feedback("patient-view", *overridden).status_code == 200
        stops = []
        for hook in vendor.hooks[1:]:
            _, context = site.order(hook)
            [stop] = site.call(hook, OVERLOAD, is_prefetched=True, context=context)
            taken = [{"id": one["uuid"]} for one in stop["suggestions"]]
            accepted = entry(stop, 30) | {"outcome": "accepted", "acceptedSuggestions": taken}
            assert site.feedback(hook, accepted).status_code == 200
            stops.append(stop)
        rows = site.exported()
    cards = [low["uuid"]] * len(overridden) + [stop["uuid"] for stop in stops]
    assert [row["card_uuid"] for row in rows] == cards
    assert [row["action"] for row in rows] == ["overridden"] * len(overridden) + ["accepted"] * len(stops)
    assert {row["user"] for row in rows} == {vendor.user}
    for row, shape in zip(rows, vendor.feedback, strict=False):
        assert ("Does not meet criteria" if shape == "epic extension" else reason["code"]) in row["feedback"]
        assert "seen" in row["feedback"]


def entry(card: dict[str, Any], minute: int) -> dict[str, Any]:
    """Return a feedback entry about a card."""
    return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": f"2026-06-30T14:{minute}:00Z"}
