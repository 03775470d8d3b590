"""Everything in FHIR that the product sends or writes, through the HL7 validator: no error, and known warnings alone.

ViewDefinitions (`rls-cds views`) are left out: they are resources of SQL on FHIR, which no version of FHIR defines;
tests/interop/sql_on_fhir runs them.

`-s` prints how many warnings there were, by kind.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.web.errors import Refusal
from tests.builders.knowledge import exported
from tests.interop.validator import emitted
from tests.interop.validator.program import Emitted, Issue, Validator

pytestmark = pytest.mark.interop

KNOWN = tomllib.loads(Path(__file__).with_name("known.toml").read_text(encoding="utf-8"))["known"]
VERSIONS = ("R4", "R5", "STU3")
#: Which lines of the list were met, by any test of this module.
_met: set[int] = set()


def line_of(issue: Issue) -> int | None:
    """Return the line of the list that an issue is about."""
    for number, known in enumerate(KNOWN):
        if issue.kind == known["kind"] and re.match(known["says"], issue.message):
            return number
    return None


def assert_valid(validator: Validator, resources: Iterable[Emitted], *, at_least: int) -> None:
    """Check that the validator says nothing of the resources that is not known."""
    counted: Counter[str] = Counter()
    wrong, number = [], 0
    for each in resources:
        number += 1
        for issue in validator.issues(each):
            if issue.severity == "information":
                continue
            line = line_of(issue)
            if line is None:
                wrong.append(str(issue))
            else:
                _met.add(line)
                counted[f"{issue.severity} {issue.kind or issue.message[:60]}"] += 1
    print(f"\n{number} resources")
    for kind, count in counted.most_common():
        print(f"{count:>6} {kind}")
    assert wrong == [], f"{len(wrong)}, the first: " + "\n".join(wrong[:20])
    assert number >= at_least


def test_the_records_of_every_demo_patient_and_every_draft(validator: Validator) -> None:
    assert_valid(validator, emitted.fixtures(), at_least=450)


#: The cards that suggest a resource, whichever version the record is written in.
_SUGGESTING: dict[str, set[str]] = {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_cards_suggest(validator: Validator, version: str) -> None:
    def resources() -> Iterator[Emitted]:
        for card, each in emitted.suggestions(version):
            _SUGGESTING.setdefault(version, set()).add(card)
            yield each

    assert_valid(validator, resources(), at_least=150)
    assert len(_SUGGESTING[version]) > 15
    assert _SUGGESTING[version] == _SUGGESTING.get("R4", _SUGGESTING[version])


def test_the_export_of_the_rules(validator: Validator) -> None:
    assert_valid(validator, emitted.rules_export(), at_least=450)


def test_audit_events(validator: Validator, tmp_path: Path) -> None:
    assert_valid(validator, emitted.audit_events(tmp_path), at_least=14)


def test_the_outcome_of_every_kind_of_refusal(validator: Validator) -> None:
    kinds = {Refusal}
    while more := {each for kind in kinds for each in kind.__subclasses__()} - kinds:
        kinds |= more
    assert {type(each) for each in emitted.REFUSALS} >= kinds
    assert_valid(validator, emitted.refusals(), at_least=len(kinds))


def test_the_outcomes_of_refused_calls(validator: Validator) -> None:
    assert_valid(validator, emitted.refused_calls(), at_least=7)


def test_the_answers_of_the_demo_server(validator: Validator) -> None:
    assert_valid(validator, emitted.demo_server_answers(), at_least=40)


def test_what_screening_writes(validator: Validator, tmp_path: Path) -> None:
    """A MeasureReport is checked against its Measure, too."""
    resources = list(emitted.screening(tmp_path))
    for each in resources:
        if each.resource["resourceType"] == "Measure":
            validator.define("R4", each.resource)
    kinds = {each.resource["resourceType"] for each in resources}
    assert kinds >= {"Measure", "MeasureReport", "List", "Bundle"}
    assert_valid(validator, resources, at_least=12)


def test_what_the_follow_up_writes(validator: Validator) -> None:
    assert_valid(validator, emitted.followed_up(), at_least=3)


def test_every_known_line_is_met_and_says_why(request: pytest.FixtureRequest) -> None:
    run = {item.name.partition("[")[0] for item in request.session.items if item.path == Path(__file__)}
    if not {name for name in globals() if name.startswith("test_")} <= run:
        pytest.skip("the lines are met by all tests of this file together")
    assert [known["says"] for number, known in enumerate(KNOWN) if number not in _met] == []
    assert all(len(known["why"]) > 40 for known in KNOWN)


# ------------------------------------------------------------------ the validator itself


def errors(validator: Validator, version: str, resource: dict[str, Any]) -> list[str]:
    return [str(issue) for issue in validator.issues(Emitted("broken", version, resource)) if issue.is_error]


_SUBJECT = {"reference": "Patient/p1"}
_ORDERS: dict[str, dict[str, Any]] = {
    "R4": {"resourceType": "ServiceRequest", "status": "draft", "intent": "order", "subject": _SUBJECT},
    "R5": {"resourceType": "ServiceRequest", "status": "draft", "intent": "order", "subject": _SUBJECT},
    "STU3": {"resourceType": "ProcedureRequest", "status": "draft", "intent": "order", "subject": _SUBJECT,
             "code": {"text": "Ferritin"}},
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "broken",
    [
        {"status": "drafted"},
        {"subject": {"reference": 7}},
        {"occurrenceDateTime": "yesterday"},
        {"unknownMember": "x"},
        {"note": []},
        {"intent": None},
        {"code": "Ferritin"},
        {"extension": [{"url": "https://example.org/x"}]},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_a_broken_order_is_an_error_in_every_version(validator: Validator, version: str, broken: Any) -> None:
    assert errors(validator, version, _ORDERS[version]) == []
    spoilt = {name: value for name, value in (_ORDERS[version] | broken).items() if value is not None}
    assert errors(validator, version, spoilt) != []


def test_what_is_r4_is_an_error_in_r5_and_stu3(validator: Validator) -> None:
    coded = _ORDERS["R4"] | {"code": {"text": "Ferritin"}, "reasonCode": [{"text": "Restless legs"}]}
    assert errors(validator, "R4", coded) == []
    assert errors(validator, "R5", coded) != [] != errors(validator, "STU3", coded)


def test_a_report_that_does_not_fit_its_measure_is_told(validator: Validator, tmp_path: Path) -> None:
    bundle = next(each.resource for each in emitted.screening(tmp_path) if each.name == "measures.json")
    inside = [entry["resource"] for entry in bundle["entry"]]
    measure, report = (next(each for each in inside if each["resourceType"] == kind) for kind in
                       ("Measure", "MeasureReport"))  # fmt: skip
    validator.define("R4", measure)
    assert errors(validator, "R4", report) == []
    spoilt = json.loads(json.dumps(report))
    spoilt["group"][0]["population"][0]["code"]["coding"][0]["code"] = "measure-observation"
    said = [issue for issue in validator.issues(Emitted("spoilt", "R4", spoilt)) if line_of(issue) is None]
    assert [issue for issue in said if issue.severity != "information"] != []


def test_a_rule_of_an_extension_of_ours_is_kept(validator: Validator) -> None:
    """So the definitions of the export are read, and what uses them is checked by them."""
    plan = next(each for each in exported() if "hook" in json.dumps(each.get("extension", "")))
    hook = next(each for each in plan["extension"] if each["url"].endswith("/hook"))
    assert errors(validator, "R4", plan) == []
    spoilt = plan | {"extension": [{"url": hook["url"], "valueBoolean": True}]}
    assert errors(validator, "R4", spoilt) != []


def test_the_plainest_definition_gets_the_error_that_is_known(validator: Validator) -> None:
    url = "https://example.org/StructureDefinition/plain"
    plain = {
        "resourceType": "StructureDefinition", "id": "plain", "url": url, "name": "Plain", "status": "draft",
        "fhirVersion": "4.0.1", "kind": "complex-type", "abstract": False, "type": "Extension",
        "context": [{"type": "element", "expression": "Patient"}], "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "differential": {"element": [
            {"id": "Extension", "path": "Extension"},
            {"id": "Extension.url", "path": "Extension.url", "fixedUri": url},
        ]},
    }  # fmt: skip
    (told,) = [issue for issue in validator.issues(Emitted("plain", "R4", plain)) if issue.is_error]
    assert told.kind == "ERROR_GENERATING_SNAPSHOT" and line_of(told) is not None
