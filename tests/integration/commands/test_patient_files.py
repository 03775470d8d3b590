"""Patient files of every kind: ownership, assumptions, and unreadable files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from tests.builders.command_line import runner
from tests.integration.commands.real_files import run

_DAY = "2026-06-15"
_ADULT = "no Patient in it: read as an adult of unknown sex"


def _ferritin(subject: dict[str, str] | None, **more: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "id": "f1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}]},
        "effectiveDateTime": "2026-05-20",
        "valueQuantity": {"value": 38, "unit": "ng/mL"},
        **more,
    }
    return resource | ({"subject": subject} if subject else {})


def _bundle(*entries: dict[str, Any], kind: str = "searchset", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def _ask(tmp_path: Path, content: Any, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    path = tmp_path / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    result = run(str(path), "--as-of", _DAY, "--json", *options)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def _codes(answer: dict[str, Any]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer["cards"]]


def test_a_document_names_its_patient_by_address(tmp_path: Path) -> None:
    """IPS documents omit ids, or have ids that differ from the addresses used in references."""
    for own_id in ({}, {"id": "another"}):
        person = {"resourceType": "Patient", "gender": "male", "birthDate": "1980-01-01", **own_id}
        document = _bundle(
            {"fullUrl": "urn:uuid:0a", "resource": person},
            {"fullUrl": "urn:uuid:0b", "resource": _ferritin({"reference": "urn:uuid:0a"})},
            kind="document",
        )
        code, answers, _ = _ask(tmp_path, document, "--assume-rls")
        assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])
        assert answers[0]["patient"] == own_id.get("id", "0a")


def test_a_medication_is_found_by_its_address(tmp_path: Path) -> None:
    order = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "https://ehr.example.org/fhir/Patient/p"},
        "authoredOn": "2026-06-01",
        "medicationReference": {"reference": "urn:uuid:0c"},
    }
    iron = {"resourceType": "Medication", "code": {"text": "ferrous sulfate 325 mg tablet"}}
    record = _bundle(
        {"fullUrl": "https://ehr.example.org/fhir/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}},
        {"fullUrl": "urn:uuid:0b", "resource": _ferritin({"reference": "Patient/p"})},
        {"fullUrl": "urn:uuid:0c", "resource": iron},
        {"resource": order},
    )
    _, answers, _ = _ask(tmp_path, record, "--assume-rls")
    assert _codes(answers[0]) == ["IRONONTX"]


def test_results_without_a_patient_are_read_as_an_adults_with_a_note(tmp_path: Path) -> None:
    results = _bundle({"resource": _ferritin({"reference": "Patient/p"})})
    code, answers, _ = _ask(tmp_path, results, "--assume-rls")
    assert (code, _codes(answers[0]), answers[0]["note"], answers[0]["patient"]) == (0, ["IRONLOW"], _ADULT, "p")


def test_the_note_is_in_the_text_output(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(_bundle({"resource": _ferritin(None)})), encoding="utf-8")
    said = run(str(path), "--assume-rls", "--as-of", _DAY).stdout
    assert said.splitlines()[:2] == [f"== {path}, patient without an id, patient-view", f"({_ADULT})"]


def test_each_patient_named_by_results_is_answered_separately(tmp_path: Path) -> None:
    results = _bundle(
        {"resource": _ferritin({"reference": "Patient/p"})},
        {"resource": _ferritin({"reference": "Patient/q"}, id="f2", valueQuantity={"value": 90, "unit": "ng/mL"})},
    )
    _, answers, _ = _ask(tmp_path, results, "--assume-rls")
    assert [(each["patient"], _codes(each)) for each in answers] == [("p", ["IRONLOW"]), ("q", ["IRONTESTTSAT"])]


@pytest.mark.parametrize(
    "content",
    [
        _bundle({"resource": {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}}}),
        _bundle(),
        _bundle({"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}}),
        {"resourceType": "Immunization", "id": "i", "patient": {"reference": "Patient/p"}},
        # one result alone proves no absence of others
        {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}},
    ],
)
def test_lists_missing_from_a_file_are_unknown(tmp_path: Path, content: dict[str, Any]) -> None:
    code, answers, _ = _ask(tmp_path, content, "--assume-rls")
    assert (code, answers[0]["cards"], answers[0]["missing"]) == (1, [], ["labs"])


def test_a_truncated_list_of_results_proves_no_absence(tmp_path: Path) -> None:
    page = _bundle(
        {"resource": _ferritin({"reference": "Patient/p"}, effectiveDateTime="2020-01-01")},
        link=[{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}],
    )
    _, answers, _ = _ask(tmp_path, page, "--assume-rls")
    assert (answers[0]["cards"], answers[0]["missing"]) == ([], ["labs"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}, "only an OperationOutcome"),
        (_bundle({"resource": {"resourceType": "OperationOutcome", "issue": []}}), "only an OperationOutcome"),
        ({"a": 1}, "no Patient in it"),
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("[1]", "found a JSON list"),
        ("7\n8\n", "expected one JSON object a line, found a JSON int"),
        ('{"resourceType": "Patient", "x": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"hook": "patient-view"', "not JSON (Expecting ',' delimiter at line 1, column 24)"),
        ('{\n  "resourceType": "Bundle",\n  "entry": [}\n', "not JSON (Expecting value at line 3, column 13)"),
        (
            '{"resourceType": "Patient", "id": "p"}\n{"a": }\n',
            "file.json:2: not JSON (Expecting value at column 7); expected",
        ),
        ({"hook": "patient-view"}, "needs context.patientId"),
    ],
)
def test_an_unreadable_file_is_reported_in_one_line(tmp_path: Path, content: Any, message: str) -> None:
    code, answers, error = _ask(tmp_path, content, "--assume-rls")
    assert (code, answers, len(error.splitlines())) == (1, [], 1)
    assert message in error


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00rest", "{}".encode("utf-16")], ids=["gzip", "UTF-16"])
def test_a_file_that_is_no_utf_8_is_reported_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "patient.json"
    file.write_bytes(content)
    result = runner().invoke(main, ["evaluate", str(file)])
    assert result.exit_code == 1
    assert "unpack it, or convert it" in result.stderr and len(result.stderr.splitlines()) == 1


def test_an_adult_is_assumed_only_on_request(tmp_path: Path) -> None:
    code, answers, error = _ask(tmp_path, _bundle({"resource": _ferritin(None)}))
    assert (code, answers) == (1, [])
    assert "--assume-rls" in error


@pytest.mark.parametrize("explained", [(), ("--explain",)])
def test_a_patient_who_is_not_answered_is_exit_code_1(tmp_path: Path, explained: tuple[str, ...]) -> None:
    alone = _bundle({"resource": {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}})
    code, answers, _ = _ask(tmp_path, alone, *explained)
    assert code == 1 and answers[0]["missing"]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    code, answers, _ = _ask(tmp_path, "\ufeff" + json.dumps(_bundle({"resource": _ferritin(None)})), "--assume-rls")
    assert (code, _codes(answers[0])) == (0, ["IRONLOW"])


def test_ndjson_resources_are_grouped_by_patient(tmp_path: Path) -> None:
    lines = [{"resourceType": "Patient", "id": "p"}, _ferritin({"reference": "Patient/p"})]
    code, answers, _ = _ask(tmp_path, "\n".join(map(json.dumps, lines)), "--assume-rls")
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


def test_a_broken_line_is_named_even_if_it_is_the_first(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    path.write_text('{"resourceType": "Patient"\n{"resourceType": "Patient", "id": "p"}\n', encoding="utf-8")
    result = run(str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{path}:1: not JSON (")
    assert result.stderr.endswith("; expected one JSON object a line\n")


def _request(hook: Any, **prefetch: Any) -> dict[str, Any]:
    return {"hook": hook, "context": {"patientId": "p", "userId": "Practitioner/x"}, "prefetch": prefetch}


@pytest.mark.parametrize(
    ("hook", "named"),
    [
        ("appointment-book", "hook appointment-book"),
        ("patient-views", "hook patient-views"),
        ("", "its hook"),
        ("Patient-View\x1b[2J", "its hook"),
        (7, "its hook"),
        (["patient-view"], "its hook"),
    ],
)
def test_an_unknown_hook_is_an_error(tmp_path: Path, hook: Any, named: str) -> None:
    person = {"resourceType": "Patient", "id": "p"}
    for prefetch in ({}, {"patient": person, "conditions": None, "labs": None}):
        code, answers, error = _ask(tmp_path, _request(hook, **prefetch))
        assert (code, answers) == (1, [])
        assert error.endswith(f": {named} is none of patient-view, order-sign, order-select\n")


def test_an_unknown_hook_can_be_overridden(tmp_path: Path) -> None:
    code, answers, _ = _ask(tmp_path, _request("appointment-book"), "--hook", "patient-view")
    assert (code, answers[0]["hook"], answers[0]["missing"]) == (1, "patient-view", ["patient", "conditions"])


def _rls(patient_id: str) -> dict[str, Any]:
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G25.81"}
    subject = {"reference": f"Patient/{patient_id}"}
    return {"resourceType": "Condition", "id": f"c-{patient_id}", "subject": subject, "code": {"coding": [coding]}}


def _person(patient_id: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": patient_id, "birthDate": "1980-01-01", **more}


@pytest.mark.parametrize("by_line", [False, True])
def test_each_of_several_patients_is_answered_with_its_id(tmp_path: Path, by_line: bool) -> None:
    """If other patients of the file have records and one has none, its list is empty."""
    held = [_person("a"), _person("b"), _rls("b"), _ferritin({"reference": "Patient/b"})]
    content = "\n".join(map(json.dumps, held)) if by_line else _bundle(*({"resource": each} for each in held))
    code, answers, _ = _ask(tmp_path, content)
    assert (code, [(each["patient"], _codes(each)) for each in answers]) == (0, [("a", []), ("b", ["IRONLOW"])])
    assert answers[0]["missing"] == []


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([_person("a"), _person("a", gender="male")], "found 2 Patients of one id (a); expected one"),
        ([_person(""), _person("", gender="male")], "found 2 Patients of one id (none); expected one"),
        ([_person("a"), _person("")], "a Patient without an id beside another"),
        ([_person("a"), _person("b"), _ferritin(None)], "2 Patients, and 1 of the records (Observation) name none"),
    ],
)
@pytest.mark.parametrize("by_line", [False, True])
def test_ambiguous_patients_are_refused(
    tmp_path: Path, held: list[dict[str, Any]], message: str, by_line: bool
) -> None:
    content = "\n".join(map(json.dumps, held)) if by_line else _bundle(*({"resource": each} for each in held))
    code, answers, error = _ask(tmp_path, content, "--assume-rls")
    assert (code, answers) == (1, [])
    assert message in error


def test_unowned_results_of_several_patients_are_refused(tmp_path: Path) -> None:
    held = [_ferritin({"reference": "Patient/p"}), _ferritin({"reference": "Patient/q"}), _ferritin(None)]
    code, answers, error = _ask(tmp_path, _bundle(*({"resource": each} for each in held)), "--assume-rls")
    assert (code, answers) == (1, [])
    assert "2 Patients, and 1 of the records (Observation) name none of them" in error


def test_identical_patients_are_deduplicated(tmp_path: Path) -> None:
    held = [_person("a"), _person("a"), _rls("a"), _ferritin({"reference": "Patient/a"})]
    code, answers, _ = _ask(tmp_path, _bundle(*({"resource": each} for each in held)))
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


def test_lists_about_other_patients_are_unknown(tmp_path: Path) -> None:
    """The service answers 412, since lists about other patients count as not sent (protocol F-11)."""
    bundle = _bundle({"resource": _person("p")}, {"resource": _rls("q")})
    conditions, labs = _bundle({"resource": _rls("q")}), _bundle({"resource": _ferritin({"reference": "Patient/q"})})
    for content, missing in (
        (bundle, ["conditions"]),
        (_request("patient-view", patient=_person("p"), conditions=conditions), ["conditions"]),
        (_request("patient-view", patient=_person("q"), conditions=None), ["patient"]),
        (
            _request("patient-view", patient=_person("p"), conditions=_bundle({"resource": _rls("p")}), labs=labs),
            ["labs"],
        ),
    ):
        code, answers, _ = _ask(tmp_path, content)
        assert (code, answers[0]["cards"], answers[0]["missing"]) == (1, [], missing)


@pytest.mark.parametrize("by_line", [False, True])
def test_patients_without_records_have_unknown_lists(tmp_path: Path, by_line: bool) -> None:
    """The Patient file of an export with one file per type does not prove that nobody has RLS."""
    held = [_person("a"), _person("b")]
    content = "\n".join(map(json.dumps, held)) if by_line else _bundle(*({"resource": each} for each in held))
    code, answers, _ = _ask(tmp_path, content)
    assert (code, [each["missing"] for each in answers]) == (1, [["conditions"], ["conditions"]])


@pytest.mark.parametrize(("held", "missing"), [((), ["conditions"]), ((_rls("p"),), ["labs"])])
def test_a_page_of_a_record_proves_no_absence(
    tmp_path: Path, held: tuple[dict[str, Any], ...], missing: list[str]
) -> None:
    drug = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order"}
    resources = (_person("p"), drug | {"subject": {"reference": "Patient/p"}}, *held)
    page = _bundle(
        *({"resource": each} for each in resources),
        link=[{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}],
    )
    code, answers, _ = _ask(tmp_path, page)
    assert (code, answers[0]["cards"], answers[0]["missing"]) == (1, [], missing)


def test_a_stop_is_shown_without_results_that_it_does_not_need(tmp_path: Path) -> None:
    """As the service answers an order: the stop, and a note that nothing else was evaluated."""
    overload = _rls("p") | {
        "id": "c2",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E83.110"}]},
    }
    draft = {
        "resourceType": "MedicationRequest",
        "id": "d",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": "ferrous sulfate 325 mg tablet"},
    }
    content = _request(
        "order-sign",
        patient=_person("p"),
        conditions=_bundle({"resource": _rls("p")}, {"resource": overload}),
        medications=None,
    )
    content["context"] |= {"patientId": "p", "draftOrders": _bundle({"resource": draft}, kind="collection")}
    status, [found], _ = _ask(tmp_path, content)
    assert status == 0 and _codes(found) == ["OSIRONOVL", "NOTEVALUATED"] and found["missing"] == ["labs"]


def test_without_results_no_other_card_is_shown_on_patient_view(tmp_path: Path) -> None:
    drug = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "authoredOn": "2026-01-01", "subject": {"reference": "Patient/p"},
            "medicationCodeableConcept": {"text": "metoclopramide 10 mg tablet"}}  # fmt: skip
    content = _request(
        "patient-view",
        patient=_person("p"),
        conditions=_bundle({"resource": _rls("p")}),
        medications=_bundle({"resource": drug}),
    )
    content["context"] |= {"patientId": "p"}
    _, [found], _ = _ask(tmp_path, content)
    assert _codes(found) == [] and found["missing"] == ["labs"]


def test_the_explanation_names_drugs_that_cannot_be_told_by_system_and_number(tmp_path: Path) -> None:
    ndc = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0517-0650-01"}]}
    drugs = [
        {"resourceType": "MedicationRequest", "id": f"m{number}", "status": "active", "intent": "order",
         "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": concept}
        for number, concept in enumerate((ndc, {"text": "Xqwprazine"}))
    ]  # fmt: skip
    held = ({"resourceType": "Patient", "id": "p", "birthDate": "1975"}, _rls("p"), *drugs)
    content = _bundle(*({"resource": each} for each in held))
    _, [answer], _ = _ask(tmp_path, content, "--explain")
    assert answer["untold_drugs"] == {"drugs": 2, "codes": {"http://hl7.org/fhir/sid/ndc": 1}, "names": 1}
    said = run(str(tmp_path / "file.json"), "--as-of", _DAY, "--explain").stdout
    assert "2 drugs not told: 1 in http://hl7.org/fhir/sid/ndc, 1 by a name that no list has" in said
    assert "Xqwprazine" not in said


# ------------------------------------------------------------------ Bundles inside Bundles, and what is contained


_PERSON = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1975-03-02"}
_MINE = {"reference": "Patient/p"}
_RLS = {
    "resourceType": "Condition",
    "id": "c",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]},
    "subject": _MINE,
}


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"response": {"status": "200"}, "resource": resource}


def _batch(*resources: dict[str, Any]) -> dict[str, Any]:
    return _bundle(*(_entry(each) for each in resources), kind="batch-response")


def test_answers_to_several_searches_in_one_bundle_are_read(tmp_path: Path) -> None:
    batch = _batch(_PERSON, _bundle(_entry(_RLS)), _bundle(_entry(_ferritin(_MINE))))
    code, answers, _ = _ask(tmp_path, batch)
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


def test_a_document_in_a_collection_is_read_by_its_addresses(tmp_path: Path) -> None:
    person = {name: value for name, value in _PERSON.items() if name != "id"}
    subject = {"reference": "urn:uuid:0a"}
    document = _bundle(
        {"fullUrl": "urn:uuid:0a", "resource": person},
        {"fullUrl": "urn:uuid:0b", "resource": _RLS | {"subject": subject}},
        {"fullUrl": "urn:uuid:0c", "resource": _ferritin(subject)},
        kind="document",
    )
    code, answers, _ = _ask(tmp_path, _bundle({"resource": document}, kind="collection"))
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


def test_results_that_a_report_contains_are_read(tmp_path: Path) -> None:
    contained = {name: value for name, value in _ferritin(None).items() if name != "effectiveDateTime"}
    report = {
        "resourceType": "DiagnosticReport",
        "id": "dr",
        "status": "final",
        "effectiveDateTime": "2026-05-20",
        "contained": [contained],
        "result": [{"reference": "#f1"}],
        "subject": _MINE,
    }
    code, answers, _ = _ask(tmp_path, _bundle(*({"resource": each} for each in (_PERSON, _RLS, report))))
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


def test_a_report_without_results_makes_no_list_of_results(tmp_path: Path) -> None:
    report = {"resourceType": "DiagnosticReport", "id": "dr", "status": "final", "subject": _MINE}
    code, answers, _ = _ask(tmp_path, _bundle(*({"resource": each} for each in (_PERSON, _RLS, report))))
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONTEST"]])


@pytest.mark.parametrize(
    ("cut", "missing"),
    [
        ({"link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]}, []),
        ({"total": 60}, []),
    ],
)
def test_a_cut_search_cuts_its_own_list_alone(tmp_path: Path, cut: dict[str, Any], missing: list[str]) -> None:
    """The diagnoses were read to their end, so that restless legs are surely there; the results were not."""
    results = _bundle(_entry(_ferritin(_MINE, valueQuantity={"value": 140, "unit": "ng/mL"})), **cut)
    code, answers, _ = _ask(tmp_path, _batch(_PERSON, _bundle(_entry(_RLS)), results))
    assert (code, answers[0]["missing"]) == (0, missing)
    whole = _batch(_PERSON, _bundle(_entry(_RLS)), _bundle(*results["entry"]))
    assert _ask(tmp_path, whole)[1][0]["cards"] != answers[0]["cards"]


def test_a_search_that_failed_leaves_what_it_may_have_held_unread(tmp_path: Path) -> None:
    failed = {"response": {"status": "403"}, "resource": {"resourceType": "OperationOutcome"}}
    batch = _bundle(_entry(_PERSON), _entry(_bundle(_entry(_RLS))), failed, kind="batch-response")
    _, answers, _ = _ask(tmp_path, batch)
    assert answers[0]["missing"] == ["labs"]


def test_an_empty_search_is_known_by_what_it_asked_for(tmp_path: Path) -> None:
    failed = {"response": {"status": "403"}, "resource": {"resourceType": "OperationOutcome"}}
    asked = {"link": [{"relation": "self", "url": "https://ehr.example/fhir/Observation?patient=p"}]}
    batch = _bundle(
        _entry(_PERSON), _entry(_bundle(_entry(_RLS))), _entry(_bundle(**asked)), failed, kind="batch-response"
    )
    _, answers, _ = _ask(tmp_path, batch)
    assert (answers[0]["missing"], _codes(answers[0])) == ([], ["IRONTEST"])


def _nested(levels: int) -> dict[str, Any]:
    inner = _bundle(*({"resource": each} for each in (_PERSON, _RLS, _ferritin(_MINE))))
    for _ in range(levels):
        inner = _bundle({"resource": inner}, kind="collection")
    return inner


def test_bundles_are_opened_as_deep_as_the_service_opens_them(tmp_path: Path) -> None:
    code, answers, _ = _ask(tmp_path, _nested(3))
    assert (code, [_codes(each) for each in answers]) == (0, [["IRONLOW"]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_nested(4), "Bundles lie unopened, more than 3 deep inside Bundles"),
        (
            _bundle(
                {"resource": _PERSON},
                {"resource": {"resourceType": "Parameters", "parameter": [{"resource": _nested(0)}]}},
            ),
            "Bundles lie unopened inside other resources (Parameters)",
        ),
        ({"resourceType": "Parameters", "parameter": [{"resource": _nested(0)}]}, "Bundles lie unopened"),
        ({"response": {"status": "200"}, "resource": _nested(0)}, "Bundles lie unopened"),
    ],
)
def test_bundles_that_stay_unopened_are_an_error_and_never_an_absence(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    code, answers, errors = _ask(tmp_path, content)
    assert (code, answers) == (1, [])
    assert message in errors


# ------------------------------------------------------------------ codes that could not be told


def _with_untold_codes() -> dict[str, Any]:
    untold = {"coding": [{"system": "http://snomed.info/sct", "code": "999999991"}]}
    local = {"coding": [{"system": "ward list of Dr. Who", "code": "38"}]}
    held = [_PERSON, _RLS, _RLS | {"id": "d", "code": untold}, _ferritin(_MINE, code=local)]
    return _bundle(*({"resource": each} for each in held))


def test_explain_counts_the_codes_that_could_not_be_told_by_system(tmp_path: Path) -> None:
    _, answers, _ = _ask(tmp_path, _with_untold_codes(), "--explain")
    assert answers[0]["untold_codes"] == [
        {"list": "conditions", "system": "http://snomed.info/sct", "seen": 1},
        {"list": "labs", "system": "a system without an address", "seen": 1},
    ]
    path = tmp_path / "file.json"
    text = run(str(path), "--as-of", _DAY, "--explain").stdout
    assert "Diagnoses in http://snomed.info/sct that could not be told by code: 1" in text
    assert "Dr. Who" not in text


def test_without_explain_nothing_is_said_of_codes(tmp_path: Path) -> None:
    _, answers, _ = _ask(tmp_path, _with_untold_codes())
    assert "untold_codes" not in answers[0]
