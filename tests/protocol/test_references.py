"""Every spelling of a reference, in every place that a reference stands, gets the answer of the plain one.

Contract section 5, items 1 and 5.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.builders.deadlines import unhurried
from tests.builders.service import (
    SELECT,
    SIGN,
    VIEW,
    application,
    bundle,
    card_codes,
    is_outcome,
    is_response,
    settings,
)
from tests.fakes.fault_server import answer, empty, fault_server

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
OID = "urn:oid:2.999.1.2.3"
URN = "urn:uuid:6D0F4A8E-1B7C-4D51-9C6E-0F2B7A9D3E11"
LONG = "eX" + ("Ab9.-" * 39)[:192]  # as long as the ids of one record system's drafts
Resource = dict[str, Any]


def record(kind: str, logical_id: str, code: str, system: str = "http://snomed.info/sct", **members: Any) -> Resource:
    concept = {"coding": [{"system": system, "code": code}]}
    return {"resourceType": kind, "id": logical_id, "code": concept, "subject": {"reference": "Patient/p1"}} | members


ACTIVE = {"clinicalStatus": {"coding": [{"code": "active"}]}}
RLS = record("Condition", "c1", "32914008", **ACTIVE)
OVERLOAD = record("Condition", "c9", "35400008", **ACTIVE)
PERSON = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1974-03-02"}


def result(logical_id: str, code: str, value: float, unit: str) -> Resource:
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    dated = {"status": "final", "effectiveDateTime": "2026-06-01", "valueQuantity": quantity}
    return record("Observation", logical_id, code, "http://loinc.org", **dated)


FERRITIN, SATURATION = result("o1", "2276-4", 38, "ng/mL"), result("o2", "2502-3", 24, "%")


def concept(code: str) -> Resource:
    return {"coding": [{"system": RXNORM, "code": code}]}


IRON = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": concept("310325"),
}
MEDICATION = {"resourceType": "Medication", "id": "m1", "code": concept("310325")}
REMOVAL = "MedicationRequest/d1"


def sent(**changes: Any) -> Resource:
    lists = {"conditions": bundle(RLS), "labs": bundle(FERRITIN, SATURATION), "medications": None}
    return {"patient": PERSON, **lists, "allergies": None, "procedures": None, "orders": None, **changes}


def call(hook: str, prefetch: Resource, **context: Any) -> Resource:
    who = {"userId": "Practitioner/1", "patientId": "p1"}
    return {"hook": hook, "hookInstance": str(uuid.uuid4()), "context": who | context, "prefetch": prefetch}


def view(http: FlaskClient, **changes: Any) -> list[str]:
    return card_codes(is_response(http.post(VIEW, json=call("patient-view", sent(**changes)))))


def signing(drafts: Any, **changes: Any) -> Resource:
    return call("order-sign", sent(**{"conditions": bundle(RLS, OVERLOAD), **changes}), draftOrders=drafts)


def sign(http: FlaskClient, drafts: Any, **changes: Any) -> Any:
    return is_response(http.post(SIGN, json=signing(drafts, **changes)))["cards"]


def select(http: FlaskClient, drafts: Any, selections: Any) -> Any:
    prefetch = sent(conditions=bundle(RLS, OVERLOAD))
    body = call("order-select", prefetch, draftOrders=drafts, selections=selections)
    return is_response(http.post(SELECT, json=body))["cards"]


def codes(cards: Any) -> list[str]:
    return card_codes({"cards": cards})


def basket(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def removals(cards: Any) -> list[str]:
    offers = (offer for card in cards for offer in card.get("suggestions", ()))
    return [action["resourceId"] for offer in offers for action in offer["actions"] if action["type"] == "delete"]


# ------------------------------------------------------------------ the spellings


@dataclass(frozen=True)
class Spelling:
    """A reference to `Type/id`, and the `fullUrl` of the entry that holds it."""

    name: str
    reference: str
    full_url: str = ""

    def entry(self, resource: Resource) -> Resource:
        return {"resource": resource} | ({"fullUrl": self.full_url} if self.full_url else {})


def spellings(kind: str, logical_id: str, *, with_id: bool = True) -> Iterator[Spelling]:
    """Every spelling that finds the resource; those by address alone need no id of its own."""
    elsewhere = f"https://gateway.example:8443/r4/{kind}/{logical_id}"
    by_name = {
        "relative": f"{kind}/{logical_id}",
        "slashes": f"/{kind}/{logical_id}/",
        "versioned": f"{kind}/{logical_id}/_history/3",
        "query": f"{kind}/{logical_id}?_format=json",
        "percent": f"{kind}%2F{logical_id}".replace("1", "%31"),
        "absolute": elsewhere,
        "absolute versioned": f"{elsewhere}/_history/7",
        "blanks": f"  {kind}/{logical_id} ",
    }
    by_address = {
        "urn": (URN, URN.lower()),
        "urn of another case": (URN.upper().replace("URN:UUID", "urn:uuid"), URN),
        "oid": (OID, OID),
        "address": ("http://ehr.test/fhir/Thing/abc", "http://ehr.test/fhir/Thing/abc"),
        "address of another id": (f"http://ehr.test/fhir/{kind}/abc", f"http://ehr.test/fhir/{kind}/abc"),
        "version of an address": (f"http://EHR.test/fhir/{kind}/abc/_history/2", f"http://ehr.test/fhir/{kind}/abc"),
        "end of an address": (f"{kind}/abc", f"http://ehr.test/fhir/{kind}/abc"),
        "end of a urn": (f"{kind}/{URN[9:]}", URN),
    }
    if with_id:
        yield from (Spelling(name, reference) for name, reference in by_name.items())
        yield Spelling("urn with the id", f"urn:uuid:{logical_id}")
    yield from (Spelling(name, *pair) for name, pair in by_address.items())


def each_of(kind: str, logical_id: str, **how: bool) -> Any:
    found = list(spellings(kind, logical_id, **how))
    return pytest.mark.parametrize("spelling", found, ids=[each.name for each in found])


PERSONS = [each for each in spellings("Patient", "p1") if not each.name.startswith("end of")]
each_person = pytest.mark.parametrize("spelling", PERSONS, ids=[each.name for each in PERSONS])


def of(resource: Resource, spelling: Spelling) -> Resource:
    return resource | {"subject": {"reference": spelling.reference}}


# ------------------------------------------------------------------ K6: whose a record is


@each_person
@pytest.mark.row("F-11")
def test_results_that_name_the_patient_otherwise_are_read(http: FlaskClient, spelling: Spelling) -> None:
    """A Patient in the list, in another list, or as the patient's own record gives the address."""
    labs = [{"resource": of(each, spelling)} for each in (FERRITIN, SATURATION)]
    beside = spelling.entry(PERSON)
    assert view(http, labs=basket(beside, *labs)) == ["IRONLOW"]
    assert view(http, labs=basket(*labs, beside)) == ["IRONLOW"]
    assert view(http, labs=basket(*labs), conditions=basket(beside, {"resource": RLS})) == ["IRONLOW"]
    assert view(http, labs=basket(*labs), patient=basket(beside)) == ["IRONLOW"]


@each_person
def test_diagnoses_and_drafts_that_name_the_patient_otherwise_are_read(http: FlaskClient, spelling: Spelling) -> None:
    beside = spelling.entry(PERSON)
    assert view(http, conditions=basket(beside, {"resource": of(RLS, spelling)})) == ["IRONLOW"]
    diagnoses = bundle(RLS, of(OVERLOAD, spelling))
    drafts = basket({"resource": IRON})
    assert codes(sign(http, drafts, conditions=diagnoses, patient=basket(beside))) == ["OSIRONOVL"]
    assert codes(sign(http, basket(beside, {"resource": of(IRON, spelling)}))) == ["OSIRONOVL"]
    assert codes(sign(http, basket({"resource": of(IRON, spelling)}), patient=basket(beside))) == ["OSIRONOVL"]


@pytest.mark.parametrize(
    "subject",
    [None, {}, {"reference": "#"}, {"reference": "#p"}, {"identifier": {"value": "7"}}, {"display": "Ms X"},
     {"reference": "Patient?identifier=7"}, [{"reference": "Patient/p1"}], "Patient/p1"],
)  # fmt: skip
def test_a_record_that_names_nobody_is_the_patients(http: FlaskClient, subject: Any) -> None:
    assert view(http, labs=bundle(FERRITIN | {"subject": subject}, SATURATION)) == ["IRONLOW"]


NOBODYS = (
    *(URN, OID, "https://other.example/fhir/Patient/p2", "http://ehr.test/fhir/Thing/abc"),
    *("Patient:p1", "Patient/p1|1", "Patient/p1\u200b", "uuid:p1", "p1@ehr", "Patient/{p1}"),
)


@pytest.mark.parametrize("subject", NOBODYS)
def test_a_record_of_unknown_owner_leaves_its_list_cut(http: FlaskClient, subject: str) -> None:
    """What is not to be told is not somebody else's: no absence is proven by the list."""
    lost = FERRITIN | {"subject": {"reference": subject}}
    body = call("patient-view", sent(labs=bundle(lost, SATURATION)))
    [issue] = is_outcome(http.post(VIEW, json=body), 412)
    assert "labs: whose some records are cannot be told" in issue["diagnostics"]
    only = call("patient-view", sent(labs=bundle(lost)))
    is_outcome(http.post(VIEW, json=only), 412)
    diagnosis = call("patient-view", sent(conditions=bundle(RLS | {"subject": {"reference": subject}})))
    is_outcome(http.post(VIEW, json=diagnosis), 412)
    draft = IRON | {"subject": {"reference": subject}}
    is_outcome(http.post(SIGN, json=signing(bundle(draft))), 412)


def test_a_patient_without_an_id_is_not_known_to_be_somebody_else(http: FlaskClient) -> None:
    """The patient's own record came under its id; that of the Bundle, without one, may be the same person's."""
    nameless = {name: value for name, value in PERSON.items() if name != "id"}
    hidden = OVERLOAD | {"subject": {"reference": URN}}
    conditions = basket({"fullUrl": URN, "resource": nameless}, {"resource": RLS}, {"resource": hidden})
    assert codes(sign(http, bundle(IRON), conditions=conditions)) == ["NOTEVALUATED"]
    own = basket({"fullUrl": URN, "resource": nameless})
    assert removals(sign(http, bundle(IRON), patient=own, conditions=bundle(RLS, hidden))) == [REMOVAL]


def test_a_uuid_alone_is_found_by_the_urn_of_its_entry(http: FlaskClient) -> None:
    bare = URN.removeprefix("urn:uuid:")
    hidden = OVERLOAD | {"subject": {"reference": bare}}
    people = basket({"fullUrl": URN, "resource": PERSON})
    assert removals(sign(http, bundle(IRON), patient=people, conditions=bundle(RLS, hidden))) == [REMOVAL]
    draft = {name: value for name, value in IRON.items() if name != "medicationCodeableConcept"}
    medication = {"fullUrl": URN, "resource": MEDICATION}
    drafts = basket({"resource": draft | {"medicationReference": {"reference": bare}}}, medication)
    assert removals(sign(http, drafts)) == [REMOVAL]


@pytest.mark.parametrize("subject", ["Patient/p2", "Group/p1", "p2", "Patient/p_2", URN])
@pytest.mark.row("R-22")
def test_a_record_of_somebody_else_is_left_out_and_cuts_nothing(http: FlaskClient, subject: str) -> None:
    """A `urn:` that a Patient of the call answers is known to be somebody else's."""
    foreign = result("o9", "2276-4", 5, "ng/mL") | {"subject": {"reference": subject}}
    other = {"fullUrl": URN, "resource": {"resourceType": "Patient", "id": "p2"}}
    labs = basket(other, *({"resource": each} for each in (foreign, FERRITIN, SATURATION)))
    [card] = is_response(http.post(VIEW, json=call("patient-view", sent(labs=labs))))["cards"]
    assert "38 ng/mL" in card["summary"] and "Not read to the end" not in card["detail"]


@pytest.mark.parametrize("key", ["conditions", "labs"])
def test_a_patient_among_discarded_records_makes_no_list_read(http: FlaskClient, key: str) -> None:
    kinds = {"conditions": RLS, "labs": FERRITIN}
    foreign = kinds[key] | {"subject": {"reference": "Patient/p2"}}
    body = call("patient-view", sent(**{key: bundle(PERSON, foreign)}))
    is_outcome(http.post(VIEW, json=body), 412)


def test_records_of_a_patient_that_theirs_replaces_are_their_own(http: FlaskClient) -> None:
    for other in ("Patient/p0", "https://ehr.test/fhir/Patient/p0", URN):
        person = PERSON | {"link": [{"type": "replaces", "other": {"reference": other}}]}
        labs = [each | {"subject": {"reference": other}} for each in (FERRITIN, SATURATION)]
        assert view(http, patient=person, labs=bundle(*labs)) == ["IRONLOW"], other
        seen = PERSON | {"link": [{"type": "seealso", "other": {"reference": other}}]}
        is_outcome(http.post(VIEW, json=call("patient-view", sent(patient=seen, labs=bundle(*labs)))), 412)


#: What ties another record to the patient's own, and does not say that theirs replaces it.
TIES = ("seealso", "refer", "replaced-by", "SeeAlso", "", None)
OTHER = {"resourceType": "Patient", "id": "p0", "gender": "female"}
OF_OTHER = {"subject": {"reference": "Patient/p0"}}


def tied(person: Resource, to: str, how: str | None) -> Resource:
    return person | {"link": [{"other": {"reference": to}} | ({} if how is None else {"type": how})]}


@pytest.mark.parametrize("how", TIES)
@pytest.mark.parametrize("to", ["Patient/p0", "https://ehr.test/fhir/Patient/p0", "Patient/p0/_history/2"])
def test_records_of_a_patient_that_is_tied_to_theirs_are_nobody_elses(
    http: FlaskClient, to: str, how: str | None
) -> None:
    """It is not known whether they are the patient's: they are not read, and their list is cut."""
    diagnoses = bundle(RLS, OVERLOAD | {"subject": {"reference": to}})
    for beside in ((), (OTHER,)):
        person = basket(*({"resource": each} for each in (tied(PERSON, to, how), *beside)))
        [card] = sign(http, bundle(IRON), patient=person, conditions=diagnoses)
        assert codes([card]) == ["NOTEVALUATED"] and "diagnoses" in card["detail"]
        issue = is_outcome(http.post(SIGN, json=signing(bundle(IRON | OF_OTHER), patient=person)), 412)[0]
        assert issue["diagnostics"].startswith("draftOrders: whose some records are cannot be told")
    sent_seen = sent(patient=tied(PERSON, to, how), labs=bundle(*(each | OF_OTHER for each in (FERRITIN, SATURATION))))
    is_outcome(http.post(VIEW, json=call("patient-view", sent_seen)), 412)


@pytest.mark.parametrize("how", [*TIES, "replaces"])
def test_a_patient_of_the_call_that_is_tied_to_the_patient_is_not_somebody_else(
    http: FlaskClient, how: str | None
) -> None:
    other = {"resource": tied(OTHER, "Patient/p1", how)}
    diagnoses = basket({"resource": RLS}, {"resource": OVERLOAD | OF_OTHER}, other)
    assert codes(sign(http, bundle(IRON), conditions=diagnoses)) == ["NOTEVALUATED"]
    unrelated = basket({"resource": RLS}, {"resource": OVERLOAD | OF_OTHER}, {"resource": OTHER})
    assert "NOTEVALUATED" not in codes(sign(http, bundle(IRON), conditions=unrelated))


@pytest.mark.parametrize("to", ["RelatedPerson/p0", "#p0", "", "Patient?identifier=7"])
def test_a_link_to_no_patient_of_a_server_ties_no_record(http: FlaskClient, to: str) -> None:
    diagnoses = bundle(RLS, OVERLOAD | OF_OTHER)
    for how in ("seealso", "replaces"):
        found = codes(sign(http, bundle(IRON), patient=tied(PERSON, to, how), conditions=diagnoses))
        assert "NOTEVALUATED" not in found and "OSIRONOVL" not in found


def test_no_absence_is_taken_from_a_record_that_another_one_replaces(http: FlaskClient) -> None:
    """What is not in it may stand in the record that replaces it."""
    person = tied(PERSON, "Patient/p2", "replaced-by")
    assert "NOTEVALUATED" in codes(sign(http, bundle(IRON), patient=person, conditions=bundle(RLS)))
    assert codes(sign(http, bundle(IRON), patient=person)) == ["OSIRONOVL"], "what is in it counts"
    [card] = is_response(http.post(VIEW, json=call("patient-view", sent(patient=person))))["cards"]
    assert "another record replaces this one and may hold more" in card["detail"]
    assert card["indicator"] == "info" and not card.get("suggestions")
    issue = is_outcome(http.post(VIEW, json=call("patient-view", sent(patient=person, labs=None))), 412)[0]
    assert issue["diagnostics"].endswith("labs: another record replaces this one and may hold more")
    assert view(http, patient=tied(PERSON, "Patient/p2", "seealso")) == ["IRONLOW"]


# ------------------------------------------------------------------ K5: what a drug is


@each_of("Medication", "m1")
def test_the_drug_of_a_draft_is_found(http: FlaskClient, spelling: Spelling) -> None:
    draft = without_concept(IRON) | {"medicationReference": {"reference": spelling.reference}}
    found = spelling.entry(MEDICATION)
    assert removals(sign(http, basket({"resource": draft}, found))) == [REMOVAL]
    assert removals(sign(http, basket({"resource": draft}), medications=basket(found))) == [REMOVAL]


@each_of("Medication", "m1", with_id=False)
def test_a_medication_without_an_id_is_found_by_its_address(http: FlaskClient, spelling: Spelling) -> None:
    draft = without_concept(IRON) | {"medicationReference": {"reference": spelling.reference}}
    bare = {name: value for name, value in MEDICATION.items() if name != "id"}
    assert removals(sign(http, basket({"resource": draft}, spelling.entry(bare)))) == [REMOVAL]


@each_of("Medication", "m1")
def test_the_drug_of_an_order_on_record_is_found(http: FlaskClient, spelling: Spelling) -> None:
    taken = without_concept(IRON) | {"status": "active", "authoredOn": "2026-05-01"}
    order = taken | {"medicationReference": {"reference": spelling.reference}}
    diphenhydramine = spelling.entry(MEDICATION | {"code": concept("3498")})
    assert view(http, medications=basket({"resource": order}, diphenhydramine)) == ["IRONLOW", "AGGACTIVE"]


@pytest.mark.parametrize("reference", ["#m1", "m1", "##m1"])
@pytest.mark.parametrize("logical_id", ["m1", "#m1"])
def test_a_contained_medication_is_found_with_and_without_its_mark(
    http: FlaskClient, reference: str, logical_id: str
) -> None:
    held = MEDICATION | {"id": logical_id}
    draft = without_concept(IRON) | {"medicationReference": {"reference": reference}, "contained": [held]}
    assert removals(sign(http, bundle(draft))) == [REMOVAL]


@pytest.mark.parametrize("place", ["beside", "inside"])
@pytest.mark.parametrize("reference", ["#s1", "s1"])
def test_an_ingredient_that_is_a_contained_substance_is_found(http: FlaskClient, place: str, reference: str) -> None:
    substance = {"resourceType": "Substance", "id": "s1", "code": concept("24947")}
    made = {"resourceType": "Medication", "id": "m1", "ingredient": [{"itemReference": {"reference": reference}}]}
    held = [made, substance] if place == "beside" else [made | {"contained": [substance]}]
    draft = without_concept(IRON) | {"medicationReference": {"reference": "#m1"}, "contained": held}
    assert codes(sign(http, bundle(draft))) == ["OSIRONOVL"]


@each_of("Substance", "s1")
def test_an_ingredient_that_is_a_substance_is_found(http: FlaskClient, spelling: Spelling) -> None:
    substance = {"resourceType": "Substance", "id": "s1", "code": concept("24947")}
    for item in ("itemReference", "item"):
        made = {"resourceType": "Medication", "id": "m1", "ingredient": [{item: {"reference": spelling.reference}}]}
        draft = without_concept(IRON) | {"medicationReference": {"reference": "Medication/m1"}}
        entries = ({"resource": draft}, {"resource": made}, spelling.entry(substance))
        assert codes(sign(http, basket(*entries))) == ["OSIRONOVL"]


@pytest.mark.parametrize(
    "held",
    [
        [{"resourceType": "Medication", "id": "m1"}],
        [{"resourceType": "Medication", "id": "m1", "ingredient": [{"itemReference": {"reference": "#s1"}}]}],
        [],
    ],
)
def test_a_drug_that_no_resource_tells_is_no_all_clear(http: FlaskClient, held: list[Resource]) -> None:
    draft = without_concept(IRON) | {"medicationReference": {"reference": "#m1"}, "contained": held}
    is_outcome(http.post(SIGN, json=signing(bundle(draft))), 412)


def test_a_reference_that_two_different_drugs_answer_is_answered_by_neither(http: FlaskClient) -> None:
    draft = without_concept(IRON) | {"medicationReference": {"reference": "Medication/m1"}}
    other = MEDICATION | {"code": concept("3498")}
    for entries in ((MEDICATION, other), (other, MEDICATION)):
        is_outcome(http.post(SIGN, json=signing(bundle(draft, *entries))), 412)


def without_concept(order: Resource) -> Resource:
    return {name: value for name, value in order.items() if name != "medicationCodeableConcept"}


# ------------------------------------------------------------------ reasons


@each_of("Condition", "c1")
def test_the_reason_of_an_order_is_found(http: FlaskClient, spelling: Spelling) -> None:
    """A supplement whose stated reason is restless legs syndrome gets a card that others do not."""
    magnesium = IRON | {"medicationCodeableConcept": {"text": "magnesium oxide 400 mg oral tablet"}}
    ordered = magnesium | {"reasonReference": [{"reference": spelling.reference}]}
    diagnoses = basket(spelling.entry(RLS))
    assert codes(sign(http, bundle(ordered), conditions=diagnoses)) == ["OSSUPPNOLAB"]
    assert codes(sign(http, bundle(magnesium), conditions=diagnoses)) == []


# ------------------------------------------------------------------ K2: reading a Medication


@pytest.mark.parametrize("logical_id", ["m77", "a" * 109, LONG, "med_1", "a~b", "a:b", "é", "a b"])
@pytest.mark.parametrize("where", ["", "{base}/", "https://{host}/fhir/", "https://fhir.hospital.example:9/x/"])
@pytest.mark.control("SSRF-7")
def test_a_medication_is_read_from_our_own_server_alone(app: Flask, where: str, logical_id: str) -> None:
    """Of an absolute reference the id is taken, percent-encoded, and never the host."""
    with fault_server(empty, {"Medication/": answer(MEDICATION | {"id": logical_id})}) as server:
        host = server.address.removeprefix("http://")
        reference = f"{where.format(base=server.base, host=host)}Medication/{logical_id}"
        draft = without_concept(IRON) | {"medicationReference": {"reference": reference}}
        body = signing(bundle(draft)) | {"fhirServer": server.base}
        assert removals(is_response(app.test_client().post(SIGN, json=body))["cards"]) == [REMOVAL]
        assert len(server.paths()) == 1 and server.paths()[0].startswith("Medication/")


@pytest.mark.parametrize(
    "reference",
    ["Medication/..", "Medication/.", "Medication/a..b", "Medication/%2e%2e", "Medication/../../admin",
     "Medication/a%5cb", "Medication/a\x00", "Medication/a%0a", "Medication/" + "a" * 513, "Patient/p1", URN,
     "https://evil.example/x", "Medication/"],
)  # fmt: skip
@pytest.mark.control("SSRF-7")
def test_what_names_no_medication_is_not_read(app: Flask, reference: str) -> None:
    with fault_server(empty, {"Medication/": answer(MEDICATION)}) as server:
        draft = without_concept(IRON) | {"medicationReference": {"reference": reference}}
        body = signing(bundle(draft)) | {"fhirServer": server.base}
        is_outcome(app.test_client().post(SIGN, json=body), 412)
        assert server.paths() == []


# ------------------------------------------------------------------ K1: removing a draft


@pytest.mark.parametrize("logical_id", ["1", "a" * 64, "a" * 65, LONG, "a" * 512, "temp_1", "a~b", "a:b", "A.b-C"])
@pytest.mark.row("X-05")
def test_a_removal_echoes_the_clients_own_id(http: FlaskClient, logical_id: str) -> None:
    draft = IRON | {"id": logical_id}
    named = f"MedicationRequest/{logical_id}"
    assert removals(sign(http, bundle(draft))) == [named]
    assert removals(select(http, bundle(draft), [named])) == [named]


@pytest.mark.parametrize("logical_id", ["a" * 513, "a/b", "a b", "é", "..", "a#b", "a?b", ""])
def test_a_draft_that_cannot_be_named_is_told_of_in_words(http: FlaskClient, logical_id: str) -> None:
    cards = sign(http, bundle(IRON | {"id": logical_id}))
    assert codes(cards) == ["OSIRONOVL"] and removals(cards) == []


def test_two_drafts_of_one_name_are_not_removed_by_it(http: FlaskClient) -> None:
    other = IRON | {"medicationCodeableConcept": {"text": "atorvastatin 20 mg"}}
    assert removals(sign(http, bundle(IRON, other))) == []
    assert removals(sign(http, bundle(IRON, dict(IRON)))) == [REMOVAL]


@pytest.mark.parametrize("profile", ["epic", "oracle-health", "generic"])
def test_every_profile_that_takes_removals_gets_them(profile: str) -> None:
    client = unhurried(profile)
    with application(settings(profile=client)) as app:
        cards = sign(app.test_client(), bundle(IRON | {"id": LONG}))
    assert codes(cards) == ["OSIRONOVL"]
    assert removals(cards) == ([f"MedicationRequest/{LONG}"] if "delete" in client.actions else [])


# ------------------------------------------------------------------ K7: draft orders that cannot be read or matched

OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
NOTE = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
NOT_ORDERS = (
    {},
    OUTCOME,
    NOTE,
    bundle(OUTCOME),
    bundle(NOTE),
    bundle(OUTCOME, NOTE),
    {"resourceType": "Bundle", "entry": [OUTCOME]},
    {"resource": OUTCOME},
    {"resource": None},
    {"resource": "x"},
    {"entry": "x"},
    {"resourceType": "Bundle", "entry": "x"},
    {"resourceType": "Bundle", "entries": [{"resource": IRON}]},
    {"resourceType": "Bundle", "entry": None, "orders": []},
    {"resourceType": "Bundle", "resource": IRON},
    {"resourceType": "Bundle", "entry": [], "order": {"resource": IRON}},
    {"resourceType": "Patient", "id": "p1"},
    {"resourceType": 5, "entry": []} | {"entry": 5},
    {"id": "d1", "status": "draft"},
    IRON | {"resourceType": ""},
)


@pytest.mark.parametrize("drafts", NOT_ORDERS, ids=range(len(NOT_ORDERS)))
@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
@pytest.mark.row("R-21")
def test_what_are_no_draft_orders_is_400(http: FlaskClient, hook: str, drafts: Any) -> None:
    context = {"draftOrders": drafts} | ({"selections": ["d1"]} if hook == "order-select" else {})
    found = http.post(SELECT if hook == "order-select" else SIGN, json=call(hook, sent(), **context))
    [issue] = is_outcome(found, 400)
    assert issue["expression"] == ["context.draftOrders"]


READABLE = (
    IRON,
    {"resource": IRON},
    {"resource": basket({"resource": IRON})},
    {"entry": [{"resource": IRON}]},
    {"entry": [IRON]},
    {"resourceType": "Bundle", "entry": [IRON]},
    {"resourceType": "Bundle", "entry": {"resource": IRON}},
    {"resourceType": "Bundle", "type": "nonsense", "entry": [{"resource": basket({"resource": IRON})}]},
    basket({"resource": NOTE}, {"resource": IRON}),
    {"resourceType": "Bundle", "link": [{"relation": "self", "url": "x"}], "entry": [{"resource": IRON}]},
)


@pytest.mark.parametrize("drafts", READABLE, ids=range(len(READABLE)))
@pytest.mark.row("R-19")
def test_draft_orders_of_any_shape_are_read(http: FlaskClient, drafts: Any) -> None:
    assert removals(sign(http, drafts)) == [REMOVAL]


#: Entries beside which no draft can be said to be all.
UNREADABLE = (
    {"fullUrl": "http://ehr/MedicationRequest/d2"},
    {"resource": None},
    {"resource": []},
    {"resource": {"id": "d2"}},
    {"resource": IRON | {"id": "d2", "resourceType": "medicationrequest"}},
    {"resource": OUTCOME},
    {},
    None,
    "x",
    {"resource": {"resourceType": "Bundle", "entry": "x"}},
    {"resource": IRON | {"id": "d2", "subject": {"reference": URN}}},
)


@pytest.mark.parametrize("entry", UNREADABLE, ids=range(len(UNREADABLE)))
def test_an_entry_that_cannot_be_read_is_an_unknown_draft(http: FlaskClient, entry: Any) -> None:
    """Beside cards that fire it is one NOTEVALUATED card; alone the client chooses; without restless legs nothing."""
    lab = record("ServiceRequest", "s1", "2345-7", "http://loinc.org", status="draft", intent="order")
    beside = basket({"resource": lab}, entry)
    both = sign(http, basket({"resource": IRON}, entry))
    assert codes(both) == ["OSIRONOVL", "NOTEVALUATED"] and removals(both) == [REMOVAL]
    assert "draft orders" in both[1]["summary"]
    [issue] = is_outcome(http.post(SIGN, json=signing(beside)), 412)
    assert issue["diagnostics"].startswith("draftOrders: ")
    with application(settings(profile=unhurried("sandbox"))) as app:
        assert codes(sign(app.test_client(), beside)) == ["NOTEVALUATED"]
    assert sign(http, beside, conditions=bundle(OVERLOAD)) == []


UUID = "6d0f4a8e-1b7c-4d51-9c6e-0f2b7a9d3e11"
NAMELESS = {name: value for name, value in IRON.items() if name != "id"}


@each_of("MedicationRequest", "d1")
def test_a_selection_is_matched_in_every_spelling(http: FlaskClient, spelling: Spelling) -> None:
    """The other draft, which nobody selected, gets no card."""
    other = IRON | {"id": "d2", "medicationCodeableConcept": {"text": "magnesium citrate 100 mg"}}
    drafts = basket(spelling.entry(IRON), {"resource": other})
    [card] = select(http, drafts, [spelling.reference])
    assert codes([card]) == ["OSIRONOVL"]
    assert select(http, drafts, ["MedicationRequest/d2"]) == []


def test_a_selection_names_a_draft_without_an_id_by_its_address(http: FlaskClient) -> None:
    drafts = basket({"fullUrl": f"urn:uuid:{UUID}", "resource": NAMELESS})
    for selection in (f"MedicationRequest/{UUID}", f"urn:uuid:{UUID}", UUID):
        cards = select(http, drafts, [selection])
        assert codes(cards) == ["OSIRONOVL"] and removals(cards) == [], selection


@pytest.mark.parametrize(
    "selections",
    [
        ["MedicationRequest/zzz"],
        ["zzz"],
        [URN],
        [None],
        [""],
        [{"reference": "MedicationRequest/zzz"}],
        "zzz",
        ["x", None],
        [],
    ],
)
def test_selections_that_match_no_draft_select_all(http: FlaskClient, selections: Any) -> None:
    assert codes(select(http, bundle(IRON), selections)) == ["OSIRONOVL"]


@pytest.mark.parametrize("selections", ["MedicationRequest/d1", ["d1", None], [{"reference": "MedicationRequest/d1"}]])
def test_one_selection_may_stand_by_itself_or_beside_nothing(http: FlaskClient, selections: Any) -> None:
    other = IRON | {"id": "d2"}
    assert removals(select(http, bundle(IRON, other), selections)) == [REMOVAL]


@pytest.mark.parametrize("selections", [5, [5], {}, None])
def test_selections_of_another_kind_are_400(http: FlaskClient, selections: Any) -> None:
    body = call("order-select", sent(), draftOrders=bundle(IRON), selections=selections)
    is_outcome(http.post(SELECT, json=body), 400)


def test_an_unreadable_entry_is_no_concern_of_selections_that_are_all_matched(http: FlaskClient) -> None:
    drafts = basket({"resource": IRON}, {"fullUrl": "http://ehr/MedicationRequest/d2"})
    assert codes(select(http, drafts, ["MedicationRequest/d1"])) == ["OSIRONOVL"]
    both = ["MedicationRequest/d1", "MedicationRequest/d2"]
    assert codes(select(http, drafts, both)) == ["OSIRONOVL", "NOTEVALUATED"]


def test_at_most_two_hundred_drafts_are_judged_and_the_rest_is_said(http: FlaskClient) -> None:
    harmless = [IRON | {"id": f"a{n}", "medicationCodeableConcept": {"text": "atorvastatin"}} for n in range(199)]
    assert codes(sign(http, bundle(*harmless, IRON))) == ["OSIRONOVL"]
    cards = sign(http, bundle(*harmless, IRON, IRON | {"id": "last"}))
    assert codes(cards) == ["OSIRONOVL", "NOTEVALUATED"] and removals(cards) == [REMOVAL]
    assert "draft orders (200 of 201 read)" in cards[1]["detail"]


# ------------------------------------------------------------------ versions


@pytest.mark.parametrize("reverse", [False, True])
def test_two_versions_that_nothing_tells_apart_both_stand(http: FlaskClient, reverse: bool) -> None:
    """A difference in band is a conflict, whatever the order of the entries; a later version ends it."""
    other = FERRITIN | {"valueQuantity": FERRITIN["valueQuantity"] | {"value": 140}}
    pair = (other, FERRITIN) if reverse else (FERRITIN, other)
    assert view(http, labs=bundle(*pair, SATURATION)) == ["IRONCONFLICT"]
    later = FERRITIN | {"meta": {"lastUpdated": "2026-06-02T10:00:00.5+02:00"}}
    earlier = other | {"meta": {"lastUpdated": "2026-06-02T08:00:00.25Z"}}
    pair = (earlier, later) if reverse else (later, earlier)
    assert view(http, labs=bundle(*pair, SATURATION)) == ["IRONLOW"]


def test_two_results_of_one_id_with_different_codes_are_two(http: FlaskClient) -> None:
    assert view(http, labs=bundle(FERRITIN, SATURATION | {"id": "o1"})) == ["IRONLOW"]
    stop = SATURATION | {"id": "o1", "valueQuantity": SATURATION["valueQuantity"] | {"value": 60}}
    assert view(http, labs=bundle(FERRITIN, stop)) == ["IRONHIGHTSAT"]
