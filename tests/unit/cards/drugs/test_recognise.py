"""Names and codes as they are really sent, and the traps of clinical page 4.6."""

from __future__ import annotations

import pytest

from cards.drugs.forms import form_named, route_named
from cards.drugs.ingredients import ingredients
from cards.drugs.recognise import recognise
from cards.drugs.telling import Telling, telling_of
from cards.drugs.words import IRON_UNTOLD, amounts_named
from cards.knowledge.code_systems import ATC, HCPCS, RXNORM, UNII


def coded(system: str, code: str, text: str = "") -> dict[str, object]:
    return {"coding": [{"system": system, "code": code}], "text": text}


@pytest.mark.parametrize(
    "words",
    [
        "spironolactone 25 MG Oral Tablet",
        "Buspirone 10 mg tablet",
        "Elmiron 100 mg capsule",
        "Metopirone 250 mg",
        "ondansetron 4 mg",
        "bupropion XL 150 mg",
        "trazodone 50 mg",
        "domperidone 10 mg",
        "cetirizine 10 mg",
        "loratadine 10 mg",
        "leucovorin calcium 5 mg tablet",
        "calcium folinate 15 mg",
        "magnesium stearate",
        "docusate calcium 240 mg",
        "atorvastatin calcium 20 mg",
        "magnesium salicylate 580 mg",
        "ferric oxide red",
        "ropinstar",
        "multivitamin without iron",
        "diphenhydramine 2 % topical cream",
        "ciprofloxacin 0.3 % eye drops",
        "prenatal vitamin without iron",
        "Prenatal vitamins, iron-free",
        "multivitamin with minerals, no iron",
        "multivitamin",
        "prenatal visit",
        "prenatal panel",
        "minerals",
        "see note",
        "",
    ],
)
def test_what_is_none_of_ours_is_not_recognised(words: str) -> None:
    assert recognise({"text": words}) is None


@pytest.mark.parametrize(
    ("words", "name", "kinds"),
    [
        ("ferrous sulfate 325 mg (65 mg iron) tablet", "ferrous sulfate 325 mg (65 mg iron) oral tablet", "iron-oral"),
        ("Ferrous Sulphate 200mg tablets", "ferrous sulfate 200 mg oral tablet", "iron-oral"),
        ("Iron 65 mg tablet", "iron 65 mg oral tablet", "iron-oral"),
        ("Feosol", "ferrous sulfate", "iron-oral"),
        ("FeroSul 325 mg tablet", "ferrous sulfate 325 mg oral tablet", "iron-oral"),
        ("ferric carboxymaltose 750 mg/15 mL IV", "ferric carboxymaltose 50 mg/mL intravenous", "iron-iv"),
        ("Venofer", "iron sucrose", "iron-iv"),
        ("INFeD", "iron dextran injection", "iron-iv"),
        ("iron dextran oral tablet", "iron dextran oral tablet", "iron-oral"),
        ("Ferriprox 500 mg tablet", "deferiprone 500 mg oral tablet", "chelator"),
        ("Velphoro", "sucroferric oxyhydroxide", "phosphate-binder"),
        ("sucroferric oxyhydroxide 500 mg chewable", None, "phosphate-binder"),
        ("ferric citrate 210 mg tablet", "ferric citrate 210 mg oral tablet", "iron-binder"),
        ("carbidopa-levodopa 25-100 mg tablet", "carbidopa 25 mg / levodopa 100 mg oral tablet", "levodopa"),
        ("Sinemet 25/100", None, "levodopa"),
        (
            "diphenhydramine-acetaminophen 25-500 mg tablet",
            "diphenhydramine oral tablet",
            "agg-sub agg-sub-antihistamine",
        ),
        ("500 mg ascorbic acid", "ascorbic acid 500 mg", "vitc"),
        ("promethazine 6.25 mg/0 mL syrup", "promethazine liquid", "agg-sub agg-sub-antiemetic"),
        (
            "calcium-vitamin D3 600 mg-400 unit tablet",
            "calcium 600 mg / cholecalciferol 400 IU oral tablet",
            "calcium vitd",
        ),
        ("prochlorperazine maleate 10 mg", "prochlorperazine 10 mg", "agg-sub agg-sub-antiemetic"),
        ("Tylenol PM", "diphenhydramine", "agg-sub agg-sub-antihistamine"),
        ("METOCLOPRAMIDE 20MG ZETPIL", "metoclopramide 20 mg", "agg-sub agg-sub-antiemetic"),
        ("esomeprazole magnesium 20 mg capsule", "esomeprazole 20 mg oral capsule", "ppi"),
        ("Magnesium 400 mg tablet", "magnesium 400 mg oral tablet", "magnesium-oral"),
        ("magnesium sulfate 2 g IV", None, "magnesium-iv"),
        ("magnesium citrate oral solution", "magnesium citrate liquid", "magnesium-oral laxative"),
        ("magnesium citrate 100 mg tablet", "magnesium citrate 100 mg oral tablet", "magnesium-oral"),
        ("Suprep", None, "bowel-preparation magnesium-oral"),
        ("vitamin D3 50,000 unit capsule", "cholecalciferol 50000 IU oral capsule", "vitd"),
        ("folic acid 400 mcg tablet", "folic acid 0.4 mg oral tablet", "folate"),
        ("L-methylfolate 15 mg", "levomefolate 15 mg", "folate"),
        ("pramipexol 0,125 mg", "pramipexole 0.125 mg", "da"),
        ("rotigotine 3 mg/24 hr transdermal patch", "rotigotine 3 mg patch", "da"),
        ("gabapentin enacarbil ER 600 mg tablet", None, "gabapentinoid"),
        ("tetrabenazine 25 mg", "tetrabenazine 25 mg", "vmat2"),
        ("multivitamin with iron 18 mg tablet", None, "iron-oral multi-ingredient"),
        ("multivitamin with minerals tablet: iron 18 mg, vitamin D 400 units", None, "iron-oral multi-ingredient vitd"),
        ("Prenatal vitamin (27 mg Fe)", "multi-ingredient product with iron 27 mg", "iron-oral multi-ingredient"),
        ("norethindrone/EE + ferrous fumarate 75 mg", None, "contraceptive-pack"),
        ("levothyroxine 0.1 mg tablet", "levothyroxine 100 micrograms oral tablet", "levothyroxine"),
        ("calcitriol 0.25 mcg capsule", "calcitriol 0.25 micrograms oral capsule", "vitd-active"),
        (
            "Symbyax 6 mg-25 mg capsule",
            "olanzapine 6 mg / fluoxetine 25 mg oral capsule",
            "agg-psy-antidepressant agg-psy-antipsychotic",
        ),
        (
            "Stalevo 100 25 mg-100 mg-200 mg tablet",
            "levodopa 100 mg / carbidopa 25 mg / entacapone 200 mg oral tablet",
            "levodopa comt-inhibitor",
        ),
        (
            "Fosamax Plus D 70 mg-2800 unit tablet",
            "cholecalciferol 2800 IU / alendronate 70 mg oral tablet",
            "bisphosphonate vitd",
        ),
    ],
)
def test_names_are_read_from_text(words: str, name: str | None, kinds: str) -> None:
    product = recognise({"text": words})
    assert product is not None
    assert product.classes == frozenset(kinds.split())
    assert name is None or product.name == name


@pytest.mark.parametrize(
    ("concept", "ingredients", "kinds"),
    [
        (coded(RXNORM, "24947"), "ferrous sulfate", "iron-oral"),
        (coded(RXNORM, "259346"), "dried ferrous sulfate", "iron-oral"),
        (coded("urn:oid:2.16.840.1.113883.6.88", "310325"), "ferrous sulfate", "iron-oral"),
        (coded(RXNORM, "2552400"), "ferric carboxymaltose", "iron-iv"),
        (coded(HCPCS, "J1439"), "ferric carboxymaltose", "iron-iv"),
        (coded(UNII, "95HR524N2M", "INFeD injection"), "iron dextran", "iron-iv"),
        (coded(ATC, "B03AC", "Venofer 20 mg/mL"), "iron sucrose", "iron-iv"),
        (coded(ATC, "B03AC"), "intravenous iron", "iron-iv"),
        (coded(ATC, "B03AE10"), "iron", "iron-oral"),
        (coded(ATC, "N05AB04"), "prochlorperazine", "agg-sub agg-sub-antiemetic"),
        (coded(ATC, "N05A"), "antipsychotic", "agg-psy-antipsychotic"),
        (coded(ATC, "N05A", "prochlorperazine"), "prochlorperazine", "agg-sub agg-sub-antiemetic"),
        (coded(ATC, "N05AN01"), "lithium", "lithium"),
        (coded(ATC, "J01MA99"), "fluoroquinolone", "quinolone"),
        (coded(RXNORM, "1358763"), "ferrous fumarate", "contraceptive-pack"),
        (coded(ATC, "G03AA05", "ferrous fumarate 75 mg"), "ferrous fumarate", "contraceptive-pack"),
        (coded(RXNORM, "404786"), "carbidopa|entacapone|levodopa", "comt-inhibitor levodopa"),
        (coded(RXNORM, "1649988"), "doxycycline", "tetracycline"),
    ],
)
def test_codes_are_looked_up(concept: dict[str, object], ingredients: str, kinds: str) -> None:
    product = recognise(concept)
    assert product is not None
    assert "|".join(sorted(product.ingredient_names())) == ingredients
    assert product.classes == frozenset(kinds.split())


@pytest.mark.parametrize(
    ("words", "ingredients"),
    [
        ("Insidon 50 mg", "opipramol"),
        ("Truxal 50", "chlorprothixene"),
        ("Valoron N 50/4 mg", "tilidine"),
        ("Tilidin comp. 100/8 mg", "tilidine"),
        ("Tylenol #3", "codeine"),
        ("Tylenol 325 mg tablet", ""),
        ("Restex 100 mg/25 mg Tabletten", "levodopa benserazide"),
        ("Nacom 100", "levodopa carbidopa"),
        ("MCP 10 mg", "metoclopramide"),
        ("MCP-ratiopharm", "metoclopramide"),
        ("MCP joint splint", ""),
        ("Paspertin", "metoclopramide"),
        ("Vomex A", "dimenhydrinate"),
        ("Remergil 15 mg", "mirtazapine"),
        ("Foltx", "folic acid pyridoxine vitamin B12"),
        ("Metanx", "levomefolate pyridoxine mecobalamin"),
        ("Neurobion", "pyridoxine vitamin B12"),
        ("ferrous sulf 325", "ferrous sulfate"),
        ("gatifloxacin 400 mg tablet", "gatifloxacin"),
        ("glucosamine 500 mg tablet", ""),
    ],
)
def test_trade_names_and_members_of_groups_are_told(words: str, ingredients: str) -> None:
    product = recognise({"text": words})
    named = " ".join(sorted(product.ingredient_names())) if product else ""
    assert sorted(named.split()) == sorted(ingredients.split())


@pytest.mark.parametrize(
    ("words", "strengths"),
    [
        ("prenatal vitamin 27 mg iron-0.8 mg folic acid tablet", "folic acid 0.8, iron 27"),
        ("prenatal 27 mg iron- 400 mcg folic acid tablet", "folic acid 0.400, iron 27"),
        ("prenatal vit no.124-iron-folic acid 27 mg iron-800 mcg tablet", "iron 27, folic acid 0.800"),
        ("multivitamin-iron-folic acid 18 mg iron-400 mcg tablet", "iron 18, folic acid 0.400"),
        ("PNV with calcium no.72-iron-FA 27 mg iron-1 mg tablet", "iron 27, folic acid 1"),
        ("prenatal vit-iron fum-folic acid 27 mg iron-1 mg tablet", "folic acid 1, iron 27"),
        ("PNV-iron-FA-DHA 27 mg iron- 1 mg-250 mg capsule", "iron 27, folic acid 1"),
        ("PNV-iron-DHA-FA 27 mg iron-250 mg-1 mg capsule", "iron 27, folic acid None"),
        ("folic acid-multivitamin-iron 27 mg iron-1 mg tablet", "folic acid None, iron 27"),
        ("iron-FA 65 mg-1 mg tablet", "iron 65, folic acid 1"),
        ("multivitamin-iron-folic acid-DHA 27 mg-1 mg-250 mg", "iron None, folic acid None"),
        ("aspirin-caffeine-dihydrocodeine 356.4-30-16 mg capsule", "aspirin None, dihydrocodeine None"),
        ("FA-8 tablet", "folic acid None"),
    ],
)
def test_strengths_that_are_listed_after_the_names_are_read_in_their_order_or_not_at_all(
    words: str, strengths: str
) -> None:
    product = recognise({"text": words})
    assert product is not None
    assert ", ".join(f"{each.ingredient} {each.mg}" for each in product.ingredients) == strengths


@pytest.mark.parametrize(
    "words",
    [
        "prenatal vitamin",
        "Prenatal vitamins",
        "Prenatal multivitamin tablet",
        "prenatal vit no.10",
        "PNV",
        "multivitamin with minerals",
        "Multi Vitamin with Minerals tablet",
        "therapeutic multivitamin-minerals",
        "Multivitamin mit Mineralstoffen",
        "multiple vitamins w/minerals",
    ],
)
def test_vitamins_that_hold_iron_without_naming_it_hold_iron_of_unknown_content(words: str) -> None:
    product = recognise({"text": words})
    assert product is not None
    assert product.name.startswith("multi-ingredient product with iron of unknown content")
    assert product.classes == {"iron-oral", "multi-ingredient"}


@pytest.mark.parametrize(
    "words",
    [
        "multivitamin with minerals 10 mL in NaCl 0.9% 1000 mL IV",
        "multivitamin infusion (MVI-12) with trace minerals",
        "multivitamin with minerals injection",
    ],
)
def test_vitamins_that_are_infused_hold_no_iron_of_unknown_content(words: str) -> None:
    assert recognise({"text": words}) is None
    assert telling_of({"text": words}) is Telling.TOLD
    beside = recognise({"text": f"{words} with folic acid"})
    assert beside and (beside.classes, beside.ingredient_names()) == ({"folate", "multi-ingredient"}, {"folic acid"})


def test_iron_dextran_in_an_oral_multivitamin_is_no_infusion() -> None:
    product = recognise(coded(RXNORM, "1102196"))
    assert product is not None
    assert "iron-iv" not in product.classes
    assert {"iron-oral", "multi-ingredient"} <= product.classes


@pytest.mark.parametrize(
    ("route", "kind"), [("iv", "iron-iv"), ("im", "iron-iv"), ("oral", "iron-oral"), ("", "iron-iv")]
)
def test_the_route_decides_what_iron_dextran_is(route: str, kind: str) -> None:
    product = recognise(coded(RXNORM, "5992"), route_hint=route)
    assert product is not None
    assert product.classes == frozenset({kind})


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("iron dextran", "iron-iv"),
        ("iron dextran 1000 mg", "iron-iv"),
        ("LMW iron dextran", "iron-iv"),
        ("iron dextran 50 mg/mL solution", "iron-iv"),
        ("iron dextran 100 mg in sodium chloride 0.9% 250 mL", "iron-iv"),
        ("Eisendextran", "iron-iv"),
        ("iron dextran capsule", "iron-oral"),
        ("multivitamin with iron dextran", "iron-oral"),
        ("ascorbic acid 100 mg / iron dextran 65 mg / folic acid 1 mg", "iron-oral"),
    ],
)
def test_iron_dextran_of_no_route_is_an_infusion_unless_it_is_part_of_vitamins(words: str, kind: str) -> None:
    product = recognise({"text": words})
    assert product and product.classes & {"iron-iv", "iron-oral"} == {kind}


BY_MOUTH = [name for name, each in ingredients().items() if "iron-oral" in each.classes and name != IRON_UNTOLD]


@pytest.mark.parametrize("name", BY_MOUTH)
def test_every_iron_that_is_injected_is_iron_by_vein(name: str) -> None:
    for words, route in ((f"{name} injection", ""), (f"{name} 100 mg/2 mL vial", ""), (name, "iv"), (name, "im")):
        product = recognise({"text": words}, route_hint=route)
        assert product and product.classes == {"iron-iv"}, words
    for words, route in ((name, ""), (name, "oral"), (f"{name} tablet", "iv"), (f"{name} oral solution vial", "")):
        product = recognise({"text": words}, route_hint=route)
        assert product and product.classes == {"iron-oral"}, words


@pytest.mark.parametrize("code", ["B03AC", "B03AC01", "B03AC02", "B03AC06", "B03AC07", "B03AC99"])
@pytest.mark.parametrize("words", ["", "iron", "iron dextran", "iron polymaltose"])
def test_a_code_of_parenteral_iron_is_of_an_injection(code: str, words: str) -> None:
    product = recognise(coded(ATC, code) | ({"text": words} if words else {}))
    assert product and (product.classes, product.route) == ({"iron-iv"}, "injection")


@pytest.mark.parametrize("words", ["Venofer", "iron dextran", "iron polymaltose injection"])
def test_the_class_of_all_iron_takes_an_infusion_from_its_words(words: str) -> None:
    named, alone = recognise(coded(ATC, "B03A", words)), recognise({"text": words})
    assert named and alone and (named.ingredients, named.classes) == (alone.ingredients, {"iron-iv"})


def test_a_billing_code_is_of_the_infusion() -> None:
    """J1750 names iron dextran as injected, so that its boxed warning stands and its dose is no tablet's."""
    for words in ({}, {"text": "iron dextran"}):
        product = recognise(coded(HCPCS, "J1750") | words)
        assert product is not None
        assert product.classes == frozenset({"iron-iv"})


def test_a_code_from_memory_is_marked_and_a_listed_one_is_not() -> None:
    marked, listed = recognise(coded(HCPCS, "J1756")), recognise(coded(RXNORM, "24909"))
    assert marked is not None
    assert listed is not None
    assert (marked.unverified, listed.unverified) == (True, False)


def test_an_unknown_product_code_falls_back_to_its_display() -> None:
    concept = {"coding": [{"system": RXNORM, "code": "99999999", "display": "pramipexole 0.5 MG Oral Tablet"}]}
    product = recognise(concept)
    assert product is not None
    assert product.name == "pramipexole 0.5 mg oral tablet"


def test_a_site_code_is_mapped_to_rxnorm() -> None:
    concept = {"coding": [{"system": "urn:oid:1.2.3", "code": "FE325"}]}
    assert recognise(concept) is None
    product = recognise(concept, site_codes={("urn:oid:1.2.3", "FE325"): "310325"})
    assert product is not None
    assert product.name == "ferrous sulfate 325 mg oral tablet"


def amounts(said: str) -> dict[str, tuple[str, str]]:
    """Return mg and IU of each ingredient that words name."""
    return {each.ingredient: (str(each.mg), str(each.international_units)) for each in amounts_named(said)}


@pytest.mark.parametrize(
    ("said", "name", "strength"),
    [
        ("Adcal-D3 1500mg/400unit chewable tablets", "cholecalciferol", ("None", "400")),
        ("CALCIUM CARBONATE-VITAMIN D3 315-250 MG-UNIT TABS", "cholecalciferol", ("None", "None")),
        ("Calcium carbonate 600 mg / cholecalciferol 400 IU", "cholecalciferol", ("None", "400")),
        ("Calcium carbonate 600 mg / cholecalciferol 400 IU", "calcium carbonate", ("600", "None")),
        ("VITAMIN D2 1,250 mcg (50,000 unit) capsule", "ergocalciferol", ("None", "50000")),
        ("Colecalciferol 20.000 IU Kapseln", "cholecalciferol", ("None", "20000")),
        ("vitamin D 50,000 units", "vitamin D", ("None", "50000")),
        ("ergocalciferol 1.25 MG Oral Capsule", "ergocalciferol", ("1.25", "None")),
        ("High Potency Iron 325 mg (65 mg iron)", "iron", ("65", "None")),
        ("Slow Release Iron 142 mg (45 mg iron)", "iron", ("45", "None")),
        ("iron 65 mg tablet", "iron", ("65", "None")),
    ],
)
def test_a_strength_is_that_of_the_ingredient_and_not_of_what_stands_beside(
    said: str, name: str, strength: tuple[str, str]
) -> None:
    assert amounts(said)[name] == strength


@pytest.mark.parametrize(
    ("words", "route", "form"),
    [
        ("gabapentine 800 mg gel", "", "capsule"),
        ("lyrica 75 mg gelule", "", "capsule"),
        ("gabapentin 300 mg gel cap", "oral", "capsule"),
        ("diclofenac 1 % gel", "topical", ""),
        ("gabapentin 6% gel", "topical", ""),
        ("metoclopramide 10 mg/g gel", "topical", ""),
        ("promethazine gel 25 mg", "topical", ""),
    ],
)
def test_gel_behind_a_strength_is_a_capsule_in_french(words: str, route: str, form: str) -> None:
    assert (route_named(words), form_named(words)) == (route, form)


def test_four_active_ingredients_make_a_multi_ingredient_product() -> None:
    three = recognise({"text": "Ascorbic Acid 60 MG / Ferrous fumarate 200 MG / Vitamin B 12 0.005 MG Oral Capsule"})
    four = recognise(
        {"text": "Ascorbic Acid 60 MG / Ferrous fumarate 29 MG / Folic Acid 1 MG / Vitamin B 12 0.01 MG Oral Capsule"}
    )
    assert three is not None
    assert four is not None
    assert "multi-ingredient" not in three.classes
    assert "multi-ingredient" in four.classes
    assert four.name.startswith("multi-ingredient product with ferrous fumarate 29 mg")


@pytest.mark.parametrize(
    "concept", [None, {}, {"coding": [{}]}, {"coding": {}}, {"coding": None, "text": 7}, [], "", 3]
)
def test_nothing_chosen_is_nothing(concept: object) -> None:
    assert recognise(concept) is None


def test_no_word_of_the_request_is_in_the_name() -> None:
    product = recognise({"text": "ferrous sulfate 325 mg <script>JOHN DOE</script> tablet"})
    assert product is not None
    assert product.name == "ferrous sulfate 325 mg oral tablet"
