"""An application with a real store, two clients, a clock that the test moves, and a log that is read back."""

from __future__ import annotations

import io
import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from werkzeug.test import TestResponse

from cds_service.app import create_app, log_call
from cds_service.calls.report import RequestReport
from cds_service.config.client import Client
from cds_service.config.settings import Settings
from cds_service.monitoring.counting import count_answer, count_request, install_in_flight
from cds_service.monitoring.evidence import EvidenceCounter
from cds_service.monitoring.metrics import Metrics
from cds_service.monitoring.workers import render
from cds_service.store import Store, StoreSettings, open_store
from cds_service.web.log import LOGGER, JsonLines
from fhir_fixtures import hook_request
from fhir_fixtures.loading import PatientFile
from tests.builders.deadlines import UNHURRIED_MS
from tests.builders.service import ALL_ON

START = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
NORTH = Client("north", issuer="https://north.example.org", deadline_ms=UNHURRIED_MS)
SOUTH = Client("south", issuer="https://south.example.org", deadline_ms=UNHURRIED_MS)
VIEW, SIGN = "rls-patient-view", "rls-order-sign"
KEYS = {"pseudonym_key": bytes(range(32)), "encryption_key": bytes(range(100, 132))}


@dataclass(slots=True)
class Harness:
    """The application and everything around it; tests may move `now`."""

    app: Flask
    store: Store
    metrics: Metrics
    now: datetime
    _log: io.StringIO
    evidence: EvidenceCounter = field(default_factory=EvidenceCounter)

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def ask(
        self, patient: PatientFile, service: str = VIEW, client: Client = NORTH, drafts: tuple[Any, ...] = ()
    ) -> TestResponse:
        hook = service.removeprefix("rls-")
        body = hook_request("generic", hook, patient, today=self.now.date(), drafts=drafts)
        return self.post(service, body, client)

    def post(self, service: str, body: Any, client: Client = NORTH) -> TestResponse:
        return self.app.test_client().post(
            f"/cds-services/{service}", json=body, headers={"Authorization": client.name}
        )

    def cards(self, *asked: Any, **how: Any) -> dict[str, dict[str, Any]]:
        """Call the service, and return its cards by topic code."""
        answer = self.ask(*asked, **how)
        assert answer.status_code == 200, answer.text
        return {card["source"]["topic"]["code"]: card for card in answer.get_json()["cards"]}

    def override(
        self, card: dict[str, Any], reason: str = "", service: str = VIEW, client: Client = NORTH, **more: Any
    ) -> TestResponse:
        item: dict[str, Any] = {"card": card["uuid"], "outcome": "overridden"}
        if reason:
            item["overrideReason"] = {"reason": {"code": reason, "system": "https://rls-cds.example.org"}, **more}
        return self.feedback(item, service, client)

    def accept(self, card: dict[str, Any], service: str = VIEW, client: Client = NORTH) -> TestResponse:
        chosen = [{"id": suggestion["uuid"]} for suggestion in card["suggestions"][:1]]
        return self.feedback(
            {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": chosen}, service, client
        )

    def feedback(self, item: dict[str, Any], service: str = VIEW, client: Client = NORTH) -> TestResponse:
        stamped = {"outcomeTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ")} | item
        return self.post(f"{service}/feedback", {"feedback": [stamped]}, client)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the request log."""
        return [json.loads(line) for line in self.text().splitlines()]

    def text(self) -> str:
        return self._log.getvalue()

    def number(self, name: str, **labels: str) -> float:
        """Return a sample of the metrics, 0 if it was never counted."""
        return self.metrics.registry.get_sample_value(f"rls_cds_{name}", labels) or 0.0

    def page(self) -> str:
        return render(self.metrics.registry).decode()


def count(report: RequestReport, harness: Harness) -> None:
    """Count a request as a worker does."""
    count_request(report, harness.metrics)
    if report.call and report.answered:
        count_answer(report.call, report.answered, harness.app.extensions["rls_cds"], harness.metrics)
        harness.evidence.count(report.call, report.answered)
    if report.feedback:
        harness.evidence.count_feedback(report.client, report.feedback, harness.now)


@contextmanager
def start_harness(folder: Path, *, database_url: str = "", **changes: Any) -> Iterator[Harness]:
    """Yield the application with a store in the folder, or in another database that is empty and ready."""
    settings = Settings(
        **{
            "clients": (NORTH, SOUTH),
            "public_base": "https://cds.example.org",
            "services": ALL_ON,
            "time_zone": ZoneInfo("America/New_York"),
            **changes,
        }
    )
    by_name = {client.name: client for client in settings.clients}
    with log_read_back() as log:
        store = open_store(StoreSettings(database_url=database_url or f"sqlite:///{folder}/store.sqlite", **KEYS))
        metrics = Metrics()
        made: list[Harness] = []
        app = create_app(
            settings,
            clock=lambda: made[0].now if made else START,
            store=store,
            authenticate=lambda header, path: by_name[header or ""],
            observers=(log_call, lambda report: count(report, made[0])),
            register=[lambda app: install_in_flight(app, metrics)],
        )
        made.append(Harness(app, store, metrics, START, log))
        try:
            yield made[0]
        finally:
            app.extensions["rls_cds"].fhir.close()
            store.close()


@contextmanager
def log_read_back() -> Iterator[io.StringIO]:
    """Collect the service's log at every level, as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)


def without_results(patient: PatientFile, *loinc: str) -> PatientFile:
    """Return the patient without the results of these codes."""
    return _changed(patient, lambda each: not _has_code(each, loinc), ())


def with_result(patient: PatientFile, loinc: str, value: float, unit: str, on: datetime) -> PatientFile:
    """Return the patient with one more result."""
    result = {
        "resourceType": "Observation",
        "id": str(uuid.uuid4()),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": {"reference": f"Patient/{patient.patient_id}"},
        "effectiveDateTime": on.isoformat(),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }
    return _changed(patient, lambda each: True, (result,))


def as_somebody_else(patient: PatientFile, patient_id: str) -> PatientFile:
    """Return the same chart of another patient."""
    text = json.dumps(patient.bundle).replace(patient.patient_id, patient_id)
    return PatientFile(patient.slug, patient.title, patient.what_it_shows, json.loads(text), patient_id)


def _has_code(resource: dict[str, Any], codes: tuple[str, ...]) -> bool:
    return any(coding.get("code") in codes for coding in resource.get("code", {}).get("coding", []))


def _changed(patient: PatientFile, keeps: Any, more: tuple[dict[str, Any], ...]) -> PatientFile:
    entries = [entry for entry in patient.bundle["entry"] if keeps(entry["resource"])]
    entries += [{"resource": resource} for resource in more]
    bundle = patient.bundle | {"entry": entries}
    return PatientFile(patient.slug, patient.title, patient.what_it_shows, bundle, patient.patient_id)
