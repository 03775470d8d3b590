"""Hostile bodies of hook calls and feedback, each kind made in any size from a count.

Every kind is accepted by the envelope or refused by it, and in either case costs no more than its size allows
(reliability DOS-3, DOS-8). A kind is a function from a count to a body, so that one table serves the bodies of one
megabyte and the tests that double a count.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.builders.service import SELECT, SIGN, VIEW, bundle, ferritin, prefetch, rls

Body = dict[str, Any]
MEGABYTE = 1_000_000
LOINC, ICD, RXNORM = (
    "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
SUBJECT = {"reference": "Patient/p1"}
_UUID = str(uuid.UUID(int=7))


@dataclass(frozen=True)
class Kind:
    """`make` returns the body with so many of what the kind is about; `path` is where it is sent."""

    name: str
    path: str
    make: Callable[[int], Body]
    statuses: frozenset[int] = frozenset({200})

    def raw(self, count: int) -> bytes:
        return json.dumps(self.make(count), ensure_ascii=False, separators=(",", ":")).encode()

    def of_size(self, size: int = MEGABYTE) -> bytes:
        """Return the largest body of this kind that is not above a size."""
        least, most = 1, size
        while least < most:
            middle = min((least + most + 1) // 2, least * 4)
            if len(self.raw(middle)) <= size:
                least = middle
            else:
                most = middle - 1
        return self.raw(least)


KINDS: dict[str, Kind] = {}


def kind(path: str, *statuses: int) -> Callable[[Callable[[int], Body]], Callable[[int], Body]]:
    """Put a function into the table under its own name."""

    def add(make: Callable[[int], Body]) -> Callable[[int], Body]:
        name = make.__name__
        KINDS[name] = Kind(name, path, make, frozenset(statuses or {200}))
        return make

    return add


# ------------------------------------------------------------------ parts


def call(hook: str, **lists: Any) -> Body:
    """Return a call about an adult with restless legs and a low ferritin; `lists` takes the place of prefetch lists."""
    sent = {**prefetch(), "conditions": bundle(rls()), "labs": bundle(ferritin(38)), **lists}
    context = {"userId": "Practitioner/1", "patientId": "p1"}
    return {"hook": hook, "hookInstance": _UUID, "context": context, "prefetch": sent}


def view(**lists: Any) -> Body:
    return call("patient-view", **lists)


def view_of(name: str, resources: Iterable[Body]) -> Body:
    return view(**{name: bundle(*resources)})


def sign(drafts: Iterable[Body], **lists: Any) -> Body:
    body = call("order-sign", **lists)
    body["context"]["draftOrders"] = bundle(*drafts)
    return body


def select(drafts: Iterable[Body], selections: Any) -> Body:
    body = sign(drafts)
    body["hook"] = "order-select"
    body["context"]["selections"] = selections
    return body


def drug(number: int, words: str = "ferrous sulfate 325 mg oral tablet", **members: Any) -> Body:
    named = {"medicationCodeableConcept": {"text": words}}
    return {
        "resourceType": "MedicationRequest",
        "id": f"m{number}",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        **named,
        **members,
    }


def draft(number: int, words: str = "ferrous sulfate 325 mg oral tablet", **members: Any) -> Body:
    return drug(number, words, **{"status": "draft", **members})


def lab(number: int, code: str = "2276-4", **members: Any) -> Body:
    return {**ferritin(38, name=f"l{number}"), "code": {"coding": [{"system": LOINC, "code": code}]}, **members}


def result_in_words(number: int, words: str, code: str = "2276-4") -> Body:
    made = lab(number, code, valueString=words)
    del made["valueQuantity"]
    return made


def condition(number: int, **members: Any) -> Body:
    return {**rls(), "id": f"c{number}", **members}


def each(count: int, make: Callable[[int], Body]) -> list[Body]:
    return [make(number) for number in range(count)]


def _digits(number: int, length: int) -> str:
    return f"{number:07}" + "1234567890" * (length // 10)


def _nested(depth: int, inside: Any) -> Any:
    for _ in range(depth):
        inside = {"extension": [inside]}
    return inside


# ------------------------------------------------------------------ the envelope


@kind(SELECT, 400)
def selections_of_a_wrong_type(count: int) -> Body:
    return select([draft(1)], [1] * count)


@kind(SELECT, 400)
def selections_of_wrong_types_that_differ(count: int) -> Body:
    return select([draft(1)], [[{"a": number}] for number in range(count)])


@kind(SELECT)
def selections_that_match_nothing(count: int) -> Body:
    return select(each(200, draft), [f"MedicationRequest/none-{number}" for number in range(count)])


@kind(SELECT)
def selections_of_one_draft(count: int) -> Body:
    return select(each(200, draft), ["MedicationRequest/m199"] * count)


@kind(SELECT)
def drafts_each_selected(count: int) -> Body:
    return select(each(count, draft), [f"MedicationRequest/m{number}" for number in range(count)])


@kind(VIEW)
def members_that_nobody_knows(count: int) -> Body:
    return {**view(), **{f"unknown-{number}": {"x": [number]} for number in range(count)}}


@kind(VIEW)
def prefetch_keys_that_nobody_asked_for(count: int) -> Body:
    return view(**{f"key-{number}": bundle(lab(number)) for number in range(count)})


@kind(VIEW)
def words_of_a_scope(count: int) -> Body:
    scope = " ".join(f"patient/Observation.rs?category=laboratory&x={number}" for number in range(count))
    granted = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": scope, "subject": "x"}
    return {**view(), "fhirServer": "https://fhir.example.org/r4", "fhirAuthorization": granted}


@kind(VIEW, 400)
def wrong_members_of_the_envelope(count: int) -> Body:
    return {**view(), "hookInstance": ["x"] * count, "fhirAuthorization": {"access_token": ["y"] * count}}


@kind(VIEW)
def half_pairs(count: int) -> Body:
    return {**view_of("conditions", [rls()]), "extension": ["\\ud83d" * count]}


# ------------------------------------------------------------------ any resource


@kind(VIEW)
def things_nested_deep(count: int) -> Body:
    return view_of("conditions", each(count, lambda number: condition(number, **_nested(25, {"url": "x"}))))


@kind(VIEW)
def bundles_in_bundles(count: int) -> Body:
    return view_of("labs", each(count, lambda number: bundle(bundle(lab(number)))))


@kind(VIEW)
def versions_of_one_result(count: int) -> Body:
    return view_of("labs", each(count, lambda number: lab(1, meta={"versionId": str(number)})))


@kind(VIEW)
def versions_without_a_number(count: int) -> Body:
    return view_of("labs", each(count, lambda number: {**ferritin(number), "id": "l1"}))


@kind(VIEW)
def records_of_others(count: int) -> Body:
    return view_of(
        "labs", [lab(0), *each(count, lambda number: lab(number, subject={"reference": f"Patient/o{number}"}))]
    )


@kind(VIEW, 412)
def subjects_that_are_long(count: int) -> Body:
    return view_of("labs", each(count, lambda number: lab(number, subject={"reference": "Patient/" + "p/" * 500})))


@kind(VIEW, 412)
def subjects_in_percent_signs(count: int) -> Body:
    return view_of("labs", each(count, lambda number: lab(number, subject={"reference": "%50" * 300 + f"/{number}"})))


@kind(VIEW)
def addresses_of_entries(count: int) -> Body:
    body = view_of("labs", each(count, lab))
    for entry in body["prefetch"]["labs"]["entry"]:
        entry["fullUrl"] = "urn:uuid:" + _UUID
    return body


@kind(VIEW)
def links_of_the_patient(count: int) -> Body:
    links = [{"other": {"reference": f"Patient/old-{number}"}, "type": "replaces"} for number in range(count)]
    return view(patient={**prefetch()["patient"], "link": links})


@kind(VIEW)
def patients_that_replace_each_other(count: int) -> Body:
    def person(number: int) -> Body:
        link = {"other": {"reference": f"Patient/p{number + 2}"}, "type": "replaces"}
        return {"resourceType": "Patient", "id": f"p{number + 1}", "birthDate": "1970-01-01", "link": [link]}

    return view(patient=bundle(*each(count, person)))


@kind(VIEW)
def patients_without_an_id(count: int) -> Body:
    people = each(count, lambda number: {"resourceType": "Patient", "birthDate": "1970-01-01", "gender": str(number)})
    return view(patient=bundle(*people))


@kind(VIEW)
def identifiers_of_the_patient(count: int) -> Body:
    named = [{"system": f"urn:oid:1.2.{number}", "value": str(number)} for number in range(count)]
    return view(patient={**prefetch()["patient"], "identifier": named, "extension": named})


@kind(VIEW)
def notes_of_the_server(count: int) -> Body:
    note = {"severity": "warning", "code": "processing", "details": {"coding": [{"code": "59204"}]}}
    outcome = {"resourceType": "OperationOutcome", "issue": [note]}
    return view_of("labs", [lab(0), *[outcome] * count])


@kind(VIEW)
def links_of_a_bundle(count: int) -> Body:
    listed = {**bundle(lab(0)), "link": [{"relation": f"r{number}", "url": "x"} for number in range(count)]}
    return view(labs=listed)


@kind(VIEW)
def patients_that_link_to_the_patient(count: int) -> Body:
    def person(number: int) -> Body:
        link = [{"other": {"reference": "Patient/p1"}, "type": "seealso"}]
        return {"resourceType": "Patient", "id": f"o{number}", "birthDate": "1970-01-01", "link": link}

    old = [{"other": {"reference": f"Patient/old-{number}"}, "type": "replaces"} for number in range(count)]
    return view(patient=bundle({**prefetch()["patient"], "link": old}, *each(count, person)))


@kind(VIEW)
def records_of_linked_patients(count: int) -> Body:
    links = [{"other": {"reference": f"Patient/o{number}"}, "type": "seealso"} for number in range(count)]
    people = each(count, lambda number: {"resourceType": "Patient", "id": f"o{number}"})
    labs = each(count, lambda number: lab(number, subject={"reference": f"Patient/o{number}"}))
    return view(patient={**prefetch()["patient"], "link": links}, labs=bundle(lab(0), *people, *labs))


# ------------------------------------------------------------------ diagnoses


@kind(VIEW)
def codings_of_a_diagnosis(count: int) -> Body:
    codings = [{"system": ICD, "code": f"E83.{number}", "display": f"x{number}"} for number in range(count)]
    return view_of("conditions", [rls(), condition(1, code={"coding": codings})])


@kind(VIEW)
def diagnoses_each_another(count: int) -> Body:
    return view_of(
        "conditions",
        [rls(), *each(count, lambda number: condition(number, code={"text": f"disease {number} of the other leg"}))],
    )


@kind(VIEW)
def diagnoses_with_long_words(count: int) -> Body:
    words = "no known current signs of family history of mother, " * 19
    return view_of("conditions", [rls(), *each(count, lambda n: condition(n, code={"text": f"{n} {words}"}))])


@kind(VIEW)
def diagnosis_with_very_long_words(count: int) -> Body:
    return view_of("conditions", [rls(), condition(1, code={"text": "restless legs, no " * count})])


@kind(VIEW)
def diagnosis_of_blanks(count: int) -> Body:
    return view_of("conditions", [rls(), condition(1, code={"text": "history" + " " * count + "x"})])


@kind(VIEW)
def statuses_of_a_diagnosis(count: int) -> Body:
    statuses = [{"code": f"s{number}"} for number in range(count)]
    return view_of("conditions", [rls(), condition(1, clinicalStatus={"coding": statuses}, category=statuses)])


@kind(VIEW)
def procedures_each_another(count: int) -> Body:
    def procedure(number: int) -> Body:
        code = {"coding": [{"system": "http://snomed.info/sct", "code": "302497006"}], "text": f"dialysis {number}"}
        when = {"performedDateTime": f"20{number % 26:02}-01-0{number % 9 + 1}"}
        return {
            "resourceType": "Procedure",
            "id": f"p{number}",
            "status": "completed",
            "code": code,
            "subject": SUBJECT,
            **when,
        }

    return view_of("procedures", each(count, procedure))


@kind(VIEW)
def reactions_of_an_allergy(count: int) -> Body:
    reactions = [{"manifestation": [{"text": f"anaphylaxis {number}"}]} for number in range(count)]
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": SUBJECT,
        "code": {"text": "iron dextran"},
        "reaction": reactions,
    }
    return view_of("allergies", [allergy])


@kind(SIGN)
def allergies_each_another(count: int) -> Body:
    def allergy(number: int) -> Body:
        return {
            "resourceType": "AllergyIntolerance",
            "id": f"a{number}",
            "patient": SUBJECT,
            "code": {"text": f"iron dextran {number} mg"},
        }

    return sign([draft(1, "iron sucrose 20 mg/mL injection")], allergies=bundle(*each(count, allergy)))


@kind(VIEW)
def orders_of_tests(count: int) -> Body:
    def order(number: int) -> Body:
        coded = {"coding": [{"system": LOINC, "code": "2276-4"}], "text": f"ferritin {number}"}
        return {
            "resourceType": "ServiceRequest",
            "id": f"s{number}",
            "status": "active",
            "intent": "order",
            "code": coded,
            "subject": SUBJECT,
            "authoredOn": "2026-06-01",
        }

    return view_of("orders", each(count, order))


# ------------------------------------------------------------------ results


@kind(VIEW)
def results_of_one_test(count: int) -> Body:
    return view_of("labs", each(count, lambda number: lab(number, valueQuantity={"value": number, "unit": "ng/mL"})))


@kind(VIEW)
def results_of_one_day_for_saturation(count: int) -> Body:
    def result(number: int) -> Body:
        code, unit = (("2498-4", "ug/dL"), ("2500-7", "ug/dL"), ("2501-5", "ug/dL"), ("2502-3", "%"))[number % 4]
        at = f"2026-06-01T{number // 60 % 24:02}:{number % 60:02}:00Z"
        return lab(
            number, code, effectiveDateTime=at, valueQuantity={"value": 20 + number % 400, "unit": unit, "code": unit}
        )

    return view_of("labs", each(count, result))


@kind(VIEW)
def codings_of_a_result(count: int) -> Body:
    codings = [{"system": LOINC, "code": f"{number}-4", "display": "Ferritin"} for number in range(count)]
    return view_of("labs", [lab(1, code={"coding": codings}), lab(2)])


@kind(VIEW)
def components_of_a_result(count: int) -> Body:
    parts = [{"code": lab(1)["code"], "valueQuantity": {"value": n, "unit": "ng/mL"}} for n in range(count)]
    return view_of("labs", [lab(1, component=parts)])


@kind(VIEW)
def results_contained_in_a_report(count: int) -> Body:
    report = {"resourceType": "DiagnosticReport", "id": "r", "subject": SUBJECT, "contained": each(count, lab)}
    return view_of("labs", [report, lab(0)])


@kind(VIEW)
def results_contained_with_specimens(count: int) -> Body:
    held = each(count, lambda number: lab(number, specimen={"reference": f"#l{number}"}))
    return view_of("labs", [{"resourceType": "DiagnosticReport", "id": "r", "subject": SUBJECT, "contained": held}])


@kind(VIEW)
def numbers_of_many_digits(count: int) -> Body:
    return view_of(
        "labs", [lab(1, valueQuantity={"value": float(2**1023), "unit": "ng/mL"}), result_in_words(2, "9" * count)]
    )


@kind(VIEW)
def numbers_of_a_thousand_digits(count: int) -> Body:
    return view_of("labs", each(count, lambda number: result_in_words(number, _digits(number, 980) + " ng/mL")))


@kind(VIEW)
def results_in_words_with_blanks(count: int) -> Body:
    return view_of("labs", each(count, lambda number: result_in_words(number, f"<{number}" + " " * 980 + "x")))


@kind(VIEW)
def results_of_many_numbers(count: int) -> Body:
    return view_of("labs", each(count, lambda number: result_in_words(number, "1 " * 1000 + str(number))))


@kind(VIEW)
def numbers_of_one_result(count: int) -> Body:
    return view_of("labs", [lab(1, valueQuantity={f"k{number}": "1 " * 1000 for number in range(count)})])


@kind(VIEW)
def numbers_in_a_list_of_one_result(count: int) -> Body:
    return view_of("labs", [lab(1, valueQuantity={"value": ["1 2"] * count, "unit": "ng/mL"})])


@kind(VIEW)
def numbers_of_a_ratio(count: int) -> Body:
    numbers = {"value": "1 2 " * count}
    made = lab(1, valueRatio={"numerator": numbers, "denominator": numbers})
    del made["valueQuantity"]
    return view_of("labs", [made])


@kind(VIEW)
def units_that_are_long(count: int) -> Body:
    def result(number: int) -> Body:
        unit = "{" * 300 + f"ng/mL{number}" + "}" * 300 + "." * 300
        return lab(number, valueQuantity={"value": 38, "unit": unit, "code": unit})

    return view_of("labs", each(count, result))


@kind(VIEW)
def units_each_another(count: int) -> Body:
    def result(number: int) -> Body:
        unit = "10*3.kg/" + "mL." * (number % 20) + f"u{number}"
        return lab(number, valueQuantity={"value": 38, "unit": unit})

    return view_of("labs", each(count, result))


@kind(VIEW)
def names_of_tests_that_are_long(count: int) -> Body:
    return view_of("labs", [lab(0), *each(count, lambda n: lab(n, code={"text": f"{n} ferritin serum " * 50}))])


@kind(VIEW)
def dates_that_are_long(count: int) -> Body:
    return view_of(
        "labs", each(count, lambda number: lab(number, effectiveDateTime="2026-06-01T10:00:00." + "1" * 980))
    )


@kind(VIEW)
def dates_of_one_result(count: int) -> Body:
    timing = {"event": [f"20{number % 26:02}-06-01" for number in range(count)]}
    made = lab(1, effectiveTiming=timing)
    del made["effectiveDateTime"]
    return view_of("labs", [made])


# ------------------------------------------------------------------ drugs


@kind(VIEW)
def drugs_of_iron(count: int) -> Body:
    return view_of("medications", each(count, drug))


@kind(VIEW)
def drugs_each_another(count: int) -> Body:
    return view_of(
        "medications",
        each(count, lambda n: drug(n, f"ferrous sulfate {n % 900 + 1} mg / folic acid {n} mcg oral tablet")),
    )


@kind(VIEW)
def drugs_that_worsen_rls(count: int) -> Body:
    names = ("mirtazapine 15 mg tablet", "diphenhydramine 25 mg capsule", "metoclopramide 10 mg", "pramipexole 0.25 mg")
    return view_of("medications", each(count, lambda number: drug(number, f"{names[number % 4]} {number}")))


@kind(VIEW)
def drugs_that_nobody_knows(count: int) -> Body:
    return view_of("medications", each(count, lambda number: drug(number, f"xyzzy{number} plugh {number} mg")))


@kind(VIEW)
def names_of_drugs_that_are_long(count: int) -> Body:
    return view_of("medications", each(count, lambda n: drug(n, f"{n} iron elemental 65 mg fe ( / " * 33)))


@kind(VIEW)
def name_of_a_drug_that_is_very_long(count: int) -> Body:
    return view_of("medications", [drug(1, "iron " * count)])


@kind(VIEW)
def codings_of_a_drug(count: int) -> Body:
    codings = [
        {"system": RXNORM, "code": str(number), "display": f"iron {number} mg tablet"} for number in range(count)
    ]
    return view_of("medications", [drug(1, medicationCodeableConcept={"coding": codings})])


@kind(VIEW)
def directions_of_digits(count: int) -> Body:
    return view_of("medications", each(count, lambda n: drug(n, dosageInstruction=[{"text": _digits(n, 980)}])))


@kind(VIEW)
def directions_each_another(count: int) -> Body:
    words = "take 1 to 2 red tablets (325 mg) at 8 am, 9 pm and then with meals, max 4, for 2 weeks before bed "
    return view_of("medications", each(count, lambda n: drug(n, dosageInstruction=[{"text": f"{n} {words} {words}"}])))


@kind(VIEW)
def directions_of_blanks(count: int) -> Body:
    return view_of(
        "medications", each(count, lambda n: drug(n, dosageInstruction=[{"text": f"{n}" + " " * 190 + "x"}]))
    )


@kind(VIEW)
def directions_of_very_many_blanks(count: int) -> Body:
    return view_of("medications", [drug(1, dosageInstruction=[{"text": "1" + " " * count + "x"}])])


@kind(VIEW)
def dosages_of_a_drug(count: int) -> Body:
    return view_of(
        "medications", [drug(1, dosageInstruction=[{"text": f"take {n} tablets daily"} for n in range(count)])]
    )


@kind(VIEW)
def twenty_dosages_of_each_drug(count: int) -> Body:
    def instructed(number: int) -> Body:
        told = [{"text": f"take {number} tablets {n} times daily, then 2 tablets at night"} for n in range(20)]
        return drug(number, dosageInstruction=told)

    return view_of("medications", each(count, instructed))


@kind(VIEW)
def further_directions_of_a_dosage(count: int) -> Body:
    more = [{"text": f"take {number} with water"} for number in range(count)]
    return view_of("medications", [drug(1, dosageInstruction=[{"text": "daily", "additionalInstruction": more}])])


@kind(VIEW)
def timings_of_a_drug(count: int) -> Body:
    codes = [{"code": f"Q{number}H"} for number in range(count)]
    repeat = {"timeOfDay": ["08:00:00"] * count, "dayOfWeek": ["mon"] * count}
    return view_of(
        "medications", [drug(1, dosageInstruction=[{"timing": {"repeat": repeat, "code": {"coding": codes}}}])]
    )


@kind(VIEW)
def rates_of_a_dosage(count: int) -> Body:
    rates = [{"rateQuantity": {"value": number}} for number in range(count)]
    return view_of("medications", [drug(1, dosageInstruction=[{"doseAndRate": rates, "text": "1 tablet daily"}])])


@kind(VIEW)
def replaced_prescriptions(count: int) -> Body:
    return view_of(
        "medications",
        each(count, lambda n: drug(n, priorPrescription={"reference": f"MedicationRequest/m{n - 1}"})),
    )


@kind(VIEW)
def prescriptions_that_one_replaces(count: int) -> Body:
    named = [{"reference": f"MedicationRequest/m{number}"} for number in range(count)]
    return view_of("medications", [drug(1, basedOn=named), drug(2)])


@kind(VIEW)
def medications_of_each_other(count: int) -> Body:
    def medication(number: int) -> Body:
        inside = [{"itemReference": {"reference": f"Medication/d{(number + n) % count}"}} for n in (1, 2)]
        return {"resourceType": "Medication", "id": f"d{number}", "ingredient": inside}

    orders = each(count, lambda n: drug(n, "", medicationReference={"reference": f"Medication/d{n}"}))
    return view_of("medications", [*each(count, medication), *orders])


@kind(VIEW)
def ingredients_of_a_medication(count: int) -> Body:
    inside = [{"itemCodeableConcept": {"text": f"ferrous sulfate {number} mg"}} for number in range(count)]
    held = {"resourceType": "Medication", "id": "d", "ingredient": inside}
    return view_of("medications", [drug(1, "", medicationReference={"reference": "#d"}, contained=[held])])


@kind(VIEW)
def ingredients_that_are_contained(count: int) -> Body:
    inside = [{"itemReference": {"reference": f"#i{number}"}} for number in range(count)]
    parts = each(count, lambda n: {"resourceType": "Substance", "id": f"i{n}", "code": {"text": f"iron {n}"}})
    held = {"resourceType": "Medication", "id": "d", "ingredient": inside, "contained": parts}
    return view_of("medications", [held, drug(1, "", medicationReference={"reference": "Medication/d"})])


@kind(VIEW)
def things_contained_in_a_drug(count: int) -> Body:
    held = each(count, lambda number: {"resourceType": "Medication", "id": f"x{number}"})
    reasons = [{"reference": f"#x{number}"} for number in range(count)]
    return view_of("medications", [drug(1, contained=held, reasonReference=reasons)])


@kind(VIEW)
def reasons_of_a_drug(count: int) -> Body:
    return view_of(
        "medications", [drug(1, reasonCode=[{"text": f"restless legs {n}, not sure"} for n in range(count)])]
    )


@kind(VIEW)
def identifiers_of_a_medication(count: int) -> Body:
    named = [{"system": "http://hl7.org/fhir/sid/ndc", "value": f"iron sulfate {number}"} for number in range(count)]
    held = {"resourceType": "Medication", "id": "d", "identifier": named}
    return view_of("medications", [drug(1, "", medicationReference={"reference": "#d"}, contained=[held])])


@kind(VIEW)
def drugs_by_missing_references(count: int) -> Body:
    return {
        **view_of(
            "medications", each(count, lambda n: drug(n, "", medicationReference={"reference": f"Medication/x{n}"}))
        ),
    }


# ------------------------------------------------------------------ many references to one thing


def _prescribing(count: int, held: Body, **members: Any) -> Body:
    """Return a call with so many entries of a large Medication, and up to five hundred drugs that refer to it."""
    refers = each(
        min(500, 20 * count), lambda n: drug(n, "", medicationReference={"reference": "Medication/d"}, **members)
    )
    return view_of("medications", [{"resourceType": "Medication", "id": "d", **held}, *refers])


@kind(VIEW)
def drugs_of_one_medication_of_many_codings(count: int) -> Body:
    codings = [{"system": RXNORM, "code": str(number), "display": f"iron {number} mg"} for number in range(count)]
    return _prescribing(count, {"code": {"coding": codings}})


@kind(VIEW)
def drugs_of_one_medication_of_many_identifiers(count: int) -> Body:
    return _prescribing(count, {"identifier": [{"value": f"iron sulfate {number} mg"} for number in range(count)]})


@kind(VIEW)
def drugs_of_one_medication_of_many_ingredients(count: int) -> Body:
    def part(number: int) -> Body:
        shown = [{"display": f"ferrous sulfate {number} mg {n}"} for n in range(100)]
        return {"itemCodeableConcept": {"coding": shown}}

    inside = each(min(count, 60), part)
    return _prescribing(count, {"ingredient": inside})


@kind(VIEW)
def drugs_of_one_medication_of_long_words(count: int) -> Body:
    return _prescribing(count, {"code": {"text": "iron " * count}})


@kind(VIEW)
def reasons_by_one_long_condition(count: int) -> Body:
    return _of_one_reason(count, 500, {"text": "restless legs, no sign of " * max(1, count // 2)})


@kind(VIEW)
def reasons_by_one_condition_of_many_codings(count: int) -> Body:
    codings = [{"system": ICD, "code": f"G25.81{number}", "display": "no restless legs"} for number in range(100)]
    return _of_one_reason(count, count, {"coding": codings})


def _of_one_reason(count: int, references: int, code: Body) -> Body:
    reasons = [{"reference": "Condition/why"}] * max(1, references // 100)
    drugs = each(100, lambda n: drug(n, reasonReference=reasons))
    return view(conditions=bundle(rls(), condition(1, id="why", code=code)), medications=bundle(*drugs))


@kind(VIEW)
def drugs_for_one_condition_of_many_codings(count: int) -> Body:
    codings = [{"system": ICD, "code": f"G25.{number}", "display": "restless"} for number in range(count)]
    why = condition(1, id="why", code={"coding": codings})
    drugs = each(min(500, 20 * count), lambda n: drug(n, reasonReference=[{"reference": "Condition/why"}]))
    return view(conditions=bundle(rls(), why), medications=bundle(*drugs))


@kind(VIEW)
def codes_as_text(count: int) -> Body:
    return view_of("conditions", [rls(), condition(1, code=[f"E83.{number}" for number in range(count)])])


@kind(VIEW)
def results_of_one_specimen_in_many_versions(count: int) -> Body:
    versions = each(count, lambda n: {"resourceType": "Specimen", "id": "s", "type": {"text": f"blood {n}"}})
    return view_of("labs", [*versions, *each(count, lambda n: lab(n, specimen={"reference": "Specimen/s"}))])


@kind(VIEW)
def records_of_one_patient_in_many_versions(count: int) -> Body:
    person = {"resourceType": "Patient", "id": "other", "birthDate": "1970-01-01"}
    versions = each(count, lambda number: {**person, "gender": str(number)})
    return view_of("labs", [lab(0), *versions, *each(count, lambda n: lab(n, subject={"reference": "Patient/other"}))])


@kind(VIEW)
def records_of_a_patient_that_replaces_many(count: int) -> Body:
    links = [{"other": {"reference": f"urn:uuid:old-{number}"}, "type": "replaces"} for number in range(count)]
    body = view_of("labs", each(count, lambda n: lab(n, subject={"reference": f"urn:uuid:old-{n}"})))
    body["prefetch"]["patient"]["link"] = links
    return body


@kind(VIEW)
def codings_beside_long_words(count: int) -> Body:
    codings = [{"system": ICD, "code": "G25.81", "display": "x"}] * count
    code = {"coding": codings, "text": "mother has restless legs, no " * count}
    return view_of("conditions", [rls(), condition(1, code=code)])


@kind(VIEW)
def concepts_of_a_diagnosis(count: int) -> Body:
    code = [{"text": f"restless legs {n}", "coding": [{"system": ICD, "code": "G25.81"}]} for n in range(count)]
    return view_of("conditions", [rls(), condition(1, code=code)])


@kind(VIEW)
def results_contained_under_one_id(count: int) -> Body:
    held = each(count, lambda number: {**lab(1), "valueQuantity": {"value": number, "unit": "ng/mL"}})
    return view_of("labs", [{"resourceType": "DiagnosticReport", "id": "r", "subject": SUBJECT, "contained": held}])


@kind(VIEW)
def results_of_specimens_of_many_codings(count: int) -> Body:
    codings = [{"system": LOINC, "code": f"x{number}"} for number in range(100)]
    specimen = {"resourceType": "Specimen", "id": "s", "type": {"coding": codings}}
    return view_of("labs", [specimen, *each(count, lambda n: lab(n, specimen={"reference": "Specimen/s"}))])


@kind(SIGN)
def drafts_beside_results_that_cannot_be_used(count: int) -> Body:
    labs = each(count, lambda n: lab(n, effectiveDateTime="2026-06-01", valueQuantity={"value": n, "unit": f"x{n}"}))
    return sign([draft(1), draft(2, "magnesium oxide 400 mg tablet")], labs=bundle(*labs))


# ------------------------------------------------------------------ drafts


@kind(SIGN)
def drafts_of_iron(count: int) -> Body:
    return sign(each(count, draft))


@kind(SIGN)
def drafts_of_iron_beside_drugs(count: int) -> Body:
    other = ("calcium carbonate 500 mg", "levothyroxine 50 mcg", "doxycycline 100 mg", "ferrous sulfate 325 mg tablet")
    drugs = each(100, lambda number: drug(number, f"{other[number % 4]} {number}"))
    return sign(each(count, draft), medications=bundle(*drugs))


@kind(SIGN)
def drafts_each_another(count: int) -> Body:
    return sign(
        each(count, lambda n: draft(n, f"ferrous sulfate {n} mg tablet", dosageInstruction=[{"text": f"{n} tabs bid"}]))
    )


@kind(SIGN)
def drafts_of_all_kinds(count: int) -> Body:
    names = (
        "ferrous sulfate 325 mg tablet", "iron sucrose 20 mg/mL injection", "cholecalciferol 50000 unit capsule",
        "magnesium oxide 400 mg tablet", "pyridoxine 100 mg tablet", "folic acid 5 mg tablet", "ascorbic acid 1 g",
        "gabapentin 600 mg tablet", "pramipexole 1 mg tablet", "mirtazapine 15 mg tablet",
    )  # fmt: skip
    told = [{"text": "2 tablets 3 times daily"}]
    return sign(each(count, lambda n: draft(n, names[n % len(names)], dosageInstruction=told)))


@kind(SIGN, 200, 412)
def drafts_for_restless_legs(count: int) -> Body:
    reason = [{"text": "restless legs syndrome"}]
    return sign(each(count, lambda n: draft(n, f"folic acid {n} mg tablet", reasonCode=reason)), labs=None)


@kind(SIGN, 412)
def drafts_that_nobody_knows(count: int) -> Body:
    return sign(each(count, lambda number: draft(number, f"xyzzy{number} plugh {number} mg")))


@kind(SIGN)
def drafts_of_tests(count: int) -> Body:
    def order(number: int) -> Body:
        coded = {"coding": [{"system": LOINC, "code": "2276-4"}], "text": f"ferritin {number}"}
        return {
            "resourceType": "ServiceRequest",
            "id": f"s{number}",
            "status": "draft",
            "intent": "order",
            "code": coded,
            "subject": SUBJECT,
        }

    return sign(each(count, order))


@kind(SIGN)
def drafts_under_one_id(count: int) -> Body:
    return sign(each(count, lambda number: {**draft(number), "id": "m1"}))


@kind(SIGN)
def drafts_with_long_ids(count: int) -> Body:
    return sign(each(count, lambda number: {**draft(number), "id": f"{number}-" + "m" * 400}))


@kind(SIGN)
def drafts_of_others(count: int) -> Body:
    others = each(count, lambda n: draft(n, subject={"reference": f"urn:uuid:{n}"}, reasonCode=[{"text": f"rls {n}"}]))
    return sign([draft(0), *others])


@kind(SIGN)
def members_of_a_draft_that_is_revised(count: int) -> Body:
    extra = [{"url": f"x{number}", "valueDecimal": 0.1} for number in range(count)]
    revised = draft(1, "gabapentin 600 mg tablet", extension=extra, dosageInstruction=[{"text": "1 tablet daily"}])
    return sign([revised])


@kind(SIGN, 200, 412)
def orders_inside_a_plan(count: int) -> Body:
    actions = [{"resource": {"reference": f"MedicationRequest/none-{number}"}} for number in range(count)]
    held = each(count, lambda n: {"resourceType": "MedicationRequest", "id": f"h{n}", "status": "draft"})
    plan = {"resourceType": "RequestGroup", "id": "g", "subject": SUBJECT, "action": actions, "contained": held}
    return sign([draft(1), plan])


@kind(SIGN, 200, 412)
def plans_of_one_order(count: int) -> Body:
    def plan(number: int) -> Body:
        named = [{"resource": {"reference": "MedicationRequest/m1"}}]
        return {"resourceType": "RequestGroup", "id": f"g{number}", "subject": SUBJECT, "action": named}

    return sign([draft(1), *each(count, plan)])


@kind(SIGN, 200, 412)
def earlier_orders_of_an_order(count: int) -> Body:
    held = each(count, lambda n: {"resourceType": "MedicationRequest", "id": f"h{n}", "status": "draft"})
    earlier = [{"reference": f"#h{number}"} for number in range(count)]
    return sign([draft(1), {**draft(2), "medicationCodeableConcept": {}, "contained": held, "basedOn": earlier}])


@kind(SIGN, 200, 412)
def directions_that_name_a_drug(count: int) -> Body:
    told = [{"text": f"ferrous sulfate {number} mg " * 20} for number in range(count)]
    return sign([draft(1, "xyzzy plugh"), draft(2, "xyzzy plugh 2", dosageInstruction=told)])


# ------------------------------------------------------------------ feedback

FEEDBACK = f"{VIEW}/feedback"


def _entry(number: int, **members: Any) -> Body:
    return {
        "card": str(uuid.UUID(int=number)),
        "outcome": "overridden",
        "outcomeTimestamp": "2026-06-30T09:30:15Z",
        **members,
    }


@kind(FEEDBACK, 200, 400)
def feedback_entries(count: int) -> Body:
    return {"feedback": each(count, _entry)}


@kind(FEEDBACK, 400)
def feedback_entries_that_are_wrong(count: int) -> Body:
    return {"feedback": [{"a": 1}] * count}


@kind(FEEDBACK, 200, 400)
def feedback_entries_of_which_one_is_right(count: int) -> Body:
    return {"feedback": [_entry(1), *[1] * count]}


@kind(FEEDBACK, 200, 400)
def suggestions_of_feedback_that_are_wrong(count: int) -> Body:
    return {"feedback": [_entry(1), _entry(2, outcome="accepted", acceptedSuggestions=[1] * count)]}


@kind(FEEDBACK, 400)
def suggestions_of_all_feedback_that_are_wrong(count: int) -> Body:
    wrong = each(count, lambda number: _entry(number, outcome="accepted", acceptedSuggestions=[1] * 100))
    return {"feedback": wrong}


@kind(FEEDBACK)
def suggestions_of_feedback(count: int) -> Body:
    taken = [{"id": str(uuid.UUID(int=number))} for number in range(count)]
    return {"feedback": [_entry(1, outcome="accepted", acceptedSuggestions=taken)]}


@kind(FEEDBACK)
def reasons_of_feedback(count: int) -> Body:
    reasons = [{"reason": {"code": f"r{number}"}, "userComment": f"comment {number}"} for number in range(count)]
    return {"feedback": [_entry(1, overrideReasons=reasons)]}


@kind(FEEDBACK)
def members_of_feedback(count: int) -> Body:
    return {"feedback": [_entry(1, **{f"member{number}": number for number in range(count)})]}


@kind(FEEDBACK)
def comments_of_feedback(count: int) -> Body:
    return {"feedback": [_entry(1, overrideReason={"userComment": "\0 x" * count})]}


@kind(FEEDBACK, 400)
def times_of_feedback(count: int) -> Body:
    return {"feedback": each(count, lambda number: _entry(number, outcomeTimestamp="2026-06-30T" + "1" * 980))}
