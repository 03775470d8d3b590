"""Results in codes that nothing maps (data amendments 3)."""

from __future__ import annotations

import pytest

from cards.fhir.bundles import Listed
from cards.fhir.local_codes import local_key
from cards.labs.foreign_codes import named_analytes
from cards.reading import Site
from cards.reading.unknown import unknown_codes
from tests.builders.observations import observation, read

SNOMED, NPU = "http://snomed.info/sct", "urn:oid:1.2.208.176.2.1"
JLAC10 = "urn:oid:1.2.392.200119.4.504"
NHG = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"


@pytest.mark.parametrize(
    ("system", "code", "words", "named"),
    [
        (SNOMED, "489004", "", {"ferritin"}),
        (SNOMED, "1", "Ferritin measurement", {"ferritin"}),
        (NPU, "NPU19763", "P—Ferritin; massek.", {"ferritin"}),
        (NHG, "504", "ferritine", {"ferritin"}),
        (JLAC10, "5C095000002301", "", {"ferritin"}),
        (NHG, "1", "Transferrinesaturatie", {"tsat"}),
        (NHG, "1", "eGFR volgens CKD-EPI", {"egfr"}),
        (SNOMED, "1", "Calcium in urine", set()),
        (SNOMED, "1", "Hemoglobin A1c, glycated hemoglobin", set()),
        (SNOMED, "1", "Sodium", set()),
        ("urn:local", "FERR", "Ferritin", set()),
        ("http://loinc.org", "2276-4", "Ferritin", set()),
    ],
)
def test_words_or_code_name_the_analyte(system: str, code: str, words: str, named: set[str]) -> None:
    assert named_analytes([(system, code)], [words]) == named


def test_such_a_result_is_listed_and_never_compared_and_its_code_is_counted() -> None:
    coded = {"coding": [{"system": SNOMED, "code": "489004", "display": "Ferritin measurement"}]}
    sent = observation("ferritin", 38, "ug/L", code=coded)
    results = read(sent)
    assert results.labs == ()
    assert [(each.analyte, each.why) for each in results.unusable] == [("ferritin", "code-not-mapped")]
    assert unknown_codes({"labs": Listed((sent,))}) == ((SNOMED, "489004"),)
    mapped = Site(local_codes={local_key(SNOMED, "489004"): "lab-ferritin"})
    assert unknown_codes({"labs": Listed((sent,))}, mapped) == ()
