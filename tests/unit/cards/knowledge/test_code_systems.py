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
    ("https://smt.esante.gouv.fr/terminologie-cim-10", ICD_10),
    ("https://terminology.eds.aphp.fr/fhir/CodeSystem/itm-cim10", ICD_10),
    ("http://hl7.org/fhir/sid/icd-10-fr", ICD_10),
    ("http://hl7.org/fhir/sid/icd-10-no", ICD_10),
    ("http://hl7.org/fhir/sid/icd-10-pl", ICD_10),
    ("http://terminology.hl7.org/CodeSystem/icd10dut", ICD_10),
    ("https://termgit.elga.gv.at/CodeSystem/icd-10-bmsgpk-2025", ICD_10),
    ("https://termgit.elga.gv.at/CodeSystem/bmg-icd-10-2024", ICD_10),
    ("https://uzis.cz/terminology/CodeSystem/mkn-10", ICD_10),
    ("https://fhir.ee/CodeSystem/rhk-10", ICD_10),
    ("urn:oid:2.16.578.1.12.4.1.1.7110", ICD_10),
    ("urn:oid:1.2.246.537.6.1", ICD_10),
    ("urn:oid:1.2.246.537.6.1|1999", ICD_10),
    ("1.2.246.537.6.1.1999", ICD_10),
    ("urn:oid:1.2.208.176.2.4", ICD_10),
    ("urn:oid:1.2.208.176.2.4.12", ICD_10),
    ("urn:oid:1.2.752.116.1.1.1", ICD_10),
    ("1.2.752.116.1.1.1.1.3", ICD_10),
    ("CIE-10-MC", ICD_10_CM),
    ("http://hl7.org/fhir/sid/icd-10-am", ICD_10_AM),
    ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", ICD_10_GM),
    ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", ICD_10_GM),
    ("http://id.who.int/icd/release/11/mms", ICD_11),
    ("http://id.who.int/icd/release/11/2023-01/mms", ICD_11),
    ("http://hl7.org/fhir/sid/icpc-2", ICPC_2),
    ("http://hl7.org/fhir/sid/icpc-1", ICPC_2),
    ("urn:oid:2.16.840.1.113883.2.4.4.31.1", ICPC_2),
    ("http://terminology.hl7.org/CodeSystem/icpc2E", ICPC_2),
    ("urn:oid:2.16.578.1.12.4.1.1.7170", ICPC_2),
    ("urn:oid:1.2.246.537.6.31", ICPC_2),
    ("urn:oid:1.2.208.176.2.31", ICPC_2),
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
        "http://www.cms.gov/Medicare/Coding/ICD10/icd-10-pcs",
        "http://hl7.org/fhir/sid/icd-10-pcs",
        "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-procedure-icd10",
        "http://example.org/CodeSystem/icd-10-px",
        "http://example.org/CodeSystem/icd-9-to-icd-10-map",
        "http://example.org/CodeSystem/snomed-to-icd-10",
        "http://example.org/CodeSystem/icd-10-to",
        "http://example.org/CodeSystem/ops-icd-10",
        "http://example.org/CodeSystem/oper-icd10",
        "http://example.org/CodeSystem/surgery-icd10",
        "http://example.org/CodeSystem/achi-icd-10-am",
        "http://example.org/CodeSystem/drg-icd-10",
        "http://example.org/CodeSystem/hcc-icd-10-cm",
        "http://example.org/CodeSystem/seitenlokalisation-icd-10",
        "http://terminology.hl7.org/CodeSystem/icpc2ICD10ENG",
        "http://terminology.hl7.org/CodeSystem/icd-o-3",
        "http://hl7.org/fhir/sid/icd-9",
        "http://hl7.org/fhir/sid/icd-100",
        "http://hl7.org/fhir/sid/icf-nl",
        "https://smt.esante.gouv.fr/terminologie-cim11-mms",
        "urn:oid:1.2.246.537.6.12",
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
        (ICD_10, "DE831", "E831"),
        (ICD_10, "DE831A", "E831"),
        (ICD_10, "DD45", "D45"),
        (ICD_10, "D45", "D45"),
        (ICD_10, "E83.1A", "E831"),
        (ICD_10, "D75.A", "D75A"),
        (ICD_10, "KJDF10", "KJDF10"),
        (ICD_10_CM, "DE831", "DE831"),
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
