"""What stands for the words of a vignette: codes of the specification, and draft orders of fhir_fixtures/drafts."""

from __future__ import annotations

SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"

#: Diagnoses by vignette key: words, SNOMED CT, ICD-10-CM.
DIAGNOSES = {
    "rls": ("Restless legs syndrome", "32914008", "G25.81"),
    "plmd": ("Periodic limb movement disorder", "418763003", "G47.61"),
    "pregnant": ("Pregnancy", "77386006", "Z33.1"),
    "esrd": ("End-stage renal disease", "46177005", "N18.6"),
    "dialysis": ("Dependence on renal dialysis", "105502003", "Z99.2"),
    "haemochromatosis": ("Hereditary haemochromatosis", "35400008", "E83.110"),
    "polycythaemia_vera": ("Polycythaemia vera", "109992005", "D45"),
    "parkinson": ("Parkinson's disease", "49049000", "G20"),
    "sepsis": ("Sepsis", "91302008", "A41.9"),
}

#: LOINC by analyte; by analyte and unit where the unit asks for another code.
LABS = {
    "ferritin": "2276-4",
    ("ferritin", "pmol/L"): "14723-1",
    "tsat": "2502-3",
    "iron": "2498-4",
    "tibc": "2500-7",
    "crp": "1988-5",
    "hb": "718-7",
    "b12": "2132-9",
    "folate": "2284-8",
    "vitd": "62292-8",
    ("vitd", "nmol/L"): "68438-1",
    "ca": "17861-6",
    "egfr": "98979-8",
}

NOT_UCUM = ("mcg/L", "mL/min/1.73m2")

#: The draft order (file name in fhir_fixtures/drafts) that stands for a drug, by class, name and daily amount.
ORDERS: dict[tuple[str, str | None, float | None], str] = {
    ("iron_oral", "ferrous sulfate", None): "ferrous-sulfate-325-once-daily",
    ("iron_oral", "ferrous sulfate", 65): "ferrous-sulfate-325-once-daily",
    ("iron_oral", "ferrous sulfate", 195): "ferrous-sulfate-325-three-times-daily",
    ("iron_oral", "ferrous sulfate", 200): "ferrous-sulfate-250-four-tablets-daily",
    ("iron_oral", "ferrous sulfate", 27): "prenatal-vitamin-27-iron",
    ("iron_oral", "multivitamin with iron", 18): "iron-carbonyl-18-once-daily",
    ("iron_iv", "fcm", None): "ferric-carboxymaltose-750",
    ("iron_iv", "sucrose", None): "iron-sucrose-200",
    ("iron_iv", "ferumoxytol", None): "ferumoxytol-510",
    ("iron_iv", "fdi", None): "ferric-derisomaltose-1000",
    ("da", "ropinirole", None): "ropinirole-0.25-at-bedtime",
    ("da", "pramipexole", None): "pramipexole-0.125-at-bedtime",
    ("levodopa", "carbidopa/levodopa", None): "carbidopa-levodopa-25-100-three-times-daily",
    ("agg_sub", "metoclopramide", None): "metoclopramide-10-before-meals",
    ("agg_sub", "diphenhydramine", None): "diphenhydramine-25-at-bedtime",
    ("agg_psy", "sertraline", None): "sertraline-50-once-daily",
    ("folate", None, 1): "folic-acid-1-mg-once-daily",
    ("folate", None, 0.4): "folic-acid-400-micrograms-once-daily",
    ("b12", "cyanocobalamin", None): "cyanocobalamin-1-mg-once-daily",
    ("b6", None, 200): "pyridoxine-200-once-daily",
    ("b6", None, 50): "pyridoxine-50-once-daily",
    ("vitd", None, None): "vitamin-d-50000-weekly",
    ("mg_oral", None, None): "magnesium-oxide-400-once-daily",
    ("vitc", None, 200): "vitamin-c-200-once-daily",
    ("vitc", None, 1000): "vitamin-c-1000-once-daily",
    ("gaba", "gabapentin", 900): "gabapentin-300-three-times-daily",
    ("metformin", "metformin", None): "metformin-500-twice-daily",
    ("levothyroxine", "levothyroxine", None): "levothyroxine-100-once-daily",
    ("ppi", "omeprazole", None): "omeprazole-20-once-daily",
    ("isoniazid", "isoniazid", None): "isoniazid-300-once-daily",
    ("other", "norethindrone/EE + ferrous fumarate 75 mg", None): "oral-contraceptive-with-iron-pills",
}
#: Orders for one dose.
ONE_DOSE: dict[tuple[str, str | None, float | None], str] = {
    ("agg_sub", "diphenhydramine", None): "diphenhydramine-25-once",
    ("mg_oral", "magnesium citrate", None): "magnesium-citrate-bowel-preparation",
}
TESTS = {"ferritin": "ferritin-lab", "iron_panel": "iron-panel-lab"}

ALLERGENS = {
    "fcm": ("1433693", "ferric carboxymaltose"),
    "dextran": ("5992", "Iron-Dextran Complex"),
}
REASONS = {"hf": ("I50.9", "Heart failure, unspecified")}
