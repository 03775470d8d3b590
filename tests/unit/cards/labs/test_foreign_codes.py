"""Results in codes that nothing maps (data amendments 3)."""

from __future__ import annotations

from typing import Any

import pytest

from cards.fhir.bundles import Listed
from cards.fhir.local_codes import local_key
from cards.labs.foreign_codes import named_analytes, names_another_test
from cards.reading import Site
from cards.reading.unknown import unknown_codes
from tests.builders.observations import LOINC, observation, read

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
        ("urn:local", "FERR", "Ferritin", {"ferritin"}),
        ("", "FERR", "Ferritin i.S.", {"ferritin"}),
        ("urn:local", "FERR", "", set()),
        ("http://www.ama-assn.org/go/cpt", "82728", "Ferritin", set()),
        ("http://loinc.org", "2276-4", "Ferritin", set()),
    ],
)
def test_words_or_code_name_the_analyte(system: str, code: str, words: str, named: set[str]) -> None:
    assert named_analytes([(system, code)], [words]) == named


#: Names as laboratories write them without any code, and what they name.
NAMES = {
    "Ferritin": {"ferritin"},
    "S-Ferritin": {"ferritin"},
    "fS-Ferritiini": {"ferritin"},
    "Serumferritin": {"ferritin"},
    "FERRITINE (sang)": {"ferritin"},
    "Ferritin, see note": {"ferritin"},
    "Transferrin saturation": {"tsat"},
    "Iron saturation of total iron binding capacity": {"tsat"},
    "Transferrinsättigung": {"tsat"},
    "Iron Saturation": {"tsat"},
    "Iron % Saturation": {"tsat"},
    "% Iron Saturation": {"tsat"},
    "Iron (% saturation)": {"tsat"},
    "IRON_SAT": {"tsat"},
    "Iron Sat": {"tsat"},
    "Fe-Sättigung": {"tsat"},
    "TSAT": {"tsat"},
    "TSAT (calc.)": {"tsat"},
    "Transferrin % Saturation": {"tsat"},
    "Transferrin Sat": {"tsat"},
    "Transferrin-Sättigung": {"tsat"},
    "Transferrin – Sättigung": {"tsat"},
    "S-Transferrin, saturation": {"tsat"},
    "% saturation, TIBC": {"tsat"},
    "% Saturation of transferrin": {"tsat"},
    "Coefficient de saturation de la sidérophiline": {"tsat"},
    "Saturation sidérophiline": {"tsat"},
    "Transferrine-verzadiging": {"tsat"},
    "Índice de saturación de transferrina": {"tsat"},
    "Saturazione transferrina %": {"tsat"},
    "Saturação da transferrina": {"tsat"},
    "P-Transferrin, järnmättnad": {"tsat"},
    "P-Transferrin-jernmætning": {"tsat"},
    "fP-TrFeSat": {"tsat"},
    "Wysycenie transferryny": {"tsat"},
    "Ferrytyna": {"ferritin"},
    "S-Ferrytyna": {"ferritin"},
    "Feritin": {"ferritin"},
    "Ферритин": {"ferritin"},
    "Φερριτίνη": {"ferritin"},
    "25(OH) vitamin D": {"vitd"},
    "C reactive protein": {"crp"},
    "% Saturation": set(),
    "Saturation": set(),
    "O2 % saturation": set(),
    "O2 Sat": set(),
    "Oxygen saturation": set(),
    "Arterial blood gas: % saturation": set(),
    "SpO2": set(),
    "Sauerstoffsättigung": set(),
    "Saturation en oxygène": set(),
    "Unsaturated iron binding capacity": set(),
    "Iron": set(),
    "Iron and TIBC": set(),
    "1,25-(OH)2 vitamin D": set(),
    "1,25(OH) vitamin D": set(),
    "Iron, SatO2": set(),
    "CKD, epilepsy": set(),
    "CKD epilepsy": set(),
    "Magnesium": {"magnesium"},
    "P-Calcium": {"calcium"},
    "Phosphat i.S.": {"phosphate"},
    "eGFR (CKD-EPI)": {"egfr"},
    "Ferritin index": set(),
    "sTfR/log ferritin": set(),
    "Ferritin in CSF": set(),
    "Ferritin (Liquor)": set(),
    "Transferrin": set(),
    "Soluble transferrin receptor": set(),
    "Transferrin receptor / ferritin": set(),
    "Apoferritin": set(),
    "Iron deficiency": set(),
    "U-Calcium": set(),
    "dU—Magnesium": set(),
    "Calcium im Sammelurin": set(),
    "Coronary artery calcium score": set(),
    "Calcium intake": set(),
    "Calcium, ionisiert": set(),
    "Alkaline phosphatase": set(),
    "Alkalische Phosphatase": set(),
    "Pyridoxal-5-phosphate": set(),
    "Glucose-6-phosphate dehydrogenase": set(),
    "EGFR gene mutation": set(),
    "Ferritin reference range": set(),
    "Ferritin/AST index": set(),
    "Magnesium oxide tablets taken": set(),
    "Magnesiumoxid Tabletten": set(),
    "Calcium channel": set(),
    "Calcium channel blocker": set(),
    "Ferritin (dilution 1:10)": {"ferritin"},
    "Ferritin, age-adjusted": {"ferritin"},
    "Magnesium, taken on tablets": {"magnesium"},
    "Calcium saturation index": {"calcium"},
}


@pytest.mark.parametrize("words", NAMES)
@pytest.mark.parametrize("of_a_laboratory", [True, False], ids=["local code", "no code"])
def test_words_beside_no_public_code_name_the_analyte_or_another_test(words: str, of_a_laboratory: bool) -> None:
    assert named_analytes([("urn:local", "X1")] if of_a_laboratory else [], [words]) == NAMES[words]


PARTS = {
    "Age": True,
    "Specimen volume": True,
    "Dilution": True,
    "dilution factor:": True,
    "Result": False,
    "Value": False,
    "Agent": False,
    "Result after dilution": False,
    "": False,
}


@pytest.mark.parametrize("words", PARTS)
def test_a_part_that_tells_of_the_patient_or_the_sample_is_no_result_of_the_test_around_it(words: str) -> None:
    assert names_another_test([words]) is PARTS[words]
    part = {"code": {"text": words}, "valueQuantity": {"value": 812, "unit": "ng/mL"}}
    results = read(observation("ferritin", component=[part]))
    assert any(each.possible for each in results.unusable) is not PARTS[words]


def test_such_a_word_beside_another_says_nothing() -> None:
    assert not names_another_test(["Result", "Dilution"])


@pytest.mark.parametrize(
    "code",
    [
        {"text": "Ferritin"},
        {"coding": [{"display": "Ferritin"}]},
        {"coding": [{"system": LOINC, "display": "Ferritin [Mass/volume] in Serum or Plasma"}]},
        {"coding": [{"system": "urn:lab", "code": "FERR"}], "text": "Ferritin"},
        {"coding": [{"code": "FERR", "display": "S-Ferritin"}]},
        "Ferritin",
    ],
)
def test_a_result_in_words_or_a_code_of_a_laboratory_is_listed_and_blocks_but_is_never_compared(code: Any) -> None:
    results = read(observation("ferritin", 812, "ng/mL", code=code))
    assert results.labs == ()
    (listed,) = results.unusable
    assert (listed.analyte, listed.why) == ("ferritin", "code-not-mapped")
    assert listed.possible[0].value == 812


@pytest.mark.parametrize(
    "sent",
    [
        observation("ferritin", code={"text": "Ferritin"}),
        observation(
            "ferritin", 812, "ng/mL", code={"coding": [{"system": LOINC, "code": "9999-9"}], "text": "Ferritin"}
        ),
        observation("ferritin", 812, "ng/mL", code={"text": "Ferritin"}, specimen={"display": "Urine"}),
    ],
    ids=["without a value", "LOINC tells that it is another", "of urine"],
)
def test_words_count_beside_a_value_and_without_a_code_of_loinc(sent: dict[str, Any]) -> None:
    assert read(sent).labs == ()
    assert not any(each.why == "code-not-mapped" for each in read(sent).unusable)


def test_such_a_result_is_listed_and_never_compared_and_its_code_is_counted() -> None:
    coded = {"coding": [{"system": SNOMED, "code": "489004", "display": "Ferritin measurement"}]}
    sent = observation("ferritin", 38, "ug/L", code=coded)
    results = read(sent)
    assert results.labs == ()
    assert [(each.analyte, each.why) for each in results.unusable] == [("ferritin", "code-not-mapped")]
    assert unknown_codes({"labs": Listed((sent,))}) == ((SNOMED, "489004"),)
    mapped = Site(local_codes={local_key(SNOMED, "489004"): "lab-ferritin"})
    assert unknown_codes({"labs": Listed((sent,))}, mapped) == ()
