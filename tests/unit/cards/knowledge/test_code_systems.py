"""Every spelling of a code system that feeds use is read as the one FHIR knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.knowledge.code_systems import (
    ATC,
    CPT,
    HCPCS,
    ICD_9_CM,
    ICD_10,
    ICD_10_AM,
    ICD_10_CM,
    ICD_10_GM,
    ICD_11,
    ICPC_2,
    LOINC,
    NDC,
    RXNORM,
    SNOMED,
    UCUM,
    UNII,
    plain_code,
    system_of,
)

SPELLINGS = [
    ("http://loinc.org", LOINC),
    ("https://loinc.org/", LOINC),
    ("http://www.loinc.org", LOINC),
    ("LOINC", LOINC),
    ("urn:oid:2.16.840.1.113883.6.1", LOINC),
    ("2.16.840.1.113883.6.1", LOINC),
    (" http://loinc.org ", LOINC),
    ("http://snomed.info/sct", SNOMED),
    ("http: //snomed.info/sct", SNOMED),
    ("http://snomed.info/sct/", SNOMED),
    ("http://snomed.info/sct|http://snomed.info/sct/731000124108", SNOMED),
    ("http://snomed.info/sct/731000124108/version/20240901", SNOMED),
    ("http://snomed.info/sct/900000000000207008", SNOMED),
    ("SNOMED CT", SNOMED),
    ("SNOMED-CT", SNOMED),
    ("urn:oid:2.16.840.1.113883.6.96", SNOMED),
    ("http://hl7.org/fhir/sid/icd-10-cm", ICD_10_CM),
    ("https://hl7.org/fhir/sid/icd-10-cm/", ICD_10_CM),
    ("ICD-10-CM", ICD_10_CM),
    ("urn:oid:2.16.840.1.113883.6.90", ICD_10_CM),
    ("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10", ICD_10_CM),
    ("http://hl7.org/fhir/sid/icd-9-cm", ICD_9_CM),
    ("2.16.840.1.113883.6.103", ICD_9_CM),
    ("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd9", ICD_9_CM),
    ("http://hl7.org/fhir/sid/icd-10", ICD_10),
    ("urn:oid:2.16.840.1.113883.6.3", ICD_10),
    ("urn:oid:1.3.6.1.4.1.12559.11.10.1.3.1.44.2", ICD_10),
    ("http://www.saude.gov.br/fhir/r4/CodeSystem/BRCID10", ICD_10),
    ("http://hl7.org/fhir/sid/icd-10-nl", ICD_10),
    ("http://hl7.org/fhir/sid/icd10CM", ICD_10_CM),
    ("http://hl7.org/fhir/sid/icd10-cm", ICD_10_CM),
    ("http://hl7.org/fhir/sid/ICD-10-CM", ICD_10_CM),
    ("http://terminology.hl7.org/CodeSystem/icd-10-cm|2025", ICD_10_CM),
    ("ICD 10 CM", ICD_10_CM),
    ("http://hl7.org/fhir/sid/icd-10-es", ICD_10_CM),
    ("https://www.ehealth.example/NamingSystem/icd-10-be", ICD_10_CM),
    ("http://hl7.org/fhir/sid/icd-10-se", ICD_10),
    ("https://fhir.hl7.org.uk/Id/icd-10", ICD_10),
    ("http://hl7.org/fhir/sid/icd-10-am", ICD_10_AM),
    ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", ICD_10_GM),
    ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", ICD_10_GM),
    ("http://id.who.int/icd/release/11/mms", ICD_11),
    ("http://id.who.int/icd/release/11/2023-01/mms", ICD_11),
    ("http://hl7.org/fhir/sid/icpc-2", ICPC_2),
    ("http://hl7.org/fhir/sid/icpc-1", ICPC_2),
    ("urn:oid:2.16.840.1.113883.2.4.4.31.1", ICPC_2),
    ("http://terminology.hl7.org/CodeSystem/icpc2E", ICPC_2),
    ("http://www.saude.gov.br/fhir/r4/CodeSystem/BRCIAP2", ICPC_2),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", RXNORM),
    ("urn:oid:2.16.840.1.113883.6.88", RXNORM),
    ("http://www.whocc.no/atc", ATC),
    ("http://whocc.no/atc", ATC),
    ("http://www.ama-assn.org/go/cpt", CPT),
    ("urn:oid:2.16.840.1.113883.6.12", CPT),
    ("urn:oid:2.16.840.1.113883.6.285", HCPCS),
    ("http://fda.gov/UNII/", UNII),
    ("http://hl7.org/fhir/sid/ndc", NDC),
    ("http://unitsofmeasure.org", UCUM),
    ("urn:oid:2.16.840.1.113883.6.8", UCUM),
]


@pytest.mark.parametrize(("spelling", "system"), SPELLINGS)
def test_a_spelling_is_read_as_its_system(spelling: str, system: str) -> None:
    assert system_of(spelling) == system


@pytest.mark.parametrize(
    "stranger",
    [
        "",
        "http://e-imo.com/products/problem-it",
        "urn:oid:2.16.840.1.113883.6.42",
        "http://loinc.org.example",
        None,
        7,
        [],
    ],
)
def test_anything_else_is_no_system_of_ours(stranger: object) -> None:
    assert system_of(stranger) is None


@pytest.mark.parametrize(
    ("system", "code", "plain"),
    [
        (ICD_10_CM, "G25.81", "G2581"),
        (ICD_10_CM, "g2581 ", "G2581"),
        (ICD_10, "G25.8+", "G258"),
        (ICD_9_CM, "333.94", "33394"),
        (ICD_11, "7A80&XS25", "7A80"),
        (ICD_11, "7A80/8C0Z", "7A80"),
        (LOINC, " 2276-4", "2276-4"),
        (UCUM, "mL", "mL"),
    ],
)
def test_codes_are_compared_without_dots_and_marks(system: str, code: str, plain: str) -> None:
    assert plain_code(system, code) == plain


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert system_of(text) is None or isinstance(system_of(text), str)
