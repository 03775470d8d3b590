"""Everything in FHIR that the product sends or writes, made by its own code and the demo's patients."""

from __future__ import annotations

import json
import tarfile
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, g

from cards.facts.chart import DRAFTS, Gap
from cds_service.cli import main
from cds_service.monitoring.follow_up import Arm, FollowUp, Report
from cds_service.monitoring.follow_up_files import as_fhir
from cds_service.offline.audit_events import audit_lines
from cds_service.store import Store, StoreSettings, open_store
from cds_service.store.databases.faults import StoreFull, StoreUnavailable
from cds_service.web import errors
from fhir_fixtures import draft, load_patients
from fhir_fixtures.clients import hook_request
from fhir_fixtures.loading import draft_names
from fhir_fixtures.search import PARAMETERS
from fhir_fixtures.server import create_fhir_app
from tests.builders.command_line import runner
from tests.builders.deadlines import unhurried
from tests.builders.export_lines import write_export
from tests.builders.knowledge import exported, exported_package, exported_text, exported_transaction
from tests.builders.service import SELECT, SIGN, TODAY, VIEW, application, bare, good, settings
from tests.builders.store_records import (
    CLIENT,
    ENCRYPTION_KEY,
    NOW,
    PSEUDONYM_KEY,
    SERVICE,
    a_card,
    accepted,
    an_answer,
    overridden,
)
from tests.builders.versions import convert
from tests.interop.validator.program import Emitted, Resource

PATIENTS = load_patients(TODAY)
#: Patients for whom every fixture draft is signed and selected, a few at a time.
_ORDERED_FOR = (
    "haemochromatosis-after-phlebotomy",
    "ferritin-38-inside-the-lab-range",
    "anaphylaxis-to-carboxymaltose",
    "low-phosphate-before-an-infusion",
    "pregnant-9-weeks-ferritin-88",
    "haemodialysis-iron-deficient",
    "child-nine-ferritin-90",
    "vitamin-d-toxic",
    "iron-replete-nothing-to-say",
    "no-iron-studies-yet",
)
_AT_ONCE = 3


def suggestions(version: str) -> Iterator[tuple[str, Emitted]]:
    """Yield each resource that a card suggests to create or update, with the code of its card, in that version."""
    with application(settings(max_cards=0, profile=unhurried(fhir_version=version))) as app:
        http = app.test_client()
        for path, name, body in _calls(version):
            answer = http.post(path, json=body)
            assert answer.status_code == 200 and answer.json, answer.text
            for card in answer.json["cards"]:
                topic = card["source"]["topic"]["code"]
                for action in _actions(card):
                    if "resource" in action:
                        yield topic, Emitted(f"{name}, {topic}: {action['type']}", version, action["resource"])


def _actions(card: Resource) -> Iterator[Resource]:
    for suggestion in card.get("suggestions", ()):
        yield from suggestion.get("actions", ())


def _calls(version: str) -> Iterator[tuple[str, str, Resource]]:
    """Yield path, name and body of each call, with its records and drafts in that version."""
    for patient in PATIENTS:
        yield VIEW, patient.slug, convert(hook_request("generic", "patient-view", patient, today=TODAY), version)
    some = [draft_names()[start : start + _AT_ONCE] for start in range(0, len(draft_names()), _AT_ONCE)]
    for patient in (each for each in PATIENTS if each.slug in _ORDERED_FOR):
        for drafts in some:
            for hook, path in (("order-sign", SIGN), ("order-select", SELECT)):
                body = convert(hook_request("generic", hook, patient, today=TODAY, drafts=drafts), version)
                if hook == "order-select":
                    body["context"]["selections"] = [
                        f"{each['resource']['resourceType']}/{each['resource']['id']}"
                        for each in body["context"]["draftOrders"]["entry"]
                    ]
                yield path, f"{patient.slug} with {' and '.join(drafts)}", body


def fixtures() -> Iterator[Emitted]:
    """Yield every record of every demo patient, and every draft."""
    for patient in PATIENTS:
        for each in patient.resources():
            yield Emitted(f"{patient.slug}/{each['resourceType']}/{each['id']}", "R4", each)
    for name in draft_names():
        yield Emitted(name, "R4", draft(name, PATIENTS[0].patient_id, TODAY))


def definitions() -> Iterator[Resource]:
    """Yield what the export defines, for the validator to know: extensions, code systems and value sets."""
    kinds = ("StructureDefinition", "CodeSystem", "ValueSet")
    return (each for each in exported() if each["resourceType"] in kinds)


def rules_export() -> Iterator[Emitted]:
    """Yield what `rls-cds rules --format fhir...` writes: every resource, both Bundles, and the package's files.

    The Bundles have every eighth of their value sets: each is looked at alone, and there are many.
    """
    for each in exported():
        yield Emitted(f"{each['resourceType']}/{each['id']}", "R4", each)
    for name, text in (("fhir", exported_text()), ("fhir-transaction", exported_transaction())):
        bundle = json.loads(text)
        sets = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "ValueSet"]
        others = [entry for entry in bundle["entry"] if entry not in sets]
        yield Emitted(name, "R4", bundle | {"entry": [*others, *sets[::8]]})
    with tarfile.open(fileobj=BytesIO(exported_package())) as package:
        for member in package.getmembers():
            file = package.extractfile(member)
            content = json.loads(file.read()) if file else {}
            if "resourceType" in content:
                yield Emitted(member.name, "R4", content)


QUERIES = ("Patient/{{context.patientId}}", "Condition?patient={{context.patientId}}")


def audit_events(folder: Path) -> Iterator[Emitted]:
    """Yield the events of every kind of audit row, with and without a user, complete and of an older store."""
    with_keys = StoreSettings(
        database_url=f"sqlite:///{folder}/store.sqlite", pseudonym_key=PSEUDONYM_KEY, encryption_key=ENCRYPTION_KEY
    )
    store = open_store(with_keys)
    try:
        _fill(store)
        for line in audit_lines(store.audit_rows()):
            event = json.loads(line)
            yield Emitted(f"{event['id']} {event['subtype'][0]['code']}", "R4", event)
    finally:
        store.close()


def _fill(store: Store) -> None:
    card, other = a_card(), a_card()
    read = {"queries": QUERIES, "server": "https://ehr.example.org/r4", "host": "rls-cds-7f"}
    store.record_answer(an_answer(card, user="Practitioner/7", **read))
    store.record_answer(an_answer(other, **read))
    store.record_answer(an_answer(queries=QUERIES))
    store.record_answer(an_answer(status=412, **read))
    store.record_feedback(CLIENT, SERVICE, [overridden(card), accepted(other)], NOW)
    store.export_feedback(None, "officer", NOW)


#: One refusal of each class, as its code raises it. The test demands that no class is missing.
REFUSALS: tuple[Exception, ...] = (
    errors.Refusal("a detail"),
    errors.BadRequest([
        errors.RequestFault("context.patientId", "a list of 2", "a FHIR id", "Send the id alone.", "type"),
        *(f"fault {number}" for number in range(30)),
    ]),
    errors.NotAuthenticated(),
    errors.Forbidden(),
    errors.NoSuchService(),
    errors.NoSuchCard(),
    errors.DataMissing(["labs", DRAFTS], {"labs": Gap("status", 403)}),
    errors.BodyTooLarge(),
    errors.UnsupportedBody(),
    errors.TooManyRequests(7),
    errors.Overloaded("all threads are busy"),
    errors.NotReady("no key is at hand"),
    errors.NoRoom(),
    errors.TooCostly("reading the chart"),
    StoreUnavailable("locked"),
    StoreFull("full"),
    ZeroDivisionError("a bug"),
)  # fmt: skip


def refusals() -> Iterator[Emitted]:
    """Yield the OperationOutcome of every kind of refusal, as the application answers with it."""
    app = Flask("refusing")
    errors.install_errors(app)
    raised = iter(REFUSALS)

    @app.before_request
    def number() -> None:
        g.request_id = str(uuid.uuid4())

    @app.post("/")
    def refuse() -> str:
        raise next(raised)

    http = app.test_client()
    for each in REFUSALS:
        answer = http.post("/")
        assert answer.status_code >= 400
        yield Emitted(type(each).__name__, "R4", answer.get_json())
    for name, answer in (("no such address", http.get("/nothing")), ("a wrong method", http.get("/"))):
        yield Emitted(name, "R4", answer.get_json())
    yield Emitted("not HTTP", "R4", json.loads(errors.MALFORMED_REQUEST))


def refused_calls() -> Iterator[Emitted]:
    """Yield the OperationOutcomes of the service itself: of a request without members, of drafts that are none, ..."""
    wrong = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": 7}}]}}
    sent: dict[str, tuple[str, Any]] = {
        "nothing": (VIEW, {}),
        "a list": (VIEW, []),
        "no data": (VIEW, bare()),
        "wrong members": (VIEW, good() | {"hookInstance": 7, "context": {"userId": ["x"], "patientId": "../x"}}),
        "wrong drafts": (SIGN, good("order-sign") | {"context": good("order-sign")["context"] | wrong}),
        "no service": ("/cds-services/none", good()),
        "feedback about nothing": (f"{VIEW}/feedback", {"feedback": [{}, {"card": "x"}]}),
    }
    with application() as app:
        http = app.test_client()
        for name, (path, body) in sent.items():
            answer = http.post(path, json=body)
            assert answer.status_code >= 400, (name, answer.text)
            yield Emitted(name, "R4", answer.get_json())


def demo_server_answers() -> Iterator[Emitted]:
    """Yield what the demo's FHIR server answers: its statement, searches of every kind, reads, pages and refusals."""
    http = create_fhir_app(PATIENTS, page_size=5).test_client()
    patient = PATIENTS[0].patient_id
    reads = [f"{each['resourceType']}/{each['id']}" for each in PATIENTS[0].resources()]
    asked = ["metadata", "Patient?_count=200", "Patient", "Patient?_getpages=1", "Observation?_summary=count"]
    asked += [f"{kind}?patient={patient}" for kind in PARAMETERS] + [f"{kind}?_summary=count" for kind in PARAMETERS]
    asked += ["MedicationRequest?_include=MedicationRequest:medication&_count=500", "Observation?code=0&_count=3"]
    asked += ["Observation?unknown=1&other:exact=2", "Observation?date=ge2020-01-01&_sort=-date&_count=7"]
    asked += ["Observation?date=never", "Nothing", "Patient/nobody", "Patient?_count=0", *reads]
    for path in asked:
        yield Emitted(path, "R4", http.get(f"/fhir/{path}").get_json())
    refused = {"Accept": "text/html"}, {"Prefer": "handling=strict"}
    for headers in refused:
        answer = http.get("/fhir/Patient?unknown=1", headers=headers)
        assert answer.status_code >= 400
        yield Emitted(f"{headers}", "R4", answer.get_json())
    batch = {"resourceType": "Bundle", "type": "batch", "entry": []}
    for path, method, body in (
        ("Patient/_search", "POST", batch), ("", "POST", batch), ("Patient", "PUT", batch), ("Patient/x", "DELETE", {}),
        ("metadata", "POST", {}),
    ):  # fmt: skip
        answer = http.open(f"/fhir/{path}", method=method, json=body)
        assert answer.status_code >= 400
        yield Emitted(f"{method} {path}", "R4", answer.get_json())
    found = http.post("/fhir/Condition/_search", data={"patient": patient})
    assert found.status_code == 200
    yield Emitted("POST Condition/_search", "R4", found.get_json())


def screening(folder: Path) -> Iterator[Emitted]:
    """Yield what `rls-cds screen` writes of the demo's patients: Measures, MeasureReports, Lists, and its plans."""
    export = write_export(folder / "export", [each for patient in PATIENTS for each in patient.resources()])
    out, plans = folder / "out", folder / "plan"
    _run("screen", export, "--out", out, "--as-of", TODAY)
    measures = json.loads((out / "measures.json").read_text())
    yield Emitted("measures.json", "R4", measures)
    for each in _inside(measures):
        yield Emitted(f"measures.json {each['resourceType']}/{each['id']}", "R4", each)
    for number, line in enumerate((out / "work-list.ndjson").read_text().splitlines(), 1):
        yield Emitted(f"work-list.ndjson {number}", "R4", json.loads(line))
    _run("screen", export, "--plan", "oracle-health", "--out", plans, "--as-of", TODAY)
    for path in sorted(plans.rglob("*.json")):
        content = json.loads(path.read_text())
        if "resourceType" in content:
            yield Emitted(path.name, "R4", content)


def followed_up() -> Iterator[Emitted]:
    """Yield what `rls-cds export-follow-up` writes: with all arms, with one, and with nobody followed."""
    arms = {"live": Arm(120, 100, 30, 50, 10, 21.5), "holdout": Arm(60, 50, 8, 10, 5, 40)}
    nobody = Arm(3, 0, 0, 0, 3, None)
    cards = (
        FollowUp("", "IRONTEST", "", 200, 80, 50, 30, 40, 35.0, arms),
        FollowUp("", "B12LOW", "", 20, 8, 5, 3, 4, 35.0, {"live": nobody}),
    )
    report = Report(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), cards=cards, by_client=(), marks=(),
        without_feedback=(),
    )  # fmt: skip
    bundle = json.loads(as_fhir(report))
    yield Emitted("follow-up", "R4", bundle)
    for each in _inside(bundle):
        yield Emitted(f"follow-up {each['id']}", "R4", each)


def _run(*arguments: object) -> None:
    result = runner().invoke(main, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def _inside(bundle: Resource) -> Iterable[Resource]:
    return (entry["resource"] for entry in bundle["entry"])
